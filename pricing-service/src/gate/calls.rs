//! The calls in flight that each price one order. Their number is bounded.
//!
//! A call waits for its peer twice: while its request arrives, and while its answer is read. A peer that sends half of
//! a request, or that does not read its answer, would occupy a slot until the deadline. So when all slots are taken, a
//! new call may evict one that waits for its peer. A call that is queued or being priced is never evicted.
//!
//! The evicted call is the oldest waiting call of the other caller who has the most of them, if that caller has at
//! least two more than the new call's caller. If there is no such caller, it is the call that has waited longest,
//! whoever made it, if it has waited for longer than [`STALLED`].

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::Payer;

/// How long a call may wait for its peer before any other call may evict it. A request usually arrives within
/// milliseconds, and its answer is read as quickly.
const STALLED: Duration = Duration::from_millis(100);

/// Milliseconds for which a caller is refused without another search, after no call could be evicted for it. A search
/// costs more than a refusal, and nearly always finds what it found a moment ago.
const LOOK_AGAIN: u64 = 5;

/// The value of [`Entry::waits_since`] for a call that does not wait for its peer.
const AT_WORK: u64 = u64::MAX;

/// The calls in flight.
#[derive(Debug)]
pub(super) struct Calls {
    began: Instant,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    next: u64,
    entries: BTreeMap<u64, Arc<Entry>>,
    evicted: u64,
    /// The caller for whom the last search found nothing, and the time in milliseconds until which it is not repeated.
    no_room: Option<(Payer, u64)>,
}

#[derive(Debug)]
struct Entry {
    payer: Payer,
    /// When the call began to wait for its peer: milliseconds since [`Calls::began`], or [`AT_WORK`].
    waits_since: AtomicU64,
    evicted: CancellationToken,
}

/// A call in flight. It is dropped once its peer has read the answer, or once the call was given up.
#[derive(Debug)]
pub(crate) struct Call {
    calls: Arc<Calls>,
    id: u64,
    entry: Arc<Entry>,
}

impl Calls {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { began: Instant::now(), open: Mutex::default() })
    }

    /// Returns the number of calls in flight.
    pub(super) fn len(&self) -> usize {
        self.lock().entries.len()
    }

    /// Returns how many calls were evicted.
    pub(super) fn evicted(&self) -> u64 {
        self.lock().evicted
    }

    /// Admits one more call, whose request is about to arrive. If `most` calls are open, it evicts one of them, or
    /// returns `None`.
    pub(super) fn enter(self: &Arc<Self>, most: usize, payer: Payer, now: Instant) -> Option<Call> {
        let mut open = self.lock();
        if open.entries.len() >= most {
            let now = self.millis(now);
            if open.no_room.is_some_and(|(refused, until)| refused == payer && now < until) {
                return None;
            }
            let stalled = now.saturating_sub(u64::try_from(STALLED.as_millis()).unwrap_or(u64::MAX));
            let Some(evicted) = open.gives_way_to(payer, stalled) else {
                open.no_room = Some((payer, now.saturating_add(LOOK_AGAIN)));
                return None;
            };
            if let Some(entry) = open.entries.remove(&evicted) {
                entry.evicted.cancel();
                open.evicted = open.evicted.saturating_add(1);
            }
        }
        let waits_since = AtomicU64::new(self.millis(now));
        let entry = Arc::new(Entry { payer, waits_since, evicted: CancellationToken::new() });
        let id = open.next;
        open.next = id.wrapping_add(1);
        open.entries.insert(id, Arc::clone(&entry));
        Some(Call { calls: Arc::clone(self), id, entry })
    }

    fn millis(&self, now: Instant) -> u64 {
        u64::try_from(now.saturating_duration_since(self.began).as_millis()).unwrap_or(u64::MAX)
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    /// Returns the call to evict for a call of `payer`. The rules are those of the module.
    ///
    /// `stalled` is the time before which a call must have begun to wait to be evicted for any caller.
    fn gives_way_to(&self, payer: Payer, stalled: u64) -> Option<u64> {
        let mut waiting: BTreeMap<Payer, (usize, u64)> = BTreeMap::new();
        let mut longest: Option<(u64, u64)> = None;
        for (id, entry) in &self.entries {
            let since = entry.waits_since.load(Ordering::Relaxed);
            if since == AT_WORK {
                continue;
            }
            let (number, _) = waiting.entry(entry.payer).or_insert((0, *id));
            *number = number.saturating_add(1);
            longest = Some(longest.map_or((since, *id), |longest| longest.min((since, *id))));
        }
        let own = waiting.get(&payer).map_or(0, |(number, _)| *number);
        let most = waiting.iter().filter(|(other, _)| **other != payer).max_by_key(|(_, (number, _))| *number);
        most.filter(|(_, (number, _))| *number > own.saturating_add(1))
            .map(|(_, (_, oldest))| *oldest)
            .or_else(|| longest.filter(|(since, _)| *since < stalled).map(|(_, id)| id))
    }
}

