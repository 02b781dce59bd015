//! Deadlines: a thread sleeps until the next one, and then makes the engine's guests check the clock.
//!
//! A periodic tick would be late by up to one period, and counting ticks drifts. Instead, each store knows its own
//! deadline: when the engine's epoch advances, every running guest checks the clock, and only the late ones end.

use std::collections::BTreeSet;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use wasmtime::Engine;

/// The time after which the epoch advances again if a late guest is still running.
const AGAIN: Duration = Duration::from_millis(1);

/// The priority ("nice" value) that the thread asks for.
const MOST_URGENT: i32 = -20;

/// The deadlines of an engine's running calls.
#[derive(Debug)]
pub(crate) struct DeadlineWatch {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    engine: Engine,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// The deadlines of the running calls. The number distinguishes calls with the same deadline.
    armed: BTreeSet<(Instant, u64)>,
    next: u64,
    /// When the thread wakes up next.
    wakes: Option<Instant>,
    stop: bool,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("state", &self.state).finish_non_exhaustive()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self) {
        // On a busy machine this thread would be late. If the user is not allowed to raise its priority, it runs with
        // the normal one.
        let _ = rustix::process::setpriority_process(None, MOST_URGENT);
        let mut state = self.lock();
        while !state.stop {
            let now = Instant::now();
            state = match state.next_look(now) {
                None => {
                    state.wakes = None;
                    self.changed.wait(state).unwrap_or_else(PoisonError::into_inner)
                }
                Some((at, late)) => {
                    if late {
                        self.engine.increment_epoch();
                    }
                    state.wakes = Some(at);
                    let sleep = at.saturating_duration_since(now);
                    self.changed.wait_timeout(state, sleep).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }
}

impl State {
    /// When to wake up next, and whether a call is late already.
    fn next_look(&self, now: Instant) -> Option<(Instant, bool)> {
        let (first, _) = *self.armed.first()?;
        if first > now {
            return Some((first, false));
        }
        let again = now.checked_add(AGAIN).unwrap_or(now);
        let next = self.armed.range((now, u64::MAX)..).next().map_or(again, |(at, _)| again.min(*at));
        Some((next, true))
    }
}

impl DeadlineWatch {
    /// Starts to watch an engine.
    pub(crate) fn new(engine: Engine) -> io::Result<Self> {
        let shared = Arc::new(Shared { engine, state: Mutex::default(), changed: Condvar::new() });
        let watched = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("plugin-deadlines".to_owned()).spawn(move || watched.run())?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Watches a call until the returned value is dropped. Must be called before the store reads the epoch, so that a
    /// deadline that passes in between is noticed by one of the two.
    pub(crate) fn arm(&self, deadline: Instant) -> ArmedDeadline<'_> {
        let mut state = self.shared.lock();
        let number = state.next;
        state.next = number.wrapping_add(1);
        state.armed.insert((deadline, number));
        // If the thread wakes up earlier anyway, it will see this deadline. So consecutive calls do not wake it each
        // time.
        let wake = state.wakes.is_none_or(|wakes| deadline < wakes);
        drop(state);
        if wake {
            self.shared.changed.notify_one();
        }
        ArmedDeadline { shared: &self.shared, entry: (deadline, number) }
    }
}

impl Drop for DeadlineWatch {
    fn drop(&mut self) {
        self.shared.lock().stop = true;
        self.shared.changed.notify_one();
        if let Some(thread) = self.thread.take() {
            // If the thread panicked, there is nothing to do.
            let _ = thread.join();
        }
    }
}

/// A running call's deadline.
#[derive(Debug)]
pub(crate) struct ArmedDeadline<'a> {
    shared: &'a Shared,
    entry: (Instant, u64),
}

impl Drop for ArmedDeadline<'_> {
    fn drop(&mut self) {
        self.shared.lock().armed.remove(&self.entry);
    }
}
