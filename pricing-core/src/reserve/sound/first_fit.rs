//! First fit: units last to first, each unit's replicas on the earliest nodes, as many as fit on each.
//!
//! This is the order in which the provider's daemon places units, so the answers agree wherever the daemon is right. A
//! unit may have a choice of card models, so it becomes a depth-first search over the choices with backtracking.

use crate::reserve::{Preference, ReserveError};

use super::Solution;
use super::index::{ChoiceIndex, GroupIndex, List, UnitIndex};
use super::problem::{Problem, ReplicaGroup, Steps};
use super::survey::most_alone;
use super::usage::Overlay;

/// Replica groups with more replicas than this are counted on the empty cluster before they are placed.
const MANY_REPLICAS: u32 = 16;

/// The point at which an attempt got stuck.
#[derive(Clone, Copy, Debug)]
pub(super) struct DeadEnd {
    /// The unit that did not fit.
    pub(super) unit: UnitIndex,
    /// How many of its replicas could be placed.
    pub(super) placed: u64,
}

/// The outcome of an attempt.
pub(super) enum Attempt {
    /// All replicas are placed.
    Placed(Solution),
    /// Some unit could not be placed.
    Stuck(DeadEnd),
}

/// A partial placement: the units placed so far, and what they use.
pub(super) struct PartialPlacement<'p> {
    pub(super) problem: &'p Problem<'p>,
    pub(super) overlay: Overlay<'p>,
    pub(super) solution: Solution,
}

impl<'p> PartialPlacement<'p> {
    pub(super) fn new(problem: &'p Problem<'p>) -> Self {
        Self { problem, overlay: Overlay::new(problem.cluster.nodes().len()), solution: Solution::empty(problem) }
    }

    /// Places a unit with a choice on the earliest nodes. If not all of its replicas fit, none of them is placed, and
    /// the answer is how many would have fitted.
    pub(super) fn place(
        &mut self,
        unit: UnitIndex,
        choice: ChoiceIndex,
        steps: &mut Steps<'_>,
    ) -> Result<Option<u64>, ReserveError> {
        let problem = self.problem;
        *self.solution.chosen.get_mut(unit)? = Some(choice);
        if let Some(most) = self.too_many(unit, choice, steps)? {
            return Ok(Some(most));
        }
        let mut total: u64 = 0;
        for (index, group) in problem.groups_of(unit) {
            let left = self.place_group(index, group, choice, steps)?;
            total = total.saturating_add(u64::from(group.count.saturating_sub(left)));
            if left > 0 {
                self.undo(unit)?;
                return Ok(Some(total));
            }
        }
        Ok(None)
    }

    /// How many replicas of a large unit fit on the empty cluster, if not all of them do. Counting is cheaper than
    /// placing them only to take them back.
    fn too_many(
        &self,
        unit: UnitIndex,
        choice: ChoiceIndex,
        steps: &mut Steps<'_>,
    ) -> Result<Option<u64>, ReserveError> {
        for (_, group) in self.problem.groups_of(unit).filter(|(_, group)| group.count > MANY_REPLICAS) {
            let most = most_alone(self.problem, group, choice, steps)?;
            if most < group.count {
                return Ok(Some(u64::from(most)));
            }
        }
        Ok(None)
    }

    /// Places as many replicas of a replica group as fit, node by node, and returns how many are left.
    fn place_group(
        &mut self,
        index: GroupIndex,
        group: &'p ReplicaGroup,
        choice: ChoiceIndex,
        steps: &mut Steps<'_>,
    ) -> Result<u32, ReserveError> {
        let problem = self.problem;
        let mut left = group.count;
        let unit = problem.units.get(group.unit)?;
        let (demand, choice) = (&unit.demand, unit.choices.get(choice)?);
        let placed = self.solution.placed.get_mut(index)?;
        let mut candidates = problem.candidates(choice, group);
        while left > 0 {
            let Some(candidate) = candidates.next() else { break };
            let fit = problem.fit(group.unit, choice, candidate, self.overlay.usage(candidate.node), left, steps)?;
            if fit > 0 {
                self.overlay.add(candidate.node, demand, choice, fit);
                placed.push((candidate.node, fit));
                left = left.saturating_sub(fit);
            }
        }
        Ok(left)
    }

