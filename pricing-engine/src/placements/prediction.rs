//! Where the pods of an order are predicted to start.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use pricing_core::inventory::{CardId, Cluster, Node};
use pricing_core::reserve::PodRequest;
use pricing_core::reserve::kubernetes::{PodPlacements, Probability, Step};

use crate::bid_log::entry::Group;
use crate::inventory::Used;
use crate::order_name::OrderName;

/// The kinds of card that a node has, sorted. Empty for a node without cards.
pub type Kinds = Arc<[String]>;

/// The order whose pods are predicted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PredictedOrder {
    /// Its name.
    pub name: OrderName,
    /// The group of the order.
    pub group: Group,
    /// The sequence number of the decision in the bid log.
    pub decision: Option<u64>,
    /// When it was priced.
    pub at: Instant,
}

/// What the pods of a resource unit request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnitRequest {
    /// The unit.
    pub resource_id: u32,
    /// The number of its replicas.
    pub replicas: u32,
    /// What each of them requests.
    pub request: Used,
}

/// Where the pods of a group of an order are predicted to start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prediction {
    /// The order.
    pub order: PredictedOrder,
    /// Whether the probabilities are approximate.
    pub approximate: bool,
    /// The pods, in the order in which Kubernetes places them.
    pub pods: Vec<PredictedPod>,
}

/// Where a pod is predicted to start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PredictedPod {
    /// The resource unit.
    pub resource_id: u32,
    /// The replica of the unit, counted from 1.
    pub replica: u32,
    /// What the pod requests.
    pub request: Used,
    /// The nodes, the likeliest first. Empty if the pod is not predicted to start.
    pub nodes: Vec<PredictedNode>,
}

/// A node where a pod may start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PredictedNode {
    /// Its name.
    pub name: Arc<str>,
    /// Its kinds of card. Empty if the pod asks for none.
    pub kinds: Kinds,
    /// The probability that the pod starts there.
    pub probability: Probability,
}

impl UnitRequest {
    /// What the pods of a unit request.
    #[must_use]
    pub fn new(resource_id: u32, replicas: u32, pod: &PodRequest) -> Self {
        Self { resource_id, replicas, request: Used::requested(pod) }
    }
}

impl Prediction {
    /// The prediction for an order's units: where they were placed on a cluster.
    #[must_use]
    pub fn new(order: PredictedOrder, units: &[UnitRequest], placements: &PodPlacements, cluster: &Cluster) -> Self {
        let steps: BTreeMap<(u32, u32), &Step> =
            placements.steps.iter().map(|step| ((step.resource_id, step.replica), step)).collect();
        let mut known = KindsByCards::default();
        let mut pods = Vec::new();
        for UnitRequest { resource_id, replicas, request } in units.iter().copied() {
            for replica in 1..=replicas {
                let nodes = steps.get(&(resource_id, replica)).map_or(&[][..], |step| &step.nodes);
                let predicted = nodes.iter().filter_map(|found| {
                    let node = cluster.node(found.node)?;
                    let kinds = if request.gpus > 0 { known.of(cluster, node) } else { Kinds::default() };
                    Some(PredictedNode { name: Arc::clone(&node.name), kinds, probability: found.probability })
                });
                pods.push(PredictedPod { resource_id, replica, request, nodes: predicted.collect() });
            }
        }
        Self { order, approximate: placements.approximate, pods }
    }

    /// The prediction without the nodes: only what the pods request.
    pub(super) fn without_nodes(order: PredictedOrder, units: &[UnitRequest], approximate: bool) -> Self {
        let pods = units.iter().flat_map(|UnitRequest { resource_id, replicas, request }| {
            let pod =
                |replica| PredictedPod { resource_id: *resource_id, replica, request: *request, nodes: Vec::new() };
            (1..=*replicas).map(pod)
        });
        Self { order, approximate, pods: pods.collect() }
    }

    /// About how much memory it takes, as a number of entries.
    pub(super) fn size(&self) -> usize {
        self.pods.iter().fold(1, |sum, pod| sum.saturating_add(pod.nodes.len()).saturating_add(1))
    }

    /// The same, before its nodes are looked up.
    pub(super) fn size_of(placements: &PodPlacements) -> usize {
        placements.steps.iter().fold(1, |sum, step| sum.saturating_add(step.nodes.len()).saturating_add(1))
    }

    /// Its pods by what they request. Nothing tells pods apart that request the same, whatever units they are of.
    pub(super) fn classes(&self) -> Vec<(Used, Vec<&PredictedPod>)> {
        let mut classes: BTreeMap<Used, Vec<&PredictedPod>> = BTreeMap::new();
        for pod in &self.pods {
            classes.entry(pod.request).or_default().push(pod);
        }
        classes.into_iter().collect()
    }
}

impl PredictedPod {
    /// The likeliest nodes: one, or all of a tie.
    pub(super) fn likeliest(&self) -> impl Iterator<Item = &PredictedNode> {
        let highest = self.nodes.iter().map(|node| node.probability).max();
        self.nodes.iter().filter(move |node| Some(node.probability) == highest)
    }

    /// The probability that the prediction gives a node.
    pub(super) fn probability_of(&self, name: &str) -> Probability {
        self.nodes.iter().find(|node| *node.name == *name).map_or(Probability::ZERO, |node| node.probability)
    }
}

/// The kinds of nodes by their cards, since most nodes of a cluster have the same ones.
#[derive(Debug, Default)]
struct KindsByCards<'c>(BTreeMap<&'c [CardId], Kinds>);

impl<'c> KindsByCards<'c> {
    fn of(&mut self, cluster: &Cluster, node: &'c Node) -> Kinds {
        Arc::clone(self.0.entry(&node.cards).or_insert_with(|| kinds_of(cluster, node)))
    }
}

/// The kinds of card that a node has.
pub(super) fn kinds_of(cluster: &Cluster, node: &Node) -> Kinds {
    let cards = node.cards.iter().filter_map(|id| cluster.card(*id));
    let mut kinds: Vec<String> = cards.map(|card| card.kind.to_string()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    kinds.into()
}
