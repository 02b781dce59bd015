//! `bidprice replay`: prices recorded decisions again, and proves that they are the same or lists what changed.

use std::path::PathBuf;

use pricing_core::text::printable;
use pricing_engine::bid_log::read::Log;
use pricing_engine::bid_log::replay::{self, Change, Report, WhatIf};
use pricing_engine::config::LoadedRates;
use serde_json::Value;

use crate::args::{Output, OutputArgs, PluginArgs};
use crate::difference_table::{summary_json, summary_table};
use crate::error::{CliError, Exit};
use crate::load::{self, Document};
use crate::plugin::{self, Pricer, host};
use crate::{output, table};

/// Arguments of `bidprice replay`.
///
/// Exit codes: 0 every decision is the same, 1 the log cannot be read, 3 a decision is not the same, also with `--rates`
/// or `--plugin`, 4 a line could not be looked at (beats 3).
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A bid log: its folder, or one of its files
    #[arg(value_name = "LOG")]
    log: PathBuf,
    /// Price with this rate card instead, and tell what would have changed
    #[arg(long, value_name = "FILE")]
    rates: Option<PathBuf>,
    /// Price with this plugin instead, and tell what would have changed
    #[arg(long, value_name = "FILE")]
    plugin: Option<PathBuf>,
    #[command(flatten)]
    plugin_args: PluginArgs,
    /// How many decisions of each kind are listed; all are counted
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: usize,
    #[command(flatten)]
    output: OutputArgs,
}

pub(crate) fn run(args: &Args) -> Result<Exit, CliError> {
    let log = Log::open(&args.log).map_err(|error| CliError::unreadable(load::name(&args.log), error))?;
    let what_if = what_if(args)?;
    // Recorded plugins are compiled, as any other, in a process of their own.
    let report = replay::replay(&log, host(args.plugin_args.cache.folder(), false)?, &what_if, args.limit);
    match args.output.output {
        Output::Json => output::print_json(&json(&report)?)?,
        Output::Table => output::print(&shown(&report))?,
    }
    Ok(match &report {
        Report { unchecked, .. } if *unchecked > 0 => Exit::Fault,
        Report { changed, .. } if *changed > 0 => Exit::Decline,
        _ => Exit::Success,
    })
}

fn what_if(args: &Args) -> Result<WhatIf, CliError> {
    let rates = args.rates.as_deref().map(|path| {
        let document = Document::rates(path)?;
        LoadedRates::read(document.text.clone()).map_err(|error| document.malformed(error))
    });
    let limits = args.plugin_args.limits.any();
    let plugin = match &args.plugin {
        None if limits => {
            return Err(CliError::Usage("--deadline, --fuel, --memory-limit and the like need --plugin".to_owned()));
        }
        None => None,
        Some(path) => match plugin::open(path, &args.plugin_args, None)? {
            Pricer::Builtin => None,
            Pricer::Plugin(plugin) => Some(plugin),
            Pricer::Rejected(rejected, _) => return Err(CliError::unreadable(load::name(path), rejected)),
        },
    };
    Ok(WhatIf { rates: rates.transpose()?, plugin })
}

fn json(report: &Report) -> Result<Value, CliError> {
    let mut value = serde_json::to_value(report)
        .map_err(|error| CliError::internal(format!("the report could not be written as JSON: {error}")))?;
    if let (Some(summary), Some(fields)) = (&report.summary, value.as_object_mut()) {
        fields.insert("what_if".to_owned(), summary_json(summary));
    }
    Ok(value)
}

fn shown(report: &Report) -> String {
    let Report { decisions, screenings, same, changed, not_repeatable, unchecked, cut, .. } = report;
    let mut shown = format!("{decisions} quotes and {screenings} screenings were priced again: {same} are the same");
    if report.summary.is_none() {
        shown.push_str(" byte for byte");
    }
    shown.push_str(&format!(", {changed} differ, {not_repeatable} may differ since the clock decided them.\n"));
    if *unchecked > 0 {
        shown.push_str(&format!("{unchecked} lines could not be looked at.\n"));
    }
    if *cut > 0 {
        shown.push_str(&format!("{cut} lines have no end, as a crash leaves them or while they are written.\n"));
    }
    if report.missing_sequences > 0 {
        shown.push_str(&format!("{} numbers are in no line that can be read.\n", report.missing_sequences));
    }
    if let Some(summary) = &report.summary {
        shown.push_str(&summary_table(summary, "before", "after"));
    }
    for (title, changes, number) in [
        ("Different", &report.changes, report.changed),
        ("Not repeatable", &report.time_dependent, report.not_repeatable),
    ] {
        if !changes.is_empty() {
            shown.push_str(&format!("\n{title} ({} of {number}):\n{}", changes.len(), changes_table(changes)));
        }
    }
    if !report.problems.is_empty() {
        shown.push_str("\nNot looked at:\n");
        for problem in &report.problems {
            shown.push_str(&(printable(&format!("{}: {}", problem.place, problem.problem)) + "\n"));
        }
    }
    shown
}

fn changes_table(changes: &[Change]) -> String {
    let mut rows = table::table(&["number", "order", "group", "before", "after", "where"], &[0]);
    for change in changes {
        let place = change.because.map_or_else(|| change.paths.join(", "), str::to_owned);
        rows.add_row([
            change.sequence.to_string(),
            change.order_id.clone().unwrap_or_default(),
            change.group.to_string(),
            change.before.to_string(),
            change.after.to_string(),
            place,
        ]);
    }
    table::text(&rows)
}
