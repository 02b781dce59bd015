//! kube-scheduler: the nodes on which Kubernetes will start the pods of a reserved order.
//!
//! The daemon's reservation decides whether to bid, and which vendor and model the pods' labels ask for. Where a pod
//! runs is up to kube-scheduler, later and by other rules. They are repeated here for the pods of the daemon, as
//! kube-scheduler has them from 1.34 to 1.37 ([`KubernetesVersion`]); each plugin has a module of its own name:
//!
//! | plugin | filter | score |
//! |---|---|---|
//! | `node_affinity` | the label of vendor and model | |
//! | `node_resources_fit` | room for what the pod requests | the profile's strategy |
//! | `node_resources_balanced_allocation` | | CPU and memory used in equal parts |
//! | `pod_topology_spread` | | few pods of the same service on a node |
//! | `inter_pod_affinity` | no pod with the same interconnect label | |
//!
//! The other plugins give every node the same score: the daemon sets no taints and no preferences, and which images a
//! node has is not known. So neither are zones, which PodTopologySpread counts in addition where nodes are labelled
//! with them.
//!
//! Pods are placed one after another, in the order of the resource units, each replica in turn (`scheduling_cycle`).
//! Among nodes with the highest score, kube-scheduler draws lots. So the result is a probability for each node, and
//! what has happened so far is a list of `branches`.

mod branches;
#[cfg(feature = "yaml")]
pub mod configuration;
mod draw;
mod inter_pod_affinity;
mod node_affinity;
mod node_resources;
mod node_resources_balanced_allocation;
mod node_resources_fit;
mod pod_topology_spread;
mod pods;
mod probability;
mod profile;
mod scheduling_cycle;
mod symmetry;
#[cfg(test)]
mod tests;
mod version;
pub mod wire;

use crate::budget::{Budget, Spent};
use crate::inventory::{Cluster, NodeId};

use super::shortage::NodeShortage;
use branches::Branches;
use scheduling_cycle::SchedulingCycle;

pub use draw::Draw;
pub use pods::PodTemplate;
pub use probability::{Probability, ProbabilitySum};
pub use profile::{
    FunctionShape, Profile, ResourceSpec, ScoreWeights, ScoringStrategy, ScoringStrategyType, StrategyError,
    UtilizationShapePoint,
};
pub use version::KubernetesVersion;

/// From this number of nodes on, kube-scheduler may stop looking before it has seen all of them: its
/// `minFeasibleNodesToFind`.
const MIN_FEASIBLE_NODES_TO_FIND: usize = 100;

/// The most pods without requests that a node may be said to run. A kubelet takes 110 pods by default, and large nodes a
/// few hundred.
pub const MAX_PODS_WITHOUT_REQUESTS: u32 = 10_000;

/// A kube-scheduler, and what an inventory does not show of the nodes that it places pods on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KubeScheduler {
    /// The release of Kubernetes that it is of.
    pub version: KubernetesVersion,
    /// Its configuration.
    pub profile: Profile,
    /// How many pods without requests run on each node. They count in NodeResourcesFit, and the inventory does not
    /// show them.
    pub pods_without_requests: u32,
}

/// Where kube-scheduler places the pods of an order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PodPlacements {
    /// One step for each replica, in the order of placement. A replica without any node has no step.
    pub steps: Vec<Step>,
    /// The first replica that may fit nowhere. Then no later replica of its branches is placed either, and the
    /// probabilities of the following steps add up to less than 1.
    pub pending: Option<PendingPod>,
    /// Whether the probabilities are approximate: kube-scheduler does not look at every node of so large a cluster, or
    /// there were too many equally good ways to follow all of them.
    pub approximate: bool,
}

/// The placement of one replica.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The resource unit.
    pub resource_id: u32,
    /// The replica of the unit, counted from 1.
    pub replica: u32,
    /// The nodes where it may start: the likeliest first, equally likely ones in the inventory's order.
    pub nodes: Vec<NodeProbability>,
}

/// A node where a replica may start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeProbability {
    /// The node.
    pub node: NodeId,
    /// The probability that the replica starts there.
    pub probability: Probability,
}

/// A replica that may find no node. Kubernetes leaves its pod pending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingPod {
    /// The resource unit.
    pub resource_id: u32,
    /// The replica of the unit, counted from 1.
    pub replica: u32,
    /// The probability that the replica fits nowhere.
    pub probability: Probability,
    /// What each node with the label of its vendor and model lacks, in the likeliest such case; at most 100 nodes.
    pub lacks: Vec<NodeShortage>,
}

impl KubeScheduler {
    /// Places the pods of an order.
    ///
    /// # Errors
    /// When the budget is used up.
    pub fn place(&self, pods: &[PodTemplate], cluster: &Cluster, budget: &Budget<'_>) -> Result<PodPlacements, Spent> {
        let mut placements = PodPlacements { approximate: self.stops_early(cluster), ..PodPlacements::default() };
        let mut branches = Branches::new(pods);
        let mut left: u64 = pods.iter().map(|template| u64::from(template.replicas)).fold(0, u64::saturating_add);
        let mut before: Option<SchedulingCycle<'_>> = None;
        for (place, template) in pods.iter().enumerate() {
            let mut cycle = match before.take().and_then(|before| before.for_alike(place, template)) {
                Some(cycle) => cycle,
                None => SchedulingCycle::new(self, (place, pods), template, cluster, budget)?,
            };
            for replica in 1..=template.replicas {
                left = left.saturating_sub(1);
                placements.place(&mut cycle, replica, &mut branches, budget)?;
                if branches.all_pending() {
                    return Ok(placements);
                }
                if left > 0 {
                    branches.follow(&cycle, budget)?;
                }
            }
            before = Some(cycle);
        }
        Ok(placements)
    }

    /// Whether kube-scheduler looks at a part of the nodes only, beginning at any of them.
    fn stops_early(&self, cluster: &Cluster) -> bool {
        cluster.nodes().len() >= MIN_FEASIBLE_NODES_TO_FIND && !self.profile.scores_every_node()
    }
}

impl PodPlacements {
    /// Adds the step of the next replica.
    fn place(
        &mut self,
        cycle: &mut SchedulingCycle<'_>,
        replica: u32,
        branches: &mut Branches<'_>,
        budget: &Budget<'_>,
    ) -> Result<(), Spent> {
        let resource_id = cycle.template().resource_id;
        branches.choose(cycle, budget)?;
        let nodes = branches.probabilities(cycle, budget)?;
        self.approximate |= branches.are_approximate();
        if self.pending.is_none()
            && let Some((probability, placed)) = branches.likeliest_pending()
        {
            budget.take(cycle.size())?;
            let lacks = cycle.lacks(placed);
            self.pending = Some(PendingPod { resource_id, replica, probability, lacks });
        }
        if !nodes.is_empty() {
            self.steps.push(Step { resource_id, replica, nodes });
        }
        Ok(())
    }
}
