//! What is kept of a log, and of what else a guest says.

use pricing_core::quote::ReasonCode;
use pricing_host::CallLimits;
use testkit::guest::answers;
use testkit::guests::{Budget, commands, logs};

use crate::arena::{Arena, call, is_well_said, limits, settings};

#[test]
fn a_flood_of_lines_is_cut_and_counted() {
    let arena = Arena::new();
    let plugin = arena.host().load("flood", &logs::logs("a line", 5_000), settings(limits(Budget::Fuel))).unwrap();
    let log = call(&plugin).usage.log;
    assert_eq!(log.lines.len(), CallLimits::default().log_lines);
    assert!(log.dropped >= 1);
}

#[test]
fn a_log_is_bounded_in_bytes() {
    let arena = Arena::new();
    let text = "x".repeat(5_000);
    let plugin = arena.host().load("flood", &logs::logs(&text, 100), settings(limits(Budget::Fuel))).unwrap();
    let log = call(&plugin).usage.log;
    let bytes: usize = log.lines.iter().map(|line| line.message.len()).sum();
    assert_eq!(bytes, CallLimits::default().log_bytes);
    assert!(log.dropped >= 90, "{}", log.dropped);
}

#[test]
fn what_a_guest_says_drives_no_terminal() {
    let hostile = "\u{1b}]0;title\u{7}\u{1b}[2J\u{9b}31m\u{202e}evil\u{2028}\r\u{8}";
    let arena = Arena::new();
    let load = |file: &[u8]| arena.host().load("terminal", file, settings(limits(Budget::Fuel))).unwrap();
    let log = call(&load(&logs::logs(hostile, 3))).usage.log;
    assert!(!log.lines.is_empty());
    for line in log.lines {
        assert!(is_safe(&line.message), "{:?}", line.message);
    }
    let declined = call(&load(&answers(1, hostile))).result.unwrap();
    let reason = declined.reason().unwrap();
    assert_eq!(reason.code, ReasonCode::PluginDeclined);
    assert!(is_safe(&reason.message), "{:?}", reason.message);
    let refused = call(&load(&answers(0, hostile))).result.unwrap_err();
    assert_eq!(refused.code, ReasonCode::InvalidOutput);
    assert!(is_safe(&refused.message), "{:?}", refused.message);
}

#[test]
fn what_a_command_says_drives_no_terminal() {
    let hostile = "\u{1b}]0;title\u{7}\u{1b}[2J\u{9b}31m\u{202e}evil\u{2028}\r\u{8}";
    let arena = Arena::new();
    let load = |file: &[u8]| arena.host().load("terminal", file, settings(limits(Budget::Fuel))).unwrap();
    let declined = call(&load(&commands::exits(3, hostile)));
    let reason = declined.result.unwrap().reason().unwrap().clone();
    assert_eq!(reason.code, ReasonCode::PluginDeclined);
    assert!(is_safe(&reason.message), "{:?}", reason.message);
    assert!(declined.usage.log.lines.iter().all(|line| is_safe(&line.message)));
    let refused = call(&load(&commands::prints(hostile))).result.unwrap_err();
    assert_eq!(refused.code, ReasonCode::InvalidOutput);
    assert!(is_safe(&refused.message), "{:?}", refused.message);
    let crashed = call(&load(&commands::crashes(hostile))).result.unwrap_err();
    assert_eq!(crashed.code, ReasonCode::Trap);
    assert!(crashed.message.contains("evil") && is_safe(&crashed.message), "{:?}", crashed.message);
}

fn is_safe(message: &str) -> bool {
    is_well_said(message) && !message.contains(['\u{202e}', '\u{2028}', '\u{1b}', '\u{9b}', '\n'])
}
