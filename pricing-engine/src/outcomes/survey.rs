//! What the history has: the counts, and the bids of which the bid log has to have a line.

use std::collections::BTreeSet;

use pricing_market::history::HistoryOrder;
use pricing_market::outcome::Outcome;

use super::counts::Counter;
use super::join::{AFTER, BEFORE, ChainBid};
use super::recorded::digest;
use crate::digest::Digest;

/// The blocks after which no other bid can be of the same decision: as many as there are in the time between two such
/// bids, if a block takes 5 seconds. On Akash it takes 6.
const SETTLED: u64 = (AFTER.as_secs() + BEFORE.as_secs()) / 5;
/// About how many bytes a line has, and how many more with each bid.
const BYTES_OF_LINE: u64 = 512;
const BYTES_OF_BID: u64 = 256;

/// An order that the provider bid on.
#[derive(Clone, Debug)]
pub(super) struct Surveyed {
    pub(super) order: String,
    /// The digest of the facts.
    pub(super) digest: Digest,
    /// About how long its line is.
    pub(super) bytes: u64,
    /// The height of the bid.
    height: Option<u64>,
}

/// What the history has.
#[derive(Debug, Default)]
pub(super) struct Survey {
    pub(super) counter: Counter,
    /// The orders, by height. Empty without a bid log.
    pub(super) orders: Vec<Surveyed>,
    /// The bids on them.
    pub(super) bids: Vec<ChainBid>,
    /// The height of the first order.
    pub(super) first: Option<u64>,
}

impl Survey {
    /// Adds an order. What a line needs is only looked at for a bid log.
    pub(super) fn add(&mut self, order: HistoryOrder, outcome: &Outcome, is_logged: bool) {
        self.counter.add(outcome);
        self.first = self.first.or(Some(order.height));
        let Some(digest) = digest(outcome).filter(|_| is_logged) else { return };
        let bids = u64::try_from(order.bids.len()).unwrap_or(u64::MAX);
        self.bids.push(ChainBid::of(&order.order_id, &outcome.bid));
        self.orders.push(Surveyed {
            order: order.order_id,
            digest,
            bytes: BYTES_OF_LINE.saturating_add(BYTES_OF_BID.saturating_mul(bids)),
            height: outcome.bid.height,
        });
    }

    /// The names of the orders.
    pub(super) fn names(&self) -> BTreeSet<&str> {
        self.orders.iter().map(|found| found.order.as_str()).collect()
    }
}

impl Surveyed {
    /// Whether a history that is complete up to a height has every bid that could be of the same decision.
    pub(super) fn is_settled(&self, height: Option<u64>) -> bool {
        let after = self.height.and_then(|height| height.checked_add(SETTLED));
        after.zip(height).is_some_and(|(after, height)| after <= height)
    }
}
