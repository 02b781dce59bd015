//! Decides which orders begin at once, which wait, and which are refused.
//!
//! This is a pure state machine: it reads no clock, and each of its methods is given the time. An order goes through
//! these states:
//!
//! 1. [`Admission::admit`] estimates from recent orders when the order would be answered. If that is later than its
//!    deadline allows, or if the rate is exceeded, the order is refused. Otherwise it waits, even if a slot is free for
//!    it.
//! 2. [`Admission::begin`] ends the wait and takes a slot. It refuses an order whose time has run out.
//! 3. [`Admission::end`] frees the slot, and updates the estimates with the time that pricing took.
//! 4. [`Admission::leave`] removes a waiting order that will not begin.
//!
//! Light and heavy orders ([`Lane`]) are counted and estimated separately. Heavy orders get only a part of the slots
//! and of the queue. Which of several waiting orders begins next is decided elsewhere (`fair`).

use std::num::NonZero;
use std::sync::LazyLock;
use std::thread;
use std::time::{Duration, Instant};

use tonic::Status;

use super::charge::Lane;
use super::rate::Bucket;
use pricing_core::text::{counted, plural};
use pricing_engine::config;

/// Why an order was not priced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The queue is full.
    #[error("{} {} already, which is `limits.queue`; try again later", counted(*.waiting, "order"), plural(*.waiting, "waits", "wait"))]
    Full {
        /// The orders that wait.
        waiting: usize,
    },
    /// The heavy orders' part of the queue is full.
    #[error(
        "{} that {} as long as this one {} already; ask for less at once, or try again later",
        counted(*.waiting, "order"),
        plural(*.waiting, "takes", "take"),
        plural(*.waiting, "waits", "wait")
    )]
    Heavy {
        /// The heavy orders that wait.
        waiting: usize,
    },
    /// Too many calls are in flight.
    #[error("{} {} in flight already; try again later", counted(*.calls, "call"), plural(*.calls, "is", "are"))]
    Calls {
        /// The limit.
        calls: usize,
    },
    /// Too many streams are open.
    #[error(
        "{} {} open already, which is `limits.streams`; close one, or try again later",
        counted(*.streams, "stream"),
        plural(*.streams, "is", "are")
    )]
    Streams {
        /// The limit.
        streams: usize,
    },
    /// The requests in memory have too many bytes.
    #[error("large requests have the {} of `limits.buffered_bytes` already; try again later", counted(*.bytes, "byte"))]
    Bytes {
        /// The limit.
        bytes: usize,
    },
    /// The order would be answered too late.
    #[error(
        "pricing the order would take about {needed:?}, and twice that must be left; its caller waits only {left:?} longer; try again later"
    )]
    Late {
        /// The estimated time until the answer.
        needed: Duration,
        /// The time until the deadline.
        left: Duration,
    },
    /// Orders arrive faster than the rate limit allows.
    #[error("more than {} a second {} requested, which is `limits.rate`; try again later", counted(*.rate, "order"), plural(*.rate, "is", "are"))]
    Rate {
        /// The limit.
        rate: u32,
    },
    /// The deadline passed.
    #[error("the deadline passed before the order was priced")]
    Deadline,
    /// The code that priced the order panicked.
    #[error("the order could not be priced; this is a bug, and the log says more")]
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

/// The number of cores that the process can use. It is read once: the system call reads the files of the cgroup, which
/// is slower than refusing a call.
static CORES: LazyLock<usize> = LazyLock::new(|| thread::available_parallelism().map_or(1, NonZero::get));

/// The limits of the gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limits {
    /// The orders that may be priced at once.
    pub(super) slots: usize,
    /// The orders that may wait.
    pub(super) queue: usize,
    /// The orders that may be admitted per second.
    pub(super) rate: Option<u32>,
}

/// Heavy orders get one part in this many of the slots, and of the queue.
const HEAVY_SLOTS: usize = 2;
const HEAVY_QUEUE: usize = 8;

impl Limits {
    /// Returns how many orders of a lane may be priced at once. A lane always has one slot, even if both lanes share
    /// it.
    fn places_of(self, lane: Lane) -> usize {
        match lane {
            Lane::Light => self.slots,
            Lane::Heavy => (self.slots / HEAVY_SLOTS).max(1),
        }
    }

    /// Returns how many heavy orders may wait. Each of them may hold megabytes of text.
    fn heavy_queue(self) -> usize {
        (self.queue / HEAVY_QUEUE).max(1)
    }
}

impl From<&config::Limits> for Limits {
    fn from(limits: &config::Limits) -> Self {
        // Pricing is bound by the processor. More orders at once than cores would only make each of them slower.
        let slots = limits.concurrency.unwrap_or_else(|| *CORES).max(1);
        Self { slots, queue: limits.queue, rate: limits.rate }
    }
}

