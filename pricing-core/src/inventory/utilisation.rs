//! Utilisation: how full a cluster is, for plugins that price by it.

use std::collections::BTreeMap;

use super::{Capacity, Card, Cluster, Node};
use crate::gpu::GpuKind;

/// The total and the used amount of a resource.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// The total amount that can be allocated; saturating.
    pub total: u64,
    /// The amount in use, at most `total`.
    pub used: u64,
}

impl Usage {
    fn add<T: Into<u64>>(&mut self, capacity: Capacity<T>) {
        let (total, available) = (capacity.total.into(), capacity.available.into());
        self.total = self.total.saturating_add(total);
        self.used = self.used.saturating_add(total.saturating_sub(available));
    }

    /// Replaces a node's old share of what is in use by its new one.
    fn follow<T: Into<u64>>(&mut self, before: Capacity<T>, after: Capacity<T>) {
        self.used = self.used.saturating_add(before.available.into()).saturating_sub(after.available.into());
    }
}

/// How many cards of a kind there are, and how many of them are in use.
///
/// An inventory counts the cards in use per node, not per kind. On a node with several kinds it is uncertain which are
/// in use, so this is a range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GpuUsage {
    /// The kind.
    pub kind: GpuKind,
    /// The number of described cards of the kind.
    pub total: u64,
    /// The lower bound of the number in use.
    pub used_min: u64,
    /// The upper bound of the number in use.
    pub used_max: u64,
}

impl GpuUsage {
    /// The described cards of one node by kind, sorted.
    #[must_use]
    pub fn of_node(node: &Node, cluster: &Cluster) -> Vec<Self> {
        let usage = |(kind, here): (&GpuKind, OfNode)| Self {
            kind: kind.clone(),
            total: here.count,
            used_min: here.used_min,
            used_max: here.used_max,
        };
        let mut kinds: Vec<Self> = of_node(node, cluster.cards()).into_iter().map(usage).collect();
        kinds.sort_by(|one, other| one.kind.cmp(&other.kind));
        kinds
    }
}

/// The utilisation of a cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Utilisation {
    /// The number of nodes.
    pub nodes: u32,
    /// CPU, in thousandths of a thread.
    pub cpu: Usage,
    /// Memory, in bytes.
    pub memory: Usage,
    /// Ephemeral storage, in bytes.
    pub ephemeral: Usage,
    /// Cards of all kinds, described or not.
    pub gpus: Usage,
    /// Cards by kind, sorted.
    pub gpu_kinds: Vec<GpuUsage>,
}

impl Utilisation {
    /// Computes the utilisation of a cluster.
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

    /// Updates the utilisation after the free amounts of one node changed, and nothing else. The result equals
    /// [`Self::of`] for the changed cluster.
    pub(super) fn follow(&mut self, before: &Node, after: &Node, cards: &[Card]) {
        self.cpu.follow(before.cpu, after.cpu);
        self.memory.follow(before.memory, after.memory);
        self.ephemeral.follow(before.ephemeral, after.ephemeral);
        self.gpus.follow(before.gpus, after.gpus);
        if before.gpus.available == after.gpus.available {
            return;
        }
        for (kind, was) in of_node(before, cards) {
            let Ok(place) = self.gpu_kinds.binary_search_by(|known| known.kind.cmp(kind)) else { continue };
            let Some(usage) = self.gpu_kinds.get_mut(place) else { continue };
            usage.used_min = usage.used_min.saturating_sub(was.used_min);
            usage.used_max = usage.used_max.saturating_sub(was.used_max);
        }
        for (kind, is) in of_node(after, cards) {
            let Ok(place) = self.gpu_kinds.binary_search_by(|known| known.kind.cmp(kind)) else { continue };
            let Some(usage) = self.gpu_kinds.get_mut(place) else { continue };
            usage.used_min = usage.used_min.saturating_add(is.used_min);
            usage.used_max = usage.used_max.saturating_add(is.used_max);
        }
    }
}

/// The cards of one kind on one node.
struct OfNode {
    count: u64,
    used_min: u64,
    used_max: u64,
}

/// A node's cards by kind. A kind has at least those cards in use that the other cards of the node cannot account for,
/// and at most all of the used ones.
fn of_node<'c>(node: &Node, cards: &'c [Card]) -> Vec<(&'c GpuKind, OfNode)> {
    let used = node.gpus.total.saturating_sub(node.gpus.available);
    let mut here: Vec<(&GpuKind, OfNode)> = Vec::new();
    for card in node.cards.iter().filter_map(|id| cards.get(id.place())) {
        match here.iter_mut().find(|(kind, _)| *kind == &card.kind) {
            Some((_, known)) => known.count = known.count.saturating_add(1),
            None => here.push((&card.kind, OfNode { count: 1, used_min: 0, used_max: 0 })),
        }
    }
    for (_, known) in &mut here {
        // The cards in use may also be ones that are counted but not described.
        let others = node.gpus.total.saturating_sub(known.count);
        known.used_min = used.saturating_sub(others).min(known.count);
        known.used_max = used.min(known.count);
    }
    here
}

/// Adds a node's cards to the counts by kind.
fn add_cards(kinds: &mut BTreeMap<GpuKind, GpuUsage>, node: &Node, cluster: &Cluster) {
    for (kind, here) in of_node(node, cluster.cards()) {
        let usage = kinds.entry(kind.clone()).or_insert_with(|| GpuUsage {
            kind: kind.clone(),
            total: 0,
            used_min: 0,
            used_max: 0,
        });
        usage.total = usage.total.saturating_add(here.count);
        usage.used_min = usage.used_min.saturating_add(here.used_min);
        usage.used_max = usage.used_max.saturating_add(here.used_max);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::{read, validate};

    const MIXED: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../corpus/inventory/mixed.json"));

    #[test]
    fn the_cards_of_the_nodes_are_those_of_the_cluster() {
        let cluster = validate::validate(read::read(MIXED).unwrap()).cluster;
        let mut sum: BTreeMap<GpuKind, [u64; 3]> = BTreeMap::new();
        for usage in cluster.nodes().iter().flat_map(|node| GpuUsage::of_node(node, &cluster)) {
            assert!(usage.used_min <= usage.used_max && usage.used_max <= usage.total);
            let counts = [usage.total, usage.used_min, usage.used_max];
            let sum = sum.entry(usage.kind).or_default();
            *sum = [0, 1, 2].map(|place| sum[place].saturating_add(counts[place]));
        }
        let kinds = Utilisation::of(&cluster).gpu_kinds;
        let kinds = kinds.into_iter().map(|usage| (usage.kind, [usage.total, usage.used_min, usage.used_max]));
        assert_eq!(sum, kinds.collect());
        let mixed = cluster.nodes().iter().find(|node| &*node.name == "mixed-1").unwrap();
        assert!(GpuUsage::of_node(mixed, &cluster).len() > 1);
        assert!(GpuUsage::of_node(mixed, &cluster).is_sorted_by(|one, other| one.kind < other.kind));
    }
}
