//! Single draws, compared with the probabilities of all ways.

use std::collections::BTreeMap;

use pricing_core::budget::Budget;
use pricing_core::inventory::{Cluster, NodeId};
use pricing_core::reserve::kubernetes::{Draw, KubeScheduler, NodeProbability, PodTemplate, Probability};
use pricing_core::reserve::{CommitLevels, Scheduler, reserve};
use proptest::prelude::*;
use testkit::placements::scheduler;
use testkit::random::Random;
use testkit::{generate, orders};

/// The most ways that are followed.
const MOST: usize = 2000;

/// Every way in which the lots may fall, with its probability: an odometer, whose digits are the choices. None if there
/// are too many, or a probability does not fit.
fn ways(scheduler: &KubeScheduler, pods: &[PodTemplate], cluster: &Cluster) -> Option<Vec<(Draw, Probability)>> {
    let mut ways = Vec::new();
    let mut choices: Vec<(usize, usize)> = Vec::new();
    while ways.len() < MOST {
        let mut at = 0;
        let mut choose = |count: usize| {
            if at == choices.len() {
                choices.push((0, count));
            }
            assert_eq!(choices[at].1, count, "the same lots lead to the same place");
            at += 1;
            choices[at - 1].0
        };
        let draw = scheduler.draw(pods, cluster, &mut choose, &Budget::default()).unwrap();
        let probability = choices.iter().try_fold(Probability::ONE, |so_far, (_, count)| {
            assert!(*count > 1, "lots are drawn only where there is a choice");
            so_far.divided(u32::try_from(*count).unwrap())
        });
        ways.push((draw, probability?));
        while choices.last().is_some_and(|(choice, count)| choice + 1 == *count) {
            choices.pop();
        }
        match choices.last_mut() {
            Some((choice, _)) => *choice += 1,
            None => return Some(ways),
        }
    }
    None
}

/// The probability of each node for each replica, in the order of placement. None if a sum does not fit.
fn by_replica(ways: &[(Draw, Probability)]) -> Option<Vec<BTreeMap<NodeId, Probability>>> {
    let mut replicas: Vec<BTreeMap<NodeId, Probability>> = Vec::new();
    for (draw, probability) in ways {
        let Draw::Started(units) = draw else { continue };
        for (place, node) in units.iter().flatten().enumerate() {
            replicas.resize(replicas.len().max(place + 1), BTreeMap::new());
            let sum = replicas[place].entry(*node).or_insert(Probability::ZERO);
            *sum = sum.checked_add(*probability)?;
        }
    }
    Some(replicas)
}

/// An order's pods on a cluster that may be much larger than they need.
fn pods(random: &mut Random) -> Option<(Vec<PodTemplate>, Cluster)> {
    let nodes = random.between(1, 40);
    let cluster = generate::small_cluster(random, nodes);
    let order = orders::small_order(random)?;
    let (levels, budget) = (CommitLevels::default(), Budget::default());
    let reservation = reserve(&order.group, &cluster, Scheduler::Sound, &levels, &budget).ok()?;
    let units = levels.units(&order.group, Scheduler::Sound);
    let mut pods = PodTemplate::of_group(&order.group, &units, &reservation, &cluster);
    if random.one_in(2) {
        // A single pod takes a shorter way.
        pods.truncate(1);
        pods[0].replicas = 1;
    }
    Some((pods, cluster))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn draws_have_the_probabilities_of_placements(seed: u64) {
        let random = &mut Random::new(seed);
        let scheduler = scheduler(random);
        let Some((pods, cluster)) = pods(random) else { return Ok(()) };
        let placements = scheduler.place(&pods, &cluster, &Budget::default()).unwrap();
        let Some(ways) = ways(&scheduler, &pods, &cluster).filter(|_| !placements.approximate) else { return Ok(()) };
        if let Some(pending) = placements.pending {
            let stuck = |draw: &Draw| matches!(draw, Draw::Pending { resource_id, replica }
                if (*resource_id, *replica) == (pending.resource_id, pending.replica));
            let mut stuck = ways.iter().filter(|(draw, _)| stuck(draw)).map(|(_, probability)| *probability);
            let sum = stuck.try_fold(Probability::ZERO, Probability::checked_add);
            prop_assert_eq!(sum, Some(pending.probability));
            return Ok(());
        }
        let Some(drawn) = by_replica(&ways) else { return Ok(()) };
        let step = |nodes: &[NodeProbability]| nodes.iter().map(|node| (node.node, node.probability)).collect();
        let placed: Vec<BTreeMap<_, _>> = placements.steps.iter().map(|placed| step(&placed.nodes)).collect();
        prop_assert_eq!(drawn, placed);
    }
}
