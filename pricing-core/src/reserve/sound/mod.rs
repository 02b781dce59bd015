//! The sound scheduler: finds a placement that can really be made, whenever there is one.
//!
//! First the order in which the provider's daemon places is tried (`first_fit`), with every model of card that a unit
//! may have. When that fails, units that fit whatever the others do are set aside, and the rest is searched exactly
//! (`exact`). Nothing is narrowed on the way: a failed attempt leaves no trace in the request.

mod answer;
mod cards;
mod exact;
mod first_fit;
mod problem;
mod shortage;
mod sums;
mod survey;
#[cfg(test)]
mod tests;
mod usage;
mod vectors;

use super::{CommittedUnit, Reservation, ReserveError};
use crate::budget::Budget;
use crate::inventory::Cluster;

pub(super) use answer::{kinds_on, reservation};
use first_fit::Attempt;
pub(super) use problem::{Choice, Piece, Problem, Steps};
use survey::Alone;

/// The most replicas of a group that are searched for.
const MAX_REPLICAS: u64 = 1_000_000;
/// Dead ends after which the first attempt gives way to the exact search.
const DEAD_ENDS: usize = 32;

/// Finds a placement that can really be made.
///
/// # Errors
/// When there is none, or none was found within the budget.
pub fn reserve(units: &[CommittedUnit], cluster: &Cluster, budget: &Budget<'_>) -> Result<Reservation, ReserveError> {
    let mut steps = Steps::new(budget);
    let problem = Problem::new(units, cluster, &mut steps)?;
    let solution = solve(&problem, &mut steps)?;
    reservation(&problem, &solution, &mut steps)
}

/// Which choice each unit has, and where the replicas of each piece go: node and number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Solution {
    pub(super) chosen: Vec<usize>,
    pub(super) placed: Vec<Vec<(usize, u32)>>,
}

/// Places the pieces of a problem.
pub(super) fn solve(problem: &Problem<'_>, steps: &mut Steps<'_>) -> Result<Solution, ReserveError> {
    steps.take(problem.size())?;
    let all: Vec<Vec<usize>> = problem.choices.iter().map(|choices| (0..choices.len()).collect()).collect();
    let countable = problem.replicas() <= MAX_REPLICAS;
    let mut stuck = first_fit::DeadEnd::default();
    if countable {
        match first_fit::attempt(problem, &all, 1, steps)? {
            Attempt::Placed(solution) => return Ok(solution),
            Attempt::Stuck(at) => stuck = at,
        }
    }
    let alone = Alone::survey(problem, steps)?;
    if !countable {
        return Err(steps.exhausted());
    }
    if alone.viable.iter().any(|choices| choices.len() > 1) {
        match first_fit::attempt(problem, &alone.viable, DEAD_ENDS, steps)? {
            Attempt::Placed(solution) => return Ok(solution),
            Attempt::Stuck(at) => stuck = at,
        }
    }
    exact::search(problem, &alone, steps)?.ok_or_else(|| shortage::together(problem, stuck.unit, stuck.placed))
}
