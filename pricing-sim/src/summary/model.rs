//! The figures of a summary, as the JSON answer has them.

use std::collections::BTreeMap;

use pricing_core::money::{ArithmeticOverflow, Usd};
use serde::Serialize;

use super::axes::AxesValues;
use super::percent::Percent;
use super::stats::Interval;
use super::units::{Hours, Seconds};
use crate::result::{OrderOutcome, usd};

/// The results of one strategy in one cell, over all seeds.
#[derive(Clone, Debug, Serialize)]
pub struct StrategySummary {
    /// Its place in `Summary::strategies`.
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
    pub lost: BTreeMap<OrderOutcome, u64>,
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
    /// What leases pay by the cards that their pods were handed, sorted.
    pub by_card: Vec<CardSummary>,
    /// Bids and wins by kinds and number of cards, and within them by price, cheapest first, without the ranges that
    /// have no bids.
    pub win_by_price: Vec<PriceRange>,
    /// The window, in equal parts.
    pub over_time: Vec<Part>,
    /// Quotes that depended on the wall clock, and may differ elsewhere.
    pub by_clock: u64,
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

/// What the leases with the same cards pay for their time in the window, and what the strategy's rates ask for the cards.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CardSummary {
    /// The kinds of the cards that their pods were handed, separated by `+`.
    pub gpu: String,
    /// The number of leases.
    pub leases: u64,
    /// What they pay, in USD.
    #[serde(with = "usd")]
    pub paid_usd: Usd,
    /// What the rates ask, in USD.
    #[serde(with = "usd")]
    pub own_usd: Usd,
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
