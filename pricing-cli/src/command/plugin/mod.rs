//! `bidprice plugin`: the kit for those who write plugins. One file a command.

pub(crate) mod check;
pub(crate) mod facts;
mod files;
pub(crate) mod inspect;
mod record;
pub(crate) mod run;
mod subject;
pub(crate) mod words;

use clap::Subcommand;

use crate::error::{CliError, Exit};

/// Arguments of `bidprice plugin`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: PluginCommand,
}

#[derive(Debug, Subcommand)]
enum PluginCommand {
    /// Say whether a plugin would be loaded, what it has and may have of everything, and why it would be refused
    Check(check::Args),
    /// Price an order and show all that the plugin did: answer, log, fuel, memory, time, and where it crashed
    Run(Box<run::Args>),
    /// List all that is known of a plugin's file without running it
    Inspect(inspect::Args),
}

pub(crate) fn run(args: &Args) -> Result<Exit, CliError> {
    match &args.command {
        PluginCommand::Check(args) => check::run(args),
        PluginCommand::Run(args) => run::run(args),
        PluginCommand::Inspect(args) => inspect::run(args),
    }
}
