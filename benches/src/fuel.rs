//! How long the default fuel lasts, by what it is burned on.

#![expect(clippy::expect_used, clippy::print_stdout, reason = "a benchmark without its input must stop, and reports")]

use std::time::Duration;

use pricing_core::quote::ReasonCode;
use pricing_host::compile::Compiler;
use pricing_host::{BreakerSettings, CallLimits, HostSettings, PluginHost, PluginSettings};
use testkit::guest::{Guest, LOG_IMPORT, text_answer, text_data};

use crate::plugins::Case;

/// How often a loop repeats its operators before it goes around.
const REPEATS: usize = 50;
/// How often each loop is timed.
const ROUNDS: usize = 7;

/// What the loops below need: a table, a few functions, a segment.
const FIELDS: &str = r#"
  (table $t 64 funcref) (elem declare func $nothing) (global $g (mut i64) (i64.const 3))
  (data $d "abcdefgh") (elem $e func $nothing) (elem (i32.const 0) func $nothing $nothing)
  (type $f (func)) (func $nothing)"#;

/// Operators that are nested: each takes the result of the one before.
struct Nested {
    name: &'static str,
    /// Where the loop begins and ends: a local or constant of the operators' type.
    seed: &'static str,
    /// Before the operand, and behind it.
    operator: (&'static str, &'static str),
    end: &'static str,
}

const fn nested(
    name: &'static str,
    seed: &'static str,
    operator: (&'static str, &'static str),
    end: &'static str,
) -> Nested {
    Nested { name, seed, operator, end }
}

const NESTED: [Nested; 14] = [
    nested("i32.load, nested", "(i32.const 1024)", ("(i32.load ", ")"), "drop"),
    nested("i64.mul", "(i64.const 3)", ("(i64.mul (i64.const 77) ", ")"), "global.set $g"),
    nested("i64.div_s", "(global.get $g)", ("(i64.div_s ", "(i64.const -1))"), "global.set $g"),
    nested("i64.div_u", "(global.get $g)", ("(i64.div_u (i64.const -3) (i64.or (i64.const 1) ", "))"), "global.set $g"),
    nested("i64.rem_s", "(global.get $g)", ("(i64.rem_s (i64.const -3) (i64.or (i64.const 1) ", "))"), "global.set $g"),
    nested("f64.sqrt", "(f64.const 1e300)", ("(f64.sqrt ", ")"), "drop"),
    nested("f64.div", "(f64.const 1e300)", ("(f64.div ", "(f64.const 1.1))"), "drop"),
    nested("f64.nearest", "(f64.const 1e300)", ("(f64.nearest ", ")"), "drop"),
    nested("f64x2.sqrt", "(v128.const f64x2 1e300 2)", ("(f64x2.sqrt ", ")"), "drop"),
    nested("f32x4.div", "(v128.const f32x4 1e30 2 3 4)", ("(f32x4.div ", "(v128.const f32x4 2 2 2 2))"), "drop"),
    nested("i64x2.mul", "(v128.const i64x2 3 4)", ("(i64x2.mul ", "(v128.const i64x2 3 4))"), "drop"),
    nested("i8x16.popcnt", "(v128.const i64x2 3 4)", ("(i8x16.popcnt ", ")"), "drop"),
    nested("f64x2.min", "(v128.const f64x2 3 4)", ("(f64x2.min ", "(v128.const f64x2 3 5))"), "drop"),
    nested("i8x16.shl", "(v128.const i64x2 3 4)", ("(i8x16.shl ", "(global.get $g) (i32.wrap_i64))"), "drop"),
];

