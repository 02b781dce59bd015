//! The exact search.
//!
//! Once each unit's model of card is chosen, nodes do not depend on one another: a node can take certain vectors of
//! replicas, and the question is whether one vector a node adds up to the order. The search goes node by node and keeps
//! the sums that no other sum is at least as good as.
//!
//! The size of that search does not grow with the cluster. A unit that could be hosted by at least as many nodes as the
//! group has replicas always finds a node that no other replica is on: it is set aside and placed at the end. What is
//! left has fewer hosts than the group has replicas.

use std::collections::BTreeMap;

use crate::reserve::ReserveError;

use super::first_fit::Placing;
use super::problem::{Host, Problem, Steps};
use super::vectors::{Dimension, dominates, maximal};
use super::{Solution, shortage};

/// The most pieces that are searched exactly.
const MAX_DIMENSIONS: usize = 48;

/// What a piece could have with a choice if the cluster were its own.
#[derive(Debug, Default)]
struct Capacity {
    /// Replicas; counting stops at what is asked for.
    replicas: u64,
    /// The nodes, ascending, and how many replicas each can take; at most as many as the group has replicas.
    hosts: Vec<(Host, u32)>,
}

/// What each unit could have if the cluster were its own.
#[derive(Debug)]
pub(super) struct Alone {
    /// By piece and choice.
    capacity: Vec<Vec<Capacity>>,
    /// The choices with which a unit fits alone, by unit; the one that fits on the earliest node first.
    pub(super) viable: Vec<Vec<usize>>,
}

impl Alone {
    /// Looks at each unit by itself.
    ///
    /// # Errors
    /// When a unit does not even fit alone.
    pub(super) fn survey(problem: &Problem<'_>, steps: &mut Steps) -> Result<Self, ReserveError> {
        let replicas = problem.replicas();
        let mut capacity: Vec<Vec<Capacity>> = Vec::with_capacity(problem.pieces.len());
        let mut viable: Vec<Vec<usize>> = Vec::with_capacity(problem.units.len());
        for (unit, choices) in problem.choices.iter().enumerate() {
            let mut fits: Vec<(usize, usize)> = Vec::new();
            let mut best = 0;
            let pieces: Vec<usize> = problem.pieces_of(unit).map(|(place, _)| place).collect();
            capacity.resize_with(problem.pieces.len(), Vec::new);
            for choice in 0..choices.len() {
                let mut enough = true;
                let mut first = usize::MAX;
                for piece in &pieces {
                    let found = Capacity::of(problem, *piece, choice, replicas, steps)?;
                    let count = problem.pieces.get(*piece).map_or(0, |piece| u64::from(piece.count));
                    best = best.max(found.replicas);
                    enough &= found.replicas >= count;
                    first = first.min(found.hosts.first().map_or(usize::MAX, |(host, _)| host.node));
                    if let Some(list) = capacity.get_mut(*piece) {
                        list.push(found);
                    }
                }
                if enough {
                    fits.push((first, choice));
                }
            }
            if fits.is_empty() {
                return Err(shortage::alone(problem, unit, best));
            }
            fits.sort_unstable();
            viable.push(fits.into_iter().map(|(_, choice)| choice).collect());
        }
        Ok(Self { capacity, viable })
    }

    fn capacity(&self, piece: usize, choice: usize) -> Option<&Capacity> {
        self.capacity.get(piece)?.get(choice)
    }
}

impl Capacity {
    fn of(
        problem: &Problem<'_>,
        piece: usize,
        choice: usize,
        replicas: u64,
        steps: &mut Steps,
    ) -> Result<Self, ReserveError> {
        let mut found = Self::default();
        let Some(piece) = problem.pieces.get(piece) else { return Ok(found) };
        let Some(choice) = problem.choice(piece.unit, choice) else { return Ok(found) };
        for host in problem.hosts(choice, piece) {
            if u64::try_from(found.hosts.len()).unwrap_or(u64::MAX) >= replicas {
                break;
            }
            steps.take(1)?;
            let fit = problem.fit(piece.unit, choice, host, None, piece.count);
            if fit > 0 {
                found.replicas = found.replicas.saturating_add(u64::from(fit));
                found.hosts.push((host, fit));
            }
        }
        Ok(found)
    }
}

