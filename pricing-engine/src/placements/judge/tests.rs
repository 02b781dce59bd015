use std::sync::Arc;
use std::time::Instant;

use pricing_core::reserve::kubernetes::Probability;

use super::*;
use crate::bid_log::entry::Group;
use crate::inventory::Used;
use crate::order_name::OrderName;
use crate::placements::{PredictedNode, PredictedOrder};

/// Pods that request the same. Each is as likely on each of its nodes.
fn prediction(pods: &[Vec<usize>]) -> Prediction {
    let order_name = OrderName { owner: "akash1tenant".into(), dseq: 1, gseq: 1, oseq: 1 };
    let group = Group { index: 0, name: "g".into() };
    let pod = |(nodes, replica): (&Vec<usize>, u32)| {
        let probability = Probability::new(1, u128::try_from(nodes.len()).unwrap());
        let node = |node: &usize| PredictedNode { name: name(*node).into(), kinds: Kinds::default(), probability };
        let request = Used { cpu: 1, ..Used::NOTHING };
        PredictedPod { resource_id: 1, replica, request, nodes: nodes.iter().map(node).collect() }
    };
    Prediction {
        order: PredictedOrder { name: order_name, group, decision: None, at: Instant::now() },
        approximate: false,
        pods: pods.iter().zip(1..).map(pod).collect(),
    }
}

fn name(node: usize) -> String {
    format!("n{node}")
}

fn on(nodes: impl Iterator<Item = usize>) -> Sighting {
    Sighting::On(nodes.map(|node| SeenNode { name: name(node), kinds: Arc::default() }).collect())
}

/// The results of an order whose pods were seen on some nodes.
fn results(pods: &[Vec<usize>], seen: impl Iterator<Item = usize>) -> BTreeMap<PlacementResult, u32> {
    let mut results = BTreeMap::new();
    for line in judge(&prediction(pods), &[on(seen)]) {
        *results.entry(line.result).or_default() += line.pods;
    }
    results
}

#[test]
fn a_thousand_replicas_that_are_likely_on_the_same_nodes_are_matched() {
    let pods = vec![(0..10).collect(); 1000];
    let seen = (0..1000).map(|place| place % 10);
    assert_eq!(results(&pods, seen), [(PlacementResult::Right, 1000)].into());
    // Some started elsewhere.
    let seen = (0..1000).map(|place| place % 12);
    let elsewhere = (0..1000).filter(|place| place % 12 >= 10).count();
    let elsewhere = u32::try_from(elsewhere).unwrap();
    let expected = [(PlacementResult::Right, 1000 - elsewhere), (PlacementResult::Wrong, elsewhere)];
    assert_eq!(results(&pods, seen), expected.into());
}

#[test]
fn a_long_path_of_exchanges_is_found() {
    let number = 5_000;
    // Each node but the first goes to the pod before it. Then the first one moves all of them on by one pod.
    let pods: Vec<Vec<usize>> = (0..number).map(|place| vec![place, place + 1]).collect();
    let seen = (1..number).chain([0]);
    assert_eq!(results(&pods, seen), [(PlacementResult::Right, u32::try_from(number).unwrap())].into());
}

#[test]
fn pods_of_which_nothing_is_known_share_a_line_without_nodes() {
    let prediction = prediction(&vec![(0..100).collect(); 50]);
    let short = |lines: &[PlacedPod]| -> Vec<(u32, u32, Option<UnknownReason>, usize, usize)> {
        let short =
            |line: &PlacedPod| (line.replica, line.pods, line.reason, line.predicted.len(), line.predicted_left_out);
        lines.iter().map(short).collect()
    };
    let lines = unknown(&prediction, UnknownReason::TooMany);
    assert_eq!(short(&lines), [(1, 50, Some(UnknownReason::TooMany), 0, 0)]);
    let lines = judge(&prediction, &[on([7, 8].into_iter())]);
    assert_eq!(
        short(&lines),
        [(1, 1, None, 100, 0), (2, 1, None, 100, 0), (3, 48, Some(UnknownReason::NotSeen), 0, 0)]
    );
}
