//! Reads the inputs that the command line names.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use pricing_core::input::InputError;
use pricing_core::inventory::validate::Validated;
use pricing_core::inventory::words::describe;
use pricing_core::inventory::{self, Cluster, finding::Finding};
use pricing_core::order::detect::Orders;
use pricing_core::order::{self, Order};
use pricing_core::quote::scale::Scales;
use pricing_core::rates::{self, Pricing};
use pricing_core::text::excerpt;
use pricing_core::variables;
use pricing_files::{FileError, Kind};
use serde::{Deserialize, Serialize};

use crate::args::{OrderArgs, RatesArgs, StrictArgs};
use crate::error::CliError;
use crate::output;
use crate::wording::{count, number};

/// What the names of the rates' variables start with.
pub(crate) const RATES_PREFIX: &str = "PRICE_TARGET_";
/// The most bytes that a rate card may have.
pub(crate) const MAX_RATES_BYTES: usize = 1 << 20;

/// A text, and its name in messages.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Document {
    pub(crate) name: String,
    pub(crate) text: String,
    /// Whether the text is a cluster in words, which the command line named in place of a file.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub(crate) words: bool,
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

    /// The inventory that the command line names: a file or, where there is no such file, a cluster in words.
    pub(crate) fn inventory_or_words(named: &Path) -> Result<Self, CliError> {
        let unread = match Self::inventory(named) {
            Err(unread) if !is_there(named) => unread,
            read => return read,
        };
        let Some(words) = named.to_str() else { return Err(unread) };
        match describe(words) {
            Ok(_) => Ok(Self { name: "the inventory in words".to_owned(), text: words.to_owned(), words: true }),
            Err(problem) => Err(neither(words, &problem)),
        }
    }

    /// The inventory that the text is, and what was found wrong with it.
    pub(crate) fn validated(&self) -> Result<Validated, CliError> {
        if self.words {
            let cluster = describe(&self.text).map_err(|error| self.malformed(error))?;
            return Ok(Validated { cluster, findings: Vec::new() });
        }
        let snapshot = inventory::read::read(&self.text).map_err(|error| self.malformed(error))?;
        Ok(inventory::validate::validate(snapshot))
    }

    /// A rate card in a file.
    pub(crate) fn rates(path: &Path) -> Result<Self, CliError> {
        Self::read(path, MAX_RATES_BYTES)
    }

    /// Reads any text of at most `limit` bytes from a file.
    pub(crate) fn read(path: &Path, limit: usize) -> Result<Self, CliError> {
        Ok(Self { name: name(path), text: text(path, limit)?, words: false })
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
            Self::File(document) => rates::toml::inspect(&document.text),
            Self::Environment(variables) => rates::environment::check_names(variables.keys().map(String::as_str))
                .map_err(|error| vec![error])
                .and_then(|()| rates::environment::inspect(|name| variables.get(name).cloned())),
        }
        .map_err(|errors| CliError::malformed_in_places(self.name(), errors))
    }

    /// What messages call the rates.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::File(document) => &document.name,
            Self::Environment(_) => "environment",
        }
    }
}

/// Some variables of the environment.
pub(crate) fn variables(is_wanted: impl Fn(&str) -> bool) -> BTreeMap<String, String> {
    // Non-UTF-8 values are kept, so that reading them fails: one that was taken for unset would be priced by a default.
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
    let orders = order::detect::read_with_warnings(&content, args.format)
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

/// The files of a folder that hold orders (SDLs, group specs and script requests), sorted by name.
pub(crate) fn order_files(folder: &Path) -> Result<Vec<PathBuf>, CliError> {
    let unreadable = |error: io::Error| CliError::unreadable_input(name(folder), InputError::new(error));
    let mut files: Vec<PathBuf> = Vec::new();
    let mut sdls = false;
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let file = entry.map_err(unreadable)?.path();
        match file.extension().and_then(|ending| ending.to_str()) {
            Some("yaml" | "yml") => sdls = true,
            Some("json") => {}
            _ => continue,
        }
        files.push(file);
    }
    // JSON files beside SDLs are usually generated from them, so these orders would count twice.
    files.retain(|file| !sdls || file.extension().is_none_or(|ending| ending != "json"));
    files.sort();
    Ok(files)
}

/// What an order is called: its group, its file in a folder, or both where the file has several groups.
pub(crate) fn order_name(file: Option<&Path>, order: &Order, several: bool) -> String {
    let group = order.group.name();
    let file = file.and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
    match (file, several) {
        (None, _) => group.exact().to_owned(),
        (Some(file), false) => file,
        (Some(file), true) => format!("{file}/{}", group.exact()),
    }
}

/// Reads the text of an order file.
pub(crate) fn order_text(path: &Path) -> Result<String, CliError> {
    text(path, order::MAX_INPUT_BYTES)
}

/// The cluster that an inventory file or words describe, and what was found wrong with it.
pub(crate) fn inventory(named: &Path) -> Result<(Cluster, Vec<Finding>), CliError> {
    let validated = Document::inventory_or_words(named)?.validated()?;
    Ok((validated.cluster, validated.findings))
}

/// The cluster that an inventory file or words describe. Prints to stderr that there are findings, if there are any.
pub(crate) fn inventory_with_warning(named: &Path) -> Result<Cluster, CliError> {
    let (cluster, findings) = inventory(named)?;
    tell_findings(findings.len());
    Ok(cluster)
}

/// Prints to stderr that there are findings about an inventory, if there are any.
pub(crate) fn tell_findings(findings: usize) {
    if findings > 0 {
        let findings = count(number(findings), "finding");
        output::complain(&format!("warning: the inventory has {findings}; see `bidprice inventory check`"));
    }
}

/// Whether the command line names something that is there: stdin, or anything of that name.
fn is_there(named: &Path) -> bool {
    named == Path::new("-") || named.symlink_metadata().is_ok()
}

/// The error for an inventory that is neither a file nor words.
fn neither(named: &str, problem: &InputError) -> CliError {
    let message = format!("there is no such file, and it is not an inventory in words: {}", problem.message());
    let error = InputError::new(message);
    let hint = "name a file, or `-` for standard input, or describe the cluster, such as `2 nodes x 8 h100/80Gi/sxm`";
    CliError::unreadable_input(excerpt(named), error.hint(hint))
}

/// The rate card that a file or the environment names.
pub(crate) fn pricing(args: &RatesArgs) -> Result<Pricing, CliError> {
    RatesText::of(args)?.pricing()
}

/// Reads a rate card from a file.
pub(crate) fn rate_card(path: &Path) -> Result<Pricing, CliError> {
    RatesText::File(Document::rates(path)?).pricing()
}
