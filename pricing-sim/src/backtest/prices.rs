//! Whether a strategy charges what we bid.

use pricing_core::money::Usd;
use rust_decimal::Decimal;
use serde::Serialize;

use super::figures::rounded;
use crate::history::MarketHistory;
use crate::number::float;
use crate::sweep::Prepared;

/// The first strategy's prices beside our bids. The strategy prices each order on the inventory without any leases.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StrategyPrices {
    /// The strategy.
    pub strategy: String,
    /// Orders that we bid on.
    pub bids: usize,
    /// Those that the strategy prices.
    pub priced: usize,
    /// Those that it prices at what we bid, to half a cent a month.
    pub equal: usize,
    /// The median difference of its price from our bid, in percent. Positive where it is dearer.
    pub median_difference_percent: Option<f64>,
}

impl StrategyPrices {
    /// Compares the first strategy of a scenario with our bids.
    pub(super) fn of(prepared: &Prepared, history: &MarketHistory) -> Self {
        let half_a_cent = Decimal::new(5, 3);
        let ours = history
            .stream
            .arrivals
            .iter()
            .zip(&history.facts)
            .filter_map(|(arrival, facts)| Some((arrival, facts.own?)));
        let ours: Vec<_> = ours.collect();
        let prices = prepared.prices_without_leases(ours.iter().map(|(arrival, _)| *arrival));
        let priced: Vec<(Usd, Usd)> =
            ours.iter().zip(prices).filter_map(|((_, own), price)| Some((price?, *own))).collect();
        let equal = |(price, own): &&(Usd, Usd)| {
            price.decimal().checked_sub(own.decimal()).is_some_and(|difference| difference.abs() <= half_a_cent)
        };
        let mut percent: Vec<f64> = priced
            .iter()
            .filter(|(_, own)| !own.is_zero())
            .map(|(price, own)| (float(price.decimal()) / float(own.decimal()) - 1.0) * 100.0)
            .collect();
        percent.sort_by(f64::total_cmp);
        Self {
            strategy: prepared.strategies.first().map(|strategy| strategy.name.clone()).unwrap_or_default(),
            bids: ours.len(),
            priced: priced.len(),
            equal: priced.iter().filter(equal).count(),
            median_difference_percent: percent.get(percent.len() / 2).map(|percent| rounded(*percent, 2)),
        }
    }
}
