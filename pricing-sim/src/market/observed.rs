//! The bids that others really made on the orders of a history.

use std::sync::Arc;

use pricing_core::money::Usd;

use super::offers::{Limit, Offer};
use crate::history::MarketHistory;

/// The bids of a history, and which of them a tenant takes.
#[derive(Clone, Debug)]
pub struct Observed {
    /// The history.
    pub history: Arc<MarketHistory>,
}

impl Observed {
    /// The competition for an order of the history, if others bid `more` in addition.
    #[must_use]
    pub fn offer(&self, order: usize, more: Option<Usd>) -> Offer {
        let Some(facts) = self.history.facts(order) else { return Offer::cheapest(more) };
        let best = facts.lowest().into_iter().chain(more).min();
        match facts.is_taken() {
            true => Offer::cheapest(best),
            // The tenant had all of these bids before them and took none.
            false => Offer { best, limit: Limit::Never },
        }
    }
}
