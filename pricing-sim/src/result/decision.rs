//! The decision of one strategy on one order.

use std::sync::Arc;

use pricing_core::money::{Price, Usd};
use pricing_core::quote::QuotedTarget;

use crate::time::Millis;

/// The outcome of an order that was won.
pub const WON: &str = "won";
/// A competitor's bid was lower.
pub const OUTBID: &str = "outbid";
/// The tenant took no bid at all.
pub const NOT_TAKEN: &str = "not-taken";
/// The bid was won, but the cluster does not have what was reserved. The provider's own algorithm makes such
/// reservations.
pub const CANNOT_RUN: &str = "cannot-run";

/// Whether there was a bid.
#[must_use]
pub fn is_bid(outcome: &str) -> bool {
    matches!(outcome, WON | OUTBID | NOT_TAKEN | CANNOT_RUN)
}

/// The decision of one strategy on one order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    /// [`WON`], [`OUTBID`], [`NOT_TAKEN`], [`CANNOT_RUN`] or the reason code of the quote.
    pub outcome: &'static str,
    /// The bid.
    pub price: Option<Price>,
    /// The price in USD per month, even if it is above the tenant's maximum.
    pub usd_per_month: Option<Usd>,
    /// The price in USD per month by the rates of the cards that the order was handed.
    pub own_usd_per_month: Option<Usd>,
    /// The cards that it got, or would have got: kinds separated by `+`. Empty without cards.
    pub gpu: Arc<str>,
    /// The time of its lease within the window, in milliseconds.
    pub lease_ms: Millis,
    /// What its lease paid, in USD.
    pub revenue: Usd,
}

/// The kinds that an order was placed on, in order of placement, separated by `+`. Empty without cards.
#[must_use]
pub fn cards_of(targets: &[QuotedTarget]) -> String {
    let mut kinds: Vec<String> = Vec::new();
    for kind in targets.iter().flat_map(|target| &target.cards).flat_map(|cards| &cards.kinds) {
        let kind = kind.to_string();
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    kinds.join("+")
}
