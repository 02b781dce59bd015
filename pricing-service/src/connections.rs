//! The table of open connections: as many as may be, and when it is full the one that has been idle longest makes room.
//!
//! The listeners for calls share one, and the metrics have their own. A connection that is closed to make room is told so
//! through [`Place::evicted`]; its place is the new one's at once. One that has not spoken yet goes first: silence costs
//! nothing, and would keep everybody else out.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

/// The most calls that one connection is granted at once.
const MOST_STREAMS: u32 = 200;

/// The fewest: a connection on which nothing can be asked would be of no use.
const LEAST_STREAMS: u32 = 8;

/// What all connections together may be granted, before each new one gets the fewest.
const STREAMS: u32 = 2048;

/// A connection is granted this part of what is left, so that one that comes later is not left with nothing.
const SHARE: u32 = 8;

/// How long a connection that has not spoken yet is left alone: the time of a few round trips.
const GREETING: Duration = Duration::from_millis(500);

/// After looking in vain for a connection that could make room, how long not to look again: whoever is refused must
/// cost next to nothing.
const REST: Duration = Duration::from_millis(50);

/// The connections that are open.
#[derive(Debug)]
pub(crate) struct Table {
    most: usize,
    /// How long a connection that has spoken must have been idle before it may be closed to make room.
    idle: Duration,
    began: Instant,
    entries: Mutex<Entries>,
    refused: AtomicU64,
    evicted: AtomicU64,
}

#[derive(Debug, Default)]
struct Entries {
    next: u64,
    open: BTreeMap<u64, Arc<Seat>>,
    granted: u32,
    /// When it was last looked in vain for a connection to close.
    looked: Option<Instant>,
}

/// What the table knows of a connection.
#[derive(Debug)]
struct Seat {
    /// Milliseconds from the table's beginning to the end of the last call, or the last sign of life.
    active: AtomicU64,
    /// Calls that are open.
    calls: AtomicUsize,
    /// Whether it has come to its protocol.
    spoke: AtomicBool,
    streams: u32,
    evicted: CancellationToken,
}

/// How many connections there are, and what became of others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    /// Connections that are open.
    pub(crate) open: usize,
    /// Connections that were closed at once, since there were too many.
    pub(crate) refused: u64,
    /// Idle connections that were closed to make room.
    pub(crate) evicted: u64,
}

/// A connection's place in the table, which is free again when this is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    table: Arc<Table>,
    id: u64,
    seat: Arc<Seat>,
}

impl Table {
    /// A table of so many places. `idle` is how long a connection must have been idle before it has to make room.
    pub(crate) fn new(most: usize, idle: Duration) -> Arc<Self> {
        Arc::new(Self {
            most: most.max(1),
            idle,
            began: Instant::now(),
            entries: Mutex::default(),
            refused: AtomicU64::new(0),
            evicted: AtomicU64::new(0),
        })
    }

    /// A place for a connection that was accepted now; none when all others are busy.
    pub(crate) fn place(self: &Arc<Self>) -> Option<Place> {
        self.place_at(Instant::now())
    }

