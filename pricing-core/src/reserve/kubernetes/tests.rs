//! Placements whose scores are worked out by hand.

use std::sync::Arc;

use super::*;
use crate::inventory::{Capacity, ClusterBuilder, DescribedCard, Interconnect, Node};
use crate::quantity::{Bytes, MilliCpu};
use crate::reserve::{PodRequest, PodSelector};

/// What a node has: its threads in thousandths, its bytes of memory and its cards, each as what is allocatable and what
/// is allocated.
#[derive(Clone, Copy, Default)]
struct Has {
    cpu: (u64, u64),
    memory: (u64, u64),
    gpus: (u64, u64),
    hcas: u64,
}

fn capacity((allocatable, allocated): (u64, u64)) -> Capacity<u64> {
    Capacity { total: allocatable, available: allocatable.saturating_sub(allocated) }
}

/// A cluster with the nodes `n0`, `n1` and so on. All cards are of one kind.
fn cluster(nodes: &[Has]) -> Cluster {
    let mut builder = ClusterBuilder::default();
    let word = str::to_owned;
    let card = builder.card(DescribedCard {
        vendor: word("nvidia"),
        name: word("a100"),
        interface: word("PCIe"),
        memory_size: word("80Gi"),
    });
    let interconnect = Interconnect { resource_name: word("rdma/ib"), ..Interconnect::default() };
    let interconnect = builder.interconnect(interconnect);
    for (place, has) in nodes.iter().enumerate() {
        let (cpu, memory, gpus) = (capacity(has.cpu), capacity(has.memory), capacity(has.gpus));
        builder.node(Node {
            name: Arc::from(format!("n{place}")),
            cpu: Capacity { total: MilliCpu::new(cpu.total), available: MilliCpu::new(cpu.available) },
            memory: Capacity { total: Bytes::new(memory.total), available: Bytes::new(memory.available) },
            gpus,
            cards: vec![card; usize::try_from(gpus.total.min(8)).unwrap()],
            interconnect: (has.hcas > 0).then_some(interconnect),
            hcas: capacity((has.hcas, 0)),
            ..Node::default()
        });
    }
    builder.build()
}

/// The pods of a unit with some replicas, thousandths of a thread, bytes of memory, and cards.
fn pods(replicas: u32, cpu: u64, memory: u64, gpus: u64) -> PodTemplate {
    let mut request = PodRequest::default();
    (request.cpu, request.memory, request.gpus) = (MilliCpu::new(cpu), Bytes::new(memory), gpus);
    let selector = || PodSelector { vendor: "nvidia".to_owned(), model: "a100".to_owned(), interconnect: None };
    PodTemplate { resource_id: 1, replicas, request, selector: (gpus > 0).then(selector), label: None }
}

/// The nodes of each step with their probabilities, such as `n0 1/2, n1 1/2`.
fn steps(placements: &PodPlacements) -> Vec<String> {
    let node = |node: &NodeProbability| {
        let (part, whole) = (node.probability.numerator(), node.probability.denominator());
        format!("n{} {part}/{whole}", node.node.place())
    };
    placements.steps.iter().map(|step| step.nodes.iter().map(node).collect::<Vec<_>>().join(", ")).collect()
}

fn place(scheduler: &KubeScheduler, pods: &[PodTemplate], cluster: &Cluster) -> PodPlacements {
    scheduler.place(pods, cluster, &Budget::default()).unwrap()
}

fn with_strategy(strategy_type: ScoringStrategyType, resources: &[(&str, u64)]) -> KubeScheduler {
    let spec = |(name, weight): &(&str, u64)| ResourceSpec::new((*name).to_owned(), *weight).unwrap();
    let scoring_strategy = ScoringStrategy::new(strategy_type, resources.iter().map(spec).collect());
    KubeScheduler { profile: Profile { scoring_strategy, ..Profile::default() }, ..KubeScheduler::default() }
}

const FREE: Has = Has { cpu: (1000, 0), memory: (1000, 0), gpus: (0, 0), hcas: 0 };

