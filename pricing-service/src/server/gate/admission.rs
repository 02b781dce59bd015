//! Who is taken, who waits and who is refused: a pure state machine that is told the time.

use std::time::{Duration, Instant};

use tonic::Status;

use super::rate::Bucket;
use crate::config;

/// Why an order is not priced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Too many wait already.
    #[error("{waiting} orders wait already, which is `limits.queue`; ask again later")]
    Full {
        /// How many.
        waiting: usize,
    },
    /// Too many calls are in flight.
    #[error("{calls} calls are in flight already; ask again later")]
    Calls {
        /// How many.
        calls: usize,
    },
    /// Too many streams are open.
    #[error("{streams} streams are open already, which is `limits.streams`; close one, or ask again later")]
    Streams {
        /// The limit.
        streams: usize,
    },
    /// The requests that are there have too many bytes.
    #[error("large requests have the {bytes} bytes of `limits.buffered_bytes` already; ask again later")]
    Bytes {
        /// The limit.
        bytes: usize,
    },
    /// Its turn would come too late.
    #[error(
        "it would take about {needed:?} until the order is priced, with as much again to spare, and its caller waits \
         {left:?} longer; ask again later"
    )]
    Late {
        /// How long it would take.
        needed: Duration,
        /// How long the caller waits.
        left: Duration,
    },
    /// More orders come than may.
    #[error("more than {rate} orders a second are asked, which is `limits.rate`; ask again later")]
    Rate {
        /// The limit.
        rate: u32,
    },
    /// The caller's deadline passed.
    #[error("the deadline passed before the order was priced")]
    Deadline,
    /// The pricing died.
    #[error("the order could not be priced; this is a bug, and the log has more of it")]
    Lost,
}

impl From<Refused> for Status {
    fn from(refused: Refused) -> Self {
        let message = refused.to_string();
        match refused {
            Refused::Deadline => Self::deadline_exceeded(message),
            Refused::Lost => Self::internal(message),
            _ => Self::resource_exhausted(message),
        }
    }
}

/// How much is taken at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limits {
    pub(super) places: usize,
    pub(super) queue: usize,
    pub(super) rate: Option<u32>,
}

impl From<&config::Limits> for Limits {
    fn from(limits: &config::Limits) -> Self {
        // Pricing waits for nothing but the processor: more at once would only make each slower.
        let cores = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let places = limits.concurrency.unwrap_or_else(cores).max(1);
        Self { places, queue: limits.queue, rate: limits.rate }
    }
}

/// How an order was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admitted {
    /// There is a place for it.
    AtOnce,
    /// It waits; when it still does at this moment, it had better be given up.
    Waits {
        /// The moment.
        until: Instant,
    },
}

/// The places, the queue, and how long pricing took of late.
#[derive(Clone, Debug)]
pub(super) struct Admission {
    pub(super) limits: Limits,
    pub(super) busy: usize,
    pub(super) waiting: usize,
    bucket: Bucket,
    took: Option<Took>,
    lag: Option<(Took, Instant)>,
}

/// An order is taken when this many times what is foreseen would still be in time: what comes later may take longer than
/// what came before, and an order that was taken must be answered.
const LEAVE: u32 = 2;

/// How long the lag that was seen last is believed. Nobody might be taken any more who could correct it, and for as long as
/// that, a moment in which answers were late would have all orders refused.
pub(super) const LAG_LASTS: Duration = Duration::from_millis(50);

/// A moving mean and mean deviation.
#[derive(Clone, Copy, Debug)]
struct Took {
    mean: Duration,
    deviation: Duration,
}

impl Took {
    /// Counts one more in, with the weights that TCP estimates its round trips with.
    fn with(before: Option<Self>, took: Duration) -> Self {
        match before {
            None => Self { mean: took, deviation: took / 2 },
            Some(before) => Self {
                mean: before.mean * 7 / 8 + took / 8,
                deviation: before.deviation * 3 / 4 + before.mean.abs_diff(took) / 4,
            },
        }
    }

    /// What hardly any exceeds.
    fn most(self) -> Duration {
        self.mean.saturating_add(self.deviation.saturating_mul(2))
    }
}

