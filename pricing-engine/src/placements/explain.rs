//! Which pods explain by how much the use of nodes has grown.
//!
//! The inventory does not name pods. So a growth belongs to pods that are awaited if it is exactly the sum of what they
//! request. An *explanation* gives each growth to such pods, or leaves it to pods that nobody predicted; no pod is given
//! twice, and no growth is left that awaited pods could still explain. The nodes of an order's pods are known only if
//! all explanations agree on them.
//!
//! A growth that is more than what the awaited pods request is not attributed to them: that another pod started on the
//! same node between two snapshots is far less likely than that this was a larger pod.

mod search;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use search::Search;

use crate::inventory::Used;

/// The most growths that are explained together.
const MAX_GROWTHS: usize = 64;
/// The most orders whose pods start on one node between two snapshots, which are seconds apart.
const MAX_ORDERS: usize = 2;
/// The most ways in which pods may explain one growth.
const MAX_WAYS: usize = 64;
/// The most steps of the search. Beyond it, there are too many explanations to compare.
const MAX_STEPS: u32 = 20_000;

/// Awaited pods of one prediction that request the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct AwaitedPods {
    /// The number of the prediction.
    pub(super) prediction: usize,
    /// Which of the prediction's pods these are.
    pub(super) class: usize,
    /// What each of them requests.
    pub(super) request: Used,
    /// How many there are.
    pub(super) count: u32,
    /// When they can start.
    pub(super) from: Instant,
    /// Until when they are awaited.
    pub(super) until: Instant,
}

/// By how much the use of a node has grown from one snapshot to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Growth<'a> {
    /// When it was seen.
    pub(super) at: Instant,
    /// The node.
    pub(super) node: &'a str,
    /// The amounts.
    pub(super) by: Used,
}

/// Where the pods of a class started, as sorted node names: one for each pod that was seen. `None` if explanations
/// disagree.
pub(super) type Started<'a> = Option<Vec<&'a str>>;

/// Pods that explain one growth together: their places in a list of [`AwaitedPods`], and how many of each.
type Way = Vec<(usize, u32)>;

/// Finds where the pods of a prediction started, by class. `None` if there are too many explanations to compare.
pub(super) fn explain<'a>(
    prediction: usize,
    pods: &[AwaitedPods],
    growths: &[Growth<'a>],
) -> Option<BTreeMap<usize, Started<'a>>> {
    let mut explained = Vec::new();
    for growth in growths {
        match ways(growth, pods) {
            Some(ways) if ways.is_empty() => {}
            Some(ways) => explained.push((*growth, ways)),
            None if pods.iter().any(|pods| pods.prediction == prediction && could_be(growth, pods)) => return None,
            // What others have to do with it is not known, and this prediction's pods have nothing to do with it.
            None => {}
        }
    }
    let related = related(prediction, pods, &explained);
    if related.len() > MAX_GROWTHS {
        return None;
    }
    // There is always an explanation: at least the one of no growth.
    Search::new(prediction, pods, &related).found()
}

/// A bounded number of steps.
struct Steps(u32);

impl Steps {
    fn take(&mut self) -> Option<()> {
        self.0 = self.0.checked_sub(1)?;
        Some(())
    }
}

/// Whether pods could be a part of a growth.
fn could_be(growth: &Growth<'_>, pods: &AwaitedPods) -> bool {
    let is_awaited = pods.from <= growth.at && growth.at <= pods.until;
    is_awaited && growth.by.covers(pods.request.visible_in(growth.by))
}

/// Every way in which awaited pods explain a growth. `None` if there are too many.
fn ways(growth: &Growth<'_>, pods: &[AwaitedPods]) -> Option<Vec<Way>> {
    let fitting = pods.iter().copied().enumerate().filter(|(_, pods)| could_be(growth, pods)).collect();
    let mut ways =
        Ways { growth: growth.by, pods: fitting, chosen: Way::new(), found: Vec::new(), steps: Steps(MAX_STEPS) };
    ways.add(growth.by, 0, &mut Vec::new())?;
    Some(ways.found)
}

/// The ways in which awaited pods explain a growth, while they are looked for.
struct Ways {
    growth: Used,
    /// The pods that could be a part of it.
    pods: Vec<(usize, AwaitedPods)>,
    chosen: Way,
    found: Vec<Way>,
    steps: Steps,
}

impl Ways {
    /// Adds the ways that begin with the chosen pods and go on with pods from a place on. `orders` are the predictions
    /// of the chosen pods.
    fn add(&mut self, rest: Used, from: usize, orders: &mut Vec<usize>) -> Option<()> {
        self.steps.take()?;
        if rest == Used::NOTHING {
            self.found.push(self.chosen.clone());
            return (self.found.len() <= MAX_WAYS).then_some(());
        }
        for at in from..self.pods.len() {
            let Some((place, pods)) = self.pods.get(at).copied() else { break };
            let is_new = !orders.contains(&pods.prediction);
            if is_new && orders.len() >= MAX_ORDERS {
                continue;
            }
            if is_new {
                orders.push(pods.prediction);
            }
            let request = pods.request.visible_in(self.growth);
            let mut left = rest;
            for number in 1..=pods.count {
                let Some(less) = left.checked_sub(request) else { break };
                left = less;
                self.chosen.push((place, number));
                self.add(left, at.saturating_add(1), orders)?;
                self.chosen.pop();
            }
            if is_new {
                orders.pop();
            }
        }
        Some(())
    }
}

/// The growths that a prediction's pods explain, those that compete for the same pods, and so on.
fn related<'a>(
    prediction: usize,
    pods: &[AwaitedPods],
    growths: &[(Growth<'a>, Vec<Way>)],
) -> Vec<(Growth<'a>, Vec<Way>)> {
    let predictions = |ways: &[Way]| -> BTreeSet<usize> {
        ways.iter().flatten().filter_map(|(place, _)| Some(pods.get(*place)?.prediction)).collect()
    };
    let mut reached = BTreeSet::from([prediction]);
    loop {
        let before = reached.len();
        for (_, ways) in growths {
            let of_growth = predictions(ways);
            if !of_growth.is_disjoint(&reached) {
                reached.extend(of_growth);
            }
        }
        if reached.len() == before {
            break;
        }
    }
    growths.iter().filter(|(_, ways)| !predictions(ways).is_disjoint(&reached)).cloned().collect()
}
