//! Judges a prediction by where its pods started.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::prediction::{Kinds, PredictedPod, Prediction};
use super::{PlacementResult, UnknownReason};
use crate::bid_log::entry::{PlacedPod, PlacementNode};

/// The most predicted nodes that a line has.
const MAX_NODES: usize = 100;
/// The most steps of matching the pods of an order that request the same with nodes.
const MAX_STEPS: u32 = 5_000_000;

/// What is known of the pods that request the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Sighting {
    /// The nodes where they started: one for each pod that was seen.
    On(Vec<SeenNode>),
    /// It is not known, and why.
    Unknown(UnknownReason),
}

/// A node where a pod started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SeenNode {
    pub(super) name: String,
    pub(super) kinds: Kinds,
}

/// The lines of a prediction: one for each pod whose node is known, and one for all others for the same reason.
/// `sightings` are those of the classes of pods, in their order.
pub(super) fn judge(prediction: &Prediction, sightings: &[Sighting]) -> Vec<PlacedPod> {
    let mut seen = BTreeMap::new();
    for ((_, pods), sighting) in prediction.classes().into_iter().zip(sightings) {
        for (pod, found) in pods.iter().zip(seen_by_pod(&pods, sighting)) {
            seen.insert((pod.resource_id, pod.replica), (*pod, found));
        }
    }
    lines(prediction, seen.into_values())
}

/// The line of a prediction of which nothing can be known.
pub(super) fn unknown(prediction: &Prediction, why: UnknownReason) -> Vec<PlacedPod> {
    lines(prediction, prediction.pods.iter().map(|pod| (pod, Err(why))))
}

/// Where nothing is known, most orders are not ours, and a line for each pod would push decisions out of the log.
fn lines<'p>(
    prediction: &'p Prediction,
    pods: impl Iterator<Item = (&'p PredictedPod, Result<&'p SeenNode, UnknownReason>)>,
) -> Vec<PlacedPod> {
    let mut lines: Vec<PlacedPod> = Vec::new();
    for (pod, seen) in pods {
        let same = lines.iter_mut().find(|line| seen.err().is_some_and(|why| line.reason == Some(why)));
        match same {
            Some(line) => line.pods = line.pods.saturating_add(1),
            None => lines.push(line(prediction, pod, seen)),
        }
    }
    lines
}

/// The node of each pod. Which of them is which is not known, so as many as possible are given a node that was
/// predicted for them.
fn seen_by_pod<'s>(pods: &[&PredictedPod], sighting: &'s Sighting) -> Vec<Result<&'s SeenNode, UnknownReason>> {
    let seen = match sighting {
        Sighting::Unknown(why) => return pods.iter().map(|_| Err(*why)).collect(),
        Sighting::On(seen) => seen,
    };
    let mut given = Matching::new(pods, seen).matched();
    let taken: BTreeSet<usize> = given.iter().flatten().copied().collect();
    let mut others = (0..seen.len()).filter(|place| !taken.contains(place));
    for pod in given.iter_mut().filter(|pod| pod.is_none()) {
        *pod = others.next();
    }
    given.into_iter().map(|place| place.and_then(|place| seen.get(place)).ok_or(UnknownReason::NotSeen)).collect()
}

/// A maximum matching of pods and the nodes that were predicted for them, by augmenting paths. Each is the shortest one,
/// so a node goes to a pod without one where it can. Many replicas with many nodes can take too many steps: then further
/// nodes are not matched, and fewer pods may be `right` than could be.
struct Matching<'s> {
    /// The names of the seen nodes.
    seen: Vec<&'s str>,
    /// For each name, the pods for which it is one of the likeliest.
    likely_for: BTreeMap<&'s str, Vec<usize>>,
    /// For each pod, its seen node.
    given: Vec<Option<usize>>,
    /// For each seen node, its pod.
    pod_of: Vec<Option<usize>>,
    steps: u32,
}

