//! What a placed order would take from the cluster if its bid won.

use super::cards::QuotedTarget;
use crate::inventory::held_capacity::{HeldCapacity, HeldCards};
use crate::inventory::{Cluster, NodeId};
use crate::order::{Order, leased_ips};
use crate::rates::Pricing;
use crate::reserve::kubernetes::PodTemplate;
use crate::reserve::{CommittedUnit, Scheduler};

impl HeldCapacity {
    /// What a placed order would take, by node: the reserved amounts after commit levels, not the billed ones. Units
    /// without particular nodes are left out, since it is unknown what they take.
    #[must_use]
    pub fn by(order: &Order, pricing: &Pricing, scheduler: Scheduler, targets: &[QuotedTarget]) -> Vec<Self> {
        let units = pricing.commit.for_order(order).units(&order.group, scheduler);
        let placed = units.iter().zip(targets).flat_map(|(unit, target)| of_unit(unit, target));
        let mut held = Self::merge(placed);
        add_leased_ips(&mut held, order);
        held
    }

    /// What the pods of an order take once they run, by node. `started` has the node of each replica, unit by unit.
    ///
    /// From a node they take what they request of Kubernetes, which is less than what was reserved where the order has
    /// `ram` volumes or several ephemeral ones. Of a node's cards they may get any of the vendor: which of the free ones
    /// it is, is up to the device plugin. Persistent volumes and leased IPs are those of the reservation.
    #[must_use]
    pub fn of_pods(
        order: &Order,
        units: &[CommittedUnit],
        pods: &[PodTemplate],
        started: &[Vec<NodeId>],
        cluster: &Cluster,
    ) -> Vec<Self> {
        let of_unit = |((unit, pod), nodes): ((&CommittedUnit, &PodTemplate), &Vec<NodeId>)| {
            let on_node = |id: &NodeId| {
                let mut held = pod.held_on(*id, cluster)?;
                add_volumes(&mut held, unit, 1);
                Some(held)
            };
            nodes.iter().filter_map(on_node).collect::<Vec<Self>>()
        };
        let mut held = Self::merge(units.iter().zip(pods).zip(started).flat_map(of_unit));
        add_leased_ips(&mut held, order);
        held
    }
}

fn add_leased_ips(held: &mut [HeldCapacity], order: &Order) {
    if let Some(first) = held.first_mut() {
        first.leased_ips = leased_ips(order.group.resources().iter().map(|unit| &unit.endpoints));
    }
}

/// Adds the persistent volumes of some replicas.
fn add_volumes(held: &mut HeldCapacity, unit: &CommittedUnit, replicas: u64) {
    for (class, size) in unit.demand().volumes.into_iter().filter(|(_, size)| !size.is_zero()) {
        let sum = held.storage.entry(class.to_owned()).or_default();
        *sum = sum.saturating_add(size.saturating_mul(replicas).get());
    }
}

/// What the replicas of a unit take from each of their nodes.
fn of_unit(unit: &CommittedUnit, target: &QuotedTarget) -> Vec<HeldCapacity> {
    let placed = target.replicas_by_node().into_iter().filter_map(|(node, replicas)| Some((node?, replicas)));
    placed.map(|(node, replicas)| on_node(unit, target, node, replicas)).collect()
}

/// What some replicas of a unit take from one node. The sidecar of confidential compute counts too, since the daemon
/// reserves it.
fn on_node(unit: &CommittedUnit, target: &QuotedTarget, node: &str, replicas: u32) -> HeldCapacity {
    let replicas = u64::from(replicas);
    let demand = unit.demand();
    let gpus = demand.gpus.saturating_mul(replicas);
    let mut held = HeldCapacity {
        node: node.to_owned(),
        cpu: demand.cpu.saturating_mul(replicas).get(),
        memory: demand.memory.saturating_mul(replicas).get(),
        ephemeral: demand.ephemeral.saturating_mul(replicas).get(),
        gpus,
        hcas: demand.hcas.saturating_mul(replicas),
        ..HeldCapacity::default()
    };
    add_volumes(&mut held, unit, replicas);
    let cards = target.cards.iter().find(|cards| cards.node.as_deref() == Some(node));
    if let Some(cards) = cards.filter(|_| gpus > 0) {
        held.cards.push(HeldCards { kinds: cards.kinds.iter().map(ToString::to_string).collect(), count: gpus });
    }
    held
}
