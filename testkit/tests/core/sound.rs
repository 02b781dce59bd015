//! Compares the sound scheduler with the brute-force oracle, and tests its laws.

#![expect(
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "a failed test panics, and its numbers are small"
)]

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::sync::Arc;

use pricing_core::budget::{Budget, SearchBudget};
use pricing_core::gpu::GpuKind;
use pricing_core::inventory::{Capacity, Cluster, ClusterBuilder, Node, StoragePool};
use pricing_core::quantity::{Bytes, MilliCpu};
use pricing_core::reserve::alternatives::alternatives;
use pricing_core::reserve::{KindOrder, Prefer, Preference, Reservation, ReserveError, provider, sound};
use proptest::prelude::{ProptestConfig, prop_assert, prop_assert_eq, proptest};
use testkit::check::{check_realisable, check_reservation};
use testkit::generate::{Case, small_case, small_cases, small_cluster, small_units};
use testkit::oracle::{self, Outcome};
use testkit::random::Random;

fn sound_places(case: &Case) -> bool {
    match sound::reserve(&case.units, &case.cluster, &Budget::default()) {
        Ok(reservation) => {
            check_reservation(&reservation, &case.units, &case.cluster)
                .unwrap_or_else(|problem| panic!("{problem}\n{case:#?}\n{reservation:#?}"));
            true
        }
        Err(ReserveError::InsufficientCapacity(_)) => false,
        Err(error) => panic!("{error}\n{case:#?}"),
    }
}

#[test]
fn agrees_with_the_oracle_in_ten_thousand_cases() {
    let mut feasible = 0;
    for seed in 0..10_000 {
        let case = small_case(seed);
        let expected = oracle::feasible(&case.units, &case.cluster);
        feasible += u32::from(expected);
        assert_eq!(sound_places(&case), expected, "seed {seed}: {case:#?}");
    }
    assert!((2_500..=7_500).contains(&feasible), "{feasible} of 10,000 cases are feasible: too lopsided to judge by");
}

/// On wider clusters some units are set aside before the exact search.
#[test]
fn agrees_with_the_oracle_on_wider_clusters() {
    for seed in 0..1_000 {
        let random = &mut Random::new(seed);
        let nodes = random.between(5, 8);
        let mut case = Case { cluster: small_cluster(random, nodes), units: small_units(random, 3) };
        for unit in &mut case.units {
            unit.count = unit.count.min(if random.one_in(3) { 2 } else { 1 });
        }
        assert_eq!(sound_places(&case), oracle::feasible(&case.units, &case.cluster), "seed {seed}: {case:#?}");
    }
}

#[test]
fn alternatives_are_the_outcomes_that_the_oracle_finds() {
    let mut several = 0;
    for seed in 0..4_000 {
        let random = &mut Random::new(seed);
        let (nodes, units) = (random.between(1, 4), random.between(1, 2));
        let case = Case { cluster: small_cluster(random, nodes), units: small_units(random, units) };
        let expected = oracle::outcomes(&case.units, &case.cluster);
        let found = match alternatives(&case.units, &case.cluster, Preference::Order, &Budget::default()) {
            Ok(found) => found,
            Err(error) => {
                assert!(expected.is_empty(), "seed {seed}: {error} {case:#?}");
                continue;
            }
        };
        assert!(found.complete, "seed {seed}");
        let mut outcomes: BTreeSet<Outcome> = BTreeSet::new();
        for reservation in &found.reservations {
            check_reservation(reservation, &case.units, &case.cluster)
                .unwrap_or_else(|problem| panic!("seed {seed}: {problem}\n{case:#?}"));
            let kinds = reservation
                .targets
                .iter()
                .map(|target| target.placements.iter().flat_map(|p| target.kinds(&case.cluster, p)).cloned().collect());
            assert!(outcomes.insert(kinds.collect()), "seed {seed}: twice the same set");
        }
        assert_eq!(outcomes, expected, "seed {seed}: {case:#?}");
        several += u32::from(outcomes.len() > 1);
        let first = sound::reserve(&case.units, &case.cluster, &Budget::default());
        assert_eq!(first.as_ref().ok(), found.reservations.first(), "seed {seed}");
    }
    assert!(several > 300, "{several} cases have several outcomes: too few to judge by");
}

/// The last kind by name first, which is neither the order of nodes nor that of choices.
#[derive(Debug)]
struct LastFirst;

impl KindOrder for LastFirst {
    fn compare(&self, one: &GpuKind, other: &GpuKind) -> Ordering {
        other.to_string().cmp(&one.to_string())
    }
}

