//! The resources that are in use on a node.

use std::collections::BTreeMap;

use pricing_core::inventory::held_capacity::HeldCapacity;
use pricing_core::inventory::{Cluster, Node};
use pricing_core::reserve::PodRequest;

/// The resources that are in use on a node, or that something takes of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Used {
    /// Thousandths of a thread.
    pub cpu: u64,
    /// Bytes of memory.
    pub memory: u64,
    /// Bytes of ephemeral storage.
    pub ephemeral: u64,
    /// Cards.
    pub gpus: u64,
    /// Host channel adapters.
    pub hcas: u64,
}

impl Used {
    /// Nothing.
    pub const NOTHING: Self = Self { cpu: 0, memory: 0, ephemeral: 0, gpus: 0, hcas: 0 };

    /// What is in use on a node.
    #[must_use]
    pub fn of(node: &Node) -> Self {
        let used = |total: u64, available: u64| total.saturating_sub(available);
        Self {
            cpu: used(node.cpu.total.get(), node.cpu.available.get()),
            memory: used(node.memory.total.get(), node.memory.available.get()),
            ephemeral: used(node.ephemeral.total.get(), node.ephemeral.available.get()),
            gpus: used(node.gpus.total, node.gpus.available),
            hcas: used(node.hcas.total, node.hcas.available),
        }
    }

    /// What is held on a node.
    pub(super) fn held(held: &HeldCapacity) -> Self {
        Self { cpu: held.cpu, memory: held.memory, ephemeral: held.ephemeral, gpus: held.gpus, hcas: held.hcas }
    }

    /// What a pod requests.
    #[must_use]
    pub fn requested(pod: &PodRequest) -> Self {
        Self {
            cpu: pod.cpu().get(),
            memory: pod.memory().get(),
            ephemeral: pod.ephemeral().get(),
            gpus: pod.gpus(),
            hcas: pod.hcas(),
        }
    }

    pub(super) fn plus(self, other: Self) -> Self {
        self.with(other, u64::saturating_add)
    }

    /// The difference. `None` if any of `other` is more.
    pub(crate) fn checked_sub(self, other: Self) -> Option<Self> {
        self.covers(other).then(|| self.with(other, u64::saturating_sub))
    }

    pub(crate) fn covers(self, other: Self) -> bool {
        self.cpu >= other.cpu
            && self.memory >= other.memory
            && self.ephemeral >= other.ephemeral
            && self.gpus >= other.gpus
            && self.hcas >= other.hcas
    }

    /// What a pod requests of those resources whose use the inventory shows. Not every inventory counts ephemeral storage
    /// and host channel adapters.
    pub(crate) fn visible_in(self, shown: Self) -> Self {
        let visible = |amount: u64, shown: u64| if shown == 0 { 0 } else { amount };
        Self { ephemeral: visible(self.ephemeral, shown.ephemeral), hcas: visible(self.hcas, shown.hcas), ..self }
    }

    fn with(self, other: Self, combine: impl Fn(u64, u64) -> u64) -> Self {
        Self {
            cpu: combine(self.cpu, other.cpu),
            memory: combine(self.memory, other.memory),
            ephemeral: combine(self.ephemeral, other.ephemeral),
            gpus: combine(self.gpus, other.gpus),
            hcas: combine(self.hcas, other.hcas),
        }
    }
}

/// What is in use on each node of a cluster, by name.
pub(super) fn used_by_node(cluster: &Cluster) -> BTreeMap<&str, Used> {
    cluster.nodes().iter().map(|node| (&*node.name, Used::of(node))).collect()
}
