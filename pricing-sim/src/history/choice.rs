//! Which bid a tenant takes: a conditional logit (McFadden, 1974), fitted to the choices of a history.
//!
//! A tenant takes the alternative with the highest utility. Its alternatives are the bids on the order, and to take none:
//!
//! | alternative | utility |
//! |---|---|
//! | a bid | `price * ln(bid / reference) + effect of its provider` + luck |
//! | no bid | `outside` + luck |
//!
//! The luck of each alternative has a Gumbel distribution. The reference of an order is the cheapest bid of others, or our
//! own where nobody else bid, so it does not move with the price that we try. A provider's effect says how much tenants
//! prefer it at equal prices. Effects are shrunk to 0 by a ridge penalty, so a provider with few bids has hardly any, and
//! one with fewer than ten has none.

mod fit;
mod logit;
mod solve;

use std::collections::BTreeMap;
use std::sync::Arc;

use pricing_core::money::Usd;

use super::OrderFacts;
use crate::number::float;

pub use fit::FitError;

/// The fitted model of the tenants' choice.
#[derive(Clone, Debug, PartialEq)]
pub struct Fitted {
    /// How much utility a bid gains with each unit of the logarithm of its price; below 0.
    pub price: f64,
    /// The utility of taking no bid.
    pub outside: f64,
    /// Our own effect.
    pub own: f64,
    /// The effects of the other providers that bid often.
    pub providers: BTreeMap<Arc<str>, f64>,
    /// How many orders it was fitted to.
    pub orders: usize,
}

/// What an order offers its tenant besides our bid.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Alternatives {
    /// What prices are relative to, in USD a month. None where nobody has bid.
    pub reference: Option<Usd>,
    /// The logarithm of the summed exponentials of the utilities.
    pub utility: f64,
    /// The share of them that is the alternative of taking no bid.
    pub none: f64,
}

impl Fitted {
    /// The alternatives to our bid on an order, where somebody bids `more` in addition.
    #[must_use]
    pub fn alternatives(&self, facts: &OrderFacts, more: Option<Usd>) -> Alternatives {
        let reference = reference(facts).or(more);
        let of_bid = |usd: Usd, effect: f64| self.price * relative(usd, reference) + effect;
        let effect = |provider: &Arc<str>| self.providers.get(provider).copied().unwrap_or(0.0);
        let rivals = facts.rivals.iter().map(|bid| of_bid(bid.usd, effect(&bid.provider)));
        let all: Vec<f64> = rivals.chain(more.map(|usd| of_bid(usd, 0.0))).chain([self.outside]).collect();
        let utility = logit::log_sum_exp(&all);
        Alternatives { reference, utility, none: libm::exp(self.outside - utility) }
    }

    /// The probability that the tenant takes our bid of so many USD a month.
    #[must_use]
    pub fn chance(&self, alternatives: &Alternatives, usd: Usd) -> f64 {
        let ours = self.price * relative(usd, alternatives.reference) + self.own;
        1.0 / (1.0 + libm::exp(alternatives.utility - ours))
    }

    /// The highest multiple of the reference at which our bid wins, by a uniform number from [0, 1). It is the inverse of
    /// [`Self::chance`], so for the same number a lower bid wins whenever a higher one does. None where the price does not
    /// matter, because there is no reference; the second part says whether such a bid wins.
    #[must_use]
    pub fn highest(&self, alternatives: &Alternatives, unit: f64) -> (Option<f64>, bool) {
        let luck = libm::log(unit / (1.0 - unit));
        let needed = alternatives.utility + luck - self.own;
        match alternatives.reference {
            None => (None, needed < 0.0),
            Some(_) => (Some(libm::exp(needed / self.price)), true),
        }
    }
}

/// What the prices of an order's bids are relative to.
fn reference(facts: &OrderFacts) -> Option<Usd> {
    facts.lowest().or(facts.own).filter(|usd| !usd.is_zero())
}

/// The logarithm of a price relative to the reference. 0 without a reference.
fn relative(usd: Usd, reference: Option<Usd>) -> f64 {
    let Some(reference) = reference else { return 0.0 };
    // A bid of less than a millionth of a dollar is like one of it: its logarithm stays finite.
    libm::log(float(usd.decimal()).max(1e-6) / float(reference.decimal()).max(1e-6))
}

#[cfg(test)]
mod tests;
