//! WASI commands: what they are told, and what becomes of what they print.

use crate::common;

use crate::common::{load, order, outcome, quote};
use pricing_core::quote::{Quote, QuoteRequest, Supply, Terms};
use pricing_core::rates::Pricing;
use pricing_core::text::Untrusted;
use pricing_host::Plugin;

const PRICER: &[u8] = include_bytes!("../guests/pricer.wasm");

/// Quotes the order for an owner.
fn quote_for(plugin: &Plugin, owner: &str) -> Quote {
    let terms = Terms { owner: Some(Untrusted::new(owner)), ..Terms::default() };
    plugin.quote(&QuoteRequest::new(&order(), &Pricing::default(), Supply::Unknown, &terms))
}

/// A command that does this, with what it imports and a memory of a page that starts with a text.
fn command(text: &str, body: &str) -> String {
    format!(
        r#"(module
            (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
            (memory (export "memory") 1)
            (data (i32.const 0) "{text}")
            (func $print (param $descriptor i32) (param $from i32) (param $length i32)
                (i32.store (i32.const 60000) (local.get $from))
                (i32.store (i32.const 60004) (local.get $length))
                (drop (call $write (local.get $descriptor) (i32.const 60000) (i32.const 1) (i32.const 60008))))
            (func (export "_start") {body}))"#
    )
}

#[test]
fn a_c_program_prices_by_its_request_and_its_owner() {
    let plugin = load(PRICER);
    let [first, second] = [(); 2].map(|()| quote_for(&plugin, "akash1owner"));
    assert_eq!(outcome(&first), "2 uact");
    let fuel = |quote: &Quote| quote.plugin.as_ref().and_then(|plugin| plugin.fuel);
    assert!(fuel(&first).is_some_and(|fuel| fuel > 0));
    assert_eq!(fuel(&first), fuel(&second));
    assert_eq!(outcome(&quote(&plugin)), "plugin-declined: who are you?");
}

#[test]
fn a_command_is_sent_the_order_as_it_came() {
    // Its reason is the request.
    let body = "(i32.store (i32.const 60000) (i32.const 0)) (i32.store (i32.const 60004) (i32.const 50000))
        (drop (call $read (i32.const 0) (i32.const 60000) (i32.const 1) (i32.const 60008)))
        (call $print (i32.const 2) (i32.const 0) (i32.load (i32.const 60008)))
        (call $exit (i32.const 1))";
    let plugin = load(command("", body).as_bytes());
    let sent = common::ORDER.replace(r#""gpu":{"units":0}"#, r#""gpu":{"units":0,"attributes":{}}"#);
    assert_eq!(outcome(&quote(&plugin)), format!("plugin-declined: {sent}"));
}

#[test]
fn exit_codes_and_streams_become_outcomes() {
    let print = |descriptor: u32, length: u32| {
        format!("(call $print (i32.const {descriptor}) (i32.const 0) (i32.const {length}))")
    };
    let cases = [
        ("0.25\\n", print(1, 5), "0.25 uact"),
        ("0.25\\n", print(1, 5) + "(call $exit (i32.const 0))", "0.25 uact"),
        ("0.25\\n", print(1, 5) + "(call $exit (i32.const 3))", "plugin-declined: the plugin ended with exit code 3"),
        ("no miners", print(2, 9) + "(call $exit (i32.const 1))", "plugin-declined: no miners"),
        ("", String::new(), "invalid-output: "),
        ("0", print(1, 1), "invalid-output: "),
        ("1\\n2", print(1, 3), "invalid-output: "),
        ("\\ff", print(1, 1), "invalid-output: "),
        ("", format!("(loop {} (br 0))", print(1, 60_000)), "output-exceeded: "),
        ("", format!("(loop {} (br 0))", print(2, 60_000)), "budget-exhausted: "),
        ("on fire", print(2, 7) + "unreachable", "trap: the plugin crashed, saying: on fire"),
    ];
    for (text, body, wanted) in cases {
        let outcome = outcome(&quote(&load(command(text, &body).as_bytes())));
        assert!(outcome.starts_with(wanted), "{body}: {outcome}");
    }
}
