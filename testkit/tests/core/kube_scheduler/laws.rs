//! Laws of placements, on random orders and clusters.

use std::collections::BTreeMap;

use pricing_core::budget::Budget;
use pricing_core::inventory::{Cluster, NodeId};
use pricing_core::order::Order;
use pricing_core::quantity::{Bytes, MilliCpu};
use pricing_core::reserve::kubernetes::{KubeScheduler, PodPlacements, PodTemplate, Probability};
use pricing_core::reserve::{CommitLevels, CommittedUnit, Reservation, Scheduler, reserve, start};
use proptest::prelude::*;
use testkit::placements::{check_draw, check_placements, hostile_cluster, reordered, scheduler};
use testkit::random::Random;
use testkit::{generate, orders};

use super::naive;

/// An order that was reserved on a small cluster.
struct Case {
    order: Order,
    units: Vec<CommittedUnit>,
    reservation: Reservation,
    cluster: Cluster,
}

impl Case {
    fn new(random: &mut Random) -> Option<Self> {
        let nodes = random.between(1, 12);
        let cluster = generate::small_cluster(random, nodes);
        let order = orders::small_order(random)?;
        let (levels, budget) = (CommitLevels::default(), Budget::default());
        let reservation = reserve(&order.group, &cluster, Scheduler::Sound, &levels, &budget).ok()?;
        let units = levels.units(&order.group, Scheduler::Sound);
        Some(Self { order, units, reservation, cluster })
    }

    fn pods(&self, cluster: &Cluster) -> Vec<PodTemplate> {
        PodTemplate::of_group(&self.order.group, &self.units, &self.reservation, cluster)
    }

    fn place(&self, scheduler: &KubeScheduler, cluster: &Cluster) -> PodPlacements {
        scheduler.place(&self.pods(cluster), cluster, &Budget::default()).unwrap()
    }
}

/// The replica that may be pending, what each node then lacks, and its probability.
fn pending(placements: &PodPlacements) -> Option<(u32, u32, Probability, BTreeMap<String, String>)> {
    let pod = placements.pending.as_ref()?;
    let lacks = pod.lacks.iter().map(|node| (node.node.to_string(), format!("{:?}", node.lacks)));
    Some((pod.resource_id, pod.replica, pod.probability, lacks.collect()))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_probabilities_of_a_replica_add_up(seed: u64) {
        let random = &mut Random::new(seed);
        let scheduler = scheduler(random);
        if let Some(case) = Case::new(random) {
            let checked = check_placements(&case.place(&scheduler, &case.cluster), &case.pods(&case.cluster), &case.cluster);
            prop_assert_eq!(checked, Ok(()));
        }
    }

    #[test]
    fn placements_are_those_of_the_naive_scheduler(seed: u64) {
        if let Some(case) = Case::new(&mut Random::new(seed)) {
            let naive = naive::place(&case.order.group, &case.units, &case.reservation, &case.cluster, 64);
            if let Some(naive) = naive {
                let placements = case.place(&KubeScheduler::default(), &case.cluster);
                prop_assert!(!placements.approximate);
                prop_assert_eq!(naive::written(&placements, &case.cluster), naive);
            }
        }
    }

    #[test]
    fn pods_start_only_where_they_could(seed: u64) {
        let random = &mut Random::new(seed);
        let scheduler = scheduler(random);
        if let Some(case) = Case::new(random) {
            let placements = case.place(&scheduler, &case.cluster);
            for pod in case.pods(&case.cluster) {
                let Some(selector) = &pod.selector else { continue };
                let nodes = start::nodes(&pod.request, selector, &case.cluster, &Budget::default()).unwrap();
                let steps = placements.steps.iter().filter(|step| step.resource_id == pod.resource_id);
                for node in steps.flat_map(|step| &step.nodes) {
                    prop_assert!(nodes.contains(&node.node.place()));
                }
                // One node where it could start: that is where the first one does, whatever the others took.
                if let ([only], Some(first)) = (nodes.as_slice(), placements.steps.first())
                    && first.resource_id == pod.resource_id
                {
                    let certain = [(NodeId::place(first.nodes[0].node), first.nodes[0].probability)];
                    prop_assert_eq!(certain, [(*only, Probability::ONE)]);
                }
            }
        }
    }

    #[test]
    fn the_order_of_the_nodes_changes_nothing(seed: u64) {
        let random = &mut Random::new(seed);
        let scheduler = scheduler(random);
        if let Some(case) = Case::new(random) {
            let other = reordered(&case.cluster, random);
            let (one, two) = (case.place(&scheduler, &case.cluster), case.place(&scheduler, &other));
            prop_assert_eq!(naive::written(&one, &case.cluster), naive::written(&two, &other));
            prop_assert_eq!(one.approximate, two.approximate);
            prop_assert_eq!(pending(&one), pending(&two));
        }
    }

    #[test]
    fn hostile_numbers_are_placed(seed: u64) {
        let random = &mut Random::new(seed);
        let (scheduler, cluster) = (scheduler(random), hostile_cluster(random));
        if let Some(order) = orders::small_order(random) {
            let (levels, budget) = (CommitLevels::default(), Budget::default());
            let units = levels.units(&order.group, Scheduler::Sound);
            // Whether or not the order can be reserved there: kube-scheduler is asked all the same.
            let units = order.group.resources().iter().zip(&units);
            let pods: Vec<PodTemplate> = units.map(|(unit, committed)| PodTemplate::new(unit, committed, None, &cluster)).collect();
            let placements = scheduler.place(&pods, &cluster, &budget).unwrap();
            prop_assert_eq!(check_placements(&placements, &pods, &cluster), Ok(()));
            for pod in &pods {
                prop_assert_eq!(check_draw(&scheduler, pod, &cluster), Ok(()));
            }
        }
    }
}

/// The cut after 64 branches does not depend on the order of the nodes either: of 40 nodes with the same scores, of which
/// no two are alike.
#[test]
fn the_order_of_the_nodes_changes_nothing_where_branches_are_left_out() {
    let node = |place: u32| {
        serde_json::json!({"name": format!("n{place}"), "resources": {
            "cpu": {"quantity": {"allocatable": "8"}}, "memory": {"quantity": {"allocatable": "8Gi"}},
            "ephemeral_storage": {"allocatable": format!("{}Gi", place + 1)}}})
    };
    let unit = generate::real_unit(1, 4, 0, &[]);
    let unit = orders::resource_unit(
        &CommittedUnit { storage: Vec::new(), cpu: MilliCpu::new(1000), memory: Bytes::new(1 << 30), ..unit },
        Vec::new(),
        None,
    );
    let placed = |places: &mut dyn Iterator<Item = u32>| {
        let text = serde_json::json!({"nodes": places.map(node).collect::<Vec<_>>()}).to_string();
        let snapshot = pricing_core::inventory::read::read(&text).unwrap();
        let cluster = pricing_core::inventory::validate::validate(snapshot).cluster;
        let committed = CommittedUnit {
            id: 1,
            count: 4,
            cpu: MilliCpu::new(1000),
            memory: Bytes::new(1 << 30),
            ..CommittedUnit::default()
        };
        let pods = [PodTemplate::new(&unit, &committed, None, &cluster)];
        let placements = KubeScheduler::default().place(&pods, &cluster, &Budget::default()).unwrap();
        assert!(placements.approximate);
        assert_eq!(check_placements(&placements, &pods, &cluster), Ok(()));
        naive::written(&placements, &cluster)
    };
    assert_eq!(placed(&mut (0..40)), placed(&mut (0..40).rev()));
}
