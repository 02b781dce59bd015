//! Guests that never return, from every function that the host calls.

use pricing_core::quote::ReasonCode;

use super::Attack;
use crate::guest::{Guest, answers, text_answer, text_data};

/// Runs forever; the code after it is never reached.
pub const SPIN: &str = "(loop $spin (br $spin)) unreachable";

/// Runs forever through calls, without a loop instruction.
const SPIN_BY_CALLS: &str = "(loop $spin (call $nothing) (br_if $spin (i32.const 1))) unreachable";

/// A component that runs a body in one of its entry points, and prices normally in the others.
fn at(entry: &str, fields: &str, body: &str) -> Vec<u8> {
    let price = text_answer(0, 3);
    let good = format!("{}{fields}", text_data("1.5"));
    let with = |more: &str| format!("{good}{more}");
    match entry {
        "start function" => {
            Guest { price: &price, fields: &with(&format!("(func $begin {body}) (start $begin)")), ..Guest::default() }
                .component()
        }
        "_initialize" => {
            let fields = with(&format!(r#"(func (export "_initialize") {body})"#));
            Guest { price: &price, fields: &fields, ..Guest::default() }.component()
        }
        "cabi_realloc" => Guest { price: &price, fields: &good, realloc: body, ..Guest::default() }.component(),
        "post-return" => Guest { price: &price, fields: &good, post_return: body, ..Guest::default() }.component(),
        _ => Guest { price: body, fields: &good, ..Guest::default() }.component(),
    }
}

/// The functions of a component that the host calls.
const ENTRIES: [&str; 5] = ["start function", "_initialize", "cabi_realloc", "post-return", "price"];

/// Endless loops in every entry point, ended by fuel and by the clock.
#[must_use]
pub fn loops() -> Vec<Attack> {
    let mut attacks = Vec::new();
    for entry in ENTRIES {
        for (how, fields, body) in
            [("endless loop", "", SPIN), ("endless loop of calls", "(func $nothing)", SPIN_BY_CALLS)]
        {
            let file = at(entry, fields, body);
            let attack = Attack::new(format!("{how} in {entry}"), file, ReasonCode::BudgetExhausted);
            attacks.push(attack.by_clock());
            attacks.push(attack);
        }
    }
    attacks
}

/// Calls itself until the stack overflows; the addition prevents a tail call.
const DEEP: &str = "(func $deep (param i32) (result i32)
  (i32.add (i32.const 1) (call $deep (i32.add (local.get 0) (i32.const 1)))))";
/// The same through a table.
const DEEP_INDIRECT: &str = "(type $step (func (param i32) (result i32)))
  (table 1 funcref) (elem (i32.const 0) $deep)
  (func $deep (type $step)
    (i32.add (i32.const 1) (call_indirect (type $step) (local.get 0) (i32.const 0))))";
/// Two functions that call each other.
const DEEP_MUTUAL: &str = "(func $deep (param i32) (result i32)
    (i32.add (i32.const 1) (call $other (local.get 0))))
  (func $other (param i32) (result i32) (i32.add (i32.const 2) (call $deep (local.get 0))))";

/// A function with large frames: many values that are read from memory before the call are needed after it.
fn deep_and_wide() -> String {
    let locals = "i64 ".repeat(2_000);
    let set: String = (1..=2_000).map(|n| format!("(local.set {n} (i64.load (i32.const {})))", n * 8)).collect();
    let add: String = (1..=2_000).map(|n| format!("(local.get {n}) i64.add ")).collect();
    format!(
        "(func $deep (param i32) (result i32) (local {locals}) {set}
           (i64.extend_i32_u (call $deep (i32.add (local.get 0) (i32.const 1)))) {add} i32.wrap_i64)"
    )
}

/// Infinite recursion in every entry point.
#[must_use]
pub fn recursions() -> Vec<Attack> {
    let wide = deep_and_wide();
    let kinds = [("direct", DEEP), ("indirect", DEEP_INDIRECT), ("mutual", DEEP_MUTUAL), ("with large frames", &wide)];
    let body = "(drop (call $deep (i32.const 0))) unreachable";
    let mut attacks = Vec::new();
    for entry in ENTRIES {
        for (how, fields) in kinds {
            let name = format!("recursion {how} in {entry}");
            attacks.push(Attack::new(name, at(entry, fields, body), ReasonCode::StackExhausted));
        }
    }
    attacks
}

/// Crashes in every entry point.
#[must_use]
pub fn crashes() -> Vec<Attack> {
    let crash = |entry: &&str| Attack::new(format!("crash in {entry}"), at(entry, "", "unreachable"), ReasonCode::Trap);
    ENTRIES.iter().map(crash).collect()
}

/// A component that spins in `price`.
#[must_use]
pub fn spinner() -> Vec<u8> {
    at("price", "", SPIN)
}

/// A component that prices normally.
#[must_use]
pub fn good() -> Vec<u8> {
    answers(0, "1.5")
}
