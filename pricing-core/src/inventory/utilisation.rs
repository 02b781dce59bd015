//! How full a cluster is: what plugins that price by utilisation look at.

use std::collections::BTreeMap;

use super::{Capacity, Cluster, Node};
use crate::gpu::GpuKind;

/// How much of something there is and how much of that is in use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// What can be allocated in all; saturates.
    pub total: u64,
    /// What is in use: at most `total`.
    pub used: u64,
}

impl Usage {
    fn add<T: Into<u64>>(&mut self, capacity: Capacity<T>) {
        let (total, available) = (capacity.total.into(), capacity.available.into());
        self.total = self.total.saturating_add(total);
        self.used = self.used.saturating_add(total.saturating_sub(available));
    }
}

/// How many cards of a kind there are and how many of them are in use.
///
/// An inventory counts used cards by node, not by kind: on a node of several kinds it is not certain which are in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GpuUsage {
    /// The kind.
    pub kind: GpuKind,
    /// Described cards of the kind.
    pub total: u64,
    /// At least so many are in use.
    pub used_min: u64,
    /// At most so many are in use.
    pub used_max: u64,
}

/// How full a cluster is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Utilisation {
    /// Nodes.
    pub nodes: u32,
    /// Thousandths of a thread.
    pub cpu: Usage,
    /// Bytes of memory.
    pub memory: Usage,
    /// Bytes of ephemeral storage.
    pub ephemeral: Usage,
    /// Cards of all kinds.
    pub gpus: Usage,
    /// Cards by kind, sorted.
    pub gpu_kinds: Vec<GpuUsage>,
}

impl Utilisation {
    /// How full a cluster is now.
    #[must_use]
    pub fn of(cluster: &Cluster) -> Self {
        let mut utilisation =
            Self { nodes: u32::try_from(cluster.nodes().len()).unwrap_or(u32::MAX), ..Self::default() };
        let mut kinds: BTreeMap<GpuKind, GpuUsage> = BTreeMap::new();
        for node in cluster.nodes() {
            utilisation.cpu.add(node.cpu);
            utilisation.memory.add(node.memory);
            utilisation.ephemeral.add(node.ephemeral);
            utilisation.gpus.add(node.gpus);
            add_cards(&mut kinds, node, cluster);
        }
        utilisation.gpu_kinds = kinds.into_values().collect();
        utilisation
    }
}

/// Counts a node's cards by kind. Of the used ones, a kind has at least those that the other kinds have no cards for.
fn add_cards(kinds: &mut BTreeMap<GpuKind, GpuUsage>, node: &Node, cluster: &Cluster) {
    let used = node.gpus.total.saturating_sub(node.gpus.available);
    let mut here: BTreeMap<&GpuKind, u64> = BTreeMap::new();
    for card in node.cards.iter().filter_map(|id| cluster.card(*id)) {
        let count = here.entry(&card.kind).or_default();
        *count = count.saturating_add(1);
    }
    // Cards that are counted but not described may be the used ones.
    for (kind, count) in here {
        let others = node.gpus.total.saturating_sub(count);
        let usage = kinds.entry(kind.clone()).or_insert_with(|| GpuUsage {
            kind: kind.clone(),
            total: 0,
            used_min: 0,
            used_max: 0,
        });
        usage.total = usage.total.saturating_add(count);
        usage.used_min = usage.used_min.saturating_add(used.saturating_sub(others).min(count));
        usage.used_max = usage.used_max.saturating_add(used.min(count));
    }
}
