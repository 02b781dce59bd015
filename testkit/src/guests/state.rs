//! Guests whose answers differ if any state survives from call to call.

use crate::guest::{Guest, text_answer, text_data};

/// The answer of a guest that finds no traces.
pub const CLEAN: &str = "1.5";
/// The digit that replaces the first one if it finds any.
const STAINED: u8 = b'2';

/// The number of pages at the default limit.
const PAGES: u32 = 256;

/// Leaves traces everywhere (`$stain`), and looks for them (`$stained`).
const SMUGGLER: &str = r#"
  (global $count (mut i32) (i32.const 0))
  (table $table 2 100 funcref)
  (elem $passive func $realloc)
  (data $once "once")
  (global $begun (mut i32) (i32.const 0))
  (func $begin (global.set $begun (i32.add (global.get $begun) (i32.const 1))))
  (start $begin)
  (func $stained (result i32)
    (i32.ne (global.get $count) (i32.const 0))
    (i32.ne (global.get $begun) (i32.const 1)) i32.or
    (i32.ne (i32.load (i32.const 60000)) (i32.const 0)) i32.or
    (i32.ne (memory.size) (i32.const 4)) i32.or
    (i32.eqz (ref.is_null (table.get $table (i32.const 1)))) i32.or
    (i32.ne (table.size $table) (i32.const 2)) i32.or)
  (func $stain
    (global.set $count (i32.const 7))
    (i32.store (i32.const 60000) (i32.const 7))
    (memory.init $once (i32.const 59000) (i32.const 0) (i32.const 4))
    (data.drop $once)
    (table.init $table $passive (i32.const 1) (i32.const 0) (i32.const 1))
    (elem.drop $passive)
    (drop (table.grow $table (ref.func $realloc) (i32.const 50)))
    (drop (memory.grow (i32.const 3)))
    (memory.fill (i32.const 262144) (i32.const 170) (i32.const 196608)))"#;

/// The end of a `price` that answers according to the value on the stack.
fn tell() -> String {
    format!("(if (then (i32.store8 (i32.const 64) (i32.const {STAINED})))) {}", text_answer(0, CLEAN.len()))
}

fn smuggling(price: &str) -> Vec<u8> {
    let fields = format!("{}{SMUGGLER}", text_data(CLEAN));
    Guest { price, fields: &fields, memory: "4", ..Guest::default() }.component()
}

/// A guest that first looks for traces, reports them, and leaves traces everywhere.
///
/// With `crash`, it traps after leaving them.
#[must_use]
pub fn smuggler(crash: bool) -> Vec<u8> {
    let end = if crash { "drop unreachable".to_owned() } else { tell() };
    smuggling(&format!("(call $stained) (call $stain) {end}"))
}

/// A guest that finds its own traces, to show that they can be found.
#[must_use]
pub fn smuggler_caught() -> Vec<u8> {
    smuggling(&format!("(call $stain) (call $stained) {}", tell()))
}

/// A guest that fills all the memory and tables that it may have, for the next one to find.
#[must_use]
pub fn stainer(crash: bool) -> Vec<u8> {
    let end = if crash { "unreachable".to_owned() } else { text_answer(0, CLEAN.len()) };
    let fields = format!("{}(table $table 20000 funcref)(elem declare func $realloc)", text_data(CLEAN));
    let price = format!(
        "(drop (memory.grow (i32.const {})))
         (memory.fill (i32.const 1024) (i32.const 170) (i32.const {}))
         (table.fill $table (i32.const 0) (ref.func $realloc) (i32.const 20000)) {end}",
        PAGES - 2,
        (PAGES << 16) - 1024
    );
    Guest { price: &price, fields: &fields, ..Guest::default() }.component()
}

/// A guest that searches all the memory and tables that it may have for what another guest left. It does something else
/// first.
///
/// Its answer and the request are below 1024 and between 65536 and 131072, where it does not search.
#[must_use]
pub fn scavenger(first: &str) -> Vec<u8> {
    let end = PAGES << 16;
    let fields = format!(
        "{}(table $table 20000 funcref)(elem declare func $realloc)
        (func $finds (param $at i32) (param $end i32) (result i32)
          (loop $more
            (if (i64.ne (i64.load (local.get $at)) (i64.const 0)) (then (return (i32.const 1))))
            (br_if $more (i32.lt_u
              (local.tee $at (i32.add (local.get $at) (i32.const 512))) (local.get $end))))
          (i32.const 0))
        (func $finds_element (param $at i32) (result i32)
          (loop $more
            (if (i32.eqz (ref.is_null (table.get $table (local.get $at)))) (then (return (i32.const 1))))
            (br_if $more (i32.lt_u
              (local.tee $at (i32.add (local.get $at) (i32.const 1))) (i32.const 20000))))
          (i32.const 0))",
        text_data(CLEAN)
    );
    let price = format!(
        "(drop (memory.grow (i32.const {}))) {first}
         (call $finds (i32.const 1024) (i32.const 65536))
         (call $finds (i32.const 131072) (i32.const {end})) i32.or
         (call $finds_element (i32.const 0)) i32.or {}",
        PAGES - 2,
        tell()
    );
    Guest { price: &price, fields: &fields, ..Guest::default() }.component()
}

/// Guests that search for what they left themselves, to show that it can be found.
#[must_use]
pub fn scavengers_caught() -> Vec<Vec<u8>> {
    let stains = [
        "(i32.store (i32.const 2048) (i32.const 1))",
        "(i32.store (i32.const 8388608) (i32.const 1))",
        "(table.set $table (i32.const 19999) (ref.func $realloc))",
    ];
    stains.iter().map(|stain| scavenger(stain)).collect()
}