/// The placements of a case under every preference. They are checked, and they are there for the same cases.
fn under_every_preference(case: &Case, steps: u64) -> Vec<Option<Reservation>> {
    let place = |prefer: &Prefer| {
        let budget = Budget::new(SearchBudget { steps });
        let reserved = sound::reserve_by(&case.units, &case.cluster, prefer.by(&LastFirst), &budget);
        if let Ok(reservation) = &reserved {
            check_reservation(reservation, &case.units, &case.cluster)
                .unwrap_or_else(|problem| panic!("{prefer:?}: {problem}\n{case:#?}\n{reservation:#?}"));
        }
        reserved.ok()
    };
    Prefer::ALL.iter().map(place).collect()
}

#[test]
fn every_preference_places_the_same_orders() {
    let mut differ = 0;
    for seed in 0..6_000 {
        let random = &mut Random::new(seed);
        let (nodes, units) = (random.between(2, 6), random.between(1, 3));
        let case = Case { cluster: small_cluster(random, nodes), units: small_units(random, units) };
        // The last ones are tight, and end many searches in the middle.
        for steps in [1_000_000, 300, 30] {
            let placed = under_every_preference(&case, steps);
            let is_placed = placed[0].is_some();
            assert!(placed.iter().all(|one| one.is_some() == is_placed), "seed {seed}, {steps} steps: {case:#?}");
            differ += u32::from(steps == 1_000_000 && placed.iter().any(|one| *one != placed[0]));
        }
        let order = sound::reserve(&case.units, &case.cluster, &Budget::default()).ok();
        assert_eq!(under_every_preference(&case, u64::MAX / 2)[0], order, "seed {seed}");
    }
    assert!(differ > 500, "a preference made a difference in {differ} cases: too few to judge by");
}

#[test]
fn alternatives_begin_with_the_preferred_placement_and_are_the_same_ones() {
    let mut several = 0;
    for seed in 0..3_000 {
        let random = &mut Random::new(seed);
        let nodes = random.between(2, 6);
        let case = Case { cluster: small_cluster(random, nodes), units: small_units(random, 1) };
        let Ok(found) = alternatives(&case.units, &case.cluster, Preference::Order, &Budget::default()) else {
            continue;
        };
        let model = |reservation: &Reservation| reservation.targets[0].gpu_attribute.clone();
        let models: BTreeSet<_> = found.reservations.iter().filter_map(model).collect();
        several += u32::from(models.len() > 1);
        for prefer in Prefer::ALL {
            let by = prefer.by(&LastFirst);
            let placed = sound::reserve_by(&case.units, &case.cluster, by, &Budget::default()).unwrap();
            let listed = alternatives(&case.units, &case.cluster, by, &Budget::default()).unwrap();
            assert_eq!(listed.reservations.first(), Some(&placed), "seed {seed}, {prefer:?}");
            assert_eq!(listed.reservations.len(), found.reservations.len(), "seed {seed}, {prefer:?}");
        }
    }
    assert!(several > 100, "{several} cases have several models: too few to judge by");
}

/// Rebuilds the cluster with its nodes changed or reordered.
fn rebuilt(cluster: &Cluster, change: impl Fn(Vec<Node>) -> Vec<Node>) -> Cluster {
    let mut builder = ClusterBuilder::default();
    for card in cluster.cards() {
        builder.card(card.described.clone());
    }
    for interconnect in cluster.interconnects() {
        builder.interconnect(interconnect.clone());
    }
    for node in change(cluster.nodes().to_vec()) {
        builder.node(node);
    }
    for pool in cluster.storage() {
        builder.storage(pool.clone());
    }
    builder.build()
}

