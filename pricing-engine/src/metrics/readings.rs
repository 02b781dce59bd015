//! The state of the other parts of the service when the metrics are read.

use std::time::Duration;

use pricing_core::money::UsdPerAkt;
use pricing_core::text::excerpt;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::registry::{Metric, Registry};
use rust_decimal::prelude::ToPrimitive;

use super::{Labels, Refusal, tuning};
use crate::{outcomes, placements, tune};

/// The state of the parts of the service at one moment, which `Service::readings` collects. A default is 0, or absent
/// if 0 would be misleading.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Readings {
    /// Orders that are being priced.
    pub inflight: u64,
    /// Orders in the queue.
    pub queue: u64,
    /// Connections, streams and memory.
    pub intake: IntakeReading,
    /// Days until the service's own certificate expires.
    pub certificate_days: Option<f64>,
    /// Refused calls that `Metrics::refused` does not count.
    pub refused: Vec<(Refusal, u64)>,
    /// The feed.
    pub feed: FeedReading,
    /// The inventory; `None` without one.
    pub inventory: Option<InventoryReading>,
    /// Orders with a hold.
    pub held_orders: u64,
    /// The state (`closed`, `open`, `half-open`) of each plugin's breaker.
    pub breakers: Vec<(String, &'static str)>,
    /// The results of shadow pricing: the GPU label, the outcome and the count.
    pub shadow: Vec<(String, String, u64)>,
    /// Orders that shadow pricing dropped because it could not keep up.
    pub shadow_dropped: u64,
    /// The bid log.
    pub bid_log: BidLogReading,
    /// The pull of outcomes; `None` if it is not configured.
    pub outcomes: Option<outcomes::Reading>,
    /// How predictions of where pods start turned out.
    pub placements: placements::Reading,
    /// A pending configuration.
    pub reload: ReloadReading,
    /// The rates that are proposed; `None` without `[tune]`.
    pub tune: Option<tune::Reading>,
}

/// A configuration that is in the files but not in use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReloadReading {
    /// Whether its files have not settled yet.
    pub settling: bool,
    /// Whether it has to be accepted.
    pub refused: bool,
    /// The number of changes to accept, by concern.
    pub changes: Vec<(&'static str, u64)>,
}

/// The connections, streams and memory of callers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IntakeReading {
    /// Open connections, without those to the metrics.
    pub connections: u64,
    /// Open streams.
    pub streams: u64,
    /// The bytes of large requests in memory.
    pub buffered_bytes: u64,
    /// Idle connections that were closed to make room.
    pub connections_evicted: u64,
    /// Idle streams that were ended to make room.
    pub streams_evicted: u64,
    /// Calls that waited for data from their caller and were ended to make room.
    pub calls_evicted: u64,
}

/// The state of the feed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FeedReading {
    /// The age of the value in use.
    pub age: Option<Duration>,
    /// The value of an AKT in USD.
    pub usd_per_akt: Option<UsdPerAkt>,
    /// The fetches: the source, the outcome and the count.
    pub fetches: Vec<(String, String, u64)>,
    /// Values that were refused.
    pub refused: u64,
}

/// The state of the inventory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InventoryReading {
    /// The age of the snapshot in use.
    pub age: Option<Duration>,
    /// `fresh`, `stale` or `unusable`.
    pub state: String,
    /// The nodes of the snapshot in use.
    pub nodes: u64,
    /// Nodes of earlier snapshots that are missing now.
    pub missing_nodes: u64,
    /// The findings about the snapshot.
    pub findings: u64,
    /// Refused snapshots, by reason.
    pub refused: Vec<(String, u64)>,
    /// How many times the stream was reopened.
    pub reconnects: u64,
}

/// The state of the bid log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BidLogReading {
    /// Decisions that were written.
    pub written: u64,
    /// Decisions in the queue.
    pub waiting: u64,
    /// Decisions that will never be written.
    pub lost: u64,
    /// Objects that another program has removed.
    pub objects_lost: u64,
}

const INVENTORY_STATES: [&str; 3] = ["fresh", "stale", "unusable"];
const BREAKER_STATES: [&str; 3] = ["closed", "open", "half-open"];

/// Builds the registry of the readings' metrics.
pub(super) fn registry(readings: &Readings, refused: &[(String, u64)]) -> Registry {
    let mut page = Sheet(Registry::default());
    page.whole("bidprice_inflight", "Orders that are being priced", readings.inflight);
    page.whole("bidprice_queue", "Orders that wait for their turn", readings.queue);
    intake(&mut page, readings.intake);
    let days = readings.certificate_days;
    page.optional("bidprice_certificate_days_left", "Days until the service's own certificate expires", days);
    let refused = refused.iter().map(|(reason, count)| ([("reason", reason)], *count));
    page.counts("bidprice_refused", "Calls that were not answered", refused);
    feed(&mut page, &readings.feed);
    inventory(&mut page, readings.inventory.as_ref());
    page.whole("bidprice_held_orders", "Orders for which capacity is held", readings.held_orders);
    let breakers = Family::<Labels<2>, Gauge>::default();
    for (plugin, current) in &readings.breakers {
        for state in BREAKER_STATES {
            let labels = [("plugin", excerpt(plugin)), ("state", state.to_owned())];
            breakers.get_or_create(&labels).set(i64::from(*current == state));
        }
    }
    page.add("bidprice_plugin_breaker", "Whether a plugin's breaker is in this state", breakers);
    let shadow = readings.shadow.iter().map(|(gpu, outcome, count)| ([("gpu", gpu), ("outcome", outcome)], *count));
    page.counts("bidprice_shadow", "Orders priced a second time", shadow);
    page.count("bidprice_shadow_dropped", "Orders not priced a second time for lack of time", readings.shadow_dropped);
    let BidLogReading { written, waiting, lost, objects_lost } = readings.bid_log;
    page.count("bidprice_bid_log_written", "Decisions written to the bid log", written);
    page.whole("bidprice_bid_log_waiting", "Lines that wait for the bid log's disk", waiting);
    page.count("bidprice_bid_log_lost", "Lines that were not logged", lost);
    page.count(
        "bidprice_bid_log_objects_lost",
        "Objects that decisions refer to and that another program removed",
        objects_lost,
    );
    if let Some(reading) = &readings.outcomes {
        super::outcomes::add(&mut page, reading);
    }
    super::placements::add(&mut page, &readings.placements);
    reload(&mut page, &readings.reload);
    if let Some(reading) = &readings.tune {
        tuning::add(&mut page, reading);
    }
    page.0
}

