//! Where Kubernetes could start a pod, and which cards it could be handed there.
//!
//! The daemon does not tie a pod to the node that it reserved. A pod asks Kubernetes for less than the daemon reserves,
//! so it may start on any node that has room for it and the label of the reserved vendor and model. It asks for:
//!
//! - CPU and memory as ordered, *without* `ram` volumes, which only raise the pod's limit;
//! - the ephemeral storage of the *last* volume that has no class;
//! - a number of cards; RAM, interface and the other models of the node do not reach the scheduler;
//! - an HCA for each card, by the resource name of the reserved nodes, if the unit asks for an interconnect; the fabric
//!   does not reach the scheduler;
//! - a label for each persistent class that the order names.
//!
//! Commit levels apply to all of these but cards and HCAs: the daemon does not overcommit them, so a level for cards
//! only affects what is reserved. What the order's other replicas take is not subtracted, because pods start in
//! any order.

use std::collections::BTreeMap;

use crate::budget::{Budget, Spent};
use crate::inventory::{CardId, Cluster, Free, InterconnectId, Node};
use crate::order::{ResourceUnit, StorageClass};
use crate::quantity::amount::Amount;
use crate::quantity::{Bytes, MilliCpu};

use super::CommittedUnit;
use super::shortage::has_class;

/// What the pod of one replica asks Kubernetes for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PodRequest {
    pub(super) cpu: MilliCpu,
    pub(super) memory: Bytes,
    pub(super) ephemeral: Bytes,
    pub(super) gpus: u64,
    pub(super) hcas: u64,
    /// The named persistent classes, as bits of the index.
    class_bits: u64,
    /// The named persistent classes that have no bit in the index.
    classes: Vec<String>,
}

impl PodRequest {
    /// What the pod of a unit asks for after commit levels.
    ///
    /// `unit` says which storage attributes the order names, and `committed` has the amounts. The rules are those of
    /// the daemon's manifest builder: the last volume without a class decides the ephemeral storage.
    #[must_use]
    pub fn new(unit: &ResourceUnit, committed: &CommittedUnit, cluster: &Cluster) -> Self {
        let mut request = Self {
            cpu: committed.cpu,
            memory: committed.memory,
            ephemeral: Bytes::ZERO,
            gpus: unit.gpu.units,
            hcas: if committed.interconnect.is_some() { unit.gpu.units } else { 0 },
            class_bits: 0,
            classes: Vec::new(),
        };
        for (volume, (class, size)) in unit.storage.iter().zip(&committed.storage) {
            let names_class =
                volume.attributes.iter().any(|attribute| attribute.key == "class" && !attribute.value.is_empty());
            match class {
                StorageClass::Ephemeral if !names_class => request.ephemeral = *size,
                // A script request names classes without attributes.
                StorageClass::Persistent(name) if names_class || volume.attributes.is_empty() => {
                    request.add_class(name.exact(), cluster);
                }
                StorageClass::Ephemeral | StorageClass::Ram | StorageClass::Persistent(_) => {}
            }
        }
        request
    }

    fn add_class(&mut self, class: &str, cluster: &Cluster) {
        match cluster.index().class_bit(class) {
            Some(bit) => self.class_bits |= bit,
            None => self.classes.push(class.to_owned()),
        }
    }

    /// CPU.
    #[must_use]
    pub fn cpu(&self) -> MilliCpu {
        self.cpu
    }

    /// Memory.
    #[must_use]
    pub fn memory(&self) -> Bytes {
        self.memory
    }

    /// Ephemeral storage.
    #[must_use]
    pub fn ephemeral(&self) -> Bytes {
        self.ephemeral
    }

    /// Cards.
    #[must_use]
    pub fn gpus(&self) -> u64 {
        self.gpus
    }

    /// Host channel adapters.
    #[must_use]
    pub fn hcas(&self) -> u64 {
        self.hcas
    }

    /// Whether the pod requests neither CPU nor memory.
    pub(super) fn is_best_effort(&self) -> bool {
        self.cpu.is_zero() && self.memory.is_zero()
    }

    /// Takes what some of these pods request from what a node has free.
    pub(super) fn take(&self, free: &mut Free, pods: u32) {
        let pods = u64::from(pods);
        free.cpu = free.cpu.less(self.cpu.times(pods));
        free.memory = free.memory.less(self.memory.times(pods));
        free.ephemeral = free.ephemeral.less(self.ephemeral.times(pods));
        free.gpus = free.gpus.less(self.gpus.times(pods));
        free.hcas = free.hcas.less(self.hcas.times(pods));
    }

    /// How many names of classes are compared for each node.
    pub(super) fn compared(&self) -> usize {
        self.classes.len()
    }

