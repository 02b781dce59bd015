//! `bidprice plugin`: the kit for plugin authors. Each command has a file.

mod bench;
mod case;
mod check;
mod diff;
mod facts;
mod files;
mod inspect;
mod new;
mod pack;
mod packing;
mod record;
mod results;
mod run;
mod subject;
mod table;
mod templates;
mod test;
mod words;

use clap::Subcommand;

use crate::error::{CliError, Exit};

pub(crate) use packing::{PACK_COMMAND, pack_child_main};

/// Arguments of `bidprice plugin`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: PluginCommand,
}

#[derive(Debug, Subcommand)]
enum PluginCommand {
    /// Write a project that builds and passes its tests at once
    ///
    /// The folder must be empty, or must not exist. Exit codes: 0 done, 1 it cannot be written, 2 a bad name.
    New(new::Args),
    /// Check whether a plugin would be loaded, with its sizes and their limits, and the reason for a refusal
    ///
    /// The plugin is compiled again, and called once with a small made-up order. Exit codes: 0 it would be loaded, 1
    /// the file cannot be read, 4 it would be refused, or the call failed.
    Check(check::Args),
    /// Price an order and show everything that the plugin did: answer, log, fuel, memory, time, and where it crashed
    ///
    /// The limits are those of production, and are enforced. The time is that of one call with cold caches; `bidprice
    /// plugin bench` shows what to expect in production. Exit codes: as for `bidprice quote`.
    Run(Box<run::Args>),
    /// Price a folder of cases and compare the decisions with what is expected
    ///
    /// A case is a file NAME.toml with the key `order` and, optionally, `format`, `inventory`, `rates` (paths from the
    /// case's folder), `owner`, `usd_per_akt`, `scheduler` and `already_reserved`. Beside it NAME.expected.json holds
    /// the decisions; --bless writes them. Each case is priced twice, and both answers must be the same and use the
    /// same fuel. Exit codes: 0 every case is as expected, 1 one is not, or an input is wrong, 4 the plugin was
    /// refused.
    Test(test::Args),
    /// Time calls, beside the built-in pricing of the same order
    ///
    /// Each call has a fresh instance, as in production. Its time includes handing over the order, the plugin's work,
    /// and checking and pricing its answer, but not placing the order. The native time is that of the built-in quote.
    /// Of an order with several groups, only the first is timed. A warning says if the calls end without a bid. Exit
    /// codes: 0 done, 1 an input is wrong, 3 the order is declined before the plugin is asked, 4 the plugin was refused
    /// or failed, or its answer is a fault such as `rate-unavailable`.
    Bench(Box<bench::Args>),
    /// List everything that is known about a plugin's file, without running it
    ///
    /// Exit codes: 0 the file may be a plugin, 1 it cannot be read, 4 it would be refused.
    Inspect(inspect::Args),
    /// Make a component of a core module that was built for the WIT package
    ///
    /// Such a module is built with the SDK, or with another generator of bindings.
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