#[test]
fn the_node_with_the_highest_sum_wins() {
    // A pod of 100 and 100.
    // n0: Fit (90 + 90) / 2 = 90, balanced 100: 190.
    // n1: Fit (90 + 60) / 2 = 75, balanced 1 - |0.1 - 0.4| / 2 = 0.85: 160.
    // n2: Fit (50 + 50) / 2 = 50, balanced 100: 150.
    let nodes = [Has { cpu: (1000, 400), memory: (1000, 400), ..FREE }, Has { memory: (1000, 300), ..FREE }, FREE];
    let cluster = cluster(&nodes);
    assert_eq!(steps(&place(&KubeScheduler::default(), &[pods(1, 100, 100, 0)], &cluster)), ["n2 1/1"]);
    let packing = with_strategy(ScoringStrategyType::MostAllocated, &[]);
    // n0: (50 + 50) / 2 + 100 = 150. n1: (10 + 40) / 2 + 85 = 110. n2: (10 + 10) / 2 + 100 = 110.
    assert_eq!(steps(&place(&packing, &[pods(1, 100, 100, 0)], &cluster)), ["n0 1/1"]);
}

#[test]
fn replicas_of_a_unit_spread_and_those_of_another_do_not_count() {
    // Two equal nodes and three replicas of 100 and 100. The first: a tie. The second goes to the other node, whose
    // Fit is 90 + 100 and not 80 + 100, and whose spread is 2 x 100 and not 2 x floor(100 * 2 / 3) = 132. The third: a
    // tie again.
    let cluster = cluster(&[FREE, FREE]);
    let unit = pods(3, 100, 100, 0);
    let default = KubeScheduler::default();
    assert_eq!(steps(&place(&default, std::slice::from_ref(&unit), &cluster)), ["n0 1/2, n1 1/2"; 3]);
    // With MostAllocated alone a node keeps what it has got.
    let mut packing = with_strategy(ScoringStrategyType::MostAllocated, &[]);
    packing.profile.weights = ScoreWeights { pod_topology_spread: 0, ..ScoreWeights::default() };
    let placements = place(&packing, std::slice::from_ref(&unit), &cluster);
    assert_eq!(steps(&placements), ["n0 1/2, n1 1/2"; 3]);
    // In both branches all three are on one node, so a fourth that needs 800 of it goes to the other one.
    let large = pods(1, 800, 100, 0);
    let full = [unit, large];
    assert_eq!(steps(&place(&packing, &full, &cluster)), ["n0 1/2, n1 1/2"; 4]);
    let none = pods(2, 800, 100, 0);
    let pending = place(&packing, &[full[0].clone(), none], &cluster).pending.unwrap();
    assert_eq!((pending.replica, pending.probability), (2, Probability::ONE));
}

#[test]
fn pods_without_requests_count_in_fit_and_not_in_balanced_allocation() {
    // A pod of 100m and 100Mi on nodes with 1000m and 2000m, and 1000Mi each.
    // n0: Fit (90 + 90) / 2 = 90, balanced 100: 190.
    // n1: Fit (95 + 90) / 2 = 92, balanced 1 - |0.05 - 0.1| / 2 = 0.975: 97. 189.
    // With one pod without requests, 100m and 200Mi more are used in Fit:
    // n0: (80 + 70) / 2 = 75, and 100: 175. n1: (90 + 70) / 2 = 80, and 97: 177.
    let mebi = |count: u64| count << 20;
    let cluster = cluster(&[
        Has { cpu: (1000, 0), memory: (mebi(1000), 0), ..FREE },
        Has { cpu: (2000, 0), memory: (mebi(1000), 0), ..FREE },
    ]);
    let unit = [pods(1, 100, mebi(100), 0)];
    assert_eq!(steps(&place(&KubeScheduler::default(), &unit, &cluster)), ["n0 1/1"]);
    let scheduler = KubeScheduler { pods_without_requests: 1, ..KubeScheduler::default() };
    assert_eq!(steps(&place(&scheduler, &unit, &cluster)), ["n1 1/1"]);
    // They take no room: the node is full only by what is requested.
    let crowd = KubeScheduler { pods_without_requests: u32::MAX, ..KubeScheduler::default() };
    assert_eq!(place(&crowd, &unit, &cluster).pending, None);
}

