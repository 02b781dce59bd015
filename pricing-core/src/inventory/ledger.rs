//! A cluster on which leases start and end: the state that a simulation keeps between two orders.
//!
//! A [`Cluster`] is an immutable snapshot. A [`Ledger`] owns one and moves it from snapshot to snapshot: what a lease
//! takes is gone until the lease is released. Only the nodes of that lease are updated, since rebuilding the whole
//! cluster for every order would dominate a simulation's run time.
//!
//! The invariant, which a property test checks: at every moment, [`Ledger::cluster`] equals the cluster that the active
//! leases would leave if it were rebuilt from the initial snapshot.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::held_capacity::{HeldCapacity, HeldCards};
use super::utilisation::Utilisation;
use super::{CardId, Cluster, Node, NodeId};
use crate::quantity::{Bytes, MilliCpu};

/// What a lease takes from one node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeasedNode {
    /// Thousandths of a thread.
    pub cpu: u64,
    /// Bytes of memory, with `ram` volumes.
    pub memory: u64,
    /// Bytes of ephemeral storage.
    pub ephemeral: u64,
    /// The number of cards.
    pub gpus: u64,
    /// Host channel adapters.
    pub hcas: u64,
    /// Which cards were handed out.
    pub allocated: Vec<AllocatedCards>,
}

impl LeasedNode {
    /// The cards that were handed out, by description.
    pub fn cards(&self) -> impl Iterator<Item = CardId> + '_ {
        self.allocated.iter().flat_map(|allocated| allocated.cards.iter().copied())
    }
}

/// Cards that were handed out to pods that accept the same kinds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllocatedCards {
    /// The accepted kinds, as in [`HeldCards::kinds`].
    pub kinds: Vec<String>,
    /// The cards, by description.
    pub cards: Vec<CardId>,
}

/// What a lease takes from a cluster until it is released.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lease {
    nodes: Vec<(NodeId, LeasedNode)>,
    storage: Vec<(String, u64)>,
    leased_ips: u64,
}

impl Lease {
    /// What it takes from each node.
    #[must_use]
    pub fn nodes(&self) -> &[(NodeId, LeasedNode)] {
        &self.nodes
    }
}

/// Why a lease cannot start: the cluster does not have what it would take.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LeaseError {
    /// The cluster has no node with this name.
    #[error("the cluster has no node `{0}`")]
    UnknownNode(String),
    /// A node has less left than the lease takes from it.
    #[error("node `{node}` has not enough {what} left")]
    Short {
        /// The node.
        node: String,
        /// The resource.
        what: &'static str,
    },
    /// A storage class has less left.
    #[error("storage class `{0}` has not enough left")]
    Storage(String),
    /// There are fewer leased IPs left.
    #[error("there are not enough leased IPs left")]
    LeasedIps,
}

/// A cluster on which leases start and end.
#[derive(Clone, Debug)]
pub struct Ledger {
    cluster: Cluster,
    by_name: BTreeMap<Arc<str>, usize>,
    /// The kind of each card description, in the words of a [`HeldCards`].
    kinds: Vec<String>,
    /// For each card description, the position of its model in the index.
    models: Vec<usize>,
    utilisation: Utilisation,
}

impl Ledger {
    /// Starts a ledger with a snapshot.
    ///
    /// What the snapshot shows as allocated stays allocated. An inventory does not say which of a node's cards are in
    /// use, so the ledger takes the last ones that the node describes and never hands them out.
    #[must_use]
    pub fn new(mut cluster: Cluster) -> Self {
        let models = cluster.index.models_of(cluster.cards.len());
        for (place, node) in cluster.nodes.iter().enumerate() {
            let free = usize::try_from(node.gpus.available).unwrap_or(usize::MAX);
            let left = cluster.cards_to_give(place).get(..free).map(<[CardId]>::to_vec);
            if let Some(left) = left.filter(|left| left.len() < node.cards.len()) {
                cluster.index.refresh(place, node, Some(left), &models);
            }
        }
        let names = cluster.nodes().iter().enumerate().map(|(place, node)| (Arc::clone(&node.name), place));
        Self {
            by_name: names.collect(),
            kinds: cluster.cards().iter().map(|card| card.kind.to_string()).collect(),
            models,
            utilisation: Utilisation::of(&cluster),
            cluster,
        }
    }

    /// The cluster as the active leases leave it.
    #[must_use]
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// The node with this name.
    #[must_use]
    pub fn node(&self, name: &str) -> Option<NodeId> {
        self.by_name.get(name).copied().map(NodeId::at)
    }

