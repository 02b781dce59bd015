//! What a request may spend: steps, which are counted here, and time, for which the caller's clock is asked.
//!
//! One [`Budget`] covers everything that is done for one request: all groups of an order, the search for their
//! placements, their alternatives, and the price of each. Every loop whose length is up to the request, the inventory
//! or the rate card takes its steps before it does its work. Steps measure the work and not the machine, so the same
//! request with the same number of steps ends at the same place everywhere.
//!
//! Predictions of where pods start have a part of their own, in addition to these steps. So their steps never cost an
//! order its price: without any of them left there is no prediction, and the price is the same. Time is shared: a
//! deadline that passes during a prediction ends the whole budget.
//!
//! A budget that is used up stays used up. Taking more from it fails with the one of the two that ran out, and that is
//! a fault.

use core::cell::Cell;
use core::fmt;

/// The number of steps between two looks at the clock. A step takes a few nanoseconds, and looking at the clock a few
/// dozen.
const LOOK_EVERY: u64 = 4096;

/// Predictions may take one such part of a request's steps, in addition to these.
const PARTS_FOR_PREDICTIONS: u64 = 8;
/// The least steps for predictions, about ten milliseconds: four times what 3 units take on 10,000 nodes.
const LEAST_FOR_PREDICTIONS: u64 = 2_000_000;

/// The steps that a request may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SearchBudget {
    /// Steps, each a few nanoseconds.
    pub steps: u64,
}

impl SearchBudget {
    /// The steps that predictions may take in addition.
    #[must_use]
    pub fn for_predictions(self) -> u64 {
        self.steps.div_ceil(PARTS_FOR_PREDICTIONS).max(LEAST_FOR_PREDICTIONS)
    }
}

impl Default for SearchBudget {
    /// About a second, which a bid has, and far more than real orders on real clusters take.
    fn default() -> Self {
        Self { steps: 200_000_000 }
    }
}

/// The part of a budget that is used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Spent {
    /// The steps.
    #[error("the {0} steps that may be spent on the request are used up")]
    Steps(u64),
    /// The time.
    #[error("the time for the request is over")]
    Time,
}

/// What is left of a request's budget.
///
/// It is shared by reference, since everything that is done for the request draws on it.
pub struct Budget<'a> {
    allowed: u64,
    left: Cell<u64>,
    /// The steps that are left for predictions.
    left_for_predictions: Cell<u64>,
    /// Steps until the next look at the clock.
    unwatched: Cell<u64>,
    spent: Cell<Option<Spent>>,
    is_late: Option<&'a dyn Fn() -> bool>,
}

impl Default for Budget<'_> {
    fn default() -> Self {
        Self::new(SearchBudget::default())
    }
}

impl fmt::Debug for Budget<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Budget")
            .field("allowed", &self.allowed)
            .field("left", &self.left.get())
            .field("left_for_predictions", &self.left_for_predictions.get())
            .field("spent", &self.spent.get())
            .finish_non_exhaustive()
    }
}

impl<'a> Budget<'a> {
    /// A budget of steps, without a clock.
    #[must_use]
    pub fn new(search: SearchBudget) -> Self {
        Self::resumed(search, search.steps)
    }

    /// A budget of which `left` steps are left. A replayed decision starts with the budget that the original one had
    /// left.
    #[must_use]
    pub fn resumed(search: SearchBudget, left: u64) -> Self {
        Self {
            allowed: search.steps,
            left: Cell::new(left.min(search.steps)),
            left_for_predictions: Cell::new(search.for_predictions()),
            unwatched: Cell::new(LOOK_EVERY),
            spent: Cell::new(None),
            is_late: None,
        }
    }

    /// The budget with `left` steps for predictions.
    #[must_use]
    pub fn with_left_for_predictions(self, left: u64) -> Self {
        self.left_for_predictions.set(left.min(self.left_for_predictions.get()));
        self
    }

    /// Adds a clock, which says whether the time is over.
    #[must_use]
    pub fn until(self, is_late: &'a dyn Fn() -> bool) -> Self {
        Self { is_late: Some(is_late), ..self }
    }

    /// Takes steps, before the work that they stand for.
    ///
    /// # Errors
    /// When too few are left, or the time is over. From then on nothing is left.
    pub fn take(&self, steps: usize) -> Result<(), Spent> {
        if let Some(spent) = self.spent.get() {
            return Err(spent);
        }
        let steps = u64::try_from(steps).unwrap_or(u64::MAX);
        let Some(left) = self.left.get().checked_sub(steps) else { return self.end(Spent::Steps(self.allowed)) };
        self.left.set(left);
        match self.unwatched.get().checked_sub(steps) {
            Some(unwatched) => {
                self.unwatched.set(unwatched);
                Ok(())
            }
            None => self.look(),
        }
    }

