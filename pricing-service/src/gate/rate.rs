//! A token bucket (GCRA): it allows a number of orders per second, in bursts of at most one second's worth.

use std::time::{Duration, Instant};

/// A token bucket, stored as the time at which it will be full again.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bucket {
    full: Option<Instant>,
}

impl Bucket {
    /// Takes a token, and returns whether there was one.
    pub(super) fn take(&mut self, now: Instant, rate: u32) -> bool {
        let next = self.next(now, rate);
        if next.is_some() {
            self.full = next;
        }
        next.is_some()
    }

    /// Returns whether there is a token.
    pub(super) fn has(&self, now: Instant, rate: u32) -> bool {
        self.next(now, rate).is_some()
    }

    /// Returns when the bucket is full again after taking a token, or `None` if there is no token.
    fn next(&self, now: Instant, rate: u32) -> Option<Instant> {
        let each = Duration::from_secs(1).checked_div(rate)?;
        let next = self.full.map_or(now, |full| full.max(now)).checked_add(each)?;
        (next.saturating_duration_since(now) <= Duration::from_secs(1)).then_some(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_s_worth_is_taken_at_once_and_then_as_time_passes() {
        let mut bucket = Bucket::default();
        let start = Instant::now();
        assert_eq!((0..100).filter(|_| bucket.take(start, 10)).count(), 10);
        let later = start + Duration::from_millis(250);
        assert_eq!((0..100).filter(|_| bucket.take(later, 10)).count(), 2);
        let much_later = start + Duration::from_secs(3600);
        assert_eq!((0..100).filter(|_| bucket.take(much_later, 10)).count(), 10);
    }

    #[test]
    fn to_look_takes_nothing() {
        let mut bucket = Bucket::default();
        let start = Instant::now();
        assert!((0..100).all(|_| bucket.has(start, 10)));
        assert_eq!((0..100).filter(|_| bucket.take(start, 10)).count(), 10);
        assert!(!bucket.has(start, 10));
    }

    #[test]
    fn a_rate_of_nothing_takes_nothing() {
        assert!(!Bucket::default().take(Instant::now(), 0));
    }
}
