//! What the kit for plugin authors tells people.

use std::fmt::Write as _;

use pricing_host::inspect::{Inspection, size};
use pricing_host::{CallLimits, Fault, Log, printable};

use crate::command::plugin::check::{self, Stage};
use crate::command::plugin::facts::{Amount, Fact};
use crate::command::plugin::inspect;
use crate::command::plugin::run::Call;
use crate::command::plugin::words::{answer_words, usage_words};
use crate::table;

/// A plugin that was not loaded.
pub(crate) fn refused(name: &str, fault: &Fault) -> String {
    printable(&format!("{name}: refused: {}", fault.message)) + "\n"
}

/// Whether a plugin would be loaded.
pub(crate) fn check(report: &check::Report) -> String {
    let mut shown = match &report.refused {
        None => format!("{}: accepted for size class `{}`\n", report.subject.name, report.class.name()),
        Some((Stage::Inspect | Stage::Load, fault)) => refused(&report.subject.name, fault),
        Some((Stage::Probe, fault)) => {
            printable(&format!("{}: loaded, but the probe call failed: {}", report.subject.name, fault.message)) + "\n"
        }
    };
    if report.fits_engine_class {
        shown.push_str("Size class `engine` would take it: --plugin-class engine, if the operator turns it on.\n");
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
        let has = fact.has.map_or_else(|| "-".to_owned(), Amount::words);
        table.add_row([fact.words.to_owned(), has, fact.may_have.words()]);
    }
    table::text(&table)
}

/// What a file is, in a few lines.
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

/// All that is known of a file.
pub(crate) fn inspect(report: &inspect::Report) -> String {
    let subject = &report.subject;
    let mut shown = match &report.refused {
        None => format!("{}\n", subject.name),
        Some(fault) => refused(&subject.name, fault),
    };
    let _ = writeln!(shown, "\ndigest   {}", subject.digest);
    let _ = writeln!(shown, "file     {} bytes", subject.file.len());
    let Some(found) = &report.inspection else { return shown };
    if report.refused.is_some() {
        shown.push_str("Size class `engine` takes it; what follows is what it sees.\n");
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
    row("blocks within blocks", found.nesting.to_string());
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

/// What came of a call.
pub(crate) fn run(call: &Call, limits: &CallLimits) -> String {
    let mut shown = table::quote(&call.quote, None, None);
    let Some(called) = &call.called else {
        shown.push_str("The plugin was not asked: no answer of it could make this a bid.\n\n");
        return shown;
    };
    if let Some(answer) = &called.answer {
        let _ = writeln!(shown, "The plugin said: {}", printable(&answer_words(answer)));
    }
    let _ = writeln!(shown, "It used {} (one call, caches cold)", usage_words(&called.usage, limits));
    shown.push_str(&log(&called.usage.log));
    if let Some(fault) = call.fault() {
        shown.push_str(&backtrace(fault));
    }
    shown.push('\n');
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
        let _ = writeln!(shown, "  ({} more lines were dropped or cut: a log has a limit)", log.dropped);
    }
    shown
}

fn backtrace(fault: &Fault) -> String {
    let mut shown = String::new();
    if !fault.backtrace.is_empty() {
        shown.push_str("Where it was, innermost first:\n");
    }
    for (index, function) in fault.backtrace.iter().enumerate() {
        let _ = writeln!(shown, "  {index:>3}: {function}");
    }
    shown
}