/// How an order was admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admitted {
    /// A slot is free for it.
    AtOnce,
    /// It waits. If it has not begun by this time, there is not enough time left to price it.
    Waits {
        /// The latest time to begin.
        until: Instant,
    },
}

/// One value for each lane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct PerLane<T> {
    light: T,
    heavy: T,
}

impl<T> PerLane<T> {
    fn of(&self, lane: Lane) -> &T {
        match lane {
            Lane::Light => &self.light,
            Lane::Heavy => &self.heavy,
        }
    }

    fn of_mut(&mut self, lane: Lane) -> &mut T {
        match lane {
            Lane::Light => &mut self.light,
            Lane::Heavy => &mut self.heavy,
        }
    }
}

impl PerLane<usize> {
    fn both(self) -> usize {
        self.light.saturating_add(self.heavy)
    }
}

/// The position that an order would have in the queue.
#[derive(Clone, Copy, Debug)]
pub(super) struct Turn {
    pub(super) lane: Lane,
    /// The number of waiting orders of its lane that would begin before it.
    pub(super) behind: usize,
    /// Whether it has its token of the rate already.
    pub(super) paid: bool,
}

/// The slots, the queue, and moving estimates of how long pricing takes.
#[derive(Clone, Debug)]
pub(super) struct Admission {
    pub(super) limits: Limits,
    busy: PerLane<usize>,
    waiting: PerLane<usize>,
    bucket: Bucket,
    /// Per lane, because the times of heavy orders would make light orders look late.
    took: PerLane<Option<Took>>,
    of_all: Option<Took>,
    /// How long finished answers waited to be picked up, and when that was last measured.
    lag: Option<(Took, Instant)>,
}

/// A safety factor. An order is admitted only if it would be in time even if it took this many times the estimate: an
/// admitted order must be answered, and later orders may take longer than earlier ones.
const LEAVE: u32 = 2;

/// How long the last measured lag is believed. A lag that refuses all orders would otherwise never be corrected, since
/// only admitted orders measure it.
pub(super) const LAG_LASTS: Duration = Duration::from_millis(50);

/// A moving mean and mean deviation.
#[derive(Clone, Copy, Debug, Default)]
struct Took {
    mean: Duration,
    deviation: Duration,
}

impl Took {
    /// Adds a sample, with the weights of TCP's estimate of the round-trip time (RFC 6298).
    fn with(before: Option<Self>, took: Duration) -> Self {
        match before {
            None => Self { mean: took, deviation: took / 2 },
            Some(before) => Self {
                mean: before.mean * 7 / 8 + took / 8,
                deviation: before.deviation * 3 / 4 + before.mean.abs_diff(took) / 4,
            },
        }
    }

    /// Returns a time that few samples exceed: the mean and twice the mean deviation.
    fn most(self) -> Duration {
        self.mean.saturating_add(self.deviation.saturating_mul(2))
    }
}

