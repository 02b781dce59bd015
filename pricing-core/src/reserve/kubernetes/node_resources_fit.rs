//! NodeResourcesFit: whether a node has room for what a pod requests, and a score by what is used then.
//!
//! The score is a weighted mean over the resources of the profile's strategy. In all strategies, a resource that the
//! node does not have is left out. So is an extended resource, such as a card, that the pod does not request. With
//! nothing left, the score is 0.

mod least_allocated;
mod most_allocated;
mod requested_to_capacity_ratio;

use crate::inventory::Cluster;
use crate::quantity::{Bytes, MilliCpu};
use crate::reserve::PodRequest;

use super::node_resources::{NodeResources, ResourceUse};
use super::pods::PodTemplate;
use super::profile::{ScoringStrategy, ScoringStrategyType};

/// The CPU that a pod without requests counts for here: `DefaultMilliCPURequest`.
const DEFAULT_MILLI_CPU_REQUEST: MilliCpu = MilliCpu::new(100);
/// The memory that a pod without requests counts for here: `DefaultMemoryRequest`.
const DEFAULT_MEMORY_REQUEST: Bytes = Bytes::new(200 << 20);

/// The score of nodes for one pod.
#[derive(Clone, Debug)]
pub(super) struct NodeResourcesFit<'a> {
    strategy: &'a ScoringStrategyType,
    /// The resources that count for the pod, with their weights.
    resources: Vec<(Resource, u64)>,
    /// What the pods without requests on each node count for.
    without_requests: (MilliCpu, Bytes),
}

/// A resource that a score can count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Resource {
    Cpu,
    Memory,
    EphemeralStorage,
    Gpu,
    Hca,
}

impl<'a> NodeResourcesFit<'a> {
    /// The score for a pod by a strategy.
    pub(super) fn new(
        strategy: &'a ScoringStrategy,
        pods_without_requests: u32,
        template: &PodTemplate,
        cluster: &Cluster,
    ) -> Self {
        let resource = |name: &str| Resource::named(name, template, cluster);
        let resources = strategy.resources().iter();
        let count = u64::from(pods_without_requests);
        Self {
            strategy: strategy.strategy_type(),
            resources: resources.filter_map(|spec| Some((resource(spec.name())?, spec.weight()))).collect(),
            without_requests: (
                DEFAULT_MILLI_CPU_REQUEST.saturating_mul(count),
                DEFAULT_MEMORY_REQUEST.saturating_mul(count),
            ),
        }
    }

    /// The score of a node.
    pub(super) fn score(&self, node: &NodeResources) -> u64 {
        let amounts = self.resources.iter().map(|(resource, weight)| (self.amount(*resource, node), *weight));
        let amounts = amounts.filter(|(amount, _)| amount.allocatable > 0);
        match self.strategy {
            ScoringStrategyType::LeastAllocated => least_allocated::score(amounts),
            ScoringStrategyType::MostAllocated => most_allocated::score(amounts),
            ScoringStrategyType::RequestedToCapacityRatio(shape) => requested_to_capacity_ratio::score(shape, amounts),
        }
    }

    fn amount(&self, resource: Resource, node: &NodeResources) -> ResourceUse {
        let (cpu, memory) = self.without_requests;
        match resource {
            Resource::Cpu => node.cpu.and(cpu.get()),
            Resource::Memory => node.memory.and(memory.get()),
            Resource::EphemeralStorage => node.ephemeral,
            Resource::Gpu => node.gpus,
            Resource::Hca => node.hcas,
        }
    }
}

impl Resource {
    /// The resource with a name in Kubernetes. None if it is left out: an extended resource that the pod does not
    /// request, or one that nodes do not have.
    fn named(name: &str, template: &PodTemplate, cluster: &Cluster) -> Option<Self> {
        match name {
            "cpu" => Some(Self::Cpu),
            "memory" => Some(Self::Memory),
            "ephemeral-storage" => Some(Self::EphemeralStorage),
            _ => {
                let PodRequest { gpus, hcas, .. } = template.request;
                let selector = template.selector.as_ref()?;
                if gpus > 0 && name.strip_suffix(".com/gpu") == Some(selector.vendor.as_str()) {
                    return Some(Self::Gpu);
                }
                let interconnect = cluster.interconnects().get(selector.interconnect?.place())?;
                (hcas > 0 && name == interconnect.resource_name).then_some(Self::Hca)
            }
        }
    }
}

/// `floor(sum(score * weight) / sum(weight))`. 0 of nothing.
fn weighted_mean(scores: impl Iterator<Item = (u64, u64)>) -> u64 {
    let (sum, weights) = weighted_sum(scores);
    sum.checked_div(weights).unwrap_or(0)
}

/// The sum of scores times weights, and that of the weights. Weights are at most 100, so neither sum gets near the
/// largest number.
fn weighted_sum(scores: impl Iterator<Item = (u64, u64)>) -> (u64, u64) {
    let add = |(sum, weights): (u64, u64), (score, weight): (u64, u64)| {
        (sum.saturating_add(score.saturating_mul(weight)), weights.saturating_add(weight))
    };
    scores.fold((0, 0), add)
}
