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
use super::index::{ChoiceIndex, GroupIndex, UnitIndex};
use super::problem::{CandidateNode, Problem, Steps};
use super::sums::{NodesByDimension, Row, add_up};
use super::survey::UnitSurvey;
use super::vectors::Dimension;

/// The most dimensions, that is distinct kinds of replicas, that are searched exactly.
const MAX_DIMENSIONS: usize = 48;

/// The problem after kernelisation: the units that fit regardless of the others, each with a choice, and the rest.
struct Kernel {
    /// In the order in which they were set aside; each with its choice.
    easy: Vec<(UnitIndex, ChoiceIndex)>,
    hard: Vec<UnitIndex>,
}

impl Kernel {
    /// Sets units aside until no more can be. Each one lowers the number of replicas that are left to place, which can
    /// make another unit easy, so the scan starts over after each.
    fn new(problem: &Problem<'_>, survey: &UnitSurvey, steps: &mut Steps<'_>) -> Result<Self, ReserveError> {
        let mut kernel = Self { easy: Vec::new(), hard: problem.units.indices().collect() };
        let mut replicas = problem.replicas();
        loop {
            steps.take(kernel.hard.len())?;
            let Some((unit, choice)) = kernel.next_easy(problem, survey, replicas)? else { return Ok(kernel) };
            kernel.hard.retain(|hard| *hard != unit);
            kernel.easy.push((unit, choice));
            let count = problem.groups_of(unit).fold(0_u64, |sum, (_, group)| sum.saturating_add(group.count.into()));
            replicas = replicas.saturating_sub(count);
        }
    }

    /// The first hard unit that is easy with so many replicas left to place, and the choice with which it is.
    fn next_easy(
        &self,
        problem: &Problem<'_>,
        survey: &UnitSurvey,
        replicas: u64,
    ) -> Result<Option<(UnitIndex, ChoiceIndex)>, ReserveError> {
        for unit in &self.hard {
            for choice in survey.viable.get(*unit)? {
                if is_easy(problem, survey, *unit, *choice, replicas)? {
                    return Ok(Some((*unit, *choice)));
                }
            }
        }
        Ok(None)
    }
}