impl Admission {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, busy: 0, waiting: 0, bucket: Bucket::default(), took: None, lag: None }
    }

    /// How long pricing an order takes on average.
    pub(super) fn mean(&self) -> Duration {
        self.took.map_or(Duration::ZERO, |took| took.mean)
    }

    /// Says whether an order would be taken.
    pub(super) fn look(&self, now: Instant, deadline: Instant) -> Result<(), Refused> {
        let left = deadline.saturating_duration_since(now);
        if left.is_zero() {
            return Err(Refused::Deadline);
        }
        let needed = match self.ahead() {
            // Nobody knows how long this one takes: without trying, the mean would never be corrected.
            None => self.lag(now),
            Some(ahead) if ahead >= self.limits.queue => return Err(Refused::Full { waiting: ahead }),
            Some(ahead) => self.needed(ahead).saturating_add(self.lag(now)),
        };
        if needed > left.checked_div(LEAVE).unwrap_or_default() {
            return Err(Refused::Late { needed, left });
        }
        // One that is to be refused for this need not be read for it.
        match self.limits.rate.filter(|rate| !self.bucket.has(now, *rate)) {
            Some(rate) => Err(Refused::Rate { rate }),
            None => Ok(()),
        }
    }

    /// How long an answer waits to be sent: when the processors have too much to do, that is what takes the time.
    fn lag(&self, now: Instant) -> Duration {
        let fresh = self.lag.filter(|(_, at)| now.saturating_duration_since(*at) <= LAG_LASTS);
        // Once until it is taken up, and once more until it is written.
        fresh.map_or(Duration::ZERO, |(lag, _)| lag.most().saturating_mul(2))
    }

    /// An answer was taken up so long after it was there.
    pub(super) fn lagged(&mut self, now: Instant, lag: Duration) {
        self.lag = Some((Took::with(self.lag.map(|(lag, _)| lag), lag), now));
    }

    /// How many orders have to wait before one more would; none when there is a place for it.
    fn ahead(&self) -> Option<usize> {
        self.busy.saturating_add(self.waiting).checked_sub(self.limits.places)
    }

    /// How long one more order would take: until a place is free for it, and then in it. Some leave is given, since
    /// an order that was taken must be answered in time.
    fn needed(&self, ahead: usize) -> Duration {
        let Some(took) = self.took else { return Duration::ZERO };
        let turns = u32::try_from(ahead.saturating_add(1)).unwrap_or(u32::MAX);
        let places = u32::try_from(self.limits.places).unwrap_or(u32::MAX).max(1);
        let wait = took.mean.saturating_mul(turns).checked_div(places).unwrap_or(Duration::MAX);
        wait.saturating_add(took.most())
    }

    /// Takes an order, or refuses it.
    pub(super) fn admit(&mut self, now: Instant, deadline: Instant) -> Result<Admitted, Refused> {
        self.look(now, deadline)?;
        if let Some(rate) = self.limits.rate
            && !self.bucket.take(now, rate)
        {
            return Err(Refused::Rate { rate });
        }
        let at_once = self.ahead().is_none();
        self.waiting = self.waiting.saturating_add(1);
        if at_once {
            return Ok(Admitted::AtOnce);
        }
        let left = deadline.saturating_duration_since(now);
        let own = self.took.map_or(Duration::ZERO, Took::most).saturating_add(self.lag(now));
        let own = own.min(left.checked_div(LEAVE).unwrap_or_default());
        Ok(Admitted::Waits { until: deadline.checked_sub(own).unwrap_or(now) })
    }

    /// It is an order's turn, unless it waited too long.
    pub(super) fn begin(&mut self, now: Instant, deadline: Instant, admitted: Admitted) -> Result<(), Refused> {
        self.leave();
        let left = deadline.saturating_duration_since(now);
        if left.is_zero() {
            return Err(Refused::Deadline);
        }
        if matches!(admitted, Admitted::Waits { until } if until < now) {
            return Err(Refused::Late { needed: self.mean(), left });
        }
        self.busy = self.busy.saturating_add(1);
        Ok(())
    }

    /// Somebody no longer waits.
    pub(super) fn leave(&mut self) {
        self.waiting = self.waiting.saturating_sub(1);
    }

    /// An order was priced.
    pub(super) fn end(&mut self, took: Duration) {
        self.busy = self.busy.saturating_sub(1);
        self.took = Some(Took::with(self.took, took));
    }
}
