//! The maximal vectors of a node: how many replicas of each dimension it can take at once, such that no more can be
//! added.

use crate::reserve::ReserveError;

use super::index::{GroupIndex, UnitIndex};
use super::problem::{CandidateNode, Choice, Demand, Problem, Steps};
use super::usage::Usage;

/// Replica groups that are interchangeable to the exact search: equal demands, choices and allowed nodes.
#[derive(Clone, Debug)]
pub(super) struct Dimension<'p> {
    /// The replica groups, sorted by unit.
    pub(super) groups: Vec<GroupIndex>,
    /// The unit of the first replica group.
    pub(super) unit: UnitIndex,
    pub(super) count: u32,
    pub(super) choice: &'p Choice,
    pub(super) demand: &'p Demand,
    /// The nodes that the replica groups are allowed on, as [`super::problem::ReplicaGroup`] has them.
    pub(super) nodes: &'p Option<Vec<bool>>,
}

/// Whether `a` dominates `b`: each number of `a` is at least that of `b`. Equal vectors dominate each other.
pub(super) fn dominates(a: &[u32], b: &[u32]) -> bool {
    a.iter().zip(b).all(|(a, b)| a >= b)
}

/// The state of the enumeration for one node.
struct Filling<'p, 's> {
    problem: &'p Problem<'p>,
    dimensions: &'s [Dimension<'p>],
    /// For each dimension the node, if it can host any of its replicas.
    candidates: &'s [Option<CandidateNode>],
    usage: Usage<'p>,
    current: Vec<u32>,
    found: Vec<Vec<u32>>,
}

/// The vectors that a node can take and that no other such vector dominates (the Pareto frontier).
///
/// They are enumerated by backtracking, and then filtered pairwise. The vector that first fit would have chosen comes
/// first: as many replicas as fit of the last dimension, then of the one before it. So the search tends to agree with
/// the daemon.
pub(super) fn maximal<'p>(
    problem: &'p Problem<'p>,
    dimensions: &[Dimension<'p>],
    candidates: &[Option<CandidateNode>],
    steps: &mut Steps<'_>,
) -> Result<Vec<Vec<u32>>, ReserveError> {
    let mut filling = Filling {
        problem,
        dimensions,
        candidates,
        usage: Usage::default(),
        current: vec![0; dimensions.len()],
        found: Vec::new(),
    };
    filling.fill(dimensions.len(), steps)?;
    let mut kept: Vec<Vec<u32>> = Vec::new();
    for (place, vector) in filling.found.iter().enumerate() {
        steps.take(filling.found.len())?;
        let better = |(other, known): (usize, &Vec<u32>)| {
            other != place && dominates(known, vector) && (known != vector || other < place)
        };
        if !filling.found.iter().enumerate().any(better) {
            kept.push(vector.clone());
        }
    }
    Ok(kept)
}

impl<'p> Filling<'p, '_> {
    /// Tries every number of replicas of the dimensions before `end`, the last of them first and the largest number
    /// first.
    fn fill(&mut self, end: usize, steps: &mut Steps<'_>) -> Result<(), ReserveError> {
        steps.take(1)?;
        let Some(place) = end.checked_sub(1) else {
            steps.take(self.current.len().saturating_add(8))?;
            self.found.push(self.current.clone());
            return Ok(());
        };
        let (Some(dimension), Some(candidate)) = (self.dimensions.get(place), self.candidates.get(place)) else {
            debug_assert!(false, "there are fewer dimensions or candidates than vectors have numbers");
            return Err(ReserveError::Internal);
        };
        let most = match candidate {
            Some(candidate) => {
                let (unit, choice) = (dimension.unit, dimension.choice);
                self.problem.fit(unit, choice, *candidate, Some(&self.usage), dimension.count, steps)?
            }
            None => 0,
        };
        // The last dimension to be filled competes with none after it, and a free demand takes nothing away from
        // others: only the largest number can be maximal.
        let least = if place == 0 || dimension.demand.is_free() { most } else { 0 };
        for replicas in (least..=most).rev() {
            if replicas > 0 {
                self.usage.add(dimension.demand, dimension.choice, replicas);
            }
            self.set(place, replicas);
            let deeper = self.fill(place, steps);
            if replicas > 0 {
                self.usage.take_back(dimension.demand, replicas);
            }
            deeper?;
        }
        self.set(place, 0);
        Ok(())
    }

    fn set(&mut self, place: usize, replicas: u32) {
        if let Some(slot) = self.current.get_mut(place) {
            *slot = replicas;
        }
    }
}
