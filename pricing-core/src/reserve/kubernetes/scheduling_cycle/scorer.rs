//! The weighted sum of the plugins' scores.

use crate::inventory::{Cluster, Free, Node};
use crate::reserve::PodRequest;

use super::super::node_resources::{MAX_NODE_SCORE, NodeResources};
use super::super::node_resources_fit::NodeResourcesFit;
use super::super::profile::ScoreWeights;
use super::super::version::KubernetesVersion;
use super::super::{KubeScheduler, PodTemplate, node_resources_balanced_allocation};

/// The weighted sum of the plugins' scores for a unit's pods.
#[derive(Debug)]
pub(super) struct Scorer<'a> {
    fit: NodeResourcesFit<'a>,
    weights: ScoreWeights,
    version: KubernetesVersion,
    request: &'a PodRequest,
    /// The common weight of the two resource plugins, if their sum has the bound of [`Self::may_reach`].
    bounded: Option<u64>,
}

impl<'a> Scorer<'a> {
    pub(super) fn new(scheduler: &'a KubeScheduler, template: &'a PodTemplate, cluster: &Cluster) -> Self {
        let profile = &scheduler.profile;
        let fit = NodeResourcesFit::new(&profile.scoring_strategy, scheduler.pods_without_requests, template, cluster);
        let mut weights = profile.weights;
        if template.request.is_best_effort() {
            // Kubernetes skips the plugin for pods that request neither CPU nor memory.
            weights.node_resources_balanced_allocation = 0;
        }
        let weight = weights.node_resources_fit;
        let is_bounded = weight > 0
            && !scheduler.version.scores_change_of_balance()
            && weight == weights.node_resources_balanced_allocation
            && profile.scoring_strategy.is_least_allocated_of_cpu_and_memory();
        Self {
            fit,
            weights,
            version: scheduler.version,
            request: &template.request,
            bounded: is_bounded.then_some(u64::from(weight)),
        }
    }

    /// The sum without PodTopologySpread, of a node that has `free` before the pod starts. Weights have 32 bits and scores
    /// are at most 100, so it does not overflow.
    pub(super) fn score(&self, free: &Free, node: &Node) -> u64 {
        let node = NodeResources::with_pod(node, free, self.request);
        let fit = weighted(self.weights.node_resources_fit, || self.fit.score(&node));
        let balanced = weighted(self.weights.node_resources_balanced_allocation, || {
            let (cpu, memory) = (self.request.cpu.get(), self.request.memory.get());
            node_resources_balanced_allocation::score(self.version, (node.cpu, cpu), (node.memory, memory))
        });
        fit.saturating_add(balanced)
    }

    /// The sum with PodTopologySpread.
    pub(super) fn with_spread(&self, score: u64, spread: u64) -> u64 {
        score.saturating_add(weighted(self.weights.pod_topology_spread, || spread))
    }

    /// Whether a node with room for the pod may have at least this score. It is cheap and never wrongly false.
    ///
    /// Let `c` and `m` be the fractions of CPU and memory that are free once the pod is there. In the default profile,
    /// NodeResourcesFit is at most `50 (c + m)` and NodeResourcesBalancedAllocation at most `100 - 50 |c - m|`. Together
    /// that is `100 + 100 min(c, m)`, so the scarcer resource alone may rule a node out, without any division. One point
    /// is added, because the doubles of the second score may be rounded up.
    pub(super) fn may_reach(&self, score: u64, free: &Free, node: &Node) -> bool {
        let Some(needed) = self.bounded.and_then(|weight| score.checked_div(weight)) else { return true };
        let percent = needed.saturating_sub(MAX_NODE_SCORE.saturating_add(1));
        let has_enough = |free: u64, request: u64, allocatable: u64| {
            free.saturating_sub(request).saturating_mul(MAX_NODE_SCORE) >= allocatable.saturating_mul(percent)
        };
        has_enough(free.cpu.get(), self.request.cpu.get(), node.cpu.total.get())
            && has_enough(free.memory.get(), self.request.memory.get(), node.memory.total.get())
    }

    /// Whether two nodes certainly have the same score. Idle nodes of one make do.
    pub(super) fn scores_alike(&self, one: (&Free, &Node), other: (&Free, &Node)) -> bool {
        let is_alike = one.0.cpu == other.0.cpu
            && one.0.memory == other.0.memory
            && one.1.cpu.total == other.1.cpu.total
            && one.1.memory.total == other.1.memory.total;
        // Where the bound holds, only CPU and memory count.
        is_alike
            && (self.bounded.is_some()
                || one.0 == other.0
                    && one.1.ephemeral.total == other.1.ephemeral.total
                    && one.1.gpus.total == other.1.gpus.total
                    && one.1.hcas.total == other.1.hcas.total)
    }
}

/// A weighted score. It is not worked out if it does not count.
fn weighted(weight: u32, score: impl FnOnce() -> u64) -> u64 {
    if weight == 0 { 0 } else { u64::from(weight).saturating_mul(score()) }
}
