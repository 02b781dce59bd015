use std::sync::Arc;

use pricing_core::inventory::{Capacity, ClusterBuilder, DescribedCard, Node};
use pricing_core::quantity::{Bytes, MilliCpu};
use pricing_core::reserve::kubernetes::Probability;
use proptest::prelude::*;

use super::*;
use crate::bid_log::entry::Group;
use crate::order_name::OrderName;
use crate::placements::{Kinds, PlacementResult, PredictedNode, PredictedOrder, PredictedPod};

/// The nodes of the tests, with the RAM of their cards: `a` and `b` have the same kind.
const NODES: [(&str, &str); 4] = [("a", "80Gi"), ("b", "80Gi"), ("c", "40Gi"), ("d", "")];

/// How many pods of one size a node runs.
type Running<'a> = (&'a str, u64);

fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(60 * minutes)
}

/// A cluster on whose nodes pods run that each use a card and a thread for each unit of size. Nodes that are not listed are
/// not there.
fn cluster(running: &[Running<'_>]) -> Cluster {
    let mut builder = ClusterBuilder::default();
    for (name, size) in running {
        let ram = NODES.iter().find(|(node, _)| node == name).map_or("", |(_, ram)| ram);
        let word = str::to_owned;
        let [vendor, model] = ["nvidia", "a100"].map(word);
        let described = DescribedCard { vendor, name: model, interface: word("PCIe"), memory_size: word(ram) };
        let cards = if ram.is_empty() { Vec::new() } else { vec![builder.card(described); 8] };
        let gpus = if cards.is_empty() { Capacity::default() } else { Capacity { total: 64, available: 64 - size } };
        builder.node(Node {
            name: Arc::from(*name),
            cpu: Capacity { total: MilliCpu::new(64_000), available: MilliCpu::new(64_000 - 1000 * size) },
            memory: Capacity { total: Bytes::new(1 << 20), available: Bytes::new((1 << 20) - size) },
            gpus,
            cards,
            ..Node::default()
        });
    }
    builder.build()
}

/// What a pod of a size requests.
fn request(size: u64) -> Used {
    Used { cpu: 1000 * size, memory: size, gpus: size, ..Used::NOTHING }
}

fn order(dseq: u64) -> OrderName {
    OrderName { owner: "akash1tenant".into(), dseq, gseq: 1, oseq: 1 }
}

/// A pod that is predicted to start on some nodes, each as likely as the others.
fn pod(replica: u32, size: u64, nodes: &[&str]) -> PredictedPod {
    let ways = u128::try_from(nodes.len()).unwrap();
    let kinds = |name: &str| -> Kinds {
        let ram = NODES.iter().find(|(node, _)| *node == name).unwrap().1;
        if ram.is_empty() { Kinds::default() } else { Kinds::from([format!("nvidia/a100/{ram}/pcie")]) }
    };
    let node = |name: &&str| PredictedNode {
        name: Arc::from(*name),
        kinds: kinds(name),
        probability: Probability::new(1, ways),
    };
    PredictedPod { resource_id: 1, replica, request: request(size), nodes: nodes.iter().map(node).collect() }
}

fn prediction(dseq: u64, at: Instant, pods: Vec<PredictedPod>) -> Prediction {
    let group = Group { index: 0, name: "g".into() };
    Prediction {
        order: PredictedOrder { name: order(dseq), group, decision: Some(dseq), at },
        approximate: false,
        pods,
    }
}

/// The results of pods, such as `right on a`, or why it is not known.
fn told(lines: &[PlacedPod]) -> Vec<String> {
    let told = |line: &PlacedPod| match (&line.seen, line.reason) {
        (Some(seen), _) => format!("{} on {}", line.result.name(), seen.node),
        (None, Some(reason)) => format!("{reason:?}"),
        (None, None) => "neither seen nor unknown".to_owned(),
    };
    lines.iter().flat_map(|line| (0..line.pods).map(move |_| told(line))).collect()
}

/// A watch of all bids, and when it began, with nothing running on all nodes.
fn watch(awaited: AwaitedBids) -> (Watch, Instant) {
    let (mut watch, now) = (Watch::new(awaited), Instant::now());
    watch.snapshot(&cluster(&NODES.map(|(name, _)| (name, 0))), true, now);
    (watch, now)
}

/// What is told at the end of some predictions, with these snapshots after so many minutes.
fn after(predictions: &[Prediction], snapshots: &[(u64, &[Running<'_>])], start: (Watch, Instant)) -> Vec<String> {
    let (mut watch, now) = start;
    for prediction in predictions {
        assert_eq!(watch.predicted(prediction.clone()), []);
    }
    for (minute, running) in snapshots {
        watch.snapshot(&cluster(running), false, now + minutes(*minute));
    }
    assert_eq!(watch.due(now + minutes(15) - Duration::from_millis(1)), []);
    told(&watch.due(now + minutes(15)))
}

#[test]
fn a_prediction_is_judged_by_the_node_that_explains_the_growth() {
    let one = |nodes: &[&str]| vec![pod(1, 1, nodes)];
    let two = |nodes: &[&str]| vec![pod(1, 1, nodes), pod(2, 1, nodes)];
    let none = [("a", 0), ("b", 0), ("c", 0), ("d", 0)];
    let with = |changed: &[Running<'static>]| -> Vec<Running<'static>> {
        let size = |name| changed.iter().find(|(node, _)| *node == name).map_or(0, |(_, size)| *size);
        NODES.map(|(name, _)| (name, size(name))).to_vec()
    };
    type Case = (&'static str, Vec<PredictedPod>, Vec<(u64, Vec<Running<'static>>)>, &'static [&'static str]);
    let cases: Vec<Case> = vec![
        ("the predicted node", one(&["a"]), vec![(1, with(&[("a", 1)]))], &["right on a"]),
        ("one of a tie", one(&["a", "c"]), vec![(1, with(&[("c", 1)]))], &["right on c"]),
        ("the same kind", one(&["a"]), vec![(1, with(&[("b", 1)]))], &["same_kind on b"]),
        ("another kind", one(&["a"]), vec![(1, with(&[("c", 1)]))], &["wrong on c"]),
        ("on two at once", one(&["a"]), vec![(1, with(&[("a", 1), ("b", 1)]))], &["Ambiguous"]),
        ("on two in turn", one(&["a"]), vec![(1, with(&[("a", 1)])), (9, with(&[("a", 1), ("b", 1)]))], &["Ambiguous"]),
        ("never", one(&["a"]), vec![(1, none.to_vec())], &["NotSeen"]),
        ("too late", one(&["a"]), vec![(16, with(&[("a", 1)]))], &["NotSeen"]),
        ("at the last moment", one(&["a"]), vec![(15, with(&[("a", 1)]))], &["right on a"]),
        ("a larger pod", one(&["a"]), vec![(1, with(&[("b", 2)]))], &["NotSeen"]),
        ("beside a larger pod", one(&["a"]), vec![(1, with(&[("a", 1), ("b", 2)]))], &["right on a"]),
        ("two replicas apart", two(&["a"]), vec![(1, with(&[("a", 1), ("b", 1)]))], &["right on a", "same_kind on b"]),
        ("two replicas at once", two(&["a"]), vec![(1, with(&[("a", 2)]))], &["right on a", "right on a"]),
        ("one of two replicas", two(&["a"]), vec![(1, with(&[("a", 1)]))], &["right on a", "NotSeen"]),
        (
            "what went away again, as what the daemon has reserved does",
            one(&["a"]),
            vec![(1, with(&[("b", 1)])), (2, with(&[("a", 1)]))],
            &["right on a"],
        ),
        (
            "a reservation on the node where the pod starts",
            one(&["a"]),
            vec![(1, with(&[("a", 1)])), (2, with(&[("a", 2)])), (3, with(&[("a", 1)]))],
            &["right on a"],
        ),
        (
            "a node that is missing for a moment",
            one(&["a"]),
            vec![(1, vec![("b", 0), ("c", 0)]), (2, with(&[("a", 1)]))],
            &["right on a"],
        ),
        (
            "the snapshot is sent again",
            one(&["a"]),
            vec![(1, with(&[("a", 1)])), (2, with(&[("a", 1)]))],
            &["right on a"],
        ),
        ("nobody expected it to start", one(&[]), vec![(1, with(&[("a", 1)]))], &["wrong on a"]),
    ];
    for (case, pods, snapshots, expected) in cases {
        let start = watch(AwaitedBids::All);
        let snapshots: Vec<(u64, &[Running<'_>])> =
            snapshots.iter().map(|(minute, running)| (*minute, running.as_slice())).collect();
        assert_eq!(after(&[prediction(1, start.1, pods)], &snapshots, start), expected, "{case}");
    }
}

#[test]
fn replicas_are_matched_with_the_nodes_that_were_predicted_for_them() {
    let start = watch(AwaitedBids::All);
    // The first replica is right on both nodes, and the second one on one of them.
    let pods = vec![pod(1, 1, &["a", "b"]), pod(2, 1, &["a"])];
    let told = after(&[prediction(1, start.1, pods)], &[(1, &[("a", 1), ("b", 1), ("c", 0), ("d", 0)])], start);
    assert_eq!(told, ["right on b", "right on a"]);
}

#[test]
fn a_pod_without_cards_is_right_or_wrong() {
    for (node, expected) in [("d", "right on d"), ("a", "wrong on a")] {
        let start = watch(AwaitedBids::All);
        let request = Used { gpus: 0, ..request(1) };
        let pods = vec![PredictedPod { request, ..pod(1, 1, &["d"]) }];
        let (mut watch, now) = start;
        assert_eq!(watch.predicted(prediction(1, now, pods)), []);
        let mut nodes = cluster(&NODES.map(|(name, _)| (name, u64::from(name == node)))).nodes().to_vec();
        for node in &mut nodes {
            // The pod has no card.
            node.gpus.available = node.gpus.total;
        }
        let mut builder = ClusterBuilder::default();
        nodes.into_iter().for_each(|node| builder.node(Node { cards: Vec::new(), ..node }));
        watch.snapshot(&builder.build(), false, now + minutes(1));
        let lines = watch.due(now + minutes(15));
        assert_eq!(told(&lines), [expected]);
        assert!(lines[0].seen.as_ref().unwrap().kinds.is_empty());
    }
}

#[test]
fn two_orders_that_request_the_same_are_ambiguous_unless_they_share_a_node() {
    let all = |size: [u64; 2]| [("a", size[0]), ("b", size[1]), ("c", 0), ("d", 0)];
    for (size, expected) in [([1, 1], "Ambiguous"), ([1, 0], "Ambiguous"), ([2, 0], "right on a")] {
        let start = watch(AwaitedBids::All);
        let orders = [1, 2].map(|dseq| prediction(dseq, start.1, vec![pod(1, 1, &["a"])]));
        assert_eq!(after(&orders, &[(1, &all(size))], start), [expected, expected], "{size:?}");
    }
}

#[test]
fn a_judged_prediction_still_competes_with_later_ones() {
    let (mut watch, now) = watch(AwaitedBids::All);
    assert_eq!(watch.predicted(prediction(1, now, vec![pod(1, 1, &["a"])])), []);
    assert_eq!(watch.predicted(prediction(2, now + minutes(10), vec![pod(1, 1, &["a"])])), []);
    watch.snapshot(&cluster(&[("a", 1), ("b", 0), ("c", 0), ("d", 0)]), false, now + minutes(11));
    assert_eq!(told(&watch.due(now + minutes(15))), ["Ambiguous"]);
    assert_eq!(watch.open(), 1);
    assert_eq!(told(&watch.due(now + minutes(25))), ["Ambiguous"]);
    assert_eq!((watch.open(), watch.predictions.len(), watch.size), (0, 0, 0));
}

#[test]
fn what_another_source_shows_is_not_compared() {
    let (mut watch, now) = watch(AwaitedBids::All);
    assert_eq!(watch.predicted(prediction(1, now, vec![pod(1, 1, &["a"])])), []);
    watch.snapshot(&cluster(&[("a", 1), ("b", 0)]), true, now + minutes(1));
    watch.snapshot(&cluster(&[("a", 2), ("b", 0)]), false, now + minutes(2));
    assert_eq!(told(&watch.due(now + minutes(15))), ["LostTrack"]);
}

#[test]
fn a_node_that_came_may_have_the_pod() {
    let (mut watch, now) = (Watch::new(AwaitedBids::All), Instant::now());
    watch.snapshot(&cluster(&[("a", 0)]), true, now);
    assert_eq!(watch.predicted(prediction(1, now, vec![pod(1, 2, &["a"])])), []);
    watch.snapshot(&cluster(&[("a", 2), ("b", 1)]), false, now + minutes(1));
    let mut other = watch.clone();
    assert_eq!(told(&watch.due(now + minutes(15))), ["right on a"]);
    other.snapshot(&cluster(&[("a", 2), ("b", 1), ("c", 3)]), false, now + minutes(2));
    assert_eq!(told(&other.due(now + minutes(15))), ["Ambiguous"]);
}

#[test]
fn only_bids_that_were_won_are_judged_where_outcomes_tell() {
    let (mut watch, now) = watch(AwaitedBids::Won);
    for dseq in 1..=4 {
        assert_eq!(watch.predicted(prediction(dseq, now, vec![pod(1, 1, &["a"])])), []);
    }
    watch.snapshot(&cluster(&[("a", 0), ("b", 1), ("c", 0), ("d", 0)]), false, now + minutes(6));
    let fates = |fates: &[(u64, Fate)]| fates.iter().map(|(dseq, fate)| (order(*dseq).exact(), *fate)).collect();
    assert_eq!(watch.pulled(now + minutes(7), &fates(&[(1, Fate::Won(now + minutes(5))), (2, Fate::NotWon)])), []);
    assert_eq!((watch.open(), watch.due(now + minutes(100)).len()), (3, 0), "no later pull has told of other leases");
    // The third lease began long after the pod of the first was seen.
    assert_eq!(watch.pulled(now + minutes(21), &fates(&[(3, Fate::Won(now + minutes(21)))])), []);
    assert_eq!(told(&watch.due(now + minutes(21))), ["Ambiguous"], "the third one was bid on before the growth");
    assert_eq!(watch.pulled(now + minutes(40), &fates(&[])), []);
    assert_eq!(told(&watch.due(now + minutes(40))), ["Ambiguous"]);
    // The fourth stays open until nobody can tell of it any more.
    assert_eq!((watch.due(now + PATIENCE).len(), watch.open()), (0, 1));
    assert_eq!((watch.due(now + PATIENCE + minutes(1)).len(), watch.open(), watch.size), (0, 0, 0));
}

#[test]
fn lost_bids_do_not_compete_where_outcomes_tell() {
    let (mut watch, now) = watch(AwaitedBids::Won);
    for dseq in 1..=2 {
        assert_eq!(watch.predicted(prediction(dseq, now, vec![pod(1, 1, &["a"])])), []);
    }
    watch.snapshot(&cluster(&[("a", 0), ("b", 1), ("c", 0), ("d", 0)]), false, now + minutes(6));
    assert_eq!(watch.pulled(now + minutes(30), &[(order(2).exact(), Fate::Won(now + minutes(5)))].into()), []);
    assert_eq!(told(&watch.due(now + minutes(30))), ["same_kind on b"]);
}

#[test]
fn a_quote_after_the_lease_began_is_not_of_the_bid() {
    let (mut watch, now) = watch(AwaitedBids::Won);
    let pods = vec![pod(1, 1, &["a"]), pod(2, 1, &["a"])];
    assert_eq!(watch.predicted(prediction(1, now + minutes(10), pods)), []);
    let late = watch.pulled(now + minutes(40), &[(order(1).exact(), Fate::Won(now + minutes(5)))].into());
    assert_eq!((told(&late), late.len()), (vec!["AfterLease".to_owned(); 2], 1));
    assert_eq!((watch.open(), watch.due(now + minutes(40)).len()), (0, 0));
    // Of two quotes, the newer one counts until it is known that the bid was won.
    for minute in [50, 51] {
        assert_eq!(watch.predicted(prediction(2, now + minutes(minute), vec![pod(1, 1, &["a"])])), []);
    }
    assert_eq!(watch.pulled(now + minutes(55), &[(order(2).exact(), Fate::Won(now + minutes(53)))].into()), []);
    assert_eq!(watch.predicted(prediction(2, now + minutes(56), vec![pod(1, 1, &["a"])])), []);
    assert_eq!(watch.open(), 1);
    assert_eq!(watch.predictions[0].prediction.order.at, now + minutes(51));
}

#[test]
fn the_oldest_of_too_many_predictions_are_unknown() {
    let (mut watch, now) = watch(AwaitedBids::All);
    let nodes = vec!["a"; 9_000];
    let mut dropped = Vec::new();
    for dseq in 0..30 {
        dropped.extend(watch.predicted(prediction(dseq, now, vec![pod(1, 1, &nodes)])));
        assert!(watch.size <= MAX_SIZE);
    }
    assert!(dropped.iter().all(|line| line.reason == Some(UnknownReason::TooMany) && line.predicted.is_empty()));
    let orders: Vec<u64> = dropped.iter().map(|line| line.order_id.dseq).collect();
    assert_eq!(orders, (0..8).collect::<Vec<_>>());
    let number = u64::try_from(MAX_PREDICTIONS).unwrap();
    let dropped: usize =
        (100..2_300).map(|dseq| watch.predicted(prediction(dseq, now, vec![pod(1, 1, &["a"])])).len()).sum();
    assert_eq!((dropped, watch.open()), (2_200 + 22 - MAX_PREDICTIONS, MAX_PREDICTIONS), "{number}");
}

#[test]
fn a_prediction_that_is_too_large_pushes_out_no_other() {
    let (mut watch, now) = watch(AwaitedBids::All);
    assert_eq!(watch.predicted(prediction(1, now, vec![pod(1, 1, &["a"])])), []);
    assert_eq!(watch.predicted(prediction(2, now, vec![pod(1, 1, &["b"])])), []);
    let nodes = vec!["a"; 401];
    let large = (1..=500).map(|replica| pod(replica, 1, &nodes)).collect();
    let lines = watch.predicted(prediction(2, now, large));
    assert_eq!((told(&lines), lines.len()), (vec!["TooMany".to_owned(); 500], 1));
    // The earlier prediction for the same bid does not count any more.
    assert_eq!(watch.open(), 1);
    assert_eq!(watch.predictions[0].prediction.order.name, order(1));
}

proptest! {
    /// The order in which the inventory lists its nodes changes nothing.
    #[test]
    fn the_order_of_the_nodes_does_not_matter(
        sizes in prop::collection::vec((1_u64..3, 0_usize..4), 1..4),
        snapshots in prop::collection::vec(prop::array::uniform4(0_u64..4), 1..4),
        turn in 0_usize..4,
    ) {
        let tell = |turn: usize| {
            let listed = |sizes: &[u64; 4]| {
                let mut running: Vec<Running<'_>> =
                    NODES.iter().zip(sizes).map(|((name, _), size)| (*name, *size)).collect();
                running.rotate_left(turn);
                cluster(&running)
            };
            let (mut watch, now) = (Watch::new(AwaitedBids::All), Instant::now());
            watch.snapshot(&listed(&[0; 4]), true, now);
            for ((size, node), dseq) in sizes.iter().zip(1..) {
                let pods = vec![pod(1, *size, &[NODES[*node].0])];
                let _ = watch.predicted(prediction(dseq, now, pods));
            }
            for (running, minute) in snapshots.iter().zip(1..) {
                watch.snapshot(&listed(running), false, now + minutes(minute));
            }
            told(&watch.due(now + minutes(15)))
        };
        prop_assert_eq!(tell(turn), tell(0));
    }

    /// A node that explains a pod as well as another node does is never named.
    #[test]
    fn no_verdict_is_given_where_two_nodes_explain_it(size in 1_u64..4, nodes in prop::sample::subsequence(vec![0, 1, 2], 2..=3)) {
        let start = watch(AwaitedBids::All);
        let running: Vec<Running<'_>> = NODES.iter().enumerate()
            .map(|(place, (name, _))| (*name, if nodes.contains(&place) { size } else { 0 })).collect();
        let told = after(&[prediction(1, start.1, vec![pod(1, size, &["a"])])], &[(1, &running)], start);
        prop_assert_eq!(told, ["Ambiguous"]);
    }

    /// Every prediction gets one verdict for each of its pods, whatever the inventory does.
    #[test]
    fn each_pod_has_one_verdict(
        sizes in prop::collection::vec((1_u64..3, 1_u32..3), 1..5),
        snapshots in prop::collection::vec((prop::array::uniform4(0_u64..4), any::<bool>()), 0..6),
    ) {
        let (mut watch, now) = watch(AwaitedBids::All);
        let mut expected = 0;
        let mut lines = Vec::new();
        for ((size, replicas), dseq) in sizes.iter().zip(1_u64..) {
            expected += usize::try_from(*replicas).unwrap();
            let pods = (1..=*replicas).map(|replica| pod(replica, *size, &["a"])).collect();
            lines.extend(watch.predicted(prediction(dseq, now + minutes(dseq), pods)));
        }
        for ((sizes, is_first), minute) in snapshots.iter().zip(1..) {
            let running: Vec<Running<'_>> = NODES.iter().zip(sizes).map(|((name, _), size)| (*name, *size)).collect();
            watch.snapshot(&cluster(&running), *is_first, now + minutes(minute));
            lines.extend(watch.due(now + minutes(minute)));
        }
        lines.extend(watch.due(now + minutes(60)));
        let is_told = |line: &PlacedPod| (line.result == PlacementResult::Unknown) == line.seen.is_none();
        prop_assert!(lines.iter().all(is_told));
        let told: u32 = lines.iter().map(|line| line.pods).sum();
        prop_assert_eq!((usize::try_from(told).unwrap(), watch.open()), (expected, 0));
    }
}
