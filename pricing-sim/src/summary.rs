//! The summary of a simulation: the runs of each cell and strategy, aggregated.
//!
//! Counts and money are exact totals over the seeds, and percentages are of integrals over the time of all seeds. How
//! much seeds differ is shown separately, as intervals for the figures of a single run.

mod build;
mod compare;
mod figures;
mod paired;
mod percent;
mod stats;
mod strategy;
#[cfg(test)]
mod tests;
mod warnings;

use std::collections::BTreeMap;
use std::fmt;

use pricing_core::money::{ArithmeticOverflow, Usd};
use rust_decimal::Decimal;
use serde::{Serialize, Serializer};

use crate::result::usd;
use crate::time::Millis;

pub use build::axes_of;
pub use figures::{figures, totals};
pub use paired::{MAX_ALL_PAIRS, Pairs};
pub use percent::Percent;
pub use stats::{CONFIDENCE, Interval, quantile};

/// The schema version of the JSON answer.
pub const SCHEMA: u32 = 1;

/// Why a summary cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum SummaryError {
    /// A total overflows the exact decimals.
    #[error("a total outgrows the exact decimals; use fewer seeds or a shorter window")]
    Overflow(#[from] ArithmeticOverflow),
    /// The runs do not belong to the sweep.
    #[error("{0}")]
    Runs(String),
}

/// The answer of a simulation.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The name of the scenario.
    pub name: String,
    /// The seeds with which each cell was run.
    pub seeds: Vec<u64>,
    /// The number of runs: cells times seeds.
    pub runs: usize,
    /// The axes of the sweep. The last one changes fastest.
    pub axes: Vec<Axis>,
    /// The simulated period, if it is the same in all runs.
    pub window: Option<WindowSeconds>,
    /// One entry per cell and strategy: cells in order, and in each the strategies in the scenario's order.
    pub strategies: Vec<StrategySummary>,
    /// One entry per cell and strategy after the first, in the same order.
    pub comparisons: Vec<Comparison>,
    /// Differences between two strategies or cells, paired by seed. Empty with a single seed.
    pub paired: Vec<Paired>,
    /// What must be known before any of the figures is believed.
    pub warnings: Vec<Warning>,
}

/// The difference between two combinations of cell and strategy, paired by seed: for each seed, the figure of the one
/// minus that of the other. Luck that both share does not widen the intervals.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Paired {
    /// The places of the two in [`Summary::strategies`]. The list of differences is sorted by them.
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

/// Something that makes the figures say less than they seem to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Warning {
    /// What it is about: `one-seed`, `no-limits`, `market-wildcard` or `maximum-wildcard`.
    pub code: &'static str,
    /// The most orders of a run that it is about, if it is about orders.
    pub orders: Option<u64>,
    /// The warning in words.
    pub message: String,
}

/// An axis of a sweep.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Axis {
    /// The key of the scenario.
    pub key: String,
    /// The values that it takes in turn.
    pub values: Vec<AxisValue>,
}

/// A value of an axis. A value that JSON cannot represent exactly is TOML text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(untagged)]
pub enum AxisValue {
    /// An integer.
    Integer(i64),
    /// A boolean.
    Boolean(bool),
    /// Anything else.
    Text(String),
}

impl fmt::Display for AxisValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(number) => number.fmt(f),
            Self::Boolean(yes) => yes.fmt(f),
            Self::Text(text) => f.write_str(text),
        }
    }
}

/// The values of the axes in a cell, by key.
pub type AxesValues = BTreeMap<String, AxisValue>;

/// A time in seconds with at most three decimals, from the stream's own origin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seconds(pub Millis);

impl Seconds {
    /// The seconds.
    #[must_use]
    pub fn decimal(self) -> Decimal {
        Decimal::from_i128_with_scale(i128::from(self.0), 3).normalize()
    }
}

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.decimal().fmt(f)
    }
}

impl Serialize for Seconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The simulated period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct WindowSeconds {
    /// The first moment.
    pub start_s: Seconds,
    /// The moment after the last one.
    pub end_s: Seconds,
}

/// The results of one strategy in one cell, over all seeds.
#[derive(Clone, Debug, Serialize)]
pub struct StrategySummary {
    /// Its place in [`Summary::strategies`].
    #[serde(skip)]
    pub place: usize,
    /// The strategy.
    pub name: String,
    /// The values of the axes in the cell. Empty without axes.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub axes: AxesValues,
    /// The figures.
    #[serde(flatten)]
    pub figures: Figures,
    /// The figures of a single run, with intervals. None with a single seed.
    pub per_run: Option<PerRun>,
}

/// The figures of one strategy: of one run, or of all runs of a cell.
#[derive(Clone, Debug, Serialize)]
pub struct Figures {
    /// Orders that arrived.
    pub orders: u64,
    /// Orders that were won, and whose leases ran.
    pub won: u64,
    /// The other orders, by reason.
    pub lost: BTreeMap<String, u64>,
    /// Won by arrived orders, in percent. None without orders.
    pub win_rate_percent: Option<Percent>,
    /// What the leases pay for their time in the window, in USD.
    #[serde(with = "usd")]
    pub revenue_usd: Usd,
    /// The time of all leases in the window, in hours.
    pub lease_hours: Hours,
    /// Cards by kind, sorted.
    pub gpu_utilisation: Vec<GpuUtilisation>,
    /// The utilisation of all cards, in percent. None without cards or time.
    pub gpu_utilisation_percent: Option<Percent>,
    /// The utilisation of CPU, in percent. None without CPU or time.
    pub cpu_utilisation_percent: Option<Percent>,
    /// The utilisation of memory, in percent. None without memory or time.
    pub memory_utilisation_percent: Option<Percent>,
    /// The value of idle capacity, in USD.
    pub idle_usd: IdleUsd,
    /// The share of free cards that the stream's typical orders could not use, in percent. None without free cards.
    pub fragmentation_percent: Option<Percent>,
    /// Leases that pay more than their own cards cost.
    pub overcharge: ChargeSummary,
    /// Leases that pay less than their own cards cost.
    pub undercharge: ChargeSummary,
    /// Bids and wins by kinds and number of cards, and within them by price, cheapest first, without the ranges that
    /// have no bids.
    pub win_by_price: Vec<PriceRange>,
    /// The window, in equal parts.
    pub over_time: Vec<Part>,
    /// Quotes that depended on the wall clock, and may differ elsewhere.
    pub by_clock: u64,
}

