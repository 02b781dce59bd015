//! `bidprice outcomes`: what became of the bids.

mod shown;

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use clap::Subcommand;
use pricing_core::input::InputError;
use pricing_core::text::excerpt;
use pricing_engine::bid_log::read::Log;
use pricing_engine::config;
use pricing_engine::outcomes::HistoryError;
use pricing_engine::outcomes::report::{Logged, Report};
use pricing_engine::outcomes::{folder_of, provider_of};

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
#[command(after_help = EXAMPLE, group = clap::ArgGroup::new("history").required(true).args(["config", "folder"]))]
struct ReportArgs {
    /// The service's configuration, which names the history and the bid log
    #[arg(long, value_name = "FILE", conflicts_with = "log")]
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
    /// The provider that the configuration names.
    provider: Option<String>,
}

pub(crate) fn run(args: &Args) -> Result<Exit, CliError> {
    let OutcomesCommand::Report(args) = &args.command;
    let Places { folder, log, provider } = places(args)?;
    if folder.is_file() {
        let error = InputError::new("it is a file; name the folder of a history");
        return Err(CliError::unreadable_input(load::name(&folder), error));
    }
    is_of(&folder, provider.as_deref())?;
    let logged = match &log {
        None => None,
        Some(path) => opened(path, args.config.is_some())?.map(|log| Logged::read(&log, args.since)),
    };
    let report = Report::of(&folder, args.since, logged.as_ref()).map_err(|error| unreadable(&folder, error))?;
    match args.output.output {
        Output::Json => output::print_json(&shown::json(&report))?,
        Output::Table => output::print(&shown::table(&report, log.is_some(), args.since))?,
    }
    match logged {
        Some(Logged { damaged, .. }) if damaged > 0 => {
            output::complain(&format!("warning: {} of the log cannot be read", count(damaged, "line")));
            Ok(Exit::Fault)
        }
        _ => Ok(Exit::Success),
    }
}

fn places(args: &ReportArgs) -> Result<Places, CliError> {
    let (Some(path), None) = (&args.config, &args.folder) else {
        let folder = args.folder.clone().unwrap_or_default();
        return Ok(Places { folder, log: args.log.clone(), provider: None });
    };
    let loaded = config::load(path).map_err(|error| serve::refused(path, error))?;
    let log = loaded.config.bid_log.as_ref();
    let outcomes = loaded.config.outcomes.as_ref();
    let folder = outcomes.and_then(|outcomes| folder_of(outcomes, log));
    let folder = folder.ok_or_else(|| {
        let error = InputError::new("it has no section `outcomes`, so there is no history");
        CliError::malformed(path.display(), error.hint("add the section, or name a history with `--folder`"))
    })?;
    let provider = outcomes.map(|outcomes| outcomes.provider.clone());
    Ok(Places { folder, log: log.map(|log| log.folder.clone()), provider })
}

/// Refuses the history of another provider than the configuration's, as the service does.
fn is_of(folder: &Path, provider: Option<&str>) -> Result<(), CliError> {
    let Some(provider) = provider else { return Ok(()) };
    let there = provider_of(folder).map_err(|error| unreadable(folder, error))?;
    let Some(there) = there.filter(|there| there != provider) else { return Ok(()) };
    let [there, provider] = [there.as_str(), provider].map(excerpt);
    let error = InputError::new(format_args!("the folder has the market of {there}, and not of {provider}"));
    let hint = "`outcomes.provider` and `outcomes.folder` have to fit; `--folder` reads any history";
    Err(CliError::unreadable_input(load::name(folder), error.hint(hint)))
}

/// Opens a bid log. `None` if it is the configuration's, and the service has not written any line yet.
fn opened(path: &Path, is_configured: bool) -> Result<Option<Log>, CliError> {
    match Log::open(path) {
        Ok(log) => Ok(Some(log)),
        Err(error) if is_configured && error.kind() == std::io::ErrorKind::NotFound => {
            output::complain(&format!("note: {}: there is no bid log yet", load::name(path)));
            Ok(None)
        }
        Err(error) => Err(CliError::unreadable(load::name(path), error)),
    }
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
            let error = InputError::new(problem).position(line, 1);
            CliError::malformed(file, error.hint("pull the market again, into another folder"))
        }
    }
}