/// Units that fit whatever the others do, with a choice each, and the rest.
struct Kernel {
    /// In the order in which they were set aside.
    easy: Vec<(usize, usize)>,
    hard: Vec<usize>,
}

impl Kernel {
    fn new(problem: &Problem<'_>, alone: &Alone) -> Self {
        let mut kernel = Self { easy: Vec::new(), hard: (0..problem.units.len()).collect() };
        let mut replicas = problem.replicas();
        loop {
            let easy = kernel.hard.iter().enumerate().find_map(|(place, unit)| {
                let mut choices = alone.viable.get(*unit)?.iter();
                choices.find(|choice| is_easy(problem, alone, *unit, **choice, replicas)).map(|c| (place, *unit, *c))
            });
            let Some((place, unit, choice)) = easy else { return kernel };
            kernel.hard.remove(place);
            kernel.easy.push((unit, choice));
            let count = problem.pieces_of(unit).fold(0_u64, |sum, (_, piece)| sum.saturating_add(piece.count.into()));
            replicas = replicas.saturating_sub(count);
        }
    }
}

/// Whether each piece of a unit has as many hosts as there are replicas to place.
fn is_easy(problem: &Problem<'_>, alone: &Alone, unit: usize, choice: usize, replicas: u64) -> bool {
    problem.pieces_of(unit).all(|(place, piece)| {
        let hosts = alone.capacity(place, choice).map_or(0, |capacity| capacity.hosts.len());
        piece.count == 0 || u64::try_from(hosts).unwrap_or(u64::MAX) >= replicas
    })
}

