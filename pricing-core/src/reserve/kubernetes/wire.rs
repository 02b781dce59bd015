//! Placements as JSON.

use serde::Serialize;

use super::{NodeProbability, PendingPod, PodPlacements, Step};
use crate::inventory::Cluster;
use crate::reserve::shortage::{Lack, NodeShortage};

/// [`PodPlacements`] as JSON, beside the reservation that they belong to.
#[derive(Debug, Serialize)]
pub struct PlacementsJson<'a> {
    steps: Vec<StepJson<'a>>,
    pending: Option<PendingJson<'a>>,
    approximate: bool,
}

#[derive(Debug, Serialize)]
struct StepJson<'a> {
    resource_id: u32,
    replica: u32,
    nodes: Vec<NodeJson<'a>>,
}

#[derive(Debug, Serialize)]
struct NodeJson<'a> {
    node: &'a str,
    probability: String,
}

/// A replica that may find no node, as JSON.
#[derive(Debug, Serialize)]
pub(crate) struct PendingJson<'a> {
    resource_id: u32,
    replica: u32,
    probability: String,
    #[serde(skip_serializing_if = "is_exact")]
    approximate: bool,
    lacks: Vec<NodeLackJson<'a>>,
}

/// Whether a probability is not approximate. Then nothing is said.
fn is_exact(approximate: &bool) -> bool {
    !approximate
}

/// A resource that a node lacks for the replica.
#[derive(Debug, Serialize)]
struct NodeLackJson<'a> {
    node: &'a str,
    resource: &'static str,
    asked: &'a str,
    free: Option<&'a str>,
}

impl<'a> PlacementsJson<'a> {
    /// Converts the placements of pods on a cluster.
    #[must_use]
    pub fn new(placements: &'a PodPlacements, cluster: &'a Cluster) -> Self {
        Self {
            steps: placements.steps.iter().map(|step| StepJson::new(step, cluster)).collect(),
            pending: PendingJson::of(placements),
            approximate: placements.approximate,
        }
    }
}

impl<'a> StepJson<'a> {
    fn new(step: &Step, cluster: &'a Cluster) -> Self {
        let node = |node: &NodeProbability| {
            let name = &*cluster.node(node.node)?.name;
            Some(NodeJson { node: name, probability: node.probability.to_string() })
        };
        let nodes = step.nodes.iter().filter_map(node).collect();
        Self { resource_id: step.resource_id, replica: step.replica, nodes }
    }
}

impl<'a> PendingJson<'a> {
    /// The pending replica of some placements, if there is one.
    pub(crate) fn of(placements: &'a PodPlacements) -> Option<Self> {
        placements.pending.as_ref().map(|pod| Self::new(pod, placements.approximate))
    }

    fn new(pod: &'a PendingPod, approximate: bool) -> Self {
        let of_node = |node: &'a NodeShortage| {
            let lack = |lack: &'a Lack| NodeLackJson {
                node: &node.node,
                resource: lack.resource.name(),
                asked: &lack.asked,
                free: lack.free.as_deref(),
            };
            node.lacks.iter().map(lack)
        };
        Self {
            resource_id: pod.resource_id,
            replica: pod.replica,
            probability: pod.probability.to_string(),
            approximate,
            lacks: pod.lacks.iter().flat_map(of_node).collect(),
        }
    }
}
