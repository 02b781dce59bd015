//! The amounts of everything about a plugin that is limited, and their limits.

use std::time::Duration;

use pricing_host::inspect::{Inspection, size};
use pricing_host::{CallLimits, SizeClass};
use serde_json::{Value, json};

use super::words::micros;

/// An amount of something that is limited.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Amount {
    Bytes(u64),
    Count(u64),
    Time(Duration),
}

impl Amount {
    pub(crate) fn words(self) -> String {
        match self {
            Self::Bytes(bytes) => size(bytes),
            Self::Count(count) => count.to_string(),
            Self::Time(time) => format!("{time:.1?}"),
        }
    }

    /// Returns a JSON value. Times are microseconds as decimal text.
    fn to_json(self) -> Value {
        match self {
            Self::Bytes(number) | Self::Count(number) => json!(number),
            Self::Time(time) => json!(micros(time)),
        }
    }
}

/// Something that is limited.
#[derive(Debug)]
pub(crate) struct Fact {
    /// The name in JSON.
    pub(crate) key: &'static str,
    /// The name in tables.
    pub(crate) words: &'static str,
    /// The plugin's amount, if it is known.
    pub(crate) has: Option<Amount>,
    /// The limit.
    pub(crate) may_have: Amount,
}

impl Fact {
    pub(crate) fn to_json(&self) -> Value {
        json!({ "limit": self.key, "has": self.has.map(Amount::to_json), "may_have": self.may_have.to_json() })
    }
}

/// Returns the amounts of a file. Without an inspection, only its size is known.
pub(crate) fn of_file(bytes: usize, found: Option<&Inspection>, class: SizeClass, call: &CallLimits) -> Vec<Fact> {
    let limits = class.load_limits();
    let length = |length: usize| u64::try_from(length).unwrap_or(u64::MAX);
    let count = |of: fn(&Inspection) -> u64| found.map(|found| Amount::Count(of(found)));
    let largest = |found: &Inspection| Amount::Bytes(found.largest_function.as_ref().map_or(0, |f| f.bytes));
    let fact = |key, words, has, may_have| Fact { key, words, has, may_have };
    let many = |number: u32| Amount::Count(u64::from(number));
    let longest = |found: &Inspection| found.tables.iter().map(|table| table.minimum).max().unwrap_or(0);
    vec![
        fact("file_bytes", "file", Some(Amount::Bytes(length(bytes))), Amount::Bytes(limits.module_bytes)),
        fact("function_bytes", "largest function", found.map(largest), Amount::Bytes(limits.function_bytes)),
        fact("functions", "functions", count(|found| found.functions.into()), many(limits.functions)),
        fact("nesting", "block nesting", count(|found| found.nesting.into()), many(limits.nesting)),
        fact("instances", "core instances", count(|found| found.instances.into()), many(limits.instances)),
        fact("memories", "memories", found.map(|f| Amount::Count(length(f.memories.len()))), many(limits.memories)),
        fact("tables", "tables", found.map(|f| Amount::Count(length(f.tables.len()))), many(limits.tables)),
        fact("table_elements", "longest table", found.map(|f| Amount::Count(longest(f))), many(limits.table_elements)),
        fact(
            "initial_memory_bytes",
            "memory at the start of a call",
            found.map(|found| Amount::Bytes(found.minimum_memory_bytes())),
            Amount::Bytes(call.memory_bytes),
        ),
    ]
}

/// Returns the amounts of compiling and linking.
pub(crate) fn of_compiling(time: Option<Duration>, class: SizeClass) -> [Fact; 2] {
    let limits = class.load_limits();
    let time_limit = Amount::Time(limits.compile_time);
    let memory = Amount::Bytes(limits.compile_memory);
    [
        Fact { key: "compile_us", words: "time to compile", has: time.map(Amount::Time), may_have: time_limit },
        Fact { key: "compile_memory_bytes", words: "memory to compile", has: None, may_have: memory },
    ]
}

/// Returns the amounts of a call.
pub(crate) fn of_call(usage: Option<&pricing_host::Usage>, limits: &CallLimits) -> [Fact; 3] {
    let fuel = usage.and_then(|usage| usage.fuel).map(Amount::Count);
    let memory = usage.map(|usage| Amount::Bytes(usage.memory_bytes));
    let time = usage.map(|usage| Amount::Time(usage.time));
    let time_limit = Amount::Time(limits.deadline);
    [
        Fact { key: "call_fuel", words: "fuel of the probe", has: fuel, may_have: Amount::Count(limits.fuel) },
        Fact {
            key: "call_memory_bytes",
            words: "memory of the probe",
            has: memory,
            may_have: Amount::Bytes(limits.memory_bytes),
        },
        Fact { key: "call_us", words: "time of the probe", has: time, may_have: time_limit },
    ]
}
