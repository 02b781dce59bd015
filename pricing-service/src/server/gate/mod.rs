//! Who may price now, who waits, and who is refused at once; and the threads that price.
//!
//! The threads are the gate's own. Pricing may keep a processor busy for milliseconds, so that it must not happen
//! where connections are served; and the runtime's threads for blocking work may all wait for a disk.

mod admission;
mod rate;

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use pricing_panics::catch;
use tokio::sync::oneshot;
use tokio::time::timeout_at;

use admission::{Admission, Admitted, Limits};

use crate::config;

pub use admission::Refused;

/// Calls in flight beyond those that are priced or wait: their requests are on the way in, or their answers out.
const ON_THE_WAY: usize = 64;

/// The stack of a thread that prices. What nests is bounded; plugins bring stacks of their own.
const STACK: usize = 4 << 20;

/// How much is going on, and what became of the orders so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Load {
    /// Orders that are priced at the moment.
    pub busy: usize,
    /// Orders that wait.
    pub waiting: usize,
    /// Calls in flight, streams excepted.
    pub calls: usize,
    /// How long pricing an order takes on average.
    pub mean: Duration,
    /// Orders that were taken.
    pub taken: u64,
    /// Orders that were refused since too much was asked at once.
    pub overloaded: u64,
    /// Orders that were refused by `limits.rate`.
    pub over_rate: u64,
    /// Orders that were taken and not answered before their deadline.
    pub late: u64,
    /// Orders whose pricing died.
    pub lost: u64,
}

/// Lets so many orders be priced at once, and so many wait.
pub(super) struct Gate {
    shared: Arc<Shared>,
    calls: Arc<AtomicUsize>,
}

struct Shared {
    state: Mutex<State>,
    work: Condvar,
}

struct State {
    admission: Admission,
    queue: VecDeque<Job>,
    threads: usize,
    next: u64,
    closed: bool,
    load: Load,
}

/// An order that waits for a thread.
struct Job {
    id: u64,
    admitted: Admitted,
    deadline: Instant,
    run: Box<dyn FnOnce(Result<(), Refused>) + Send>,
}

impl Gate {
    pub(super) fn new(limits: &config::Limits) -> Self {
        let state = State {
            admission: Admission::new(limits.into()),
            queue: VecDeque::new(),
            threads: 0,
            next: 0,
            closed: false,
            load: Load::default(),
        };
        let shared = Shared { state: Mutex::new(state), work: Condvar::new() };
        Self { shared: Arc::new(shared), calls: Arc::default() }
    }

    /// Lets a call in, before its request is read: what is refused here costs next to nothing.
    pub(super) fn enter(&self, limits: &config::Limits, deadline: Instant) -> Result<Call, Refused> {
        let call = Call::new(&self.calls);
        let Limits { places, queue, .. } = limits.into();
        let most = places.saturating_add(queue).saturating_add(ON_THE_WAY);
        let mut state = self.shared.lock();
        let calls = self.calls.load(Ordering::Relaxed);
        let looked = if calls > most {
            Err(Refused::Calls { calls: most })
        } else {
            state.admission.limits = limits.into();
            state.admission.look(Instant::now(), deadline)
        };
        looked.inspect_err(|refused| state.load.count_refused(*refused)).map(|()| call)
    }

    /// Does work on a thread on which it may take its time, when it is its turn. What waits when its caller goes away
    /// is not begun; what was begun ends, and keeps its place until then.
    pub(super) async fn run<R: Send + 'static>(
        &self,
        limits: &config::Limits,
        deadline: Instant,
        work: impl FnOnce() -> R + Send + 'static,
    ) -> Result<R, Refused> {
        let (answer, mut answered) = oneshot::channel();
        let run = move |turn: Result<(), Refused>| {
            if !answer.is_closed() {
                // The caller may be gone by now.
                let result = turn.and_then(|()| caught(work));
                let _ = answer.send((result, Instant::now()));
            }
        };
        let waits = self.shared.submit(limits.into(), deadline, Box::new(run))?;
        if let Admitted::Waits { until } = waits.admitted {
            match timeout_at(until.into(), &mut answered).await {
                Ok(answer) => return waits.shared.told(answer),
                Err(_) if waits.leave() => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    return waits.shared.gave_up(Refused::Late { needed: left, left });
                }
                Err(_) => {}
            }
        }
        match timeout_at(deadline.into(), answered).await {
            Ok(answer) => waits.shared.told(answer),
            Err(_) => waits.shared.gave_up(Refused::Deadline),
        }
    }

    /// How much is going on.
    pub(super) fn load(&self) -> Load {
        let state = self.shared.lock();
        let admission = &state.admission;
        let calls = self.calls.load(Ordering::Relaxed);
        Load { busy: admission.busy, waiting: admission.waiting, calls, mean: admission.mean(), ..state.load }
    }
}

