//! The open streams of all services. Their number is bounded.
//!
//! When there are too many, an idle stream is ended to make room. It belongs to the connection with the most streams,
//! so that no client can occupy every slot by doing nothing.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use crate::gate::Refused;

/// How long a stream must have been idle before it may be evicted.
const IDLE: Duration = Duration::from_secs(5);

/// How long not to search again after no stream could be evicted. Refusing a stream must cost next to nothing.
const REST: Duration = Duration::from_millis(50);

/// The open streams.
#[derive(Debug)]
pub(super) struct Streams {
    began: Instant,
    seats: Mutex<Seats>,
    refused: AtomicU64,
    evicted: AtomicU64,
}

#[derive(Debug, Default)]
struct Seats {
    next: u64,
    open: BTreeMap<u64, Arc<Seat>>,
    /// When a search last found no stream to evict.
    looked: Option<Instant>,
}

/// What is known about a stream.
#[derive(Debug)]
pub(crate) struct Seat {
    connection: u64,
    began: Instant,
    /// Milliseconds from [`Streams::began`] to the last bytes in either direction.
    active: AtomicU64,
    /// Requests that are being answered. While there are any, the stream is not idle.
    at_work: AtomicUsize,
    evicted: CancellationToken,
    /// Cancelled when the call is over.
    over: CancellationToken,
}

/// A request of a stream that is being answered.
#[derive(Debug)]
pub(crate) struct Work(Arc<Seat>);

/// The number of open streams, and how many others were refused or evicted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) open: usize,
    pub(super) refused: u64,
    pub(super) evicted: u64,
}

/// A stream's slot. Dropping it frees the slot.
#[derive(Debug)]
pub(super) struct Place {
    streams: Arc<Streams>,
    id: u64,
    seat: Arc<Seat>,
}

impl Default for Streams {
    fn default() -> Self {
        let (refused, evicted) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { began: Instant::now(), seats: Mutex::default(), refused, evicted }
    }
}

impl Streams {
    /// Returns a slot for a stream of a connection.
    pub(super) fn place(self: &Arc<Self>, connection: u64, most: usize, now: Instant) -> Result<Place, Refused> {
        let mut seats = self.lock();
        if seats.open.len() >= most && !self.make_room(&mut seats, connection, now) {
            self.refused.fetch_add(1, Ordering::Relaxed);
            return Err(Refused::Streams { streams: most });
        }
        let (active, at_work) = (AtomicU64::new(millis(self.began, now)), AtomicUsize::new(0));
        let (evicted, over) = (CancellationToken::new(), CancellationToken::new());
        let seat = Arc::new(Seat { connection, began: self.began, active, at_work, evicted, over });
        let id = seats.next;
        seats.next = id.wrapping_add(1);
        seats.open.insert(id, Arc::clone(&seat));
        Ok(Place { streams: Arc::clone(self), id, seat })
    }

    /// Evicts an idle stream to make room for one of the connection `newcomer`, and returns `false` if there is none to
    /// evict.
    ///
    /// Candidates are the idle streams of `newcomer` itself and of connections with more streams than it. Of these, the
    /// connection with the most streams loses the one that has been idle longest.
    fn make_room(&self, seats: &mut Seats, newcomer: u64, now: Instant) -> bool {
        if seats.looked.is_some_and(|looked| now.saturating_duration_since(looked) < REST) {
            return false;
        }
        let mut of: BTreeMap<u64, usize> = BTreeMap::new();
        for seat in seats.open.values() {
            let streams = of.entry(seat.connection).or_default();
            *streams = streams.saturating_add(1);
        }
        let own = of.get(&newcomer).copied().unwrap_or(0);
        let before = millis(self.began, now).checked_sub(u64::try_from(IDLE.as_millis()).unwrap_or(u64::MAX));
        let candidates = seats.open.iter().filter_map(|(id, seat)| {
            let active = seat.active.load(Ordering::Relaxed);
            let streams = of.get(&seat.connection).copied().unwrap_or(0);
            let idle = seat.at_work.load(Ordering::Relaxed) == 0 && before.is_some_and(|before| active <= before);
            (idle && (streams > own || seat.connection == newcomer)).then_some((streams, Reverse((active, *id))))
        });
        let Some((_, Reverse((_, id)))) = candidates.max() else {
            seats.looked = Some(now);
            return false;
        };
        if let Some(seat) = seats.open.remove(&id) {
            seat.evicted.cancel();
            self.evicted.fetch_add(1, Ordering::Relaxed);
        }
        true
    }

