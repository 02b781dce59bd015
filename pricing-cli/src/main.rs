//! `bidprice`: prices bids for the card that the scheduler will allocate.

mod answered;
mod args;
#[cfg(feature = "plugins")]
mod child;
mod command;
#[cfg(feature = "service")]
mod connect;
#[cfg(feature = "service")]
mod difference_table;
mod error;
mod left_out;
mod load;
mod output;
#[cfg(feature = "plugins")]
mod plugin;
#[cfg(not(feature = "plugins"))]
#[path = "plugin_left_out.rs"]
mod plugin;
mod quote_table;
mod rate_entries;
mod scene;
mod table;
#[cfg(any(feature = "service", feature = "simulate"))]
mod wording;

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use pricing_panics::{catch, tell_by};

use error::{CliError, Exit};

/// Prices bids on a decentralised GPU cloud from the card that the scheduler will really allocate.
///
/// Exit codes: 0 every group is a bid (or the command did its work), 1 the input is wrong, 2 wrong usage, 3 a group
/// declined, 4 a group faulted, 5 internal error, or no answer to `quote --socket`.
#[derive(Debug, Parser)]
#[command(name = "bidprice", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Price an order and show the card and every line behind the price
    Quote(Box<command::quote::Args>),
    /// Show which node and card each replica of an order would get
    Reserve(command::reserve::Args),
    /// Print the group specs of an SDL as the chain's JSON
    Groups(command::groups::Args),
    /// Look at inventories
    Inventory(command::inventory::Args),
    /// Look at rate cards
    Rates(command::rates::Args),
    /// Fetch what an AKT is worth, for `bidprice-script`
    #[cfg(feature = "service")]
    Feed(command::feed::Args),
    /// Write, test and time pricing plugins
    #[cfg(feature = "plugins")]
    Plugin(command::plugin::Args),
    /// Run the pricing service beside a provider's daemon
    #[cfg(feature = "service")]
    Serve(command::serve::Args),
    /// Look at the service's configuration
    #[cfg(feature = "service")]
    Config(command::config::Args),
    /// Ask a running service whether it serves, for exec probes
    #[cfg(feature = "service")]
    Probe(command::probe::Args),
    /// Show what a running service prices with, and how well it is
    #[cfg(feature = "service")]
    Status(command::status::Args),
    /// Have a running service take its configuration again
    #[cfg(feature = "service")]
    Reload(command::reload::Args),
    /// Price the decisions of a bid log again, and prove that they are the same
    #[cfg(feature = "service")]
    Replay(command::replay::Args),
    /// Try pricing strategies on a stream of orders before they cost money
    #[cfg(feature = "simulate")]
    Simulate(command::simulate::Args),
    /// Price the same orders in two ways, and show which differ and by how much
    #[cfg(all(feature = "simulate", feature = "service"))]
    Diff(command::diff::Args),
    /// Compare a rate card with prices of the market, and pull the market from the chain
    #[cfg(feature = "simulate")]
    Market(command::market::Args),
    /// Look at the decisions in a bid log
    #[cfg(feature = "service")]
    Log(command::log::Args),
    /// Look at what the service's shadow pricing came to
    #[cfg(feature = "service")]
    Shadow(command::shadow::Args),
    /// Print the completion script of a shell
    Completions(command::shell::CompletionsArgs),
    /// Write the manual pages
    Man(command::shell::ManArgs),
}

impl Command {
    fn run(self) -> Result<Exit, CliError> {
        match self {
            Self::Quote(args) => command::quote::run(&args),
            Self::Reserve(args) => command::reserve::run(&args),
            Self::Groups(args) => command::groups::run(&args),
            Self::Inventory(args) => command::inventory::run(&args),
            Self::Rates(args) => command::rates::run(&args),
            #[cfg(feature = "service")]
            Self::Feed(args) => command::feed::run(&args),
            #[cfg(feature = "plugins")]
            Self::Plugin(args) => command::plugin::run(&args),
            #[cfg(feature = "service")]
            Self::Serve(args) => command::serve::run(&args),
            #[cfg(feature = "service")]
            Self::Config(args) => command::config::run(&args),
            #[cfg(feature = "service")]
            Self::Probe(args) => command::probe::run(&args),
            #[cfg(feature = "service")]
            Self::Status(args) => command::status::run(&args),
            #[cfg(feature = "service")]
            Self::Reload(args) => command::reload::run(&args),
            #[cfg(feature = "service")]
            Self::Replay(args) => command::replay::run(&args),
            #[cfg(feature = "simulate")]
            Self::Simulate(args) => command::simulate::run(&args),
            #[cfg(all(feature = "simulate", feature = "service"))]
            Self::Diff(args) => command::diff::run(&args),
            #[cfg(feature = "simulate")]
            Self::Market(args) => command::market::run(&args),
            #[cfg(feature = "service")]
            Self::Log(args) => command::log::run(&args),
            #[cfg(feature = "service")]
            Self::Shadow(args) => command::shadow::run(&args),
            Self::Completions(args) => command::shell::completions(&args),
            Self::Man(args) => command::shell::man(&args),
        }
    }
}

/// Returns the command line, with the commands that this build leaves out.
fn command_line() -> clap::Command {
    left_out::mark(Cli::command())
}

/// Runs the command.
fn run() -> Result<Exit, CliError> {
    let matches = match command_line().try_get_matches() {
        Ok(matches) => matches,
        Err(error) => {
            if error.use_stderr() {
                // An unknown variable may be the cause, and is reported first.
                load::check_variables()?;
            }
            return output::answer_of_clap(&error);
        }
    };
    load::check_variables()?;
    left_out::refuse(&matches)?;
    match Cli::from_arg_matches(&matches) {
        Ok(cli) => cli.command.run(),
        Err(error) => output::answer_of_clap(&error),
    }
}

fn main() -> ExitCode {
    #[cfg(feature = "plugins")]
    if let Some(exit) = child::run() {
        return exit;
    }
    let json = output::wants_json(std::env::args_os());
    // For panics of other threads. A panic of this thread is caught, and becomes an error.
    tell_by(|panic| output::complain(&format!("error: {}", CliError::bug(panic))));
    let outcome = catch(run).unwrap_or_else(|panic| Err(CliError::bug(&panic)));
    match outcome {
        Ok(exit) => exit.into(),
        Err(error) => output::report(&error, json).into(),
    }
}
