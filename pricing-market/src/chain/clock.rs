//! Times of heights.
//!
//! The chain dates its bids and leases by height. A block that a node answered is a sample: a height with its time.
//! Between two samples the time is linear, and outside of them it follows the line through the first and the last one.
//! With one sample, a block takes 2,629,757 / 429,909 seconds (about 6.117), as prices assume. Without any, height 0 is
//! taken for the start of 1970: such times are only right relative to each other.

use std::collections::BTreeMap;
use std::time::{Duration, UNIX_EPOCH};

use super::number::MAX_HEIGHT;

/// A month in milliseconds, and in blocks: what a price per month assumes.
const MONTH: Line = Line { blocks: 429_909, millis: 2_629_757_000 };
/// The last moment that has a year of four digits, in milliseconds since 1970.
const LAST: i128 = 253_402_300_799_999;

/// How much time passes between two heights.
#[derive(Clone, Copy, Debug)]
struct Line {
    blocks: i128,
    millis: i128,
}

impl Line {
    /// The milliseconds of a number of blocks, rounded down.
    fn millis(self, blocks: i128) -> i128 {
        // Heights have 34 bits and times 48, so that products fit into 128 bits.
        blocks.saturating_mul(self.millis).div_euclid(self.blocks.max(1))
    }
}

/// Two samples that cannot be of the same chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the block {height} is not of the same chain as another one: its time does not fit")]
pub struct ClockError {
    /// The height of the block.
    pub height: u64,
}

/// Samples of heights and times. Times are milliseconds since 1970.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Clock {
    samples: BTreeMap<u64, u64>,
}

impl Clock {
    /// Adds a sample.
    ///
    /// # Errors
    /// When a higher block is earlier, or the same block has another time. The sample is not taken then.
    pub fn add(&mut self, height: u64, millis: u64) -> Result<(), ClockError> {
        let lower = self.samples.range(..height).next_back().is_none_or(|(_, before)| *before < millis);
        let higher = self
            .samples
            .range(height..)
            .next()
            .is_none_or(|(at, after)| if *at == height { *after == millis } else { millis < *after });
        if !lower || !higher || height > MAX_HEIGHT || i128::from(millis) > LAST {
            return Err(ClockError { height });
        }
        self.samples.insert(height, millis);
        Ok(())
    }

    /// The samples, by height.
    pub fn samples(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.samples.iter().map(|(height, millis)| (*height, *millis))
    }

    /// Whether times are only right relative to each other.
    #[must_use]
    pub fn is_relative(&self) -> bool {
        self.samples.is_empty()
    }

    /// The time of a height, in milliseconds since 1970. It is at least 0, and its year has four digits.
    #[must_use]
    pub fn millis(&self, height: u64) -> u64 {
        let before = self.samples.range(..=height).next_back();
        let after = self.samples.range(height..).next();
        let (from, line) = match (before, after) {
            (Some(before), Some(after)) if before.0 != after.0 => (before, between(before, after)),
            (Some(near), _) | (None, Some(near)) => (near, self.overall()),
            (None, None) => ((&0, &0), MONTH),
        };
        let blocks = i128::from(height) - i128::from(*from.0);
        let millis = i128::from(*from.1).saturating_add(line.millis(blocks));
        u64::try_from(millis.clamp(0, LAST)).unwrap_or_default()
    }

    /// The time of a height as RFC 3339 in UTC, with milliseconds.
    #[must_use]
    pub fn time(&self, height: u64) -> String {
        humantime::format_rfc3339_millis(UNIX_EPOCH + Duration::from_millis(self.millis(height))).to_string()
    }

    /// The height at a time, in milliseconds since 1970.
    #[must_use]
    pub fn height(&self, millis: u64) -> u64 {
        // The time never falls as the height grows, so that bisection finds the height.
        let (mut low, mut high) = (0, MAX_HEIGHT);
        while low < high {
            let middle = low.midpoint(high);
            if self.millis(middle) < millis { low = middle.saturating_add(1) } else { high = middle }
        }
        low
    }

