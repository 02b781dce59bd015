//! The exact search.
//!
//! Once each unit has a card model, the nodes are independent of one another. Each node can take certain vectors of
//! replicas (one number per kind of replica), and the question is whether one vector per node adds up to the order. The
//! search is dynamic programming over the nodes, and keeps only the Pareto frontier of the partial sums: those that no
//! other sum dominates. Nemhauser and Ullmann's algorithm for the knapsack problem (1969) uses the same dominance
//! lists.
//!
//! Kernelisation keeps the search independent of the cluster's size. A unit that could be hosted by at least as many
//! nodes as the group has replicas always finds a node without any other replica of the group. Such a unit is set aside
//! and placed at the end. What is left has fewer candidate nodes than the group has replicas.

use std::collections::BTreeMap;

use crate::reserve::ReserveError;

use super::Solution;
use super::first_fit::PartialPlacement;
use super::problem::{CandidateNode, Problem, Steps};
use super::sums::{NodesByDimension, Row, add_up};
use super::survey::UnitSurvey;
use super::vectors::Dimension;

/// The most dimensions, that is distinct kinds of replicas, that are searched exactly.
const MAX_DIMENSIONS: usize = 48;

/// The problem after kernelisation: the units that fit regardless of the others, each with a choice, and the rest.
struct Kernel {
    /// In the order in which they were set aside; each with its choice.
    easy: Vec<(usize, usize)>,
    hard: Vec<usize>,
}

impl Kernel {
    /// Sets units aside until no more can be. Each one lowers the number of replicas that are left to place, which can
    /// make another unit easy, so the scan starts over after each.
    fn new(problem: &Problem<'_>, alone: &UnitSurvey, steps: &mut Steps<'_>) -> Result<Self, ReserveError> {
        let mut kernel = Self { easy: Vec::new(), hard: (0..problem.units.len()).collect() };
        let mut replicas = problem.replicas();
        loop {
            steps.take(kernel.hard.len())?;
            let easy = kernel.hard.iter().enumerate().find_map(|(place, unit)| {
                let mut choices = alone.viable.get(*unit)?.iter();
                choices.find(|choice| is_easy(problem, alone, *unit, **choice, replicas)).map(|c| (place, *unit, *c))
            });
            let Some((place, unit, choice)) = easy else { return Ok(kernel) };
            kernel.hard.remove(place);
            kernel.easy.push((unit, choice));
            let count = problem.pieces_of(unit).fold(0_u64, |sum, (_, piece)| sum.saturating_add(piece.count.into()));
            replicas = replicas.saturating_sub(count);
        }
    }
}

/// Whether each piece of a unit has as many candidate nodes as there are replicas to place. The other replicas then
/// cannot occupy all of them, so each replica of the unit can have a node to itself.
fn is_easy(problem: &Problem<'_>, alone: &UnitSurvey, unit: usize, choice: usize, replicas: u64) -> bool {
    problem.pieces_of(unit).all(|(place, piece)| {
        let candidates = alone.candidates(place, choice).len();
        piece.count == 0 || u64::try_from(candidates).unwrap_or(u64::MAX) >= replicas
    })
}

/// Finds a placement, or proves that there is none.
///
/// Tries every combination of the hard units' viable choices, with an odometer: an index per unit, of which the first
/// turns fastest. With its choices made, a combination is decided exactly by [`assign`]. The easy units need only the
/// choice with which they were set aside.
pub(super) fn search(
    problem: &Problem<'_>,
    alone: &UnitSurvey,
    steps: &mut Steps<'_>,
) -> Result<Option<Solution>, ReserveError> {
    let kernel = Kernel::new(problem, alone, steps)?;
    // The index of each hard unit's viable choice. The first unit turns fastest, because it is placed last.
    let mut odometer = vec![0_usize; kernel.hard.len()];
    loop {
        let assigned: Vec<(usize, usize)> = kernel
            .hard
            .iter()
            .zip(&odometer)
            .filter_map(|(unit, at)| Some((*unit, *alone.viable.get(*unit)?.get(*at)?)))
            .collect();
        // Each assigned unit is looked up, compared and summed.
        steps.take(assigned.len().saturating_mul(16).saturating_add(1))?;
        if let Some(placed) = assign(problem, alone, &assigned, steps)? {
            return finish(problem, &kernel, &assigned, placed, steps);
        }
        let mut turned = false;
        for (unit, at) in kernel.hard.iter().zip(&mut odometer) {
            *at = at.saturating_add(1);
            if *at < alone.viable.get(*unit).map_or(0, Vec::len) {
                turned = true;
                break;
            }
            *at = 0;
        }
        if !turned {
            return Ok(None);
        }
    }
}