    /// The utilisation of the cluster.
    #[must_use]
    pub fn utilisation(&self) -> &Utilisation {
        &self.utilisation
    }

    /// Takes what an order needs, as [`HeldCapacity::by`] computes it, all or nothing. Everything is checked before
    /// anything is taken.
    ///
    /// Kubernetes hands out any matching card. `start` imitates that: it gets the number of cards on a node and returns
    /// the index, below that number, at which to start looking for one.
    ///
    /// # Errors
    /// When the cluster does not have all of it. In that case nothing is taken.
    pub fn take(&mut self, held: &[HeldCapacity], mut start: impl FnMut(usize) -> usize) -> Result<Lease, LeaseError> {
        let mut lease = Lease::default();
        for held in &HeldCapacity::merge(held.iter().cloned()) {
            let unknown = || LeaseError::UnknownNode(held.node.clone());
            let place = self.by_name.get(held.node.as_str()).copied().ok_or_else(unknown)?;
            let node = self.cluster.nodes.get(place).ok_or_else(unknown)?;
            let taken = self.of_node(place, node, held, &mut start)?;
            lease.nodes.push((NodeId::at(place), taken));
            for (class, bytes) in &held.storage {
                match lease.storage.iter_mut().find(|(known, _)| known == class) {
                    Some((_, sum)) => *sum = sum.saturating_add(*bytes),
                    None => lease.storage.push((class.clone(), *bytes)),
                }
            }
            lease.leased_ips = lease.leased_ips.saturating_add(held.leased_ips);
        }
        for (class, bytes) in &lease.storage {
            let pool = self.cluster.storage.iter().find(|pool| pool.class == *class);
            if pool.is_none_or(|pool| pool.capacity.available.get() < *bytes) {
                return Err(LeaseError::Storage(class.clone()));
            }
        }
        if self.cluster.leased_ips.is_some_and(|free| free < lease.leased_ips) {
            return Err(LeaseError::LeasedIps);
        }
        self.apply(&lease, u64::saturating_sub, true);
        Ok(lease)
    }

    /// Releases what a lease took, which becomes available again.
    pub fn release(&mut self, lease: Lease) {
        self.apply(&lease, u64::saturating_add, false);
    }

    /// What an order takes from one node, if the node has it.
    fn of_node(
        &self,
        place: usize,
        node: &Node,
        held: &HeldCapacity,
        start: &mut impl FnMut(usize) -> usize,
    ) -> Result<LeasedNode, LeaseError> {
        let short = |what| LeaseError::Short { node: node.name.to_string(), what };
        for (what, free, asked) in [
            ("CPU", node.cpu.available.get(), held.cpu),
            ("memory", node.memory.available.get(), held.memory),
            ("ephemeral storage", node.ephemeral.available.get(), held.ephemeral),
            ("GPUs", node.gpus.available, held.gpus),
            ("HCAs", node.hcas.available, held.hcas),
        ] {
            if asked > free {
                return Err(short(what));
            }
        }
        let to_give = self.cluster.cards_to_give(place);
        let allocated = self.hand_out(to_give, &held.cards, start).ok_or_else(|| short("cards of the kind"))?;
        let HeldCapacity { cpu, memory, ephemeral, gpus, hcas, .. } = *held;
        Ok(LeasedNode { cpu, memory, ephemeral, gpus, hcas, allocated })
    }

    /// Assigns a distinct card to each one that is asked for. None if that is impossible.
    ///
    /// This is bipartite matching with augmenting paths (Kuhn's algorithm): each request for a card is matched in turn,
    /// and an earlier one may be moved to another card that it also accepts. Handing out the first suitable card would
    /// refuse leases that fit.
    fn hand_out(
        &self,
        to_give: &[CardId],
        asked: &[HeldCards],
        start: &mut impl FnMut(usize) -> usize,
    ) -> Option<Vec<AllocatedCards>> {
        let count = to_give.len();
        let mut allocated: Vec<Option<usize>> = vec![None; count];
        for (place, entry) in asked.iter().enumerate() {
            for _ in 0..entry.count {
                let first = if count == 0 { 0 } else { start(count) };
                let mut seen = vec![false; count];
                if !self.give_one(to_give, asked, place, first, &mut allocated, &mut seen) {
                    return None;
                }
            }
        }
        let of = |(place, entry): (usize, &HeldCards)| {
            let cards = to_give.iter().zip(&allocated).filter(|(_, to)| **to == Some(place)).map(|(card, _)| *card);
            AllocatedCards { kinds: entry.kinds.clone(), cards: cards.collect() }
        };
        Some(asked.iter().enumerate().map(of).collect())
    }

