//! Reads what the command line names.

use std::env;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use pricing_core::inventory::{self, Cluster, finding::Finding};
use pricing_core::order::{self, Order};
use pricing_core::rates::{self, Pricing};

use crate::args::{OrderArgs, RatesArgs};
use crate::error::CliError;

/// The most bytes that a rate card may have.
const MAX_RATES_BYTES: usize = 1 << 20;

/// What messages call a file.
pub(crate) fn name(path: &Path) -> String {
    if path == Path::new("-") { "stdin".to_owned() } else { path.display().to_string() }
}

/// The text of a file, or of stdin for `-`, if it is not longer than it may be.
fn text(path: &Path, limit: usize) -> Result<String, CliError> {
    let source = name(path);
    let unreadable = |error: io::Error| match error.kind() {
        io::ErrorKind::InvalidData => CliError::unreadable(&source, "the file is not UTF-8 text"),
        _ => CliError::unreadable(&source, error),
    };
    let bound = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    let mut content = String::new();
    if path == Path::new("-") {
        io::stdin().lock().take(bound).read_to_string(&mut content).map_err(unreadable)?;
    } else {
        File::open(path).and_then(|file| file.take(bound).read_to_string(&mut content)).map_err(unreadable)?;
    }
    if content.len() > limit {
        return Err(CliError::unreadable(&source, format!("the file is longer than {limit} bytes")));
    }
    Ok(content)
}

/// The orders that a file holds: one a group.
pub(crate) fn orders(args: &OrderArgs) -> Result<Vec<Order>, CliError> {
    let content = text(&args.order, order::MAX_INPUT_BYTES)?;
    order::detect::read(&content, args.format.map(Into::into))
        .map_err(|error| CliError::malformed(name(&args.order), error))
}

/// The text of an order file.
pub(crate) fn order_text(path: &Path) -> Result<String, CliError> {
    text(path, order::MAX_INPUT_BYTES)
}

/// The cluster that an inventory file describes, and what was found wrong with it.
pub(crate) fn inventory(path: &Path) -> Result<(Cluster, Vec<Finding>), CliError> {
    let content = text(path, inventory::MAX_INPUT_BYTES)?;
    let snapshot = inventory::read::read(&content).map_err(|error| CliError::malformed(name(path), error))?;
    let validated = inventory::validate::validate(snapshot);
    Ok((validated.cluster, validated.findings))
}

/// The rate card that a file or the environment names.
pub(crate) fn pricing(args: &RatesArgs) -> Result<Pricing, CliError> {
    match &args.rates {
        Some(path) => rate_card(path),
        None => {
            // What is no text is kept as what is malformed: to take it for unset would price by a default.
            let text = |value: OsString| value.to_string_lossy().into_owned();
            let names: Vec<String> = env::vars_os().map(|(name, _)| text(name)).collect();
            rates::environment::check_names(names.iter().map(String::as_str))
                .and_then(|()| rates::environment::read(|name| env::var_os(name).map(text)))
                .map_err(|error| CliError::malformed("environment", error))
        }
    }
}

/// The rate card in a file.
pub(crate) fn rate_card(path: &Path) -> Result<Pricing, CliError> {
    let content = text(path, MAX_RATES_BYTES)?;
    rates::toml::read(&content).map_err(|error| CliError::malformed(name(path), error))
}
