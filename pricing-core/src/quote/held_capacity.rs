//! What a placed order would take from the cluster if its bid won.

use super::cards::QuotedTarget;
use crate::inventory::held_capacity::{HeldCapacity, HeldCards};
use crate::order::{Order, leased_ips};
use crate::rates::Pricing;
use crate::reserve::{CommittedUnit, Scheduler};

impl HeldCapacity {
    /// What a placed order would take, by node: the reserved amounts after commit levels, not the billed ones. Units
    /// without particular nodes are left out, since it is unknown what they take.
    #[must_use]
    pub fn by(order: &Order, pricing: &Pricing, scheduler: Scheduler, targets: &[QuotedTarget]) -> Vec<Self> {
        let units = pricing.commit.for_order(order).units(&order.group, scheduler);
        let placed = units.iter().zip(targets).flat_map(|(unit, target)| of_unit(unit, target));
        let mut held = Self::merge(placed);
        if let Some(first) = held.first_mut() {
            first.leased_ips = leased_ips(order.group.resources().iter().map(|unit| &unit.endpoints));
        }
        held
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
    for (class, size) in demand.volumes.into_iter().filter(|(_, size)| !size.is_zero()) {
        let sum = held.storage.entry(class.to_owned()).or_default();
        *sum = sum.saturating_add(size.saturating_mul(replicas).get());
    }
    let cards = target.cards.iter().find(|cards| cards.node.as_deref() == Some(node));
    if let Some(cards) = cards.filter(|_| gpus > 0) {
        held.cards.push(HeldCards { kinds: cards.kinds.iter().map(ToString::to_string).collect(), count: gpus });
    }
    held
}
