//! What a cluster has: nodes, cards, storage and leased IPs, validated.
//!
//! A [`Cluster`] is only made of what can be believed: [`validate`] turns the rest into findings, and nothing that it
//! dropped can be reserved.

pub mod finding;
pub mod held;
mod index;
mod interconnect;
pub mod ledger;
pub mod read;
pub mod utilisation;
pub mod validate;
pub mod variants;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::gpu::GpuKind;
use crate::quantity::{Bytes, MilliCpu};

pub(crate) use index::{Free, Index, ModelNode};
pub use interconnect::{Interconnect, InterconnectId};

/// The most bytes that an inventory may have.
pub const MAX_INPUT_BYTES: usize = 256 << 20;
/// The most cards that a node is believed to have.
pub const MAX_NODE_GPUS: u64 = 128;
/// More than anything can ask: what a -1 stands for among a Status' leased IPs, and what a source has that does not count.
pub const UNLIMITED: u64 = i64::MAX.unsigned_abs();

/// A node of a [`Cluster`], by its place in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(u32);

impl NodeId {
    /// The node at a place of [`Cluster::nodes`].
    pub(crate) fn at(place: usize) -> Self {
        Self(u32::try_from(place).unwrap_or(u32::MAX))
    }

    /// The node's place in [`Cluster::nodes`].
    #[must_use]
    pub fn place(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

/// A described card of a [`Cluster`], by its place in the cluster's table of distinct cards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CardId(u32);

impl CardId {
    /// The card's place in [`Cluster::cards`].
    #[must_use]
    pub fn place(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }

    /// The card's place in [`Cluster::cards`].
    pub(crate) fn number(self) -> u64 {
        u64::from(self.0)
    }
}

/// A distinct description of a card, in the inventory's words and as a [`GpuKind`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Card {
    /// What the card is.
    pub kind: GpuKind,
    /// The inventory's own words, which the provider's algorithm compares letter by letter.
    pub described: DescribedCard,
}

/// A card in the words of an inventory.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DescribedCard {
    /// `vendor`, such as `nvidia`.
    pub vendor: String,
    /// `name`, such as `a100`.
    pub name: String,
    /// `interface`, such as `PCIe` or `SXM4`.
    pub interface: String,
    /// `memory_size`, such as `80Gi`.
    pub memory_size: String,
}

/// How much of something there is, and how much of that is free.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capacity<T> {
    /// What can be allocated in all.
    pub total: T,
    /// What is left of it: at most `total`.
    pub available: T,
}

/// A node that can be believed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Node {
    /// Its name, unique in the cluster.
    pub name: Arc<str>,
    /// CPU.
    pub cpu: Capacity<MilliCpu>,
    /// Memory; `ram` volumes come out of it.
    pub memory: Capacity<Bytes>,
    /// Ephemeral storage.
    pub ephemeral: Capacity<Bytes>,
    /// GPUs by count. Which of the described cards are the free ones is not known.
    pub gpus: Capacity<u64>,
    /// The described cards, one entry a card, in the inventory's order.
    pub cards: Vec<CardId>,
    /// Storage classes whose volumes can be mounted here.
    pub storage_classes: Vec<String>,
    /// How its GPUs reach those of other nodes, where it says so.
    pub interconnect: Option<InterconnectId>,
    /// Host channel adapters, of which a replica with an interconnect takes one a card.
    pub hcas: Capacity<u64>,
}

/// What the cluster has of one storage class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoragePool {
    /// The class.
    pub class: String,
    /// Its bytes.
    pub capacity: Capacity<Bytes>,
}

/// A validated snapshot of a cluster. Reserving never changes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cluster {
    nodes: Vec<Node>,
    cards: Vec<Card>,
    interconnects: Vec<Interconnect>,
    storage: Vec<StoragePool>,
    leased_ips: Option<u64>,
    index: Index,
}

