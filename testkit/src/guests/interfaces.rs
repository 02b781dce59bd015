//! Components and modules with other imports and exports than a plugin's.

use pricing_core::quote::ReasonCode;

use super::Attack;

/// Files that are not plugins of this host.
#[must_use]
pub fn attacks() -> Vec<Attack> {
    let rejected = |name: &str, text: &str| Attack::new(name, text.as_bytes().to_vec(), ReasonCode::LoadRejected);
    let price_of = |version: &str, name: &str| {
        format!(
            r#"(component
              (core module $m (func (export "f") (result i32) i32.const 1))
              (core instance $i (instantiate $m))
              (func $f (result u32) (canon lift (core func $i "f")))
              (instance $p (export "{name}" (func $f)))
              (export "bidprice:plugin/pricer@{version}" (instance $p)))"#
        )
    };
    vec![
        rejected("an empty component", "(component)"),
        rejected("an empty module", "(module)"),
        rejected("a module with another start", r#"(module (memory (export "memory") 1) (func (export "main")))"#),
        rejected("a `price` of another type", &price_of("0.1.0", "price")),
        rejected("a pricer without `price`", &price_of("0.1.0", "cost")),
        rejected("a pricer of another version", &price_of("9.0.0", "price")),
        rejected("a component that wants files", &importing("wasi:filesystem/types@0.2.0")),
        rejected("a component that wants the network", &importing("wasi:sockets/tcp@0.2.0")),
        rejected("a component that wants a clock", &importing("wasi:clocks/monotonic-clock@0.2.0")),
        rejected("a component that wants a log of another version", &importing("bidprice:plugin/log@9.0.0")),
        rejected(
            "a command that wants what is not there",
            r#"(module (import "env" "system" (func (param i32) (result i32)))
                 (memory (export "memory") 1) (func (export "_start")))"#,
        ),
        rejected(
            "a command that wants a function of another type",
            r#"(module (import "wasi_snapshot_preview1" "fd_write" (func (param f64)))
                 (memory (export "memory") 1) (func (export "_start")))"#,
        ),
        rejected(
            "a command whose `_start` takes a number",
            r#"(module (memory (export "memory") 1) (func (export "_start") (param i32)))"#,
        ),
        rejected(
            "a command whose `_start` is a memory",
            r#"(module (memory (export "memory") 1) (memory (export "_start") 1))"#,
        ),
        rejected("text that is cut off", "(module (func"),
        rejected("text that is something else", "#!/bin/sh\necho 1\n"),
        rejected("nothing", ""),
        rejected("a header alone", "\0asm\u{1}\0\0"),
    ]
}

fn importing(instance: &str) -> String {
    format!(r#"(component (import "{instance}" (instance (export "f" (func)))))"#)
}
