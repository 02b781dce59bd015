//! What is left of a cluster while an order is being placed. Only nodes that were touched have an entry, since most
//! orders touch few of many.

use std::collections::BTreeSet;

use crate::inventory::{CardId, Cluster, Node, NodeId};
use crate::order::StorageClass;
use crate::quantity::amount::Amount;
use crate::quantity::{Bytes, MilliCpu};
use crate::reserve::{CommittedUnit, InterconnectRequest, Sidecar};

/// How far a failure reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shortage {
    /// The node cannot take the replica; the next node is tried.
    Node,
    /// The cluster cannot take the volume with this index; the search ends.
    Cluster(usize),
}

/// What a node has left.
#[derive(Clone, Copy, Debug)]
pub(super) struct Free {
    pub(super) cpu: MilliCpu,
    pub(super) gpus: u64,
    pub(super) hcas: u64,
    pub(super) memory: Bytes,
    ephemeral: Bytes,
}

impl Free {
    fn of(node: &Node) -> Self {
        Self {
            cpu: node.cpu.available,
            gpus: node.gpus.available,
            hcas: node.hcas.available,
            memory: node.memory.available,
            ephemeral: node.ephemeral.available,
        }
    }
}

/// One volume of a replica, with the running sum of what the replica asked of the same resource, this volume included.
/// The daemon subtracts volume by volume and stops at the first that fails, so the sums tell which one it is.
#[derive(Debug)]
enum Step<'a> {
    /// From the node's memory; the sum includes the replica's own memory.
    Ram(Bytes),
    /// From the node's disk.
    Ephemeral(Bytes),
    /// From a storage class of the cluster, with the index of its pool, if there is one.
    Persistent { class: &'a str, pool: Option<usize>, sum: Bytes },
    /// A persistent volume whose class the daemon treats as missing.
    Classless,
}

/// What one replica asks of a node and of the cluster.
#[derive(Debug)]
pub(super) struct Demand<'a> {
    cpu: MilliCpu,
    gpus: u64,
    hcas: u64,
    /// Includes `ram` volumes.
    memory: Bytes,
    sidecar: Sidecar,
    /// The label that at most one replica per node may have.
    label: Option<&'a str>,
    ephemeral: Bytes,
    steps: Vec<Step<'a>>,
    /// What is asked of each pool, by its index; each pool appears once.
    pools: Vec<(usize, Bytes)>,
}

impl<'a> Demand<'a> {
    pub(super) fn new(unit: &'a CommittedUnit, stock: &Stock<'_>) -> Self {
        let mut demand = Self {
            cpu: unit.cpu,
            gpus: unit.gpu.units,
            hcas: unit.hcas(),
            memory: unit.memory,
            sidecar: unit.sidecar,
            label: unit.interconnect.as_ref().and_then(InterconnectRequest::exclusive_label),
            ephemeral: Bytes::ZERO,
            steps: Vec::with_capacity(unit.storage.len()),
            pools: Vec::new(),
        };
        for (class, size) in &unit.storage {
            let step = demand.step(class, *size, stock);
            demand.steps.push(step);
        }
        demand
    }

    fn step(&mut self, class: &'a StorageClass, size: Bytes, stock: &Stock<'_>) -> Step<'a> {
        match class {
            StorageClass::Ram => {
                self.memory = self.memory.saturating_add(size);
                Step::Ram(self.memory)
            }
            StorageClass::Ephemeral => {
                self.ephemeral = self.ephemeral.saturating_add(size);
                Step::Ephemeral(self.ephemeral)
            }
            StorageClass::Persistent(class) if matches!(class.exact(), "" | "ram") => Step::Classless,
            StorageClass::Persistent(class) => {
                let pool = stock.cluster.storage().iter().position(|pool| *class == *pool.class);
                let sum = pool.map_or(size, |pool| self.add_to_pool(pool, size));
                Step::Persistent { class: class.exact(), pool, sum }
            }
        }
    }

    /// Whether a node has room for the sidecar in addition to the replica.
    pub(super) fn leaves_room_for_sidecar(&self, free: Free) -> bool {
        free.cpu.saturating_sub(self.cpu) >= self.sidecar.cpu
            && free.memory.saturating_sub(self.memory) >= self.sidecar.memory
    }

    /// CPU of a replica and its sidecar.
    fn whole_cpu(&self) -> MilliCpu {
        self.cpu.saturating_add(self.sidecar.cpu)
    }

    /// Memory of a replica and its sidecar.
    fn whole_memory(&self) -> Bytes {
        self.memory.saturating_add(self.sidecar.memory)
    }

    fn add_to_pool(&mut self, pool: usize, size: Bytes) -> Bytes {
        if let Some((_, sum)) = self.pools.iter_mut().find(|(known, _)| *known == pool) {
            *sum = sum.saturating_add(size);
            return *sum;
        }
        self.pools.push((pool, size));
        size
    }
}

