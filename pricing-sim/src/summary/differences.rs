//! The differences between strategies or cells, as the JSON answer has them.

use std::collections::BTreeMap;

use pricing_core::money::Usd;
use serde::Serialize;

use super::axes::AxesValues;
use super::stats::Interval;
use super::units::Seconds;
use crate::result::{OrderOutcome, usd};

/// The difference between two combinations of cell and strategy, paired by seed: for each seed, the figure of the one
/// minus that of the other. Luck that both share does not widen the intervals.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Paired {
    /// The places of the two in `Summary::strategies`. The list of differences is sorted by them.
    #[serde(skip)]
    pub places: (usize, usize),
    /// The strategy of the one.
    pub of: String,
    /// The values of the axes in its cell. Empty without axes.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub axes: AxesValues,
    /// The strategy of the other.
    pub against: String,
    /// The values of the axes in the other's cell. Empty without axes.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub against_axes: AxesValues,
    /// Revenue.
    pub revenue_usd: Option<Interval>,
    /// Orders that were won.
    pub won: Option<Interval>,
}

/// A strategy compared with the first one in one cell, order by order, over all seeds.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// The strategy.
    pub strategy: String,
    /// The first one.
    pub against: String,
    /// The values of the axes in the cell. Empty without axes.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub axes: AxesValues,
    /// Orders with different outcomes, by outcome, the most frequent first.
    pub flips: Vec<FlipCount>,
    /// Orders that both strategies won.
    pub both_won: u64,
    /// Of those, the ones that pay less under this strategy.
    pub cheaper: u64,
    /// Of those, the ones that pay more under this strategy.
    pub dearer: u64,
    /// Orders won under this strategy minus those under the first.
    pub won: i64,
    /// Revenue of this strategy minus that of the first, in USD.
    #[serde(with = "usd")]
    pub revenue_usd: Usd,
    /// The flipped orders that change revenue most, largest first.
    pub largest: Vec<LargestFlip>,
    /// The differences in a single run, paired by seed. None with a single seed.
    pub per_run: Option<DifferencePerRun>,
}

/// Orders with different outcomes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FlipCount {
    /// The outcome under the first.
    pub from: OrderOutcome,
    /// The outcome under this strategy.
    pub to: OrderOutcome,
    /// The number of orders.
    pub orders: u64,
}

/// An order with different outcomes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LargestFlip {
    /// The run's seed.
    pub seed: u64,
    /// The order's index in the stream.
    pub order: usize,
    /// Its name in the source.
    pub id: String,
    /// When it arrived.
    pub at_s: Seconds,
    /// Its outcome under the first.
    pub from: OrderOutcome,
    /// Its outcome under this strategy.
    pub to: OrderOutcome,
    /// The cards under the first.
    pub gpu_from: String,
    /// The cards under this strategy.
    pub gpu_to: String,
    /// Its price under the first, in USD per month.
    pub usd_per_month_from: Option<String>,
    /// Its price under this strategy, in USD per month.
    pub usd_per_month_to: Option<String>,
    /// The difference in revenue, in USD.
    #[serde(with = "usd")]
    pub revenue_usd: Usd,
}

/// Paired differences: for each seed, this strategy's figure minus the first one's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DifferencePerRun {
    /// Orders that were won.
    pub won: Option<Interval>,
    /// Won by arrived orders, in percentage points.
    pub win_rate_percent: Option<Interval>,
    /// Revenue.
    pub revenue_usd: Option<Interval>,
    /// Cards in use, all kinds, in percentage points.
    pub gpu_utilisation_percent: Option<Interval>,
    /// The value of idle capacity.
    pub idle_usd: Option<Interval>,
    /// Free cards that typical orders could not use, in percentage points.
    pub fragmentation_percent: Option<Interval>,
    /// What leases pay above the cost of their own cards.
    pub overcharge_usd: Option<Interval>,
    /// What leases pay below the cost of their own cards.
    pub undercharge_usd: Option<Interval>,
}
