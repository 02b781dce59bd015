//! Where Kubernetes starts the pods of an order that was won.
//!
//! The daemon does not tie pods to the node that it reserved. So for each replica with cards a node is drawn among
//! those where it could start, with probabilities proportional to their free cards. The draws are the same for all
//! strategies. Nodes that cannot hold what was reserved are left out, since the ledger counts reservations; an order
//! that fits where it was reserved therefore always runs.

use std::collections::BTreeMap;

use pricing_core::budget::{Budget, SearchBudget};
use pricing_core::inventory::held_capacity::HeldCapacity;
use pricing_core::inventory::ledger::{Lease, LeaseError, Ledger};
use pricing_core::inventory::{Cluster, Node, NodeId};
use pricing_core::order::{Order, ResourceUnit, StorageClass};
use pricing_core::quantity::{Bytes, MilliCpu};
use pricing_core::quote::QuotedTarget;
use pricing_core::rates::{Placement, Pricing};
use pricing_core::reserve::{CommittedUnit, Scheduler};

use crate::random::{Draw, Draws, Purpose};
use crate::scenario::PodPlacement;

/// What the placement of a won order depends on.
#[derive(Clone, Copy, Debug)]
pub struct Start<'a> {
    /// The order.
    pub order: &'a Order,
    /// The rates, with the commit levels.
    pub pricing: &'a Pricing,
    /// The algorithm that made the reservation.
    pub scheduler: Scheduler,
    /// Where pods start.
    pub placement: PodPlacement,
    /// What was reserved.
    pub targets: &'a [QuotedTarget],
}

impl Start<'_> {
    /// Takes what an order needs on the nodes where its pods start. If that is not possible, takes it where it was
    /// reserved.
    ///
    /// # Errors
    /// When the cluster does not have what was reserved.
    pub fn take(
        &self,
        ledger: &mut Ledger,
        draws: &Draws,
        order: usize,
    ) -> Result<(Lease, Vec<QuotedTarget>), LeaseError> {
        let started = self.targets(ledger, &mut draws.of(Purpose::Node, order));
        if let Some(started) = started
            && let Ok(lease) = self.take_at(ledger, &started, draws, order)
        {
            return Ok((lease, started));
        }
        Ok((self.take_at(ledger, self.targets, draws, order)?, self.targets.to_vec()))
    }

    /// Takes what an order needs from the nodes of these targets, with the cards drawn at random.
    fn take_at(
        &self,
        ledger: &mut Ledger,
        targets: &[QuotedTarget],
        draws: &Draws,
        order: usize,
    ) -> Result<Lease, LeaseError> {
        let held = HeldCapacity::by(self.order, self.pricing, self.scheduler, targets);
        let mut draw = draws.of(Purpose::Card, order);
        ledger.take(&held, |count| draw.below(count))
    }

    /// The targets with the nodes where the pods start. None if they start on the reserved nodes, or if one of them finds
    /// no room: the order then runs where it was reserved.
    fn targets(&self, ledger: &Ledger, draw: &mut Draw) -> Option<Vec<QuotedTarget>> {
        let moves = |target: &QuotedTarget| target.placement == Placement::Kubernetes && target.selector.is_some();
        if self.placement == PodPlacement::Reserved || !self.targets.iter().any(moves) {
            return None;
        }
        let committed = self.pricing.commit.for_order(self.order).units(&self.order.group, self.scheduler);
        let (cluster, units) =
            (ledger.cluster(), self.order.group.resources().iter().zip(&committed).zip(self.targets));
        let mut taken = NodeDemand::default();
        // Pods without cards stay where they were reserved, and take their share first.
        for ((_, committed), target) in units.clone().filter(|(_, target)| !moves(target)) {
            let demand = Demand::of(committed);
            for node in target.nodes.iter().filter_map(|name| ledger.node(name)) {
                taken.add(node, &demand);
            }
        }
        let mut started = Vec::with_capacity(self.targets.len());
        for ((unit, committed), target) in units {
            started.push(if moves(target) {
                let nodes = draw_nodes(unit, committed, target, cluster, &mut taken, draw)?;
                target.started_on(&nodes, cluster)
            } else {
                target.clone()
            });
        }
        Some(started)
    }
}

