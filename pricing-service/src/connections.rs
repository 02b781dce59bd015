//! The table of open connections. It has a fixed number of slots.
//!
//! When the table is full, a new connection takes the slot of the one that has been idle longest. That connection
//! learns of it through [`Place::evicted`]. A connection that has not spoken its protocol yet is evicted before any
//! that has: silence costs a client nothing, and silent connections would otherwise keep everybody else out. A
//! connection with an open call is never evicted.
//!
//! The listeners for calls share one table. The metrics page has its own.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

/// The most concurrent calls that one connection is granted.
const MOST_STREAMS: u32 = 200;

/// The fewest concurrent calls that one connection is granted: a connection without any would be useless.
const LEAST_STREAMS: u32 = 8;

/// The concurrent calls of all connections together. Once they are granted, each new connection gets [`LEAST_STREAMS`].
const STREAMS: u32 = 2048;

/// A connection is granted one part in this many of what is left, so that later ones still get some.
const SHARE: u32 = 8;

/// How long a connection that has not spoken yet is safe from eviction: the time of a few round trips.
const GREETING: Duration = Duration::from_millis(500);

/// How long not to search again after no connection could be evicted. Refusing a connection must cost next to nothing.
const REST: Duration = Duration::from_millis(50);

/// The connections that are open.
#[derive(Debug)]
pub(crate) struct Table {
    most: usize,
    /// How long a connection that has spoken must have been idle before it may be evicted.
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
    /// When a search last found no connection to evict.
    looked: Option<Instant>,
}

/// What the table knows about a connection.
#[derive(Debug)]
struct Seat {
    /// Milliseconds from the table's creation to the end of the last call, or to the last activity.
    active: AtomicU64,
    /// Calls that are open.
    calls: AtomicUsize,
    /// Whether the connection has spoken its protocol.
    spoke: AtomicBool,
    streams: u32,
    evicted: CancellationToken,
}

/// The number of open connections, and how many others were refused or evicted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    /// Connections that are open.
    pub(crate) open: usize,
    /// Connections that were closed at once because the table was full.
    pub(crate) refused: u64,
    /// Idle connections that were closed to make room.
    pub(crate) evicted: u64,
}

/// A connection's slot in the table. Dropping it frees the slot.
#[derive(Debug)]
pub(crate) struct Place {
    table: Arc<Table>,
    id: u64,
    seat: Arc<Seat>,
}

impl Table {
    /// Creates a table with `most` slots, but at least one. A connection may be evicted after it has been idle for
    /// `idle`.
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

    /// Returns a slot for a new connection, or `None` if every slot is busy.
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

    /// Evicts the connection that has been idle longest, and returns `false` if none has been idle for long enough.
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
        // `false` sorts before `true`, so connections that have not spoken come first.
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

    /// Returns the number of slots.
    pub(crate) fn most(&self) -> usize {
        self.most
    }

    /// Returns the number of open connections, and how many others were refused or evicted.
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
    /// Returns how many calls the connection may have open at once.
    pub(crate) fn streams(&self) -> u32 {
        self.seat.streams
    }

    /// Records that the connection has spoken its protocol.
    pub(crate) fn spoke(&self) {
        self.seat.spoke.store(true, Ordering::Relaxed);
        self.touch();
    }

    /// Records activity on the connection.
    fn touch(&self) {
        self.seat.active.store(self.table.millis(Instant::now()), Ordering::Relaxed);
    }

    /// Completes when the connection has to make room for another.
    pub(crate) async fn evicted(&self) {
        self.seat.evicted.cancelled().await;
    }

    /// Begins a call. The connection is not idle until the returned value is dropped.
    pub(crate) fn call(self: &Arc<Self>) -> Open {
        self.seat.calls.fetch_add(1, Ordering::AcqRel);
        Open { place: Arc::clone(self) }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // An evicted connection has been removed already.
        self.table.lock().remove(self.id);
    }
}

/// A call that is open.
#[derive(Debug)]
pub(crate) struct Open {
    place: Arc<Place>,
}

impl Open {
    /// Returns the number of the connection that the call came on.
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
        // Dropping the slot of an evicted connection does not free another's.
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
        // A connection that has just been accepted may still speak.
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
