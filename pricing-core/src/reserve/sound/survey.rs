//! What each unit could have if the order had no other units. What is already running on the cluster stays: "empty" in
//! this module means without the order's other units.
//!
//! This serves three purposes. A unit that does not fit alone does not fit at all, which ends the search. A choice with
//! which a unit does not fit alone never has to be tried. And the list of possible nodes is what the exact search
//! enumerates.

use crate::reserve::ReserveError;

use super::problem::{CandidateNode, Problem, ReplicaGroup, Steps};
use super::shortage;

/// The nodes that could host a piece with a choice, ascending, and how many replicas each of them could take. The list
/// stops at as many nodes as the group has replicas, see [`UnitSurvey::survey`].
type Hosts = Vec<(CandidateNode, u32)>;

/// What each unit could have if the cluster were empty.
#[derive(Debug)]
pub(super) struct UnitSurvey {
    /// By piece and choice. Empty for a choice with which the unit does not fit.
    candidates: Vec<Vec<Hosts>>,
    /// The choices with which a unit fits alone, by unit. The choice that fits on the earliest node comes first.
    pub(super) viable: Vec<Vec<usize>>,
}

impl UnitSurvey {
    /// Looks at each unit by itself.
    ///
    /// The host lists are cut off at the number of replicas in the group. The others of a group can occupy fewer nodes
    /// than that, so a piece with a full list always finds a node that nothing else is on. The exact search relies on
    /// it.
    ///
    /// # Errors
    /// When a unit does not fit even on an empty cluster.
    pub(super) fn survey(problem: &Problem<'_>, steps: &mut Steps<'_>) -> Result<Self, ReserveError> {
        // Counting comes first, because it is cheaper than listing the nodes and often ends the search.
        let mut viable = Vec::with_capacity(problem.units.len());
        for unit in 0..problem.units.len() {
            viable.push(viable_choices(problem, unit, steps)?);
        }
        let mut alone = Self { candidates: vec![Vec::new(); problem.pieces.len()], viable };
        let replicas = usize::try_from(problem.replicas()).unwrap_or(usize::MAX);
        for unit in 0..problem.units.len() {
            alone.remember_hosts(problem, unit, replicas, steps)?;
        }
        Ok(alone)
    }

    /// Lists the nodes of each viable choice of a unit, and sorts the choices by their earliest node. That is the order
    /// in which the daemon, which walks the nodes, would come across them.
    fn remember_hosts(
        &mut self,
        problem: &Problem<'_>,
        unit: usize,
        replicas: usize,
        steps: &mut Steps<'_>,
    ) -> Result<(), ReserveError> {
        let choices = problem.choices.get(unit).map_or(0, Vec::len);
        let Some(viable) = self.viable.get_mut(unit) else { return Ok(()) };
        let mut first = vec![usize::MAX; choices];
        for (place, piece) in problem.pieces_of(unit) {
            let Some(slots) = self.candidates.get_mut(place) else { continue };
            slots.resize_with(choices, Vec::new);
            for choice in viable.iter() {
                let found = hosts_of(problem, piece, *choice, replicas, steps)?;
                if let (Some(first), Some((candidate, _))) = (first.get_mut(*choice), found.first()) {
                    *first = candidate.node.min(*first);
                }
                if let Some(slot) = slots.get_mut(*choice) {
                    *slot = found;
                }
            }
        }
        viable.sort_by_key(|choice| (first.get(*choice).copied(), *choice));
        Ok(())
    }

    /// The nodes that could host a piece with a choice.
    pub(super) fn candidates(&self, piece: usize, choice: usize) -> &[(CandidateNode, u32)] {
        self.candidates.get(piece).and_then(|choices| choices.get(choice)).map_or(&[], Vec::as_slice)
    }
}

/// The choices with which each piece of a unit fits alone. If there are none, the error says how many replicas fit at
/// best.
fn viable_choices(problem: &Problem<'_>, unit: usize, steps: &mut Steps<'_>) -> Result<Vec<usize>, ReserveError> {
    let mut viable = Vec::new();
    let mut best = 0;
    for choice in 0..problem.choices.get(unit).map_or(0, Vec::len) {
        let mut fits = true;
        for (_, piece) in problem.pieces_of(unit) {
            let most = most_alone(problem, piece, choice, steps)?;
            fits &= most >= piece.count;
            best = best.max(most);
        }
        if fits {
            viable.push(choice);
        }
    }
    if viable.is_empty() { Err(shortage::alone(problem, unit, u64::from(best))) } else { Ok(viable) }
}

/// How many replicas of a piece fit on an empty cluster. Counting stops once all of them do.
pub(super) fn most_alone(
    problem: &Problem<'_>,
    piece: &ReplicaGroup,
    choice: usize,
    steps: &mut Steps<'_>,
) -> Result<u32, ReserveError> {
    let mut left = piece.count;
    let Some(choice) = problem.choice(piece.unit, choice) else { return Ok(0) };
    let mut candidates = problem.candidates(choice, piece);
    while left > 0 {
        let Some(candidate) = candidates.next() else { break };
        left = left.saturating_sub(problem.fit(piece.unit, choice, candidate, None, left, steps)?);
    }
    Ok(piece.count.saturating_sub(left))
}

/// The nodes that could host a piece with a choice, at most `most`, and how many of its replicas each could take.
fn hosts_of(
    problem: &Problem<'_>,
    piece: &ReplicaGroup,
    choice: usize,
    most: usize,
    steps: &mut Steps<'_>,
) -> Result<Hosts, ReserveError> {
    let mut found = Hosts::new();
    let Some(choice) = problem.choice(piece.unit, choice) else { return Ok(found) };
    for candidate in problem.candidates(choice, piece) {
        if found.len() >= most {
            break;
        }
        let fit = problem.fit(piece.unit, choice, candidate, None, piece.count, steps)?;
        if fit > 0 {
            found.push((candidate, fit));
        }
    }
    Ok(found)
}
