//! `bidprice log`: the decisions in a bid log, as people look at them.
//!
//! A log may have gigabytes: it is read line by line, and only what is asked for stays in memory.

mod decisions;
mod filter;
mod list;
mod outcome;
mod placement;
mod show;
mod sum;

use std::path::{Path, PathBuf};

use clap::Subcommand;
use pricing_engine::bid_log::read::Log;

use crate::error::{CliError, Exit};
use crate::load;
use decisions::Decisions;
use filter::Filter;
pub(crate) use filter::time as moment;

/// Arguments of `bidprice log`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: LogCommand,
}

#[derive(Debug, Subcommand)]
enum LogCommand {
    /// List the decisions, one a line, newest last
    ///
    /// Exit codes: 0 the log was read, 1 it cannot be read, 4 a line of it is damaged.
    List(list::Args),
    /// Show one decision with every line behind its price
    ///
    /// Exit codes: 0 the decision was found, 1 it was not, or the log cannot be read.
    Show(show::Args),
    /// Count the decisions by outcome, reason, cards and denom
    ///
    /// Exit codes: 0 the log was read, 1 it cannot be read, 4 a line of it is damaged.
    Sum(sum::Args),
}

/// Which log.
#[derive(Debug, clap::Args)]
struct LogArg {
    /// A bid log: its folder, or one of its files
    #[arg(value_name = "LOG")]
    log: PathBuf,
}

pub(crate) fn run(args: &Args) -> Result<Exit, CliError> {
    match &args.command {
        LogCommand::List(args) => list::run(args),
        LogCommand::Show(args) => show::run(args),
        LogCommand::Sum(args) => sum::run(args),
    }
}

/// Which decisions of which log.
#[derive(Debug, clap::Args)]
struct Selection {
    #[command(flatten)]
    log: LogArg,
    #[command(flatten)]
    filter: Filter,
}

impl Selection {
    /// Opens the log to read these decisions.
    fn decisions(&self) -> Result<Decisions<'_>, CliError> {
        self.filter.check()?;
        Ok(Decisions::new(&open(&self.log.log)?, &self.filter))
    }
}

fn open(path: &Path) -> Result<Log, CliError> {
    Log::open(path).map_err(|error| CliError::unreadable(load::name(path), error))
}
