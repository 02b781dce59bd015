//! What a simulation answers: the runs of each cell and strategy put together.
//!
//! Counts and money are exact totals over the seeds, percentages are of integrals over all seeds' time. How much seeds
//! differ is said beside them, as intervals of what one run comes to.

mod build;
mod compare;
mod percent;
mod stats;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;

use pricing_core::money::{ArithmeticOverflow, Usd};
use rust_decimal::Decimal;
use serde::{Serialize, Serializer};

use crate::result::usd;
use crate::time::Millis;

pub use build::{axes_of, figures, totals};
pub use percent::Percent;
pub use stats::{CONFIDENCE, Interval, quantile};

/// The schema that the answer's JSON has.
pub const SCHEMA: u32 = 1;

/// Why there is no summary.
#[derive(Debug, thiserror::Error)]
pub enum SummaryError {
    /// A total has more digits than exact decimals have room for.
    #[error("a total outgrows the exact decimals; use fewer seeds or a shorter window")]
    Overflow(#[from] ArithmeticOverflow),
    /// The runs are not those of the sweep.
    #[error("{0}")]
    Runs(String),
}

/// The answer of a simulation.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// [`SCHEMA`].
    pub schema: u32,
    /// What the scenario is called.
    pub name: String,
    /// The seeds that each cell was run with.
    pub seeds: Vec<u64>,
    /// How many runs there were: cells times seeds.
    pub runs: usize,
    /// The axes of the sweep, the one that changes fastest last.
    pub axes: Vec<Axis>,
    /// What was looked at, where that is the same in all runs.
    pub window: Option<WindowSeconds>,
    /// One for each cell and strategy: cells in order, and within each the strategies in the scenario's order.
    pub strategies: Vec<StrategySummary>,
    /// One for each cell and strategy after the first, in the same order.
    pub comparisons: Vec<Comparison>,
}

/// An axis of a sweep.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Axis {
    /// The key of the scenario.
    pub key: String,
    /// The values that it has in turn.
    pub values: Vec<AxisValue>,
}

/// A value of an axis. What JSON cannot say exactly is TOML's text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(untagged)]
pub enum AxisValue {
    /// A whole number.
    Integer(i64),
    /// Yes or no.
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

/// The axes' values in a cell, by key.
pub type AxesValues = BTreeMap<String, AxisValue>;

/// A moment in seconds with at most three decimals, in the stream's own time.
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

/// What was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct WindowSeconds {
    /// The first moment.
    pub start_s: Seconds,
    /// The moment after the last.
    pub end_s: Seconds,
}

/// What one strategy came to in one cell, over all seeds.
#[derive(Clone, Debug, Serialize)]
pub struct StrategySummary {
    /// The strategy.
    pub name: String,
    /// The axes' values in the cell; empty without axes.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub axes: AxesValues,
    /// What it came to.
    #[serde(flatten)]
    pub figures: Figures,
    /// What one run comes to; none with a single seed.
    pub per_run: Option<PerRun>,
}

/// What one strategy came to: in one run, or in all runs of a cell.
#[derive(Clone, Debug, Serialize)]
pub struct Figures {
    /// Orders that arrived.
    pub orders: u64,
    /// Orders that were won, and ran.
    pub won: u64,
    /// The others, by reason.
    pub lost: BTreeMap<String, u64>,
    /// Won by arrived; none without orders.
    pub win_rate_percent: Option<Percent>,
    /// What the leases pay for their time in the window.
    #[serde(with = "usd")]
    pub revenue_usd: Usd,
    /// Hours of all leases in the window.
    pub lease_hours: Hours,
    /// Cards by kind, sorted.
    pub gpu_utilisation: Vec<GpuUtilisation>,
    /// All cards; none without cards or time.
    pub gpu_utilisation_percent: Option<Percent>,
    /// Threads; none without threads or time.
    pub cpu_utilisation_percent: Option<Percent>,
    /// Memory; none without memory or time.
    pub memory_utilisation_percent: Option<Percent>,
    /// What stood idle.
    pub idle_usd: IdleUsd,
    /// Free cards that the stream's typical orders could not use, by free cards; none without free cards.
    pub fragmentation_percent: Option<Percent>,
    /// Leases that pay more than the rates of their own cards.
    pub overcharge: ChargeSummary,
    /// Leases that pay less than the rates of their own cards.
    pub undercharge: ChargeSummary,
    /// Bids and wins by price, cheapest first; ranges without bids are left out.
    pub win_by_price: Vec<PriceRange>,
    /// The window in equal parts.
    pub over_time: Vec<Part>,
    /// Quotes that the wall clock decided: they may be others elsewhere.
    pub by_clock: u64,
}

/// Hours, rounded half-even to 4 decimals.
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

/// How much cards of one kind were in use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GpuUtilisation {
    /// The kind.
    pub kind: String,
    /// How many there are.
    pub cards: u64,
    /// In use, by leases or before the first order; none without time.
    pub percent: Option<Percent>,
}

/// What stood idle over the window, at the idle rates.
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
    /// Hours of idle cards that no idle rate prices, and that `gpu` therefore lacks.
    pub unpriced_card_hours: Hours,
}

