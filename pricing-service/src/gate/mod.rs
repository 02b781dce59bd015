//! Who may price now, who waits, and who is refused at once; and the threads that price.
//!
//! The threads are the gate's own. Pricing may keep a processor busy for milliseconds, so that it must not happen
//! where connections are served; and the runtime's threads for blocking work may all wait for a disk.
//!
//! What a request will cost is estimated before it is read ([`Charge`]). Heavy requests have a share of the threads, and
//! whose order is next is a matter of what each caller has had so far (`fair`): neither a few large requests nor a
//! caller who sends many keep the others waiting.

mod admission;
mod calls;
mod charge;
mod fair;
mod payer;
mod rate;

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use pricing_panics::catch;
use tokio::sync::oneshot;
use tokio::time::timeout_at;

use admission::{Admission, Admitted, Limits, Turn};
use calls::Calls;
use charge::Lane;
use fair::Fair;

use pricing_engine::config;

pub use admission::Refused;
pub(super) use calls::Call;
pub(super) use charge::Charge;
pub(super) use payer::Payer;

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
    /// Calls that waited for their caller and made room for others.
    pub evicted: u64,
}

/// Lets so many orders be priced at once, and so many wait.
pub(super) struct Gate {
    shared: Arc<Shared>,
    calls: Arc<Calls>,
}

struct Shared {
    state: Mutex<State>,
    work: Condvar,
}

struct State {
    admission: Admission,
    fair: Fair,
    /// In the order of their arrival.
    queue: VecDeque<Job>,
    threads: usize,
    next: u64,
    closed: bool,
    load: Load,
}

/// An order that waits for a thread.
struct Job {
    id: u64,
    charge: Charge,
    /// Where it starts in virtual time.
    start: u64,
    admitted: Admitted,
    deadline: Instant,
    run: Run,
}

/// Does the work when it is its turn, or says why it is not; the answer is how many steps pricing took.
type Run = Box<dyn FnOnce(Result<(), Refused>) -> u64 + Send>;

impl Gate {
    pub(super) fn new(limits: &config::Limits) -> Self {
        let state = State {
            admission: Admission::new(limits.into()),
            fair: Fair::default(),
            queue: VecDeque::new(),
            threads: 0,
            next: 0,
            closed: false,
            load: Load::default(),
        };
        let shared = Shared { state: Mutex::new(state), work: Condvar::new() };
        Self { shared: Arc::new(shared), calls: Calls::new() }
    }

    /// Lets a call in, before its request is read: what is refused here costs next to nothing.
    pub(super) fn enter(&self, limits: &config::Limits, deadline: Instant, payer: Payer) -> Result<Call, Refused> {
        let Limits { places, queue, .. } = limits.into();
        let most = places.saturating_add(queue).saturating_add(ON_THE_WAY);
        let now = Instant::now();
        let mut state = self.shared.lock();
        state.admission.limits = limits.into();
        // What it costs is not known yet, and most cost little.
        let turn = state.turn(Charge::unknown(payer));
        let room = state.room(payer, Lane::Light).map(|_| ());
        let looked = room.and_then(|()| state.admission.look(now, deadline, turn));
        let entered = looked.and_then(|()| self.calls.enter(most, payer, now).ok_or(Refused::Calls { calls: most }));
        entered.inspect_err(|refused| state.load.count_refused(*refused))
    }

