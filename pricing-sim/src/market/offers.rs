//! What a bid has to be to win an order.

use pricing_core::money::{Usd, scaled_usd};
use rust_decimal::Decimal;

use crate::result::OrderOutcome;

/// The competition for each order of a run.
#[derive(Clone, Debug, Default)]
pub struct BestOffers {
    pub(super) by_order: Vec<Offer>,
}

/// The competition for an order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Offer {
    /// The lowest bid of others in USD a month. None if nobody else bids.
    pub best: Option<Usd>,
    /// Which bids win.
    pub limit: Limit,
}

/// Which bids win an order. At every limit, a lower bid wins whenever a higher one does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Limit {
    /// Every bid wins.
    #[default]
    Open,
    /// A bid up to so many USD a month wins. Another one loses for this reason.
    AtMost(Usd, OrderOutcome),
    /// No bid wins: the tenant takes none.
    Never,
}

impl Offer {
    /// An order that the cheapest bid wins, or ours at the same price.
    #[must_use]
    pub fn cheapest(best: Option<Usd>) -> Self {
        Self { best, limit: best.map_or(Limit::Open, |best| Limit::AtMost(best, OrderOutcome::Outbid)) }
    }

    /// Why a bid of so many USD a month loses the order. None if it wins.
    #[must_use]
    pub fn lost(&self, usd: Usd) -> Option<OrderOutcome> {
        match self.limit {
            Limit::Open => None,
            Limit::AtMost(limit, reason) => (usd > limit).then_some(reason),
            Limit::Never => Some(OrderOutcome::NotTaken),
        }
    }
}

impl BestOffers {
    /// Multiplies the bids of others on each order by a factor. An amount that overflows stays.
    pub fn scale(&mut self, factor: impl Fn(usize) -> Decimal) {
        for (order, offer) in self.by_order.iter_mut().enumerate() {
            let factor = factor(order);
            if factor == Decimal::ONE {
                continue;
            }
            let scaled = |usd: Usd| scaled_usd(usd, factor).unwrap_or(usd);
            offer.best = offer.best.map(scaled);
            if let Limit::AtMost(limit, reason) = offer.limit {
                offer.limit = Limit::AtMost(scaled(limit), reason);
            }
        }
    }

    /// The lowest competing bid in USD per month, if anybody else bids.
    #[must_use]
    pub fn of(&self, order: usize) -> Option<Usd> {
        self.by_order.get(order).and_then(|offer| offer.best)
    }

    /// Why a bid of so many USD a month loses an order. None if it wins.
    #[must_use]
    pub fn lost(&self, order: usize, usd: Usd) -> Option<OrderOutcome> {
        self.by_order.get(order).and_then(|offer| offer.lost(usd))
    }
}