/// Whether each replica group of a unit has as many candidate nodes as there are replicas to place. The other replicas
/// then cannot occupy all of them, so each replica of the unit can have a node to itself.
fn is_easy(
    problem: &Problem<'_>,
    survey: &UnitSurvey,
    unit: UnitIndex,
    choice: ChoiceIndex,
    replicas: u64,
) -> Result<bool, ReserveError> {
    for (index, _) in problem.groups_of(unit).filter(|(_, group)| group.count > 0) {
        let candidates = survey.candidates(index, choice)?.len();
        if u64::try_from(candidates).unwrap_or(u64::MAX) < replicas {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Finds a placement, or proves that there is none.
///
/// Tries every combination of the hard units' viable choices, with an odometer: an index per unit, of which the first
/// turns fastest. With its choices made, a combination is decided exactly by [`assign`]. The easy units need only the
/// choice with which they were set aside.
pub(super) fn search(
    problem: &Problem<'_>,
    survey: &UnitSurvey,
    steps: &mut Steps<'_>,
) -> Result<Option<Solution>, ReserveError> {
    let kernel = Kernel::new(problem, survey, steps)?;
    // Each hard unit's viable choices, and the position of one of them. The first unit turns fastest, because it is
    // placed last.
    let mut odometer = Vec::with_capacity(kernel.hard.len());
    for unit in &kernel.hard {
        odometer.push((*unit, survey.viable.get(*unit)?.as_slice(), 0_usize));
    }
    loop {
        let choice = |(unit, viable, at): &(UnitIndex, &[ChoiceIndex], usize)| Some((*unit, *viable.get(*at)?));
        let assigned: Option<Vec<(UnitIndex, ChoiceIndex)>> = odometer.iter().map(choice).collect();
        debug_assert!(assigned.is_some(), "a unit without a viable choice has ended the search before");
        let assigned = assigned.ok_or(ReserveError::Internal)?;
        // Each assigned unit is looked up, compared and summed.
        steps.take(assigned.len().saturating_mul(16).saturating_add(1))?;
        if let Some(placed) = assign(problem, survey, &assigned, steps)? {
            return finish(problem, &kernel, &assigned, placed, steps);
        }
        let mut turned = false;
        for (_, viable, at) in &mut odometer {
            *at = at.saturating_add(1);
            if *at < viable.len() {
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

/// For each replica group, its nodes with the number of replicas there.
type PlacedGroups = Vec<(GroupIndex, Vec<(usize, u32)>)>;

/// Completes a placement of the hard units with the easy ones.
///
/// The easy units are placed in reverse: a unit that was set aside later had fewer competitors to reckon with, so it
/// has to be placed while only those are there.
fn finish(
    problem: &Problem<'_>,
    kernel: &Kernel,
    assigned: &[(UnitIndex, ChoiceIndex)],
    placed: PlacedGroups,
    steps: &mut Steps<'_>,
) -> Result<Option<Solution>, ReserveError> {
    let mut placing = PartialPlacement::new(problem);
    for (unit, choice) in assigned {
        *placing.solution.chosen.get_mut(*unit)? = Some(*choice);
    }
    for (group, nodes) in placed {
        let unit = problem.groups.get(group)?.unit;
        let choice = problem.choice(unit, chosen(assigned, unit)?)?;
        let demand = &problem.units.get(unit)?.demand;
        for (node, replicas) in &nodes {
            placing.overlay.add(*node, demand, choice, *replicas);
        }
        *placing.solution.placed.get_mut(group)? = nodes;
    }
    for (unit, choice) in kernel.easy.iter().rev() {
        if placing.place(*unit, *choice, steps)?.is_some() {
            // By the kernel's argument, each replica of such a unit finds a node of its own.
            debug_assert!(false, "an easy unit does not fit");
            return Err(ReserveError::Internal);
        }
    }
    Ok(Some(placing.solution))
}

/// The choice of a unit among the assigned ones, which are sorted by unit.
fn chosen(assigned: &[(UnitIndex, ChoiceIndex)], unit: UnitIndex) -> Result<ChoiceIndex, ReserveError> {
    let found = assigned.binary_search_by_key(&unit, |(unit, _)| *unit).ok();
    let found = found.and_then(|found| assigned.get(found));
    debug_assert!(found.is_some(), "{unit:?} is not among the units that the exact search places");
    found.map(|(_, choice)| *choice).ok_or(ReserveError::Internal)
}

/// Decides a combination of choices exactly.
///
/// The candidate nodes of all dimensions become rows. The cheap sum over the cluster is compared before the search,
/// since it rules out many combinations.
fn assign(
    problem: &Problem<'_>,
    survey: &UnitSurvey,
    assigned: &[(UnitIndex, ChoiceIndex)],
    steps: &mut Steps<'_>,
) -> Result<Option<PlacedGroups>, ReserveError> {
    // So many different services are beyond what is searched, which the error says.
    let Some(dimensions) = dimensions(problem, assigned)? else { return Err(steps.exhausted()) };
    let mut candidates: BTreeMap<usize, Vec<Option<(CandidateNode, u32)>>> = BTreeMap::new();
    for (column, dimension) in dimensions.iter().enumerate() {
        for group in &dimension.groups {
            let choice = chosen(assigned, problem.groups.get(*group)?.unit)?;
            for (candidate, fit) in survey.candidates(*group, choice)? {
                steps.take(1)?;
                let row = candidates.entry(candidate.node).or_insert_with(|| vec![None; dimensions.len()]);
                if let Some(slot) = row.get_mut(column) {
                    // Replica groups with equal demands are one dimension.
                    let fit_so_far = slot.map_or(0, |(_, fit)| fit);
                    *slot = Some((*candidate, fit_so_far.saturating_add(*fit)));
                }
            }
        }
    }
    if !enough_in_all(problem, &dimensions, candidates.keys().copied()) {
        return Ok(None);
    }
    let rows: Vec<Row> = candidates.into_iter().map(|(node, candidates)| Row { node, candidates }).collect();
    let placed = add_up(problem, &dimensions, &rows, steps)?;
    placed.map(|placed| split(problem, &dimensions, placed)).transpose()
}

/// The dimensions of the search: replica groups with equal demands, choices and allowed nodes are interchangeable and
/// become one. This is what keeps orders with many equal services small. None if there are more than
/// [`MAX_DIMENSIONS`].
fn dimensions<'p>(
    problem: &'p Problem<'p>,
    assigned: &[(UnitIndex, ChoiceIndex)],
) -> Result<Option<Vec<Dimension<'p>>>, ReserveError> {
    let mut dimensions: Vec<Dimension<'p>> = Vec::new();
    for (unit, choice) in assigned {
        let (choice, demand) = (problem.choice(*unit, *choice)?, &problem.units.get(*unit)?.demand);
        for (index, group) in problem.groups_of(*unit).filter(|(_, group)| group.count > 0) {
            let same = |known: &&mut Dimension<'p>| {
                known.demand == demand && known.choice == choice && known.nodes == &group.nodes
            };
            match dimensions.iter_mut().find(same) {
                Some(known) => {
                    known.count = known.count.saturating_add(group.count);
                    known.groups.push(index);
                }
                None => {
                    let (groups, nodes) = (vec![index], &group.nodes);
                    dimensions.push(Dimension { groups, unit: *unit, count: group.count, choice, demand, nodes });
                }
            }
        }
        if dimensions.len() > MAX_DIMENSIONS {
            return Ok(None);
        }
    }
    Ok(Some(dimensions))
}

/// Distributes the nodes of each dimension to its replica groups. The last replica group gets the earliest nodes, as
/// units are placed last to first.
fn split(
    problem: &Problem<'_>,
    dimensions: &[Dimension<'_>],
    placed: NodesByDimension,
) -> Result<PlacedGroups, ReserveError> {
    let mut groups = PlacedGroups::new();
    for (dimension, nodes) in dimensions.iter().zip(placed) {
        let mut nodes = nodes.into_iter();
        let mut open: Option<(usize, u32)> = None;
        for group in dimension.groups.iter().rev() {
            let mut unplaced = problem.groups.get(*group)?.count;
            let mut share = Vec::new();
            while unplaced > 0 {
                let Some((node, there)) = open.take().or_else(|| nodes.next()) else { break };
                let taken = there.min(unplaced);
                share.push((node, taken));
                unplaced = unplaced.saturating_sub(taken);
                open = Some((node, there.saturating_sub(taken))).filter(|(_, rest)| *rest > 0);
            }
            groups.push((*group, share));
        }
    }
    Ok(groups)
}

/// Whether the candidate nodes together have what the replica groups together take. This is a necessary condition only.
/// The sums are of 128 bits, because those of many nodes or replicas may not fit into 64.
fn enough_in_all(problem: &Problem<'_>, dimensions: &[Dimension<'_>], nodes: impl Iterator<Item = usize>) -> bool {
    let mut asked = [0_u128; 5];
    for dimension in dimensions {
        let demand = dimension.demand;
        let amounts = [demand.cpu.get(), demand.memory.get(), demand.ephemeral.get(), demand.gpus, demand.hcas];
        for (sum, amount) in asked.iter_mut().zip(amounts) {
            *sum = sum.saturating_add(u128::from(amount).saturating_mul(u128::from(dimension.count)));
        }
    }
    let mut free_in_all = [0_u128; 5];
    for node in nodes {
        let Some(free) = problem.cluster.index().free().get(node) else { continue };
        let amounts = [free.cpu.get(), free.memory.get(), free.ephemeral.get(), free.gpus, free.hcas];
        for (sum, amount) in free_in_all.iter_mut().zip(amounts) {
            *sum = sum.saturating_add(u128::from(amount));
        }
    }
    asked.iter().zip(&free_in_all).all(|(asked, free)| asked <= free)
}