/// A cluster, and what was taken from it.
#[derive(Debug)]
pub(super) struct Stock<'c> {
    cluster: &'c Cluster,
    /// The interconnect labels of the replicas on each node.
    labels: BTreeSet<(NodeId, String)>,
    /// For each node its entry in `touched`, counted from 1; 0 if it has none.
    slots: Vec<u32>,
    touched: Vec<Free>,
    pools: Vec<Bytes>,
}

impl<'c> Stock<'c> {
    pub(super) fn new(cluster: &'c Cluster) -> Self {
        Self {
            cluster,
            labels: BTreeSet::new(),
            slots: vec![0; cluster.nodes().len()],
            touched: Vec::new(),
            pools: cluster.storage().iter().map(|pool| pool.capacity.available).collect(),
        }
    }

    pub(super) fn free(&self, id: NodeId, node: &Node) -> Free {
        self.entry(id).and_then(|place| self.touched.get(place)).copied().unwrap_or_else(|| Free::of(node))
    }

    /// The described cards of a node, without those that are held back for other orders.
    pub(super) fn cards(&self, id: NodeId) -> &'c [CardId] {
        self.cluster.cards_to_give(id.place())
    }

    fn entry(&self, id: NodeId) -> Option<usize> {
        let slot = self.slots.get(id.place()).copied().unwrap_or(0);
        usize::try_from(slot).ok()?.checked_sub(1)
    }

    /// Whether a node has a suitable interconnect for a unit, and no peer of it.
    pub(super) fn connects(&self, id: NodeId, node: &Node, unit: &CommittedUnit) -> bool {
        let Some(asked) = &unit.interconnect else { return true };
        let label = asked.exclusive_label();
        !label.is_some_and(|label| self.labels.contains(&(id, label.to_owned())))
            && self.cluster.interconnect_of(node).is_some_and(|interconnect| asked.is_met_by(interconnect))
    }

    /// The first of a replica's volumes that fails, and how.
    pub(super) fn volumes_short_of(&self, free: Free, node: &Node, demand: &Demand<'_>) -> Option<Shortage> {
        for (place, step) in demand.steps.iter().enumerate() {
            let short = match step {
                Step::Ram(sum) => (*sum > free.memory).then_some(Shortage::Node),
                Step::Ephemeral(sum) => (*sum > free.ephemeral).then_some(Shortage::Node),
                Step::Classless => Some(Shortage::Cluster(place)),
                Step::Persistent { class, .. } if !node.storage_classes.iter().any(|known| known == class) => {
                    Some(Shortage::Node)
                }
                Step::Persistent { pool, sum, .. } => {
                    let left = pool.and_then(|pool| self.pools.get(pool));
                    left.is_none_or(|left| sum > left).then_some(Shortage::Cluster(place))
                }
            };
            if short.is_some() {
                return short;
            }
        }
        None
    }

    /// How many replicas fit on a node as far as amounts are concerned.
    pub(super) fn fitting(&self, id: NodeId, node: &Node, demand: &Demand<'_>) -> u32 {
        let free = self.free(id, node);
        let pools =
            demand.pools.iter().map(|(pool, sum)| self.pools.get(*pool).copied().unwrap_or_default().room_for(*sum));
        let node = [
            free.cpu.room_for(demand.whole_cpu()),
            free.gpus.room_for(demand.gpus),
            free.hcas.room_for(demand.hcas),
            free.memory.room_for(demand.whole_memory()),
            free.ephemeral.room_for(demand.ephemeral),
            demand.label.map(|_| 1),
        ];
        // Resources that the replica does not ask for do not limit it.
        let fits = node.into_iter().chain(pools).flatten().min();
        fits.map_or(u32::MAX, |fits| u32::try_from(fits).unwrap_or(u32::MAX))
    }

    /// Takes some replicas from a node and from the cluster's storage.
    ///
    /// A node gets its own copy of what is free when it is first used. Most nodes of a cluster are never used by an
    /// order, so this costs less than a copy of the cluster.
    pub(super) fn take(&mut self, id: NodeId, node: &Node, demand: &Demand<'_>, replicas: u32) {
        let replicas = u64::from(replicas);
        let free = self.free(id, node);
        let free = Free {
            cpu: free.cpu.less(demand.whole_cpu().times(replicas)),
            gpus: free.gpus.less(demand.gpus.times(replicas)),
            hcas: free.hcas.less(demand.hcas.times(replicas)),
            memory: free.memory.less(demand.whole_memory().times(replicas)),
            ephemeral: free.ephemeral.less(demand.ephemeral.times(replicas)),
        };
        if let Some(label) = demand.label {
            self.labels.insert((id, label.to_owned()));
        }
        for (pool, sum) in &demand.pools {
            if let Some(bytes) = self.pools.get_mut(*pool) {
                *bytes = bytes.less(sum.times(replicas));
            }
        }
        match self.entry(id) {
            Some(place) => {
                if let Some(entry) = self.touched.get_mut(place) {
                    *entry = free;
                }
            }
            None => {
                self.touched.push(free);
                if let Some(slot) = self.slots.get_mut(id.place()) {
                    *slot = u32::try_from(self.touched.len()).unwrap_or(0);
                }
            }
        }
    }
}
