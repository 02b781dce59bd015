//! How long pricing takes. Timings are kept apart from the results, because they differ from run to run.

use std::collections::BTreeMap;
use std::time::Duration;

use rust_decimal::Decimal;
use serde::Serialize;

use crate::sweep::Detailed;

/// The schema of the timings' JSON.
pub const SCHEMA: u32 = 1;
/// The number of buckets per doubling, as bits: times are accurate to a part in 128.
const BITS: u32 = 7;

/// A histogram of times in bounded memory, with logarithmic buckets as in HdrHistogram: exact up to 255 ns, and above
/// that rounded up by less than 0.8%.
#[derive(Clone, Debug, Default)]
pub struct Histogram {
    counts: BTreeMap<u64, u64>,
    count: u64,
    total: u128,
    max: u64,
}

impl Histogram {
    /// Adds a time.
    pub fn add(&mut self, nanos: u64) {
        let bucket = self.counts.entry(bucket_end(nanos)).or_default();
        *bucket = bucket.saturating_add(1);
        self.count = self.count.saturating_add(1);
        self.total = self.total.saturating_add(u128::from(nanos));
        self.max = self.max.max(nanos);
    }

    /// The smallest time that `per_mille` of a thousand times do not exceed. None without times.
    #[must_use]
    pub fn quantile(&self, per_mille: u64) -> Option<u64> {
        let rank = self.count.saturating_mul(per_mille).div_ceil(1000).max(1);
        let mut below = 0_u64;
        for (end, count) in &self.counts {
            below = below.saturating_add(*count);
            if below >= rank {
                return Some((*end).min(self.max));
            }
        }
        None
    }
}

/// The largest time in the bucket of a time.
fn bucket_end(nanos: u64) -> u64 {
    let bits = u64::BITS.saturating_sub(nanos.leading_zeros());
    let dropped = bits.saturating_sub(BITS.saturating_add(1));
    nanos | 1_u64.checked_shl(dropped).map_or(u64::MAX, |bit| bit.saturating_sub(1))
}

/// The timings so far.
#[derive(Clone, Debug, Default)]
pub struct Timings {
    strategies: Vec<(String, Histogram)>,
    runs: usize,
    events: u64,
}

impl Timings {
    /// Adds the timings of a run.
    pub fn add(&mut self, run: &Detailed) {
        self.runs = self.runs.saturating_add(1);
        for outcome in &run.outcomes {
            let name = &outcome.run.name;
            let place = self.strategies.iter().position(|(known, _)| known == name).unwrap_or_else(|| {
                self.strategies.push((name.clone(), Histogram::default()));
                self.strategies.len().saturating_sub(1)
            });
            if let Some((_, histogram)) = self.strategies.get_mut(place) {
                outcome.timings.iter().for_each(|nanos| histogram.add(*nanos));
            }
            // Each order is an event, and so is the end of each lease.
            self.events = self.events.saturating_add(outcome.run.orders).saturating_add(outcome.run.won);
        }
    }

    /// The report. `wall` is how long everything took, on `threads` threads.
    #[must_use]
    pub fn report(&self, wall: Duration, threads: usize) -> TimingReport {
        let strategy = |(name, times): &(String, Histogram)| StrategyTiming {
            name: name.clone(),
            orders: times.count,
            p50_us: times.quantile(500).map(micros),
            p99_us: times.quantile(990).map(micros),
            p999_us: times.quantile(999).map(micros),
            max_us: (times.count > 0).then(|| micros(times.max)),
            pricing_s: seconds(times.total),
            orders_per_second: rate(times.count, times.total),
        };
        TimingReport {
            schema: SCHEMA,
            runs: self.runs,
            threads,
            wall_s: seconds(wall.as_nanos()),
            events: self.events,
            events_per_second: rate(self.events, wall.as_nanos()),
            strategies: self.strategies.iter().map(strategy).collect(),
        }
    }
}

/// How long pricing took. Differs from run to run.
#[derive(Clone, Debug, Serialize)]
pub struct TimingReport {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The number of runs.
    pub runs: usize,
    /// The number of threads.
    pub threads: usize,
    /// Seconds from the start of the first run to the end of the last, including reading the files that the runs need.
    pub wall_s: String,
    /// Orders that arrived plus leases that ended, over all runs and strategies.
    pub events: u64,
    /// Events per second of [`Self::wall_s`].
    pub events_per_second: Option<u64>,
    /// The strategies, over all runs.
    pub strategies: Vec<StrategyTiming>,
}

/// How long one strategy took to place and price an order.
#[derive(Clone, Debug, Serialize)]
pub struct StrategyTiming {
    /// The strategy.
    pub name: String,
    /// The number of orders that were priced.
    pub orders: u64,
    /// The median, in microseconds.
    pub p50_us: Option<String>,
    /// The 99th percentile, in microseconds.
    pub p99_us: Option<String>,
    /// The 99.9th percentile, in microseconds.
    pub p999_us: Option<String>,
    /// The maximum, in microseconds.
    pub max_us: Option<String>,
    /// The sum over all orders and threads, in seconds.
    pub pricing_s: String,
    /// Orders per second of [`Self::pricing_s`], that is per thread.
    pub orders_per_second: Option<u64>,
}

fn micros(nanos: u64) -> String {
    Decimal::from_i128_with_scale(i128::from(nanos), 3).to_string()
}

fn seconds(nanos: u128) -> String {
    let micros = i128::try_from(nanos / 1000).unwrap_or(i128::MAX);
    Decimal::try_from_i128_with_scale(micros, 6).map(|seconds| seconds.to_string()).unwrap_or_default()
}

fn rate(count: u64, nanos: u128) -> Option<u64> {
    let rate = u128::from(count).checked_mul(1_000_000_000)?.checked_div(nanos)?;
    u64::try_from(rate).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_the_nearest_ranks_within_a_part_in_128() {
        let mut times = Histogram::default();
        (1..=1000_u64).for_each(|nanos| times.add(nanos * 1000));
        for (per_mille, exact) in [(500, 500_000), (990, 990_000), (999, 999_000), (1000, 1_000_000)] {
            let told = times.quantile(per_mille).unwrap();
            assert!(told >= exact && told - exact <= exact / 128, "{per_mille}: {told}");
        }
        assert_eq!(times.max, 1_000_000);
        assert_eq!(Histogram::default().quantile(500), None);
    }

    #[test]
    fn short_times_are_exact_and_the_longest_has_a_bucket() {
        for nanos in [0, 1, 127, 128, 255] {
            assert_eq!(bucket_end(nanos), nanos);
        }
        assert_eq!(bucket_end(256), 257);
        assert_eq!(bucket_end(u64::MAX), u64::MAX);
    }

    #[test]
    fn nothing_timed_has_no_rate() {
        let report = Timings::default().report(Duration::ZERO, 1);
        assert_eq!((report.events, report.events_per_second), (0, None));
    }
}
