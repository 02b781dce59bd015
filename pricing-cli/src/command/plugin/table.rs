//! The tables and texts of `bidprice plugin`.

use std::fmt::Write as _;
use std::time::Duration;

use pricing_core::quote::Quote;
use pricing_core::text::printable;
use pricing_host::inspect::{Inspection, size};
use pricing_host::{CallLimits, Fault, Log, Profile};

use serde_json::Value;

use super::diff::Difference;
use super::facts::Fact;
use super::results::{Bench, Call, CheckReport, InspectReport, Outcome, Stage, Verdict};
use super::words::{answer_words, micros, percent, usage_words};
use crate::answered::Answered;
use crate::error::CliError;
use crate::wording::{count, number, wrap};
use crate::{quote_table, table};

/// The most functions of a profile that are shown.
const SHOWN_FUNCTIONS: usize = 25;
/// The most differences of a case that are shown.
const SHOWN_DIFFERENCES: usize = 12;

/// Shows a plugin that was not loaded.
pub(crate) fn refused(name: &str, fault: &Fault) -> String {
    printable(&format!("{name}: refused: {}", fault.message)) + "\n"
}

/// Shows a plugin that failed.
pub(crate) fn failed(name: &str, fault: &Fault) -> String {
    printable(&format!("{name}: {}: {}", fault.code.name(), fault.message)) + "\n"
}

/// Shows an order that is decided without the plugin.
pub(crate) fn not_asked(quote: &Quote) -> Result<String, CliError> {
    let quote = Answered::own(quote, None)?;
    Ok(quote_table::quote(&quote, None) + "The plugin is not asked for this order.\n")
}

/// Shows a project that was written.
pub(crate) fn made(folder: &str, files: usize, needs: &str, next: &[String]) -> String {
    let steps: String = next.iter().map(|step| format!("  {step}\n")).collect();
    let files = count(number(files), "file");
    let shown = format!("{folder}: {files}\n\nBuilding needs {needs}. Next:\n{steps}");
    shown.lines().map(|line| printable(line) + "\n").collect()
}

/// Shows a component that was written.
pub(crate) fn packed(path: &str, bytes: usize) -> String {
    let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
    printable(&format!("{path}: a component of {}", size(bytes))) + "\n"
}

/// Shows how long calls took.
pub(crate) fn bench(name: &str, bench: &Bench) -> String {
    let mut table = table::table(&["", "p50", "p99", "p99.9", "longest", ""], &[1, 2, 3, 4]);
    let mut row = |what: &str, time: &dyn Fn(usize) -> Duration| {
        let [p50, p99, p999, most] = [500, 990, 999, 1000].map(|per_mille| micros(time(per_mille)));
        table.add_row([what.to_owned(), p50, p99, p999, most, "us".to_owned()]);
    };
    row("plugin", &|per_mille| bench.percentile(per_mille));
    row("built-in", &|per_mille| bench.native_percentile(per_mille));
    let fuel = bench.fuel.map_or_else(String::new, |fuel| format!(", {} of fuel each", count(fuel, "unit")));
    let calls = count(number(bench.calls()), "call");
    let used = format!("{name}: {calls}{fuel}, {} of memory", size(bench.memory_bytes));
    wrap(&printable(&used)) + "\n\n" + &table::text(&table)
}

/// Shows the results of cases.
pub(crate) fn test(outcomes: &[Outcome], failed: usize) -> String {
    let mut shown = String::new();
    for outcome in outcomes {
        let verdict = match &outcome.verdict {
            Verdict::Ok => "ok",
            Verdict::Blessed => "blessed",
            Verdict::Differs(_) | Verdict::Failed(_) => "FAILED",
        };
        let _ = writeln!(shown, "{verdict:<8} {}", printable(&outcome.name));
        match &outcome.verdict {
            Verdict::Ok | Verdict::Blessed => {}
            Verdict::Differs(found) => shown.push_str(&differences(found)),
            Verdict::Failed(message) => {
                let _ = writeln!(shown, "         {}", printable(message));
            }
        }
        if outcome.verdict.failed() {
            shown.push_str(&seen(outcome));
        }
    }
    let (cases, ok) = (count(number(outcomes.len()), "case"), outcomes.len().saturating_sub(failed));
    let _ = writeln!(shown, "\n{cases}: {ok} ok, {failed} failed");
    shown
}

