//! Judges a prediction by where its pods started.

use std::collections::{BTreeMap, BTreeSet};

use super::prediction::{Kinds, PredictedPod, Prediction};
use super::{PlacementResult, UnknownReason};
use crate::bid_log::entry::{PlacedPod, PlacementNode};

/// The most predicted nodes that a line has.
const MAX_NODES: usize = 100;

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

/// The lines of a prediction: one for each pod. `sightings` are those of the classes of pods, in their order.
pub(super) fn judge(prediction: &Prediction, sightings: &[Sighting]) -> Vec<PlacedPod> {
    let mut lines = BTreeMap::new();
    for ((_, pods), sighting) in prediction.classes().into_iter().zip(sightings) {
        for (pod, seen) in pods.iter().zip(seen_by_pod(&pods, sighting)) {
            lines.insert((pod.resource_id, pod.replica), line(prediction, pod, seen));
        }
    }
    lines.into_values().collect()
}

/// The lines of a prediction of which nothing can be known.
pub(super) fn unknown(prediction: &Prediction, why: UnknownReason) -> Vec<PlacedPod> {
    prediction.pods.iter().map(|pod| line(prediction, pod, Err(why))).collect()
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

/// A maximum matching of pods and the nodes that were predicted for them, by augmenting paths.
struct Matching {
    /// For each seen node, the pods for which it is one of the likeliest.
    likely_for: Vec<Vec<usize>>,
    /// For each pod, its seen node.
    given: Vec<Option<usize>>,
}

impl Matching {
    fn new(pods: &[&PredictedPod], seen: &[SeenNode]) -> Self {
        let likeliest: Vec<BTreeSet<&str>> =
            pods.iter().map(|pod| pod.likeliest().map(|node| &*node.name).collect()).collect();
        let likely_for = |seen: &SeenNode| {
            let named = likeliest.iter().enumerate().filter(|(_, names)| names.contains(seen.name.as_str()));
            named.map(|(pod, _)| pod).collect()
        };
        Self { likely_for: seen.iter().map(likely_for).collect(), given: vec![None; pods.len()] }
    }

    fn matched(mut self) -> Vec<Option<usize>> {
        for seen in 0..self.likely_for.len() {
            self.place(seen, &mut BTreeSet::new());
        }
        self.given
    }

    /// Gives a seen node to a pod. The pod's earlier node may be given to another pod for that.
    fn place(&mut self, seen: usize, tried: &mut BTreeSet<usize>) -> bool {
        for pod in self.likely_for.get(seen).cloned().unwrap_or_default() {
            if !tried.insert(pod) {
                continue;
            }
            let before = self.given.get(pod).copied().flatten();
            if before.is_none_or(|before| self.place(before, tried)) {
                if let Some(given) = self.given.get_mut(pod) {
                    *given = Some(seen);
                }
                return true;
            }
        }
        false
    }
}

fn line(prediction: &Prediction, pod: &PredictedPod, seen: Result<&SeenNode, UnknownReason>) -> PlacedPod {
    let order = &prediction.order;
    let node = |name: &str, kinds: &Kinds, probability: String| PlacementNode {
        node: name.into(),
        kinds: kinds.iter().map(|kind| kind.as_str().into()).collect(),
        probability,
    };
    let predicted = pod.nodes.iter().take(MAX_NODES);
    PlacedPod {
        sequence: 0,
        time: String::new(),
        order_id: order.name.clone(),
        group: order.group.clone(),
        decision: order.decision,
        resource_id: pod.resource_id,
        replica: pod.replica,
        result: seen.map_or(PlacementResult::Unknown, |seen| result(pod, seen)),
        reason: seen.err(),
        approximate: prediction.approximate,
        predicted: predicted.map(|found| node(&found.name, &found.kinds, found.probability.to_string())).collect(),
        predicted_left_out: pod.nodes.len().saturating_sub(MAX_NODES),
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