/// Increases one amount of one node.
fn grown(mut nodes: Vec<Node>, random: &mut Random) -> Vec<Node> {
    let more = random.between(1, 3);
    let node = random.up_to(nodes.len() as u64 - 1) as usize;
    let node = &mut nodes[node];
    let bytes = |capacity: Capacity<Bytes>| {
        let available = Bytes::new(capacity.available.get() + more);
        Capacity { total: available.max(capacity.total), available }
    };
    match random.up_to(5) {
        5 => node.hcas.available += more,
        0 => node.cpu.available = MilliCpu::new(node.cpu.available.get() + more),
        1 => node.memory = bytes(node.memory),
        2 => node.ephemeral = bytes(node.ephemeral),
        3 => {
            node.gpus.available += more;
            let first = node.cards.first().copied();
            node.cards.extend(first);
        }
        _ => node.storage_classes = vec!["beta2".to_owned(), "beta3".to_owned()],
    }
    nodes
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn shuffling_nodes_never_changes_feasibility(case in small_cases(), seed: u64) {
        let cluster = rebuilt(&case.cluster, |mut nodes| {
            Random::new(seed).shuffle(&mut nodes);
            nodes
        });
        let shuffled = Case { cluster, units: case.units.clone() };
        prop_assert_eq!(sound_places(&case), sound_places(&shuffled));
    }

    #[test]
    fn shuffling_units_never_changes_feasibility(case in small_cases(), seed: u64) {
        let mut shuffled = case.clone();
        Random::new(seed).shuffle(&mut shuffled.units);
        prop_assert_eq!(sound_places(&case), sound_places(&shuffled));
    }

    #[test]
    fn more_of_anything_never_makes_an_order_infeasible(case in small_cases(), seed: u64) {
        let fitted = sound_places(&case);
        let cluster = rebuilt(&case.cluster, |nodes| grown(nodes, &mut Random::new(seed)));
        let grown = Case { cluster, units: case.units };
        prop_assert!(!fitted || sound_places(&grown));
    }

    #[test]
    fn asking_for_less_never_makes_an_order_infeasible(case in small_cases(), seed: u64) {
        let fitted = sound_places(&case);
        let mut less = case;
        let unit = (seed % less.units.len() as u64) as usize;
        let unit = &mut less.units[unit];
        match seed % 6 {
            5 => unit.interconnect = None,
            0 => unit.cpu = MilliCpu::new(unit.cpu.get() / 2),
            1 => unit.memory = Bytes::new(unit.memory.get() / 2),
            2 => unit.gpu.units -= unit.gpu.units.min(1),
            3 => unit.count = unit.count.div_ceil(2),
            _ => unit.storage.clear(),
        }
        prop_assert!(!fitted || sound_places(&less));
    }

    #[test]
    fn what_the_provider_places_without_double_booking_sound_places(case in small_cases()) {
        let placed = provider::reserve(&case.units, &case.cluster, &Budget::default());
        let realisable = placed.is_ok_and(|placed| check_realisable(&placed, &case.units, &case.cluster).is_ok());
        prop_assert!(!realisable || sound_places(&case));
    }

    #[test]
    fn a_small_budget_says_so_and_never_answers_wrongly(case in small_cases(), steps in 0_u64..200) {
        match sound::reserve(&case.units, &case.cluster, &Budget::new(SearchBudget { steps })) {
            Ok(_) => prop_assert!(sound_places(&case)),
            Err(ReserveError::InsufficientCapacity(_)) => prop_assert!(!sound_places(&case)),
            Err(error) => prop_assert_eq!(error, ReserveError::SearchExhausted(steps)),
        }
    }
}

/// Makes a cluster of identical nodes.
fn uniform(nodes: u64, cpu: u64) -> Cluster {
    let mut builder = ClusterBuilder::default();
    for place in 0..nodes {
        let cpu = MilliCpu::new(cpu);
        builder.node(Node {
            name: Arc::from(format!("node{place}")),
            cpu: Capacity { total: cpu, available: cpu },
            memory: Capacity::default(),
            ephemeral: Capacity::default(),
            gpus: Capacity::default(),
            cards: Vec::new(),
            storage_classes: Vec::new(),
            ..Node::default()
        });
    }
    builder.storage(StoragePool { class: "beta3".to_owned(), capacity: Capacity::default() });
    builder.build()
}

#[test]
fn huge_counts_neither_hang_nor_pass_for_capacity() {
    let units = |amounts: &[(u32, u64)]| {
        let mut units = small_units(&mut Random::new(1), amounts.len() as u64);
        for (unit, (count, cpu)) in units.iter_mut().zip(amounts) {
            (unit.count, unit.cpu, unit.memory, unit.gpu.units) = (*count, MilliCpu::new(*cpu), Bytes::ZERO, 0);
            unit.storage.clear();
        }
        units
    };
    let place =
        |amounts: &[(u32, u64)]| sound::reserve(&units(amounts), &uniform(3, 1_500_000), &Budget::default()).map(drop);
    assert!(matches!(place(&[(u32::MAX, 1)]), Err(ReserveError::InsufficientCapacity(_))));
    assert!(matches!(place(&[(u32::MAX, 0)]), Err(ReserveError::SearchExhausted(_))));
    assert_eq!(place(&[(1_000_000, 1)]), Ok(()));
    assert_eq!(place(&[(500_000, 0), (500_000, 3)]), Ok(()));
    // Together they ask for more than the cluster has.
    assert!(matches!(place(&[(400_000, 10), (400_000, 3)]), Err(ReserveError::InsufficientCapacity(_))));
}
