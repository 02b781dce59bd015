//! Explains why the cluster cannot hold an order, by node and resource, in the way that kube-scheduler explains a
//! pending pod.
//!
//! A scheduler that gave up knows that there is no room, but not what would have to be free. So the replicas are placed
//! once more, first fit, until one does not fit anywhere. What each node lacks for that replica, with the others in
//! place, is the explanation. It tells two situations apart: too little is free in total (exhaustion), or enough is
//! free but not in one place (fragmentation).

mod demand;
mod missing;
mod reason;
mod remaining;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use super::{CommittedUnit, Scheduler};
use crate::inventory::{Cluster, Node};
use crate::quantity::LineQuantity;
use crate::text::excerpt;
use demand::Demand;
use remaining::RemainingCluster;

/// The most steps that an explanation may take, each a look at one node. That is a few milliseconds.
const STEPS: usize = 50_000;

const GIB: u64 = 1 << 30;

/// Why there is no room for an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shortage {
    /// One sentence that names the limiting resource.
    pub message: String,
    /// What each node lacks, in the inventory's order; at most 100 nodes. Empty if the cause is not a node.
    pub nodes: Vec<NodeShortage>,
    /// How many more nodes lack something.
    pub nodes_left_out: usize,
}

/// What a node lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeShortage {
    /// The node.
    pub node: Arc<str>,
    /// What it lacks; at least one resource.
    pub lacks: Vec<Lack>,
}

/// A resource of which a node has too little for one replica.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lack {
    /// The resource.
    pub resource: Resource,
    /// What a replica needs, in [`Self::resource`]'s unit: threads, GiB, cards or HCAs; or the name of the storage
    /// class.
    pub asked: String,
    /// What is free, in the same unit. None if the node does not have the storage class.
    pub free: Option<String>,
}

/// A resource that a node can lack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Resource {
    /// Threads.
    Cpu,
    /// GiB of memory, `ram` volumes included.
    Memory,
    /// GiB of ephemeral storage.
    EphemeralStorage,
    /// GPUs of a kind that the order allows.
    Gpu,
    /// Host channel adapters of a fabric that the order allows, on a node without a peer of the replica.
    Interconnect,
    /// A storage class that the node does not have.
    StorageClass,
    /// GiB of a storage class, which the whole cluster shares.
    Volumes,
}

impl Resource {
    /// The resource's name in JSON output.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::EphemeralStorage => "ephemeral_storage",
            Self::Gpu => "gpu",
            Self::Interconnect => "interconnect",
            Self::StorageClass => "storage_class",
            Self::Volumes => "volumes",
        }
    }

    /// The unit of an amount, as [`Self::amount`] formats it, for people.
    fn counts(self, amount: &str) -> &'static str {
        let plural = |one, many| if amount == "1" { one } else { many };
        match self {
            Self::Cpu => plural("thread", "threads"),
            Self::Memory => "GiB of memory",
            Self::EphemeralStorage => "GiB of ephemeral storage",
            Self::Gpu => plural("card", "cards"),
            Self::Interconnect => plural("HCA", "HCAs"),
            Self::StorageClass | Self::Volumes => "GiB of storage",
        }
    }

    /// Formats an amount in the unit of [`Self::counts`].
    fn amount(self, count: u64) -> String {
        let divisor = match self {
            Self::Cpu => 1000,
            Self::Gpu | Self::Interconnect => 1,
            Self::Memory | Self::EphemeralStorage | Self::StorageClass | Self::Volumes => GIB,
        };
        LineQuantity::new(u128::from(count), divisor).to_string()
    }
}

impl Lack {
    /// A resource of which `free` is less than what is asked.
    pub(super) fn of_amount(resource: Resource, asked: u64, free: u64) -> Self {
        Self { resource, asked: resource.amount(asked), free: Some(resource.amount(free)) }
    }

    /// A storage class that the node does not have.
    pub(super) fn of_class(class: &str) -> Self {
        Self { resource: Resource::StorageClass, asked: excerpt(class), free: None }
    }
}

impl Shortage {
    /// A shortage whose cause is not a node.
    pub(super) fn of_cluster(message: String) -> Self {
        Self { message, nodes: Vec::new(), nodes_left_out: 0 }
    }
}

impl fmt::Display for Shortage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// Whether a node can mount volumes of a storage class.
pub(super) fn has_class(node: &Node, class: &str) -> bool {
    node.storage_classes.iter().any(|known| known == class)
}

/// Explains why the units do not fit.
///
/// The number of steps is bounded and independent of the request's budget, because a quote must not say less when less
/// of the budget is left. The explanation places units greedily, so it can succeed where the scheduler proved that
/// there is no placement, and it may be too expensive. In both cases `known`, the scheduler's own message, stays.
pub(super) fn explain(units: &[CommittedUnit], cluster: &Cluster, scheduler: Scheduler, known: Shortage) -> Shortage {
    let demands: Vec<Demand> = units.iter().map(|unit| Demand::new(unit, cluster, scheduler)).collect();
    let rounds = demands.iter().map(|demand| demand.models.len().saturating_add(2)).sum::<usize>();
    let steps = cluster.nodes().len().saturating_mul(rounds);
    if steps > STEPS {
        return known;
    }
    let mut left = RemainingCluster::new(cluster);
    for (unit, mut demand) in units.iter().zip(demands) {
        let placed = left.place_one_model(&mut demand, unit.count);
        if placed < unit.count {
            return left.shortage(unit, &demand, placed);
        }
    }
    known
}