#[test]
fn extended_resources_that_the_pod_does_not_request_are_left_out() {
    let strategy = || with_strategy(ScoringStrategyType::LeastAllocated, &[("nvidia.com/gpu", 1), ("cpu", 1)]);
    // n0 has more free cards, n1 more free CPU. Memory is the same, and balanced is switched off.
    let cluster =
        cluster(&[Has { cpu: (1000, 200), gpus: (8, 0), ..FREE }, Has { cpu: (1000, 100), gpus: (8, 4), ..FREE }]);
    let mut scheduler = strategy();
    scheduler.profile.weights.node_resources_balanced_allocation = 0;
    // Without cards: n0 70 and n1 80. With one: n0 (87 + 70) / 2 = 78, and n1 (37 + 80) / 2 = 58.
    assert_eq!(steps(&place(&scheduler, &[pods(1, 100, 1, 0)], &cluster)), ["n1 1/1"]);
    assert_eq!(steps(&place(&scheduler, &[pods(1, 100, 1, 1)], &cluster)), ["n0 1/1"]);
    // Cards of another vendor are not requested.
    let mut scheduler = with_strategy(ScoringStrategyType::LeastAllocated, &[("amd.com/gpu", 99), ("cpu", 1)]);
    scheduler.profile.weights.node_resources_balanced_allocation = 0;
    assert_eq!(steps(&place(&scheduler, &[pods(1, 100, 1, 1)], &cluster)), ["n1 1/1"]);
    // With nothing left, all nodes score 0, and lots are drawn.
    let mut scheduler = with_strategy(ScoringStrategyType::MostAllocated, &[("amd.com/gpu", 1), ("pods", 1)]);
    scheduler.profile.weights.node_resources_balanced_allocation = 0;
    assert_eq!(steps(&place(&scheduler, &[pods(1, 100, 1, 1)], &cluster)), ["n0 1/2, n1 1/2"]);
}

#[test]
fn nodes_that_are_alike_stay_equally_likely_however_many_ways_there_are() {
    // 12 nodes and 6 replicas can come out in 12 * 11 * 10 * 9 * 8 * 7 ways, and all of them are one.
    let cluster = cluster(&[Has { gpus: (1, 0), ..FREE }; 12]);
    let placements = place(&KubeScheduler::default(), &[pods(6, 100, 100, 1)], &cluster);
    let alike: Vec<String> = (0..12).map(|node| format!("n{node} 1/12")).collect();
    assert_eq!(steps(&placements), vec![alike.join(", "); 6]);
    assert!(!placements.approximate);
    // The other order of the same units, of which the second needs two cards: two nodes have them, and each of six
    // replicas takes a node of its own. Both are taken in C(10, 4) of C(12, 6) ways.
    let nodes: Vec<Has> = (0..12).map(|node| Has { gpus: (2, u64::from(node % 6 != 0)), ..FREE }).collect();
    let units = [pods(6, 100, 100, 1), PodTemplate { resource_id: 2, ..pods(1, 100, 100, 2) }];
    let placements = place(&KubeScheduler::default(), &units, &self::cluster(&nodes));
    let pending = placements.pending.unwrap().probability;
    assert_eq!((pending.numerator() * 22, placements.approximate), (pending.denominator() * 5, false));
}

