//! Counts the bytes of requests that are in memory: those that are arriving, waiting, or being answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crate::gate::Refused;

/// The bytes that every call may have beside the common budget. An ordinary order is smaller than this, so callers with
/// large requests cannot keep it out.
const FREE: usize = 48 << 10;

/// The bytes that calls have taken from the common budget, which are those beyond [`FREE`].
#[derive(Debug, Default)]
pub(super) struct Buffers {
    used: AtomicUsize,
    refused: AtomicU64,
}

/// The bytes of one request. Dropping it returns them to the budget.
#[derive(Debug)]
pub(crate) struct Held {
    buffers: Arc<Buffers>,
    /// The common budget.
    most: usize,
    /// What this request has taken from the budget.
    taken: AtomicUsize,
}

impl Buffers {
    /// Returns the bytes in use, and the number of requests that did not fit.
    pub(super) fn count(&self) -> (usize, u64) {
        (self.used.load(Ordering::Relaxed), self.refused.load(Ordering::Relaxed))
    }

    fn take(&self, bytes: usize, most: usize) -> Result<(), Refused> {
        let fits = |used: usize| used.checked_add(bytes).filter(|used| *used <= most);
        let taken = self.used.fetch_update(Ordering::AcqRel, Ordering::Acquire, fits);
        taken.map(|_| ()).map_err(|_| {
            self.refused.fetch_add(1, Ordering::Relaxed);
            Refused::Bytes { bytes: most }
        })
    }

    fn give(&self, bytes: usize) {
        self.used.fetch_sub(bytes, Ordering::AcqRel);
    }
}

impl Held {
    pub(super) fn new(buffers: &Arc<Buffers>, most: usize) -> Self {
        Self { buffers: Arc::clone(buffers), most, taken: AtomicUsize::new(0) }
    }

    /// Returns an empty count for another request, with the same budget.
    pub(crate) fn another(&self) -> Self {
        Self::new(&self.buffers, self.most)
    }

    /// Sets the bytes of this request, and takes them from the budget or returns them. Only one task may call this at a
    /// time.
    pub(crate) fn set(&self, bytes: usize) -> Result<(), Refused> {
        let wanted = bytes.saturating_sub(FREE);
        let taken = self.taken.load(Ordering::Relaxed);
        match wanted.checked_sub(taken) {
            Some(0) => {}
            Some(more) => self.buffers.take(more, self.most)?,
            None => self.buffers.give(taken.saturating_sub(wanted)),
        }
        self.taken.store(wanted, Ordering::Relaxed);
        Ok(())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.buffers.give(*self.taken.get_mut());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn large_requests_share_a_budget_and_small_ones_need_none() {
        let buffers = Arc::new(Buffers::default());
        let hold = || Held::new(&buffers, 100_000);
        let first = hold();
        first.set(FREE + 60_000).unwrap();
        let second = hold();
        assert_eq!(second.set(FREE + 60_000), Err(Refused::Bytes { bytes: 100_000 }));
        second.set(FREE).unwrap();
        drop(first);
        second.set(FREE + 60_000).unwrap();
        assert_eq!(buffers.count(), (60_000, 1));
    }

    proptest! {
        #[test]
        fn the_budget_is_never_exceeded_and_everything_is_given_back(
            steps in prop::collection::vec((0..4_usize, 0..100_000_usize), 0..200)
        ) {
            let buffers = Arc::new(Buffers::default());
            let held: Vec<Held> = (0..4).map(|_| Held::new(&buffers, 150_000)).collect();
            for (place, bytes) in steps {
                let _ = held[place].set(bytes);
                let taken: usize = held.iter().map(|held| held.taken.load(Ordering::Relaxed)).sum();
                prop_assert_eq!(buffers.count().0, taken);
                prop_assert!(taken <= 150_000);
            }
            drop(held);
            prop_assert_eq!(buffers.count().0, 0);
        }
    }
}
