//! The inventory: the nodes, cards, storage and leased IPs of a cluster, validated.
//!
//! A [`Cluster`] only contains what can be believed: [`validate`] turns everything else into findings, and what it
//! drops cannot be reserved.

pub mod finding;
pub mod held_capacity;
mod index;
mod interconnect;
pub mod ledger;
pub mod read;
pub mod utilisation;
pub mod validate;
pub mod variants;
pub mod words;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::gpu::GpuKind;
use crate::quantity::{Bytes, MilliCpu};

pub(crate) use index::{Free, Index, ModelNode};
pub use interconnect::{Interconnect, InterconnectId};

/// The maximum size of an inventory, in bytes.
pub const MAX_INPUT_BYTES: usize = 256 << 20;
/// The most cards that a node can plausibly have. Nodes with more are treated as having none.
pub const MAX_NODE_GPUS: u64 = 128;
/// More than any order can ask for: the meaning of -1 for leased IPs in a Status, and the capacity of a source that
/// does not count.
pub const UNLIMITED: u64 = i64::MAX.unsigned_abs();

/// Identifies a node of a [`Cluster`] by its index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(u32);

impl NodeId {
    /// The node at an index of [`Cluster::nodes`].
    pub(crate) fn at(place: usize) -> Self {
        Self(u32::try_from(place).unwrap_or(u32::MAX))
    }

    /// The node's index in [`Cluster::nodes`].
    #[must_use]
    pub fn place(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

/// Identifies a card description of a [`Cluster`] by its index in the table of distinct descriptions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CardId(u32);

impl CardId {
    /// The card's index in [`Cluster::cards`].
    #[must_use]
    pub fn place(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }

    /// The card's index in [`Cluster::cards`].
    pub(crate) fn number(self) -> u64 {
        u64::from(self.0)
    }
}

/// A distinct card description, in the inventory's words and as a [`GpuKind`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Card {
    /// What the card is, in canonical form.
    pub kind: GpuKind,
    /// The inventory's own words. The provider's algorithm compares these letter by letter.
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

/// The total and the free amount of a resource.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capacity<T> {
    /// The total amount that can be allocated.
    pub total: T,
    /// The free amount, at most `total`.
    pub available: T,
}

/// A validated node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Node {
    /// Its name, which is unique in the cluster.
    pub name: Arc<str>,
    /// CPU, in thousandths of a thread.
    pub cpu: Capacity<MilliCpu>,
    /// Memory, which `ram` volumes are also taken from.
    pub memory: Capacity<Bytes>,
    /// Ephemeral storage.
    pub ephemeral: Capacity<Bytes>,
    /// The number of GPUs. Which of the described cards are the free ones is unknown.
    pub gpus: Capacity<u64>,
    /// The described cards, one entry per card, in the inventory's order.
    pub cards: Vec<CardId>,
    /// The storage classes whose volumes can be mounted here.
    pub storage_classes: Vec<String>,
    /// How its GPUs reach those of other nodes, if the inventory says.
    pub interconnect: Option<InterconnectId>,
    /// Host channel adapters. A replica with an interconnect takes one per card.
    pub hcas: Capacity<u64>,
}

/// A storage class of the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoragePool {
    /// The class.
    pub class: String,
    /// Its capacity in bytes.
    pub capacity: Capacity<Bytes>,
}

/// A validated, immutable snapshot of a cluster.
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

    /// Whether any node could run a pod if it were empty, that is, has CPU and memory.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        self.nodes.iter().any(|node| node.cpu.total.get() > 0 && node.memory.total.get() > 0)
    }

    /// The nodes with their ids.
    pub fn nodes_with_ids(&self) -> impl Iterator<Item = (NodeId, &Node)> {
        (0..).map(NodeId).zip(&self.nodes)
    }

    /// The node with this id. The id must come from this cluster.
    #[must_use]
    pub fn node(&self, id: NodeId) -> Option<&Node> {
        self.nodes.get(id.place())
    }

    /// The distinct card descriptions, in order of first appearance.
    #[must_use]
    pub fn cards(&self) -> &[Card] {
        &self.cards
    }

    /// The card with this id. The id must come from this cluster.
    #[must_use]
    pub fn card(&self, id: CardId) -> Option<&Card> {
        self.cards.get(id.place())
    }

    /// The distinct interconnects of the nodes, in order of first appearance.
    #[must_use]
    pub fn interconnects(&self) -> &[Interconnect] {
        &self.interconnects
    }

    /// A node's interconnect, if it has one.
    #[must_use]
    pub fn interconnect_of(&self, node: &Node) -> Option<&Interconnect> {
        self.interconnects.get(node.interconnect?.place())
    }

    /// The storage pools, in the inventory's order.
    #[must_use]
    pub fn storage(&self) -> &[StoragePool] {
        &self.storage
    }

    /// The number of free leased IPs, if the inventory came in a provider's Status and says so.
    #[must_use]
    pub fn leased_ips(&self) -> Option<u64> {
        self.leased_ips
    }

    /// The same cluster with nothing allocated.
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

    /// A cluster without nodes, with the same cards, interconnects and leased IPs.
    fn with_same_tables(&self) -> Self {
        let (cards, interconnects) = (self.cards.clone(), self.interconnects.clone());
        Self { cards, interconnects, leased_ips: self.leased_ips, ..Self::default() }
    }

    /// The described cards of a node, by its index, that may be handed out: those that are not held back.
    #[must_use]
    pub fn cards_to_give(&self, place: usize) -> &[CardId] {
        let described = || self.nodes.get(place).map(|node| &node.cards);
        self.index.kept_cards().get(&place).or_else(described).map_or(&[], Vec::as_slice)
    }

    /// The distinct kinds of a node's cards of a vendor, in the node's order.
    pub(crate) fn kinds_of_vendor<'a>(&'a self, node: NodeId, vendor: &'a str) -> impl Iterator<Item = &'a GpuKind> {
        let outfit = self.index.outfit_of(node.place()).and_then(|place| self.index.outfits().get(place));
        let cards = outfit.map_or(&[] as &[_], |outfit| &outfit.cards);
        let kinds = move || cards.iter().filter_map(|(id, _)| self.card(*id)).map(|card| &card.kind);
        let is_new = move |(place, kind): &(usize, &GpuKind)| !kinds().take(*place).any(|known| known == *kind);
        kinds().enumerate().filter(is_new).map(|(_, kind)| kind).filter(move |kind| kind.vendor() == vendor)
    }

    /// The index that the search reads.
    pub(crate) fn index(&self) -> &Index {
        &self.index
    }
}

/// Builds a [`Cluster`], interning card descriptions and interconnects.
#[derive(Debug, Default)]
pub struct ClusterBuilder {
    cluster: Cluster,
    interned: BTreeMap<DescribedCard, CardId>,
    interconnects: BTreeMap<Interconnect, InterconnectId>,
}

impl ClusterBuilder {
    /// Interns a card description and returns its id.
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

    /// Interns an interconnect and returns its id.
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

    /// Sets the number of free leased IPs.
    pub fn leased_ips(&mut self, free: u64) {
        self.cluster.leased_ips = Some(free);
    }

    /// Finishes the cluster.
    #[must_use]
    pub fn build(mut self) -> Cluster {
        self.cluster.index = Index::new(&self.cluster.nodes, &self.cluster.cards, BTreeMap::new());
        self.cluster
    }
}