fn reload(page: &mut Sheet, reload: &ReloadReading) {
    let pending = Family::<Labels<1>, Gauge>::default();
    for (state, is_so) in [("settling", reload.settling), ("refused", reload.refused)] {
        pending.get_or_create(&[("state", state.to_owned())]).set(i64::from(is_so));
    }
    page.add("bidprice_reload_pending", "Whether a configuration is pending in this state", pending);
    let changes = Family::<Labels<1>, Gauge>::default();
    for (concern, count) in &reload.changes {
        let count = i64::try_from(*count).unwrap_or(i64::MAX);
        changes.get_or_create(&[("concern", (*concern).to_owned())]).set(count);
    }
    page.add(
        "bidprice_reload_pending_changes",
        "Changes of the pending configuration that have to be accepted",
        changes,
    );
}

fn intake(page: &mut Sheet, intake: IntakeReading) {
    page.whole("bidprice_connections", "Connections that are open", intake.connections);
    page.whole("bidprice_streams", "Streams that are open", intake.streams);
    page.whole("bidprice_buffered_bytes", "Bytes of large requests in memory", intake.buffered_bytes);
    let kinds = [
        ("connection", intake.connections_evicted),
        ("stream", intake.streams_evicted),
        ("call", intake.calls_evicted),
    ];
    let kinds = kinds.map(|(kind, count)| (kind.to_owned(), count));
    let evicted = kinds.iter().map(|(kind, count)| ([("kind", kind)], *count));
    page.counts("bidprice_evicted", "Streams and calls that were closed to make room", evicted);
}

fn feed(page: &mut Sheet, feed: &FeedReading) {
    page.seconds("bidprice_feed_age_seconds", "Age of the USD/AKT in use", feed.age);
    let usd = feed.usd_per_akt.and_then(|usd| usd.get().to_f64());
    page.optional("bidprice_feed_usd_per_akt", "USD for an AKT; absent when it is not known", usd);
    let fetches =
        feed.fetches.iter().map(|(source, outcome, count)| ([("source", source), ("outcome", outcome)], *count));
    page.counts("bidprice_feed_fetches", "Fetches of USD/AKT", fetches);
    page.count("bidprice_feed_refused", "Values of USD/AKT that were rejected", feed.refused);
}

fn inventory(page: &mut Sheet, inventory: Option<&InventoryReading>) {
    let age = inventory.and_then(|inventory| inventory.age);
    page.seconds("bidprice_inventory_age_seconds", "Age of the inventory in use", age);
    let states = Family::<Labels<1>, Gauge>::default();
    for state in INVENTORY_STATES.into_iter().filter(|_| inventory.is_some()) {
        let current = inventory.is_some_and(|inventory| inventory.state == state);
        states.get_or_create(&[("state", state.to_owned())]).set(i64::from(current));
    }
    page.add("bidprice_inventory_state", "Whether the inventory is in this state", states);
    let none = InventoryReading::default();
    let inventory = inventory.unwrap_or(&none);
    page.whole("bidprice_inventory_nodes", "Nodes of the inventory in use", inventory.nodes);
    let missing = inventory.missing_nodes;
    page.whole("bidprice_inventory_missing_nodes", "Nodes that are gone from the inventory", missing);
    page.whole("bidprice_inventory_findings", "Findings about the inventory", inventory.findings);
    let refused = inventory.refused.iter().map(|(reason, count)| ([("reason", reason)], *count));
    page.counts("bidprice_inventory_refused", "Inventories that were rejected", refused);
    let reconnects = inventory.reconnects;
    page.count("bidprice_inventory_reconnects", "How often the inventory's stream was opened anew", reconnects);
}

/// A registry for one rendering.
pub(super) struct Sheet(Registry);

impl Sheet {
    pub(super) fn add(&mut self, name: &str, help: &str, metric: impl Metric) {
        self.0.register(name, help, metric);
    }

    pub(super) fn whole(&mut self, name: &str, help: &str, value: u64) {
        self.add(name, help, ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX)));
    }

    pub(super) fn count(&mut self, name: &str, help: &str, value: u64) {
        self.add(name, help, ConstCounter::new(value));
    }

    pub(super) fn counts<'a, const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        counts: impl Iterator<Item = ([(&'static str, &'a String); N], u64)>,
    ) {
        let family = Family::<Labels<N>, Counter>::default();
        for (labels, count) in counts {
            family.get_or_create(&labels.map(|(name, value)| (name, excerpt(value)))).inc_by(count);
        }
        self.add(name, help, family);
    }

    pub(super) fn seconds(&mut self, name: &str, help: &str, age: Option<Duration>) {
        self.optional(name, help, age.map(|age| age.as_secs_f64()));
    }

    /// Adds a value, if it is known.
    pub(super) fn optional(&mut self, name: &str, help: &str, value: Option<f64>) {
        if let Some(value) = value {
            self.add(name, help, ConstGauge::new(value));
        }
    }
}