/// Draws a node for each replica of a unit, one after the other, since each takes room from the next. None if a replica
/// finds no node.
fn draw_nodes(
    unit: &ResourceUnit,
    committed: &CommittedUnit,
    target: &QuotedTarget,
    cluster: &Cluster,
    taken: &mut NodeDemand,
    draw: &mut Draw,
) -> Option<Vec<NodeId>> {
    let budget = Budget::new(SearchBudget::default());
    let could_start = target.could_start(unit, committed, cluster, &budget).ok()?;
    let demand = Demand::of(committed);
    let mut nodes = Vec::new();
    for _ in 0..target.count {
        let free = |id: &NodeId| Some((*id, taken.free_cards(*id, cluster.node(*id)?, &demand)?));
        let open: Vec<(NodeId, usize)> = could_start.iter().filter_map(free).collect();
        let cards = open.iter().fold(0_usize, |sum, (_, cards)| sum.saturating_add(*cards));
        if cards == 0 {
            return None;
        }
        let mut left = draw.below(cards);
        let drawn = open.iter().find(|(_, cards)| match left.checked_sub(*cards) {
            Some(rest) => {
                left = rest;
                false
            }
            None => true,
        });
        let (node, _) = *drawn?;
        taken.add(node, &demand);
        nodes.push(node);
    }
    Some(nodes)
}

/// What a replica takes from its node, by its reservation.
#[derive(Default)]
struct Demand {
    cpu: MilliCpu,
    memory: Bytes,
    ephemeral: Bytes,
    gpus: u64,
}

impl Demand {
    /// The demand of a unit's replica. Persistent volumes are not on the node.
    fn of(unit: &CommittedUnit) -> Self {
        let mut demand = Self { cpu: unit.cpu, memory: unit.memory, ephemeral: Bytes::ZERO, gpus: unit.gpu.units };
        for (class, size) in &unit.storage {
            match class {
                StorageClass::Ram => demand.memory = demand.memory.saturating_add(*size),
                StorageClass::Ephemeral => demand.ephemeral = demand.ephemeral.saturating_add(*size),
                StorageClass::Persistent(_) => {}
            }
        }
        demand
    }
}

/// What the order's pods have taken so far, by node.
#[derive(Default)]
struct NodeDemand(BTreeMap<NodeId, Demand>);

impl NodeDemand {
    fn add(&mut self, node: NodeId, demand: &Demand) {
        let sum = self.0.entry(node).or_default();
        sum.cpu = sum.cpu.saturating_add(demand.cpu);
        sum.memory = sum.memory.saturating_add(demand.memory);
        sum.ephemeral = sum.ephemeral.saturating_add(demand.ephemeral);
        sum.gpus = sum.gpus.saturating_add(demand.gpus);
    }

