//! The budget of requests, and the waits after failures.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// At most so many requests per second.
#[derive(Debug)]
pub(super) struct Pace {
    interval: Duration,
    next: Instant,
    requests: u64,
}

impl Pace {
    /// 0 is no limit.
    pub(super) fn new(requests_per_second: u32) -> Self {
        let interval = Duration::from_secs(1).checked_div(requests_per_second).unwrap_or_default();
        Self { interval, next: Instant::now(), requests: 0 }
    }

    /// Waits until the next request may be made, and counts it.
    pub(super) async fn turn(&mut self) {
        if !self.interval.is_zero() {
            sleep_until(self.next).await;
            self.next = self.next.max(Instant::now()) + self.interval;
        }
        self.requests = self.requests.saturating_add(1);
    }

    /// How many requests were made.
    pub(super) fn requests(&self) -> u64 {
        self.requests
    }
}

/// The wait after an attempt, counted from 0, in which every node failed: twice as long each time. A longer one that a
/// node asked for counts, up to the longest.
pub(super) fn wait(attempt: u32, first: Duration, asked: Option<Duration>, most: Duration) -> Duration {
    let step = first.saturating_mul(2_u32.saturating_pow(attempt));
    asked.map_or(step, |asked| asked.max(step)).min(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_and_are_bounded() {
        let seconds = Duration::from_secs;
        let waited = |attempt, asked| wait(attempt, seconds(1), asked, seconds(60));
        assert_eq!([0, 1, 2, 5, 6, 40].map(|attempt| waited(attempt, None).as_secs()), [1, 2, 4, 32, 60, 60]);
        assert_eq!(waited(0, Some(seconds(7))), seconds(7));
        assert_eq!(waited(3, Some(seconds(7))), seconds(8));
        assert_eq!(waited(0, Some(seconds(86_400))), seconds(60));
    }
}