    /// Finds an augmenting path for one request of the entry `asks`: a free card that it accepts, or a card whose
    /// holder can move to another one. `seen` marks the cards on the way, so each is visited once per path. The search
    /// starts at `first`, and cards of holders that move are looked for from the beginning.
    fn give_one(
        &self,
        to_give: &[CardId],
        asked: &[HeldCards],
        asks: usize,
        first: usize,
        allocated: &mut Vec<Option<usize>>,
        seen: &mut Vec<bool>,
    ) -> bool {
        let Some(entry) = asked.get(asks) else { return false };
        let turned = (0..to_give.len()).cycle().skip(first).take(to_give.len());
        let fits = |card: &CardId| self.kinds.get(card.place()).is_some_and(|kind| entry.kinds.contains(kind));
        let places: Vec<usize> = turned.filter(|place| to_give.get(*place).is_some_and(fits)).collect();
        if let Some(free) = places.iter().find(|place| allocated.get(**place).is_some_and(Option::is_none)) {
            if let Some(slot) = allocated.get_mut(*free) {
                *slot = Some(asks);
            }
            return true;
        }
        for place in places {
            let Some(known) = seen.get_mut(place).filter(|known| !**known) else { continue };
            *known = true;
            let Some(holder) = allocated.get(place).copied().flatten() else { continue };
            if self.give_one(to_give, asked, holder, 0, allocated, seen) {
                if let Some(slot) = allocated.get_mut(place) {
                    *slot = Some(asks);
                }
                return true;
            }
        }
        false
    }

    /// Adds what a lease takes to what is left, or subtracts it, on its nodes, in the storage pools and among the
    /// leased IPs. Index and utilisation follow node by node.
    fn apply(&mut self, lease: &Lease, change: impl Fn(u64, u64) -> u64, taking: bool) {
        for (id, taken) in &lease.nodes {
            let place = id.place();
            let to_give = self.left_to_give(place, taken.cards(), taking);
            let Some(node) = self.cluster.nodes.get_mut(place) else { continue };
            let before = node.clone();
            node.cpu.available = MilliCpu::new(change(node.cpu.available.get(), taken.cpu));
            node.memory.available = Bytes::new(change(node.memory.available.get(), taken.memory));
            node.ephemeral.available = Bytes::new(change(node.ephemeral.available.get(), taken.ephemeral));
            node.gpus.available = change(node.gpus.available, taken.gpus);
            node.hcas.available = change(node.hcas.available, taken.hcas);
            let kept = to_give.filter(|to_give| *to_give != node.cards);
            self.cluster.index.refresh(place, node, kept, &self.models);
            self.utilisation.follow(&before, node, &self.cluster.cards);
        }
        for (class, bytes) in &lease.storage {
            if let Some(pool) = self.cluster.storage.iter_mut().find(|pool| pool.class == *class) {
                pool.capacity.available = Bytes::new(change(pool.capacity.available.get(), *bytes));
            }
        }
        self.cluster.leased_ips = self.cluster.leased_ips.map(|free| change(free, lease.leased_ips));
    }

    /// The cards that a node can still hand out after some were taken or returned, in the node's order. None if there
    /// is no such node.
    fn left_to_give(&self, place: usize, cards: impl Iterator<Item = CardId>, taking: bool) -> Option<Vec<CardId>> {
        let node = self.cluster.nodes.get(place)?;
        let to_give = self.cluster.cards_to_give(place);
        let mut left: BTreeMap<CardId, usize> = BTreeMap::new();
        for card in to_give {
            let count = left.entry(*card).or_default();
            *count = count.saturating_add(1);
        }
        for card in cards {
            let count = left.entry(card).or_default();
            *count = if taking { count.saturating_sub(1) } else { count.saturating_add(1) };
        }
        // Cards with the same description are interchangeable, so the first ones of the node stay. This makes the
        // result independent of the order in which leases came and went.
        let mut kept = Vec::with_capacity(node.cards.len());
        for card in &node.cards {
            if let Some(count) = left.get_mut(card).filter(|count| **count > 0) {
                *count = count.saturating_sub(1);
                kept.push(*card);
            }
        }
        Some(kept)
    }
}

#[cfg(test)]
mod tests;