fn differences(found: &[Difference]) -> String {
    let value = |value: &Option<Value>| value.as_ref().map_or_else(|| "nothing".to_owned(), ToString::to_string);
    let mut shown = String::new();
    for Difference { at, expected, got } in found.iter().take(SHOWN_DIFFERENCES) {
        let line = format!("         {at}: expected {}, got {}", value(expected), value(got));
        shown.push_str(&printable(&line));
        shown.push('\n');
    }
    if let Some(more) = found.len().checked_sub(SHOWN_DIFFERENCES).filter(|more| *more > 0) {
        let _ = writeln!(shown, "         and {}", count(number(more), "more difference"));
    }
    shown
}

/// Shows the faults and logs of a failed case.
fn seen(outcome: &Outcome) -> String {
    let mut shown = String::new();
    for call in &outcome.calls {
        if let Some(fault) = call.fault() {
            let _ = writeln!(shown, "{}: {}", fault.code.name(), fault.message);
            shown.push_str(&backtrace(fault));
        }
        if let Some(called) = &call.called {
            shown.push_str(&log(&called.usage.log));
        }
    }
    shown.lines().map(|line| format!("         {}\n", printable(line))).collect()
}

/// Shows whether a plugin would be loaded.
pub(crate) fn check(report: &CheckReport) -> String {
    let mut shown = match &report.refused {
        None => format!("{}: accepted for size class `{}`\n", report.subject.name, report.class.name()),
        Some((Stage::Inspect | Stage::Load, fault)) => refused(&report.subject.name, fault),
        Some((Stage::Probe, fault)) => {
            printable(&format!("{}: loaded, but the probe call failed: {}", report.subject.name, fault.message)) + "\n"
        }
    };
    if report.fits_engine_class {
        shown.push_str("Size class `engine` would accept it (--plugin-class engine, if the operator allows it).\n");
    }
    if let Some(found) = &report.inspection {
        shown.push('\n');
        shown.push_str(&summary(found));
    }
    shown.push('\n');
    shown.push_str(&facts(&report.facts));
    if let Some(probe) = &report.probe {
        if let Some(answer) = &probe.answer {
            let _ = writeln!(shown, "\nThe probe, a small made-up order, was answered: {}", answer_words(answer));
        }
        shown.push_str(&log(&probe.usage.log));
    }
    if let Some((_, fault)) = &report.refused {
        shown.push_str(&backtrace(fault));
    }
    shown
}

fn facts(facts: &[Fact]) -> String {
    let mut table = table::table(&["", "has", "may have"], &[1, 2]);
    for fact in facts {
        if let Some(has) = fact.has {
            table.add_row([fact.words.to_owned(), has.words(), fact.may_have.words()]);
        }
    }
    table::text(&table)
}

/// Shows what a file is, in a few lines.
fn summary(found: &Inspection) -> String {
    let version = found.wit_version.as_ref().map_or_else(String::new, |version| format!(" of WIT package {version}"));
    let mut shown = format!("kind     {}{version}{}\n", found.kind.name(), if found.text { ", as text" } else { "" });
    shown.push_str(&list("imports", &found.imports));
    shown.push_str(&list("exports", &found.exports));
    shown
}

fn list(title: &str, items: &[String]) -> String {
    let mut shown = String::new();
    for (index, item) in items.iter().enumerate() {
        let title = if index == 0 { title } else { "" };
        shown.push_str(&printable(&format!("{title:<8} {item}")));
        shown.push('\n');
    }
    if items.is_empty() {
        let _ = writeln!(shown, "{title:<8} nothing");
    }
    shown
}

