//! Adds up one vector of replicas per node until the sum is the order: dynamic programming over the nodes with
//! dominance pruning.

use std::collections::BTreeMap;

use crate::reserve::ReserveError;

use super::problem::{CandidateNode, Problem, Steps};
use super::vectors::{Dimension, dominates, maximal};

/// A node, and for each dimension that it can host, how many of its replicas it could take on its own.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) node: usize,
    pub(super) candidates: Vec<Option<(CandidateNode, u32)>>,
}

/// For each dimension, the nodes and how many of its replicas go there.
pub(super) type NodesByDimension = Vec<Vec<(usize, u32)>>;

/// A partial sum, and the sum of the previous layer that it extends.
struct Sum {
    counts: Vec<u32>,
    parent: usize,
}

/// For each node and each dimension, how many replicas the nodes from there on could take if they did nothing else.
/// This is the upper bound that prunes sums which cannot reach the order any more.
fn suffixes(dimensions: &[Dimension<'_>], rows: &[Row]) -> Vec<Vec<u32>> {
    let mut rest = vec![0_u32; dimensions.len()];
    let mut suffixes = vec![rest.clone()];
    for row in rows.iter().rev() {
        for (rest, slot) in rest.iter_mut().zip(&row.candidates) {
            *rest = rest.saturating_add(slot.map_or(0, |(_, fit)| fit));
        }
        suffixes.push(rest.clone());
    }
    suffixes.reverse();
    suffixes
}

/// Finds one vector per node so that they add up to the order, or shows that there are none.
///
/// Layer `i` holds the sums that the first `i` nodes can reach, clipped at the order's counts. Three things keep the
/// layers small:
///
/// - dominance: of two sums the search keeps only the one with at least as many replicas in every dimension, because
///   whatever completes the smaller sum also completes the larger one;
/// - a bound: a sum that the remaining nodes cannot complete, even by [`suffixes`], is dropped;
/// - a memo: nodes with the same [`signature`] have the same vectors.
///
/// The placement is read back through the parents, as in any dynamic program.
pub(super) fn add_up<'p>(
    problem: &'p Problem<'p>,
    dimensions: &[Dimension<'p>],
    rows: &[Row],
    steps: &mut Steps<'_>,
) -> Result<Option<NodesByDimension>, ReserveError> {
    let counts: Vec<u32> = dimensions.iter().map(|dimension| dimension.count).collect();
    steps.take(rows.len().saturating_mul(dimensions.len()))?;
    let suffixes = suffixes(dimensions, rows);
    let mut memo: BTreeMap<Vec<u64>, Vec<Vec<u32>>> = BTreeMap::new();
    let start = Sum { counts: vec![0; counts.len()], parent: 0 };
    let done = start.counts == counts;
    let mut layers: Vec<Vec<Sum>> = vec![vec![start]];
    if done {
        return trace(dimensions, rows, &layers).map(Some);
    }
    for (row, rest) in rows.iter().zip(suffixes.iter().skip(1)) {
        steps.take(problem.cluster.cards_to_give(row.node).len().saturating_add(row.candidates.len()))?;
        let key = signature(problem, dimensions, row);
        let vectors = match memo.get(&key) {
            Some(vectors) => vectors,
            None => {
                let candidates: Vec<Option<CandidateNode>> =
                    row.candidates.iter().map(|slot| slot.map(|(candidate, _)| candidate)).collect();
                let vectors = maximal(problem, dimensions, &candidates, steps)?;
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
                    return trace(dimensions, rows, &layers).map(Some);
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

/// The Pareto frontier of some sums: those that no other sum dominates, and the first one of equal sums.
fn frontier(mut sums: Vec<Sum>, steps: &mut Steps<'_>) -> Result<Vec<Sum>, ReserveError> {
    // Sorted lexicographically, a sum comes after every sum that dominates it, so comparing it with the kept ones is
    // enough. The sort is stable, so that the first of equal sums stays first and the answer does not depend on chance.
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

/// The key under which nodes are interchangeable: what is free, how many replicas of each dimension fit, and which
/// cards there are.
fn signature(problem: &Problem<'_>, dimensions: &[Dimension<'_>], row: &Row) -> Vec<u64> {
    let free = problem.cluster.index().free().get(row.node);
    let amounts = free.map(|free| vec![free.cpu.get(), free.memory.get(), free.ephemeral.get(), free.gpus, free.hcas]);
    let mut key: Vec<u64> = amounts.unwrap_or_default();
    key.extend(row.candidates.iter().map(|slot| slot.map_or(0, |(_, fit)| u64::from(fit))));
    if dimensions.iter().any(|dimension| dimension.demand.gpus > 0) {
        let mut cards: Vec<u64> = problem.cluster.cards_to_give(row.node).iter().map(|card| card.number()).collect();
        cards.sort_unstable();
        key.extend(cards);
    }
    key
}

/// Walks back through the layers and returns which replicas went where. The difference between a sum and its parent is
/// what the node took, after clipping.
fn trace(dimensions: &[Dimension<'_>], rows: &[Row], layers: &[Vec<Sum>]) -> Result<NodesByDimension, ReserveError> {
    let mut placed: NodesByDimension = vec![Vec::new(); dimensions.len()];
    let mut at = 0;
    for depth in (1..layers.len()).rev() {
        let before = depth.saturating_sub(1);
        let step = || {
            let sum = layers.get(depth)?.get(at)?;
            Some((sum, layers.get(before)?.get(sum.parent)?, rows.get(before)?.node))
        };
        let step = step();
        debug_assert!(step.is_some(), "each layer but the first is of one row, and its sums name their parents");
        let (sum, parent, node) = step.ok_or(ReserveError::Internal)?;
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
    Ok(placed)
}