    /// Does work on a thread on which it may take its time, when it is its turn. What waits when its caller goes away
    /// is not begun; what was begun ends, and keeps its place until then. Beside what it came to, the work says how many
    /// steps pricing took.
    pub(super) async fn run<R: Send + 'static>(
        &self,
        limits: &config::Limits,
        deadline: Instant,
        charge: Charge,
        work: impl FnOnce() -> (R, u64) + Send + 'static,
    ) -> Result<R, Refused> {
        let (answer, mut answered) = oneshot::channel();
        let run = move |turn: Result<(), Refused>| {
            // The caller may be gone by now.
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

    fn submit(self: &Arc<Self>, limits: Limits, deadline: Instant, charge: Charge, run: Run) -> Result<Waits, Refused> {
        let mut state = self.lock();
        state.admission.limits = limits;
        let admitted = state.admit(Instant::now(), deadline, charge);
        let (admitted, gave_way) = admitted.inspect_err(|refused| state.load.count_refused(*refused))?;
        state.load.taken = state.load.taken.saturating_add(1);
        let id = state.next;
        state.next = id.wrapping_add(1);
        let start = state.fair.arrive(charge.payer, charge.cost());
        state.queue.push_back(Job { id, charge, start, admitted, deadline, run });
        let wanted = state.admission.busy().saturating_add(state.queue.len()).min(limits.places);
        if state.threads < wanted {
            self.start(&mut state);
        }
        drop(state);
        self.work.notify_one();
        if let Some(job) = gave_way {
            (job.run)(Err(Refused::Full { waiting: limits.queue }));
        }
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
                    while let Some(job) = state.remove(0) {
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
            let charge = job.charge;
            let steps = (job.run)(turn);
            if turn.is_ok() {
                self.lock().end(charge, steps, begun.elapsed());
                // What had to wait for this one to end may be another thread's to do.
                self.work.notify_one();
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
            if let Some(next) = state.begin(Instant::now()) {
                return Some(next);
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

impl State {
    /// Where an order would stand.
    fn turn(&self, charge: Charge) -> Turn {
        let (lane, start) = (charge.lane(), self.fair.start_of(charge.payer));
        let goes_first = |job: &&Job| job.charge.lane() == lane && job.start <= start;
        Turn { lane, behind: self.queue.iter().filter(goes_first).count() }
    }

    /// Whether there is room for one more order to wait; where there is none, whose last order gives way to it.
    fn room(&self, payer: Payer, lane: Lane) -> Result<Option<Payer>, Refused> {
        match self.admission.room(lane) {
            Err(full @ Refused::Full { .. }) => self.fair.gives_way_to(payer).map(Some).ok_or(full),
            room => room.map(|()| None),
        }
    }

    /// Takes an order, or refuses it. Another one may have to give way to it.
    fn admit(&mut self, now: Instant, deadline: Instant, charge: Charge) -> Result<(Admitted, Option<Job>), Refused> {
        let turn = self.turn(charge);
        let gives_way = self.room(charge.payer, turn.lane)?;
        let admitted = self.admission.admit(now, deadline, turn)?;
        let last = gives_way.and_then(|other| self.queue.iter().rposition(|job| job.charge.payer == other));
        Ok((admitted, last.and_then(|place| self.remove(place))))
    }

    /// Takes an order out of the queue before its turn.
    fn remove(&mut self, place: usize) -> Option<Job> {
        let job = self.queue.remove(place)?;
        self.admission.leave(job.charge.lane());
        self.fair.leave(job.charge.payer, job.charge.cost());
        Some(job)
    }

    /// The order whose turn it is, if one may begin; and why it may not, where it waited too long.
    fn begin(&mut self, now: Instant) -> Option<(Job, Result<(), Refused>)> {
        let may_begin = |job: &Job| self.admission.may_begin(job.charge.lane());
        let waiting = self.queue.iter().enumerate().filter(|(_, job)| may_begin(job));
        let (place, _) = waiting.min_by_key(|(_, job)| (job.start, job.id))?;
        let job = self.queue.remove(place)?;
        let turn = self.admission.begin(now, job.deadline, job.admitted, job.charge.lane());
        match turn {
            Ok(()) => self.fair.begin(job.charge.payer, job.start),
            Err(_) => self.fair.leave(job.charge.payer, job.charge.cost()),
        }
        Some((job, turn))
    }

    /// An order was priced.
    fn end(&mut self, charge: Charge, steps: u64, took: Duration) {
        self.admission.end(took, charge.lane());
        self.fair.settle(charge.payer, charge.cost(), charge.cost_with(steps));
        if self.queue.is_empty() && self.admission.busy() == 0 {
            self.fair.rest();
        }
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
            Refused::Full { .. } | Refused::Heavy { .. } | Refused::Calls { .. } | Refused::Late { .. } => {
                &mut self.overloaded
            }
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
        let job = state.remove(place);
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