impl Cluster {
    /// The nodes, in the inventory's order.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Whether any node could hold a pod when empty: it has CPU and memory.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        self.nodes.iter().any(|node| node.cpu.total.get() > 0 && node.memory.total.get() > 0)
    }

    /// The nodes with their ids.
    pub fn nodes_with_ids(&self) -> impl Iterator<Item = (NodeId, &Node)> {
        (0..).map(NodeId).zip(&self.nodes)
    }

    /// The node with this id, which must be of this cluster.
    #[must_use]
    pub fn node(&self, id: NodeId) -> Option<&Node> {
        self.nodes.get(id.place())
    }

    /// The distinct card descriptions, in order of first appearance.
    #[must_use]
    pub fn cards(&self) -> &[Card] {
        &self.cards
    }

    /// The card with this id, which must be of this cluster.
    #[must_use]
    pub fn card(&self, id: CardId) -> Option<&Card> {
        self.cards.get(id.place())
    }

    /// The distinct interconnects of nodes, in order of first appearance.
    #[must_use]
    pub fn interconnects(&self) -> &[Interconnect] {
        &self.interconnects
    }

    /// A node's interconnect, where it has one.
    #[must_use]
    pub fn interconnect_of(&self, node: &Node) -> Option<&Interconnect> {
        self.interconnects.get(node.interconnect?.place())
    }

    /// The storage pools, in the inventory's order.
    #[must_use]
    pub fn storage(&self) -> &[StoragePool] {
        &self.storage
    }

    /// How many leased IPs are free, when the inventory came in a provider's Status and says so.
    #[must_use]
    pub fn leased_ips(&self) -> Option<u64> {
        self.leased_ips
    }

    /// The cluster with nothing allocated: what is available is all that there is.
    #[must_use]
    pub fn emptied(&self) -> Self {
        let mut nodes = self.nodes.clone();
        for node in &mut nodes {
            node.cpu.available = node.cpu.total;
            node.memory.available = node.memory.total;
            node.ephemeral.available = node.ephemeral.total;
            node.gpus.available = node.gpus.total;
            node.hcas.available = node.hcas.total;
        }
        let mut storage = self.storage.clone();
        for pool in &mut storage {
            pool.capacity.available = pool.capacity.total;
        }
        let index = Index::new(&nodes, &self.cards, BTreeMap::new());
        Self { nodes, storage, index, ..self.with_same_tables() }
    }

    /// A cluster without nodes that knows the same cards and interconnects, and has the same leased IPs.
    fn with_same_tables(&self) -> Self {
        let (cards, interconnects) = (self.cards.clone(), self.interconnects.clone());
        Self { cards, interconnects, leased_ips: self.leased_ips, ..Self::default() }
    }

    /// The described cards of the node at a place that may be given, without those that are held back.
    #[must_use]
    pub fn cards_to_give(&self, place: usize) -> &[CardId] {
        let described = || self.nodes.get(place).map(|node| &node.cards);
        self.index.kept_cards().get(&place).or_else(described).map_or(&[], Vec::as_slice)
    }

    /// The cluster as a search reads it.
    pub(crate) fn index(&self) -> &Index {
        &self.index
    }
}

/// Builds a [`Cluster`], interning card descriptions.
#[derive(Debug, Default)]
pub struct ClusterBuilder {
    cluster: Cluster,
    interned: BTreeMap<DescribedCard, CardId>,
    interconnects: BTreeMap<Interconnect, InterconnectId>,
}

impl ClusterBuilder {
    /// The id of a card description, new or known.
    pub fn card(&mut self, described: DescribedCard) -> CardId {
        if let Some(id) = self.interned.get(&described) {
            return *id;
        }
        let id = CardId(u32::try_from(self.cluster.cards.len()).unwrap_or(u32::MAX));
        let DescribedCard { vendor, name, interface, memory_size } = &described;
        let kind = GpuKind::described(vendor, name, memory_size, interface);
        self.cluster.cards.push(Card { kind, described: described.clone() });
        self.interned.insert(described, id);
        id
    }

    /// The id of an interconnect, new or known.
    pub fn interconnect(&mut self, interconnect: Interconnect) -> InterconnectId {
        let known = &mut self.cluster.interconnects;
        let next = InterconnectId::at(known.len());
        *self.interconnects.entry(interconnect).or_insert_with_key(|interconnect| {
            known.push(interconnect.clone());
            next
        })
    }

    /// Adds a node.
    pub fn node(&mut self, node: Node) {
        self.cluster.nodes.push(node);
    }

    /// Adds a storage pool.
    pub fn storage(&mut self, pool: StoragePool) {
        self.cluster.storage.push(pool);
    }

    /// Says how many leased IPs are free.
    pub fn leased_ips(&mut self, free: u64) {
        self.cluster.leased_ips = Some(free);
    }

    /// The cluster.
    #[must_use]
    pub fn build(mut self) -> Cluster {
        self.cluster.index = Index::new(&self.cluster.nodes, &self.cluster.cards, BTreeMap::new());
        self.cluster
    }
}