    /// How many cards a node has free after what the order's pods took. None if it cannot hold another replica.
    fn free_cards(&self, id: NodeId, node: &Node, demand: &Demand) -> Option<usize> {
        let none = Demand::default();
        let taken = self.0.get(&id).unwrap_or(&none);
        node.cpu.available.checked_sub(taken.cpu).filter(|left| *left >= demand.cpu)?;
        node.memory.available.checked_sub(taken.memory).filter(|left| *left >= demand.memory)?;
        node.ephemeral.available.checked_sub(taken.ephemeral).filter(|left| *left >= demand.ephemeral)?;
        let cards = node.gpus.available.checked_sub(taken.gpus).filter(|left| *left >= demand.gpus)?;
        usize::try_from(cards).ok()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use pricing_core::inventory::{read, validate};
    use pricing_core::order::detect;
    use pricing_core::quote::{QuoteRequest, Supply, Terms, quote};
    use pricing_core::rates::toml;

    use super::*;

    /// A node for each number of cards that are free, with the RAM of its cards.
    fn ledger(nodes: &[(&str, u64)]) -> Ledger {
        let node = |(place, (ram, free)): (usize, &(&str, u64))| {
            let card = format!(r#"{{"vendor":"nvidia","name":"a100","interface":"SXM4","memory_size":"{ram}"}}"#);
            let used = 4 - free;
            format!(
                r#"{{"name":"n{place}","resources":{{"cpu":{{"quantity":{{"allocatable":"64"}}}},
                "memory":{{"quantity":{{"allocatable":"64Gi"}}}},"ephemeral_storage":{{"allocatable":"64Gi"}},
                "gpu":{{"quantity":{{"allocatable":"4","allocated":"{used}"}},"info":[{card},{card},{card},{card}]}}}}}}"#
            )
        };
        let nodes: Vec<String> = nodes.iter().enumerate().map(node).collect();
        let text = format!(r#"{{"nodes":[{}]}}"#, nodes.join(","));
        Ledger::new(validate::validate(read::read(&text).unwrap()).cluster)
    }

    /// How often two replicas get which cards.
    fn allocated(nodes: &[(&str, u64)], policy: &str) -> BTreeMap<String, usize> {
        let text = r#"{"resources":[{"memory":1073741824,"cpu":1000,"gpu":{"units":1,"attributes":{"vendor":{"nvidia":
            {"model":"a100"}}}},"storage":[],"count":2,"endpoint_quantity":0,"ip_lease_quantity":0}],
            "price":{"denom":"uact","amount":"1000000"},"price_precision":6}"#;
        let order = detect::read(text, None).unwrap().remove(0);
        let rates = format!("[rates.gpu]\na100 = 600\n[policy]\n{policy}");
        let (pricing, scheduler) = (toml::read(&rates).unwrap(), Scheduler::Sound);
        let (ledger, draws) = (ledger(nodes), Draws::new(7));
        let supply = Supply::Reserve { cluster: ledger.cluster(), scheduler };
        let quote = quote(&QuoteRequest::new(&order, &pricing, supply, &Terms::default()));
        let placement = PodPlacement::Kubernetes;
        let start = Start { order: &order, pricing: &pricing, scheduler, placement, targets: &quote.targets };
        let mut allocated = BTreeMap::new();
        for number in 0..100 {
            let (lease, started) = start.take(&mut ledger.clone(), &draws, number).unwrap();
            assert_eq!(started[0].nodes.len(), 2);
            let cards =
                lease.nodes().iter().flat_map(|(_, taken)| &taken.allocated).flat_map(|allocated| &allocated.cards);
            let mut kinds: Vec<&str> = cards.filter_map(|id| ledger.cluster().card(*id)?.kind.ram()).collect();
            kinds.sort_unstable();
            *allocated.entry(kinds.join("+")).or_default() += 1;
        }
        allocated
    }

    #[test]
    fn a_pod_starts_on_any_node_where_it_could_by_the_cards_that_are_free() {
        let allocated = allocated(&[("40Gi", 4), ("80Gi", 2)], "");
        // 4 of 6 and then 3 of 5: 12/30, 16/30 and 2/30 of a hundred.
        assert_eq!(allocated.keys().collect::<Vec<_>>(), ["40Gi+40Gi", "40Gi+80Gi", "80Gi+80Gi"]);
        assert!((25..=55).contains(&allocated["40Gi+40Gi"]), "{allocated:?}");
        assert!((38..=68).contains(&allocated["40Gi+80Gi"]), "{allocated:?}");
    }

    #[test]
    fn pinned_pods_start_where_they_were_reserved_and_so_do_those_that_fit_nowhere_else() {
        for (nodes, policy) in
            [([("40Gi", 4), ("80Gi", 2)], "placement = \"pinned\""), ([("40Gi", 4), ("80Gi", 0)], "")]
        {
            assert_eq!(allocated(&nodes, policy), BTreeMap::from([("40Gi+40Gi".to_owned(), 100)]));
        }
    }
}
