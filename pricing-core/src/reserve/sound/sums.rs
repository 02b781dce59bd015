//! Adding up: one vector of replicas a node, until the sum is the order.

use std::collections::BTreeMap;

use crate::reserve::ReserveError;

use super::problem::{Host, Problem, Steps};
use super::vectors::{Dimension, dominates, maximal};

/// A node, and for each dimension that it can host, how many of its replicas it could take.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) node: usize,
    pub(super) hosts: Vec<Option<(Host, u32)>>,
}

/// For each dimension, nodes and numbers of replicas.
pub(super) type Placed = Vec<Vec<(usize, u32)>>;

/// A sum of vectors, and how it came about.
struct Sum {
    counts: Vec<u32>,
    parent: usize,
}

/// For each node and each dimension, how much of the dimension the nodes from there on could have.
fn suffixes(dimensions: &[Dimension<'_>], rows: &[Row]) -> Vec<Vec<u32>> {
    let mut rest = vec![0_u32; dimensions.len()];
    let mut suffixes = vec![rest.clone()];
    for row in rows.iter().rev() {
        for (rest, slot) in rest.iter_mut().zip(&row.hosts) {
            *rest = rest.saturating_add(slot.map_or(0, |(_, fit)| fit));
        }
        suffixes.push(rest.clone());
    }
    suffixes.reverse();
    suffixes
}

/// Adds up one vector a node until the sum is the order.
pub(super) fn add_up<'p>(
    problem: &'p Problem<'p>,
    dimensions: &[Dimension<'p>],
    rows: &[Row],
    steps: &mut Steps<'_>,
) -> Result<Option<Placed>, ReserveError> {
    let counts: Vec<u32> = dimensions.iter().map(|dimension| dimension.count).collect();
    steps.take(rows.len().saturating_mul(dimensions.len()))?;
    let suffixes = suffixes(dimensions, rows);
    let mut memo: BTreeMap<Vec<u64>, Vec<Vec<u32>>> = BTreeMap::new();
    let start = Sum { counts: vec![0; counts.len()], parent: 0 };
    let done = start.counts == counts;
    let mut layers: Vec<Vec<Sum>> = vec![vec![start]];
    if done {
        return Ok(Some(trace(dimensions, rows, &layers)));
    }
    for (row, rest) in rows.iter().zip(suffixes.iter().skip(1)) {
        steps.take(problem.cluster.cards_to_give(row.node).len().saturating_add(row.hosts.len()))?;
        let key = signature(problem, dimensions, row);
        let vectors = match memo.get(&key) {
            Some(vectors) => vectors,
            None => {
                let hosts: Vec<Option<Host>> = row.hosts.iter().map(|slot| slot.map(|(host, _)| host)).collect();
                let vectors = maximal(problem, dimensions, &hosts, steps)?;
                memo.entry(key).or_insert(vectors)
            }
        };
        let sums = layers.last().map_or(&[] as &[Sum], Vec::as_slice);
        let mut next: Vec<Sum> = Vec::new();
        for (parent, sum) in sums.iter().enumerate() {
            for vector in vectors {
                steps.take(counts.len().saturating_add(8))?;
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
fn frontier(mut sums: Vec<Sum>, steps: &mut Steps<'_>) -> Result<Vec<Sum>, ReserveError> {
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
fn signature(problem: &Problem<'_>, dimensions: &[Dimension<'_>], row: &Row) -> Vec<u64> {
    let free = problem.cluster.index().free().get(row.node);
    let amounts = free.map(|free| vec![free.cpu, free.memory, free.ephemeral, free.gpus, free.hcas]);
    let mut key: Vec<u64> = amounts.unwrap_or_default();
    key.extend(row.hosts.iter().map(|slot| slot.map_or(0, |(_, fit)| u64::from(fit))));
    if dimensions.iter().any(|dimension| dimension.demand.gpus > 0) {
        let mut cards: Vec<u64> = problem.cluster.cards_to_give(row.node).iter().map(|card| card.number()).collect();
        cards.sort_unstable();
        key.extend(cards);
    }
    key
}

/// Goes back through the layers and says which replicas went where.
fn trace(dimensions: &[Dimension<'_>], rows: &[Row], layers: &[Vec<Sum>]) -> Placed {
    let mut placed: Placed = vec![Vec::new(); dimensions.len()];
    let mut at = 0;
    for depth in (1..layers.len()).rev() {
        let before = depth.saturating_sub(1);
        let Some(sum) = layers.get(depth).and_then(|layer| layer.get(at)) else { break };
        let Some(parent) = layers.get(before).and_then(|layer| layer.get(sum.parent)) else { break };
        let node = rows.get(before).map_or(usize::MAX, |row| row.node);
        for ((nodes, now), then) in placed.iter_mut().zip(&sum.counts).zip(&parent.counts) {
            let replicas = now.saturating_sub(*then);
            if replicas > 0 {
                nodes.push((node, replicas));
            }
        }
        at = sum.parent;
    }
    for nodes in &mut placed {
        nodes.reverse();
    }
    placed
}
