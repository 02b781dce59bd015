//! Guests that would answer otherwise if anything were kept from call to call.

use crate::guest::{Guest, text_answer, text_data};

/// What a guest that finds no traces answers.
pub const CLEAN: &str = "1.5";
/// What a guest that finds any puts before the point instead.
const STAINED: u8 = b'2';

/// Pages at the default cap.
const PAGES: u32 = 256;

/// A guest that leaves traces everywhere, looks for them first, and tells.
///
/// With `crash` it ends in a trap after it left them.
#[must_use]
pub fn smuggler(crash: bool) -> Vec<u8> {
    let fields = format!(
        r#"{}
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
          (memory.fill (i32.const 262144) (i32.const 170) (i32.const 196608)))"#,
        text_data(CLEAN)
    );
    let end = if crash { "unreachable".to_owned() } else { text_answer(0, CLEAN.len()) };
    let price =
        format!("(if (call $stained) (then (i32.store8 (i32.const 64) (i32.const {STAINED})))) (call $stain) {end}");
    Guest { price: &price, fields: &fields, memory: "4", ..Guest::default() }.component()
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

/// A guest that searches all the memory and tables that it may have for what another left.
///
/// The request is allocated between 65536 and 131072, where it does not look.
#[must_use]
pub fn scavenger() -> Vec<u8> {
    let fields = format!(
        "{}(table $table 20000 funcref)
        (func $search (result i32) (local $at i32)
          (local.set $at (i32.const 131072))
          (loop $more
            (if (i64.ne (i64.load (local.get $at)) (i64.const 0)) (then (return (i32.const 1))))
            (br_if $more (i32.lt_u
              (local.tee $at (i32.add (local.get $at) (i32.const 512))) (i32.const {})))) 
          (local.set $at (i32.const 0))
          (loop $more
            (if (i32.eqz (ref.is_null (table.get $table (local.get $at)))) (then (return (i32.const 1))))
            (br_if $more (i32.lt_u
              (local.tee $at (i32.add (local.get $at) (i32.const 1))) (i32.const 20000))))
          (i32.const 0))",
        text_data(CLEAN),
        PAGES << 16
    );
    let price = format!(
        "(drop (memory.grow (i32.const {})))
         (if (call $search) (then (i32.store8 (i32.const 64) (i32.const {})))) {}",
        PAGES - 2,
        STAINED,
        text_answer(0, CLEAN.len())
    );
    Guest { price: &price, fields: &fields, ..Guest::default() }.component()
}
