//! Where the pods of an order that was won start.
//!
//! The daemon's reservation decides whether there is a bid. Kubernetes starts the pods, and its scheduler decides where:
//! the pods of each order are placed by [`KubeScheduler::draw`], and lots are drawn among nodes with the same score. The
//! lots have random numbers of their own. From then on the cluster is without what the pods request, on the nodes where
//! they run, as in the inventory of a real provider.

use pricing_core::budget::{Budget, SearchBudget, Spent};
use pricing_core::inventory::held_capacity::HeldCapacity;
use pricing_core::inventory::ledger::{Lease, LeaseError, Ledger};
use pricing_core::order::Order;
use pricing_core::quote::QuotedTarget;
use pricing_core::rates::Pricing;
use pricing_core::reserve::Scheduler;
use pricing_core::reserve::kubernetes::{self, KubeScheduler, PodTemplate};

use crate::random::{Draws, Purpose};
use crate::scenario::PodPlacement;

/// A draw cannot run out of steps: its order was reserved within those of the scenario.
const UNLIMITED: SearchBudget = SearchBudget { steps: u64::MAX };

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
    /// The cluster's scheduler.
    pub kube_scheduler: &'a KubeScheduler,
    /// What was reserved.
    pub targets: &'a [QuotedTarget],
}