    /// Takes back a unit, which must be the last one that was placed. The overlay is a stack per node, so the replicas
    /// are removed in the reverse of the order in which they were added.
    pub(super) fn undo(&mut self, unit: UnitIndex) -> Result<(), ReserveError> {
        let demand = &self.problem.units.get(unit)?.demand;
        let groups: Vec<GroupIndex> = self.problem.groups_of(unit).map(|(group, _)| group).collect();
        for group in groups.into_iter().rev() {
            let placed = std::mem::take(self.solution.placed.get_mut(group)?);
            for (node, replicas) in placed.into_iter().rev() {
                self.overlay.take_back(node, demand, replicas);
            }
        }
        Ok(())
    }

    /// A unit's viable choices in the order in which the daemon would find them: by the first node that can take a
    /// replica, then by the position of the card on that node. Choices without a node come last.
    pub(super) fn by_first_node(
        &self,
        unit: UnitIndex,
        viable: &[ChoiceIndex],
        steps: &mut Steps<'_>,
    ) -> Result<Vec<ChoiceIndex>, ReserveError> {
        let (Some((_, group)), true) = (self.problem.groups_of(unit).next(), viable.len() > 1) else {
            return Ok(viable.to_vec());
        };
        let mut ordered = Vec::with_capacity(viable.len());
        for choice in viable {
            let detail = self.problem.choice(unit, *choice)?;
            let mut first = (usize::MAX, usize::MAX);
            for candidate in self.problem.candidates(detail, group) {
                if self.problem.fit(unit, detail, candidate, self.overlay.usage(candidate.node), 1, steps)? > 0 {
                    let cards = self.problem.cluster.cards_to_give(candidate.node);
                    steps.take(cards.len())?;
                    let model = detail.model.and_then(|model| self.problem.cluster.index().models().get(model));
                    let ours =
                        |card: &_| model.is_some_and(|m| m.cards.binary_search(card).is_ok()) && detail.allows(*card);
                    first = (candidate.node, cards.iter().position(ours).unwrap_or(usize::MAX));
                    break;
                }
            }
            ordered.push((first, *choice));
        }
        ordered.sort();
        Ok(ordered.into_iter().map(|(_, choice)| choice).collect())
    }
}

/// Searches the choices of the units depth first, with chronological backtracking, and gives up after `dead_ends` dead
/// ends.
///
/// The limit matters because backtracking is exponential in the number of units and often repeats the same conflict;
/// the exact search does not. The reported dead end is the first one.
pub(super) fn attempt(
    problem: &Problem<'_>,
    viable: &List<UnitIndex, Vec<ChoiceIndex>>,
    preference: Preference<'_>,
    dead_ends: usize,
    steps: &mut Steps<'_>,
) -> Result<Attempt, ReserveError> {
    let mut placing = PartialPlacement::new(problem);
    let mut stuck: Option<DeadEnd> = None;
    let mut found = 0_usize;
    let units: Vec<UnitIndex> = problem.units.indices().rev().collect();
    // The units that are placed or being placed, each with the choices that are still to be tried, the best one last.
    let mut open: Vec<(UnitIndex, Vec<ChoiceIndex>)> = Vec::with_capacity(units.len());
    let mut best = 0;
    loop {
        let Some(unit) = units.get(open.len()).copied() else {
            return Ok(Attempt::Placed(placing.solution));
        };
        let mut options = placing.by_preference(unit, viable.get(unit)?, preference, steps)?;
        options.reverse();
        open.push((unit, options));
        // Places the newest unit, and backtracks to earlier units while it has no choice left.
        while let Some((unit, options)) = open.last_mut() {
            let unit = *unit;
            let Some(choice) = options.pop() else {
                found = found.saturating_add(1);
                let first = *stuck.get_or_insert(DeadEnd { unit, placed: best });
                best = 0;
                open.pop();
                match open.last() {
                    Some((before, _)) if found < dead_ends => placing.undo(*before)?,
                    _ => return Ok(Attempt::Stuck(first)),
                }
                continue;
            };
            match placing.place(unit, choice, steps)? {
                None => break,
                Some(placed) => best = best.max(placed),
            }
        }
    }
}