    /// The named persistent classes that a node does not have.
    pub(super) fn classes_missing_on<'a>(
        &'a self,
        cluster: &'a Cluster,
        node: &'a Node,
    ) -> impl Iterator<Item = &'a str> {
        let index = cluster.index();
        let named = |class: &&str| index.class_bit(class).is_some_and(|bit| self.class_bits & bit != 0);
        let indexed = index.classes().iter().map(String::as_str).filter(named);
        indexed.chain(self.classes.iter().map(String::as_str)).filter(move |class| !has_class(node, class))
    }

    /// Whether the pod could start on a node that has the label of its vendor and model.
    pub(super) fn could_start(&self, free: &Free, node: &Node) -> bool {
        self.has_room(free) && self.finds_classes(node)
    }

    /// Whether a node has the storage classes that have no bit in the index.
    pub(super) fn finds_classes(&self, node: &Node) -> bool {
        self.classes.iter().all(|class| node.storage_classes.contains(class))
    }

    /// Whether a node with so much free has room for the pod, and the storage classes that the index knows.
    pub(super) fn has_room(&self, free: &Free) -> bool {
        free.gpus >= self.gpus
            && free.hcas >= self.hcas
            && free.cpu >= self.cpu
            && free.memory >= self.memory
            && free.ephemeral >= self.ephemeral
            && free.classes & self.class_bits == self.class_bits
    }
}

/// What a pod asks for in addition to amounts, as a result of its unit's reservation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodSelector {
    /// The vendor of the label, in lower case.
    pub vendor: String,
    /// The model of the label, in lower case.
    pub model: String,
    /// The interconnect of the reserved nodes. The pods ask for its resource name.
    pub interconnect: Option<InterconnectId>,
}

impl PodSelector {
    /// For each of the cluster's interconnects, whether a pod can start on its nodes. None if the pod asks for no
    /// interconnect.
    pub(super) fn interconnects(&self, cluster: &Cluster) -> Option<Vec<bool>> {
        let reserved = cluster.interconnects().get(self.interconnect?.place())?;
        Some(cluster.interconnects().iter().map(|one| one.resource_name == reserved.resource_name).collect())
    }
}

/// The nodes with the label of a selector's vendor and model, as indices, ascending.
pub(super) fn labelled<'c>(selector: &PodSelector, cluster: &'c Cluster) -> &'c [usize] {
    let index = cluster.index();
    let model = index.model(&selector.vendor, &selector.model).and_then(|place| index.models().get(place));
    model.map_or(&[], |model| &model.labelled)
}

/// The nodes where a pod could start, as indices, ascending.
///
/// # Errors
/// When the budget is used up.
pub fn nodes(
    pod: &PodRequest,
    selector: &PodSelector,
    cluster: &Cluster,
    budget: &Budget<'_>,
) -> Result<Vec<usize>, Spent> {
    let index = cluster.index();
    let labelled = labelled(selector, cluster);
    let looked_at = labelled.len().saturating_mul(pod.classes.len().saturating_add(1));
    budget.take(looked_at.saturating_add(cluster.interconnects().len()))?;
    let connected = selector.interconnects(cluster);
    let connects = |node: &Node| {
        let allowed = |connected: &Vec<bool>| node.interconnect.and_then(|id| connected.get(id.place())) == Some(&true);
        connected.as_ref().is_none_or(allowed)
    };
    let could_start = |place: &usize| {
        let free = index.free().get(*place).zip(cluster.nodes().get(*place));
        free.is_some_and(|(free, node)| connects(node) && pod.could_start(free, node))
    };
    Ok(labelled.iter().copied().filter(could_start).collect())
}

/// Nodes with the same described cards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SameCards<'c> {
    /// The cards of each node: every distinct description, and how many cards it has.
    pub cards: &'c [(CardId, u64)],
    /// How many cards are free on all of these nodes together.
    pub free: u64,
    /// The number of nodes.
    pub nodes: u64,
    /// The first of the nodes, as an index.
    pub first: usize,
}

/// Groups nodes by their cards. The groups are in the order of their first nodes.
#[must_use]
pub fn by_outfit<'c>(nodes: &[usize], cluster: &'c Cluster) -> Vec<SameCards<'c>> {
    let index = cluster.index();
    let mut slots: BTreeMap<usize, usize> = BTreeMap::new();
    let mut alike: Vec<SameCards<'c>> = Vec::new();
    for place in nodes {
        let Some(at) = index.outfit_of(*place) else { continue };
        let Some(outfit) = index.outfits().get(at) else { continue };
        let known = *slots.entry(at).or_insert(alike.len());
        if known == alike.len() {
            alike.push(SameCards { cards: &outfit.cards, free: 0, nodes: 0, first: *place });
        }
        if let (Some(alike), Some(free)) = (alike.get_mut(known), index.free().get(*place)) {
            alike.free = alike.free.saturating_add(free.gpus);
            alike.nodes = alike.nodes.saturating_add(1);
        }
    }
    alike
}