    pub(super) fn count(&self) -> Count {
        Count {
            open: self.lock().open.len(),
            refused: self.refused.load(Ordering::Relaxed),
            evicted: self.evicted.load(Ordering::Relaxed),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Seats> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn millis(began: Instant, now: Instant) -> u64 {
    u64::try_from(now.saturating_duration_since(began).as_millis()).unwrap_or(u64::MAX)
}

impl Seat {
    /// Records that bytes were sent or received.
    pub(crate) fn touch(&self) {
        self.active.store(millis(self.began, Instant::now()), Ordering::Relaxed);
    }

    /// Returns how long no bytes were sent or received.
    pub(crate) fn silent(&self) -> Duration {
        let now = millis(self.began, Instant::now());
        Duration::from_millis(now.saturating_sub(self.active.load(Ordering::Relaxed)))
    }

    /// Begins to answer a request. The stream is not idle until the returned value is dropped.
    pub(crate) fn work(self: &Arc<Self>) -> Work {
        self.at_work.fetch_add(1, Ordering::Relaxed);
        Work(Arc::clone(self))
    }

    /// Completes when the call is over. A task that still reads its request should then stop.
    pub(crate) fn over(&self) -> WaitForCancellationFutureOwned {
        self.over.clone().cancelled_owned()
    }

    /// Completes when the stream has to make room for another.
    pub(crate) async fn evicted(&self) {
        self.evicted.cancelled().await;
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        self.0.touch();
        self.0.at_work.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Place {
    pub(super) fn seat(&self) -> &Arc<Seat> {
        &self.seat
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.seat.over.cancel();
        // An evicted stream has been removed already.
        self.streams.lock().open.remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(streams: &Arc<Streams>, connection: u64, at: Instant) -> Result<Place, Refused> {
        streams.place(connection, 4, at)
    }

    fn evicted(places: &[Place]) -> Vec<bool> {
        places.iter().map(|place| place.seat.evicted.is_cancelled()).collect()
    }

    #[test]
    fn one_more_than_may_be_is_refused_until_one_ends() {
        let (streams, now) = (Arc::new(Streams::default()), Instant::now());
        let mut places: Vec<Place> = (0..4).map(|_| open(&streams, 1, now).unwrap()).collect();
        assert_eq!(open(&streams, 2, now).unwrap_err(), Refused::Streams { streams: 4 });
        places.pop();
        places.push(open(&streams, 2, now).unwrap());
        assert_eq!(streams.count(), Count { open: 4, refused: 1, evicted: 0 });
        drop(places);
        assert_eq!(streams.count().open, 0);
    }

    #[test]
    fn the_connection_with_most_streams_gives_up_its_idlest() {
        let (streams, now) = (Arc::new(Streams::default()), Instant::now());
        let at = |seconds| now + Duration::from_secs(seconds);
        // The only stream of its connection has been idle longest, and stays.
        let of = [(7, 0), (1, 2), (1, 1), (1, 3)];
        let places: Vec<Place> = of.iter().map(|(by, when)| open(&streams, *by, at(*when)).unwrap()).collect();
        let newcomer = open(&streams, 2, at(20)).unwrap();
        assert_eq!(evicted(&places), [false, false, true, false]);
        // Connection 1 still has more streams. After that no connection has, and the newcomer's own stream is replaced.
        let another = open(&streams, 2, at(30)).unwrap();
        assert_eq!(evicted(&places), [false, true, true, false]);
        assert!(!newcomer.seat.evicted.is_cancelled());
        let third = open(&streams, 2, at(40)).unwrap();
        assert!(newcomer.seat.evicted.is_cancelled() && !another.seat.evicted.is_cancelled());
        drop(third);
        assert_eq!(streams.count(), Count { open: 3, refused: 0, evicted: 3 });
    }

    #[test]
    fn a_stream_that_is_at_work_makes_no_room() {
        let (streams, now) = (Arc::new(Streams::default()), Instant::now());
        let at = |seconds| now + Duration::from_secs(seconds);
        let _places: Vec<Place> = (0..4).map(|_| open(&streams, 1, at(100)).unwrap()).collect();
        assert!(open(&streams, 2, at(104)).is_err());
        assert!(open(&streams, 2, at(106)).is_ok());
    }

    #[test]
    fn a_stream_that_waits_for_an_answer_makes_no_room() {
        let (streams, now) = (Arc::new(Streams::default()), Instant::now());
        let at = |seconds| now + Duration::from_secs(seconds);
        let places: Vec<Place> = (0..4).map(|_| open(&streams, 1, now).unwrap()).collect();
        let mut works: Vec<Work> = places.iter().map(|place| place.seat.work()).collect();
        assert!(open(&streams, 2, at(60)).is_err());
        works.pop();
        assert!(open(&streams, 2, at(70)).is_ok());
        assert_eq!(evicted(&places), [false, false, false, true]);
    }
}