/// Shows everything that is known about a file.
pub(crate) fn inspect(report: &InspectReport) -> String {
    let subject = &report.subject;
    let mut shown = match &report.refused {
        None => format!("{}\n", subject.name),
        Some(fault) => refused(&subject.name, fault),
    };
    let _ = writeln!(shown, "\ndigest   {}", subject.digest);
    let _ = writeln!(shown, "file     {}", count(number(subject.file.len()), "byte"));
    let Some(found) = &report.inspection else { return shown };
    if report.refused.is_some() {
        shown.push_str("Size class `engine` accepts it; the details below are for that class.\n");
    }
    shown.push_str(&summary(found));
    shown.push_str(&list("sections", &found.custom_sections));
    let mut table = table::table(&["", ""], &[]);
    let mut row = |words: &str, value: String| {
        table.add_row([words.to_owned(), value]);
    };
    row("core modules", found.modules.to_string());
    row("core instances", found.instances.to_string());
    row("functions", found.functions.to_string());
    if let Some(largest) = &found.largest_function {
        let name = largest.name.as_ref().map_or_else(String::new, |name| format!(", {name}"));
        row("largest function", format!("{} (number {}{name})", size(largest.bytes), largest.index));
    }
    row("block nesting", found.nesting.to_string());
    row("function names", if found.has_names { "yes" } else { "none: backtraces will show numbers" }.to_owned());
    for memory in &found.memories {
        let most = memory.maximum_bytes.map_or_else(|| "as much as allowed".to_owned(), size);
        row("memory", format!("{} to {most}", size(memory.minimum_bytes)));
    }
    for element_table in &found.tables {
        let most = element_table.maximum.map_or_else(|| "as many as allowed".to_owned(), |most| most.to_string());
        row("table", format!("{} to {most} elements", element_table.minimum));
    }
    shown + &table::text(&table)
}

/// Shows the result of a call.
pub(crate) fn run(call: &Call, limits: &CallLimits) -> Result<String, CliError> {
    let mut shown = quote_table::quote(&Answered::own(&call.quote, None)?, None);
    let Some(called) = &call.called else {
        shown.push_str("The plugin was not asked, because no answer could make this a bid.\n\n");
        return Ok(shown);
    };
    if let Some(answer) = &called.answer {
        let _ = writeln!(shown, "{}", wrap(&format!("The plugin answered: {}", printable(&answer_words(answer)))));
    }
    let used = format!("It used {} (one call, caches cold)", usage_words(&called.usage, limits));
    let _ = writeln!(shown, "{}", wrap(&used));
    shown.push_str(&log(&called.usage.log));
    if let Some(fault) = call.fault() {
        shown.push_str(&backtrace(fault));
    }
    if let Some((found, fault)) = &call.profile {
        shown.push_str(&profile(found));
        if let Some(fault) = fault {
            let _ = writeln!(shown, "The last of these calls failed: {fault}");
        }
    }
    shown.push('\n');
    Ok(shown)
}

fn profile(profile: &Profile) -> String {
    let (calls, times) = (count(profile.calls, "call"), count(profile.samples, "time"));
    let mut shown = format!("\nSampled {times} in {calls}:\n");
    let mut table = table::table(&["itself", "with callees", "function"], &[0, 1]);
    for function in profile.functions.iter().take(SHOWN_FUNCTIONS) {
        let share = |part| format!("{} %", percent(part, profile.samples));
        table.add_row([share(function.own), share(function.total), function.name.clone()]);
    }
    shown.push_str(&table::text(&table));
    shown.push_str(
        "Samples are taken where a function starts and where a loop repeats. Time in the host is not included.\n",
    );
    shown
}

fn log(log: &Log) -> String {
    let mut shown = String::new();
    if !log.lines.is_empty() {
        shown.push_str("Its log:\n");
    }
    for line in &log.lines {
        let _ = writeln!(shown, "  {line}");
    }
    if log.dropped > 0 {
        let _ = writeln!(shown, "  (lines dropped or cut at the log's limit: {})", log.dropped);
    }
    shown
}

fn backtrace(fault: &Fault) -> String {
    let mut shown = String::new();
    if !fault.backtrace.is_empty() {
        shown.push_str("Backtrace, innermost first:\n");
    }
    for (index, function) in fault.backtrace.iter().enumerate() {
        let _ = writeln!(shown, "  {index:>3}: {function}");
    }
    shown
}
