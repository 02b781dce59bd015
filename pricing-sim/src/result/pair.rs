//! Compares two strategies order by order: which orders flipped, and why.

use std::collections::BTreeMap;

use pricing_core::money::Usd;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::brief::Briefs;
use super::decision::OrderOutcome;
use super::usd;
use crate::stream::Arrival;
use crate::time::Millis;

/// How many flipped orders are kept per run: those that change revenue most.
pub const LARGEST: usize = 20;

/// A strategy compared with the first one, in one run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PairRun {
    /// The strategy.
    pub strategy: String,
    /// The first.
    pub against: String,
    /// The number of orders by their outcome under the first strategy and under this one, where the two differ.
    pub flips: BTreeMap<OrderOutcome, BTreeMap<OrderOutcome, u64>>,
    /// Orders that both strategies won.
    pub both_won: u64,
    /// Of those, the ones that pay less under this strategy.
    pub cheaper: u64,
    /// Of those, the ones that pay more under this strategy.
    pub dearer: u64,
    /// The flipped orders that change revenue most.
    pub largest: Vec<Flip>,
}

/// An order with different outcomes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flip {
    /// The order's index in the stream.
    pub order: usize,
    /// Its name in the source.
    pub id: String,
    /// When it arrived.
    pub at: Millis,
    /// Its outcome under the first strategy.
    pub before: OrderOutcome,
    /// Its outcome under this one.
    pub after: OrderOutcome,
    /// The cards under the first.
    pub gpu_before: String,
    /// The cards under this one.
    pub gpu_after: String,
    /// Its price under the first, in USD per month.
    pub usd_before: Option<String>,
    /// Its price under this one, in USD per month.
    pub usd_after: Option<String>,
    /// The difference in revenue, in USD.
    #[serde(with = "usd")]
    pub revenue: Usd,
}

impl PairRun {
    /// Compares a strategy's decisions with those of the first, on the orders that arrive from a moment on.
    #[must_use]
    pub fn between(names: (&str, &str), arrivals: &[Arrival], from: Millis, first: &Briefs, second: &Briefs) -> Self {
        let mut pair = Self { against: names.0.to_owned(), strategy: names.1.to_owned(), ..Self::default() };
        let count = |counter: &mut u64| *counter = counter.saturating_add(1);
        let mut flips: Vec<(Decimal, usize)> = Vec::new();
        // Arrivals are sorted, so those before the moment come first.
        let skipped = arrivals.partition_point(|arrival| arrival.at < from);
        for (order, (before, after)) in first.iter().zip(second.iter()).enumerate().skip(skipped) {
            if before.outcome != after.outcome {
                let to = pair.flips.entry(before.outcome).or_default();
                count(to.entry(after.outcome).or_default());
                let change = after.revenue.checked_sub(before.revenue).unwrap_or_default();
                flips.push((change.decimal().abs(), order));
            } else if before.outcome == OrderOutcome::Won {
                count(&mut pair.both_won);
                match (before.usd_per_month, after.usd_per_month) {
                    (Some(before), Some(after)) if after < before => count(&mut pair.cheaper),
                    (Some(before), Some(after)) if after > before => count(&mut pair.dearer),
                    _ => {}
                }
            }
        }
        flips.sort_by(|one, other| other.0.cmp(&one.0).then(one.1.cmp(&other.1)));
        let largest = flips.into_iter().take(LARGEST);
        pair.largest = largest.filter_map(|(_, order)| flip(order, arrivals, first, second)).collect();
        pair
    }
}

fn flip(order: usize, arrivals: &[Arrival], first: &Briefs, second: &Briefs) -> Option<Flip> {
    let (arrival, before, after) = (arrivals.get(order)?, first.get(order)?, second.get(order)?);
    let text = |usd: Option<Usd>| usd.map(|usd| usd.to_string());
    Some(Flip {
        order,
        id: arrival.id.to_string(),
        at: arrival.at,
        before: before.outcome,
        after: after.outcome,
        gpu_before: before.gpu.to_string(),
        gpu_after: after.gpu.to_string(),
        usd_before: text(before.usd_per_month),
        usd_after: text(after.usd_per_month),
        revenue: after.revenue.checked_sub(before.revenue).unwrap_or_default(),
    })
}
