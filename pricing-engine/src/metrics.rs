//! The service's metrics, for Prometheus.
//!
//! Events of requests are counted here when they happen. What other parts of the service know already is collected when
//! the metrics are read: see [`Readings`].

mod labels;
mod names;
mod outcomes;
mod placements;
mod plugin;
mod readings;
#[cfg(test)]
mod tests;
mod tuning;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use pricing_core::order::Order;
use pricing_core::quote::{DecisionKind, Quote, Reason};
use pricing_core::text::excerpt;
use prometheus_client::encoding::text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

pub use labels::gpu_label;
pub use names::NAMES;
pub use plugin::PluginMetrics;
pub use readings::{BidLogReading, FeedReading, IntakeReading, InventoryReading, Readings, ReloadReading};

pub(crate) use labels::Bounded;

/// The content type of [`Metrics::render`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The upper bounds of the histograms' buckets, in seconds.
const BUCKETS: [f64; 16] =
    [0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];
/// The upper bounds of the buckets of distances to the winner's price: 0.1 is 10 % above it.
const DISTANCES: [f64; 14] = [-0.5, -0.2, -0.1, -0.05, -0.02, 0.0, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0];
/// The most values of the label `gpu`.
const MAX_GPUS: usize = 200;
/// The most values of the label `plugin`.
const MAX_PLUGINS: usize = 50;

/// The names and values of `N` labels.
type Labels<const N: usize> = [(&'static str, String); N];

/// Constructs histograms of times.
#[derive(Clone, Copy, Debug)]
struct Times;

impl MetricConstructor<Histogram> for Times {
    fn new_metric(&self) -> Histogram {
        Histogram::new(BUCKETS)
    }
}

/// A call of the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// `Quote`.
    Quote,
    /// One request of `QuoteStream`.
    QuoteStream,
    /// `Screen`.
    Screen,
    /// The provider's `BidScreening`.
    BidScreening,
}

impl Call {
    /// Returns the value of the label `call`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Quote => "quote",
            Self::QuoteStream => "quote-stream",
            Self::Screen => "screen",
            Self::BidScreening => "bid-screening",
        }
    }
}

/// Why a call was not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The queue was full.
    Overload,
    /// The rate limit was reached.
    Rate,
    /// The deadline passed.
    Deadline,
    /// The request was invalid.
    Invalid,
    /// There were too many connections.
    Connections,
    /// There were too many streams.
    Streams,
    /// Large requests had used up their memory.
    Bytes,
}

impl Refusal {
    const ALL: [Self; 7] =
        [Self::Overload, Self::Rate, Self::Deadline, Self::Invalid, Self::Connections, Self::Streams, Self::Bytes];

    /// Returns the value of the label `reason`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Overload => "overload",
            Self::Rate => "rate",
            Self::Deadline => "deadline",
            Self::Invalid => "invalid",
            Self::Connections => "connections",
            Self::Streams => "streams",
            Self::Bytes => "bytes",
        }
    }
}

/// The outcomes of a reload.
const RELOADS: [&str; 2] = ["taken", "refused"];