/// Why the lease of an order that was won does not start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StartError {
    /// The cluster does not have what the lease would take.
    #[error(transparent)]
    Lease(#[from] LeaseError),
    /// Kubernetes finds no node for a replica.
    #[error("replica {replica} of resource unit {resource_id} fits nowhere")]
    Pending {
        /// The resource unit.
        resource_id: u32,
        /// The replica of the unit, counted from 1.
        replica: u32,
    },
    /// The search for the nodes was given up.
    #[error(transparent)]
    Search(#[from] Spent),
}

impl Start<'_> {
    /// Takes what an order needs on the nodes where its pods start. The targets in the result have these nodes, and all
    /// that the pods could be handed there.
    ///
    /// # Errors
    /// When the cluster does not have what was reserved, or a pod fits nowhere. Then nothing is taken.
    pub fn take(
        &self,
        ledger: &mut Ledger,
        draws: &Draws,
        order: usize,
    ) -> Result<(Lease, Vec<QuotedTarget>), StartError> {
        let (held, started) = match self.placement {
            PodPlacement::Reserved => {
                (HeldCapacity::by(self.order, self.pricing, self.scheduler, self.targets), self.targets.to_vec())
            }
            PodPlacement::Kubernetes => self.placed(ledger, draws, order)?,
        };
        let mut cards = None;
        let lease =
            ledger.take(&held, |count| cards.get_or_insert_with(|| draws.of(Purpose::Card, order)).below(count))?;
        Ok((lease, started))
    }

    /// What the pods take, and the targets, once kube-scheduler has placed them.
    fn placed(
        &self,
        ledger: &Ledger,
        draws: &Draws,
        order: usize,
    ) -> Result<(Vec<HeldCapacity>, Vec<QuotedTarget>), StartError> {
        let cluster = ledger.cluster();
        let committed = self.pricing.commit.for_order(self.order).units(&self.order.group, self.scheduler);
        let selectors = self.targets.iter().map(|target| target.selector.clone());
        let pods = PodTemplate::selected(&self.order.group, &committed, selectors, cluster);
        let mut lots = None;
        let mut choose = |ways| lots.get_or_insert_with(|| draws.of(Purpose::Node, order)).below(ways);
        let nodes = match self.kube_scheduler.draw(&pods, cluster, &mut choose, &Budget::new(UNLIMITED))? {
            kubernetes::Draw::Started(nodes) => nodes,
            kubernetes::Draw::Pending { resource_id, replica } => {
                return Err(StartError::Pending { resource_id, replica });
            }
        };
        let held = HeldCapacity::of_pods(self.order, &committed, &pods, &nodes, cluster);
        let started = self.targets.iter().zip(&nodes).map(|(target, nodes)| target.started_on(nodes, cluster));
        Ok((held, started.collect()))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use pricing_core::inventory::{Cluster, read, validate};
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

    /// How often an order's replicas get which cards.
    fn allocated(replicas: u32, nodes: &[(&str, u64)], placement: PodPlacement) -> BTreeMap<String, usize> {
        let text = format!(
            r#"{{"resources":[{{"memory":1073741824,"cpu":1000,"gpu":{{"units":1,"attributes":{{"vendor":{{"nvidia":
            {{"model":"a100"}}}}}}}},"storage":[],"count":{replicas},"endpoint_quantity":0,"ip_lease_quantity":0}}],
            "price":{{"denom":"uact","amount":"1000000"}},"price_precision":6}}"#
        );
        let order = detect::read(&text, None).unwrap().remove(0);
        let (pricing, scheduler) = (toml::read("[rates.gpu]\na100 = 600\n").unwrap(), Scheduler::Sound);
        let (ledger, draws) = (ledger(nodes), Draws::new(7));
        let supply = Supply::Reserve { cluster: ledger.cluster(), scheduler };
        let quote = quote(&QuoteRequest::new(&order, &pricing, supply, &Terms::default()));
        let (kube_scheduler, targets) = (&KubeScheduler::default(), &*quote.targets);
        let start = Start { order: &order, pricing: &pricing, scheduler, placement, kube_scheduler, targets };
        let mut allocated = BTreeMap::new();
        for number in 0..100 {
            let (lease, started) = start.take(&mut ledger.clone(), &draws, number).unwrap();
            assert_eq!(started[0].nodes.len(), usize::try_from(replicas).unwrap());
            let cards =
                lease.nodes().iter().flat_map(|(_, taken)| &taken.allocated).flat_map(|allocated| &allocated.cards);
            let mut kinds: Vec<&str> = cards.filter_map(|id| ledger.cluster().card(*id)?.kind.ram()).collect();
            kinds.sort_unstable();
            *allocated.entry(kinds.join("+")).or_default() += 1;
        }
        allocated
    }

    fn always(cards: &str) -> BTreeMap<String, usize> {
        BTreeMap::from([(cards.to_owned(), 100)])
    }

    #[test]
    fn lots_are_drawn_among_nodes_with_the_same_score() {
        let nodes = [("40Gi", 4), ("80Gi", 2)];
        // Cards do not count in the default profile, so both nodes are alike.
        let shares = allocated(1, &nodes, PodPlacement::Kubernetes);
        assert_eq!(shares.keys().collect::<Vec<_>>(), ["40Gi", "80Gi"]);
        assert!((35..=65).contains(&shares["40Gi"]), "{shares:?}");
        // Wherever the first one is, the second one goes to the other node: PodTopologySpread.
        assert_eq!(allocated(2, &nodes, PodPlacement::Kubernetes), always("40Gi+80Gi"));
    }

    #[test]
    fn pods_start_where_they_were_reserved_if_the_daemon_ties_them_there() {
        assert_eq!(allocated(2, &[("40Gi", 4), ("80Gi", 2)], PodPlacement::Reserved), always("40Gi+40Gi"));
    }

    #[test]
    fn pods_take_what_they_request_and_pend_if_they_fit_nowhere() {
        // A volume in memory counts for the reservation, and is not requested.
        let text = r#"{"resources":[{"memory":1073741824,"cpu":1000,"gpu":{"units":0},"storage":[{"class":"ram","size":1073741824}],
            "count":1,"endpoint_quantity":0,"ip_lease_quantity":0}],
            "price":{"denom":"uact","amount":"1000000"},"price_precision":6}"#;
        let order = detect::read(text, None).unwrap().remove(0);
        let (pricing, scheduler) = (toml::read("[rates.gpu]\na100 = 600\n").unwrap(), Scheduler::Sound);
        let full = ledger(&[("40Gi", 4)]);
        let supply = Supply::Reserve { cluster: full.cluster(), scheduler };
        let quote = quote(&QuoteRequest::new(&order, &pricing, supply, &Terms::default()));
        let memory = |placement: PodPlacement| {
            let (kube_scheduler, targets) = (&KubeScheduler::default(), &*quote.targets);
            let start = Start { order: &order, pricing: &pricing, scheduler, placement, kube_scheduler, targets };
            let (lease, _) = start.take(&mut full.clone(), &Draws::new(7), 0).unwrap();
            lease.nodes().iter().map(|(_, taken)| taken.memory).sum::<u64>()
        };
        assert_eq!([PodPlacement::Kubernetes, PodPlacement::Reserved].map(memory), [1 << 30, 2 << 30]);
        let start = Start {
            order: &order,
            pricing: &pricing,
            scheduler,
            placement: PodPlacement::Kubernetes,
            kube_scheduler: &KubeScheduler::default(),
            targets: &quote.targets,
        };
        let nothing = &mut Ledger::new(Cluster::default());
        let pending = Err(StartError::Pending { resource_id: order.group.resources()[0].id, replica: 1 });
        assert_eq!(start.take(nothing, &Draws::new(7), 0), pending);
    }
}