    fn place_at(self: &Arc<Self>, now: Instant) -> Option<Place> {
        let mut entries = self.lock();
        if entries.open.len() >= self.most && !self.make_room(&mut entries, now) {
            self.refused.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        let left = STREAMS.saturating_sub(entries.granted);
        let streams = left.checked_div(SHARE).unwrap_or(0).clamp(LEAST_STREAMS, MOST_STREAMS);
        let seat = Arc::new(Seat {
            active: AtomicU64::new(self.millis(now)),
            calls: AtomicUsize::new(0),
            spoke: AtomicBool::new(false),
            streams,
            evicted: CancellationToken::new(),
        });
        let id = entries.next;
        entries.next = id.wrapping_add(1);
        entries.granted = entries.granted.saturating_add(streams);
        entries.open.insert(id, Arc::clone(&seat));
        Some(Place { table: Arc::clone(self), id, seat })
    }

    /// Closes the connection that has been idle longest, if there is one that has been idle for long enough.
    fn make_room(&self, entries: &mut Entries, now: Instant) -> bool {
        if entries.looked.is_some_and(|looked| now.saturating_duration_since(looked) < REST) {
            return false;
        }
        let idle_for = |idle| self.millis(now).checked_sub(millis(idle));
        let (silent, idle) = (idle_for(self.idle.min(GREETING)), idle_for(self.idle));
        let candidates = entries.open.iter().filter_map(|(id, seat)| {
            let (spoke, active) = (seat.spoke.load(Ordering::Relaxed), seat.active.load(Ordering::Relaxed));
            let long_enough = if spoke { idle } else { silent }.is_some_and(|before| active <= before);
            (long_enough && seat.calls.load(Ordering::Acquire) == 0).then_some((spoke, active, *id))
        });
        let Some((_, _, id)) = candidates.min() else {
            entries.looked = Some(now);
            return false;
        };
        if let Some(seat) = entries.remove(id) {
            seat.evicted.cancel();
            self.evicted.fetch_add(1, Ordering::Relaxed);
        }
        true
    }

    /// How many places there are.
    pub(crate) fn most(&self) -> usize {
        self.most
    }

    /// How many connections there are, and what became of others.
    pub(crate) fn count(&self) -> Count {
        Count {
            open: self.lock().open.len(),
            refused: self.refused.load(Ordering::Relaxed),
            evicted: self.evicted.load(Ordering::Relaxed),
        }
    }

    fn millis(&self, now: Instant) -> u64 {
        millis(now.saturating_duration_since(self.began))
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

impl Entries {
    fn remove(&mut self, id: u64) -> Option<Arc<Seat>> {
        let seat = self.open.remove(&id)?;
        self.granted = self.granted.saturating_sub(seat.streams);
        Some(seat)
    }
}

impl Place {
    /// How many calls the connection may have open at once.
    pub(crate) fn streams(&self) -> u32 {
        self.seat.streams
    }

    /// The connection has come to its protocol.
    pub(crate) fn spoke(&self) {
        self.seat.spoke.store(true, Ordering::Relaxed);
        self.touch();
    }

    /// The connection has just done something.
    fn touch(&self) {
        self.seat.active.store(self.table.millis(Instant::now()), Ordering::Relaxed);
    }

    /// Is ready when the connection has to make room for another.
    pub(crate) async fn evicted(&self) {
        self.seat.evicted.cancelled().await;
    }

    /// A call of the connection has begun: until what is returned is dropped, the connection is not idle.
    pub(crate) fn call(self: &Arc<Self>) -> Open {
        self.seat.calls.fetch_add(1, Ordering::AcqRel);
        Open { place: Arc::clone(self) }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // One that was evicted is not there any more.
        self.table.lock().remove(self.id);
    }
}

/// A call that is open.
#[derive(Debug)]
pub(crate) struct Open {
    place: Arc<Place>,
}

impl Open {
    /// Tells the connections apart that calls came on.
    pub(crate) fn connection(&self) -> u64 {
        self.place.id
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.place.touch();
        self.place.seat.calls.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDLE: Duration = Duration::from_secs(5);

    #[test]
    fn a_full_table_takes_another_when_one_leaves() {
        let table = Table::new(2, IDLE);
        let (first, _second) = (table.place().unwrap(), table.place().unwrap());
        assert!(table.place().is_none());
        drop(first);
        let _third = table.place().unwrap();
        assert_eq!(table.count(), Count { open: 2, refused: 1, evicted: 0 });
    }

    #[test]
    fn the_one_that_has_been_idle_longest_makes_room_and_none_that_is_busy() {
        let table = Table::new(3, IDLE);
        let now = Instant::now();
        let at = |seconds| now + Duration::from_secs(seconds);
        let busy = Arc::new(table.place_at(at(0)).unwrap());
        let _call = busy.call();
        let idle = table.place_at(at(1)).unwrap();
        let younger = table.place_at(at(2)).unwrap();
        for place in [&*busy, &idle, &younger] {
            place.seat.spoke.store(true, Ordering::Relaxed);
        }
        assert!(table.place_at(at(5)).is_none());
        let newcomer = table.place_at(at(20)).unwrap();
        let evicted = [&*busy, &idle, &younger, &newcomer].map(|place| place.seat.evicted.is_cancelled());
        assert_eq!(evicted, [false, true, false, false]);
        // Its leaving takes nobody's place along.
        drop(idle);
        assert_eq!(table.count(), Count { open: 3, refused: 1, evicted: 1 });
    }

    #[test]
    fn who_has_not_spoken_yet_makes_room_before_who_is_idle() {
        let table = Table::new(2, IDLE);
        let now = Instant::now();
        let at = |seconds| now + Duration::from_secs(seconds);
        let idle = table.place_at(at(0)).unwrap();
        idle.seat.spoke.store(true, Ordering::Relaxed);
        let silent = table.place_at(at(10)).unwrap();
        let evicted = |place: &Place| place.seat.evicted.is_cancelled();
        let newcomer = table.place_at(at(20)).unwrap();
        assert_eq!([&idle, &silent, &newcomer].map(evicted), [false, true, false]);
        // Who came just now may still speak.
        let another = table.place_at(at(20)).unwrap();
        assert_eq!([&idle, &newcomer, &another].map(evicted), [true, false, false]);
    }

    #[test]
    fn the_first_connections_get_many_streams_and_every_later_one_a_few() {
        let table = Table::new(1000, IDLE);
        let places: Vec<Place> = (0..1000).map(|_| table.place().unwrap()).collect();
        let streams: Vec<u32> = places.iter().map(Place::streams).collect();
        assert!(streams.is_sorted_by(|a, b| a >= b));
        assert_eq!((streams[0], streams[3] > 150, streams[999]), (MOST_STREAMS, true, LEAST_STREAMS));
        drop(places);
        assert_eq!(table.place().unwrap().streams(), MOST_STREAMS);
    }
}
