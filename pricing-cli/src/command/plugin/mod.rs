//! `bidprice plugin`: the kit for those who write plugins. One file a command.

pub(crate) mod bench;
mod case;
pub(crate) mod check;
pub(crate) mod diff;
pub(crate) mod facts;
mod files;
pub(crate) mod inspect;
mod new;
mod pack;
mod record;
pub(crate) mod run;
mod subject;
mod templates;
pub(crate) mod test;
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
    /// Write a project that builds and passes its tests at once
    New(new::Args),
    /// Say whether a plugin would be loaded, what it has and may have of everything, and why it would be refused
    Check(check::Args),
    /// Price an order and show all that the plugin did: answer, log, fuel, memory, time, and where it crashed
    Run(Box<run::Args>),
    /// Price a folder of cases and compare the decisions with what is expected
    Test(test::Args),
    /// Time calls, beside the built-in pricing of the same order
    Bench(Box<bench::Args>),
    /// List all that is known of a plugin's file without running it
    Inspect(inspect::Args),
    /// Make a component of a core module that was built for the WIT package
    Pack(pack::Args),
}

pub(crate) fn run(args: &Args) -> Result<Exit, CliError> {
    match &args.command {
        PluginCommand::New(args) => new::run(args),
        PluginCommand::Check(args) => check::run(args),
        PluginCommand::Run(args) => run::run(args),
        PluginCommand::Test(args) => test::run(args),
        PluginCommand::Bench(args) => bench::run(args),
        PluginCommand::Pack(args) => pack::run(args),
        PluginCommand::Inspect(args) => inspect::run(args),
    }
}
