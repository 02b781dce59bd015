//! Admits as many simultaneous calls as the pool has slots. Further calls wait.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// A counting semaphore.
#[derive(Debug)]
pub(crate) struct Gate {
    free: Mutex<u32>,
    freed: Condvar,
}

/// A slot of the pool, which is returned when this is dropped.
#[derive(Debug)]
pub(crate) struct PoolSlot<'a>(&'a Gate);

impl Gate {
    pub(crate) fn new(places: u32) -> Self {
        Self { free: Mutex::new(places), freed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, u32> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a slot. Each slot becomes free at the latest by the deadline of its call. Waiting calls are not served
    /// in any particular order.
    pub(crate) fn enter(&self) -> PoolSlot<'_> {
        let free = self.lock();
        let mut free = self.freed.wait_while(free, |free| *free == 0).unwrap_or_else(PoisonError::into_inner);
        *free = free.saturating_sub(1);
        PoolSlot(self)
    }
}

impl Drop for PoolSlot<'_> {
    fn drop(&mut self) {
        let mut free = self.0.lock();
        *free = free.saturating_add(1);
        drop(free);
        self.0.freed.notify_one();
    }
}
