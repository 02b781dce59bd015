//! Decides which requests are priced now, wait, or are refused, and owns the threads that price.
//!
//! A call that prices one order passes the gate twice:
//!
//! 1. [`Gate::enter`] is called with the head of the call, before its request is read. It refuses the call if the queue
//!    is full, if the deadline could not be met, if the rate is exceeded, or if too many calls are in flight. It
//!    reserves nothing but the call's slot among the [calls in flight](Call).
//! 2. [`Gate::run`] is called with the estimated cost of the request ([`Charge`]). It repeats the checks of queue,
//!    deadline and rate with it, and puts the order into the queue. A full queue evicts the last order of the caller
//!    with the most of them, if another caller asks. A thread then takes the order from the queue, prices it, and sends
//!    the answer back.
//!
//! The orders of a stream only take the second step. A small order for which a slot is free skips the queue: its call
//! takes the slot with [`Gate::begin_at_once`] (`at_once`), and prices it on its own thread, for a moment at most. What is
//! not priced by then takes the second step after all.
//!
//! An order leaves the queue without being priced when it is evicted, when its caller goes away, or when there is no
//! longer enough time to price it. An order that has begun runs to its end, and keeps its thread until then, even if
//! nobody waits for its answer.
//!
//! Heavy requests get only a part of the threads (`admission`). Which order is next depends on what each caller has
//! used so far (`fair`). So neither a few large requests nor one caller with many can keep the others waiting.
//!
//! The gate has threads of its own. Pricing may occupy a processor for milliseconds, so it must not run on the threads
//! that serve connections, and the runtime's threads for blocking work may all be waiting for a disk. Most orders take
//! microseconds, though, and a hand-over to another thread and back takes longer than that. So these are priced where
//! they are.

mod admission;
mod at_once;
mod calls;
mod charge;
mod fair;
mod load;
mod payer;
mod rate;
mod state;

use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use pricing_panics::catch;
use tokio::sync::oneshot;
use tokio::time::timeout_at;

use admission::{Admitted, Limits};
use calls::Calls;
use charge::Lane;
use state::{Job, Run, State};

use pricing_engine::config;

pub use admission::Refused;
pub(super) use calls::Call;
pub(super) use charge::Charge;
pub use load::Load;
pub(super) use payer::Payer;

/// Calls in flight beyond those that are priced or queued: their requests are arriving, or their answers are being
/// read.
const ON_THE_WAY: usize = 64;

/// The stack of a pricing thread. The nesting of orders is bounded, and plugins have stacks of their own.
pub(super) const STACK: usize = 4 << 20;

/// Bounds how many orders are priced at once, and how many wait.
pub(super) struct Gate {
    shared: Arc<Shared>,
    calls: Arc<Calls>,
}

struct Shared {
    state: Mutex<State>,
    work: Condvar,
}

impl Gate {
    pub(super) fn new(limits: &config::Limits) -> Self {
        let shared = Shared { state: Mutex::new(State::new(limits.into())), work: Condvar::new() };
        Self { shared: Arc::new(shared), calls: Calls::new() }
    }

    /// Admits a call before its request is read. A refusal here costs next to nothing.
    pub(super) fn enter(&self, limits: &config::Limits, deadline: Instant, payer: Payer) -> Result<Call, Refused> {
        let Limits { slots, queue, .. } = limits.into();
        let most = slots.saturating_add(queue).saturating_add(ON_THE_WAY);
        let now = Instant::now();
        let mut state = self.shared.lock();
        state.admission.limits = limits.into();
        // The cost is not known yet. Most requests cost little.
        let turn = state.turn_of(Charge::unknown(payer));
        let room = state.room(payer, Lane::Light).map(|_| ());
        let checked = room.and_then(|()| state.admission.check(now, deadline, turn));
        let entered = checked.and_then(|()| self.calls.enter(most, payer, now).ok_or(Refused::Calls { calls: most }));
        entered.inspect_err(|refused| state.load.count_refused(*refused))
    }

    /// Runs `work` on a pricing thread when it is its turn, and returns its result.
    ///
    /// `work` also returns the steps that pricing took. If the future is dropped while the order waits, the order is
    /// not begun. If it has begun, it runs to its end and keeps its slot until then.
    pub(super) async fn run<R: Send + 'static>(
        &self,
        limits: &config::Limits,
        deadline: Instant,
        charge: Charge,
        work: impl FnOnce() -> (R, u64) + Send + 'static,
    ) -> Result<R, Refused> {
        let (answer, mut answered) = oneshot::channel();
        let run = move |turn: Result<(), Refused>| {
            // Its caller may be gone.
            if answer.is_closed() {
                return 0;
            }
            let (result, steps) = match turn.and_then(|()| caught(work)) {
                Ok((result, steps)) => (Ok(result), steps),
                Err(refused) => (Err(refused), 0),
            };
            let _ = answer.send((result, Instant::now()));
            steps
        };
        let waits = self.shared.submit(limits.into(), deadline, charge, Box::new(run))?;
        // An order that is still queued at `until` gives up. If it has begun just before, it has until the deadline.
        if let Admitted::Waits { until } = waits.admitted {
            match timeout_at(until.into(), &mut answered).await {
                Ok(answer) => return waits.shared.result_of(answer),
                Err(_) if waits.leave() => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    return waits.shared.gave_up(Refused::Late { needed: left, left });
                }
                Err(_) => {}
            }
        }
        match timeout_at(deadline.into(), answered).await {
            Ok(answer) => waits.shared.result_of(answer),
            Err(_) => waits.shared.gave_up(Refused::Deadline),
        }
    }

    /// Returns the current load.
    pub(super) fn load(&self) -> Load {
        let state = self.shared.lock();
        let admission = &state.admission;
        let (calls, evicted) = (self.calls.len(), self.calls.evicted());
        Load {
            busy: admission.busy(),
            waiting: admission.waiting(),
            calls,
            mean: admission.mean(),
            evicted,
            ..state.load
        }
    }
}