    /// The line through the first and the last sample, or the usual one.
    fn overall(&self) -> Line {
        match (self.samples.first_key_value(), self.samples.last_key_value()) {
            (Some(first), Some(last)) if first.0 != last.0 => between(first, last),
            _ => MONTH,
        }
    }
}

fn between(first: (&u64, &u64), last: (&u64, &u64)) -> Line {
    Line { blocks: i128::from(*last.0) - i128::from(*first.0), millis: i128::from(*last.1) - i128::from(*first.1) }
}

/// Reads a time as blocks have it, RFC 3339 in UTC, in milliseconds since 1970.
pub(super) fn read_time(text: &str) -> Option<u64> {
    let since = humantime::parse_rfc3339(text).ok()?.duration_since(UNIX_EPOCH).ok()?;
    u64::try_from(since.as_millis()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(samples: &[(u64, u64)]) -> Clock {
        let mut clock = Clock::default();
        samples.iter().for_each(|(height, millis)| clock.add(*height, *millis).unwrap());
        clock
    }

    #[test]
    fn two_samples_make_a_line_between_and_around_them() {
        let clock = clock(&[(100, 1_000_000), (200, 1_600_000)]);
        assert_eq!(
            [100, 150, 200, 210, 50].map(|height| clock.millis(height)),
            [1_000_000, 1_300_000, 1_600_000, 1_660_000, 700_000]
        );
        assert_eq!(clock.time(150), "1970-01-01T00:21:40.000Z");
        assert!(!clock.is_relative());
    }

    #[test]
    fn more_samples_make_pieces_and_the_whole_line_outside_of_them() {
        let clock = clock(&[(100, 1_000_000), (200, 1_600_000), (300, 3_000_000)]);
        assert_eq!(clock.millis(250), 2_300_000);
        assert_eq!(clock.millis(301), 3_010_000);
    }

    #[test]
    fn one_sample_takes_the_usual_length_of_a_block() {
        let clock = clock(&[(1_000_000, 1_700_000_000_000)]);
        assert_eq!(clock.millis(1_429_909), 1_702_629_757_000);
        assert_eq!(clock.millis(1_000_001), 1_700_000_006_117);
        assert_eq!(clock.millis(999_999), 1_699_999_993_882);
    }

    #[test]
    fn without_samples_times_are_relative() {
        assert!(Clock::default().is_relative());
        assert_eq!(Clock::default().time(429_909), "1970-01-31T10:29:17.000Z");
    }

    #[test]
    fn a_height_is_found_by_its_time() {
        let clock = clock(&[(100, 1_000_000), (200, 1_600_000)]);
        assert_eq!([1_300_000, 1_300_001, 0].map(|millis| clock.height(millis)), [150, 151, 0]);
    }

    #[test]
    fn samples_of_two_chains_contradict_each_other() {
        let mut clock = clock(&[(100, 1_000_000), (200, 1_600_000)]);
        for (height, millis) in [(100, 1), (150, 1_600_000), (150, 999_999), (300, 1_500_000), (50, 1_000_000)] {
            assert_eq!(clock.add(height, millis), Err(ClockError { height }), "{height}");
        }
        assert_eq!(clock.samples().count(), 2);
    }

    #[test]
    fn no_height_has_a_time_that_cannot_be_written() {
        let clock = clock(&[(1, 1), (2, 200_000_000_000_000)]);
        assert_eq!(clock.time(MAX_HEIGHT), "9999-12-31T23:59:59.999Z");
        assert_eq!(clock.time(0), "1970-01-01T00:00:00.000Z");
    }

    #[test]
    fn times_of_blocks_have_up_to_nine_decimals() {
        assert_eq!(read_time("2026-09-01T00:00:00.123456789Z"), Some(1_788_220_800_123));
        for wrong in ["", "2026-09-01", "1969-01-01T00:00:00Z", "yesterday"] {
            assert_eq!(read_time(wrong), None, "{wrong}");
        }
    }
}