/// Finds a placement, or shows that there is none.
pub(super) fn search(
    problem: &Problem<'_>,
    alone: &Alone,
    steps: &mut Steps,
) -> Result<Option<Solution>, ReserveError> {
    let kernel = Kernel::new(problem, alone);
    // Which of its viable choices each hard unit has; the first unit's changes fastest, as it is placed last.
    let mut odometer = vec![0_usize; kernel.hard.len()];
    loop {
        let assigned: Vec<(usize, usize)> = kernel
            .hard
            .iter()
            .zip(&odometer)
            .filter_map(|(unit, at)| Some((*unit, *alone.viable.get(*unit)?.get(*at)?)))
            .collect();
        steps.take(assigned.len().saturating_add(1))?;
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

/// Replicas on nodes, by piece.
type Placed = Vec<(usize, Vec<(usize, u32)>)>;

/// Adds the units that were set aside to those that were searched for.
fn finish(
    problem: &Problem<'_>,
    kernel: &Kernel,
    assigned: &[(usize, usize)],
    placed: Placed,
    steps: &mut Steps,
) -> Result<Option<Solution>, ReserveError> {
    let mut placing = Placing::new(problem);
    for (unit, choice) in assigned {
        if let Some(chosen) = placing.solution.chosen.get_mut(*unit) {
            *chosen = *choice;
        }
    }
    for (place, nodes) in placed {
        let unit = problem.pieces.get(place).map_or(usize::MAX, |piece| piece.unit);
        let choice = assigned.iter().find(|(assigned, _)| *assigned == unit).map_or(0, |(_, choice)| *choice);
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
            // Cannot be: such a unit has a node to itself for each replica.
            return Err(steps.exhausted());
        }
    }
    Ok(Some(placing.solution))
}

/// A sum of vectors, and how it came about.
struct Sum {
    counts: Vec<u32>,
    parent: usize,
}

/// Searches with every hard unit's choice made.
fn assign(
    problem: &Problem<'_>,
    alone: &Alone,
    assigned: &[(usize, usize)],
    steps: &mut Steps,
) -> Result<Option<Placed>, ReserveError> {
    let mut dimensions: Vec<Dimension<'_>> = Vec::new();
    // By node, what each dimension could have of it.
    let mut hosts: BTreeMap<usize, Vec<Option<(Host, u32)>>> = BTreeMap::new();
    let width = assigned.iter().flat_map(|(unit, _)| problem.pieces_of(*unit)).count();
    if width > MAX_DIMENSIONS {
        return Err(steps.exhausted());
    }
    for (unit, choice) in assigned {
        let (Some(detail), Some(demand)) = (problem.choice(*unit, *choice), problem.demands.get(*unit)) else {
            continue;
        };
        for (piece, Piece { count, .. }) in problem.pieces_of(*unit) {
            let place = dimensions.len();
            dimensions.push(Dimension { piece, unit: *unit, count: *count, choice: detail, demand });
            for (host, fit) in alone.capacity(piece, *choice).map_or(&[] as &[_], |capacity| &capacity.hosts) {
                steps.take(1)?;
                let row = hosts.entry(host.node).or_insert_with(|| vec![None; width]);
                if let Some(slot) = row.get_mut(place) {
                    *slot = Some((*host, *fit));
                }
            }
        }
    }
    if !enough_in_all(problem, &dimensions, hosts.keys().copied()) {
        return Ok(None);
    }
    let rows: Vec<(usize, Vec<Option<(Host, u32)>>)> = hosts.into_iter().collect();
    add_up(problem, &dimensions, &rows, steps)
}

use super::problem::Piece;

/// Whether the hosts together have what the pieces together take: a quick way to see that they have not.
fn enough_in_all(problem: &Problem<'_>, dimensions: &[Dimension<'_>], nodes: impl Iterator<Item = usize>) -> bool {
    let mut asked = [0_u128; 4];
    for dimension in dimensions {
        let demand = dimension.demand;
        for (sum, amount) in asked.iter_mut().zip([demand.cpu, demand.memory, demand.ephemeral, demand.gpus]) {
            *sum = sum.saturating_add(u128::from(amount).saturating_mul(u128::from(dimension.count)));
        }
    }
    let mut left = [0_u128; 4];
    for node in nodes {
        let Some(free) = problem.cluster.index().free().get(node) else { continue };
        for (sum, amount) in left.iter_mut().zip([free.cpu, free.memory, free.ephemeral, free.gpus]) {
            *sum = sum.saturating_add(u128::from(amount));
        }
    }
    asked.iter().zip(&left).all(|(asked, left)| asked <= left)
}