    /// Checks that something is left. Always looks at the clock.
    ///
    /// # Errors
    /// When the budget is used up.
    pub fn check(&self) -> Result<(), Spent> {
        match self.spent.get() {
            Some(spent) => Err(spent),
            // A resumed budget does not know whether the original asked for more.
            None if self.left.get() == 0 => self.end(Spent::Steps(self.allowed)),
            None => self.look(),
        }
    }

    /// Does work on the part for predictions. If its steps are used up, the rest of the budget is as it was. The time is
    /// that of the whole request: once it is over, nothing is left for anything.
    ///
    /// # Errors
    /// When the budget or the part is used up.
    pub fn predict<R>(&self, work: impl FnOnce(&Budget<'_>) -> Result<R, Spent>) -> Result<R, Spent> {
        self.check()?;
        let left = self.left_for_predictions.get();
        let part = Budget { is_late: self.is_late, ..Budget::new(SearchBudget { steps: left }) };
        let done = work(&part);
        self.left_for_predictions.set(part.left());
        match part.spent() {
            Some(Spent::Time) => self.end(Spent::Time).and(done),
            Some(Spent::Steps(_)) | None => done,
        }
    }

    fn look(&self) -> Result<(), Spent> {
        self.unwatched.set(LOOK_EVERY);
        if self.is_late.is_some_and(|is_late| is_late()) { self.end(Spent::Time) } else { Ok(()) }
    }

    fn end(&self, spent: Spent) -> Result<(), Spent> {
        self.left.set(0);
        self.spent.set(Some(spent));
        Err(spent)
    }

    /// The number of steps that the request may take in total.
    #[must_use]
    pub fn allowed(&self) -> u64 {
        self.allowed
    }

    /// The number of steps that are left.
    #[must_use]
    pub fn left(&self) -> u64 {
        self.left.get()
    }

    /// The number of steps that are left for predictions.
    #[must_use]
    pub fn left_for_predictions(&self) -> u64 {
        self.left_for_predictions.get()
    }

    /// What is used up, if anything.
    #[must_use]
    pub fn spent(&self) -> Option<Spent> {
        self.spent.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_up_stays_used_up() {
        let budget = Budget::new(SearchBudget { steps: 10 });
        assert_eq!(budget.take(7), Ok(()));
        assert_eq!(budget.take(4), Err(Spent::Steps(10)));
        assert_eq!((budget.take(0), budget.left()), (Err(Spent::Steps(10)), 0));
        assert_eq!(budget.check(), Err(Spent::Steps(10)));
    }

    #[test]
    fn the_clock_is_looked_at_now_and_then_and_when_asked() {
        let looks = Cell::new(0_u32);
        let is_late = || {
            looks.set(looks.get() + 1);
            looks.get() > 2
        };
        let budget = Budget::default().until(&is_late);
        for _ in 0..LOOK_EVERY {
            budget.take(1).unwrap();
        }
        assert_eq!(looks.get(), 0);
        budget.take(1).unwrap();
        assert_eq!(looks.get(), 1);
        budget.check().unwrap();
        // Steps that are taken at once count in full.
        assert_eq!(budget.take(1_000_000), Err(Spent::Time));
        assert_eq!((budget.take(1), budget.left()), (Err(Spent::Time), 0));
        assert_eq!(looks.get(), 3);
    }

    #[test]
    fn predictions_have_a_part_of_their_own() {
        assert_eq!(SearchBudget { steps: 16_000_008 }.for_predictions(), 2_000_001);
        let budget = Budget::new(SearchBudget { steps: 81 }).with_left_for_predictions(11);
        assert_eq!(budget.predict(|part| part.take(7)), Ok(()));
        assert_eq!((budget.left(), budget.left_for_predictions()), (81, 4));
        assert_eq!(budget.predict(|part| part.take(5)), Err(Spent::Steps(4)));
        assert_eq!(budget.predict(|part| part.take(1)), Err(Spent::Steps(0)));
        assert_eq!((budget.take(81), budget.spent()), (Ok(()), None));
        let resumed = Budget::resumed(SearchBudget { steps: 81 }, 3).with_left_for_predictions(2);
        assert_eq!((resumed.left(), resumed.left_for_predictions()), (3, 2));
        let is_late = || true;
        let late = Budget::default().until(&is_late);
        assert_eq!(late.predict(|_| Ok(())), Err(Spent::Time));
    }

    #[test]
    fn a_budget_that_is_resumed_still_names_what_was_allowed() {
        let budget = Budget::resumed(SearchBudget { steps: 100 }, 3);
        assert_eq!((budget.allowed(), budget.left()), (100, 3));
        assert_eq!(budget.take(4), Err(Spent::Steps(100)));
        assert_eq!(Budget::resumed(SearchBudget { steps: 5 }, 50).left(), 5);
        assert_eq!(Budget::resumed(SearchBudget { steps: 5 }, 0).check(), Err(Spent::Steps(5)));
    }
}
