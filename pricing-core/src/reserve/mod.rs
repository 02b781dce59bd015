//! Reservation: which node and which cards each replica of an order gets, as a value.
//!
//! Two schedulers answer. [`provider`] answers what the provider's own algorithm does, bug for bug. [`sound`] answers
//! a placement that Kubernetes can really make, whenever there is one.

pub mod alternatives;
pub mod commit;
mod confidential;
mod interconnect;
pub mod provider;
pub mod shortage;
pub mod sound;
pub mod start;

use crate::budget::{Budget, Spent};
use crate::gpu::GpuKind;
use crate::inventory::{CardId, Cluster, InterconnectId, NodeId};
use crate::order::{GroupSpec, ResourceUnit, leased_ips};

pub use commit::{CommitLevels, CommittedUnit, Overcommitted};
pub use confidential::{Sidecar, TeePlatform};
pub use interconnect::InterconnectRequest;
pub use shortage::Shortage;
pub use start::{PodRequest, PodSelector};

/// Which algorithm reserves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scheduler {
    /// Finds a placement that can really be made, whenever there is one.
    #[default]
    Sound,
    /// What the provider's daemon does today.
    Provider,
}

/// Some replicas of a unit on one node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placement {
    /// The node.
    pub node: NodeId,
    /// How many replicas in a row.
    pub replicas: u32,
    /// Every kind of card there that Kubernetes may hand out to them; one when the card is certain, none without GPUs.
    pub kinds: Vec<CardId>,
}

/// Where the replicas of one resource unit go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The unit.
    pub resource_id: u32,
    /// Its replicas.
    pub count: u32,
    /// Cards a replica.
    pub gpu_units: u64,
    /// Nodes in order of placement. A node may appear once only.
    pub placements: Vec<Placement>,
    /// The GPU attribute that the provider's daemon would write into the order: `vendor/nvidia/model/t4`.
    pub gpu_attribute: Option<String>,
    /// The interconnect of its nodes, where the unit asks for one.
    pub interconnect: Option<InterconnectId>,
}

impl Target {
    /// The node of each replica, in order of placement.
    pub fn nodes(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.placements.iter().flat_map(|placement| {
            std::iter::repeat_n(placement.node, usize::try_from(placement.replicas).unwrap_or(usize::MAX))
        })
    }

    /// What the pods ask Kubernetes for: the vendor and the model of the reserved cards, whatever their RAM and interface,
    /// and the resource of the interconnect. None without cards.
    #[must_use]
    pub fn selector(&self) -> Option<PodSelector> {
        let mut words = self.gpu_attribute.as_deref()?.split('/').skip(1).step_by(2);
        let (vendor, model) = words.next().zip(words.next())?;
        let lower = str::to_ascii_lowercase;
        Some(PodSelector { vendor: lower(vendor), model: lower(model), interconnect: self.interconnect })
    }

    /// The distinct kinds that a placement's replicas may get, in the node's order.
    pub fn kinds<'a>(&self, cluster: &'a Cluster, placement: &Placement) -> Vec<&'a GpuKind> {
        let mut kinds: Vec<&GpuKind> = Vec::new();
        for card in placement.kinds.iter().filter_map(|id| cluster.card(*id)) {
            if !kinds.contains(&&card.kind) {
                kinds.push(&card.kind);
            }
        }
        kinds
    }
}

/// A placement of every replica of a group, in the order of the group's units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reservation {
    /// One target a unit.
    pub targets: Vec<Target>,
}

/// Why nothing was reserved.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReserveError {
    /// The cluster cannot hold the order.
    #[error("insufficient capacity: {0}")]
    InsufficientCapacity(Shortage),
    /// The provider's algorithm gave replicas of one unit different cards.
    #[error("group resource mismatch: replicas of resource unit {0} came to different cards")]
    ReplicaMismatch(u32),
    /// The label of a unit's interconnect is none for Kubernetes.
    #[error(
        "invalid interconnect group: `{1}` of resource unit {0} is not the value of a label (at most 63 of A-Z, a-z, 0-9, \
         `-`, `_` and `.`, with a letter or digit at both ends)"
    )]
    InvalidInterconnectGroup(u32, String),
    /// The search for a placement was given up.
    #[error(
        "no placement was found, and none was ruled out, within what is searched ({0} steps, 48 different services)"
    )]
    SearchExhausted(u64),
    /// The time for the request was over first.
    #[error("the time for the request was over before a placement was found or ruled out")]
    DeadlineExceeded,
}

impl From<Spent> for ReserveError {
    fn from(spent: Spent) -> Self {
        match spent {
            Spent::Steps(allowed) => Self::SearchExhausted(allowed),
            Spent::Time => Self::DeadlineExceeded,
        }
    }
}

/// Reserves a group on a cluster.
///
/// # Errors
/// When the group cannot be placed, or no answer was found within the budget.
pub fn reserve(
    group: &GroupSpec,
    cluster: &Cluster,
    scheduler: Scheduler,
    commit: &CommitLevels,
    budget: &Budget<'_>,
) -> Result<Reservation, ReserveError> {
    budget.take(listed(group))?;
    let asked = leased_ips(group.resources().iter().map(|unit| &unit.endpoints));
    if let Some(free) = cluster.leased_ips().filter(|free| *free < asked) {
        let shortage = format!("{asked} leased IPs are asked for and {free} are free");
        return Err(ReserveError::InsufficientCapacity(Shortage::of_cluster(shortage)));
    }
    let units = commit.units(group, scheduler);
    interconnect::check(&units)?;
    match scheduler {
        Scheduler::Sound => sound::reserve(&units, cluster, budget),
        Scheduler::Provider => provider::reserve(&units, cluster, budget),
    }
}

impl ReserveError {
    /// The same error, where capacity lacks with what each node lacks. That takes a look at every node, so it is for whoever
    /// shows the error.
    #[must_use]
    pub fn explained(self, group: &GroupSpec, cluster: &Cluster, scheduler: Scheduler, commit: &CommitLevels) -> Self {
        match self {
            Self::InsufficientCapacity(known) => Self::InsufficientCapacity(shortage::explain(
                &commit.units(group, scheduler),
                cluster,
                scheduler,
                known,
            )),
            error => error,
        }
    }
}

/// The steps for taking a group's units: each is copied with all that it lists.
pub(crate) fn listed(group: &GroupSpec) -> usize {
    let of_unit = |unit: &ResourceUnit| {
        unit.gpu.alternatives.len().saturating_add(unit.storage.len()).saturating_add(1).saturating_mul(16)
    };
    group.resources().iter().map(of_unit).fold(0, usize::saturating_add)
}
