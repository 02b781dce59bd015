//! The sound scheduler: finds a placement that Kubernetes can make, whenever one exists.
//!
//! The problem is vector bin packing with a few extras: one card model per unit, distinct card variants, exclusive
//! labels. It is NP-hard in general, so the search runs in three stages, the cheap ones first:
//!
//! 1. `first_fit`: first fit in the order that the provider's daemon uses, with a bounded amount of backtracking over
//!    card models. Most orders end here, and they get the placement that the daemon would choose.
//! 2. `survey`: each unit by itself, as if the order had no others. A unit that does not fit alone ends the search with
//!    a useful message.
//! 3. `exact`: an exhaustive search over what is left after kernelisation. It either finds a placement or proves that
//!    there is none.
//!
//! Where a unit may get one of several card models and a preference is set, `preferred` then looks for a better placement
//! of the same order.
//!
//! No stage changes the request, so a failed attempt leaves no trace for the next one.

mod answer;
mod capacity;
mod cards;
mod exact;
mod first_fit;
mod index;
mod preferred;
mod problem;
mod shortage;
mod sums;
mod survey;
#[cfg(test)]
mod tests;
mod usage;
mod vectors;

use super::{CommittedUnit, Preference, Reservation, ReserveError};
use crate::budget::Budget;
use crate::inventory::Cluster;

pub(super) use answer::{kinds_on, reservation};
use first_fit::Attempt;
use index::{ChoiceIndex, GroupIndex};
pub(super) use index::{Index, List, UnitIndex};
pub(super) use problem::{Choice, Problem, ReplicaGroup, Steps, Unit};
use survey::UnitSurvey;

/// The most replicas of a group that are searched for. A larger group is still checked by `survey`.
const MAX_REPLICAS: u64 = 1_000_000;
/// How many dead ends the second first-fit attempt may hit before the exact search takes over.
const DEAD_ENDS: usize = 32;

/// Finds a placement that Kubernetes can make.
///
/// # Errors
/// When there is no placement, or none was found within the budget.
pub fn reserve(units: &[CommittedUnit], cluster: &Cluster, budget: &Budget<'_>) -> Result<Reservation, ReserveError> {
    reserve_by(units, cluster, Preference::Order, budget)
}

/// Finds a placement that Kubernetes can make. Where a unit may get one of several card models, a preference decides.
///
/// # Errors
/// The same as those of [`reserve`].
pub fn reserve_by(
    units: &[CommittedUnit],
    cluster: &Cluster,
    preference: Preference<'_>,
    budget: &Budget<'_>,
) -> Result<Reservation, ReserveError> {
    let mut steps = Steps::new(budget);
    let problem = Problem::new(units, cluster, &mut steps)?;
    place(&problem, preference, &mut steps)
}

/// The choice of each unit, and for each replica group the nodes of its replicas: node index and number of replicas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Solution {
    /// None for a unit that is not placed yet.
    chosen: List<UnitIndex, Option<ChoiceIndex>>,
    placed: List<GroupIndex, Vec<(usize, u32)>>,
}

impl Solution {
    /// A solution in which nothing is placed yet.
    fn empty(problem: &Problem<'_>) -> Self {
        Self { chosen: vec![None; problem.units.len()].into(), placed: vec![Vec::new(); problem.groups.len()].into() }
    }

    /// The choice of a unit. A finished solution has one for each.
    fn choice(&self, unit: UnitIndex) -> Result<ChoiceIndex, ReserveError> {
        let chosen = *self.chosen.get(unit)?;
        debug_assert!(chosen.is_some(), "{unit:?} has no choice in a finished solution");
        chosen.ok_or(ReserveError::Internal)
    }
}

/// Places an order, by a preference where a unit has several choices.
///
/// The placement without a preference is found first, and stands where the preferred one is too hard to find. So a
/// preference only decides among complete placements, and exactly the same orders are placed under each of them. The
/// second search may take half of the steps that are left; the rest is for pricing.
pub(super) fn place(
    problem: &Problem<'_>,
    preference: Preference<'_>,
    steps: &mut Steps<'_>,
) -> Result<Reservation, ReserveError> {
    let placed = reservation(problem, &solve(problem, steps)?, steps)?;
    let has_choice = problem.units.iter().any(|unit| unit.choices.len() > 1);
    if matches!(preference, Preference::Order) || !has_choice {
        return Ok(placed);
    }
    let mut part = steps.half();
    let found = preferred::search(problem, preference, &mut part);
    match found.and_then(|found| found.map(|found| reservation(problem, &found, &mut part)).transpose()) {
        Ok(preferred) => Ok(preferred.unwrap_or(placed)),
        Err(ReserveError::Internal) => Err(ReserveError::Internal),
        Err(_) => Ok(placed),
    }
}

/// Places all replica groups of a problem.
///
/// The first attempt stops at its first dead end, because most orders fit at once. The second one may backtrack, and
/// only runs where some unit has more than one viable choice: without a choice it would repeat the first. An error
/// names the dead end of the latest attempt, since the exact search only says that there is no placement.
pub(super) fn solve(problem: &Problem<'_>, steps: &mut Steps<'_>) -> Result<Solution, ReserveError> {
    steps.take(problem.size())?;
    let all: Vec<Vec<ChoiceIndex>> = problem.units.iter().map(|unit| unit.choices.indices().collect()).collect();
    let all: List<UnitIndex, _> = all.into();
    let countable = problem.replicas() <= MAX_REPLICAS;
    let mut stuck = None;
    if countable {
        match first_fit::attempt(problem, &all, Preference::Order, 1, steps)? {
            Attempt::Placed(solution) => return Ok(solution),
            Attempt::Stuck(at) => stuck = Some(at),
        }
    }
    let survey = UnitSurvey::survey(problem, steps)?;
    if !countable {
        return Err(steps.exhausted());
    }
    if survey.viable.iter().any(|choices| choices.len() > 1) {
        match first_fit::attempt(problem, &survey.viable, Preference::Order, DEAD_ENDS, steps)? {
            Attempt::Placed(solution) => return Ok(solution),
            Attempt::Stuck(at) => stuck = Some(at),
        }
    }
    match (exact::search(problem, &survey, steps)?, stuck) {
        (Some(solution), _) => Ok(solution),
        (None, Some(at)) => Err(shortage::together(problem, at.unit, at.placed)),
        // The first attempt has placed everything, or it has got stuck.
        (None, None) => {
            debug_assert!(false, "an order without a dead end has no placement");
            Err(ReserveError::Internal)
        }
    }
}
