//! `bidprice market pull`: the market of a provider, from nodes of the chain or from saved answers.

mod files;
#[cfg(feature = "service")]
mod rest;
mod shown;

use std::path::{Path, PathBuf};
use std::time::Duration;

use pricing_core::address::{Address, AddressPrefix};
use pricing_core::input::InputError;
use pricing_core::money::UsdPerAkt;
use pricing_core::text::excerpt;
use pricing_market::chain::join::Summary;
use pricing_market::history::HistoryError;
use serde_json::Value;

use crate::args::{Output, OutputArgs};
use crate::error::{CliError, Exit};
use crate::output;

/// The most requests a second that can be asked for.
const MOST_PER_SECOND: i64 = 1_000;

/// Arguments of `bidprice market pull`.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("source").required(true).args(["rest", "files"]))]
pub(super) struct Args {
    /// The REST address of a node of the chain, such as `https://rest.example.com`; repeatable, in order of preference
    #[arg(long, value_name = "URL")]
    rest: Vec<String>,
    /// Saved answers of `bids/list`, `leases/list`, `orders/list` and `blocks/HEIGHT` in place of a node: any number of
    /// pages in any order
    #[arg(long = "from-files", value_name = "FILE", num_args = 1..)]
    files: Vec<PathBuf>,
    /// The address of the provider whose bids are your own
    #[arg(long, value_name = "ADDRESS", value_parser = provider)]
    provider: Address,
    /// How old an order may be when it is pulled for the first time, such as `30d` [default: any age]
    #[arg(long, value_name = "DURATION", value_parser = age, conflicts_with = "files")]
    since: Option<Duration>,
    /// What an AKT is worth; without it, prices in AKT have no `usd_per_month`
    #[arg(long, value_name = "USD")]
    usd_per_akt: Option<UsdPerAkt>,
    /// The most requests a second, over all nodes [default: 5]
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=MOST_PER_SECOND), conflicts_with = "files")]
    requests_per_second: Option<u32>,
    /// The folder of the history. A later pull into it goes on from what it has
    #[arg(short, long = "out", value_name = "FOLDER")]
    out: PathBuf,
    #[command(flatten)]
    output: OutputArgs,
}

/// What was pulled.
struct Answer {
    summary: Summary,
    /// What is known of a pull from nodes. Null of files.
    pull: Value,
    /// The same for people, a line each.
    lines: Vec<String>,
}

pub(super) fn run(args: &Args) -> Result<Exit, CliError> {
    if args.out.is_file() {
        return Err(CliError::unwritable(shown_path(&args.out), "it is a file; a history is a folder"));
    }
    let answer = if args.files.is_empty() { pull(args)? } else { files::pull(args)? };
    shown::warn(args, &answer.summary);
    match args.output.output {
        Output::Json => output::print_json(&shown::json(args, &answer))?,
        Output::Table => output::print(&shown::table(args, &answer))?,
    }
    Ok(Exit::Success)
}

#[cfg(feature = "service")]
fn pull(args: &Args) -> Result<Answer, CliError> {
    rest::pull(args)
}

#[cfg(not(feature = "service"))]
fn pull(_: &Args) -> Result<Answer, CliError> {
    Err(CliError::Usage(crate::left_out::MARKET_REST.refusal()))
}

/// The error for a history that cannot be written.
fn history_error(error: HistoryError) -> CliError {
    match error {
        HistoryError::Unwritable { file, error } => CliError::unwritable(file, error),
        HistoryError::File { file, error } => CliError::unreadable_input(file, InputError::new(error)),
        HistoryError::Malformed { file, line, problem } => {
            let error = InputError::new(problem).position(line, 1);
            CliError::malformed(file, error.hint("pull the market again, into another folder"))
        }
    }
}

fn provider(text: &str) -> Result<Address, String> {
    Address::parse(text, &AddressPrefix::default()).map_err(|error| error.to_string())
}

fn age(text: &str) -> Result<Duration, String> {
    let age = humantime::parse_duration(text);
    age.map_err(|error| format!("{error}; expected a duration such as `30d`"))
}

/// The name of a folder for people.
fn shown_path(path: &Path) -> String {
    excerpt(&path.to_string_lossy())
}