/// A panic in the work is no reason to lose the thread.
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

    fn submit(
        self: &Arc<Self>,
        limits: Limits,
        deadline: Instant,
        run: Box<dyn FnOnce(Result<(), Refused>) + Send>,
    ) -> Result<Waits, Refused> {
        let mut state = self.lock();
        state.admission.limits = limits;
        let admitted = state.admission.admit(Instant::now(), deadline);
        let admitted = admitted.inspect_err(|refused| state.load.count_refused(*refused))?;
        state.load.taken = state.load.taken.saturating_add(1);
        let id = state.next;
        state.next = id.wrapping_add(1);
        state.queue.push_back(Job { id, admitted, deadline, run });
        let wanted = state.admission.busy.saturating_add(state.queue.len()).min(limits.places);
        if state.threads < wanted {
            self.start(&mut state);
        }
        drop(state);
        self.work.notify_one();
        Ok(Waits { shared: Arc::clone(self), id, admitted })
    }

    fn start(self: &Arc<Self>, state: &mut State) {
        let shared = Arc::clone(self);
        let thread = thread::Builder::new().name("pricing".to_owned()).stack_size(STACK);
        match thread.spawn(move || shared.serve()) {
            Ok(_) => state.threads = state.threads.saturating_add(1),
            Err(error) => {
                tracing::error!(%error, threads = state.threads, "a thread to price on cannot be started");
                if state.threads == 0 {
                    // Nobody would ever come to them.
                    while let Some(job) = state.queue.pop_front() {
                        state.admission.leave();
                        drop(job);
                    }
                }
            }
        }
    }

    /// Prices what waits, until there are more threads than places.
    fn serve(&self) {
        while let Some((job, turn)) = self.next() {
            let begun = Instant::now();
            (job.run)(turn);
            if turn.is_ok() {
                self.lock().admission.end(begun.elapsed());
            }
        }
    }

    fn next(&self) -> Option<(Job, Result<(), Refused>)> {
        let mut state = self.lock();
        loop {
            if state.closed && state.queue.is_empty() || state.threads > state.admission.limits.places {
                state.threads = state.threads.saturating_sub(1);
                // This thread may have been woken for work that another must do now.
                self.work.notify_one();
                return None;
            }
            if let Some(job) = state.queue.pop_front() {
                let turn = state.admission.begin(Instant::now(), job.deadline, job.admitted);
                return Some((job, turn));
            }
            state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Counts what became of an order that was taken, and how long the answer lay about.
    fn told<R>(&self, answer: Result<Answer<R>, oneshot::error::RecvError>) -> Result<R, Refused> {
        let now = Instant::now();
        let (result, answered) = answer.unwrap_or((Err(Refused::Lost), now));
        let mut state = self.lock();
        state.admission.lagged(now, now.saturating_duration_since(answered));
        result.inspect_err(|refused| state.load.count(*refused))
    }

    fn gave_up<R>(&self, refused: Refused) -> Result<R, Refused> {
        self.lock().load.count(refused);
        Err(refused)
    }
}

/// What a thread says, and when it did.
type Answer<R> = (Result<R, Refused>, Instant);

impl Load {
    /// Counts why an order was not taken. One without time left was never going to be.
    fn count_refused(&mut self, refused: Refused) {
        if refused != Refused::Deadline {
            self.count(refused);
        }
    }

    fn count(&mut self, refused: Refused) {
        let counter = match refused {
            Refused::Full { .. } | Refused::Calls { .. } | Refused::Late { .. } => &mut self.overloaded,
            // The intake counts these.
            Refused::Streams { .. } | Refused::Bytes { .. } => return,
            Refused::Rate { .. } => &mut self.over_rate,
            Refused::Deadline => &mut self.late,
            Refused::Lost => &mut self.lost,
        };
        *counter = counter.saturating_add(1);
    }
}

/// An order that waits until it no longer does, whatever the reason.
struct Waits {
    shared: Arc<Shared>,
    id: u64,
    admitted: Admitted,
}

impl Waits {
    /// Takes it out of the queue; false when it was begun already.
    fn leave(&self) -> bool {
        let mut state = self.shared.lock();
        let Some(place) = state.queue.iter().position(|job| job.id == self.id) else { return false };
        let job = state.queue.remove(place);
        state.admission.leave();
        drop(state);
        // What it holds goes without the lock.
        drop(job);
        true
    }
}

impl Drop for Waits {
    fn drop(&mut self) {
        self.leave();
    }
}

/// A call in flight: until its answer was taken.
#[derive(Debug)]
pub(super) struct Call(Arc<AtomicUsize>);

impl Call {
    fn new(calls: &Arc<AtomicUsize>) -> Self {
        calls.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(calls))
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
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
