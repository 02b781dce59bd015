//! What one strategy came to with one order.

use std::sync::Arc;

use pricing_core::money::{Price, Usd};
use pricing_core::quote::QuotedTarget;

use crate::time::Millis;

/// The outcome of an order that was won.
pub const WON: &str = "won";
/// Somebody else's bid was lower.
pub const OUTBID: &str = "outbid";
/// The bid was won, and the cluster has not what was reserved: the provider's own algorithm reserves such.
pub const CANNOT_RUN: &str = "cannot-run";

/// Whether an outcome had a bid.
#[must_use]
pub fn is_bid(outcome: &str) -> bool {
    matches!(outcome, WON | OUTBID | CANNOT_RUN)
}

/// What one strategy came to with one order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    /// [`WON`], [`OUTBID`], [`CANNOT_RUN`] or the reason code of the quote.
    pub outcome: &'static str,
    /// The bid.
    pub price: Option<Price>,
    /// What the order costs, USD a month; also where that is above the tenant's maximum.
    pub usd_per_month: Option<Usd>,
    /// What the rates of its own cards come to, USD a month.
    pub own_usd_per_month: Option<Usd>,
    /// The cards that it got, or would have got: kinds with `+` between them, or none.
    pub gpu: Arc<str>,
    /// How long its lease was within the window.
    pub lease_ms: Millis,
    /// What its lease paid.
    pub revenue: Usd,
}

/// The kinds that an order was placed on, in order of placement, with `+` between them; empty without cards.
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
