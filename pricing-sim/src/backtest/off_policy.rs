//! Off-policy estimates: what a strategy would have earned, from bids whose prices were varied by chance.
//!
//! A replay predicts with a model of the tenants. Where a service explored its prices (`[explore]`), the history itself
//! has an experiment: each price was drawn from a few levels with a known probability. An explored bid whose level is the
//! strategy's own says what the strategy would have got, and stands for all the bids that had another level by chance.
//! The estimators are in `estimators`.
//!
//! **Which level is the strategy's.** Its price of an order hardly ever is exactly one of the levels. It is taken to win
//! as the level that is nearest in the logarithm of the price, so that 1 % up and down are equally far. What it earns then
//! is its own price. A price beyond the outermost levels by more than half of the distance between two levels has no
//! support: nothing that was bid says what would have come of it. Such bids are counted, and only the replay speaks of
//! them.
//!
//! **Which model the doubly robust estimate has.** It must not know the order's own outcome, or the estimate would be
//! biased. So it is learned from the time before the fold, and is not the replay's where that looks at what happened to
//! the order (`Training::prior_chance`, mean lengths of leases).

mod estimators;
mod join;

use std::collections::{BTreeMap, BTreeSet};

use pricing_core::money::Usd;
use pricing_core::text::{counted, plural};
use serde::Serialize;

use super::figures::{Lease, Outcomes, count, rounded};
use super::training::Training;
use crate::history::{MarketHistory, OrderFacts, Taker};
use crate::stream::Arrival;
use crate::sweep::Prepared;
use crate::time::{DAY, Millis, Window};

pub use estimators::{Estimate, Trial, doubly_robust, effective_sample_size, inverse_propensity, self_normalised};
pub use join::{ExploredBid, ExploredBidError};

use estimators::outcomes_vary;
use join::Joined;

/// Fewer effective bids than this say little, and the intervals of so few are not to be relied on.
const FEW: f64 = 30.0;

/// Off-policy estimates of the first strategy.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OffPolicy {
    /// The strategy.
    pub strategy: String,
    /// The orders of the bid log with an explored bid.
    pub explored: usize,
    /// Those that the history does not have, or on which it has no bid of ours.
    pub not_in_history: usize,
    /// Those whose bid in the history has a price that the log does not have.
    pub other_price: usize,
    /// Those that are in no fold.
    pub outside_folds: usize,
    /// Those on which the strategy does not bid. It earns nothing from them.
    pub declined: usize,
    /// The bids of the strategy that are compared: the rest.
    pub bids: usize,
    /// The bids without support: the strategy's price is outside of the explored band.
    pub unsupported: Unsupported,
    /// The bids with support. The estimates are of these alone.
    pub supported: usize,
    /// The supported bids whose price was, by chance, the strategy's.
    pub matching: usize,
    /// The days with supported bids.
    pub days: usize,
    /// How many bids without exploration would tell as much (Kish's effective sample size).
    pub effective_sample_size: f64,
    /// What the replay predicts for the supported bids.
    pub replay: Outcomes,
    /// Horvitz and Thompson's estimate. None where no price was the strategy's.
    pub inverse_propensity: Option<Estimates>,
    /// Hájek's estimate.
    pub self_normalised: Option<Estimates>,
    /// The doubly robust estimate.
    pub doubly_robust: Option<Estimates>,
}

/// Bids without support.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Unsupported {
    /// How many.
    pub bids: usize,
    /// Their share of the bids, in percent.
    pub percent: Option<f64>,
    /// What the replay predicts for them.
    pub replay: Outcomes,
}

/// The estimates of one estimator.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Estimates {
    /// The share of the bids that win, from 0 to 1.
    pub win_rate: Estimate,
    /// What they pay up to the end of the history, in USD.
    pub revenue_usd: Estimate,
}

/// A bid of the strategy on an explored order, while it is compared.
#[derive(Clone, Copy, Debug)]
struct Compared {
    /// As [`Trial`], of whether it wins.
    win: Trial,
    /// As [`Trial`], of what it pays.
    revenue: Trial,
    /// What the replay predicts.
    replay: (f64, f64),
}

/// Off-policy estimates while the folds are gone through.
#[derive(Debug)]
pub(super) struct Exploration<'a> {
    joined: Joined<'a>,
    /// What the strategy charges for the joined orders that it bids on.
    prices: BTreeMap<usize, Usd>,
    strategy: String,
    in_folds: usize,
    declined: usize,
    supported: Vec<Compared>,
    unsupported: Vec<(f64, f64)>,
}

impl<'a> Exploration<'a> {
    /// Joins explored bids with a history.
    pub(super) fn new(bids: &'a [ExploredBid], prepared: &Prepared, history: &MarketHistory) -> Self {
        let joined = Joined::new(bids, history);
        let arrivals = joined.bids.keys().filter_map(|order| history.stream.arrivals.get(*order));
        let prices = joined.bids.keys().zip(prepared.bids_without_leases(arrivals));
        let prices = prices.filter_map(|(order, price)| Some((*order, price.filter(|price| !price.is_zero())?)));
        Self {
            prices: prices.collect(),
            strategy: prepared.strategies.first().map(|strategy| strategy.name.clone()).unwrap_or_default(),
            joined,
            in_folds: 0,
            declined: 0,
            supported: Vec::new(),
            unsupported: Vec::new(),
        }
    }

