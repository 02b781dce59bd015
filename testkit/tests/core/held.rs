//! Laws of capacity that is held back, on random orders and clusters.

#![expect(clippy::unwrap_used, reason = "a broken test case must say so at once")]

use std::collections::BTreeMap;

use pricing_core::budget::Budget;
use pricing_core::inventory::Cluster;
use pricing_core::inventory::held_capacity::{HeldCapacity, HeldCards};
use pricing_core::money::UsdPerAkt;
use pricing_core::order::Order;
use pricing_core::quote::{self, Quote, Supply, Terms};
use pricing_core::rates::{GpuRate, Pricing};
use pricing_core::reserve::{self, CommittedUnit, Reservation, Scheduler};
use proptest::prelude::*;
use rust_decimal::Decimal;
use testkit::check::check_realisable;
use testkit::random::Random;
use testkit::{generate, orders};

/// Makes a cluster, a rate card that prices every card, and some orders.
fn case(seed: u64) -> (Cluster, Pricing, Vec<Order>) {
    let random = &mut Random::new(seed);
    let nodes = random.between(2, 5);
    let cluster = generate::small_cluster(random, nodes);
    let mut pricing = Pricing::default();
    let one = pricing_core::money::Usd::from_decimal(Decimal::ONE);
    pricing.rates.gpu.add(GpuRate::new("*", one).unwrap()).unwrap();
    if random.one_in(3) {
        pricing.commit.cpu = Decimal::TWO;
        pricing.commit.storage = Decimal::TWO;
    }
    let orders = (0..4).filter_map(|_| orders::small_order(random)).collect();
    (cluster, pricing, orders)
}

fn quote_on(order: &Order, pricing: &Pricing, cluster: &Cluster, scheduler: Scheduler) -> Quote {
    let terms = Terms { usd_per_akt: Some(UsdPerAkt::ONE), ..Terms::default() };
    let supply = Supply::Reserve { cluster, scheduler };
    quote::quote(&quote::QuoteRequest::new(order, pricing, supply, &terms))
}

/// Quotes the orders one after another, each without the capacity that is held for the previous ones.
fn quote_all(seed: u64, scheduler: Scheduler) -> (Cluster, Vec<CommittedUnit>, Reservation, Vec<HeldCapacity>) {
    let (cluster, pricing, orders) = case(seed);
    let (mut held, mut units, mut targets) = (Vec::new(), Vec::new(), Vec::new());
    for order in &orders {
        let left = cluster.without(&held);
        let quote = quote_on(order, &pricing, &left, scheduler);
        if quote.targets.is_empty() {
            continue;
        }
        let commit = pricing.commit.for_order(order);
        let budget = Budget::default();
        targets.extend(reserve::reserve(&order.group, &left, scheduler, &commit, &budget).unwrap().targets);
        units.extend(commit.units(&order.group, scheduler));
        held.extend(HeldCapacity::by(order, &pricing, scheduler, &quote.targets));
    }
    (cluster, units, Reservation { targets }, held)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2048, failure_persistence: None, ..ProptestConfig::default() })]

    /// Orders that are placed one after another, each without what is held for the others, fit together on the full
    /// cluster with distinct cards.
    #[test]
    fn orders_placed_beside_what_is_held_fit_together(seed: u64) {
        let (cluster, units, all, _) = quote_all(seed, Scheduler::Sound);
        prop_assert_eq!(check_realisable(&all, &units, &cluster), Ok(()));
    }

    /// The provider's algorithm does not track individual cards, but it never hands out more than a node has free.
    #[test]
    fn the_providers_algorithm_never_exceeds_a_node_beside_what_is_held(seed: u64) {
        let (cluster, _, _, held) = quote_all(seed, Scheduler::Provider);
        for held in HeldCapacity::merge(held) {
            let node = cluster.nodes().iter().find(|node| *node.name == *held.node).unwrap();
            prop_assert!(held.cpu <= node.cpu.available.get());
            prop_assert!(held.memory <= node.memory.available.get());
            prop_assert!(held.ephemeral <= node.ephemeral.available.get());
            prop_assert!(held.gpus <= node.gpus.available);
        }
    }

    /// The held capacity is exactly what the placement takes from each node.
    #[test]
    fn what_is_held_is_what_the_placement_takes(seed: u64) {
        let (cluster, units, all, held) = quote_all(seed, Scheduler::Sound);
        let mut taken: BTreeMap<String, (u128, u128)> = BTreeMap::new();
        for (unit, target) in units.iter().zip(&all.targets) {
            for id in target.nodes() {
                let sum = taken.entry(cluster.node(id).unwrap().name.to_string()).or_default();
                *sum = (sum.0 + u128::from(unit.cpu.get()), sum.1 + u128::from(unit.gpu.units));
            }
        }
        let held: BTreeMap<String, (u128, u128)> =
            HeldCapacity::merge(held).into_iter().map(|held| (held.node, (held.cpu.into(), held.gpus.into()))).collect();
        prop_assert_eq!(held, taken);
    }

    /// Holding nothing changes nothing. Held capacity can be subtracted in any order and in any number of parts.
    #[test]
    fn holding_back_is_subtraction(seed: u64) {
        let (cluster, _, _, mut held) = quote_all(seed, Scheduler::Sound);
        prop_assert_eq!(&cluster.without(&[]), &cluster);
        let less = cluster.without(&held);
        let one_by_one = held.iter().fold(cluster.clone(), |left, held| left.without(std::slice::from_ref(held)));
        prop_assert_eq!(&one_by_one, &less);
        held.reverse();
        prop_assert_eq!(&cluster.without(&held), &less);
        prop_assert_eq!(&cluster.without(&HeldCapacity::merge(held.clone())), &less);
        let text = serde_json::to_string(&held).unwrap();
        prop_assert_eq!(serde_json::from_str::<Vec<HeldCapacity>>(&text).unwrap(), held);
        for (less, node) in less.nodes().iter().zip(cluster.nodes()) {
            prop_assert!(less.gpus.available <= node.gpus.available && less.gpus.total == node.gpus.total);
            prop_assert_eq!(&less.cards, &node.cards);
        }
    }
}

#[test]
fn more_than_there_is_leaves_nothing_and_strange_nodes_are_ignored() {
    let cluster = generate::small_cluster(&mut Random::new(7), 2);
    let all = |node: &str| HeldCapacity {
        node: node.to_owned(),
        cpu: u64::MAX,
        memory: u64::MAX,
        ephemeral: u64::MAX,
        gpus: u64::MAX,
        cards: vec![HeldCards { kinds: vec!["nvidia/t4/16Gi/pcie".to_owned()], count: u64::MAX }],
        ..HeldCapacity::default()
    };
    let name = cluster.nodes()[0].name.to_string();
    let less = cluster.without(&[all(&name), all(&name), all("elsewhere")]);
    assert_eq!(less.nodes()[0].cpu.available.get(), 0);
    assert_eq!(less.nodes()[0].gpus.available, 0);
    assert_eq!(less.nodes()[0].gpus.total, cluster.nodes()[0].gpus.total);
    assert_eq!(less.nodes()[1], cluster.nodes()[1]);
}