#[test]
fn pods_with_one_interconnect_label_never_share_a_node() {
    let mut nodes = [Has { gpus: (8, 0), hcas: 8, ..FREE }; 3];
    nodes[2].hcas = 0;
    let cluster = cluster(&nodes);
    let mut unit = pods(3, 100, 100, 1);
    unit.label = Some("auto".to_owned());
    let interconnect = cluster.nodes()[0].interconnect;
    unit.selector = Some(PodSelector { interconnect, ..unit.selector.unwrap() });
    unit.request.hcas = 1;
    let placements = place(&KubeScheduler::default(), &[unit], &cluster);
    assert_eq!(steps(&placements), ["n0 1/2, n1 1/2"; 2]);
    let pending = placements.pending.unwrap();
    assert_eq!((pending.replica, pending.probability), (3, Probability::ONE));
    let lacks =
        |node: &NodeShortage| (node.node.to_string(), node.lacks[0].resource.name(), node.lacks[0].free.clone());
    let none = |node: &str| (node.to_owned(), "interconnect", Some("0".to_owned()));
    assert_eq!(pending.lacks.iter().map(lacks).collect::<Vec<_>>(), [none("n0"), none("n1"), none("n2")]);
}

#[test]
fn a_replica_may_be_pending_in_some_branches_only() {
    // 900 are free on each node. A replica of 600 goes to one of them, and the first one of 900 to the other. The second
    // one of 900 fits nowhere in either branch.
    let nodes = [Has { cpu: (1000, 100), ..FREE }, Has { cpu: (1000, 100), ..FREE }];
    let cluster = cluster(&nodes);
    let units = [pods(1, 600, 1, 0), pods(2, 900, 1, 0)];
    let placements = place(&KubeScheduler::default(), &units, &cluster);
    assert_eq!(steps(&placements), ["n0 1/2, n1 1/2", "n0 1/2, n1 1/2"]);
    let pending = placements.pending.unwrap();
    assert_eq!((pending.replica, pending.probability), (2, Probability::ONE));
    assert_eq!(pending.lacks.iter().map(|node| node.lacks[0].asked.as_str()).collect::<Vec<_>>(), ["0.9", "0.9"]);

    // n0 and n1 are alike for a pod of 400. Only n1 has a card: if it takes the pod, one of 700 with a card fits nowhere.
    let nodes = [FREE, Has { gpus: (1, 0), ..FREE }];
    let cluster = self::cluster(&nodes);
    let units = [pods(1, 400, 1, 0), pods(1, 700, 1, 1), pods(1, 1, 1, 0)];
    let placements = place(&KubeScheduler::default(), &units, &cluster);
    // In the branch that goes on, n0 has 600 and n1 has 300 of 1000 left, so the third goes to n0.
    assert_eq!(steps(&placements), ["n0 1/2, n1 1/2", "n1 1/2", "n0 1/2"]);
    let pending = placements.pending.unwrap();
    assert_eq!((pending.replica, pending.probability), (1, Probability::new(1, 2)));
    assert_eq!(pending.lacks.len(), 1, "nodes without the label lack nothing that could be freed");
    assert_eq!(pending.lacks[0].lacks[0].free.as_deref(), Some("0.6"));
}

/// Free nodes of which no two are alike, though all have the same scores for pods without cards.
fn different(nodes: u64) -> Vec<Has> {
    (0..nodes).map(|cards| Has { gpus: (cards, 0), ..FREE }).collect()
}

#[test]
fn more_than_64_branches_are_cut_and_the_rest_scaled_up() {
    let cluster = cluster(&different(12));
    // 12, 66 and 220 branches. The first two replicas are exact: the branches are cut after the second.
    let unit = |replicas| [pods(replicas, 100, 100, 0)];
    let placements = place(&KubeScheduler::default(), &unit(2), &cluster);
    assert!(!placements.approximate);
    assert!(
        placements.steps.iter().flat_map(|step| &step.nodes).all(|node| node.probability == Probability::new(1, 12))
    );
    let placements = place(&KubeScheduler::default(), &unit(4), &cluster);
    assert!(placements.approximate);
    for step in &placements.steps {
        let add = |sum: Probability, node: &NodeProbability| sum.checked_add(node.probability).unwrap();
        assert_eq!(step.nodes.iter().fold(Probability::ZERO, add), Probability::ONE);
    }
}

