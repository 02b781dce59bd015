//! What is learned from the orders before a fold.

use std::sync::Arc;

use pricing_core::money::Usd;

use super::figures::count;
use crate::history::{FitError, Fitted, LeaseLength, Lifetimes, MarketHistory, OrderFacts, Taker};
use crate::scenario::ChoiceName;
use crate::time::Millis;

/// What was learned.
#[derive(Debug)]
pub(super) struct Training {
    /// The share of our bids that won, to compare with.
    pub(super) base_rate: f64,
    fitted: Option<Fitted>,
    /// The shares of our bids that won: of those that nobody underbid, and of the others.
    won_if_lowest: (f64, f64),
    lifetimes: Lifetimes,
}

impl Training {
    /// Learns from what had happened before a moment. A lease that had not ended by then is censored.
    ///
    /// # Errors
    /// When the tenants' choice is to be fitted, and cannot be.
    pub(super) fn before(history: &MarketHistory, end: Millis, choice: ChoiceName) -> Result<Self, FitError> {
        let known = history.stream.arrivals.iter().zip(&history.facts).filter(|(arrival, _)| arrival.at < end);
        let known: Vec<OrderFacts> =
            known.map(|(arrival, facts)| as_of(facts, end.saturating_sub(arrival.at))).collect();
        let bids = known.iter().filter(|facts| facts.own.is_some()).count();
        let won = known.iter().filter(|facts| facts.own.is_some() && facts.taker == Taker::Us).count();
        Ok(Self {
            // Laplace's rule of succession: never 0 or 1.
            base_rate: (count(won) + 1.0) / (count(bids) + 2.0),
            fitted: (choice == ChoiceName::Fitted).then(|| Fitted::to(&known)).transpose()?,
            won_if_lowest: won_if_lowest(&known),
            lifetimes: Lifetimes::of(&known),
        })
    }

    /// The probability that a bid of ours wins an order.
    pub(super) fn chance(&self, facts: &OrderFacts, usd: Usd) -> f64 {
        match &self.fitted {
            Some(fitted) => fitted.chance(&fitted.alternatives(facts, None), usd),
            None if facts.is_taken() && is_lowest(facts, usd) => 1.0,
            None => 0.0,
        }
    }

    /// The probability that a bid of ours wins an order, from nothing that happened after the bids were made. Where the tenants'
    /// choice is not fitted, it is the share that won before: of the bids that nobody underbid, or of the others.
    pub(super) fn prior_chance(&self, facts: &OrderFacts, usd: Usd) -> f64 {
        let (lowest, others) = self.won_if_lowest;
        match &self.fitted {
            Some(fitted) => fitted.chance(&fitted.alternatives(facts, None), usd),
            None if is_lowest(facts, usd) => lowest,
            None => others,
        }
    }

    /// The mean length of leases for a kind of card, each counted up to `most`, in milliseconds.
    pub(super) fn mean_length(&self, kind: &str, most: Millis) -> f64 {
        self.lifetimes.curve(kind).map_or(crate::number::wide(most), |curve| curve.mean_up_to(most))
    }
}

/// Whether nobody else bids less.
fn is_lowest(facts: &OrderFacts, usd: Usd) -> bool {
    facts.lowest().is_none_or(|lowest| usd <= lowest)
}

/// The shares of our bids that won, by Laplace's rule of succession.
fn won_if_lowest(known: &[OrderFacts]) -> (f64, f64) {
    let share = |lowest: bool| {
        let own = known.iter().filter(|facts| facts.own.is_some_and(|usd| is_lowest(facts, usd) == lowest));
        let (bids, won) = own.fold((0.0, 0.0), |(bids, won), facts| {
            (bids + 1.0, won + if facts.taker == Taker::Us { 1.0 } else { 0.0 })
        });
        (won + 1.0) / (bids + 2.0)
    };
    (share(true), share(false))
}

/// What was known of an order so long after it arrived.
fn as_of(facts: &OrderFacts, age: Millis) -> OrderFacts {
    let lease = facts.lease.map(|lease| match lease.length <= age {
        true => lease,
        false => LeaseLength { length: age, ended: false },
    });
    OrderFacts { lease, kind: Arc::clone(&facts.kind), ..facts.clone() }
}
