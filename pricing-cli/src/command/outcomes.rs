//! `bidprice outcomes`: what became of the bids.

mod shown;

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use clap::Subcommand;
use pricing_core::input::InputError;
use pricing_engine::bid_log::read::Log;
use pricing_engine::config;
use pricing_engine::outcomes::HistoryError;
use pricing_engine::outcomes::folder_of;
use pricing_engine::outcomes::report::{Report, logged_bids};

use super::log::moment;
use super::serve;
use crate::args::{Output, OutputArgs};
use crate::error::{CliError, Exit};
use crate::wording::count;
use crate::{load, output};

const EXAMPLE: &str = "Examples:
  bidprice outcomes report --config bidprice.toml --since 7d
  bidprice outcomes report --folder history --log bids";

/// Arguments of `bidprice outcomes`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: OutcomesCommand,
}

#[derive(Debug, Subcommand)]
enum OutcomesCommand {
    /// Sum up what became of the bids: who won, by how much, and what the leases bring
    ///
    /// Exit codes: 0 the report was made, 1 the history or the log cannot be read, 4 a line of the log is damaged.
    Report(ReportArgs),
}

/// Arguments of `bidprice outcomes report`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
struct ReportArgs {
    /// The service's configuration, which names the history and the bid log
    #[arg(long, value_name = "FILE", required_unless_present = "folder", conflicts_with_all = ["folder", "log"])]
    config: Option<PathBuf>,
    /// A history, as the service and `bidprice market pull` write it
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
    /// The bid log whose decisions are looked up; without it, bids are not joined with decisions
    #[arg(long, value_name = "LOG", requires = "folder")]
    log: Option<PathBuf>,
    /// Only bids since then: how long ago, such as `7d`, or a time, such as `2026-11-30T03:00:00Z`
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    since: Option<SystemTime>,
    #[command(flatten)]
    output: OutputArgs,
}

/// Where the history and the log are.
struct Places {
    folder: PathBuf,
    log: Option<PathBuf>,
}

pub(crate) fn run(args: &Args) -> Result<Exit, CliError> {
    let OutcomesCommand::Report(args) = &args.command;
    let Places { folder, log } = places(args)?;
    let logged = match &log {
        None => None,
        Some(path) => {
            let log = Log::open(path).map_err(|error| CliError::unreadable(load::name(path), error))?;
            Some(logged_bids(&log))
        }
    };
    let bids = logged.as_ref().map(|(bids, _)| bids.as_slice());
    let report = Report::of(&folder, args.since, bids).map_err(|error| unreadable(&folder, error))?;
    match args.output.output {
        Output::Json => output::print_json(&shown::json(&report))?,
        Output::Table => output::print(&shown::table(&report))?,
    }
    match logged {
        Some((_, damaged)) if damaged > 0 => {
            output::complain(&format!("warning: {} of the log cannot be read", count(damaged, "line")));
            Ok(Exit::Fault)
        }
        _ => Ok(Exit::Success),
    }
}

fn places(args: &ReportArgs) -> Result<Places, CliError> {
    let (Some(path), None) = (&args.config, &args.folder) else {
        let folder = args.folder.clone().unwrap_or_default();
        return Ok(Places { folder, log: args.log.clone() });
    };
    let loaded = config::load(path).map_err(|error| serve::refused(path, error))?;
    let log = loaded.config.bid_log.as_ref();
    let folder = loaded.config.outcomes.as_ref().and_then(|outcomes| folder_of(outcomes, log));
    let folder = folder.ok_or_else(|| {
        let error = InputError::new("it has no section `outcomes`, so there is no history");
        CliError::malformed(path.display(), error.hint("add the section, or name a history with `--folder`"))
    })?;
    Ok(Places { folder, log: log.map(|log| log.folder.clone()) })
}

fn unreadable(folder: &Path, error: HistoryError) -> CliError {
    match error {
        HistoryError::File { error, .. } if error.is_not_found() => {
            let error = InputError::new("there is no history yet");
            let hint = "the service writes one with its first complete pull (`bidprice status` tells), and so does \
                        `bidprice market pull`";
            CliError::unreadable_input(load::name(folder), error.hint(hint))
        }
        HistoryError::File { file, error } | HistoryError::Unwritable { file, error } => {
            CliError::unreadable_input(file, InputError::new(error))
        }
        HistoryError::Malformed { file, line, problem } => {
            CliError::malformed(file, InputError::new(problem).position(line, 1))
        }
    }
}
