use std::time::Duration;

use proptest::prelude::*;

use super::*;

fn amounts(gpus: u64, cpu: u64) -> Used {
    Used { gpus, cpu, memory: cpu << 20, ..Used::NOTHING }
}

/// Pods of a prediction, each with some cards and as many threads, that are awaited for a minute.
fn pods(start: Instant, prediction: usize, class: usize, gpus: u64, count: u32) -> AwaitedPods {
    let until = start + Duration::from_secs(60);
    AwaitedPods { prediction, class, request: amounts(gpus, gpus * 1000), count, from: start, until }
}

fn growth(start: Instant, node: &str, gpus: u64) -> Growth<'_> {
    Growth { at: start + Duration::from_secs(10), node, by: amounts(gpus, gpus * 1000) }
}

/// Where the only class of the first prediction started: `?` if explanations disagree.
fn told(pods: &[AwaitedPods], growths: &[Growth<'_>]) -> String {
    match explain(0, pods, growths).map(|mut started| started.remove(&0).unwrap()) {
        None => "too many".to_owned(),
        Some(None) => "?".to_owned(),
        Some(Some(nodes)) => nodes.join(" "),
    }
}

#[test]
fn a_growth_is_attributed_where_one_explanation_is_left() {
    let now = Instant::now();
    let own = |gpus, count| pods(now, 0, 0, gpus, count);
    let other = |prediction, gpus, count| pods(now, prediction, 0, gpus, count);
    let grew = |node, gpus| growth(now, node, gpus);
    let cases: &[(&str, Vec<AwaitedPods>, Vec<Growth<'_>>)] = &[
        ("", vec![own(1, 1)], vec![]),
        ("a", vec![own(1, 1)], vec![grew("a", 1)]),
        // Not what the pod requests.
        ("", vec![own(1, 1)], vec![grew("a", 2)]),
        ("b", vec![own(1, 1)], vec![grew("a", 2), grew("b", 1)]),
        // Two nodes explain it.
        ("?", vec![own(1, 1)], vec![grew("a", 1), grew("b", 1)]),
        // Twice on the same node is one answer.
        ("a", vec![own(1, 1)], vec![grew("a", 1), grew("a", 1)]),
        // Two replicas: on two nodes, on one node at once, and on one node after each other.
        ("a b", vec![own(1, 2)], vec![grew("b", 1), grew("a", 1)]),
        ("a a", vec![own(1, 2)], vec![grew("a", 2)]),
        ("a a", vec![own(1, 2)], vec![grew("a", 1), grew("a", 1)]),
        ("a", vec![own(1, 2)], vec![grew("a", 1)]),
        ("?", vec![own(1, 2)], vec![grew("a", 1), grew("b", 2)]),
        // A pod of another prediction with the same request.
        ("?", vec![own(1, 1), other(1, 1, 1)], vec![grew("a", 1)]),
        ("?", vec![own(1, 1), other(1, 1, 1)], vec![grew("a", 1), grew("b", 1)]),
        ("a", vec![own(1, 1), other(1, 1, 1)], vec![grew("a", 1), grew("a", 1)]),
        ("a", vec![own(1, 1), other(1, 1, 1)], vec![grew("a", 2)]),
        // One with another request explains the other growth, also where both are on one node.
        ("a", vec![own(1, 1), other(1, 2, 1)], vec![grew("a", 1), grew("b", 2)]),
        ("a", vec![own(1, 1), other(1, 2, 1)], vec![grew("a", 3)]),
        ("?", vec![own(1, 1), other(1, 2, 1)], vec![grew("a", 3), grew("b", 1)]),
        // The other prediction's two pods explain what two of this one's would.
        ("?", vec![own(1, 2), other(1, 2, 1)], vec![grew("a", 2)]),
    ];
    for (expected, pods, growths) in cases {
        assert_eq!(told(pods, growths), *expected, "{growths:?}");
    }
}

#[test]
fn pods_are_awaited_for_their_time_alone() {
    let now = Instant::now();
    let own = pods(now, 0, 0, 1, 1);
    let at = |seconds, node| Growth { at: now + Duration::from_secs(seconds), ..growth(now, node, 1) };
    assert_eq!(told(&[own], &[at(60, "a")]), "a");
    assert_eq!(told(&[own], &[at(61, "a")]), "");
    let later = AwaitedPods { from: now + Duration::from_secs(20), ..own };
    assert_eq!(told(&[later], &[at(19, "a"), at(20, "b")]), "b");
    // Another prediction that was made later does not compete for what was seen before.
    let other = AwaitedPods { prediction: 1, ..later };
    assert_eq!(told(&[own, other], &[at(19, "a")]), "a");
}

#[test]
fn ephemeral_storage_counts_where_the_inventory_shows_it() {
    let now = Instant::now();
    let own = AwaitedPods { request: Used { ephemeral: 5, ..amounts(1, 1000) }, ..pods(now, 0, 0, 1, 1) };
    let grew = |ephemeral| Growth { by: Used { ephemeral, ..amounts(1, 1000) }, ..growth(now, "a", 1) };
    assert_eq!([told(&[own], &[grew(0)]), told(&[own], &[grew(5)]), told(&[own], &[grew(6)])], ["a", "a", ""]);
}

/// Names of nodes, in their order.
fn names(number: usize) -> Vec<String> {
    (0..number).map(|place| format!("n{place:03}")).collect()
}

fn grown<'a>(start: Instant, names: &'a [String], gpus: u64) -> Vec<Growth<'a>> {
    names.iter().map(|name| growth(start, name, gpus)).collect()
}

