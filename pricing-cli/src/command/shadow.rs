//! `bidprice shadow`: compares the shadow's prices with those that were answered.

use std::path::PathBuf;

use clap::Subcommand;
use pricing_core::quote::wire::SCHEMA;
use pricing_core::text::printable;
use pricing_engine::bid_log::read::Log;
use pricing_engine::shadow::report::{Report, report};
use serde_json::{Value, json};

use crate::args::{Output, OutputArgs};
use crate::difference_table::{summary_json, summary_table};
use crate::error::{CliError, Exit};
use crate::wording::{count, plural, wrap};
use crate::{load, output};

/// Arguments of `bidprice shadow`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: ShadowCommand,
}

#[derive(Debug, Subcommand)]
enum ShadowCommand {
    /// Sum up by GPU kind how the shadow's prices differ from those that were answered
    Report(ReportArgs),
}

/// Arguments of `bidprice shadow report`.
#[derive(Debug, clap::Args)]
struct ReportArgs {
    /// A bid log: its folder, or one of its files
    #[arg(value_name = "LOG")]
    log: PathBuf,
    #[command(flatten)]
    output: OutputArgs,
}

pub(crate) fn run(args: &Args) -> Result<Exit, CliError> {
    let ShadowCommand::Report(args) = &args.command;
    let log = Log::open(&args.log).map_err(|error| CliError::unreadable(load::name(&args.log), error))?;
    let report = report(&log);
    match args.output.output {
        Output::Json => output::print_json(&answer(&report))?,
        Output::Table => output::print(&shown(&report))?,
    }
    Ok(Exit::Success)
}

fn answer(report: &Report) -> Value {
    let problems = report.problems.iter();
    let problems = problems.map(|(place, damage)| json!({ "place": place.to_string(), "problem": damage.to_string() }));
    json!({
        "schema": SCHEMA,
        "first": report.first,
        "last": report.last,
        "summary": summary_json(&report.summary),
        "damaged": report.damaged,
        "problems": problems.collect::<Vec<_>>(),
    })
}

fn shown(report: &Report) -> String {
    let mut shown = match (&report.first, &report.last) {
        (Some(first), Some(last)) => {
            let number = report.summary.total.orders;
            let (orders, were) = (count(number, "order"), plural(number, "was", "were"));
            let between = format!("{orders} {were} priced a second time, from {first} to {last}.\n");
            printable(between.trim_end()) + "\n" + &summary_table(&report.summary, "answered", "shadow")
        }
        _ => "The log has no order that was priced a second time; is `[shadow]` configured?\n".to_owned(),
    };
    if report.damaged > 0 {
        let (lines, are) = (count(report.damaged, "line"), plural(report.damaged, "is", "are"));
        shown.push_str(&format!("\n{lines} {are} damaged and left out:\n"));
    }
    for (place, damage) in &report.problems {
        shown.push_str(&(wrap(&printable(&format!("{place}: {damage}"))) + "\n"));
    }
    shown
}
