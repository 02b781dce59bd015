//! What holds for every placement by kube-scheduler, and clusters and profiles to try it on.

use std::sync::Arc;

use pricing_core::budget::Budget;
use pricing_core::inventory::{Capacity, CardId, Cluster, ClusterBuilder, DescribedCard, InterconnectId, Node};
use pricing_core::quantity::{Bytes, MilliCpu};
use pricing_core::reserve::kubernetes::{
    Draw, FunctionShape, KubeScheduler, KubernetesVersion, PodPlacements, PodTemplate, Probability, Profile,
    ResourceSpec, ScoreWeights, ScoringStrategy, ScoringStrategyType, Step, UtilizationShapePoint,
};

use crate::random::Random;

/// Checks that the probabilities of a placement add up: to 1 for each replica before a pending one, and to 1 less the
/// probability of the pending one for this one. Later ones have at most that.
///
/// Probabilities whose sum no longer fits are not checked.
///
/// # Errors
/// What is wrong, for people.
pub fn check_placements(placements: &PodPlacements, pods: &[PodTemplate], cluster: &Cluster) -> Result<(), String> {
    let replicas = pods.iter().flat_map(|pod| (1..=pod.replicas).map(|replica| (pod.resource_id, replica)));
    let mut most = Probability::ONE;
    let mut steps = placements.steps.iter().peekable();
    for replica in replicas {
        let pending = placements.pending.as_ref().filter(|pod| (pod.resource_id, pod.replica) == replica);
        let Some(step) = steps.next_if(|step| (step.resource_id, step.replica) == replica) else {
            let ends_here = pending.is_some_and(|pod| pod.probability == Probability::ONE);
            return match steps.next() {
                None if ends_here || most != Probability::ONE => Ok(()),
                next => Err(format!("no step for {replica:?}; the next one is {next:?}")),
            };
        };
        let expected = pending.map_or(most, |pod| pod.probability.complement());
        let Some(sum) = check_step(step, cluster)? else {
            most = expected.min(most);
            continue;
        };
        // Later branches may end, too, and approximate sums may differ in the last of 64 bits.
        let is_right = if most == Probability::ONE { sum == expected } else { sum <= most };
        let is_close = placements.approximate && sum.millionths().abs_diff(expected.millionths()) <= 1;
        if !is_right && !is_close {
            return Err(format!("the probabilities of {replica:?} add up to {sum}, and not to {expected}"));
        }
        most = sum.min(most);
    }
    match steps.next() {
        None => Ok(()),
        Some(step) => Err(format!("a step too many: {step:?}")),
    }
}

/// Checks that a single pod is drawn from the very nodes on which it may be placed.
///
/// # Errors
/// What is wrong, for people.
pub fn check_draw(scheduler: &KubeScheduler, pod: &PodTemplate, cluster: &Cluster) -> Result<(), String> {
    let pod = [PodTemplate { replicas: 1, ..pod.clone() }];
    let Ok(placed) = scheduler.place(&pod, cluster, &Budget::default()) else { return Ok(()) };
    let mut nodes: Vec<_> = placed.steps.iter().flat_map(|step| &step.nodes).map(|node| node.node).collect();
    nodes.sort_unstable();
    let mut drawn = Vec::new();
    for way in 0..nodes.len().max(1) {
        let Ok(draw) = scheduler.draw(&pod, cluster, &mut |_| way, &Budget::default()) else { return Ok(()) };
        drawn.extend(match draw {
            Draw::Started(units) => units.into_iter().flatten().next(),
            Draw::Pending { .. } => None,
        });
    }
    if nodes == drawn { Ok(()) } else { Err(format!("drawn are {drawn:?}, and the best ones are {nodes:?}")) }
}

/// Checks the nodes of a step, and adds up their probabilities. None if the sum does not fit.
fn check_step(step: &Step, cluster: &Cluster) -> Result<Option<Probability>, String> {
    let mut nodes: Vec<_> = step.nodes.iter().map(|node| node.node).collect();
    nodes.sort_unstable();
    nodes.dedup();
    if nodes.is_empty() || nodes.len() != step.nodes.len() || nodes.iter().any(|id| cluster.node(*id).is_none()) {
        return Err(format!("these are not distinct nodes of the cluster: {step:?}"));
    }
    let ordered = step.nodes.is_sorted_by(|one, next| (next.probability, one.node) <= (one.probability, next.node));
    if !ordered || step.nodes.iter().any(|node| node.probability == Probability::ZERO) {
        return Err(format!("the likeliest nodes do not come first: {step:?}"));
    }
    Ok(step.nodes.iter().try_fold(Probability::ZERO, |sum, node| sum.checked_add(node.probability)))
}

