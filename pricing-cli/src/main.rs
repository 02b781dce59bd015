//! `bidprice`: prices bids for the card that the scheduler will allocate.

mod amounts;
mod answered;
mod args;
mod card_words;
#[cfg(feature = "plugins")]
mod child;
mod colours;
mod command;
#[cfg(feature = "service")]
mod connect;
#[cfg(feature = "service")]
mod difference_table;
mod error;
mod kubernetes;
mod left_out;
mod load;
#[cfg(feature = "service")]
mod outcome_words;
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
mod wording;

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use pricing_panics::{catch, tell_by};

use error::{CliError, Exit};

/// Prices bids on a decentralised GPU cloud by the card that the scheduler will really allocate.
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
    /// Fetch the value of an AKT, for `bidprice-script`
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
    /// Check a whole installation, and say what to do about each problem
    ///
    /// It looks at the configuration and at everything that it names: socket, addresses, certificates, inventory, feed,
    /// rates, plugin, bid log, nodes of the chain, clock. In the container of the provider's daemon it checks the daemon's
    /// variables, too, and there `--config` may be left out. It changes nothing.
    ///
    /// Exit codes: 0 all is well, perhaps with warnings, 2 wrong usage, 3 something must be mended.
    #[cfg(feature = "service")]
    Doctor(command::doctor::Args),
    /// Check whether a running service serves, for exec probes
    ///
    /// Exit codes: 0 it serves, 1 it does not, or it cannot be reached.
    #[cfg(feature = "service")]
    Probe(command::probe::Args),
    /// Show what a running service prices with, and its health
    #[cfg(feature = "service")]
    Status(command::status::Args),
    /// Make a running service reload its configuration
    ///
    /// A bad configuration changes nothing, and exits with 1. So does one that could cost money, such as a rate card
    /// that lost its deny list: the message lists the changes, and the digest for `--accept`.
    #[cfg(feature = "service")]
    Reload(command::reload::Args),
    /// Price the decisions of a bid log again, and prove that they are the same
    ///
    /// Exit codes: 0 every decision is the same, 1 the log cannot be read, 3 a decision is not the same, also with
    /// `--rates` or `--plugin`, 4 a line could not be checked (beats 3).
    #[cfg(feature = "service")]
    Replay(command::replay::Args),
    /// Try pricing strategies on a stream of orders, before they cost money
    ///
    /// Exit codes: 0 the simulation ran, 1 the scenario or a file that it names is wrong, 130 it was interrupted.
    #[cfg(feature = "simulate")]
    Simulate(command::simulate::Args),
    /// Find rates that would have earned more, and how sure that is
    #[cfg(feature = "simulate")]
    Tune(Box<command::tune::Args>),
    /// Hold the simulation's predictions against what happened
    #[cfg(feature = "simulate")]
    Backtest(command::backtest::Args),
    /// Price the same orders in two ways, and show which differ and by how much
    ///
    /// A and B are each a rate card (`.toml`), a plugin (`.wasm`, `.wat`), a bid price script (`.sh`, or any program),
    /// `scale` (the daemon's scale pricing, with `AKASH_BID_PRICE_*_SCALE` from the environment), or a saved run: a bid
    /// log, or a `.jsonl` or `.csv` file of `bidprice simulate --decisions`. `rates:`, `plugin:`, `script:` and `run:`
    /// before the name say which it is; `old:RATES` prices a request that leaves the model open as the rate card's
    /// dearest card.
    ///
    /// Exit codes: 0 the orders were compared, 1 an input is wrong, 2 wrong usage, such as no `--usd-per-akt` for
    /// orders in uakt, 3 a `--fail-if` holds, 4 A or B is a fault for every order (beats 3).
    #[cfg(all(feature = "simulate", feature = "service"))]
    Diff(Box<command::diff::Args>),
    /// Compare a rate card with market prices, and pull the market from the chain
    #[cfg(feature = "simulate")]
    Market(command::market::Args),
    /// Look at the decisions in a bid log
    #[cfg(feature = "service")]
    Log(command::log::Args),
    /// Sum up what became of the bids, as the chain tells it
    #[cfg(feature = "service")]
    Outcomes(command::outcomes::Args),
    /// Look at the results of the service's shadow pricing
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
            Self::Doctor(args) => command::doctor::run(&args),
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
            #[cfg(feature = "simulate")]
            Self::Tune(args) => command::tune::run(&args),
            #[cfg(feature = "simulate")]
            Self::Backtest(args) => command::backtest::run(&args),
            #[cfg(all(feature = "simulate", feature = "service"))]
            Self::Diff(args) => command::diff::run(&args),
            #[cfg(feature = "simulate")]
            Self::Market(args) => command::market::run(&args),
            #[cfg(feature = "service")]
            Self::Log(args) => command::log::run(&args),
            #[cfg(feature = "service")]
            Self::Outcomes(args) => command::outcomes::run(&args),
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
///
/// The variables are checked before the command line is reported as wrong, because an unknown variable may be the
/// cause. They are not checked for help and version, which must work in any environment.
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
    // The doctor reports an unknown variable beside everything else.
    if matches.subcommand_name() != Some("doctor") {
        load::check_variables()?;
    }
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
