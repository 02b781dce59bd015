//! `bidprice rates`: the effective rate card, where each value came from, what it says of a cluster's cards, and a new one.

pub(crate) mod init;

use std::path::PathBuf;

use clap::Subcommand;
use pricing_core::quote::wire::SCHEMA;
use pricing_core::rates::check;
use pricing_core::rates::finding::Finding;
use pricing_core::rates::{Pricing, names};
use serde_json::json;

use crate::args::{Output, OutputArgs, RatesArgs};
use crate::error::{CliError, Exit};
use crate::load::RatesText;
use crate::rate_entries::{entries, origin_words};
use crate::{load, output, table};

/// Arguments of `bidprice rates`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: RatesCommand,
}

#[derive(Debug, Subcommand)]
enum RatesCommand {
    /// Show the effective rate card, and where each value came from
    Show(ShowArgs),
    /// Hold the GPU entries of a rate card against the cards of a cluster
    Check(CheckArgs),
    /// Write a rate card: from the bid script's variables, from prices of the market, or with example prices
    Init(init::Args),
}

/// Arguments of `bidprice rates show`.
#[derive(Debug, clap::Args)]
struct ShowArgs {
    #[command(flatten)]
    rates: RatesArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// Arguments of `bidprice rates check`.
#[derive(Debug, clap::Args)]
struct CheckArgs {
    #[command(flatten)]
    rates: RatesArgs,
    /// A Cluster or provider Status, any dialect, or words such as `2 nodes x 8 h100`; `-` is stdin
    #[arg(long, value_name = "FILE|WORDS")]
    inventory: PathBuf,
    #[command(flatten)]
    output: OutputArgs,
}

pub(crate) fn run(args: &Args) -> Result<Exit, CliError> {
    match &args.command {
        RatesCommand::Show(args) => show(args),
        RatesCommand::Check(args) => check(args),
        RatesCommand::Init(args) => init::run(args),
    }
}

/// Exits with 3 where there is something to look at, so that a script notices.
fn check(args: &CheckArgs) -> Result<Exit, CliError> {
    let pricing = load::pricing(&args.rates)?;
    let (cluster, _) = load::inventory(&args.inventory)?;
    let findings = check::check(&pricing, &cluster);
    match args.output.output {
        Output::Json => {
            let finding = |finding: &Finding| {
                let Finding { kind, problem, suggestion, .. } = finding;
                let kind = kind.as_ref().map(ToString::to_string);
                json!({ "entry": finding.entry_name(), "kind": kind, "problem": problem, "suggestion": suggestion })
            };
            let findings: Vec<_> = findings.iter().map(finding).collect();
            output::print_json(&json!({ "schema": SCHEMA, "findings": findings }))?;
        }
        Output::Table => output::print(&table::rate_findings(&findings))?,
    }
    Ok(if findings.is_empty() { Exit::Success } else { Exit::Decline })
}

fn show(args: &ShowArgs) -> Result<Exit, CliError> {
    let text = RatesText::of(&args.rates)?;
    let mut pricing = text.pricing()?;
    warn_of_names(text.name(), &pricing);
    let entries = entries(&mut pricing);
    match args.output.output {
        Output::Json => {
            let values: Vec<_> = entries
                .iter()
                .map(|entry| {
                    let origin = pricing.origins.get(&entry.key);
                    let (origin, source) = origin_words(origin);
                    json!({ "key": entry.key, "value": entry.value, "origin": origin, "source": source })
                })
                .collect();
            output::print_json(&json!({ "schema": SCHEMA, "rates": values }))?;
        }
        Output::Table => output::print(&table::rates(&entries, &pricing))?,
    }
    Ok(Exit::Success)
}

/// Warns of names that nobody knows, a line each on stderr.
fn warn_of_names(source: &str, pricing: &Pricing) {
    let findings = names::check(pricing, None);
    findings.iter().for_each(|finding| output::complain(&format!("warning: {source}: {finding}")));
}
