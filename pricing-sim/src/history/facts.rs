//! What is known of an order of a history.

use std::sync::Arc;

use pricing_core::money::Usd;
use rust_decimal::Decimal;

use crate::time::Millis;

/// What is known of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderFacts {
    /// The kinds of card that the order takes, separated by `|`. Empty without cards.
    pub kind: Arc<str>,
    /// The bids of others with a known value, cheapest first; of equal ones by provider.
    pub rivals: Vec<Bid>,
    /// Our own bid in USD a month, if we bid and its value is known.
    pub own: Option<Usd>,
    /// The same per block, as the chain has it.
    pub own_amount: Option<Decimal>,
    /// Who got the lease.
    pub taker: Taker,
    /// How long the lease lasted. None without a lease.
    pub lease: Option<LeaseLength>,
}

/// A bid of somebody else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bid {
    /// The provider.
    pub provider: Arc<str>,
    /// The price in USD a month.
    pub usd: Usd,
}

/// Who got the lease of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taker {
    /// No bid became a lease.
    Nobody,
    /// Our own bid became the lease.
    Us,
    /// The bid of another provider became the lease.
    Rival(Arc<str>),
}

/// How long a lease lasted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseLength {
    /// From its beginning to its end, or to the end of the history.
    pub length: Millis,
    /// Whether it ended. A lease that is still open lasts at least as long.
    pub ended: bool,
}

impl OrderFacts {
    /// The lowest bid of others, in USD a month.
    #[must_use]
    pub fn lowest(&self) -> Option<Usd> {
        self.rivals.first().map(|bid| bid.usd)
    }

    /// Whether some bid became a lease.
    #[must_use]
    pub fn is_taken(&self) -> bool {
        self.taker != Taker::Nobody
    }
}
