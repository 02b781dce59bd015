//! Hosts and threads that are unlike the usual ones.

use std::thread;
use std::time::Duration;

use pricing_core::quote::ReasonCode;
use pricing_host::compile::Compiler;
use pricing_host::{CallLimits, HostSettings};
use testkit::guest::{Guest, answers};
use testkit::guests::{Budget, commands, entry_points};

use crate::arena::{Arena, call, is_well_said, limits, settings, told};

#[test]
fn a_small_stack_is_no_danger() {
    let arena = Arena::new();
    let dives = entry_points::recursions();
    thread::scope(|scope| {
        let small = thread::Builder::new().stack_size(192 << 10);
        let dive = || {
            for attack in &dives {
                let plugin = arena.host().load("deep", &attack.file, settings(limits(Budget::Fuel))).unwrap();
                let fault = call(&plugin).result.unwrap_err();
                assert_eq!(fault.code, ReasonCode::StackExhausted, "{}: {fault}", attack.name);
            }
        };
        small.spawn_scoped(scope, dive).unwrap().join().unwrap();
    });
}

#[test]
fn backtraces_are_bounded_and_drive_no_terminal() {
    let arena = Arena::of(HostSettings { backtraces: true, ..HostSettings::new(Compiler::InProcess) });
    let hostile = format!("\\1b]0;title\\07\\1b[2J{}", "x".repeat(50_000));
    let fields = format!(r#"(func $"{hostile}" unreachable)"#);
    let crash = Guest { price: &format!(r#"(call $"{hostile}") unreachable"#), fields: &fields, ..Guest::default() };
    let load = |file: &[u8]| arena.host().load("named", file, settings(limits(Budget::Fuel))).unwrap();
    let fault = call(&load(&crash.component())).result.unwrap_err();
    assert_eq!(fault.code, ReasonCode::Trap);
    assert!(!fault.backtrace.is_empty());
    for frame in &fault.backtrace {
        assert!(is_well_said(frame), "{frame:?}");
    }
    for dive in entry_points::recursions() {
        let fault = call(&load(&dive.file)).result.unwrap_err();
        assert_eq!(fault.code, ReasonCode::StackExhausted);
        assert!(fault.backtrace.len() <= 64, "{} frames", fault.backtrace.len());
    }
}

#[test]
fn limits_at_their_ends_are_kept() {
    let arena = Arena::new();
    let with = |limits: CallLimits| call(&arena.host().load("good", &entry_points::good(), settings(limits)).unwrap());
    let usual = limits(Budget::Fuel);
    let no_time = with(CallLimits { deadline: Duration::ZERO, ..usual.clone() });
    assert!(told(&no_time.result).starts_with("deadline-exceeded: "), "{}", told(&no_time.result));
    assert_eq!(no_time.usage.fuel, None);
    let no_fuel = with(CallLimits { fuel: 0, ..usual.clone() });
    assert!(told(&no_fuel.result).starts_with("budget-exhausted: "), "{}", told(&no_fuel.result));
    let no_memory = with(CallLimits { memory_bytes: 0, ..usual.clone() });
    assert!(told(&no_memory.result).starts_with("memory-exceeded: "), "{}", told(&no_memory.result));
    let no_output = with(CallLimits { output_bytes: 0, ..usual.clone() });
    assert!(told(&no_output.result).starts_with("output-exceeded: "), "{}", told(&no_output.result));
    let no_log = with(CallLimits { log_bytes: 0, log_lines: 0, ..usual.clone() });
    assert_eq!(told(&no_log.result), "1.5 uact");
    let all_fuel = with(CallLimits { fuel: u64::MAX, ..usual.clone() });
    assert_eq!(told(&all_fuel.result), "1.5 uact");
    let too_much = settings(CallLimits { memory_bytes: 65 << 20, ..usual });
    let fault = arena.host().load("good", &entry_points::good(), too_much).unwrap_err();
    assert_eq!(fault.code, ReasonCode::LoadRejected);
    arena.healthy().unwrap();
}

#[test]
fn reasons_are_cut() {
    let arena = Arena::new();
    let text = "no ".repeat(15_000);
    for file in [answers(1, &text), commands::exits(3, &text)] {
        let plugin = arena.host().load("talks", &file, settings(limits(Budget::Fuel))).unwrap();
        let quote = call(&plugin).result.unwrap();
        let reason = quote.reason().unwrap();
        assert_eq!(reason.code, ReasonCode::PluginDeclined);
        assert!(reason.message.len() <= 1_000, "{} bytes", reason.message.len());
    }
}