/// For each node and each dimension, how much of the dimension the nodes from there on could have.
fn suffixes(dimensions: &[Dimension<'_>], rows: &[(usize, Vec<Option<(Host, u32)>>)]) -> Vec<Vec<u32>> {
    let mut rest = vec![0_u32; dimensions.len()];
    let mut suffixes = vec![rest.clone()];
    for (_, row) in rows.iter().rev() {
        for (rest, slot) in rest.iter_mut().zip(row) {
            *rest = rest.saturating_add(slot.map_or(0, |(_, fit)| fit));
        }
        suffixes.push(rest.clone());
    }
    suffixes.reverse();
    suffixes
}

/// Adds up one vector a node until the sum is the order.
fn add_up<'p>(
    problem: &'p Problem<'p>,
    dimensions: &[Dimension<'p>],
    rows: &[(usize, Vec<Option<(Host, u32)>>)],
    steps: &mut Steps,
) -> Result<Option<Placed>, ReserveError> {
    let counts: Vec<u32> = dimensions.iter().map(|dimension| dimension.count).collect();
    let suffixes = suffixes(dimensions, rows);
    let mut memo: BTreeMap<Vec<u64>, Vec<Vec<u32>>> = BTreeMap::new();
    let start = Sum { counts: vec![0; counts.len()], parent: 0 };
    let done = start.counts == counts;
    let mut layers: Vec<Vec<Sum>> = vec![vec![start]];
    if done {
        return Ok(Some(trace(dimensions, rows, &layers)));
    }
    for ((node, row), rest) in rows.iter().zip(suffixes.iter().skip(1)) {
        let key = signature(problem, dimensions, *node, row);
        let vectors = match memo.get(&key) {
            Some(vectors) => vectors,
            None => {
                let hosts: Vec<Option<Host>> = row.iter().map(|slot| slot.map(|(host, _)| host)).collect();
                let vectors = maximal(problem, dimensions, &hosts, steps)?;
                memo.entry(key).or_insert(vectors)
            }
        };
        let sums = layers.last().map_or(&[] as &[Sum], Vec::as_slice);
        let mut next: Vec<Sum> = Vec::new();
        for (parent, sum) in sums.iter().enumerate() {
            for vector in vectors {
                steps.take(counts.len().saturating_add(2))?;
                let added = sum.counts.iter().zip(vector).zip(&counts);
                let added: Vec<u32> = added.map(|((sum, more), most)| sum.saturating_add(*more).min(*most)).collect();
                if added == counts {
                    layers.push(vec![Sum { counts: added, parent }]);
                    return Ok(Some(trace(dimensions, rows, &layers)));
                }
                let hopeful = added.iter().zip(rest).zip(&counts);
                if hopeful.into_iter().all(|((sum, rest), count)| sum.saturating_add(*rest) >= *count) {
                    next.push(Sum { counts: added, parent });
                }
            }
        }
        let next = frontier(next, steps)?;
        if next.is_empty() {
            return Ok(None);
        }
        layers.push(next);
    }
    Ok(None)
}

/// The sums that no other sum is at least as good as; of equal ones the first.
fn frontier(mut sums: Vec<Sum>, steps: &mut Steps) -> Result<Vec<Sum>, ReserveError> {
    // Stable, so that the first of equal sums stays first; a better sum comes before a worse one.
    sums.sort_by(|a, b| b.counts.cmp(&a.counts));
    let mut kept: Vec<Sum> = Vec::new();
    for sum in sums {
        steps.take(kept.len().saturating_add(8))?;
        if !kept.iter().any(|known| dominates(&known.counts, &sum.counts)) {
            kept.push(sum);
        }
    }
    Ok(kept)
}

/// What makes two nodes the same to the search.
fn signature(
    problem: &Problem<'_>,
    dimensions: &[Dimension<'_>],
    node: usize,
    row: &[Option<(Host, u32)>],
) -> Vec<u64> {
    let free = problem.cluster.index().free().get(node);
    let mut key: Vec<u64> = free.map_or_else(Vec::new, |free| vec![free.cpu, free.memory, free.ephemeral, free.gpus]);
    key.extend(row.iter().map(|slot| slot.map_or(0, |(_, fit)| u64::from(fit))));
    if dimensions.iter().any(|dimension| dimension.demand.gpus > 0) {
        let cards = problem.cluster.nodes().get(node).map_or(&[] as &[_], |node| node.cards.as_slice());
        let mut cards: Vec<u64> = cards.iter().map(|card| card.number()).collect();
        cards.sort_unstable();
        key.extend(cards);
    }
    key
}

/// Goes back through the layers and says which replicas went where.
fn trace(dimensions: &[Dimension<'_>], rows: &[(usize, Vec<Option<(Host, u32)>>)], layers: &[Vec<Sum>]) -> Placed {
    let mut placed: Placed = dimensions.iter().map(|dimension| (dimension.piece, Vec::new())).collect();
    let mut at = 0;
    for depth in (1..layers.len()).rev() {
        let before = depth.saturating_sub(1);
        let Some(sum) = layers.get(depth).and_then(|layer| layer.get(at)) else { break };
        let Some(parent) = layers.get(before).and_then(|layer| layer.get(sum.parent)) else { break };
        let node = rows.get(before).map_or(usize::MAX, |(node, _)| *node);
        for (((_, nodes), now), then) in placed.iter_mut().zip(&sum.counts).zip(&parent.counts) {
            let replicas = now.saturating_sub(*then);
            if replicas > 0 {
                nodes.push((node, replicas));
            }
        }
        at = sum.parent;
    }
    for (_, nodes) in &mut placed {
        nodes.reverse();
    }
    placed
}