/// Catches a panic in the work, so that the thread survives it.
fn caught<R>(work: impl FnOnce() -> R) -> Result<R, Refused> {
    catch(work).map_err(|panic| {
        tracing::error!(%panic, "an order could not be priced; this is a bug, please report it");
        Refused::Lost
    })
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Admits an order and puts it into the queue. Another order may be evicted for it.
    fn submit(
        self: &Arc<Self>,
        limits: Limits,
        deadline: Instant,
        charge: Charge,
        run: Run,
    ) -> Result<WaitingOrder, Refused> {
        let mut state = self.lock();
        state.admission.limits = limits;
        let admitted = state.admit(Instant::now(), deadline, charge);
        let (admitted, gave_way) = admitted.inspect_err(|refused| state.load.count_refused(*refused))?;
        state.count_taken(charge);
        let id = state.next;
        state.next = id.wrapping_add(1);
        let start = state.fair.arrive(charge.payer, charge.cost());
        state.queue.push_back(Job { id, charge, start, admitted, deadline, run });
        let wanted = state.admission.busy().saturating_add(state.queue.len()).min(limits.slots);
        if state.threads < wanted {
            self.start(&mut state);
        }
        let is_awaited = state.idle > 0;
        drop(state);
        if is_awaited {
            self.work.notify_one();
        }
        if let Some(job) = gave_way {
            (job.run)(Err(Refused::Full { waiting: limits.queue }));
        }
        Ok(WaitingOrder { shared: Arc::clone(self), id, admitted })
    }

    /// Starts one more pricing thread.
    fn start(self: &Arc<Self>, state: &mut State) {
        let shared = Arc::clone(self);
        let thread = thread::Builder::new().name("pricing".to_owned()).stack_size(STACK);
        match thread.spawn(move || shared.serve()) {
            Ok(_) => state.threads = state.threads.saturating_add(1),
            Err(error) => {
                tracing::error!(%error, threads = state.threads, "a thread to price on cannot be started");
                if state.threads == 0 {
                    // No thread will ever take these orders. Dropping them answers their callers.
                    while let Some(job) = state.remove(0) {
                        drop(job);
                    }
                }
            }
        }
    }

    /// Prices orders from the queue, until there are more threads than slots.
    fn serve(&self) {
        while let Some((job, turn)) = self.next() {
            let begun = Instant::now();
            let charge = job.charge;
            let steps = (job.run)(turn);
            if turn.is_ok() {
                self.end(charge, steps, begun.elapsed());
            }
        }
    }

    /// Records that an order was priced.
    fn end(&self, charge: Charge, steps: u64, took: Duration) {
        let mut state = self.lock();
        state.end(charge, steps, took);
        let may_begin = state.idle > 0 && !state.queue.is_empty();
        drop(state);
        if may_begin {
            // An order that had to wait for this one may now begin on another thread.
            self.work.notify_one();
        }
    }

    /// Waits for the next order. Returns `None` when this thread has to end.
    fn next(&self) -> Option<(Job, Result<(), Refused>)> {
        let mut state = self.lock();
        loop {
            if state.closed && state.queue.is_empty() || state.threads > state.admission.limits.slots {
                state.threads = state.threads.saturating_sub(1);
                // This wakeup may have been for an order that another thread must take now.
                self.work.notify_one();
                return None;
            }
            if let Some(next) = state.begin(Instant::now()) {
                return Some(next);
            }
            state.idle = state.idle.saturating_add(1);
            state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.idle = state.idle.saturating_sub(1);
        }
    }

    /// Counts the outcome of an admitted order, and how long its answer waited to be picked up.
    fn result_of<R>(&self, answer: Result<Answer<R>, oneshot::error::RecvError>) -> Result<R, Refused> {
        let now = Instant::now();
        let (result, answered) = answer.unwrap_or((Err(Refused::Lost), now));
        let mut state = self.lock();
        state.admission.lagged(now, now.saturating_duration_since(answered));
        result.inspect_err(|refused| state.load.count(*refused))
    }

    /// Counts the outcome of an admitted order that nobody waits for any longer.
    fn gave_up<R>(&self, refused: Refused) -> Result<R, Refused> {
        self.lock().load.count(refused);
        Err(refused)
    }
}

/// The result of an order, and when it was ready.
type Answer<R> = (Result<R, Refused>, Instant);

/// A guard that removes the order from the queue when it is dropped.
struct WaitingOrder {
    shared: Arc<Shared>,
    id: u64,
    admitted: Admitted,
}

impl WaitingOrder {
    /// Removes the order from the queue. Returns `false` if it is not there any more.
    fn leave(&self) -> bool {
        let mut state = self.shared.lock();
        let Some(index) = state.queue.iter().position(|job| job.id == self.id) else { return false };
        let job = state.remove(index);
        drop(state);
        // Whatever the order owns is dropped without the lock.
        drop(job);
        true
    }
}

impl Drop for WaitingOrder {
    fn drop(&mut self) {
        self.leave();
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.work.notify_all();
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate").field("load", &self.load()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