impl Call {
    /// Records that the whole request has arrived: the call no longer waits for its peer.
    pub(crate) fn read(&self) {
        self.entry.waits_since.store(AT_WORK, Ordering::Relaxed);
    }

    /// Records that there is an answer: the call waits until its peer has read it.
    pub(crate) fn answered(&self) {
        self.entry.waits_since.store(self.calls.millis(Instant::now()), Ordering::Relaxed);
    }

    /// Completes when the call has to make room for another.
    pub(crate) async fn evicted(&self) {
        self.entry.evicted.cancelled().await;
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        // An evicted call has been removed already.
        self.calls.lock().entries.remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANY: Payer = Payer::Process(1);
    const FEW: Payer = Payer::Process(2);

    fn enter(calls: &Arc<Calls>, payer: Payer, millis: u64) -> Option<Call> {
        calls.enter(4, payer, calls.began + Duration::from_millis(millis))
    }

    fn evicted(open: &[Call]) -> Vec<bool> {
        open.iter().map(|call| call.entry.evicted.is_cancelled()).collect()
    }

    #[test]
    fn one_more_than_may_be_is_refused_until_one_ends() {
        let calls = Calls::new();
        let mut open: Vec<Call> = (0..4).map(|_| enter(&calls, MANY, 0).unwrap()).collect();
        assert!(enter(&calls, MANY, 0).is_none());
        open.pop();
        open.push(enter(&calls, MANY, 0).unwrap());
        assert_eq!(calls.len(), 4);
        drop(open);
        assert_eq!(calls.len(), 0);
    }

    #[test]
    fn who_has_most_requests_on_the_way_makes_room_for_others() {
        let calls = Calls::new();
        let open: Vec<Call> = (0..4).map(|_| enter(&calls, MANY, 0).unwrap()).collect();
        open[0].read();
        let first = enter(&calls, FEW, 0).unwrap();
        assert_eq!(evicted(&open), [false, true, false, false]);
        // Each has two, and one of the others is being priced. That is fair.
        assert!(enter(&calls, FEW, 0).is_none());
        assert!(!first.entry.evicted.is_cancelled());
        assert_eq!(calls.len(), 4);
    }

    #[test]
    fn what_is_being_priced_makes_no_room() {
        let calls = Calls::new();
        let open: Vec<Call> = (0..4).map(|_| enter(&calls, MANY, 0).unwrap()).collect();
        open.iter().for_each(Call::read);
        assert!(enter(&calls, FEW, 10_000).is_none());
        open[2].answered();
        enter(&calls, FEW, 20_000).unwrap();
        assert_eq!(evicted(&open), [false, false, true, false]);
    }

    #[test]
    fn what_has_waited_for_long_makes_room_for_anybody() {
        let calls = Calls::new();
        let open: Vec<Call> = [30, 20, 10, 40].map(|at| enter(&calls, Payer::Process(7), at).unwrap()).into();
        assert!(enter(&calls, Payer::Process(7), 109).is_none());
        assert!(enter(&calls, Payer::Process(7), 113).is_none(), "it is not looked again so soon");
        let newest = enter(&calls, Payer::Process(7), 114).unwrap();
        assert_eq!(evicted(&open), [false, false, true, false]);
        drop(newest);
        assert_eq!(calls.len(), 3);
    }
}