/// For each piece, its nodes with the number of replicas there.
type PlacedPieces = Vec<(usize, Vec<(usize, u32)>)>;

/// Completes a placement of the hard units with the easy ones.
///
/// The easy units are placed in reverse: a unit that was set aside later had fewer competitors to reckon with, so it
/// has to be placed while only those are there.
fn finish(
    problem: &Problem<'_>,
    kernel: &Kernel,
    assigned: &[(usize, usize)],
    placed: PlacedPieces,
    steps: &mut Steps<'_>,
) -> Result<Option<Solution>, ReserveError> {
    let mut placing = PartialPlacement::new(problem);
    for (unit, choice) in assigned {
        if let Some(chosen) = placing.solution.chosen.get_mut(*unit) {
            *chosen = *choice;
        }
    }
    for (place, nodes) in placed {
        let unit = problem.pieces.get(place).map_or(usize::MAX, |piece| piece.unit);
        let choice = chosen(assigned, unit);
        let (Some(demand), Some(choice)) = (problem.demands.get(unit), problem.choice(unit, choice)) else { continue };
        for (node, replicas) in &nodes {
            placing.overlay.add(*node, demand, choice, *replicas);
        }
        if let Some(slot) = placing.solution.placed.get_mut(place) {
            *slot = nodes;
        }
    }
    for (unit, choice) in kernel.easy.iter().rev() {
        if placing.place(*unit, *choice, steps)?.is_some() {
            // Unreachable: by the kernel's argument, each replica of such a unit finds a node of its own.
            return Err(steps.exhausted());
        }
    }
    Ok(Some(placing.solution))
}

/// The choice of a unit among the assigned ones, which are sorted by unit.
fn chosen(assigned: &[(usize, usize)], unit: usize) -> usize {
    let place = assigned.binary_search_by_key(&unit, |(unit, _)| *unit).ok();
    place.and_then(|place| assigned.get(place)).map_or(0, |(_, choice)| *choice)
}

/// Decides a combination of choices exactly.
///
/// The candidate nodes of all dimensions become rows. The cheap sum over the cluster is compared before the search,
/// since it rules out many combinations.
fn assign(
    problem: &Problem<'_>,
    alone: &UnitSurvey,
    assigned: &[(usize, usize)],
    steps: &mut Steps<'_>,
) -> Result<Option<PlacedPieces>, ReserveError> {
    let Some(dimensions) = dimensions(problem, assigned) else { return Err(steps.exhausted()) };
    let mut candidates: BTreeMap<usize, Vec<Option<(CandidateNode, u32)>>> = BTreeMap::new();
    for (place, dimension) in dimensions.iter().enumerate() {
        let choice_of = |piece: usize| {
            let unit = problem.pieces.get(piece).map_or(usize::MAX, |piece| piece.unit);
            chosen(assigned, unit)
        };
        let found = dimension.pieces.iter().flat_map(|piece| alone.candidates(*piece, choice_of(*piece)));
        for (candidate, fit) in found {
            steps.take(1)?;
            let row = candidates.entry(candidate.node).or_insert_with(|| vec![None; dimensions.len()]);
            if let Some(slot) = row.get_mut(place) {
                let others = slot.map_or(0, |(_, fit)| fit);
                *slot = Some((*candidate, fit.saturating_add(others)));
            }
        }
    }
    if !enough_in_all(problem, &dimensions, candidates.keys().copied()) {
        return Ok(None);
    }
    let rows: Vec<Row> = candidates.into_iter().map(|(node, candidates)| Row { node, candidates }).collect();
    let placed = add_up(problem, &dimensions, &rows, steps)?;
    Ok(placed.map(|placed| split(problem, &dimensions, placed)))
}

