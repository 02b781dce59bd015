//! The summary of a simulation: the runs of each cell and strategy, aggregated.
//!
//! Counts and money are exact totals over the seeds, and percentages are of integrals over the time of all seeds. How
//! much seeds differ is shown separately, as intervals for the figures of a single run.

mod axes;
mod build;
mod compare;
mod differences;
mod figures;
mod model;
mod paired;
mod percent;
mod stats;
mod strategy;
#[cfg(test)]
mod tests;
mod units;
mod warnings;

use pricing_core::money::ArithmeticOverflow;
use serde::Serialize;

pub use axes::{AxesValues, Axis, AxisValue};
pub use build::axes_of;
pub use differences::{Comparison, DifferencePerRun, FlipCount, LargestFlip, Paired};
pub use figures::{figures, totals};
pub use model::{
    CardSummary, ChargeSummary, Figures, GpuUtilisation, IdleUsd, KindInterval, KindPercent, Part, PerRun, PriceRange,
    StrategySummary,
};
pub use paired::{MAX_ALL_PAIRS, Pairs};
pub use percent::Percent;
pub use stats::{CONFIDENCE, Interval, quantile};
pub use units::{Hours, Seconds};

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

/// The simulated period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct WindowSeconds {
    /// The first moment.
    pub start_s: Seconds,
    /// The moment after the last one.
    pub end_s: Seconds,
}
