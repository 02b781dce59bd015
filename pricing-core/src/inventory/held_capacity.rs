//! Capacity that is held back for orders on which a bid is open.
//!
//! An inventory only shows what is running. Between a bid and its lease, the capacity is promised but still reported as
//! free, so a second order would be promised the same cards. [`Cluster::without`] returns the cluster without what is
//! held back.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Capacity, Card, CardId, Cluster, Index, Node};
use crate::quantity::{Bytes, MilliCpu};

/// What is held back on one node, and from the cluster's shared resources for the pods there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HeldCapacity {
    /// The node.
    pub node: String,
    /// Thousandths of a thread.
    pub cpu: u64,
    /// Bytes of memory, with `ram` volumes.
    pub memory: u64,
    /// Bytes of ephemeral storage.
    #[serde(skip_serializing_if = "is_zero")]
    pub ephemeral: u64,
    /// The number of cards.
    #[serde(skip_serializing_if = "is_zero")]
    pub gpus: u64,
    /// Host channel adapters.
    #[serde(skip_serializing_if = "is_zero")]
    pub hcas: u64,
    /// Which cards these may be.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cards: Vec<HeldCards>,
    /// Bytes by storage class of the cluster.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub storage: BTreeMap<String, u64>,
    /// Leased IPs.
    #[serde(skip_serializing_if = "is_zero")]
    pub leased_ips: u64,
}

impl HeldCapacity {
    /// Adds up what several orders take: one entry per node, sorted by name.
    #[must_use]
    pub fn merge(held: impl IntoIterator<Item = Self>) -> Vec<Self> {
        let mut nodes: BTreeMap<String, Self> = BTreeMap::new();
        for one in held {
            match nodes.get_mut(&one.node) {
                Some(known) => known.add(one),
                None => {
                    nodes.insert(one.node.clone(), one);
                }
            }
        }
        nodes.into_values().collect()
    }

    /// Adds another entry for the same node. It is destructured, so that a new field cannot be forgotten here.
    fn add(&mut self, other: Self) {
        let Self { node: _, cpu, memory, ephemeral, gpus, hcas, cards, storage, leased_ips } = other;
        let sum = |to: &mut u64, more: u64| *to = to.saturating_add(more);
        sum(&mut self.cpu, cpu);
        sum(&mut self.memory, memory);
        sum(&mut self.ephemeral, ephemeral);
        sum(&mut self.gpus, gpus);
        sum(&mut self.hcas, hcas);
        sum(&mut self.leased_ips, leased_ips);
        for more in cards {
            match self.cards.iter_mut().find(|known| known.kinds == more.kinds) {
                Some(known) => sum(&mut known.count, more.count),
                None => self.cards.push(more),
            }
        }
        for (class, bytes) in storage {
            sum(self.storage.entry(class).or_default(), bytes);
        }
    }
}

/// Cards that are held back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeldCards {
    /// Every kind that they may be, in the form in which [`crate::gpu::GpuKind`] displays itself. Each of these kinds
    /// loses `count` cards, since any of them may be handed out.
    pub kinds: Vec<String>,
    /// The number of cards.
    pub count: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Cluster {
    /// The cluster without what is held back. Entries for unknown nodes are ignored, and amounts do not go below 0.
    ///
    /// The nodes' totals and the described cards stay the same: a bid may be lost, and then any of the cards may be
    /// handed out to somebody else.
    #[must_use]
    pub fn without(&self, held: &[HeldCapacity]) -> Self {
        let by_node: BTreeMap<String, HeldCapacity> =
            HeldCapacity::merge(held.iter().cloned()).into_iter().map(|held| (held.node.clone(), held)).collect();
        let mut nodes = Vec::with_capacity(self.nodes.len());
        let mut to_give: BTreeMap<usize, Vec<CardId>> = self.index.kept_cards().clone();
        for (place, node) in self.nodes.iter().enumerate() {
            let Some(held) = by_node.get(&*node.name) else {
                nodes.push(node.clone());
                continue;
            };
            if !held.cards.is_empty() {
                to_give.insert(place, cards_without(self.cards_to_give(place), &self.cards, held));
            }
            nodes.push(node_without(node, held));
        }
        let mut storage = self.storage.clone();
        for pool in &mut storage {
            let bytes = by_node.values().filter_map(|held| held.storage.get(&pool.class));
            pool.capacity = bytes.fold(pool.capacity, |left, held| less(left, *held, Bytes::new));
        }
        let ips = by_node.values().fold(0_u64, |sum, held| sum.saturating_add(held.leased_ips));
        let leased_ips = self.leased_ips.map(|free| free.saturating_sub(ips));
        let index = Index::new(&nodes, &self.cards, to_give);
        Self { nodes, storage, leased_ips, index, ..self.with_same_tables() }
    }
}

fn node_without(node: &Node, held: &HeldCapacity) -> Node {
    Node {
        cpu: less(node.cpu, held.cpu, MilliCpu::new),
        memory: less(node.memory, held.memory, Bytes::new),
        ephemeral: less(node.ephemeral, held.ephemeral, Bytes::new),
        gpus: less(node.gpus, held.gpus, |cards| cards),
        hcas: less(node.hcas, held.hcas, |hcas| hcas),
        ..node.clone()
    }
}

fn less<T: Copy + Into<u64>>(capacity: Capacity<T>, held: u64, of: impl Fn(u64) -> T) -> Capacity<T> {
    Capacity { total: capacity.total, available: of(capacity.available.into().saturating_sub(held)) }
}

/// The cards that are left when each kind that may be handed out loses as many cards. This is the pessimistic choice: a
/// card that accepts two kinds is subtracted from both.
fn cards_without(described: &[CardId], cards: &[Card], held: &HeldCapacity) -> Vec<CardId> {
    let mut gone: BTreeMap<&str, u64> = BTreeMap::new();
    for entry in &held.cards {
        for (place, kind) in entry.kinds.iter().enumerate() {
            // A kind that is listed twice counts once.
            if !entry.kinds.iter().take(place).any(|known| known == kind) {
                let sum = gone.entry(kind).or_default();
                *sum = sum.saturating_add(entry.count);
            }
        }
    }
    let mut left = described.to_vec();
    left.retain(|id| {
        let kind = cards.get(id.place()).map(|card| card.kind.to_string()).unwrap_or_default();
        match gone.get_mut(kind.as_str()).filter(|gone| **gone > 0) {
            Some(gone) => {
                *gone = gone.saturating_sub(1);
                false
            }
            None => true,
        }
    });
    left
}