/// The dimensions of the search: pieces with equal demands, choices and allowed nodes are interchangeable and become
/// one. This is what keeps orders with many equal services small. None if there are more than [`MAX_DIMENSIONS`].
fn dimensions<'p>(problem: &'p Problem<'p>, assigned: &[(usize, usize)]) -> Option<Vec<Dimension<'p>>> {
    let mut dimensions: Vec<Dimension<'p>> = Vec::new();
    for (unit, choice) in assigned {
        let (choice, demand) = (problem.choice(*unit, *choice)?, problem.demands.get(*unit)?);
        for (place, piece) in problem.pieces_of(*unit).filter(|(_, piece)| piece.count > 0) {
            let same = |known: &&mut Dimension<'p>| {
                let nodes = known.pieces.first().and_then(|first| problem.pieces.get(*first)).map(|first| &first.nodes);
                known.demand == demand && known.choice == choice && nodes == Some(&piece.nodes)
            };
            match dimensions.iter_mut().find(same) {
                Some(known) => {
                    known.count = known.count.saturating_add(piece.count);
                    known.pieces.push(place);
                }
                None => {
                    let pieces = vec![place];
                    dimensions.push(Dimension { pieces, unit: *unit, count: piece.count, choice, demand });
                }
            }
        }
        if dimensions.len() > MAX_DIMENSIONS {
            return None;
        }
    }
    Some(dimensions)
}

/// Distributes the nodes of each dimension to its pieces. The last piece gets the earliest nodes, as units are placed
/// last to first.
fn split(problem: &Problem<'_>, dimensions: &[Dimension<'_>], placed: NodesByDimension) -> PlacedPieces {
    let mut pieces = PlacedPieces::new();
    for (dimension, nodes) in dimensions.iter().zip(placed) {
        let mut nodes = nodes.into_iter();
        let mut open: Option<(usize, u32)> = None;
        for piece in dimension.pieces.iter().rev() {
            let mut left = problem.pieces.get(*piece).map_or(0, |piece| piece.count);
            let mut share = Vec::new();
            while left > 0 {
                let Some((node, there)) = open.take().or_else(|| nodes.next()) else { break };
                let taken = there.min(left);
                share.push((node, taken));
                left = left.saturating_sub(taken);
                open = Some((node, there.saturating_sub(taken))).filter(|(_, rest)| *rest > 0);
            }
            pieces.push((*piece, share));
        }
    }
    pieces
}

/// Whether the candidate nodes together have what the pieces together take. This is a necessary condition only.
fn enough_in_all(problem: &Problem<'_>, dimensions: &[Dimension<'_>], nodes: impl Iterator<Item = usize>) -> bool {
    let mut asked = [0_u128; 5];
    for dimension in dimensions {
        let demand = dimension.demand;
        let amounts = [demand.cpu, demand.memory, demand.ephemeral, demand.gpus, demand.hcas];
        for (sum, amount) in asked.iter_mut().zip(amounts) {
            *sum = sum.saturating_add(u128::from(amount).saturating_mul(u128::from(dimension.count)));
        }
    }
    let mut left = [0_u128; 5];
    for node in nodes {
        let Some(free) = problem.cluster.index().free().get(node) else { continue };
        for (sum, amount) in left.iter_mut().zip([free.cpu, free.memory, free.ephemeral, free.gpus, free.hcas]) {
            *sum = sum.saturating_add(u128::from(amount));
        }
    }
    asked.iter().zip(&left).all(|(asked, left)| asked <= left)
}