impl IdleUsd {
    /// All of it.
    ///
    /// # Errors
    /// When it outgrows the exact decimals.
    pub fn total(&self) -> Result<Usd, ArithmeticOverflow> {
        self.gpu.checked_add(self.cpu)?.checked_add(self.memory)
    }
}

/// Leases that do not pay what their own cards cost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChargeSummary {
    /// How many.
    pub orders: u64,
    /// The sum of the differences, a month.
    #[serde(with = "usd")]
    pub usd_per_month: Usd,
    /// What the differences came to over the leases' time in the window.
    #[serde(with = "usd")]
    pub usd: Usd,
}

/// Bids of a range of prices, USD a month.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PriceRange {
    /// From this on.
    pub from_usd: u64,
    /// Below this; none for the last range.
    pub to_usd: Option<u64>,
    /// Bids.
    pub bids: u64,
    /// Those that were won.
    pub won: u64,
}

/// A part of the window. With several seeds the parts of their windows are put together by number.
#[derive(Clone, Debug, Serialize)]
pub struct Part {
    /// When it begins; none where that is not the same in all runs.
    pub start_s: Option<Seconds>,
    /// When it ends; none where that is not the same in all runs.
    pub end_s: Option<Seconds>,
    /// Cards in use by kind, in the order of [`Figures::gpu_utilisation`].
    pub gpu: Vec<KindPercent>,
    /// Threads in use.
    pub cpu_percent: Option<Percent>,
    /// Memory in use.
    pub memory_percent: Option<Percent>,
    /// Orders that arrived.
    pub arrived: u64,
    /// Those of them that were won.
    pub won: u64,
    /// What leases pay for the time in this part.
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

/// What one run comes to: means over the seeds with the interval that holds the true mean, under the usual assumption
/// that seeds differ as a normal distribution does. None where some run has no such figure.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PerRun {
    /// Orders that were won.
    pub won: Option<Interval>,
    /// Won by arrived.
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
    /// What stood idle: cards, threads and memory.
    pub idle_usd: Option<Interval>,
    /// Free cards that typical orders could not use.
    pub fragmentation_percent: Option<Interval>,
    /// What leases pay above the rates of their own cards.
    pub overcharge_usd: Option<Interval>,
    /// What leases pay below the rates of their own cards.
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

/// A strategy held against the first one in one cell, order by order, over all seeds.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// The strategy.
    pub strategy: String,
    /// The first one.
    pub against: String,
    /// The axes' values in the cell; empty without axes.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub axes: AxesValues,
    /// Orders that came to something else, by what they came to; the most frequent first.
    pub flips: Vec<FlipCount>,
    /// Orders that both won.
    pub both_won: u64,
    /// Those of them that pay less under this strategy.
    pub cheaper: u64,
    /// Those of them that pay more under this strategy.
    pub dearer: u64,
    /// Orders won under this strategy less those under the first.
    pub won: i64,
    /// Revenue of this strategy less that of the first.
    #[serde(with = "usd")]
    pub revenue_usd: Usd,
    /// The flipped orders that change revenue most, largest first.
    pub largest: Vec<LargestFlip>,
    /// What the differences of one run come to, seed by seed; none with a single seed.
    pub per_run: Option<DifferencePerRun>,
}

/// Orders that came to something else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FlipCount {
    /// What they came to under the first: `won` or the reason.
    pub from: String,
    /// What they came to under this strategy.
    pub to: String,
    /// How many.
    pub orders: u64,
}

/// An order that came to something else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LargestFlip {
    /// The run's seed.
    pub seed: u64,
    /// The order's place in the stream.
    pub order: usize,
    /// What the source calls it.
    pub id: String,
    /// When it arrived.
    pub at_s: Seconds,
    /// What it came to under the first.
    pub from: String,
    /// What it came to under this strategy.
    pub to: String,
    /// The cards under the first.
    pub gpu_from: String,
    /// The cards under this strategy.
    pub gpu_to: String,
    /// What it cost under the first, a month.
    pub usd_per_month_from: Option<String>,
    /// What it cost under this strategy, a month.
    pub usd_per_month_to: Option<String>,
    /// The difference in revenue.
    #[serde(with = "usd")]
    pub revenue_usd: Usd,
}

/// Paired differences: of each seed this strategy's figure less the first one's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DifferencePerRun {
    /// Orders that were won.
    pub won: Option<Interval>,
    /// Won by arrived, in percentage points.
    pub win_rate_percent: Option<Interval>,
    /// Revenue.
    pub revenue_usd: Option<Interval>,
    /// Cards in use, all kinds, in percentage points.
    pub gpu_utilisation_percent: Option<Interval>,
    /// What stood idle.
    pub idle_usd: Option<Interval>,
    /// Free cards that typical orders could not use, in percentage points.
    pub fragmentation_percent: Option<Interval>,
    /// What leases pay above the rates of their own cards.
    pub overcharge_usd: Option<Interval>,
    /// What leases pay below the rates of their own cards.
    pub undercharge_usd: Option<Interval>,
}