/// Operators that stand one after the other.
const PLAIN: [(&str, &str); 22] = [
    ("i32.store", "(i32.store (i32.const 1024) (i32.const 1))"),
    ("i32.load", "(drop (i32.load (i32.const 1024)))"),
    ("global.set", "(global.set $g (i64.const 1))"),
    ("call", "(call $nothing)"),
    ("call_indirect", "(call_indirect (type $f) (i32.const 0))"),
    ("br_table", "(block (block (block (br_table 0 1 2 0 (i32.wrap_i64 (global.get $g))))))"),
    ("table.get", "(drop (table.get $t (i32.const 1)))"),
    ("table.set", "(table.set $t (i32.const 2) (ref.null func))"),
    ("ref.func", "(drop (ref.func $nothing))"),
    ("memory.size", "(drop (memory.size))"),
    ("memory.grow 0", "(drop (memory.grow (i32.const 0)))"),
    ("table.grow 0", "(drop (table.grow $t (ref.null func) (i32.const 0)))"),
    ("memory.fill 0", "(memory.fill (i32.const 0) (i32.const 0) (i32.const 0))"),
    ("memory.copy 0", "(memory.copy (i32.const 0) (i32.const 0) (i32.const 0))"),
    ("memory.init 0", "(memory.init $d (i32.const 0) (i32.const 0) (i32.const 0))"),
    ("memory.fill 1 KiB", "(memory.fill (i32.const 4096) (i32.const 0) (i32.const 1024))"),
    ("table.fill 0", "(table.fill $t (i32.const 0) (ref.null func) (i32.const 0))"),
    ("table.fill 32", "(table.fill $t (i32.const 0) (ref.null func) (i32.const 32))"),
    ("table.copy 0", "(table.copy $t $t (i32.const 0) (i32.const 0) (i32.const 0))"),
    ("table.init 0", "(table.init $t $e (i32.const 0) (i32.const 0) (i32.const 0))"),
    ("data.drop", "(data.drop $d)"),
    ("elem.drop", "(elem.drop $e)"),
];

/// Fills 16 MiB with addresses, one a line of the cache, far apart; then follows them.
const CHASE: &str = r"
    (drop (memory.grow (i32.const 254)))
    (loop $write
      (i32.store
        (i32.add (i32.const 131072) (i32.shl (local.get 1) (i32.const 6)))
        (i32.add (i32.const 131072)
          (i32.shl (i32.and (i32.add (i32.mul (local.get 1) (i32.const 100005)) (i32.const 77777)) (i32.const 131071)) (i32.const 6))))
      (local.set 1 (i32.add (local.get 1) (i32.const 1)))
      (br_if $write (i32.lt_u (local.get 1) (i32.const 131072))))
    (local.set 1 (i32.const 131072))";

/// The loops: name, locals and what runs before, body.
fn loops() -> Vec<(String, String, String)> {
    let mut loops = vec![("br".to_owned(), String::new(), String::new())];
    for Nested { name, seed, operator: (before, behind), end } in NESTED {
        let body = format!("{}{seed}{} {end}", before.repeat(REPEATS), behind.repeat(REPEATS));
        loops.push((name.to_owned(), String::new(), body));
    }
    loops.extend(PLAIN.map(|(name, body)| (name.to_owned(), String::new(), body.repeat(REPEATS))));
    loops.push(("log".to_owned(), String::new(), "(call $log (i32.const 1) (i32.const 64) (i32.const 3))".to_owned()));
    let follow = format!("(local.set 1 {}(local.get 1){})", "(i32.load ".repeat(REPEATS), ")".repeat(REPEATS));
    loops.push(("following 8 MiB of addresses".to_owned(), format!("(local i32) {CHASE}"), follow));
    loops
}

/// Prints how long the default fuel lasts in each loop, the longest first.
///
/// # Panics
/// When a loop ends by anything but its fuel.
pub fn report(case: &Case) {
    let fuel = CallLimits::default().fuel;
    println!("how long {fuel} units of fuel last, the least of {ROUNDS} rounds:");
    let mut lasting: Vec<(Duration, String)> =
        loops().into_iter().map(|(name, before, body)| (lasts(case, &before, &body), name)).collect();
    lasting.sort();
    for (time, name) in lasting.iter().rev() {
        println!("  {name:<30} {:>7.1} ms", time.as_secs_f64() * 1e3);
    }
}

/// The least time in which a loop burns the default fuel.
fn lasts(case: &Case, before: &str, body: &str) -> Duration {
    let fields = format!("{FIELDS} {}", text_data("1.5"));
    let price = format!("{before} (loop $again {body} (br $again)) {}", text_answer(0, 3));
    let guest = Guest { imports: LOG_IMPORT, fields: &fields, price: &price, ..Guest::default() }.component();
    let mut settings =
        PluginSettings { breaker: BreakerSettings { faults: 0, rest: Duration::ZERO }, ..PluginSettings::default() };
    settings.limits.deadline = Duration::from_secs(20);
    let host = PluginHost::new(HostSettings::new(Compiler::InProcess));
    let plugin = host.load("loop", &guest, settings).expect("a guest");
    let round = |_| {
        let called = plugin.call(&case.request());
        let code = called.result.as_ref().err().map(|fault| fault.code);
        assert_eq!(code, Some(ReasonCode::BudgetExhausted), "{body}: {called:?}");
        called.usage.time
    };
    (0..ROUNDS).map(round).min().unwrap_or_default()
}