/// A kube-scheduler with some strategy and weights, often the default ones.
#[must_use]
pub fn scheduler(random: &mut Random) -> KubeScheduler {
    let pods_without_requests = u32::try_from(if random.one_in(2) { 0 } else { random.up_to(40) }).unwrap_or(0);
    let version = if random.one_in(2) { KubernetesVersion::default() } else { KubernetesVersion::V1_36 };
    if random.one_in(3) {
        return KubeScheduler { version, pods_without_requests, ..KubeScheduler::default() };
    }
    let mut weight = |default: u32| {
        let other = u32::try_from(random.up_to(3)).unwrap_or(0);
        if random.one_in(2) { default } else { other }
    };
    let weights = ScoreWeights {
        node_resources_fit: weight(1),
        node_resources_balanced_allocation: weight(1),
        pod_topology_spread: weight(2),
    };
    let profile = Profile { scoring_strategy: strategy(random), weights, ..Profile::default() };
    KubeScheduler { version, profile, pods_without_requests }
}

fn strategy(random: &mut Random) -> ScoringStrategy {
    const NAMES: [&str; 5] = ["cpu", "memory", "ephemeral-storage", "nvidia.com/gpu", "amd.com/gpu"];
    let mut resources = Vec::new();
    for name in NAMES {
        if random.one_in(2) {
            resources.extend(ResourceSpec::new(name.to_owned(), random.between(1, 5)));
        }
    }
    let strategy_type = match random.up_to(2) {
        0 => ScoringStrategyType::LeastAllocated,
        1 => ScoringStrategyType::MostAllocated,
        _ => {
            let mut points = Vec::new();
            let mut utilization = random.up_to(30);
            while utilization <= 100 {
                points.push(UtilizationShapePoint { utilization, score: random.up_to(10) });
                utilization += random.between(1, 50);
            }
            FunctionShape::new(points).map_or(ScoringStrategyType::LeastAllocated, |shape| {
                ScoringStrategyType::RequestedToCapacityRatio(shape)
            })
        }
    };
    ScoringStrategy::new(strategy_type, resources)
}

/// The same cluster with its nodes in another order.
#[must_use]
pub fn reordered(cluster: &Cluster, random: &mut Random) -> Cluster {
    let mut builder = ClusterBuilder::default();
    let cards: Vec<CardId> = cluster.cards().iter().map(|card| builder.card(card.described.clone())).collect();
    let interconnects: Vec<InterconnectId> =
        cluster.interconnects().iter().map(|interconnect| builder.interconnect(interconnect.clone())).collect();
    debug_assert!(cards.iter().enumerate().all(|(place, id)| id.place() == place));
    debug_assert!(interconnects.iter().enumerate().all(|(place, id)| id.place() == place));
    let mut nodes = cluster.nodes().to_vec();
    random.shuffle(&mut nodes);
    nodes.into_iter().for_each(|node| builder.node(node));
    cluster.storage().iter().cloned().for_each(|pool| builder.storage(pool));
    builder.build()
}

/// A cluster with amounts that no real one has: 0, 2^63 and the largest number.
#[must_use]
pub fn hostile_cluster(random: &mut Random) -> Cluster {
    const AMOUNTS: [u64; 8] = [0, 1, 2, 3, 1 << 32, 1 << 62, 1 << 63, u64::MAX];
    let mut builder = ClusterBuilder::default();
    let word = str::to_owned;
    let described = DescribedCard {
        vendor: word("nvidia"),
        name: word("a100"),
        interface: word("PCIe"),
        memory_size: word("80Gi"),
    };
    let card = builder.card(described);
    for place in 0..random.between(1, 8) {
        let mut amount = || {
            let total = *random.one_of(&AMOUNTS).unwrap_or(&0);
            Capacity { total, available: total - random.one_of(&AMOUNTS).copied().unwrap_or(0).min(total) }
        };
        let mut bytes = || {
            let Capacity { total, available } = amount();
            Capacity { total: Bytes::new(total), available: Bytes::new(available) }
        };
        let (memory, ephemeral) = (bytes(), bytes());
        let (cpu, gpus, hcas) = (amount(), amount(), amount());
        builder.node(Node {
            name: Arc::from(format!("node{place}")),
            cpu: Capacity { total: MilliCpu::new(cpu.total), available: MilliCpu::new(cpu.available) },
            memory,
            ephemeral,
            gpus,
            cards: vec![card; 4],
            hcas,
            ..Node::default()
        });
    }
    builder.build()
}
