//! Which orders are priced.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pricing_core::order::script_request::LEGACY_DENOM;
use pricing_core::order::{Order, detect};
use pricing_sim::files::Files;
use pricing_sim::random::Draws;
use pricing_sim::scenario::{self, ScenarioError};
use pricing_sim::stream::openb::Models;
use pricing_sim::stream::{self, with_maximum};
use toml::{Table, Value};

use crate::command::simulate::SimulationHost;
use crate::error::CliError;
use crate::load::{self, Document};

/// An order to price.
#[derive(Clone, Debug)]
pub(super) struct Case {
    /// What the source calls it.
    pub(super) id: String,
    /// Who ordered, where the source says so.
    pub(super) owner: Option<String>,
    /// The order.
    pub(super) order: Arc<Order>,
}

/// The orders of a file or folder: a stream of orders as `bidprice simulate` reads it, an order, or a folder of orders.
pub(super) fn read(path: &Path) -> Result<Vec<Case>, CliError> {
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or("");
    let cases = match ending {
        "jsonl" if is_bid_log(path) => stream("bid_log", path)?,
        "jsonl" | "csv" | "parquet" => stream(ending, path)?,
        _ if path.is_dir() && is_bid_log(path) => stream("bid_log", path)?,
        _ if path.is_dir() => folder(path)?,
        _ => file(path, "")?,
    };
    if cases.is_empty() {
        return Err(CliError::unreadable(load::name(path), "there are no orders"));
    }
    Ok(cases)
}

/// Whether a file, or a file of a folder, is named as the service names its bid log.
pub(super) fn is_bid_log(path: &Path) -> bool {
    let is_log = |path: &Path| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("");
        name.starts_with("bids-") && name.ends_with(".jsonl")
    };
    let holds_log = |entries: fs::ReadDir| entries.flatten().any(|entry| is_log(&entry.path()));
    is_log(path) || fs::read_dir(path).is_ok_and(holds_log)
}

/// The orders of a file, by a reader of the simulation.
fn stream(kind: &str, path: &Path) -> Result<Vec<Case>, CliError> {
    let wrong = |error: ScenarioError| CliError::unreadable(load::name(path), error);
    let Some(name) = path.to_str() else {
        return Err(CliError::unreadable(load::name(path), "its name is not UTF-8 text"));
    };
    let orders = Table::from_iter([(kind.to_owned(), Value::String(name.to_owned()))]);
    let tables = [("orders", orders), ("inventory", Table::new())];
    let table = tables.into_iter().map(|(name, table)| (name.to_owned(), Value::Table(table))).collect();
    let scenario = scenario::of_table(table).map_err(|error| CliError::internal(error.to_string()))?;
    let models = Models::new(&scenario.openb.models).map_err(|error| CliError::internal(error.to_string()))?;
    let source = stream::source(&scenario, &models, &Files::in_folder(""), &SimulationHost);
    let stream = source.map_err(|error| wrong(error.into()))?;
    let stream = stream.stream(&Draws::new(scenario.seed)).map_err(|error| wrong(error.into()))?;
    let case = |arrival: &stream::Arrival| Case {
        id: arrival.id.to_string(),
        owner: arrival.owner.as_deref().map(str::to_owned),
        order: Arc::clone(&arrival.order),
    };
    Ok(stream.arrivals.iter().map(case).collect())
}

/// The SDLs, group specs and script requests of a folder, by name.
fn folder(path: &Path) -> Result<Vec<Case>, CliError> {
    let unreadable = |error: std::io::Error| CliError::unreadable(load::name(path), error);
    let mut files: Vec<PathBuf> = Vec::new();
    let mut sdls = false;
    for entry in fs::read_dir(path).map_err(unreadable)? {
        let file = entry.map_err(unreadable)?.path();
        match file.extension().and_then(|ending| ending.to_str()) {
            Some("yaml" | "yml") => sdls = true,
            Some("json") => {}
            _ => continue,
        }
        files.push(file);
    }
    // What lies beside SDLs as JSON is made of them.
    files.retain(|file| !sdls || file.extension().is_none_or(|ending| ending != "json"));
    files.sort();
    let mut cases = Vec::new();
    for file in files {
        let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        cases.extend(self::file(&file, &name)?);
    }
    Ok(cases)
}

/// The groups of one order.
fn file(path: &Path, name: &str) -> Result<Vec<Case>, CliError> {
    let document = Document::order(path)?;
    let orders = detect::read(&document.text, None).map_err(|error| document.malformed(error))?;
    let several = orders.len() > 1;
    let case = |order: Order| {
        let group = order.group.name();
        let group = group.exact();
        let id = match (name, several) {
            ("", _) => group.to_owned(),
            (name, false) => name.to_owned(),
            (name, true) => format!("{name}/{group}"),
        };
        let (order, _) = with_maximum(order, LEGACY_DENOM);
        Case { id, owner: None, order: Arc::new(order) }
    };
    Ok(orders.into_iter().map(case).collect())
}