    /// Adds an order of a fold, if we explored it.
    pub(super) fn order(
        &mut self,
        order: usize,
        (arrival, facts): (&Arrival, &OrderFacts),
        training: &Training,
        (window, end): (Window, Millis),
    ) {
        let Some(bid) = self.joined.bids.get(&order) else { return };
        self.in_folds = self.in_folds.saturating_add(1);
        let Some(price) = self.prices.get(&order).copied() else {
            self.declined = self.declined.saturating_add(1);
            return;
        };
        let lease = Lease::of(arrival, facts, price, training, (window, end));
        let chance = training.chance(facts, price);
        let replay = (chance, chance * lease.revenue);
        match bid.nearest(price) {
            None => self.unsupported.push(replay),
            Some(level) => {
                // What the model knows of the order is the same whichever price was drawn, and not what came of it.
                let known = OrderFacts { own: Some(bid.base), taker: Taker::Nobody, lease: None, ..facts.clone() };
                let paid = Lease::of(arrival, &known, price, training, (window, end)).revenue;
                let win = Trial {
                    block: arrival.at.checked_div(DAY).unwrap_or(0),
                    weight: if level == bid.factor { count(bid.factors.len()) } else { 0.0 },
                    outcome: if facts.taker == Taker::Us { 1.0 } else { 0.0 },
                    model: training.prior_chance(&known, bid.at(level)),
                };
                self.supported.push(Compared { win, revenue: win.paying(lease.revenue, paid), replay });
            }
        }
    }

    /// The estimates, and what is to be said about them.
    pub(super) fn finish(self, warnings: &mut Vec<String>) -> OffPolicy {
        let of = |part: fn(&Compared) -> Trial| self.supported.iter().map(part).collect::<Vec<_>>();
        let (wins, revenues) = (of(|bid| bid.win), of(|bid| bid.revenue));
        let with_one_outcome = (!outcomes_vary(&wins)).then(|| wins.iter().find(|trial| trial.weight > 0.0)).flatten();
        let estimates = |estimator| Estimates::by(estimator, &wins, &revenues);
        let replay: Vec<(f64, f64)> = self.supported.iter().map(|bid| bid.replay).collect();
        let bids = self.supported.len().saturating_add(self.unsupported.len());
        let days: BTreeSet<u64> = wins.iter().map(|trial| trial.block).collect();
        let found = OffPolicy {
            explored: self.joined.orders,
            not_in_history: self.joined.not_in_history,
            other_price: self.joined.other_price,
            outside_folds: self.joined.bids.len().saturating_sub(self.in_folds),
            declined: self.declined,
            bids,
            unsupported: Unsupported::of(&self.unsupported, bids),
            supported: wins.len(),
            matching: wins.iter().filter(|trial| trial.weight > 0.0).count(),
            days: days.len(),
            effective_sample_size: rounded(effective_sample_size(&wins), 1),
            replay: Outcomes::of(replay.len(), &replay),
            inverse_propensity: estimates(inverse_propensity),
            self_normalised: estimates(self_normalised),
            doubly_robust: estimates(doubly_robust),
            strategy: self.strategy,
        };
        found.warn(with_one_outcome.map(|trial| trial.outcome > 0.0), warnings);
        found
    }
}

impl Estimates {
    /// The estimates of an estimator. None where it has none.
    fn by(estimator: fn(&[Trial]) -> Option<Estimate>, wins: &[Trial], revenues: &[Trial]) -> Option<Self> {
        let win_rate = estimator(wins)?.of_share();
        // If all bids won, it is known how much leases differ, and not how often there is one.
        let revenue_usd = estimator(revenues)?.times(count(revenues.len())).with_interval_if(outcomes_vary(wins));
        Some(Self { win_rate: win_rate.rounded(4), revenue_usd: revenue_usd.rounded(2) })
    }
}

impl Unsupported {
    /// What the replay predicts for bids without support, of so many bids.
    fn of(replay: &[(f64, f64)], bids: usize) -> Self {
        let percent = (bids > 0).then(|| rounded(100.0 * count(replay.len()) / count(bids), 2));
        Self { bids: replay.len(), percent, replay: Outcomes::of(replay.len(), replay) }
    }
}

impl OffPolicy {
    /// What the user should know. `all_won` says it of the bids at the strategy's price, if all had the same outcome.
    fn warn(&self, all_won: Option<bool>, warnings: &mut Vec<String>) {
        if self.explored == 0 {
            warnings.push("the bid log has no explored bid of an order with a name".to_owned());
            return;
        }
        let are = |count| plural(count, "is", "are");
        if self.other_price > 0 {
            warnings.push(format!(
                "{} {} left out, because our bid in the history has a price that the bid log does not have",
                counted(self.other_price, "explored order"),
                are(self.other_price)
            ));
        }
        let unsupported = self.unsupported.bids;
        if unsupported > 0 {
            warnings.push(format!(
                "{unsupported} of {} of the strategy {} outside of the explored band; the estimates do not have {}",
                counted(self.bids, "bid"),
                are(unsupported),
                plural(unsupported, "it", "them")
            ));
        }
        if self.supported > 0 && self.effective_sample_size < FEW {
            warnings.push(format!(
                "the explored bids tell no more than {} bids would; do not rely on intervals of so few",
                self.effective_sample_size
            ));
        }
        if let Some(all_won) = all_won {
            warnings.push(format!(
                "the explored bids at the strategy's price all {} ({}), so the estimates have no intervals",
                if all_won { "won" } else { "lost" },
                self.matching
            ));
        }
    }
}