/// Hours, rounded half to even to 4 decimals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hours(pub(crate) Decimal);

impl Hours {
    /// The hours.
    #[must_use]
    pub fn decimal(self) -> Decimal {
        self.0
    }
}

impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Hours {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The utilisation of the cards of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GpuUtilisation {
    /// The kind.
    pub kind: String,
    /// The number of cards.
    pub cards: u64,
    /// In use, by leases or before the first order, in percent. None without time.
    pub percent: Option<Percent>,
}

/// The value of idle capacity over the window, by the idle rates, in USD.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct IdleUsd {
    /// Cards.
    #[serde(with = "usd")]
    pub gpu: Usd,
    /// Threads.
    #[serde(with = "usd")]
    pub cpu: Usd,
    /// Memory.
    #[serde(with = "usd")]
    pub memory: Usd,
    /// Hours of idle cards without an idle rate, which `gpu` therefore does not include.
    pub unpriced_card_hours: Hours,
}

impl IdleUsd {
    /// The sum.
    ///
    /// # Errors
    /// When it overflows the exact decimals.
    pub fn total(&self) -> Result<Usd, ArithmeticOverflow> {
        self.gpu.checked_add(self.cpu)?.checked_add(self.memory)
    }
}

/// Leases that pay more or less than their own cards cost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChargeSummary {
    /// The number of leases.
    pub orders: u64,
    /// The sum of the differences, in USD per month.
    #[serde(with = "usd")]
    pub usd_per_month: Usd,
    /// The sum of the differences over the leases' time in the window, in USD.
    #[serde(with = "usd")]
    pub usd: Usd,
}

/// The bids on orders for the same cards in a range of prices, in USD per month.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PriceRange {
    /// The kinds of the cards that the order got or would have got, separated by `+`. Empty without cards.
    pub gpu: String,
    /// The number of cards of an order, all replicas together.
    pub cards: u64,
    /// The lower bound, inclusive.
    pub from_usd: u64,
    /// The upper bound, exclusive. None for the last range.
    pub to_usd: Option<u64>,
    /// Bids.
    pub bids: u64,
    /// The bids that won.
    pub won: u64,
}

/// A part of the window. With several seeds, the parts are aggregated by index.
#[derive(Clone, Debug, Serialize)]
pub struct Part {
    /// Its start. None if it is not the same in all runs.
    pub start_s: Option<Seconds>,
    /// Its end. None if it is not the same in all runs.
    pub end_s: Option<Seconds>,
    /// Cards in use by kind, in the order of [`Figures::gpu_utilisation`].
    pub gpu: Vec<KindPercent>,
    /// Threads in use.
    pub cpu_percent: Option<Percent>,
    /// Memory in use.
    pub memory_percent: Option<Percent>,
    /// Orders that arrived.
    pub arrived: u64,
    /// The orders that were won.
    pub won: u64,
    /// What leases pay for their time in this part, in USD.
    #[serde(with = "usd")]
    pub revenue_usd: Usd,
}

/// Cards of a kind in use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KindPercent {
    /// The kind.
    pub kind: String,
    /// In use.
    pub percent: Option<Percent>,
}

/// The figures of a single run: means over the seeds, with the interval that contains the true mean with 95%
/// confidence, assuming that seeds are normally distributed. None if some run does not have the figure.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PerRun {
    /// Orders that were won.
    pub won: Option<Interval>,
    /// Won by arrived orders, in percent.
    pub win_rate_percent: Option<Interval>,
    /// Revenue.
    pub revenue_usd: Option<Interval>,
    /// Cards in use, all kinds.
    pub gpu_utilisation_percent: Option<Interval>,
    /// Cards in use by kind, in the order of [`Figures::gpu_utilisation`].
    pub gpu_utilisation: Vec<KindInterval>,
    /// Threads in use.
    pub cpu_utilisation_percent: Option<Interval>,
    /// Memory in use.
    pub memory_utilisation_percent: Option<Interval>,
    /// The value of idle capacity: cards, CPU and memory.
    pub idle_usd: Option<Interval>,
    /// Free cards that typical orders could not use, in percent.
    pub fragmentation_percent: Option<Interval>,
    /// What leases pay above the cost of their own cards.
    pub overcharge_usd: Option<Interval>,
    /// What leases pay below the cost of their own cards.
    pub undercharge_usd: Option<Interval>,
}

/// Cards of a kind in use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KindInterval {
    /// The kind.
    pub kind: String,
    /// In use.
    pub percent: Option<Interval>,
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
    /// The outcome under the first: `won` or the reason.
    pub from: String,
    /// The outcome under this strategy.
    pub to: String,
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
    pub from: String,
    /// Its outcome under this strategy.
    pub to: String,
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
