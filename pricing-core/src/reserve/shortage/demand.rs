//! What one replica needs, with the card models that may serve it.

use crate::gpu::GpuKind;
use crate::inventory::Cluster;
use crate::quantity::Bytes;
use crate::reserve::{CommittedUnit, InterconnectRequest, ReplicaDemand, Scheduler};

/// What one replica needs from its node and from the cluster's storage.
pub(super) struct Demand<'u> {
    /// What it takes of each resource.
    pub(super) amounts: ReplicaDemand<'u>,
    pub(super) interconnect: Option<&'u InterconnectRequest>,
    /// The size of the volumes by persistent class; each class appears once.
    pub(super) classes: Vec<(&'u str, Bytes)>,
    /// For each card description, the number of its model if the order allows the card.
    pub(super) model_of: Vec<Option<usize>>,
    /// The allowed models, by number: vendor and model.
    pub(super) models: Vec<(String, String)>,
    /// The model that all replicas get, once it is decided.
    pub(super) only: Option<usize>,
}

impl<'u> Demand<'u> {
    /// The demand of a unit's replicas. Which cards are allowed depends on the scheduler, since the daemon matches them
    /// letter by letter.
    pub(super) fn new(unit: &'u CommittedUnit, cluster: &Cluster, scheduler: Scheduler) -> Self {
        let amounts = unit.demand();
        let mut demand = Self {
            interconnect: unit.interconnect.as_ref(),
            classes: by_class(&amounts.volumes),
            amounts,
            model_of: Vec::new(),
            models: Vec::new(),
            only: None,
        };
        if demand.amounts.gpus > 0 {
            let allows = |kind: &GpuKind| match scheduler {
                Scheduler::Sound => unit.gpu.allows(kind),
                Scheduler::Provider | Scheduler::Kubernetes => unit.gpu.allows_by_daemon(kind),
            };
            for card in cluster.cards() {
                let model = allows(&card.kind).then(|| demand.model(&card.kind));
                demand.model_of.push(model);
            }
        }
        demand
    }

    /// The number of a kind's model, which is added if it is new.
    fn model(&mut self, kind: &GpuKind) -> usize {
        let is_its =
            |(vendor, model): &(String, String)| (vendor.as_str(), model.as_str()) == (kind.vendor(), kind.model());
        self.models.iter().position(is_its).unwrap_or_else(|| {
            self.models.push((kind.vendor().to_owned(), kind.model().to_owned()));
            self.models.len().saturating_sub(1)
        })
    }
}

/// Adds up volumes by class, in the order of each class's first volume.
fn by_class<'u>(volumes: &[(&'u str, Bytes)]) -> Vec<(&'u str, Bytes)> {
    let mut classes: Vec<(&str, Bytes)> = Vec::new();
    for (class, size) in volumes {
        match classes.iter_mut().find(|(known, _)| known == class) {
            Some((_, sum)) => *sum = sum.saturating_add(*size),
            None => classes.push((class, *size)),
        }
    }
    classes
}