#[test]
fn many_replicas_on_as_many_nodes_are_known() {
    let now = Instant::now();
    for number in [14, 15, MAX_GROWTHS] {
        let names = names(number);
        let count = u32::try_from(number).unwrap();
        let growths = grown(now, &names, 1);
        assert_eq!(told(&[pods(now, 0, 0, 1, count)], &growths), names.join(" "), "{number}");
        // More replicas than were seen, and another order of other pods.
        let others = [pods(now, 0, 0, 1, count + 5), pods(now, 1, 0, 2, 3)];
        assert_eq!(told(&others, &growths), names.join(" "), "{number}");
        // Fewer than the nodes that explain them.
        assert_eq!(told(&[pods(now, 0, 0, 1, count - 1)], &growths), "?", "{number}");
        // Another order that requests the same.
        assert_eq!(told(&[pods(now, 0, 0, 1, count), pods(now, 1, 0, 1, count)], &growths), "?", "{number}");
    }
    let names = names(MAX_GROWTHS + 1);
    assert_eq!(told(&[pods(now, 0, 0, 1, 100)], &grown(now, &names, 1)), "too many");
}

#[test]
fn equal_orders_are_compared_however_many_explanations_there_are() {
    let now = Instant::now();
    let equal = |orders, count| -> Vec<AwaitedPods> {
        (0..orders).map(|prediction| pods(now, prediction, 0, 1, count)).collect()
    };
    let on_one_node = |number| -> Vec<Growth<'_>> { (0..number).map(|_| growth(now, "a", 1)).collect() };
    // 12! and 9! / (3!)^3 explanations, which all name the same node.
    assert_eq!(told(&equal(12, 1), &on_one_node(12)), "a");
    assert_eq!(told(&equal(3, 3), &on_one_node(9)), "a a a");
    assert_eq!(told(&equal(3, 15), &on_one_node(45)), ["a"; 15].join(" "));
    let names = names(9);
    assert_eq!(told(&equal(3, 3), &grown(now, &names, 1)), "?");
    // The pods of another kind are known although an equal order shares those of the first kind.
    let both = [pods(now, 0, 0, 1, 4), pods(now, 0, 1, 50, 1), pods(now, 1, 0, 1, 4)];
    let names = self::names(8);
    let growths = [grown(now, &names, 1), vec![growth(now, "z", 50)]].concat();
    assert_eq!(explain(0, &both, &growths).unwrap(), [(0, None), (1, Some(vec!["z"]))].into());
}

