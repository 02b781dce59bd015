//! The pods of an order, as Kubernetes sees them.

use crate::inventory::held_capacity::{HeldCapacity, HeldCards};
use crate::inventory::{Cluster, NodeId};
use crate::order::{GroupSpec, ResourceUnit};
use crate::reserve::{CommittedUnit, InterconnectRequest, PodRequest, PodSelector, Reservation, Target};

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
    /// The pods of a group that was reserved, in the order of its units.
    #[must_use]
    pub fn of_group(
        group: &GroupSpec,
        committed: &[CommittedUnit],
        reservation: &Reservation,
        cluster: &Cluster,
    ) -> Vec<Self> {
        Self::selected(group, committed, reservation.targets.iter().map(Target::selector), cluster)
    }

    /// The pods of a group with what its reservation adds to each unit, in the order of its units.
    #[must_use]
    pub fn selected(
        group: &GroupSpec,
        committed: &[CommittedUnit],
        selectors: impl IntoIterator<Item = Option<PodSelector>>,
        cluster: &Cluster,
    ) -> Vec<Self> {
        let units = group.resources().iter().zip(committed).zip(selectors);
        units.map(|((unit, committed), selector)| Self::new(unit, committed, selector, cluster)).collect()
    }

    /// The pods of a unit with what its reservation adds.
    #[must_use]
    pub fn new(
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

    /// What one of these pods takes from a node, persistent volumes aside. None if there is no such node.
    pub(crate) fn held_on(&self, id: NodeId, cluster: &Cluster) -> Option<HeldCapacity> {
        let PodRequest { cpu, memory, ephemeral, gpus, hcas, .. } = &self.request;
        let mut held = HeldCapacity {
            node: cluster.node(id)?.name.to_string(),
            cpu: cpu.get(),
            memory: memory.get(),
            ephemeral: ephemeral.get(),
            gpus: *gpus,
            hcas: *hcas,
            ..HeldCapacity::default()
        };
        if let Some(selector) = self.selector.as_ref().filter(|_| *gpus > 0) {
            let kinds = cluster.kinds_of_vendor(id, &selector.vendor).map(ToString::to_string).collect();
            held.cards.push(HeldCards { kinds, count: *gpus });
        }
        Some(held)
    }
}
