//! Measures how long the default fuel lasts, by operator.

#![expect(clippy::expect_used, clippy::print_stdout, reason = "a benchmark without its input must stop, and reports")]

use std::time::Duration;

use pricing_core::quote::ReasonCode;
use pricing_host::compile::Compiler;
use pricing_host::{BreakerSettings, CallLimits, HostSettings, PluginHost, PluginSettings};
use testkit::guest::{Guest, LOG_IMPORT, text_answer, text_data};

use crate::plugins::Case;
use crate::stats::cpu_time;

/// How many operators a loop has per iteration.
const REPEATS: usize = 50;
/// How often each loop is timed.
const ROUNDS: usize = 3;

/// What the loops below need: a table, a few functions, segments, and globals that keep results alive.
const FIELDS: &str = r#"
  (table $t 64 funcref) (elem declare func $nothing)
  (global $i (mut i64) (i64.const 3)) (global $f (mut f64) (f64.const 1e300))
  (global $v (mut v128) (v128.const i64x2 3 4)) (global $zero (mut i32) (i32.const 0))
  (data $d "abcdefgh") (elem $e func $nothing) (elem (i32.const 0) func $nothing $nothing)
  (type $f (func)) (func $nothing)"#;

/// Operators that are nested, each with the result of the previous one as its operand: the name, the global that is
/// read first and written last, and the text before and after the operand.
const NESTED: [(&str, &str, &str, &str); 15] = [
    ("i64.mul", "$i", "(i64.mul (i64.const 77) ", ")"),
    ("i64.popcnt", "$i", "(i64.popcnt ", ")"),
    ("i64.div_s", "$i", "(i64.div_s ", "(i64.const 7))"),
    ("i64.div_u by a variable", "$i", "(i64.div_u (i64.const -3) (i64.or (i64.const 1) ", "))"),
    ("i64.rem_s by a variable", "$i", "(i64.rem_s (i64.const -3) (i64.or (i64.const 1) ", "))"),
    ("i64.trunc_sat_f64_u", "$i", "(i64.trunc_sat_f64_u (f64.convert_i64_u ", "))"),
    ("f64.sqrt", "$f", "(f64.sqrt ", ")"),
    ("f64.div", "$f", "(f64.div ", "(f64.const 1.1))"),
    ("f64.nearest", "$f", "(f64.nearest ", ")"),
    ("f64x2.sqrt", "$v", "(f64x2.sqrt ", ")"),
    ("f32x4.div", "$v", "(f32x4.div ", "(v128.const f32x4 2 2 2 2))"),
    ("i64x2.mul", "$v", "(i64x2.mul ", "(v128.const i64x2 3 4))"),
    ("i8x16.popcnt", "$v", "(i8x16.popcnt ", ")"),
    ("f64x2.min", "$v", "(f64x2.min ", "(v128.const f64x2 3 5))"),
    ("i8x16.shl", "$v", "(i8x16.shl ", "(global.get $zero))"),
];

/// Operators that stand one after another: the name and the text.
const PLAIN: [(&str, &str); 22] = [
    ("i32.store", "(i32.store (global.get $zero) (i32.const 1))"),
    ("i32.load", "(global.set $zero (i32.load offset=1024 (global.get $zero)))"),
    ("global.set", "(global.set $i (i64.add (i64.const 1) (global.get $i)))"),
    ("call", "(call $nothing)"),
    ("call_indirect", "(call_indirect (type $f) (global.get $zero))"),
    ("br_table", "(block (block (block (br_table 0 1 2 0 (global.get $zero)))))"),
    ("table.get", "(drop (table.get $t (global.get $zero)))"),
    ("table.set", "(table.set $t (global.get $zero) (ref.null func))"),
    ("ref.func", "(drop (ref.func $nothing))"),
    ("memory.size", "(drop (memory.size))"),
    ("memory.grow 0", "(drop (memory.grow (global.get $zero)))"),
    ("table.grow 0", "(drop (table.grow $t (ref.null func) (global.get $zero)))"),
    ("memory.fill 0", "(memory.fill (i32.const 0) (i32.const 0) (global.get $zero))"),
    ("memory.copy 0", "(memory.copy (i32.const 0) (i32.const 0) (global.get $zero))"),
    ("memory.init 0", "(memory.init $d (i32.const 0) (i32.const 0) (global.get $zero))"),
    ("memory.fill 1 KiB", "(memory.fill (i32.const 4096) (global.get $zero) (i32.const 1024))"),
    ("table.fill 0", "(table.fill $t (i32.const 0) (ref.null func) (global.get $zero))"),
    ("table.fill 32", "(table.fill $t (global.get $zero) (ref.null func) (i32.const 32))"),
    ("table.copy 0", "(table.copy $t $t (i32.const 0) (i32.const 0) (global.get $zero))"),
    ("table.init 0", "(table.init $t $e (i32.const 0) (i32.const 0) (global.get $zero))"),
    ("data.drop", "(data.drop $d)"),
    ("elem.drop", "(elem.drop $e)"),
];

/// Fills memory with addresses, one per cache line and far apart; then the loop follows them.
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

/// Returns the loops: the name, the locals and the code before the loop, and the body.
fn loops() -> Vec<(String, String, String)> {
    let mut loops = vec![("br".to_owned(), String::new(), String::new())];
    for (name, global, before, behind) in NESTED {
        let operators = format!("{}(global.get {global}){}", before.repeat(REPEATS), behind.repeat(REPEATS));
        loops.push((name.to_owned(), String::new(), format!("(global.set {global} {operators})")));
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
/// When a loop ends for another reason than its fuel.
pub fn report(case: &Case) {
    let fuel = CallLimits::default().fuel;
    println!("for how long {fuel} units of fuel keep a core busy, the least of {ROUNDS} rounds:");
    let mut lasting: Vec<(Duration, String)> =
        loops().into_iter().map(|(name, before, body)| (lasts(case, &before, &body), name)).collect();
    lasting.sort();
    for (time, name) in lasting.iter().rev() {
        println!("  {name:<30} {:>7.1} ms", time.as_secs_f64() * 1e3);
    }
}

/// Returns the shortest time in which a loop uses up the default fuel.
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
        let before = cpu_time();
        let called = plugin.call(&case.request());
        let burned = before.and_then(|before| cpu_time()?.checked_sub(before));
        let code = called.result.as_ref().err().map(|fault| fault.code);
        assert_eq!(code, Some(ReasonCode::BudgetExhausted), "{body}: {called:?}");
        burned.unwrap_or(called.usage.time)
    };
    (0..ROUNDS).map(round).min().unwrap_or_default()
}
