//! Who is taken, who waits and who is refused: a pure state machine that is told the time.

use std::num::NonZero;
use std::sync::LazyLock;
use std::thread;
use std::time::{Duration, Instant};

use tonic::Status;

use super::charge::Lane;
use super::rate::Bucket;
use pricing_engine::config;

/// Why an order is not priced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Too many wait already.
    #[error("{waiting} orders wait already, which is `limits.queue`; ask again later")]
    Full {
        /// How many.
        waiting: usize,
    },
    /// Too many orders that take long wait already.
    #[error("{waiting} orders that take as long as this one wait already; ask for less at once, or again later")]
    Heavy {
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
        "it would take about {needed:?} until the order is priced, twice that must be left, and its caller waits only \
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

/// The cores that the process can use. Asking the system reads the files of its cgroup, which is slower than refusing a
/// call.
static CORES: LazyLock<usize> = LazyLock::new(|| thread::available_parallelism().map_or(1, NonZero::get));

/// How much is taken at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limits {
    pub(super) places: usize,
    pub(super) queue: usize,
    pub(super) rate: Option<u32>,
}

/// What part of the places heavy orders may have, and what part of the queue.
const HEAVY_PLACES: usize = 2;
const HEAVY_QUEUE: usize = 8;

impl Limits {
    /// How many orders of a lane may be priced at once. Where there is one place only, all take turns.
    fn places_of(self, lane: Lane) -> usize {
        match lane {
            Lane::Light => self.places,
            Lane::Heavy => (self.places / HEAVY_PLACES).max(1),
        }
    }

    /// How many heavy orders may wait: each may keep megabytes of text.
    fn heavy_queue(self) -> usize {
        (self.queue / HEAVY_QUEUE).max(1)
    }
}

impl From<&config::Limits> for Limits {
    fn from(limits: &config::Limits) -> Self {
        // Pricing is bound by the processor, so that more orders at once would only make each slower.
        let places = limits.concurrency.unwrap_or_else(|| *CORES).max(1);
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

/// Something for the orders of each lane.
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

/// Where an order would stand.
#[derive(Clone, Copy, Debug)]
pub(super) struct Turn {
    pub(super) lane: Lane,
    /// How many of those that wait in its lane would go first.
    pub(super) behind: usize,
}

/// The places, the queue, and how long pricing took recently.
#[derive(Clone, Debug)]
pub(super) struct Admission {
    pub(super) limits: Limits,
    busy: PerLane<usize>,
    waiting: PerLane<usize>,
    bucket: Bucket,
    /// Apart for each lane: heavy orders would make the others look late.
    took: PerLane<Option<Took>>,
    of_all: Option<Took>,
    lag: Option<(Took, Instant)>,
}

/// An order is taken when this many times what is foreseen would still be in time: what comes later may take longer than
/// what came before, and an order that was taken must be answered.
const LEAVE: u32 = 2;

/// How long the lag that was seen last is believed. Nobody might be taken any more who could correct it, and for as long as
/// that, a moment in which answers were late would have all orders refused.
pub(super) const LAG_LASTS: Duration = Duration::from_millis(50);

/// A moving mean and mean deviation.
#[derive(Clone, Copy, Debug, Default)]
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

    /// Orders that are priced at the moment.
    pub(super) fn busy(&self) -> usize {
        self.busy.both()
    }

    /// Orders that wait.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.both()
    }

    /// Whether an order of a lane may begin, when a thread has nothing to do.
    pub(super) fn may_begin(&self, lane: Lane) -> bool {
        *self.busy.of(lane) < self.limits.places_of(lane)
    }

    /// How long pricing an order takes on average.
    pub(super) fn mean(&self) -> Duration {
        self.of_all.map_or(Duration::ZERO, |took| took.mean)
    }

    /// Says whether there is room for one more order to wait.
    pub(super) fn room(&self, lane: Lane) -> Result<(), Refused> {
        if lane == Lane::Heavy && self.waiting.heavy >= self.limits.heavy_queue() {
            return Err(Refused::Heavy { waiting: self.waiting.heavy });
        }
        match self.busy().saturating_add(self.waiting()).checked_sub(self.limits.places) {
            Some(ahead) if ahead >= self.limits.queue => Err(Refused::Full { waiting: ahead }),
            _ => Ok(()),
        }
    }

    /// Says whether an order would be answered in time.
    pub(super) fn look(&self, now: Instant, deadline: Instant, turn: Turn) -> Result<(), Refused> {
        let left = deadline.saturating_duration_since(now);
        if left.is_zero() {
            return Err(Refused::Deadline);
        }
        let needed = match self.ahead(turn) {
            // Nobody knows how long this one takes: without trying, the mean would never be corrected.
            None => self.lag(now),
            Some(ahead) => self.needed(turn.lane, ahead).saturating_add(self.lag(now)),
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

    /// The places that a lane has at the moment: heavy orders that are priced leave the others as many fewer.
    fn places_now(&self, lane: Lane) -> usize {
        let taken = if lane == Lane::Light { self.busy.heavy } else { 0 };
        self.limits.places_of(lane).saturating_sub(taken)
    }

    /// How many orders have to wait before one more would; none when there is a place for it.
    fn ahead(&self, turn: Turn) -> Option<usize> {
        let Turn { lane, behind } = turn;
        let ahead = self.busy.of(lane).saturating_add(behind).checked_sub(self.places_now(lane));
        let no_thread = || self.busy().saturating_add(behind) >= self.limits.places;
        ahead.or_else(|| no_thread().then_some(0))
    }

    /// How long one more order would take: until a place is free for it, and then in it. Some leave is given, since
    /// an order that was taken must be answered in time.
    fn needed(&self, lane: Lane, ahead: usize) -> Duration {
        let took = self.took.of(lane).unwrap_or_default();
        let turns = u32::try_from(ahead.saturating_add(1)).unwrap_or(u32::MAX);
        let places = self.places_now(lane);
        // The only place there is may have a heavy order in it.
        let first = if places == 0 { self.took.heavy.unwrap_or_default().mean } else { Duration::ZERO };
        let places = u32::try_from(places).unwrap_or(u32::MAX).max(1);
        let wait = took.mean.saturating_mul(turns).checked_div(places).unwrap_or(Duration::MAX);
        wait.saturating_add(took.most()).saturating_add(first)
    }

    /// Takes an order, or refuses it. That there is room for it was seen before.
    pub(super) fn admit(&mut self, now: Instant, deadline: Instant, turn: Turn) -> Result<Admitted, Refused> {
        self.look(now, deadline, turn)?;
        if let Some(rate) = self.limits.rate
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

    /// It is an order's turn, unless it waited too long.
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

    /// Somebody no longer waits.
    pub(super) fn leave(&mut self, lane: Lane) {
        let waiting = self.waiting.of_mut(lane);
        *waiting = waiting.saturating_sub(1);
    }

    /// An order was priced.
    pub(super) fn end(&mut self, took: Duration, lane: Lane) {
        let busy = self.busy.of_mut(lane);
        *busy = busy.saturating_sub(1);
        self.of_all = Some(Took::with(self.of_all, took));
        let of_lane = self.took.of_mut(lane);
        *of_lane = Some(Took::with(*of_lane, took));
    }
}