#[test]
fn weights_that_no_longer_fit_are_rounded_and_still_add_up() {
    let pairs = |nodes: Vec<Has>| nodes.iter().flat_map(|node| [*node; 2]).collect::<Vec<_>>();
    for (nodes, is_approximate) in [(different(12), true), (vec![FREE; 12], false), (pairs(different(13)), true)] {
        let placements = place(&KubeScheduler::default(), &[pods(80, 1, 1, 0)], &cluster(&nodes));
        assert_eq!(placements.approximate, is_approximate);
        assert_eq!((placements.steps.len(), placements.pending), (80, None));
        for step in &placements.steps {
            let add = |sum: Probability, node: &NodeProbability| sum.checked_add(node.probability).unwrap();
            assert_eq!(step.nodes.iter().fold(Probability::ZERO, add), Probability::ONE);
            assert!(step.nodes.iter().all(|node| node.probability > Probability::ZERO));
        }
    }
}

#[test]
fn from_100_nodes_on_probabilities_are_approximate_unless_every_node_is_scored() {
    let scheduler = |percentage| {
        let profile = Profile { percentage_of_nodes_to_score: percentage, ..Profile::default() };
        KubeScheduler { profile, ..KubeScheduler::default() }
    };
    for (nodes, percentage, approximate) in [(99, 0, false), (100, 0, true), (100, 99, true), (100, 100, false)] {
        let cluster = cluster(&vec![FREE; nodes]);
        let unit = [pods(1, 100, 100, 0)];
        let placements = place(&scheduler(percentage), &unit, &cluster);
        assert_eq!(placements.approximate, approximate, "{nodes} nodes at {percentage} %");
        assert_eq!(placements.steps[0].nodes.len(), nodes);
    }
}

#[test]
fn hostile_numbers_are_placed_without_overflow() {
    let huge = [0, 1, 1 << 63, u64::MAX];
    let strategies = [
        ScoringStrategyType::LeastAllocated,
        ScoringStrategyType::MostAllocated,
        ScoringStrategyType::RequestedToCapacityRatio(
            FunctionShape::new(vec![UtilizationShapePoint { utilization: 0, score: 10 }]).unwrap(),
        ),
    ];
    let mut nodes = Vec::new();
    for allocatable in huge {
        for allocated in huge {
            let amount = (allocatable, allocated);
            nodes.push(Has { cpu: amount, memory: amount, gpus: amount, hcas: allocatable });
        }
    }
    let cluster = cluster(&nodes);
    for strategy in strategies {
        let scheduler = with_strategy(strategy, &[("cpu", 100), ("memory", 100), ("nvidia.com/gpu", 100)]);
        for (cpu, memory, gpus) in [(0, 0, 0), (1, 1, 1), (u64::MAX, 1 << 63, 1), (1 << 63, 0, u64::MAX)] {
            let weights = ScoreWeights { node_resources_fit: u32::MAX, ..ScoreWeights::default() };
            let profile = Profile { weights, ..scheduler.profile.clone() };
            let scheduler = KubeScheduler { profile, pods_without_requests: u32::MAX, ..KubeScheduler::default() };
            let _ = place(&scheduler, &[pods(3, cpu, memory, gpus)], &cluster);
        }
    }
    // Nothing of nothing: no node, no pod.
    assert_eq!(place(&KubeScheduler::default(), &[], &Cluster::default()), PodPlacements::default());
    let unplaced = place(&KubeScheduler::default(), &[pods(1, 1, 1, 1)], &Cluster::default());
    assert_eq!((unplaced.steps.len(), unplaced.pending.unwrap().lacks.len()), (0, 0));
}

#[test]
fn a_search_takes_its_steps_from_the_budget() {
    let cluster = cluster(&[FREE; 20]);
    let unit = [pods(u32::MAX, 0, 0, 0)];
    let budget = Budget::new(crate::budget::SearchBudget { steps: 100_000 });
    assert_eq!(KubeScheduler::default().place(&unit, &cluster, &budget), Err(Spent::Steps(100_000)));
}
