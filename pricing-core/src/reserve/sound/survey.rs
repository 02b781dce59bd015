//! What each unit could have if the order had no other units. What is already running on the cluster stays: "empty" in
//! this module means without the order's other units.
//!
//! This serves three purposes. A unit that does not fit alone does not fit at all, which ends the search. A choice with
//! which a unit does not fit alone never has to be tried. And the list of possible nodes is what the exact search
//! enumerates.

use crate::reserve::ReserveError;

use super::index::{ChoiceIndex, GroupIndex, List, UnitIndex};
use super::problem::{CandidateNode, Problem, ReplicaGroup, Steps};
use super::shortage;

/// The nodes that could host a replica group with a choice, ascending, and how many replicas each of them could take.
/// The list stops at as many nodes as the group has replicas, see [`UnitSurvey::survey`].
type Candidates = Vec<(CandidateNode, u32)>;

/// What each unit could have if the cluster were empty.
#[derive(Debug)]
pub(super) struct UnitSurvey {
    /// By replica group and choice. Empty for a choice with which the unit does not fit.
    candidates: List<GroupIndex, List<ChoiceIndex, Candidates>>,
    /// The choices with which a unit fits alone, by unit. The choice that fits on the earliest node comes first.
    pub(super) viable: List<UnitIndex, Vec<ChoiceIndex>>,
}

impl UnitSurvey {
    /// Looks at each unit by itself.
    ///
    /// The host lists are cut off at the number of replicas in the group. The others of a group can occupy fewer nodes
    /// than that, so a replica group with a full list always finds a node that nothing else is on. The exact search
    /// relies on it.
    ///
    /// # Errors
    /// When a unit does not fit even on an empty cluster.
    pub(super) fn survey(problem: &Problem<'_>, steps: &mut Steps<'_>) -> Result<Self, ReserveError> {
        // Counting comes first, because it is cheaper than listing the nodes and often ends the search.
        let mut viable = Vec::with_capacity(problem.units.len());
        for unit in problem.units.indices() {
            viable.push(viable_choices(problem, unit, steps)?);
        }
        let none = || -> List<ChoiceIndex, Candidates> { Vec::new().into() };
        let candidates = problem.groups.iter().map(|_| none()).collect::<Vec<_>>().into();
        let mut survey = Self { candidates, viable: viable.into() };
        let replicas = usize::try_from(problem.replicas()).unwrap_or(usize::MAX);
        for unit in problem.units.indices() {
            survey.list_candidates(problem, unit, replicas, steps)?;
        }
        Ok(survey)
    }

    /// Lists the nodes of each viable choice of a unit, and sorts the choices by their earliest node. That is the order
    /// in which the daemon, which walks the nodes, would come across them.
    fn list_candidates(
        &mut self,
        problem: &Problem<'_>,
        unit: UnitIndex,
        replicas: usize,
        steps: &mut Steps<'_>,
    ) -> Result<(), ReserveError> {
        let choices = problem.units.get(unit)?.choices.len();
        let viable = self.viable.get_mut(unit)?;
        let mut first: List<ChoiceIndex, usize> = vec![usize::MAX; choices].into();
        for (index, group) in problem.groups_of(unit) {
            let mut of_group: List<ChoiceIndex, Candidates> = vec![Candidates::new(); choices].into();
            for choice in viable.iter() {
                let found = candidates_of(problem, group, *choice, replicas, steps)?;
                if let Some((candidate, _)) = found.first() {
                    let first = first.get_mut(*choice)?;
                    *first = candidate.node.min(*first);
                }
                *of_group.get_mut(*choice)? = found;
            }
            *self.candidates.get_mut(index)? = of_group;
        }
        let mut sorted = Vec::with_capacity(viable.len());
        for choice in viable.drain(..) {
            sorted.push((*first.get(choice)?, choice));
        }
        sorted.sort_unstable();
        viable.extend(sorted.into_iter().map(|(_, choice)| choice));
        Ok(())
    }

    /// The nodes that could host a replica group with a choice.
    ///
    /// # Errors
    /// As [`List::get`] has them.
    pub(super) fn candidates(
        &self,
        group: GroupIndex,
        choice: ChoiceIndex,
    ) -> Result<&[(CandidateNode, u32)], ReserveError> {
        Ok(self.candidates.get(group)?.get(choice)?)
    }
}

/// The choices with which each replica group of a unit fits alone. If there are none, the error says how many replicas
/// fit at best.
fn viable_choices(
    problem: &Problem<'_>,
    unit: UnitIndex,
    steps: &mut Steps<'_>,
) -> Result<Vec<ChoiceIndex>, ReserveError> {
    let mut viable = Vec::new();
    let mut best = 0;
    for choice in problem.units.get(unit)?.choices.indices() {
        let mut fits = true;
        for (_, group) in problem.groups_of(unit) {
            let most = most_alone(problem, group, choice, steps)?;
            fits &= most >= group.count;
            best = best.max(most);
        }
        if fits {
            viable.push(choice);
        }
    }
    if viable.is_empty() { Err(shortage::alone(problem, unit, u64::from(best))) } else { Ok(viable) }
}

/// How many replicas of a replica group fit on an empty cluster. Counting stops once all of them do.
pub(super) fn most_alone(
    problem: &Problem<'_>,
    group: &ReplicaGroup,
    choice: ChoiceIndex,
    steps: &mut Steps<'_>,
) -> Result<u32, ReserveError> {
    let mut left = group.count;
    let choice = problem.choice(group.unit, choice)?;
    let mut candidates = problem.candidates(choice, group);
    while left > 0 {
        let Some(candidate) = candidates.next() else { break };
        left = left.saturating_sub(problem.fit(group.unit, choice, candidate, None, left, steps)?);
    }
    Ok(group.count.saturating_sub(left))
}

/// The nodes that could host a replica group with a choice, at most `most`, and how many of its replicas each could
/// take.
fn candidates_of(
    problem: &Problem<'_>,
    group: &ReplicaGroup,
    choice: ChoiceIndex,
    most: usize,
    steps: &mut Steps<'_>,
) -> Result<Candidates, ReserveError> {
    let mut found = Candidates::new();
    let choice = problem.choice(group.unit, choice)?;
    for candidate in problem.candidates(choice, group) {
        if found.len() >= most {
            break;
        }
        let fit = problem.fit(group.unit, choice, candidate, None, group.count, steps)?;
        if fit > 0 {
            found.push((candidate, fit));
        }
    }
    Ok(found)
}
