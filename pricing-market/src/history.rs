//! A history: the orders of a period with everybody's bids, the winner and its lease.
//!
//! It is a folder with `history.json`, which says whose history it is, and `orders.jsonl`, which has one
//! [`HistoryOrder`] a line, by height and then by order id. Lines are written whole, and an order has one line. The
//! same rows are in `orders.parquet`, for other programs.

mod orders;
#[cfg(feature = "parquet")]
mod parquet;
mod write;

use std::path::Path;

use pricing_core::text::{Untrusted, excerpt};
use pricing_files::FileError;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::chain::state::{BidState, OrderState};

pub use orders::Orders;
pub use write::{HistoryWriter, write};

/// The name of the file that has the orders.
pub const ORDERS_FILE: &str = "orders.jsonl";
/// The name of the file that has the same orders as Parquet.
pub const PARQUET_FILE: &str = "orders.parquet";
/// The name of the file that says whose history it is.
pub const MANIFEST_FILE: &str = "history.json";
/// The name of the file that a pull from nodes keeps beside a history, to go on from there.
pub const PULL_FILE: &str = "pull.json";
/// The version of the format.
const SCHEMA: u32 = 1;
/// The most bytes of the manifest.
const MAX_MANIFEST: u64 = 64 << 10;
/// The most characters of a problem, which may repeat a text of the file.
const MOST_PROBLEM: usize = 300;

/// Whose history it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of the format: 1.
    pub schema: u32,
    /// The address of the provider whose bids are our own.
    pub provider: String,
    /// Whether the dates are only right relative to each other, because no block's time was known.
    #[serde(default)]
    pub relative_times: bool,
}

/// An order with everybody's bids.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HistoryOrder {
    /// The chain's id of the order: `OWNER/DSEQ/GSEQ/OSEQ`.
    pub order_id: String,
    /// When it was created, as RFC 3339 in UTC.
    pub at: String,
    /// The height of the block in which it was created.
    pub height: u64,
    /// The group spec, in the dialect of the chain's REST API. Null if the node did not have the order any more.
    pub order: Option<Box<RawValue>>,
    /// The most that the tenant pays per block. Null if the order is not known.
    pub max_price: Option<Coin>,
    /// What became of the order. Null if the node did not have it any more, or in a history of an earlier version.
    #[serde(default)]
    pub state: Option<OrderState>,
    /// The bids, by time and then by provider.
    pub bids: Vec<HistoryBid>,
    /// The provider whose bid became a lease.
    pub winner: Option<String>,
    /// The lease.
    pub lease: Option<HistoryLease>,
}

/// An amount of a denom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coin {
    /// The amount, as plain decimal text.
    pub amount: String,
    /// The denom.
    pub denom: String,
}

/// A bid on an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryBid {
    /// The address of the provider.
    pub provider: String,
    /// The price per block, as plain decimal text.
    pub price: String,
    /// Its denom.
    pub denom: String,
    /// The price in USD a month. Null if the price of an AKT was not known.
    pub usd_per_month: Option<String>,
    /// Whether the bid became a lease.
    pub won: bool,
    /// When it was made, as RFC 3339 in UTC. This and what follows are null in a history of an earlier version.
    #[serde(default)]
    pub at: Option<String>,
    /// The height of the block in which it was made.
    #[serde(default)]
    pub height: Option<u64>,
    /// What became of it.
    #[serde(default)]
    pub state: Option<BidState>,
}

/// The lease of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryLease {
    /// When it began, as RFC 3339 in UTC.
    pub from: String,
    /// When it ended. Null while it is open.
    pub until: Option<String>,
    /// Why it ended, in the chain's words. Null while it is open.
    pub reason: Option<String>,
    /// The height of the block in which it began. Null in a history of an earlier version.
    #[serde(default)]
    pub from_height: Option<u64>,
    /// The height of the block in which it ended.
    #[serde(default)]
    pub until_height: Option<u64>,
}

/// Why a history cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// A file cannot be read.
    #[error("{file}: {error}")]
    File {
        /// The file.
        file: String,
        /// The problem.
        error: FileError,
    },
    /// A file cannot be written.
    #[error("{file}: it cannot be written: {error}")]
    Unwritable {
        /// The file.
        file: String,
        /// The problem.
        error: FileError,
    },
    /// Something in it is not what a history has.
    #[error("{file}, line {line}: {problem}")]
    Malformed {
        /// The file.
        file: String,
        /// The line, counted from 1.
        line: usize,
        /// The problem.
        problem: String,
    },
}

impl Manifest {
    /// Reads a history's manifest.
    ///
    /// # Errors
    /// When it is missing or malformed.
    pub fn read(folder: &Path) -> Result<Self, HistoryError> {
        let path = folder.join(MANIFEST_FILE);
        let text = pricing_files::read_text(&path, MAX_MANIFEST).map_err(|error| unreadable(&path, error))?;
        read_manifest(&text).map_err(|(line, problem)| malformed(&path, line, &problem))
    }
}

/// The provider whose market a folder has. None if it has no complete history.
///
/// # Errors
/// When there is a manifest that cannot be read.
pub fn provider_of(folder: &Path) -> Result<Option<String>, HistoryError> {
    match Manifest::read(folder) {
        Ok(manifest) => Ok(Some(manifest.provider)),
        Err(HistoryError::File { error, .. }) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

/// A history in memory.
#[derive(Clone, Debug)]
pub struct History {
    /// Whose history it is.
    pub manifest: Manifest,
    /// The orders, by height and then by order id.
    pub orders: Vec<HistoryOrder>,
}

impl History {
    /// Reads a history's folder.
    ///
    /// # Errors
    /// When one of its files is missing or malformed.
    pub fn read(folder: &Path) -> Result<Self, HistoryError> {
        let manifest = Manifest::read(folder)?;
        let orders = Orders::open(folder)?.collect::<Result<_, _>>()?;
        Ok(Self { manifest, orders })
    }
}

fn unreadable(path: &Path, error: FileError) -> HistoryError {
    HistoryError::File { file: shown(path), error }
}

/// Reads a manifest. An error comes with its line.
fn read_manifest(text: &str) -> Result<Manifest, (usize, String)> {
    let manifest: Manifest = serde_json::from_str(text).map_err(|error| (error.line(), json_problem(&error)))?;
    match manifest.schema {
        SCHEMA => Ok(manifest),
        other => Err((1, format!("this program reads histories of schema {SCHEMA}, and this one has schema {other}"))),
    }
}

fn malformed(path: &Path, line: usize, problem: &dyn std::fmt::Display) -> HistoryError {
    let problem = format!("{:.MOST_PROBLEM$}", Untrusted::new(problem.to_string()));
    HistoryError::Malformed { file: shown(path), line, problem }
}

/// What is wrong with the JSON of a line, without the position in it: the error has the line of the file.
fn json_problem(error: &serde_json::Error) -> String {
    let full = error.to_string();
    full.rsplit_once(" at line ").map_or(full.as_str(), |(problem, _)| problem).to_owned()
}

fn shown(path: &Path) -> String {
    excerpt(&path.to_string_lossy())
}
