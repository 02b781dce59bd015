//! Hooks for metrics: what the host reports about each call.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use pricing_core::quote::ReasonCode;

/// A call that ended.
#[derive(Clone, Copy, Debug)]
pub struct CallEvent<'a> {
    /// The plugin's name.
    pub plugin: &'a str,
    /// The digest of its file.
    pub digest: &'a str,
    /// The fault that the call ended with. None if the plugin answered.
    pub fault: Option<ReasonCode>,
    /// Time from the end of queueing to the end of the call.
    pub time: Duration,
    /// Time spent waiting for a free slot.
    pub queued: Duration,
    /// Fuel that was used. None if the clock ended the call.
    pub fuel: Option<u64>,
    /// The peak memory of the plugin, in bytes.
    pub memory_bytes: u64,
}

/// Something that happened to a plugin between calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PluginEvent<'a> {
    /// Another file replaced the plugin.
    Swapped {
        /// The digest of the old file.
        from: &'a str,
        /// The digest of the new one.
        to: &'a str,
    },
    /// A new file was rejected; the old one stays in use.
    SwapRefused {
        /// Why.
        message: &'a str,
    },
    /// The breaker opened.
    BreakerOpened,
}

/// Receives all events. It is called on the thread of the call, so it must be quick, must not panic, and must not
/// replace or refresh plugins.
pub trait Metrics: Send + Sync {
    /// A call ended.
    fn call(&self, _event: &CallEvent<'_>) {}

    /// Something happened to a plugin.
    fn plugin(&self, _plugin: &str, _event: PluginEvent<'_>) {}
}

/// Counts nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoMetrics;

impl Metrics for NoMetrics {}

/// The upper bounds of the buckets of [`Counters`]' latency histogram, in microseconds. The last bucket has none.
pub const LATENCY_BUCKETS: [u64; 18] = [
    10, 20, 40, 80, 160, 320, 640, 1_280, 2_560, 5_120, 10_240, 20_480, 51_200, 102_400, 204_800, 409_600, 819_200,
    1_638_400,
];
const BUCKETS: usize = LATENCY_BUCKETS.len() + 1;
const CODES: usize = ReasonCode::ALL.len();

/// Counts everything in memory. A ready-made [`Metrics`].
#[derive(Debug)]
pub struct Counters {
    calls: AtomicU64,
    faults: [AtomicU64; CODES],
    latency: [AtomicU64; BUCKETS],
    fuel: AtomicU64,
    memory_high: AtomicU64,
    swaps: AtomicU64,
    swaps_refused: AtomicU64,
    breaker_opened: AtomicU64,
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            calls: AtomicU64::default(),
            faults: std::array::from_fn(|_| AtomicU64::default()),
            latency: std::array::from_fn(|_| AtomicU64::default()),
            fuel: AtomicU64::default(),
            memory_high: AtomicU64::default(),
            swaps: AtomicU64::default(),
            swaps_refused: AtomicU64::default(),
            breaker_opened: AtomicU64::default(),
        }
    }
}

/// The counts of [`Counters`] so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CountersSnapshot {
    /// The number of calls.
    pub calls: u64,
    /// The number of faults by code, for those that happened.
    pub faults: Vec<(ReasonCode, u64)>,
    /// The number of calls by latency; see [`LATENCY_BUCKETS`].
    pub latency: [u64; BUCKETS],
    /// The fuel of all calls.
    pub fuel: u64,
    /// The peak memory of any call, in bytes.
    pub memory_high: u64,
    /// The number of replacements.
    pub swaps: u64,
    /// The number of rejected replacements.
    pub swaps_refused: u64,
    /// How often a breaker opened.
    pub breaker_opened: u64,
}

impl Counters {
    /// The counts so far. Calls that end during the snapshot may be included in part.
    #[must_use]
    pub fn snapshot(&self) -> CountersSnapshot {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let faults = ReasonCode::ALL.into_iter().zip(&self.faults).map(|(code, counter)| (code, read(counter)));
        CountersSnapshot {
            calls: read(&self.calls),
            faults: faults.filter(|(_, count)| *count > 0).collect(),
            latency: std::array::from_fn(|bucket| self.latency.get(bucket).map_or(0, read)),
            fuel: read(&self.fuel),
            memory_high: read(&self.memory_high),
            swaps: read(&self.swaps),
            swaps_refused: read(&self.swaps_refused),
            breaker_opened: read(&self.breaker_opened),
        }
    }
}

fn count(counter: Option<&AtomicU64>, by: u64) {
    if let Some(counter) = counter {
        counter.fetch_add(by, Ordering::Relaxed);
    }
}

impl Metrics for Counters {
    fn call(&self, event: &CallEvent<'_>) {
        count(Some(&self.calls), 1);
        if let Some(code) = event.fault {
            let place = ReasonCode::ALL.iter().position(|other| *other == code);
            count(place.and_then(|place| self.faults.get(place)), 1);
        }
        let microseconds = u64::try_from(event.time.as_micros()).unwrap_or(u64::MAX);
        let bucket = LATENCY_BUCKETS.partition_point(|bound| *bound < microseconds);
        count(self.latency.get(bucket), 1);
        count(Some(&self.fuel), event.fuel.unwrap_or(0));
        self.memory_high.fetch_max(event.memory_bytes, Ordering::Relaxed);
    }

    fn plugin(&self, _plugin: &str, event: PluginEvent<'_>) {
        let counter = match event {
            PluginEvent::Swapped { .. } => &self.swaps,
            PluginEvent::SwapRefused { .. } => &self.swaps_refused,
            PluginEvent::BreakerOpened => &self.breaker_opened,
        };
        count(Some(counter), 1);
    }
}
