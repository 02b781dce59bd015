//! Faults, answers, logs and amounts as JSON and as text.

use std::time::Duration;

use pricing_core::quote::plugin::{Answer, Change};
use pricing_host::inspect::size;
use pricing_host::{CallLimits, Fault, Log, Usage};
use serde_json::{Value, json};

use crate::amounts;
use crate::wording::count;

/// Returns a time in microseconds, as decimal text.
pub(crate) fn micros(time: Duration) -> String {
    let nanos = time.as_nanos();
    format!("{}.{:03}", nanos / 1000, nanos % 1000)
}

/// Returns a share in percent, with one decimal.
pub(crate) fn percent(part: u64, whole: u64) -> String {
    let tenths = u128::from(part).saturating_mul(1000) / u128::from(whole.max(1));
    format!("{}.{}", tenths / 10, tenths % 10)
}

/// Returns a fault with its backtrace.
pub(crate) fn fault_json(fault: &Fault) -> Value {
    json!({ "code": fault.code.name(), "message": fault.message, "backtrace": fault.backtrace })
}

/// Returns a plugin's answer as JSON.
pub(crate) fn answer_json(answer: &Answer) -> Value {
    let change = |change: &Change| match change {
        Change::Multiply(factor) => json!({ "multiply": factor.to_string() }),
        Change::Add(usd) => json!({ "add": usd.to_string() }),
        Change::Floor(usd) => json!({ "floor": usd.to_string() }),
        Change::ReplaceLine { line, usd_per_month } => {
            json!({ "replace_line": { "line": line, "usd_per_month": usd_per_month.to_string() } })
        }
    };
    match answer {
        Answer::Price(price) => json!({ "price": price.to_string() }),
        Answer::Decline(message) => json!({ "decline": message }),
        Answer::Change(changes) => json!({ "change": changes.iter().map(change).collect::<Vec<_>>() }),
    }
}

/// Returns a plugin's answer as text.
pub(crate) fn answer_words(answer: &Answer) -> String {
    let change = |change: &Change| match change {
        Change::Multiply(factor) => format!("multiply by {factor}"),
        Change::Add(usd) => format!("add {} USD a month", amounts::usd(&usd.to_string())),
        Change::Floor(usd) => format!("at least {} USD a month", amounts::usd(&usd.to_string())),
        Change::ReplaceLine { line, usd_per_month } => {
            format!("line {line} costs {} USD a month", amounts::usd(&usd_per_month.to_string()))
        }
    };
    match answer {
        Answer::Price(price) => format!("price {} a block", amounts::units(&price.to_string())),
        Answer::Decline(message) => format!("decline: {message}"),
        Answer::Change(changes) if changes.is_empty() => "the built-in quote, unchanged".to_owned(),
        Answer::Change(changes) => {
            let changes: Vec<String> = changes.iter().map(change).collect();
            format!("the built-in quote, changed: {}", changes.join("; "))
        }
    }
}

/// Returns the lines of a log.
pub(crate) fn log_json(log: &Log) -> Value {
    let line = |line: &pricing_host::LogLine| json!({ "level": line.level.name(), "message": line.message });
    log.lines.iter().map(line).collect()
}

/// Returns what a call used, with the limits.
pub(crate) fn usage_words(usage: &Usage, limits: &CallLimits) -> String {
    let fuel = match usage.fuel {
        Some(fuel) => {
            format!("{} of fuel of {} ({} %)", count(fuel, "unit"), limits.fuel, percent(fuel, limits.fuel))
        }
        None => "fuel that is not known (the clock ended the call)".to_owned(),
    };
    format!(
        "{fuel}, {} of memory of {}, {} us of {:?}",
        size(usage.memory_bytes),
        size(limits.memory_bytes),
        micros(usage.time),
        limits.deadline,
    )
}
