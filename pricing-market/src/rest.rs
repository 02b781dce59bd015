//! Pulls a provider's market from nodes of the chain.
//!
//! A pull asks for all bids and leases of the provider, and then, for each order that it bid on, for everybody's bids,
//! the order, and the lease. Nodes are public and are asked gently: within a budget of requests per second, with longer
//! and longer waits when they are busy. A node that answers what cannot be is put aside for the next one.
//!
//! Everything that was read is in the history's folder before the next requests are made ([`Store`]), so that a pull
//! that was killed goes on where it was. What is read twice counts once. A later pull asks again for what was still
//! open, and for what is new.

mod latest;
mod list;
mod nodes;
mod pace;
mod pages;
mod query;
mod round;
mod segment;
mod store;
mod trouble;

use std::time::Duration;

use pricing_core::address::Address;
use pricing_core::input::InputError;
use pricing_core::money::UsdPerAkt;
use pricing_files::FileError;

use crate::chain::id::OrderId;
use crate::chain::join::Summary;
use crate::chain::records::RecordError;
use crate::history::HistoryError;

pub use latest::{Latest, latest};
pub use pricing_http::Url;
pub use round::pull;
pub use store::Store;

/// What is pulled.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The provider whose bids are our own.
    pub provider: Address,
    /// How old a bid may be when an order is seen for the first time. None is any age.
    pub since: Option<Duration>,
    /// What an AKT is worth. None leaves prices in AKT without a worth in USD.
    pub usd_per_akt: Option<UsdPerAkt>,
}

/// Whom to ask, and how gently.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The nodes. The first one that answers is asked, until it fails.
    pub nodes: Vec<Url>,
    /// The most requests per second, over all nodes. 0 is no limit.
    pub requests_per_second: u32,
    /// How long an answer may take.
    pub timeout: Duration,
    /// The first wait when no node answers. Each further one is twice as long.
    pub wait: Duration,
    /// The longest wait, which also bounds what a node asks for.
    pub most_wait: Duration,
    /// How often all nodes are asked before a pull gives up.
    pub attempts: u32,
    /// The most bids, leases or orders of a page.
    pub page: u32,
    /// The most pages of a list.
    pub most_pages: usize,
    /// How many deployments are asked for before what was read is written.
    pub batch: usize,
}

impl Settings {
    /// Settings that suit public nodes.
    #[must_use]
    pub fn new(nodes: Vec<Url>) -> Self {
        Self {
            nodes,
            requests_per_second: 5,
            timeout: Duration::from_secs(30),
            wait: Duration::from_secs(1),
            most_wait: Duration::from_secs(60),
            attempts: 6,
            page: 500,
            most_pages: 20_000,
            batch: 20,
        }
    }
}

/// What a pull did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pulled {
    /// What was read in this run, and joined of everything in the folder.
    pub summary: Summary,
    /// The height of the chain that it is of.
    pub height: u64,
    /// How many requests were made.
    pub requests: u64,
    /// How many orders were asked for in this run.
    pub asked: u64,
    /// Orders that the chain does not have any more, though they were open: their block was reorganised away.
    pub gone: Vec<OrderId>,
    /// Orders on which a list had our bid, and another list had not. The next pull asks again.
    pub inconsistent: Vec<OrderId>,
}

/// Why a pull ended early. What was read until then is in the folder, and the next pull goes on from there.
#[derive(Debug, thiserror::Error)]
pub enum PullError {
    /// No node gave an answer that can be used.
    #[error("no node has answered `{query}`: {}", problems.join("; "))]
    Unanswered {
        /// What was asked, without the address.
        query: String,
        /// What each node did.
        problems: Vec<String>,
    },
    /// Every node refuses the request.
    #[error("every node refuses `{query}`: {}", problems.join("; "))]
    Refused {
        /// What was asked, without the address.
        query: String,
        /// What each node did.
        problems: Vec<String>,
    },
    /// What several nodes say does not fit together.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// There can be no HTTP client on this system.
    #[error("nobody can be asked: {0}")]
    Client(String),
    /// A file of the pull cannot be read or written.
    #[error("{file}: {error}")]
    File {
        /// The file.
        file: String,
        /// The problem.
        error: FileError,
    },
    /// A file of the pull is malformed.
    #[error("{file}: {error}")]
    Malformed {
        /// The file.
        file: String,
        /// The problem, and where.
        error: Box<InputError>,
    },
    /// The folder is another provider's.
    #[error("the folder has the market of {there}; name another folder for {wanted}")]
    OtherProvider {
        /// Whose it is.
        there: String,
        /// Whose is wanted.
        wanted: String,
    },
    /// Another pull writes to the folder.
    #[error("another pull is writing to `{0}`; give each service and each pull a folder of its own")]
    Locked(String),
    /// The history cannot be written.
    #[error(transparent)]
    History(#[from] HistoryError),
}
