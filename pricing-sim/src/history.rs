//! The market as it was: the orders of a history with the bids that everybody made on them.
//!
//! A history has what the chain said: the order, the bids, the winner and its lease. From it come a stream of orders
//! ([`MarketHistory::stream`]) and, for each of them, what is known of its competition ([`OrderFacts`]). Both are in the
//! same order, so the index of an order in the one is its index in the other.

mod choice;
mod facts;
mod lifetimes;
mod read;
mod value;

use std::sync::{Arc, OnceLock};

pub use choice::{Alternatives, FitError, Fitted};
pub use facts::{Bid, LeaseLength, OrderFacts, Taker};
pub use lifetimes::{Lifetimes, Survival};
pub use read::{Reading, read};

use crate::stream::Stream;
use crate::time::Millis;
use pricing_core::text::{counted, plural};

/// The orders of a history, and what is known of each.
#[derive(Clone, Debug)]
pub struct MarketHistory {
    /// The provider whose bids are our own.
    pub provider: Arc<str>,
    /// The orders. Those whose lease is not known to have ended have no `until`.
    pub stream: Arc<Stream>,
    /// What is known of each order of the stream, in its order.
    pub facts: Vec<OrderFacts>,
    /// Whether times are only right relative to each other.
    pub relative_times: bool,
    /// The last moment that the history knows of.
    pub end: Millis,
    /// How long leases last.
    pub lifetimes: Lifetimes,
    /// What was left out.
    pub left_out: LeftOut,
    /// The fitted choice of tenants, once somebody asked for it.
    choice: OnceLock<Result<Arc<Fitted>, FitError>>,
}

/// What a history has that the simulation cannot use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// Orders whose group spec the node did not have any more.
    pub without_spec: usize,
    /// Bids in a denom whose value is not known.
    pub bids_without_value: usize,
}

impl MarketHistory {
    /// What was left out, in words for the user. Empty if nothing was.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let LeftOut { without_spec, bids_without_value } = self.left_out;
        let mut warnings = Vec::new();
        if without_spec > 0 {
            let orders = counted(without_spec, "order");
            let (have, are) = (plural(without_spec, "has", "have"), plural(without_spec, "is", "are"));
            warnings.push(format!("{orders} of the history {have} no group spec and {are} left out"));
        }
        if bids_without_value > 0 {
            warnings.push(format!(
                "{} of the history {} left out, because the value of {} denom is not known; set `usd_per_akt`",
                counted(bids_without_value, "bid"),
                plural(bids_without_value, "is", "are"),
                plural(bids_without_value, "its", "their")
            ));
        }
        warnings
    }

    /// The tenants' choice, fitted to all orders.
    ///
    /// # Errors
    /// When there are too few orders, or they do not say that tenants prefer lower prices.
    pub fn fitted(&self) -> Result<Arc<Fitted>, FitError> {
        self.choice.get_or_init(|| Fitted::to(&self.facts).map(Arc::new)).clone()
    }

    /// What is known of an order of the stream.
    #[must_use]
    pub fn facts(&self, order: usize) -> Option<&OrderFacts> {
        self.facts.get(order)
    }
}