/// Every explanation, by trying for each single pod each growth.
fn oracle(pods: &[AwaitedPods], growths: &[Growth<'_>]) -> BTreeSet<Vec<String>> {
    let single: Vec<&AwaitedPods> = pods.iter().flat_map(|pods| (0..pods.count).map(move |_| pods)).collect();
    let choices = growths.len() + 1;
    let sum = |of: &[usize], growth: usize| {
        let given = single.iter().zip(of).filter(|(_, choice)| **choice == growth);
        given.fold((BTreeSet::new(), 0), |(mut orders, gpus), (pods, _)| {
            orders.insert(pods.prediction);
            (orders, gpus + pods.request.gpus)
        })
    };
    let is_exact = |of: &[usize]| {
        growths.iter().enumerate().all(|(place, growth)| {
            let (orders, gpus) = sum(of, place);
            orders.is_empty() || (orders.len() <= MAX_ORDERS && gpus == growth.by.gpus)
        })
    };
    let assignment = |code: usize| -> Vec<usize> {
        (0..single.len()).map(|place| code / choices.pow(u32::try_from(place).unwrap()) % choices).collect()
    };
    let total = choices.pow(u32::try_from(single.len()).unwrap());
    let exact: Vec<Vec<usize>> = (0..total).map(assignment).filter(|of| is_exact(of)).collect();
    let none = growths.len();
    // One that gives more pods away, and the same ones to the same growths, is the better one.
    let extends = |one: &Vec<usize>, other: &Vec<usize>| {
        one != other && one.iter().zip(other).all(|(more, less)| less == more || *less == none)
    };
    let complete = exact.iter().filter(|of| !exact.iter().any(|other| extends(other, of)));
    complete
        .map(|of| {
            let own = single.iter().zip(of).filter(|(pods, choice)| pods.prediction == 0 && **choice != none);
            let mut nodes: Vec<String> = own.map(|(_, choice)| growths[*choice].node.to_owned()).collect();
            nodes.sort();
            nodes
        })
        .collect()
}

proptest! {
    /// A node is named exactly where every explanation names it.
    #[test]
    fn the_nodes_are_those_of_every_explanation(
        all in prop::collection::vec((1_u64..4, 1_u32..3), 1..4),
        grown in prop::collection::vec((0_usize..3, 1_u64..6), 0..4),
    ) {
        let now = Instant::now();
        let names = ["a", "b", "c"];
        let pods: Vec<_> = all.iter().enumerate().map(|(place, (gpus, count))| pods(now, place, 0, *gpus, *count)).collect();
        let growths: Vec<_> = grown.iter().map(|(node, gpus)| growth(now, names[*node], *gpus)).collect();
        let explanations = oracle(&pods, &growths);
        let expected = match explanations.iter().collect::<Vec<_>>().as_slice() {
            [one] => one.join(" "),
            _ => "?".to_owned(),
        };
        prop_assert_eq!(told(&pods, &growths), expected);
    }

    /// The order of the growths changes nothing.
    #[test]
    fn the_order_of_the_nodes_does_not_matter(
        all in prop::collection::vec((1_u64..4, 1_u32..3), 1..5),
        grown in prop::collection::vec((0_usize..3, 1_u64..6), 0..6),
        turn in 0_usize..6,
    ) {
        let now = Instant::now();
        let names = ["a", "b", "c"];
        let pods: Vec<_> = all.iter().enumerate().map(|(place, (gpus, count))| pods(now, place, 0, *gpus, *count)).collect();
        let mut growths: Vec<_> = grown.iter().map(|(node, gpus)| growth(now, names[*node], *gpus)).collect();
        let before = told(&pods, &growths);
        let turn = turn.min(growths.len());
        growths.rotate_left(turn);
        prop_assert_eq!(told(&pods, &growths), before);
    }
}
