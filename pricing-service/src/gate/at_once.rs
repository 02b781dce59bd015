//! Small orders that are priced on the thread of their call.
//!
//! A hand-over to a pricing thread and back takes several times as long as most orders. So an order whose estimated cost is
//! small takes a free slot at once, if no other order waits. It counts as every other order does: against the slots, the
//! rate, and the share of its caller.
//!
//! The thread serves connections, too, so the order may keep it only for a [`MOMENT`]. The work has to stop then by itself.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::admission::Refused;
use super::{Charge, Gate, Shared, State, caught};
use pricing_engine::config;

/// How long an order may be priced on the thread of its call.
const MOMENT: Duration = Duration::from_micros(500);

/// A slot for an order that is priced on the thread of its call.
#[must_use = "the slot is taken until its work was done"]
pub(crate) struct Slot {
    shared: Arc<Shared>,
    charge: Charge,
    deadline: Instant,
}

impl Slot {
    /// Does the work for the order, which must not go on after the moment that it is given. It returns the steps that it
    /// took, too. Frees the slot.
    ///
    /// # Errors
    /// When the work panics.
    pub(crate) fn run<R>(self, work: impl FnOnce(Instant) -> (R, u64)) -> Result<R, Refused> {
        let begun = Instant::now();
        let until = begun.checked_add(MOMENT).unwrap_or(begun).min(self.deadline);
        let (result, steps) = match caught(|| work(until)) {
            Ok((result, steps)) => (Ok(result), steps),
            Err(lost) => (Err(lost), 0),
        };
        self.shared.end(self.charge, steps, begun.elapsed());
        match result {
            Ok(result) => Ok(result),
            Err(lost) => self.shared.gave_up(lost),
        }
    }
}

impl Gate {
    /// Takes a slot for a small order that need not wait for one. Its work is then done with [`Slot::run`], on the calling
    /// thread. Returns `None` if the order takes the queue instead: [`Self::run`] decides about it then.
    ///
    /// # Errors
    /// When the order is refused.
    pub(crate) fn begin_at_once(
        &self,
        limits: &config::Limits,
        deadline: Instant,
        charge: Charge,
    ) -> Result<Option<Slot>, Refused> {
        if !charge.is_brief() {
            return Ok(None);
        }
        let mut state = self.shared.lock();
        state.admission.limits = limits.into();
        let begun = state.begin_at_once(Instant::now(), deadline, charge);
        let begun = begun.inspect_err(|refused| state.load.count_refused(*refused))?;
        Ok(begun.then(|| Slot { shared: Arc::clone(&self.shared), charge, deadline }))
    }
}

impl State {
    /// Begins an order if none waits and a slot is free for it. Returns whether it has begun.
    fn begin_at_once(&mut self, now: Instant, deadline: Instant, charge: Charge) -> Result<bool, Refused> {
        let turn = self.turn_of(charge);
        if !self.queue.is_empty() || !self.admission.is_free(turn) {
            return Ok(false);
        }
        let admitted = self.admission.admit(now, deadline, turn)?;
        self.admission.begin(now, deadline, admitted, turn.lane)?;
        self.count_taken(charge);
        let start = self.fair.arrive(charge.payer, charge.cost());
        self.fair.begin(charge.payer, start);
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Payer;
    use super::*;

    fn limits(concurrency: usize, rate: Option<u32>) -> config::Limits {
        config::Limits { concurrency: Some(concurrency), rate, ..config::Limits::default() }
    }

    fn small() -> Charge {
        Charge::of(Payer::Inside, 1_000, 100, false, u64::MAX)
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(600)
    }

    #[test]
    fn a_small_order_takes_a_free_slot_and_gives_it_back() {
        let (gate, limits) = (Gate::new(&limits(1, None)), limits(1, None));
        let slot = gate.begin_at_once(&limits, soon(), small()).unwrap().unwrap();
        assert!(gate.begin_at_once(&limits, soon(), small()).unwrap().is_none(), "no slot is free");
        assert_eq!((gate.load().busy, gate.load().waiting), (1, 0));
        let until = slot.run(|until| (until, 7)).unwrap();
        assert!(until <= Instant::now() + MOMENT);
        assert_eq!((gate.load().busy, gate.load().priced, gate.load().taken), (0, 1, 1));
        assert!(gate.begin_at_once(&limits, soon(), Charge::default()).unwrap().is_none(), "it is not small");
        let late = gate.begin_at_once(&limits, Instant::now(), small());
        assert_eq!(late.map(|slot| slot.is_some()), Err(Refused::Deadline));
    }

    #[test]
    fn an_order_that_panics_gives_its_slot_back() {
        let (gate, limits) = (Gate::new(&limits(1, None)), limits(1, None));
        let slot = gate.begin_at_once(&limits, soon(), small()).unwrap().unwrap();
        assert_eq!(slot.run::<()>(|_| panic!("a bug")), Err(Refused::Lost));
        assert_eq!((gate.load().busy, gate.load().lost), (0, 1));
        assert!(gate.begin_at_once(&limits, soon(), small()).unwrap().is_some());
    }

    #[tokio::test]
    async fn an_order_that_was_tried_is_not_counted_against_the_rate_again() {
        let (gate, limits) = (Gate::new(&limits(1, Some(1))), limits(1, Some(1)));
        let slot = gate.begin_at_once(&limits, soon(), small()).unwrap().unwrap();
        slot.run(|_| ((), 0)).unwrap();
        assert_eq!(gate.run(&limits, soon(), small().tried(), || ((), 0)).await, Ok(()));
        assert_eq!(gate.run(&limits, soon(), small(), || ((), 0)).await, Err(Refused::Rate { rate: 1 }));
        let refused = gate.begin_at_once(&limits, soon(), small());
        assert_eq!(refused.map(|slot| slot.is_some()), Err(Refused::Rate { rate: 1 }));
        assert_eq!((gate.load().taken, gate.load().over_rate), (1, 2));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_small_order_does_not_overtake_those_that_wait() {
        let (gate, limits) = (Arc::new(Gate::new(&limits(2, None))), limits(2, None));
        let slots: Vec<_> = (0..2).map(|_| gate.begin_at_once(&limits, soon(), small()).unwrap().unwrap()).collect();
        let waits = tokio::spawn({
            let (gate, limits) = (Arc::clone(&gate), limits.clone());
            async move { gate.run(&limits, soon(), small(), || ((), 0)).await }
        });
        while gate.load().waiting == 0 {
            tokio::task::yield_now().await;
        }
        assert!(gate.begin_at_once(&limits, soon(), small()).unwrap().is_none());
        slots.into_iter().for_each(|slot| slot.run(|_| ((), 0)).unwrap());
        assert_eq!(waits.await.unwrap(), Ok(()));
    }
}
