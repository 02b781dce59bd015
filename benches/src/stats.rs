//! Percentiles of individually timed calls. A mean hides the slow calls that miss a deadline.

use std::time::Duration;

/// Returns the processor time that this thread has used so far, if the system reports it. Other programs do not affect
/// it.
#[must_use]
pub fn cpu_time() -> Option<Duration> {
    // The system updates its count when it schedules.
    std::thread::yield_now();
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}

/// Durations, for percentiles.
#[derive(Clone, Debug, Default)]
pub struct Samples(Vec<Duration>);

impl Samples {
    /// Adds a duration.
    pub fn add(&mut self, duration: Duration) {
        self.0.push(duration);
    }

    /// Adds all durations of another set.
    pub fn append(&mut self, mut other: Self) {
        self.0.append(&mut other.0);
    }

    /// Returns the number of durations.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Returns a percentile by the nearest-rank method, in thousandths: the smallest sample that at least `per_mille`
    /// of a thousand do not exceed.
    #[must_use]
    pub fn per_mille(&self, per_mille: usize) -> Duration {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let last = sorted.len().saturating_sub(1);
        let place = sorted.len().saturating_mul(per_mille).div_ceil(1_000).saturating_sub(1);
        sorted.get(place.min(last)).copied().unwrap_or_default()
    }

    /// Formats the usual percentiles in a line.
    #[must_use]
    pub fn line(&self) -> String {
        let [p50, p99, p999, max] = [500, 990, 999, 1_000].map(|per_mille| self.per_mille(per_mille));
        format!("p50 {p50:>10.1?}  p99 {p99:>10.1?}  p99.9 {p999:>10.1?}  max {max:>10.1?}  of {}", self.count())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_samples() {
        let mut samples = Samples::default();
        (1..=1_000).rev().for_each(|nanos| samples.add(Duration::from_nanos(nanos)));
        let percentiles = [1, 500, 990, 999, 1_000].map(|per_mille| samples.per_mille(per_mille).as_nanos());
        assert_eq!(percentiles, [1, 500, 990, 999, 1_000]);
        assert_eq!(Samples::default().per_mille(500), Duration::ZERO);
    }
}
