//! The commands and options that a build may leave out, because they need a feature of this package.
//!
//! A command that was left out is still listed in the help, with a mark. Running it prints how to get it.

use std::ffi::OsString;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use crate::error::CliError;

/// A feature of this package, as in `Cargo.toml`.
#[derive(Clone, Copy, Debug)]
struct Feature {
    name: &'static str,
    /// Whether this build has the feature.
    built: bool,
}

const PLUGINS: Feature = Feature { name: "plugins", built: cfg!(feature = "plugins") };
const SERVICE: Feature = Feature { name: "service", built: cfg!(feature = "service") };
const SIMULATE: Feature = Feature { name: "simulate", built: cfg!(feature = "simulate") };

/// A part of the program that needs features.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part {
    /// The name in messages. For a command, it is the command's name.
    name: &'static str,
    needs: &'static [Feature],
}

/// Every command that needs a feature, and its line in the help, which a build without the command has nowhere else.
const COMMANDS: [(Part, &str); 17] = [
    (command("feed", &[SERVICE]), "Fetch the value of an AKT, for `bidprice-script`"),
    (command("plugin", &[PLUGINS]), "Write, test and time pricing plugins"),
    (command("serve", &[SERVICE]), "Run the pricing service beside a provider's daemon"),
    (command("config", &[SERVICE]), "Look at the service's configuration"),
    (command("doctor", &[SERVICE]), "Check a whole installation, and say what to do about each problem"),
    (command("probe", &[SERVICE]), "Check whether a running service serves, for exec probes"),
    (command("status", &[SERVICE]), "Show what a running service prices with, and its health"),
    (command("reload", &[SERVICE]), "Make a running service reload its configuration"),
    (command("replay", &[SERVICE]), "Price the decisions of a bid log again, and prove that they are the same"),
    (command("simulate", &[SIMULATE]), "Try pricing strategies on a stream of orders, before they cost money"),
    (command("tune", &[SIMULATE]), "Find rates that would have earned more, and how sure that is"),
    (command("backtest", &[SIMULATE]), "Hold the simulation's predictions against what happened"),
    (command("diff", &[SIMULATE, SERVICE]), "Price the same orders in two ways, and show which differ and by how much"),
    (command("market", &[SIMULATE]), "Compare a rate card with market prices, and pull the market from the chain"),
    (command("log", &[SERVICE]), "Look at the decisions in a bid log"),
    (command("outcomes", &[SERVICE]), "Sum up what became of the bids, as the chain tells it"),
    (command("shadow", &[SERVICE]), "Look at the results of the service's shadow pricing"),
];

/// Every option that needs a feature, of a command that does not: the command, the option's name, and the part.
const OPTIONS: [(&str, &str, Part); 2] = [("quote", "plugin", QUOTE_PLUGIN), ("quote", "socket", QUOTE_SOCKET)];

/// Pricing an order with a plugin.
pub(crate) const QUOTE_PLUGIN: Part = Part { name: "quote --plugin", needs: &[PLUGINS] };
/// A service that is asked for a quote.
pub(crate) const QUOTE_SOCKET: Part = Part { name: "quote --socket", needs: &[SERVICE] };
/// A bid log beside a backtest.
#[cfg(all(feature = "simulate", not(feature = "service")))]
pub(crate) const BACKTEST_BID_LOG: Part = Part { name: "backtest --bid-log", needs: &[SIMULATE, SERVICE] };
/// A rate card from prices of the market.
#[cfg(not(feature = "simulate"))]
pub(crate) const RATES_FROM_MARKET: Part = Part { name: "rates init --from-market", needs: &[SIMULATE] };
/// A market that is pulled from nodes of the chain.
#[cfg(all(feature = "simulate", not(feature = "service")))]
pub(crate) const MARKET_REST: Part = Part { name: "market pull --rest", needs: &[SIMULATE, SERVICE] };
/// A bid log as the source of a simulation's orders.
#[cfg(all(feature = "simulate", not(feature = "service")))]
pub(crate) const BID_LOG: Part = Part { name: "orders.bid_log", needs: &[SIMULATE, SERVICE] };
/// A saved run in a Parquet file.
#[cfg(all(feature = "simulate", feature = "service", not(feature = "parquet")))]
pub(crate) const PARQUET: Part = Part { name: "parquet", needs: &[Feature { name: "parquet", built: false }, SERVICE] };

