//! This system's clock beside those of others.
//!
//! Everything that crosses a restart or comes from another machine has a time of day: the feed's cache, an inventory
//! file, the chain's price. A clock that is wrong makes the old look new, or the new impossible. Nobody is asked for the
//! time: a server's answer has it anyway, and so does a block.

use std::time::{Duration, SystemTime};

/// How far two clocks may differ. What comes from further in the future is not used.
pub const FORGIVEN: Duration = Duration::from_secs(120);

/// Where a time of day comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockSource {
    /// The header `Date` of an HTTP answer.
    Server,
    /// The time of the chain's newest block. It is some seconds old, and older where the node lags.
    Block,
}

/// A time of day that another machine told, and what this system's clock said then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClockReading {
    /// Who told it.
    pub teller: String,
    /// Where it comes from.
    pub source: ClockSource,
    /// What was told.
    pub told: SystemTime,
    /// This system's clock.
    pub here: SystemTime,
}

/// How this system's clock differs from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockSkew {
    /// It is ahead by so much.
    Ahead(Duration),
    /// It is behind by so much.
    Behind(Duration),
}

impl ClockReading {
    /// Returns how this system's clock differs.
    #[must_use]
    pub fn skew(&self) -> ClockSkew {
        match self.here.duration_since(self.told) {
            Ok(ahead) => ClockSkew::Ahead(ahead),
            Err(behind) => ClockSkew::Behind(behind.duration()),
        }
    }

    /// Whether the difference is more than is forgiven.
    #[must_use]
    pub fn is_wrong(&self) -> bool {
        let (ClockSkew::Ahead(skew) | ClockSkew::Behind(skew)) = self.skew();
        skew > FORGIVEN
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_minutes_are_forgiven_in_either_direction() {
        let here = SystemTime::UNIX_EPOCH + Duration::from_secs(1_796_126_400);
        let reading = |told| ClockReading { teller: "node".to_owned(), source: ClockSource::Server, told, here };
        for (told, skew, wrong) in [
            (here, ClockSkew::Ahead(Duration::ZERO), false),
            (here - FORGIVEN, ClockSkew::Ahead(FORGIVEN), false),
            (here - Duration::from_secs(121), ClockSkew::Ahead(Duration::from_secs(121)), true),
            (here + FORGIVEN, ClockSkew::Behind(FORGIVEN), false),
            (here + Duration::from_secs(121), ClockSkew::Behind(Duration::from_secs(121)), true),
        ] {
            assert_eq!((reading(told).skew(), reading(told).is_wrong()), (skew, wrong));
        }
    }
}
