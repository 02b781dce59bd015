//! `bidprice`: prices bids from the card that the scheduler will really allocate.

mod args;
mod command;
mod connect;
mod error;
mod load;
mod output;
mod plugin;
mod plugin_table;
mod scene;
mod table;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use error::{CliError, Exit};

/// Prices bids on a decentralised GPU cloud from the card that the scheduler will really allocate.
///
/// Exit codes: 0 every group is a bid (or the command did its work), 1 the input is wrong, 2 wrong usage, 3 a group
/// declined, 4 a group faulted, 5 internal error.
#[derive(Debug, Parser)]
#[command(name = "bidprice", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Price an order and show the card and every line behind the price
    Quote(command::quote::Args),
    /// Show which node and card each replica of an order would get
    Reserve(command::reserve::Args),
    /// Print the group specs of an SDL as the chain's JSON
    Groups(command::groups::Args),
    /// Look at inventories
    Inventory(command::inventory::Args),
    /// Look at rate cards
    Rates(command::rates::Args),
    /// Fetch what an AKT is worth, for `bidprice-script`
    Feed(command::feed::Args),
    /// Write, test and time pricing plugins
    Plugin(command::plugin::Args),
    /// Run the pricing service beside a provider's daemon
    Serve(command::serve::Args),
    /// Look at the service's configuration
    Config(command::config::Args),
    /// Ask a running service whether it serves, for exec probes
    Probe(command::probe::Args),
    /// Show what a running service prices with, and how well it is
    Status(command::status::Args),
    /// Have a running service take its configuration again
    Reload(command::reload::Args),
    /// Price the decisions of a bid log again, and prove that they are the same
    Replay(command::replay::Args),
    /// Try pricing strategies on a stream of orders before they cost money
    Simulate(command::simulate::Args),
    /// Price the same orders in two ways, and show which differ and by how much
    Diff(command::diff::Args),
    /// Hold a rate card against prices of the market
    Market(command::market::Args),
    /// Look at what the service's shadow pricing came to
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
            Self::Feed(args) => command::feed::run(&args),
            Self::Plugin(args) => command::plugin::run(&args),
            Self::Serve(args) => command::serve::run(&args),
            Self::Config(args) => command::config::run(&args),
            Self::Probe(args) => command::probe::run(&args),
            Self::Status(args) => command::status::run(&args),
            Self::Reload(args) => command::reload::run(&args),
            Self::Replay(args) => command::replay::run(&args),
            Self::Simulate(args) => command::simulate::run(&args),
            Self::Diff(args) => command::diff::run(&args),
            Self::Market(args) => command::market::run(&args),
            Self::Shadow(args) => command::shadow::run(&args),
            Self::Completions(args) => command::shell::completions(&args),
            Self::Man(args) => command::shell::man(&args),
        }
    }
}

fn main() -> ExitCode {
    // The plugin host starts this program to compile in a process that can be killed.
    if std::env::args_os().nth(1).is_some_and(|command| command == plugin::COMPILE_COMMAND) {
        return pricing_host::compile::compile_child_main(std::env::args_os().skip(2));
    }
    let json = output::wants_json(std::env::args_os());
    let outcome = std::panic::catch_unwind(|| match Cli::try_parse() {
        Ok(cli) => cli.command.run(),
        Err(error) => CliError::from_clap(error),
    });
    let outcome = outcome.unwrap_or_else(|_| Err(CliError::internal("this is a bug in bidprice; please report it")));
    match outcome {
        Ok(exit) => exit.into(),
        Err(error) => error.report(json).into(),
    }
}
