//! What our bids brought, or should have brought.

use pricing_core::money::Usd;
use serde::Serialize;

use super::Comparison;
use super::training::Training;
use crate::history::{LeaseLength, OrderFacts};
use crate::number::{float, wide};
use crate::stream::Arrival;
use crate::time::{Millis, SECONDS_PER_MONTH, Window};

const MILLIS_PER_HOUR: f64 = 3_600_000.0;

/// What bids brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Figures {
    /// Bids that won. What is predicted is a sum of probabilities.
    pub won: f64,
    /// The share of bids that won, from 0 to 1. None without bids.
    pub win_rate: Option<f64>,
    /// What the leases pay up to the end of the history, in USD.
    #[serde(serialize_with = "text")]
    pub revenue_usd: f64,
    /// How long the leases hold cards within the fold.
    pub card_hours: f64,
    /// The latter as a share of what the inventory has. None if it has no such cards.
    pub utilisation: Option<f64>,
}

/// What some bids bring.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Outcomes {
    /// The share of bids that win, from 0 to 1. None without bids.
    pub win_rate: Option<f64>,
    /// What the leases pay up to the end of the history, in USD.
    #[serde(serialize_with = "text")]
    pub revenue_usd: f64,
}

impl Outcomes {
    /// The sums of probabilities and of what is expected of so many bids.
    pub(super) fn of(bids: usize, expected: &[(f64, f64)]) -> Self {
        let (won, revenue) = expected.iter().fold((0.0, 0.0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        Self { win_rate: (bids > 0).then(|| rounded(won / count(bids), 4)), revenue_usd: rounded(revenue, 2) }
    }
}

/// The lease that a bid would begin.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lease {
    /// What it pays up to the end of the history, in USD.
    pub(super) revenue: f64,
    /// Hours times cards within the fold.
    card_hours: f64,
}

/// Sums over bids.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sums {
    orders: usize,
    bids: usize,
    predicted: (f64, Lease),
    actual: (f64, Lease),
}

impl Default for Lease {
    fn default() -> Self {
        Self { revenue: 0.0, card_hours: 0.0 }
    }
}

impl Lease {
    /// The lease of an order at a price: as long as the order's lease was, or else of the mean length.
    pub(super) fn of(
        arrival: &Arrival,
        facts: &OrderFacts,
        usd: Usd,
        training: &Training,
        (window, end): (Window, Millis),
    ) -> Self {
        let up_to = |end: Millis| {
            let most = end.saturating_sub(arrival.at);
            match facts.lease {
                Some(LeaseLength { length, .. }) => wide(length.min(most)),
                None => training.mean_length(&facts.kind, most),
            }
        };
        let month = wide(SECONDS_PER_MONTH.saturating_mul(1000));
        let units = arrival.order.group.resources().iter();
        let cards: u64 =
            units.map(|unit| unit.gpu.units.saturating_mul(u64::from(unit.count))).fold(0, u64::saturating_add);
        Self {
            revenue: float(usd.decimal()) * up_to(end) / month,
            card_hours: wide(cards) * up_to(window.end) / MILLIS_PER_HOUR,
        }
    }
}

impl Sums {
    /// Counts an order.
    pub(super) fn order(&mut self) {
        self.orders = self.orders.saturating_add(1);
    }

    /// Adds a bid, with the predicted probability that it wins.
    pub(super) fn bid(&mut self, chance: f64, won: bool, lease: &Lease) {
        self.bids = self.bids.saturating_add(1);
        for (sum, weight) in [(&mut self.predicted, chance), (&mut self.actual, if won { 1.0 } else { 0.0 })] {
            sum.0 += weight;
            sum.1.revenue += weight * lease.revenue;
            sum.1.card_hours += weight * lease.card_hours;
        }
    }

    /// What was predicted beside what happened, where the cluster has so many cards.
    pub(super) fn comparison(&self, cards: u64, window: Window) -> Comparison {
        let capacity = wide(cards) * wide(window.length()) / MILLIS_PER_HOUR;
        let figures = |(won, lease): (f64, Lease)| Figures {
            won: rounded(won, 4),
            win_rate: (self.bids > 0).then(|| rounded(won / count(self.bids), 4)),
            revenue_usd: rounded(lease.revenue, 2),
            card_hours: rounded(lease.card_hours, 2),
            utilisation: (capacity > 0.0).then(|| rounded(lease.card_hours / capacity, 4)),
        };
        Comparison {
            orders: self.orders,
            bids: self.bids,
            predicted: figures(self.predicted),
            actual: figures(self.actual),
        }
    }
}

/// Writes a figure as text, as all money is written.
pub(super) fn text<S: serde::Serializer>(figure: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(figure)
}

/// A count as a float.
pub(super) fn count(number: usize) -> f64 {
    wide(u64::try_from(number).unwrap_or(u64::MAX))
}

/// A figure rounded for people.
pub(super) fn rounded(figure: f64, decimals: i32) -> f64 {
    let scale = libm::pow(10.0, f64::from(decimals));
    libm::round(figure * scale) / scale
}
