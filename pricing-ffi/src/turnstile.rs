//! How many calls price at once, how many wait, and that all have left before the engine is closed.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::code::{Code, Failure};

/// The turnstile that every call passes.
#[derive(Debug, Default)]
pub(crate) struct Turnstile {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    running: usize,
    waiting: usize,
    /// Calls that were refused because too many waited.
    refused: u64,
    /// Calls whose deadline passed before they were answered.
    late: u64,
    closed: bool,
}

/// How many calls there are at the moment, and what became of others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) running: usize,
    pub(crate) waiting: usize,
    pub(crate) refused: u64,
    pub(crate) late: u64,
}

/// A call that is running, until it is dropped.
#[derive(Debug)]
pub(crate) struct Turn<'a>(&'a Turnstile);

impl Turnstile {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until fewer than `most` calls are running.
    ///
    /// # Errors
    /// When `queue` calls wait already, the deadline passes, or the engine is closed.
    pub(crate) fn enter(&self, most: usize, queue: usize, deadline: Instant) -> Result<Turn<'_>, Failure> {
        let mut state = self.lock();
        // Who has waited comes before who comes.
        if !state.closed && state.running >= most.max(1) {
            if state.waiting >= queue {
                state.refused = state.refused.saturating_add(1);
                let message =
                    format!("{} calls are running and {} wait; try again later", state.running, state.waiting);
                return Err(Failure::new(Code::Refused, message));
            }
            state.waiting = state.waiting.saturating_add(1);
            while !state.closed && state.running >= most.max(1) {
                let left = deadline.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    break;
                }
                state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
            }
            state.waiting = state.waiting.saturating_sub(1);
            if !state.closed && state.running >= most.max(1) {
                state.late = state.late.saturating_add(1);
                return Err(Failure::new(Code::Deadline, "the deadline has passed while the call waited for its turn"));
            }
        }
        if state.closed {
            return Err(Failure::closed());
        }
        state.running = state.running.saturating_add(1);
        Ok(Turn(self))
    }

    /// Counts a call whose deadline has passed while it was running.
    pub(crate) fn count_late(&self) {
        let mut state = self.lock();
        state.late = state.late.saturating_add(1);
    }

    /// Refuses all further calls, and waits for those that are running, but not for longer than `most`.
    pub(crate) fn close(&self, most: Duration) {
        let mut state = self.lock();
        state.closed = true;
        self.changed.notify_all();
        let is_busy = |state: &mut State| state.running > 0;
        let _ = self.changed.wait_timeout_while(state, most, is_busy).unwrap_or_else(PoisonError::into_inner);
    }

    pub(crate) fn count(&self) -> Count {
        let State { running, waiting, refused, late, .. } = *self.lock();
        Count { running, waiting, refused, late }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.running = state.running.saturating_sub(1);
        if state.closed {
            self.0.changed.notify_all();
        } else if state.waiting > 0 {
            self.0.changed.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::thread;

    use super::*;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    #[test]
    fn one_runs_one_waits_and_a_third_is_refused() {
        let turnstile = Arc::new(Turnstile::default());
        let first = turnstile.enter(1, 1, soon()).unwrap();
        let other = Arc::clone(&turnstile);
        let waiter = thread::spawn(move || other.enter(1, 1, soon()).map(|_| ()));
        while turnstile.count().waiting == 0 {
            thread::yield_now();
        }
        assert_eq!(turnstile.enter(1, 1, soon()).map(|_| ()).unwrap_err().code, Code::Refused);
        drop(first);
        assert_eq!(waiter.join().unwrap(), Ok(()));
        assert_eq!(turnstile.count(), Count { running: 0, waiting: 0, refused: 1, late: 0 });
    }

    #[test]
    fn waiting_ends_with_the_deadline_and_with_the_engine() {
        let turnstile = Arc::new(Turnstile::default());
        let first = turnstile.enter(1, 2, soon()).unwrap();
        assert_eq!(turnstile.enter(1, 2, Instant::now()).map(|_| ()).unwrap_err().code, Code::Deadline);
        let other = Arc::clone(&turnstile);
        let waiter = thread::spawn(move || other.enter(1, 2, soon()).map(|_| ()));
        while turnstile.count().waiting == 0 {
            thread::yield_now();
        }
        turnstile.close(Duration::ZERO);
        assert_eq!(waiter.join().unwrap().unwrap_err().code, Code::Closed);
        assert_eq!(turnstile.enter(9, 9, soon()).map(|_| ()).unwrap_err().code, Code::Closed);
        drop(first);
        turnstile.close(Duration::from_secs(60));
        assert_eq!(turnstile.count(), Count { running: 0, waiting: 0, refused: 0, late: 1 });
    }
}
