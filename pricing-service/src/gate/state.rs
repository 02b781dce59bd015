//! The orders that wait at the gate, which of them is next, and who prices them.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::admission::{Admission, Admitted, Limits, Refused, Turn};
use super::charge::{Charge, Lane};
use super::fair::Fair;
use super::load::Load;
use super::payer::Payer;

/// What the gate knows: the orders that wait, and the threads that price them.
pub(super) struct State {
    pub(super) admission: Admission,
    pub(super) fair: Fair,
    /// The waiting orders, in the order of their arrival.
    pub(super) queue: VecDeque<Job>,
    pub(super) threads: usize,
    /// The threads that wait for an order.
    pub(super) idle: usize,
    pub(super) next: u64,
    pub(super) closed: bool,
    pub(super) load: Load,
}

/// An order that waits for a thread.
pub(super) struct Job {
    pub(super) id: u64,
    pub(super) charge: Charge,
    /// The virtual time at which it starts.
    pub(super) start: u64,
    pub(super) admitted: Admitted,
    pub(super) deadline: Instant,
    pub(super) run: Run,
}

/// Does the work, or reports why it is not done. Returns the steps that pricing took.
pub(super) type Run = Box<dyn FnOnce(Result<(), Refused>) -> u64 + Send>;

impl State {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            admission: Admission::new(limits),
            fair: Fair::default(),
            queue: VecDeque::new(),
            threads: 0,
            idle: 0,
            next: 0,
            closed: false,
            load: Load::default(),
        }
    }

    /// Returns the position that an order would have in the queue.
    pub(super) fn turn_of(&self, charge: Charge) -> Turn {
        let (lane, start) = (charge.lane(), self.fair.start_of(charge.payer));
        let goes_first = |job: &&Job| job.charge.lane() == lane && job.start <= start;
        Turn { lane, behind: self.queue.iter().filter(goes_first).count(), paid: charge.is_paid() }
    }

    /// Checks whether the queue has room for one more order. If it is full, returns the caller whose last order is
    /// evicted for it.
    pub(super) fn room(&self, payer: Payer, lane: Lane) -> Result<Option<Payer>, Refused> {
        match self.admission.room(lane) {
            Err(full @ Refused::Full { .. }) => self.fair.gives_way_to(payer).map(Some).ok_or(full),
            room => room.map(|()| None),
        }
    }

    /// Admits an order, or refuses it. Also returns the order that is evicted for it, if any.
    pub(super) fn admit(
        &mut self,
        now: Instant,
        deadline: Instant,
        charge: Charge,
    ) -> Result<(Admitted, Option<Job>), Refused> {
        let turn = self.turn_of(charge);
        let gives_way = self.room(charge.payer, turn.lane)?;
        let admitted = self.admission.admit(now, deadline, turn)?;
        let last = gives_way.and_then(|other| self.queue.iter().rposition(|job| job.charge.payer == other));
        Ok((admitted, last.and_then(|index| self.remove(index))))
    }

    /// Counts an order that was admitted for the first time.
    pub(super) fn count_taken(&mut self, charge: Charge) {
        self.load.taken = self.load.taken.saturating_add(u64::from(!charge.is_paid()));
    }

    /// Removes an order from the queue before its turn.
    pub(super) fn remove(&mut self, index: usize) -> Option<Job> {
        let job = self.queue.remove(index)?;
        self.admission.leave(job.charge.lane());
        self.fair.leave(job.charge.payer, job.charge.cost());
        Some(job)
    }

    /// Takes the next order that may begin from the queue. If it has waited for too long, the result says so.
    pub(super) fn begin(&mut self, now: Instant) -> Option<(Job, Result<(), Refused>)> {
        let may_begin = |job: &Job| self.admission.may_begin(job.charge.lane());
        let waiting = self.queue.iter().enumerate().filter(|(_, job)| may_begin(job));
        let (index, _) = waiting.min_by_key(|(_, job)| (job.start, job.id))?;
        let job = self.queue.remove(index)?;
        let turn = self.admission.begin(now, job.deadline, job.admitted, job.charge.lane());
        match turn {
            Ok(()) => self.fair.begin(job.charge.payer, job.start),
            Err(_) => self.fair.leave(job.charge.payer, job.charge.cost()),
        }
        Some((job, turn))
    }

    /// Records that an order was priced.
    pub(super) fn end(&mut self, charge: Charge, steps: u64, took: Duration) {
        self.admission.end(took, charge.lane());
        self.load.count_priced(took);
        self.fair.settle(charge.payer, charge.cost(), charge.cost_with(steps));
        if self.queue.is_empty() && self.admission.busy() == 0 {
            self.fair.rest();
        }
    }
}
