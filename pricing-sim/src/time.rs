//! Simulated time.

use serde::{Deserialize, Serialize};

/// Milliseconds since the stream's own origin: 0 of a trace, or 1970 of a log.
pub type Millis = u64;

/// Seconds per month as in the network's price script: a year of 365.2425 days divided by 12.
pub const SECONDS_PER_MONTH: u64 = 2_629_757;

/// The length of a day.
pub const DAY: Millis = 86_400_000;

/// Midnight (UTC) at or before a moment.
#[must_use]
pub fn midnight(at: Millis) -> Millis {
    at.saturating_sub(at.checked_rem(DAY).unwrap_or(0))
}

/// The simulated period. Leases that last longer are cut off at its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// The first moment.
    pub start: Millis,
    /// The moment after the last one.
    pub end: Millis,
}

impl Window {
    /// Its length.
    #[must_use]
    pub fn length(self) -> Millis {
        self.end.saturating_sub(self.start)
    }
}