/// The metrics.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    decisions: Family<Labels<4>, Counter>,
    requests: Family<Labels<1>, Histogram, Times>,
    pricing: Histogram,
    refused: [AtomicU64; Refusal::ALL.len()],
    plugin_calls: Family<Labels<1>, Counter>,
    plugin_faults: Family<Labels<2>, Counter>,
    plugin_times: Family<Labels<1>, Histogram, Times>,
    plugin_swaps: Family<Labels<2>, Counter>,
    reloads: Family<Labels<1>, Counter>,
    lost_by: Histogram,
    gpus: Bounded,
    plugins: Bounded,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// Makes metrics with all counters at 0. The start time is now.
    #[must_use]
    pub fn new() -> Self {
        let mut metrics = Self {
            registry: Registry::default(),
            decisions: Family::default(),
            requests: Family::new_with_constructor(Times),
            pricing: Times.new_metric(),
            refused: std::array::from_fn(|_| AtomicU64::new(0)),
            plugin_calls: Family::default(),
            plugin_faults: Family::default(),
            plugin_times: Family::new_with_constructor(Times),
            plugin_swaps: Family::default(),
            reloads: Family::default(),
            lost_by: Histogram::new(DISTANCES),
            gpus: Bounded::new(MAX_GPUS),
            plugins: Bounded::new(MAX_PLUGINS),
        };
        // These counters start at 0 instead of being absent, so that Prometheus sees the first event as an increase.
        for outcome in RELOADS {
            let _ = metrics.reloads.get_or_create(&[("outcome", outcome.to_owned())]);
        }
        metrics.register();
        metrics
    }

    fn register(&mut self) {
        let registry = &mut self.registry;
        let started = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("bidprice_build", "The version that runs", build);
        registry.register("bidprice_start_time_seconds", "When the service started", ConstGauge::new(started));
        registry.register("bidprice_decisions", "Decisions, one a group of an order", self.decisions.clone());
        registry.register("bidprice_request_seconds", "Time from request to answer", self.requests.clone());
        registry.register("bidprice_pricing_seconds", "Time to price, without waiting", self.pricing.clone());
        registry.register("bidprice_plugin_calls", "Calls of plugins", self.plugin_calls.clone());
        registry.register("bidprice_plugin_faults", "Calls of plugins that failed", self.plugin_faults.clone());
        registry.register("bidprice_plugin_call_seconds", "Time of a call of a plugin", self.plugin_times.clone());
        registry.register("bidprice_plugin_swaps", "New files of plugins", self.plugin_swaps.clone());
        registry.register("bidprice_reloads", "New configurations", self.reloads.clone());
        let lost_by = "By how much lost bids were above the winner's price, as a part of it";
        registry.register("bidprice_outcomes_lost_by", lost_by, self.lost_by.clone());
    }

    /// Counts the decision for one group of an order.
    pub fn decided(&self, call: Call, order: &Order, quote: &Quote) {
        let gpu = self.gpus.take(gpu_label(order, quote));
        let (decision, code) = quote.reason().map_or((DecisionKind::Bid.name(), ""), no_bid);
        self.count_decision(call, decision, code, gpu);
    }

    /// Counts the screening of one group of an order. Passing is not a bid, so it is counted as the decision `pass`.
    pub fn screened(&self, call: Call, screened: Result<(), &Reason>) {
        let (decision, code) = screened.err().map_or((DecisionKind::Pass.name(), ""), no_bid);
        self.count_decision(call, decision, code, "none".to_owned());
    }

    fn count_decision(&self, call: Call, decision: &str, code: &str, gpu: String) {
        let labels = [("call", call.name().into()), ("decision", decision.into()), ("code", code.into()), ("gpu", gpu)];
        self.decisions.get_or_create(&labels).inc();
    }

    /// Counts a call that was answered or refused after `took`.
    pub fn requested(&self, call: Call, took: Duration) {
        self.requests.get_or_create(&[("call", call.name().to_owned())]).observe(took.as_secs_f64());
    }

    /// Counts the time that an order took to price, without the time in the queue.
    pub fn priced(&self, took: Duration) {
        self.pricing.observe(took.as_secs_f64());
    }

    /// Counts a call that was not answered.
    pub fn refused(&self, refusal: Refusal) {
        let places = Refusal::ALL.iter().zip(&self.refused);
        places.filter(|(other, _)| **other == refusal).for_each(|(_, count)| {
            count.fetch_add(1, Ordering::Relaxed);
        });
    }

    /// Counts a new configuration, applied or refused.
    pub fn reloaded(&self, taken: bool) {
        let [yes, no] = RELOADS;
        let outcome = if taken { yes } else { no };
        self.reloads.get_or_create(&[("outcome", outcome.to_owned())]).inc();
    }

    /// Counts a lost bid, which was above the winner's price by a part of it.
    pub(crate) fn lost_by(&self, relative: f64) {
        self.lost_by.observe(relative);
    }

    /// Renders all metrics as OpenMetrics text.
    #[must_use]
    pub fn render(&self, readings: &Readings) -> String {
        let mut page = String::new();
        let told = readings::registry(readings, &self.refusals(readings));
        // Writing to a `String` does not fail.
        let _ = text::encode_registry(&mut page, &self.registry);
        let _ = text::encode_registry(&mut page, &told);
        let _ = text::encode_eof(&mut page);
        page
    }

    /// Returns the counts of refusals, here and in the readings.
    fn refusals(&self, readings: &Readings) -> Vec<(String, u64)> {
        let counted = Refusal::ALL.into_iter().zip(&self.refused).map(|(refusal, here)| {
            let elsewhere = readings.refused.iter().filter(|(other, _)| *other == refusal).map(|(_, count)| *count);
            (refusal.name().to_owned(), elsewhere.fold(here.load(Ordering::Relaxed), u64::saturating_add))
        });
        counted.collect()
    }

    /// Returns the value of the label `plugin`.
    fn plugin_label(&self, name: &str) -> String {
        self.plugins.take(excerpt(name))
    }
}

fn no_bid(reason: &Reason) -> (&'static str, &'static str) {
    (reason.code.decision().name(), reason.code.name())
}
