//! The pods of an order, as Kubernetes sees them.

use crate::inventory::Cluster;
use crate::order::ResourceUnit;
use crate::reserve::{CommittedUnit, InterconnectRequest, PodRequest, PodSelector, Target};

/// What the replicas of one resource unit ask Kubernetes for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodTemplate {
    /// The unit.
    pub resource_id: u32,
    /// The number of its replicas.
    pub replicas: u32,
    /// The amounts of each replica.
    pub request: PodRequest,
    /// What the reservation adds: the label of vendor and model, and the resource of the interconnect. None without
    /// cards.
    pub selector: Option<PodSelector>,
    /// The interconnect label that no other pod on its node may have.
    pub label: Option<String>,
}

impl PodTemplate {
    /// The pods of a unit that was reserved.
    #[must_use]
    pub fn new(unit: &ResourceUnit, committed: &CommittedUnit, target: &Target, cluster: &Cluster) -> Self {
        Self::with_selector(unit, committed, target.selector(), cluster)
    }

    /// The pods of a unit with what its reservation adds.
    #[must_use]
    pub fn with_selector(
        unit: &ResourceUnit,
        committed: &CommittedUnit,
        selector: Option<PodSelector>,
        cluster: &Cluster,
    ) -> Self {
        let label = committed.interconnect.as_ref().and_then(InterconnectRequest::exclusive_label);
        Self {
            resource_id: unit.id,
            replicas: unit.count,
            request: PodRequest::new(unit, committed, cluster),
            selector,
            label: label.map(str::to_owned),
        }
    }
}
