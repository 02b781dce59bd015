//! When the next pull begins. The time is handed in.

use std::time::{Duration, Instant};

/// When the next pull begins.
#[derive(Clone, Debug)]
pub(super) struct Schedule {
    interval: Duration,
    /// The first wait after a failure. Each further one is twice as long.
    retry: Duration,
    next: Instant,
    /// Failures since the last complete pull.
    failures: u32,
}

impl Schedule {
    pub(super) fn new(interval: Duration, retry: Duration, first: Instant) -> Self {
        Self { interval, retry: retry.min(interval), next: first, failures: 0 }
    }

    /// Returns the wait until the next pull.
    pub(super) fn wait(&self, now: Instant) -> Duration {
        self.next.saturating_duration_since(now)
    }

    /// Notes the end of a pull.
    pub(super) fn ended(&mut self, is_complete: bool, now: Instant) {
        let wait = if is_complete {
            self.failures = 0;
            self.interval
        } else {
            let doubled = self.retry.saturating_mul(2_u32.saturating_pow(self.failures));
            self.failures = self.failures.saturating_add(1);
            doubled.min(self.interval)
        };
        self.next = now.checked_add(wait).unwrap_or(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_tried_again_sooner_and_then_less_and_less_often() {
        let start = Instant::now();
        let seconds = Duration::from_secs;
        let mut schedule = Schedule::new(seconds(600), seconds(60), start + seconds(15));
        assert_eq!(schedule.wait(start), seconds(15));
        assert_eq!(schedule.wait(start + seconds(20)), Duration::ZERO);
        schedule.ended(true, start);
        assert_eq!(schedule.wait(start), seconds(600));
        let waits = [(); 6].map(|()| {
            schedule.ended(false, start);
            schedule.wait(start).as_secs()
        });
        assert_eq!(waits, [60, 120, 240, 480, 600, 600]);
        schedule.ended(true, start);
        schedule.ended(false, start);
        assert_eq!(schedule.wait(start), seconds(60));
    }

    #[test]
    fn a_short_interval_bounds_the_wait_after_a_failure() {
        let start = Instant::now();
        let mut schedule = Schedule::new(Duration::from_secs(10), Duration::from_secs(60), start);
        schedule.ended(false, start);
        assert_eq!(schedule.wait(start), Duration::from_secs(10));
    }
}
