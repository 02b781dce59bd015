//! Reservation: which node and which cards each replica of an order gets, as a value.
//!
//! There are two schedulers. [`provider`] repeats the provider's own algorithm, bug for bug. [`sound`] finds a
//! placement that Kubernetes can really make, whenever one exists. Neither ties a pod to a node: [`kubernetes`] says
//! where Kubernetes will start the pods of what was reserved.

pub mod alternatives;
pub mod commit;
mod confidential;
mod demand;
mod interconnect;
pub mod kubernetes;
mod prefer;
pub mod provider;
pub mod shortage;
pub mod sound;
pub mod start;

use crate::budget::{Budget, Spent};
use crate::gpu::GpuKind;
use crate::inventory::{CardId, Cluster, InterconnectId, NodeId};
use crate::keyword::keywords;
use crate::order::{GroupSpec, ResourceUnit, leased_ips};

pub use commit::{CommitLevels, CommittedUnit, Overcommitted};
pub use confidential::{Sidecar, TeePlatform};
pub(crate) use demand::ReplicaDemand;
pub use interconnect::InterconnectRequest;
pub use prefer::{KindOrder, Prefer, Preference};
pub use shortage::Shortage;
pub use start::{PodRequest, PodSelector};

keywords! {
    /// Who places an order.
    #[derive(Default)]
    Scheduler {
        /// Finds a placement that Kubernetes can make, whenever there is one.
        #[default]
        Sound "sound"
        /// Does what the provider's daemon does today, bug for bug.
        Provider "provider"
        /// Reserves as `provider` does. `bidprice reserve` then also shows where kube-scheduler will start the pods.
        Kubernetes "kubernetes"
    }
}

/// Some replicas of a unit on one node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placement {
    /// The node.
    pub node: NodeId,
    /// The number of replicas.
    pub replicas: u32,
    /// Every kind of card on the node that Kubernetes may hand out to these replicas: one if the card is certain, none
    /// without GPUs.
    pub kinds: Vec<CardId>,
}

/// Where the replicas of one resource unit go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The unit.
    pub resource_id: u32,
    /// The number of its replicas.
    pub count: u32,
    /// Cards per replica.
    pub gpu_units: u64,
    /// The nodes, in order of placement, each of them once.
    pub placements: Vec<Placement>,
    /// The GPU attribute that the provider's daemon would write into the order: `vendor/nvidia/model/t4`.
    pub gpu_attribute: Option<String>,
    /// The interconnect of its nodes, if the unit asks for one.
    pub interconnect: Option<InterconnectId>,
}

impl Target {
    /// The node of each replica, in order of placement.
    pub fn nodes(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.placements.iter().flat_map(|placement| {
            std::iter::repeat_n(placement.node, usize::try_from(placement.replicas).unwrap_or(usize::MAX))
        })
    }

    /// What the pods ask Kubernetes for: the vendor and model of the reserved cards, regardless of RAM and interface,
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

/// A placement of every replica of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reservation {
    /// One target per unit, in the order of the group's units.
    pub targets: Vec<Target>,
}

/// The reason why nothing was reserved.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReserveError {
    /// The cluster cannot hold the order.
    #[error("insufficient capacity: {0}")]
    InsufficientCapacity(Shortage),
    /// The provider's algorithm gave different cards to replicas of one unit.
    #[error("group resource mismatch: replicas of resource unit {0} came to different cards")]
    ReplicaMismatch(u32),
    /// The label of a unit's interconnect is not valid in Kubernetes.
    #[error(
        "invalid interconnect group: `{1}` of resource unit {0} is not the value of a label (at most 63 of A-Z, a-z, 0-9, \
         `-`, `_` and `.`, with a letter or digit at both ends)"
    )]
    InvalidInterconnectGroup(u32, String),
    /// The search for a placement used up its steps.
    #[error(
        "no placement was found, and none was ruled out, within what is searched ({0} steps, 48 different services)"
    )]
    SearchExhausted(u64),
    /// A broken invariant of the search: a bug, and never an answer.
    #[error("the search broke an invariant of its own; this is a bug")]
    Internal,
    /// The request ran out of time first.
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
    reserve_by(group, cluster, scheduler, commit, Preference::Order, budget)
}

/// Reserves a group on a cluster. Where the sound scheduler may choose between card models, a preference decides; the
/// provider's algorithm has no such choice.
///
/// # Errors
/// The same as those of [`reserve()`], whatever the preference is.
pub fn reserve_by(
    group: &GroupSpec,
    cluster: &Cluster,
    scheduler: Scheduler,
    commit: &CommitLevels,
    preference: Preference<'_>,
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
        Scheduler::Sound => sound::reserve_by(&units, cluster, preference, budget),
        Scheduler::Provider | Scheduler::Kubernetes => provider::reserve(&units, cluster, budget),
    }
}

impl ReserveError {
    /// Adds what each node lacks to an error about insufficient capacity; other errors stay as they are.
    ///
    /// This looks at every node, so it is for callers that show the error.
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

/// The cost, in steps, of copying a group's units with everything that they list.
pub(crate) fn listed(group: &GroupSpec) -> usize {
    let of_unit = |unit: &ResourceUnit| {
        unit.gpu.alternatives.len().saturating_add(unit.storage.len()).saturating_add(1).saturating_mul(16)
    };
    group.resources().iter().map(of_unit).fold(0, usize::saturating_add)
}
