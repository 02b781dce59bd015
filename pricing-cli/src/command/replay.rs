//! `bidprice replay`: prices recorded decisions again, and proves that they are the same, or lists the changes.

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
use crate::outcome_words::{cut_lines, missing_numbers, pair_words, short_name};
use crate::plugin::{self, Pricer, host};
use crate::wording::{count, plural, wrap};
use crate::{output, table};

/// Arguments of `bidprice replay`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A bid log: its folder, or one of its files
    #[arg(value_name = "LOG")]
    log: PathBuf,
    /// Price with this rate card instead, and show what would have changed
    #[arg(long, value_name = "FILE")]
    rates: Option<PathBuf>,
    /// Price with this plugin instead, and show what would have changed
    #[arg(long, value_name = "FILE")]
    plugin: Option<PathBuf>,
    #[command(flatten)]
    plugin_args: PluginArgs,
    /// The most decisions of each kind to list; all are counted
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: usize,
    #[command(flatten)]
    output: OutputArgs,
}

pub(crate) fn run(args: &Args) -> Result<Exit, CliError> {
    let log = Log::open(&args.log).map_err(|error| CliError::unreadable(load::name(&args.log), error))?;
    let what_if = what_if(args)?;
    // The host compiles recorded plugins in a child process, like any other file.
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

/// The report for people: counts first, then what needs a look. A damaged line may have been any decision, so it is
/// never left out of the counts.
fn shown(report: &Report) -> String {
    let Report { decisions, screenings, same, changed, not_repeatable, unchecked, cut, .. } = report;
    let (quotes, screened) = (count(*decisions, "quote"), count(*screenings, "screening"));
    let are = plural(*same, "is", "are");
    let mut shown = format!("{quotes} and {screened} were priced again: {same} {are} the same");
    if report.summary.is_none() {
        shown.push_str(" byte for byte");
    }
    let (differ, them) = (plural(*changed, "differs", "differ"), plural(*not_repeatable, "it", "them"));
    shown.push_str(&format!(", {changed} {differ}, {not_repeatable} may differ since the clock decided {them}."));
    let mut shown = wrap(&shown) + "\n";
    if *unchecked > 0 {
        shown.push_str(&format!("{} could not be checked.\n", count(*unchecked, "line")));
    }
    if *cut > 0 {
        shown.push_str(&format!("{}.\n", cut_lines(*cut)));
    }
    if report.missing_sequences > 0 {
        shown.push_str(&format!("{}.\n", missing_numbers(report.missing_sequences)));
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
        shown.push_str("\nNot checked:\n");
        for problem in &report.problems {
            shown.push_str(&(wrap(&printable(&format!("{}: {}", problem.place, problem.problem))) + "\n"));
        }
    }
    shown
}

fn changes_table(changes: &[Change]) -> String {
    let mut rows = table::table(&["number", "order", "group", "before", "after", "where"], &[0]);
    for change in changes {
        let place = change.because.map_or_else(|| change.paths.join(", "), str::to_owned);
        let [before, after] = pair_words(&change.before, &change.after);
        let order = change.order_id.as_deref().map(short_name).unwrap_or_default();
        rows.add_row([change.sequence.to_string(), order, change.group.to_string(), before, after, place]);
    }
    table::wrapped(rows, &[3, 4, 5])
}
