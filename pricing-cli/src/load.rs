//! Reads the inputs that the command line names.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::io;
use std::path::Path;

use pricing_core::input::InputError;
use pricing_core::inventory::{self, Cluster, finding::Finding};
use pricing_core::order;
use pricing_core::order::detect::Orders;
use pricing_core::quote::scale::Scales;
use pricing_core::rates::{self, Pricing};
use pricing_core::variables;
use pricing_files::{FileError, Kind};
use serde::{Deserialize, Serialize};

use crate::args::{OrderArgs, RatesArgs, StrictArgs};
use crate::error::CliError;
use crate::output;

/// The prefix of the variables with rates.
const RATES_PREFIX: &str = "PRICE_TARGET_";
/// The most bytes of a rate card.
const MAX_RATES_BYTES: usize = 1 << 20;

/// A text, and its name in messages.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Document {
    pub(crate) name: String,
    pub(crate) text: String,
}

impl Document {
    /// Reads an order from a file.
    pub(crate) fn order(path: &Path) -> Result<Self, CliError> {
        Self::read(path, order::MAX_INPUT_BYTES)
    }

    /// Reads an inventory from a file.
    pub(crate) fn inventory(path: &Path) -> Result<Self, CliError> {
        Self::read(path, inventory::MAX_INPUT_BYTES)
    }

    /// Reads a rate card from a file.
    pub(crate) fn rates(path: &Path) -> Result<Self, CliError> {
        Self::read(path, MAX_RATES_BYTES)
    }

    /// Reads any text of at most `limit` bytes from a file.
    pub(crate) fn read(path: &Path, limit: usize) -> Result<Self, CliError> {
        Ok(Self { name: name(path), text: text(path, limit)? })
    }

    /// Returns an error in this text.
    pub(crate) fn malformed(&self, error: InputError) -> CliError {
        CliError::malformed(&self.name, error)
    }
}

/// Refuses environment variables with this project's prefix that are unknown or empty.
pub(crate) fn check_variables() -> Result<(), CliError> {
    let set: Vec<(String, bool)> =
        env::vars_os().map(|(name, value)| (name.to_string_lossy().into_owned(), value.is_empty())).collect();
    let set = set.iter().map(|(name, is_empty)| (name.as_str(), *is_empty));
    variables::check(set).map_err(|error| CliError::malformed("environment", error))
}

/// The text of the rates.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RatesText {
    /// A rate card.
    File(Document),
    /// The environment variables with rates.
    Environment(BTreeMap<String, String>),
}

impl RatesText {
    /// Reads the text from the file, or from the environment if none is named.
    pub(crate) fn of(args: &RatesArgs) -> Result<Self, CliError> {
        match &args.rates {
            Some(path) => Document::rates(path).map(Self::File),
            None => Ok(Self::Environment(variables(|name| name.starts_with(RATES_PREFIX)))),
        }
    }

    /// Parses the rates.
    pub(crate) fn pricing(&self) -> Result<Pricing, CliError> {
        match self {
            Self::File(document) => rates::toml::read(&document.text).map_err(|error| document.malformed(error)),
            Self::Environment(variables) => rates::environment::check_names(variables.keys().map(String::as_str))
                .and_then(|()| rates::environment::read(|name| variables.get(name).cloned()))
                .map_err(|error| CliError::malformed("environment", error)),
        }
    }
}

/// Returns the environment variables with a wanted name.
fn variables(is_wanted: impl Fn(&str) -> bool) -> BTreeMap<String, String> {
    // Values that are not UTF-8 are included, so that parsing them fails. If they were skipped, defaults would set the
    // price.
    let text = |value: OsString| value.to_string_lossy().into_owned();
    env::vars_os().map(|(name, value)| (text(name), text(value))).filter(|(name, _)| is_wanted(name)).collect()
}

/// Returns the environment variables with the daemon's scales.
pub(crate) fn scale_variables() -> Result<BTreeMap<String, String>, CliError> {
    let variables = variables(Scales::is_scale);
    let known = Scales::check_names(variables.keys().map(String::as_str));
    known.map_err(|error| CliError::malformed("environment", error))?;
    Ok(variables)
}

/// Reads the daemon's scale pricing from the environment.
pub(crate) fn scales() -> Result<Scales, CliError> {
    let variables = scale_variables()?;
    Scales::read(|name| variables.get(name).cloned()).map_err(|error| CliError::malformed("environment", error))
}

/// Returns the name of a file in messages.
pub(crate) fn name(path: &Path) -> String {
    if path == Path::new("-") { "stdin".to_owned() } else { path.display().to_string() }
}

/// Reads a text of at most `limit` bytes from a file, or from stdin for `-`.
fn text(path: &Path, limit: usize) -> Result<String, CliError> {
    let most = u64::try_from(limit).unwrap_or(u64::MAX);
    let read = if path == Path::new("-") {
        pricing_files::read_from(io::stdin().lock(), most).and_then(pricing_files::text)
    } else {
        pricing_files::read_text(path, most)
    };
    read.map_err(|error| unreadable(path, error))
}

/// Returns the error for a file that cannot be read. For a pipe, it suggests `-`.
fn unreadable(path: &Path, error: FileError) -> CliError {
    let piped = matches!(error, FileError::NotPlain(Kind::Pipe | Kind::Socket | Kind::Device));
    let error = InputError::new(error);
    let error = if piped { error.hint("name a file, or `-` for standard input") } else { error };
    CliError::unreadable_input(name(path), error)
}

/// Reads the orders of a file, one for each group. Warnings are printed to stderr.
pub(crate) fn orders(args: &OrderArgs) -> Result<Orders, CliError> {
    let content = text(&args.order, order::MAX_INPUT_BYTES)?;
    let orders = order::detect::read_with_warnings(&content, args.format.map(Into::into))
        .map_err(|error| CliError::malformed(name(&args.order), error))?;
    tell(&name(&args.order), &orders.warnings, &args.strictness)?;
    Ok(orders)
}

/// Prints warnings about a text to stderr, or returns the first of them as an error if `--strict` is set.
pub(crate) fn tell(source: &str, warnings: &[InputError], strictness: &StrictArgs) -> Result<(), CliError> {
    match warnings.first() {
        Some(warning) if strictness.strict => Err(CliError::malformed(source, warning.clone())),
        _ => {
            warnings.iter().for_each(|warning| output::complain(&format!("warning: {source}: {warning}")));
            Ok(())
        }
    }
}

/// Reads the text of an order file.
pub(crate) fn order_text(path: &Path) -> Result<String, CliError> {
    text(path, order::MAX_INPUT_BYTES)
}

/// Reads an inventory file. Returns the cluster, and the findings about it.
pub(crate) fn inventory(path: &Path) -> Result<(Cluster, Vec<Finding>), CliError> {
    let content = text(path, inventory::MAX_INPUT_BYTES)?;
    let snapshot = inventory::read::read(&content).map_err(|error| CliError::malformed(name(path), error))?;
    let validated = inventory::validate::validate(snapshot);
    Ok((validated.cluster, validated.findings))
}

/// Reads the rate card from a file or the environment.
pub(crate) fn pricing(args: &RatesArgs) -> Result<Pricing, CliError> {
    RatesText::of(args)?.pricing()
}

/// Reads a rate card from a file.
pub(crate) fn rate_card(path: &Path) -> Result<Pricing, CliError> {
    RatesText::File(Document::rates(path)?).pricing()
}
