//! What a node has and what its pods request: the numbers that scores are made of.

use crate::inventory::{Free, Node};
use crate::quantity::amount::Amount;
use crate::reserve::PodRequest;

/// The highest score that a plugin gives a node: Kubernetes' `MaxNodeScore`.
pub(super) const MAX_NODE_SCORE: u64 = 100;

/// How much of one resource of a node is used, in the resource's own unit: scores are ratios.
///
/// The requested amount may exceed the allocatable one. It saturates at the largest number: every score is the same for
/// all that is at least as much as the node has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ResourceUse {
    /// What the node has for pods.
    pub(super) allocatable: u64,
    /// What the pods on the node request.
    pub(super) requested: u64,
}

impl ResourceUse {
    /// What is used of a resource of which some is free before a pod requests some.
    fn of<A: Amount + Into<u64>>(allocatable: A, free: A, request: A) -> Self {
        let requested = allocatable.less(free).sum(request);
        Self { allocatable: allocatable.into(), requested: requested.into() }
    }

    /// The same with more requested.
    pub(super) fn and(self, more: u64) -> Self {
        Self { requested: self.requested.saturating_add(more), ..self }
    }
}

/// What is used of a node's resources with the pod that is to be placed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct NodeResources {
    /// CPU.
    pub(super) cpu: ResourceUse,
    /// Memory.
    pub(super) memory: ResourceUse,
    /// Ephemeral storage.
    pub(super) ephemeral: ResourceUse,
    /// The number of cards.
    pub(super) gpus: ResourceUse,
    /// Host channel adapters.
    pub(super) hcas: ResourceUse,
}

impl NodeResources {
    /// The amounts of a node on which a pod starts. `free` is what the node had free before.
    ///
    /// An inventory that has more allocated than allocatable has nothing free, so the node counts as used up here. For
    /// scores that is the same.
    pub(super) fn with_pod(node: &Node, free: &Free, pod: &PodRequest) -> Self {
        Self {
            cpu: ResourceUse::of(node.cpu.total, free.cpu, pod.cpu),
            memory: ResourceUse::of(node.memory.total, free.memory, pod.memory),
            ephemeral: ResourceUse::of(node.ephemeral.total, free.ephemeral, pod.ephemeral),
            gpus: ResourceUse::of(node.gpus.total, free.gpus, pod.gpus),
            hcas: ResourceUse::of(node.hcas.total, free.hcas, pod.hcas),
        }
    }
}

/// `floor(part * 100 / whole)` for a part of at most the whole. 0 of nothing.
///
/// Kubernetes multiplies in 64 bits, which overflows above 92 PB of memory. Here it is wide enough.
pub(super) fn percent(part: u64, whole: u64) -> u64 {
    let narrow = part.checked_mul(MAX_NODE_SCORE).map(|scaled| scaled.checked_div(whole).unwrap_or(0));
    narrow.unwrap_or_else(|| {
        let scaled = u128::from(part).saturating_mul(u128::from(MAX_NODE_SCORE));
        scaled.checked_div(u128::from(whole)).and_then(|score| u64::try_from(score).ok()).unwrap_or(MAX_NODE_SCORE)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_are_rounded_down_and_never_overflow() {
        assert_eq!([percent(1, 3), percent(2, 3), percent(3, 3), percent(0, 3), percent(0, 0)], [33, 66, 100, 0, 0]);
        assert_eq!([percent(u64::MAX, u64::MAX), percent(u64::MAX - 1, u64::MAX)], [100, 99]);
        assert_eq!(percent(1 << 62, 1 << 63), 50);
    }
}