/// The mark in the help of what was left out.
const MARK: &str = "[left out of this build]";

const fn command(name: &'static str, needs: &'static [Feature]) -> Part {
    Part { name, needs }
}

impl Part {
    fn is_built(&self) -> bool {
        self.needs.iter().all(|feature| feature.built)
    }

    /// Returns the message that this build cannot do it, and how to get one that can.
    pub(crate) fn refusal(&self) -> String {
        let features: Vec<&str> = self.needs.iter().map(|feature| feature.name).collect();
        format!(
            "this build of bidprice does not have `{}`: build it with `cargo build --release --no-default-features \
             --features {}`, or take the full build (without `--no-default-features`)",
            self.name,
            features.join(",")
        )
    }
}

/// Adds what this build leaves out to a command line.
pub(crate) fn mark(mut command: Command) -> Command {
    for (part, about) in COMMANDS.iter().filter(|(part, _)| !part.is_built()) {
        command = command.subcommand(stand_in(part.name, about));
    }
    for (name, option, _) in OPTIONS.iter().filter(|(.., part)| !part.is_built()) {
        command = command.mut_subcommand(name, |command| command.mut_arg(option, marked));
    }
    command
}

/// Returns a command that accepts any arguments, so that its refusal is not preceded by an error about them.
fn stand_in(name: &'static str, about: &str) -> Command {
    let arguments = Arg::new("arguments")
        .action(ArgAction::Append)
        .num_args(0..)
        .value_parser(value_parser!(OsString))
        .allow_hyphen_values(true)
        .trailing_var_arg(true)
        .hide(true);
    Command::new(name).about(format!("{about} {MARK}")).disable_help_flag(true).arg(arguments)
}

fn marked(option: Arg) -> Arg {
    let help = option.get_help().map(ToString::to_string).unwrap_or_default();
    option.help(format!("{help} {MARK}"))
}

/// Refuses a command that this build leaves out.
pub(crate) fn refuse(matches: &ArgMatches) -> Result<(), CliError> {
    let asked = matches.subcommand_name();
    let missing = COMMANDS.iter().find(|(part, _)| asked == Some(part.name) && !part.is_built());
    missing.map_or(Ok(()), |(part, _)| Err(CliError::Usage(part.refusal())))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use clap::CommandFactory;

    use super::*;

    /// The commands that need no feature.
    const ALWAYS: [&str; 7] = ["quote", "reserve", "groups", "inventory", "rates", "completions", "man"];

    fn abouts(command: &Command) -> BTreeMap<String, String> {
        let about = |command: &Command| command.get_about().map(ToString::to_string).unwrap_or_default();
        command.get_subcommands().map(|command| (command.get_name().to_owned(), about(command))).collect()
    }

    #[test]
    fn the_table_has_every_command_that_needs_a_feature_with_its_line_of_the_help() {
        let mut there = abouts(&crate::Cli::command());
        for name in ALWAYS {
            assert!(there.remove(name).is_some(), "{name}");
        }
        let built = COMMANDS.iter().filter(|(part, _)| part.is_built());
        let built = built.map(|(part, about)| (part.name.to_owned(), (*about).to_owned()));
        assert_eq!(there, built.collect());
    }

    #[test]
    fn the_help_of_every_build_has_every_command() {
        let command = mark(crate::Cli::command());
        command.clone().debug_assert();
        let abouts = abouts(&command);
        assert_eq!(abouts.len(), ALWAYS.len() + COMMANDS.len());
        for (part, about) in COMMANDS {
            let mark = if part.is_built() { String::new() } else { format!(" {MARK}") };
            assert_eq!(abouts[part.name], format!("{about}{mark}"));
        }
    }

    #[test]
    fn a_refusal_names_all_features() {
        let (diff, _) = COMMANDS.iter().find(|(part, _)| part.name == "diff").unwrap();
        assert!(diff.refusal().contains("does not have `diff`: build it with"));
        assert!(diff.refusal().contains(" --features simulate,service`, or"), "{}", diff.refusal());
    }
}
