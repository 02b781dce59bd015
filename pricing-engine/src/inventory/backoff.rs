//! How long to wait before connecting to a peer again: exponential backoff with full jitter.

use std::time::Duration;

/// An exponential backoff. Each wait is random, so that many clients do not reconnect at once.
#[derive(Clone, Debug)]
pub(super) struct Backoff {
    first: Duration,
    most: Duration,
    /// How long a connection must have been good for the next failure to count as the first.
    healthy: Duration,
    next: Duration,
}

impl Backoff {
    pub(super) fn new(first: Duration, most: Duration, healthy: Duration) -> Self {
        Self { first, most, healthy, next: first }
    }

    /// Returns the wait after a failure. `was_good` is how long the connection had been good, if it was.
    ///
    /// `random` is any 64-bit number. The wait is between 0 and the current bound, but never below a tenth of the first
    /// bound, so that a peer that fails at once is not flooded with connections.
    pub(super) fn wait(&mut self, was_good: Option<Duration>, random: u64) -> Duration {
        if was_good.is_some_and(|good| good >= self.healthy) {
            self.next = self.first;
        }
        let bound = self.next;
        self.next = bound.saturating_mul(2).min(self.most);
        // A fraction in billionths is precise enough for a wait.
        let share = u32::try_from(random.checked_rem(1_000_000_000).unwrap_or(0)).unwrap_or(0);
        scaled(bound, share).max(self.first.checked_div(10).unwrap_or(self.first))
    }
}

/// Returns that many billionths of a duration.
fn scaled(bound: Duration, billionths: u32) -> Duration {
    let nanos = bound.as_nanos().saturating_mul(u128::from(billionths)).checked_div(1_000_000_000).unwrap_or(0);
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Duration = Duration::from_millis(200);
    const MOST: Duration = Duration::from_secs(30);

    fn backoff() -> Backoff {
        Backoff::new(FIRST, MOST, Duration::from_secs(30))
    }

    #[test]
    fn waits_double_up_to_the_most() {
        let mut backoff = backoff();
        let waits: Vec<u128> = (0..10).map(|_| backoff.wait(None, 999_999_999).as_millis()).collect();
        assert_eq!(waits, [199, 399, 799, 1599, 3199, 6399, 12799, 25599, 29999, 29999]);
    }

    #[test]
    fn a_wait_is_never_nothing() {
        let mut backoff = backoff();
        assert!((0..100).all(|_| backoff.wait(None, 0) == Duration::from_millis(20)));
    }

    #[test]
    fn only_a_connection_that_was_good_for_a_while_starts_anew() {
        let mut backoff = backoff();
        for _ in 0..20 {
            backoff.wait(Some(Duration::from_secs(1)), 0);
        }
        assert!(backoff.wait(Some(Duration::from_secs(29)), 999_999_999) > Duration::from_secs(29));
        assert!(backoff.wait(Some(Duration::from_secs(30)), 999_999_999) < FIRST);
    }
}
