//! The first attempt: units last to first, each unit's replicas on the earliest nodes, as many as fit on each.
//!
//! That is the order in which the provider's daemon takes them, so the answers are the same where the daemon is right.

use crate::reserve::ReserveError;

use super::Solution;
use super::problem::{Piece, Problem, Steps};
use super::survey::most_alone;
use super::usage::Overlay;

/// From how many replicas on it is first seen whether they could fit at all.
const MANY_REPLICAS: u32 = 16;

/// Where the attempt got stuck.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct DeadEnd {
    /// The unit that found no place.
    pub(super) unit: usize,
    /// How many of its replicas found one.
    pub(super) placed: u64,
}

/// What the attempt came to.
pub(super) enum Attempt {
    /// Everything has its place.
    Placed(Solution),
    /// Not everything has.
    Stuck(DeadEnd),
}

/// Units placed so far.
pub(super) struct Placing<'p> {
    problem: &'p Problem<'p>,
    pub(super) overlay: Overlay<'p>,
    pub(super) solution: Solution,
}

impl<'p> Placing<'p> {
    pub(super) fn new(problem: &'p Problem<'p>) -> Self {
        Self {
            problem,
            overlay: Overlay::new(problem.cluster.nodes().len()),
            solution: Solution { chosen: vec![0; problem.units.len()], placed: vec![Vec::new(); problem.pieces.len()] },
        }
    }

    /// Places a unit with a choice, on the earliest nodes. When not all of its replicas find a place, none is placed,
    /// and the answer is how many did.
    pub(super) fn place(
        &mut self,
        unit: usize,
        choice: usize,
        steps: &mut Steps<'_>,
    ) -> Result<Option<u64>, ReserveError> {
        let problem = self.problem;
        if let Some(chosen) = self.solution.chosen.get_mut(unit) {
            *chosen = choice;
        }
        if let Some(most) = self.too_many(unit, choice, steps)? {
            return Ok(Some(most));
        }
        let mut total: u64 = 0;
        for (place, piece) in problem.pieces_of(unit) {
            let left = self.place_piece(place, piece, choice, steps)?;
            total = total.saturating_add(u64::from(piece.count.saturating_sub(left)));
            if left > 0 {
                self.undo(unit);
                return Ok(Some(total));
            }
        }
        Ok(None)
    }

    /// How many replicas of a unit would fit on an empty cluster, when it is one of many and not all do: seeing that is
    /// quicker than placing them one by one.
    fn too_many(&self, unit: usize, choice: usize, steps: &mut Steps<'_>) -> Result<Option<u64>, ReserveError> {
        for (_, piece) in self.problem.pieces_of(unit).filter(|(_, piece)| piece.count > MANY_REPLICAS) {
            let most = most_alone(self.problem, piece, choice, steps)?;
            if most < piece.count {
                return Ok(Some(u64::from(most)));
            }
        }
        Ok(None)
    }

    fn place_piece(
        &mut self,
        place: usize,
        piece: &'p Piece,
        choice: usize,
        steps: &mut Steps<'_>,
    ) -> Result<u32, ReserveError> {
        let problem = self.problem;
        let mut left = piece.count;
        let demand = problem.demands.get(piece.unit);
        let choice = problem.choice(piece.unit, choice);
        let (Some(demand), Some(choice), Some(placed)) = (demand, choice, self.solution.placed.get_mut(place)) else {
            return Ok(left);
        };
        let mut hosts = problem.hosts(choice, piece);
        while left > 0 {
            let Some(host) = hosts.next() else { break };
            let fit = problem.fit(piece.unit, choice, host, self.overlay.usage(host.node), left, steps)?;
            if fit > 0 {
                self.overlay.add(host.node, demand, choice, fit);
                placed.push((host.node, fit));
                left = left.saturating_sub(fit);
            }
        }
        Ok(left)
    }

    /// Takes back a unit, which must be the one that was placed last.
    fn undo(&mut self, unit: usize) {
        let Some(demand) = self.problem.demands.get(unit) else { return };
        let pieces: Vec<usize> = self.problem.pieces_of(unit).map(|(place, _)| place).collect();
        for place in pieces.into_iter().rev() {
            let placed = self.solution.placed.get_mut(place).map(std::mem::take).unwrap_or_default();
            for (node, replicas) in placed.into_iter().rev() {
                self.overlay.take_back(node, demand, replicas);
            }
        }
    }

    /// A unit's viable choices in the order of the first node that can take a replica; those without one last.
    fn by_first_node(&self, unit: usize, viable: &[usize], steps: &mut Steps<'_>) -> Result<Vec<usize>, ReserveError> {
        let (Some((_, piece)), true) = (self.problem.pieces_of(unit).next(), viable.len() > 1) else {
            return Ok(viable.to_vec());
        };
        let mut ordered = Vec::with_capacity(viable.len());
        for choice in viable {
            let Some(detail) = self.problem.choice(unit, *choice) else { continue };
            let mut first = (usize::MAX, usize::MAX);
            for host in self.problem.hosts(detail, piece) {
                if self.problem.fit(unit, detail, host, self.overlay.usage(host.node), 1, steps)? > 0 {
                    let cards = self.problem.cluster.cards_to_give(host.node);
                    steps.take(cards.len())?;
                    let model = detail.model.and_then(|model| self.problem.cluster.index().models().get(model));
                    let ours =
                        |card: &_| model.is_some_and(|m| m.cards.binary_search(card).is_ok()) && detail.allows(*card);
                    first = (host.node, cards.iter().position(ours).unwrap_or(usize::MAX));
                    break;
                }
            }
            ordered.push((first, *choice));
        }
        ordered.sort();
        Ok(ordered.into_iter().map(|(_, choice)| choice).collect())
    }
}

/// Tries the choices of the units depth first, and gives up at the given number of dead ends.
pub(super) fn attempt(
    problem: &Problem<'_>,
    viable: &[Vec<usize>],
    dead_ends: usize,
    steps: &mut Steps<'_>,
) -> Result<Attempt, ReserveError> {
    let mut placing = Placing::new(problem);
    let mut stuck: Option<DeadEnd> = None;
    let mut found = 0_usize;
    // For each unit that is placed or being placed, its choices still to try, best last.
    let mut open: Vec<Vec<usize>> = Vec::with_capacity(problem.units.len());
    let mut best = 0;
    loop {
        let Some(unit) = problem.units.len().checked_sub(open.len().saturating_add(1)) else {
            return Ok(Attempt::Placed(placing.solution));
        };
        let options = viable.get(unit).map_or(&[] as &[usize], Vec::as_slice);
        let mut options = placing.by_first_node(unit, options, steps)?;
        options.reverse();
        open.push(options);
        // Places the newest unit, going back to earlier ones when it has no choice left.
        loop {
            let unit = problem.units.len().saturating_sub(open.len());
            let Some(choice) = open.last_mut().and_then(Vec::pop) else {
                found = found.saturating_add(1);
                stuck.get_or_insert(DeadEnd { unit, placed: best });
                best = 0;
                open.pop();
                if found >= dead_ends || open.is_empty() {
                    return Ok(Attempt::Stuck(stuck.unwrap_or_default()));
                }
                placing.undo(unit.saturating_add(1));
                continue;
            };
            match placing.place(unit, choice, steps)? {
                None => break,
                Some(placed) => best = best.max(placed),
            }
        }
    }
}