impl<'s> Matching<'s> {
    fn new(pods: &[&PredictedPod], seen: &'s [SeenNode]) -> Self {
        let seen: Vec<&str> = seen.iter().map(|seen| &*seen.name).collect();
        let mut likely_for: BTreeMap<&str, Vec<usize>> = seen.iter().map(|name| (*name, Vec::new())).collect();
        for (place, pod) in pods.iter().enumerate() {
            for node in pod.likeliest() {
                if let Some(pods) = likely_for.get_mut(&*node.name) {
                    pods.push(place);
                }
            }
        }
        let pod_of = vec![None; seen.len()];
        Self { seen, likely_for, given: vec![None; pods.len()], pod_of, steps: MAX_STEPS }
    }

    fn matched(mut self) -> Vec<Option<usize>> {
        for seen in 0..self.seen.len() {
            if let Some((pod, nodes)) = self.path(seen) {
                self.shift(pod, &nodes);
            }
        }
        self.given
    }

    /// The shortest path from a seen node to a pod without one: that pod, and for each pod of a path the node that leads
    /// to it. `None` if there is none, or it takes too many steps.
    fn path(&mut self, seen: usize) -> Option<(usize, BTreeMap<usize, usize>)> {
        let mut nodes: BTreeMap<usize, usize> = BTreeMap::new();
        let mut waiting = VecDeque::from([seen]);
        while let Some(seen) = waiting.pop_front() {
            let likely_for = self.seen.get(seen).and_then(|name| self.likely_for.get(name));
            for pod in likely_for.into_iter().flatten().copied() {
                self.steps = self.steps.checked_sub(1)?;
                if nodes.contains_key(&pod) {
                    continue;
                }
                nodes.insert(pod, seen);
                match self.given.get(pod).copied().flatten() {
                    None => return Some((pod, nodes)),
                    Some(before) => waiting.push_back(before),
                }
            }
        }
        None
    }

    /// Gives each pod of a path the node that leads to it, from the pod without one back to the path's start.
    fn shift(&mut self, pod: usize, nodes: &BTreeMap<usize, usize>) {
        let mut next = Some(pod);
        while let Some((pod, seen)) = next.and_then(|pod| Some((pod, *nodes.get(&pod)?))) {
            if let Some(given) = self.given.get_mut(pod) {
                *given = Some(seen);
            }
            next = self.pod_of.get_mut(seen).and_then(|before| before.replace(pod));
        }
    }
}

fn line(prediction: &Prediction, pod: &PredictedPod, seen: Result<&SeenNode, UnknownReason>) -> PlacedPod {
    let order = &prediction.order;
    let node = |name: &str, kinds: &Kinds, probability: String| PlacementNode {
        node: name.into(),
        kinds: kinds.iter().map(|kind| kind.as_str().into()).collect(),
        probability,
    };
    // Of a pod whose node is not known, nobody needs the predicted ones.
    let listed = if seen.is_ok() { pod.nodes.as_slice() } else { &[] };
    let predicted = listed.iter().take(MAX_NODES);
    PlacedPod {
        sequence: 0,
        time: String::new(),
        order_id: order.name.clone(),
        group: order.group.clone(),
        decision: order.decision,
        resource_id: pod.resource_id,
        replica: pod.replica,
        pods: 1,
        result: seen.map_or(PlacementResult::Unknown, |seen| result(pod, seen)),
        reason: seen.err(),
        approximate: prediction.approximate,
        predicted: predicted.map(|found| node(&found.name, &found.kinds, found.probability.to_string())).collect(),
        predicted_left_out: listed.len().saturating_sub(MAX_NODES),
        seen: seen.ok().map(|seen| {
            let kinds = if pod.request.gpus > 0 { &seen.kinds } else { &Kinds::default() };
            node(&seen.name, kinds, pod.probability_of(&seen.name).to_string())
        }),
    }
}

fn result(pod: &PredictedPod, seen: &SeenNode) -> PlacementResult {
    if pod.likeliest().any(|node| *node.name == *seen.name) {
        return PlacementResult::Right;
    }
    // A pod without cards has no kind of card that could be right.
    let is_same = |kinds: &Kinds| !kinds.is_empty() && *kinds == seen.kinds;
    if pod.likeliest().any(|node| is_same(&node.kinds)) { PlacementResult::SameKind } else { PlacementResult::Wrong }
}
