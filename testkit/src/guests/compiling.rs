//! Files that are made to keep a compiler busy.

use pricing_core::quote::ReasonCode;

use super::Attack;

/// A command's binary, with functions before its `_start`.
fn binary(functions: &str) -> Vec<u8> {
    let text = format!(r#"(module (memory (export "memory") 1) {functions} (func (export "_start")))"#);
    wat::parse_str(text).expect("a module in text")
}

/// Functions of many branches, which take a compiler longer than their size would tell.
fn branchy(functions: usize, statements: usize) -> Vec<u8> {
    let body = "(if (i32.eqz (local.get 0)) (then (local.set 1 (i32.add (local.get 1) (local.get 0)))))";
    let function = format!("(func (param i32 i32) {})", body.repeat(statements));
    binary(&function.repeat(functions))
}

/// Many functions that are each within the limits, and together far too slow to compile.
#[must_use]
pub fn slow() -> Vec<u8> {
    branchy(70, 4_000)
}

/// Files that are refused for what they are, before they are compiled.
#[must_use]
pub fn attacks() -> Vec<Attack> {
    let rejected = |name, file| Attack::new(name, file, ReasonCode::LoadRejected);
    let nested = |depth: usize| binary(&format!("(func {}{})", "block ".repeat(depth), "end ".repeat(depth)));
    let locals = format!("(func (local {}))", "i64 ".repeat(60_000));
    vec![
        rejected("one function of 110,000 branches", branchy(1, 110_000)),
        rejected("200,000 functions", binary(&"(func)".repeat(200_000))),
        rejected("30,000 blocks within blocks", nested(30_000)),
        rejected("5,000 blocks within blocks", nested(5_000)),
        rejected("60,000 locals", binary(&locals)),
        rejected("5 MiB of text", vec![b' '; 5 << 20]),
        rejected("5 MiB of zeros", vec![0; 5 << 20]),
    ]
}
