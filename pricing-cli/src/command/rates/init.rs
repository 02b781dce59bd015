//! `bidprice rates init`: writes a rate card to go on with.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use pricing_core::input::InputError;
use pricing_core::rates::{environment, starter, toml};

use super::warn_of_names;
use crate::error::{CliError, Exit};
use crate::load::{self, Document};
use crate::output;

/// Arguments of `bidprice rates init`.
///
/// The card is TOML with a comment for each line. Without an option it is made of the `PRICE_TARGET_*` variables of the
/// environment or, if none of them is set, of example prices.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Take the bid script's variables from a file of `NAME=VALUE` lines, such as the environment of the provider's chart;
    /// `-` is stdin
    #[arg(long, value_name = "FILE", conflicts_with = "from_market")]
    from_env_file: Option<PathBuf>,
    /// Take the prices of GPUs from a list of market prices, as `bidprice market show` reads it; `-` is stdin. Needs the
    /// feature `simulate`
    #[arg(long, value_name = "LIST")]
    from_market: Option<PathBuf>,
    /// Write the card to a file instead of stdout
    #[arg(short, long = "out", value_name = "FILE")]
    out: Option<PathBuf>,
    /// Replace the file if it is there
    #[arg(long, requires = "out")]
    force: bool,
}

pub(crate) fn run(args: &Args) -> Result<Exit, CliError> {
    finish(&card(args)?, args.out.as_deref(), args.force)
}

/// Checks a new card, and writes it to a file or prints it.
pub(crate) fn finish(card: &str, out: Option<&Path>, force: bool) -> Result<Exit, CliError> {
    // It was written to be read.
    let pricing = toml::read(card)
        .map_err(|error| CliError::internal(format!("this is a bug in bidprice; please report it: {error}\n{card}")))?;
    warn_of_names("the new rate card", &pricing);
    let Some(path) = out else {
        output::print(card)?;
        return Ok(Exit::Success);
    };
    write(path, card, force)?;
    let shown = path.display();
    output::print(&format!("wrote {shown}; look at it with `bidprice rates show --rates {shown}`\n"))?;
    Ok(Exit::Success)
}

/// The text of the card, by where its prices come from.
fn card(args: &Args) -> Result<String, CliError> {
    if let Some(list) = &args.from_market {
        return market(list);
    }
    let (source, variables) = match &args.from_env_file {
        Some(path) => {
            let document = Document::read(path, load::MAX_RATES_BYTES)?;
            let variables = environment::file(&document.text).map_err(|error| document.malformed(error))?;
            (document.name, variables)
        }
        None => ("environment".to_owned(), load::variables(|name| name.starts_with(load::RATES_PREFIX))),
    };
    let known = environment::check_names(variables.keys().map(String::as_str));
    known.map_err(|error| CliError::malformed(&source, error))?;
    if variables.values().all(String::is_empty) && args.from_env_file.is_none() {
        return Ok(starter::example());
    }
    starter::of_script(|name| variables.get(name).cloned())
        .map_err(|errors| CliError::malformed_in_places(&source, errors))
}

/// A card with the prices of the market.
#[cfg(feature = "simulate")]
fn market(list: &Path) -> Result<String, CliError> {
    crate::command::market::card_of_list(list)
}

/// The refusal of a build that has no lists of market prices.
#[cfg(not(feature = "simulate"))]
fn market(_list: &Path) -> Result<String, CliError> {
    Err(CliError::Usage(crate::left_out::RATES_FROM_MARKET.refusal()))
}

/// Writes the card. A file that is there stays, unless it may be replaced.
fn write(path: &Path, card: &str, force: bool) -> Result<(), CliError> {
    let shown = path.display();
    if force {
        return pricing_files::write_whole(path, |file| file.write_all(card.as_bytes()))
            .map_err(|error| CliError::unwritable(shown, error));
    }
    let new = OpenOptions::new().write(true).create_new(true).open(path);
    match new.and_then(|mut file| file.write_all(card.as_bytes())) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let error = InputError::new("there is such a file already");
            Err(CliError::malformed(shown, error.hint("name another one, or replace it with --force")))
        }
        written => written.map_err(|error| CliError::unwritable(shown, error)),
    }
}
