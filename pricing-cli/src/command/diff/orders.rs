//! Reads the orders to price.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use pricing_core::input::InputError;
use pricing_core::money::UsdPerAkt;
use pricing_core::order::script_request::LEGACY_DENOM;
use pricing_core::order::{Order, detect};
use pricing_sim::files::{FileError, Files};
use pricing_sim::stream::row::Defaults;
use pricing_sim::stream::{Arrival, OnBadRow, Stream, jsonl, table, with_maximum};

use super::skipped::Skipped;
use crate::command::simulate::bid_log;
use crate::error::CliError;
#[cfg(not(feature = "parquet"))]
use crate::left_out::PARQUET;
use crate::load::{self, Document};

/// An order to price.
#[derive(Clone, Debug)]
pub(super) struct Case {
    /// Its name in the source.
    pub(super) id: String,
    /// The owner, if the source names one.
    pub(super) owner: Option<String>,
    /// The order.
    pub(super) order: Arc<Order>,
    /// The value of an AKT when the order arrived, if the source has it.
    pub(super) usd_per_akt: Option<UsdPerAkt>,
}

impl From<&Arrival> for Case {
    fn from(arrival: &Arrival) -> Self {
        Self {
            id: arrival.id.to_string(),
            owner: arrival.owner.as_deref().map(str::to_owned),
            order: Arc::clone(&arrival.order),
            usd_per_akt: None,
        }
    }
}

/// The orders of a file or folder: a stream of orders as `bidprice simulate` reads it, an order, or a folder of orders.
pub(super) fn read(path: &Path, skipped: &mut Skipped) -> Result<Vec<Case>, CliError> {
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or("");
    let cases = match ending {
        _ if is_bid_log(path) => log(path, skipped)?,
        "jsonl" | "csv" | "parquet" => stream(ending, path, skipped)?,
        _ if path.is_dir() => folder(path, skipped)?,
        _ => file(path, None)?,
    };
    if cases.is_empty() {
        return Err(CliError::unreadable(load::name(path), skipped.none_left()));
    }
    Ok(cases)
}

/// Whether a file, or a file in a folder, has a name that the service gives to files of a bid log.
pub(super) fn is_bid_log(path: &Path) -> bool {
    let is_log = |path: &Path| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("");
        name.starts_with("bids-") && name.ends_with(".jsonl")
    };
    let holds_log = |entries: fs::ReadDir| entries.flatten().any(|entry| is_log(&entry.path()));
    is_log(path) || fs::read_dir(path).is_ok_and(holds_log)
}

/// The orders of a bid log, each with the value of an AKT when it was answered.
fn log(path: &Path, skipped: &mut Skipped) -> Result<Vec<Case>, CliError> {
    let answered = bid_log::answered(path, &mut |place, problem| skipped.line(path, place, problem));
    let answered = answered.map_err(|problem| CliError::unreadable(load::name(path), problem))?;
    let case = |answered: bid_log::Answered| {
        let order = Arc::unwrap_or_clone(answered.arrival.order);
        let (order, _) = with_maximum(order, Defaults::default().denom);
        let owner = answered.arrival.owner.as_deref().map(str::to_owned);
        let id = answered.arrival.id.to_string();
        Case { id, owner, order: Arc::new(order), usd_per_akt: answered.usd_per_akt }
    };
    Ok(answered.into_iter().map(case).collect())
}

/// The orders of a file that the simulation can read.
fn stream(kind: &str, path: &Path, skipped: &mut Skipped) -> Result<Vec<Case>, CliError> {
    let shown = load::name(path);
    let Some(name) = path.to_str() else {
        return Err(CliError::unreadable(shown, "its name is not UTF-8 text"));
    };
    let (files, defaults) = (Files::in_folder(""), Defaults::default());
    let unreadable = |error: FileError| CliError::unreadable(&shown, error);
    let malformed = |error: InputError| CliError::malformed(&shown, error);
    let mut on_bad_row = |error: InputError| skipped.row(&shown, error);
    let arrivals = match kind {
        "jsonl" => jsonl::read_with(&files.text(name).map_err(unreadable)?, &defaults, &mut on_bad_row),
        "csv" => table::read_with(&files.text(name).map_err(unreadable)?, &defaults, &mut on_bad_row),
        _ => parquet(files.open(name).map_err(unreadable)?, &defaults, &mut on_bad_row),
    };
    let stream = Stream::new(arrivals.map_err(malformed)?, None);
    Ok(stream.arrivals.iter().map(Case::from).collect())
}

#[cfg(feature = "parquet")]
fn parquet(file: fs::File, defaults: &Defaults<'_>, on_bad_row: &mut OnBadRow<'_>) -> Result<Vec<Arrival>, InputError> {
    pricing_sim::stream::parquet::read_with(file, defaults, on_bad_row)
}

#[cfg(not(feature = "parquet"))]
fn parquet(_: fs::File, _: &Defaults<'_>, _: &mut OnBadRow<'_>) -> Result<Vec<Arrival>, InputError> {
    Err(InputError::new(PARQUET.refusal()))
}

/// The SDLs, group specs and script requests of a folder, sorted by name.
fn folder(path: &Path, skipped: &mut Skipped) -> Result<Vec<Case>, CliError> {
    let mut cases = Vec::new();
    for file in load::order_files(path)? {
        match self::file(&file, Some(&file)) {
            Ok(groups) => cases.extend(groups),
            Err(error) => skipped.file(error)?,
        }
    }
    Ok(cases)
}

/// The groups of one order, which are called by `named` if the file is one of a folder.
fn file(path: &Path, named: Option<&Path>) -> Result<Vec<Case>, CliError> {
    let document = Document::order(path)?;
    let orders = detect::read(&document.text, None).map_err(|error| document.malformed(error))?;
    let several = orders.len() > 1;
    let case = |order: Order| {
        let id = load::order_name(named, &order, several);
        let (order, _) = with_maximum(order, LEGACY_DENOM);
        Case { id, owner: None, order: Arc::new(order), usd_per_akt: None }
    };
    Ok(orders.into_iter().map(case).collect())
}