impl Admission {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            busy: PerLane::default(),
            waiting: PerLane::default(),
            bucket: Bucket::default(),
            took: PerLane::default(),
            of_all: None,
            lag: None,
        }
    }

    /// Returns the number of orders that are being priced.
    pub(super) fn busy(&self) -> usize {
        self.busy.both()
    }

    /// Returns the number of orders that wait.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.both()
    }

    /// Returns whether an order of a lane may begin when a thread is free.
    pub(super) fn may_begin(&self, lane: Lane) -> bool {
        *self.busy.of(lane) < self.limits.places_of(lane)
    }

    /// Returns how long pricing an order takes on average.
    pub(super) fn mean(&self) -> Duration {
        self.of_all.map_or(Duration::ZERO, |took| took.mean)
    }

    /// Checks whether the queue has room for one more order.
    pub(super) fn room(&self, lane: Lane) -> Result<(), Refused> {
        if lane == Lane::Heavy && self.waiting.heavy >= self.limits.heavy_queue() {
            return Err(Refused::Heavy { waiting: self.waiting.heavy });
        }
        match self.busy().saturating_add(self.waiting()).checked_sub(self.limits.slots) {
            Some(ahead) if ahead >= self.limits.queue => Err(Refused::Full { waiting: ahead }),
            _ => Ok(()),
        }
    }

    /// Checks whether an order would be answered in time, and whether the rate allows it. This admits nothing.
    pub(super) fn check(&self, now: Instant, deadline: Instant, turn: Turn) -> Result<(), Refused> {
        let left = deadline.saturating_duration_since(now);
        if left.is_zero() {
            return Err(Refused::Deadline);
        }
        let needed = match self.ahead(turn) {
            // With a free slot, the estimate is ignored. It may be wrong, and only orders that are priced can correct
            // it.
            None => self.lag(now),
            Some(ahead) => self.needed(turn.lane, ahead).saturating_add(self.lag(now)),
        };
        if needed > left.checked_div(LEAVE).unwrap_or_default() {
            return Err(Refused::Late { needed, left });
        }
        // The rate is checked here too, so that a request that it would refuse is not read first.
        match self.limits.rate.filter(|rate| !turn.paid && !self.bucket.has(now, *rate)) {
            Some(rate) => Err(Refused::Rate { rate }),
            None => Ok(()),
        }
    }

    /// Returns the estimated time that an answer waits before it is sent. It dominates when the processors are
    /// overloaded.
    fn lag(&self, now: Instant) -> Duration {
        let fresh = self.lag.filter(|(_, at)| now.saturating_duration_since(*at) <= LAG_LASTS);
        // The answer waits twice: until its task picks it up, and until it is written.
        fresh.map_or(Duration::ZERO, |(lag, _)| lag.most().saturating_mul(2))
    }

    /// Records that an answer was picked up `lag` after it was ready.
    pub(super) fn lagged(&mut self, now: Instant, lag: Duration) {
        self.lag = Some((Took::with(self.lag.map(|(lag, _)| lag), lag), now));
    }

    /// Returns the slots that a lane has at the moment. Each heavy order that is being priced takes one from the light
    /// lane.
    fn slots_now(&self, lane: Lane) -> usize {
        let taken = if lane == Lane::Light { self.busy.heavy } else { 0 };
        self.limits.places_of(lane).saturating_sub(taken)
    }

    /// Returns whether a slot is free for an order.
    pub(super) fn is_free(&self, turn: Turn) -> bool {
        self.ahead(turn).is_none()
    }

    /// Returns how many orders would wait ahead of this one, or `None` if a slot is free for it.
    fn ahead(&self, turn: Turn) -> Option<usize> {
        let Turn { lane, behind, .. } = turn;
        let ahead = self.busy.of(lane).saturating_add(behind).checked_sub(self.slots_now(lane));
        let no_thread = || self.busy().saturating_add(behind) >= self.limits.slots;
        ahead.or_else(|| no_thread().then_some(0))
    }

    /// Returns the estimated time until an order is priced: the wait for a slot, and the time in it. It allows for an
    /// order that takes longer than the mean.
    fn needed(&self, lane: Lane, ahead: usize) -> Duration {
        let took = self.took.of(lane).unwrap_or_default();
        let turns = u32::try_from(ahead.saturating_add(1)).unwrap_or(u32::MAX);
        let slots = self.slots_now(lane);
        // The only slot may be taken by a heavy order.
        let first = if slots == 0 { self.took.heavy.unwrap_or_default().mean } else { Duration::ZERO };
        let slots = u32::try_from(slots).unwrap_or(u32::MAX).max(1);
        let wait = took.mean.saturating_mul(turns).checked_div(slots).unwrap_or(Duration::MAX);
        wait.saturating_add(took.most()).saturating_add(first)
    }

    /// Admits an order, or refuses it. The caller has checked [`Self::room`].
    pub(super) fn admit(&mut self, now: Instant, deadline: Instant, turn: Turn) -> Result<Admitted, Refused> {
        self.check(now, deadline, turn)?;
        if let Some(rate) = self.limits.rate
            && !turn.paid
            && !self.bucket.take(now, rate)
        {
            return Err(Refused::Rate { rate });
        }
        let at_once = self.ahead(turn).is_none();
        let waiting = self.waiting.of_mut(turn.lane);
        *waiting = waiting.saturating_add(1);
        if at_once {
            return Ok(Admitted::AtOnce);
        }
        let left = deadline.saturating_duration_since(now);
        let own = self.took.of(turn.lane).map_or(Duration::ZERO, Took::most).saturating_add(self.lag(now));
        let own = own.min(left.checked_div(LEAVE).unwrap_or_default());
        Ok(Admitted::Waits { until: deadline.checked_sub(own).unwrap_or(now) })
    }

    /// Begins an order, unless it has waited for too long.
    pub(super) fn begin(
        &mut self,
        now: Instant,
        deadline: Instant,
        admitted: Admitted,
        lane: Lane,
    ) -> Result<(), Refused> {
        self.leave(lane);
        let left = deadline.saturating_duration_since(now);
        if left.is_zero() {
            return Err(Refused::Deadline);
        }
        if matches!(admitted, Admitted::Waits { until } if until < now) {
            return Err(Refused::Late { needed: self.mean(), left });
        }
        let busy = self.busy.of_mut(lane);
        *busy = busy.saturating_add(1);
        Ok(())
    }

    /// Removes an order from those that wait.
    pub(super) fn leave(&mut self, lane: Lane) {
        let waiting = self.waiting.of_mut(lane);
        *waiting = waiting.saturating_sub(1);
    }

    /// Records that an order was priced, and how long that took.
    pub(super) fn end(&mut self, took: Duration, lane: Lane) {
        let busy = self.busy.of_mut(lane);
        *busy = busy.saturating_sub(1);
        self.of_all = Some(Took::with(self.of_all, took));
        let of_lane = self.took.of_mut(lane);
        *of_lane = Some(Took::with(*of_lane, took));
    }
}
