//! Examples that can be followed by hand.

use crate::budget::{Budget, SearchBudget};
use crate::inventory::Cluster;
use crate::inventory::held_capacity::HeldCapacity;
use crate::inventory::words::describe;
use crate::order::{Order, OrderFormat, detect};
use crate::quote::{PodPrediction, Predict, Quote, QuoteRequest, Supply, Terms, quote};
use crate::rates::{Pricing, toml};
use crate::reserve::Scheduler;
use crate::reserve::kubernetes::{KubeScheduler, Profile, ScoringStrategy, ScoringStrategyType};

/// Replicas of 2 threads, 4 GiB and an A100.
fn order(replicas: u32) -> Order {
    order_of_cards(replicas, 1)
}

fn order_of_cards(replicas: u32, cards: u64) -> Order {
    let text = format!(
        r#"{{"name": "g", "requirements": {{}}, "resources": [{{"resource": {{"id": 1, "cpu": {{"units": {{"val": "2000"}}}},
        "memory": {{"quantity": {{"val": "4294967296"}}}}, "gpu": {{"units": {{"val": "{cards}"}}, "attributes":
        [{{"key": "vendor/nvidia/model/a100", "value": "true"}}]}}, "storage": [], "endpoints": []}},
        "count": {replicas}, "price": {{"denom": "uact", "amount": "1000000000"}}}}]}}"#
    );
    detect::read(&text, Some(OrderFormat::GroupSpec)).unwrap().remove(0)
}

fn pricing(policy: &str) -> Pricing {
    toml::read(&format!("[rates.gpu]\n\"a100.40Gi\" = 600\n\"a100.80Gi\" = 1000\n[policy]\n{policy}")).unwrap()
}

fn quoted(replicas: u32, cluster: &Cluster, policy: &str, terms: &Terms<'_>) -> Quote {
    let supply = Supply::Reserve { cluster, scheduler: Scheduler::Sound };
    quote(&QuoteRequest::new(&order(replicas), &pricing(policy), supply, terms))
}

/// The RAM and the probability of each kind.
fn kinds(quote: &Quote) -> Vec<String> {
    let kinds = quote.targets.iter().flat_map(|target| &target.kinds);
    let shown = |probability: Option<_>| probability.map_or_else(|| "-".to_owned(), |known| format!("{known}"));
    kinds.map(|kind| format!("{} {}", kind.kind.ram().unwrap_or(""), shown(kind.probability))).collect()
}

fn predicted(replicas: u32, cluster: &str) -> Vec<String> {
    kinds(&quoted(replicas, &describe(cluster).unwrap(), "", &Terms::default()))
}

const TWO: &str = "1 node x 2 a100/40Gi/pcie, 8 cpu, 16Gi memory + 1 node x 2 a100/80Gi/sxm, 16 cpu, 32Gi memory";

#[test]
fn the_kinds_of_the_node_with_the_highest_score_are_what_a_pod_gets() {
    // The daemon's first node has the 40Gi. kube-scheduler takes the larger node, of which less is used.
    assert_eq!(predicted(1, TWO), ["40Gi 0.000000", "80Gi 1.000000"]);
    // The second replica goes to the other node, because replicas are spread.
    assert_eq!(predicted(2, TWO), ["40Gi 0.500000", "80Gi 0.500000"]);
    let packing = ScoringStrategy::new(ScoringStrategyType::MostAllocated, Vec::new());
    let profile = Profile { scoring_strategy: packing, ..Profile::default() };
    let scheduler = KubeScheduler { profile, ..KubeScheduler::default() };
    let terms = Terms { predict: Predict::By(&scheduler), ..Terms::default() };
    assert_eq!(kinds(&quoted(1, &describe(TWO).unwrap(), "", &terms)), ["40Gi 1.000000", "80Gi 0.000000"]);
}

#[test]
fn ties_and_the_cards_of_a_node_divide_the_probability() {
    let alike = |cards: [&str; 3]| cards.map(|cards| format!("1 node x {cards}, 8 cpu, 16Gi memory")).join(" + ");
    let one_in_three = alike(["2 a100/40Gi/pcie", "2 a100/80Gi/sxm", "2 a100/80Gi/sxm"]);
    assert_eq!(predicted(1, &one_in_three), ["40Gi 0.333333", "80Gi 0.666667"]);
    let mixed = "1 node x 3 a100/40Gi/pcie x 1 a100/80Gi/sxm";
    assert_eq!(predicted(1, mixed), ["40Gi 0.750000", "80Gi 0.250000"]);
    // Of three nodes with equal scores, one has both kinds: (1 + 1/4) / 3.
    let some = alike(["2 a100/40Gi/pcie", "1 a100/40Gi/pcie x 3 a100/80Gi/sxm", "4 a100/80Gi/sxm"]);
    assert_eq!(predicted(1, &some), ["40Gi 0.416667", "80Gi 0.583333"]);
}

#[test]
fn only_a_large_cluster_makes_probabilities_approximate() {
    let quote = |nodes: u32| {
        let cluster = describe(&format!("{nodes} nodes x 2 a100/80Gi/sxm")).unwrap();
        quoted(1, &cluster, "", &Terms::default())
    };
    let shown = |nodes| (kinds(&quote(nodes)), quote(nodes).targets[0].approximate);
    assert_eq!(shown(99), (vec!["80Gi 1.000000".to_owned()], false));
    assert_eq!(shown(100), (vec!["80Gi 1.000000".to_owned()], true));
}

#[test]
fn pods_that_are_tied_to_their_nodes_start_there() {
    let cluster = describe(TWO).unwrap();
    let pinned = |replicas| quoted(replicas, &cluster, "placement = \"pinned\"", &Terms::default());
    assert_eq!((kinds(&pinned(1)), pinned(1).pods), (vec!["40Gi 1.000000".to_owned()], PodPrediction::None));
    // The daemon fills its first node: two replicas there, and the third on the next one.
    assert_eq!(kinds(&pinned(3)), ["40Gi 0.666667", "80Gi 0.333333"]);
}

#[test]
fn without_a_prediction_probabilities_are_null_and_the_price_is_the_same() {
    let cluster = describe(TWO).unwrap();
    let with = quoted(1, &cluster, "", &Terms::default());
    let without = quoted(1, &cluster, "", &Terms { predict: Predict::Never, ..Terms::default() });
    assert_eq!((kinds(&without), &without.pods), (vec!["40Gi -".into(), "80Gi -".into()], &PodPrediction::None));
    let budget = Budget::default().with_left_for_predictions(20);
    let given_up = quoted(1, &cluster, "", &Terms { budget: Some(&budget), ..Terms::default() });
    assert_eq!((kinds(&given_up), &given_up.pods), (kinds(&without), &PodPrediction::GivenUp));
    assert_eq!((budget.left_for_predictions(), budget.spent()), (0, None));
    let last = quoted(1, &cluster, "", &Terms { budget: Some(&budget), ..Terms::default() });
    assert_eq!(last.pods, PodPrediction::GivenUp, "what is used up stays used up");
    for quote in [&without, &given_up] {
        assert_eq!((&quote.decision, &quote.lines), (&with.decision, &with.lines));
    }
    for supply in [Supply::Unknown, Supply::AlreadyReserved { cluster: &cluster }] {
        let quote = quote(&QuoteRequest::new(&order(1), &pricing(""), supply, &Terms::default()));
        assert!(quote.targets[0].kinds.iter().all(|kind| kind.probability.is_none()));
        assert_eq!(quote.pods, PodPrediction::None);
    }
}

#[test]
fn a_prediction_does_not_take_steps_from_the_search() {
    let cluster = describe(TWO).unwrap();
    let left = |predict| {
        let budget = Budget::new(SearchBudget::default());
        quoted(1, &cluster, "", &Terms { budget: Some(&budget), predict, ..Terms::default() });
        (budget.left(), budget.left_for_predictions())
    };
    let (with, without) = (left(Predict::Default), left(Predict::Never));
    assert_eq!(with.0, without.0);
    assert_eq!(without.1, SearchBudget::default().for_predictions());
    assert!(with.1 < without.1);
}

#[test]
fn a_pod_requests_the_cards_of_the_order_whatever_is_reserved_for_it() {
    // With a level of 2, one card is reserved for two. No such pod can start on the first node, which has one.
    let cluster =
        describe("1 node x 1 a100/40Gi/pcie, 8 cpu, 16Gi memory + 1 node x 2 a100/80Gi/sxm, 8 cpu, 16Gi memory");
    let (cluster, order, mut pricing) = (cluster.unwrap(), order_of_cards(1, 2), pricing("ambiguous_gpu = \"likely\""));
    pricing.commit.gpu = 2.into();
    for scheduler in [Scheduler::Sound, Scheduler::Provider] {
        let supply = Supply::Reserve { cluster: &cluster, scheduler };
        let quote = quote(&QuoteRequest::new(&order, &pricing, supply, &Terms::default()));
        assert_eq!(kinds(&quote), ["40Gi 0.000000", "80Gi 1.000000"], "{scheduler:?}");
        assert_eq!(quote.usd_per_month.map(|usd| usd.to_string()).as_deref(), Some("2006.4"));
    }
}

#[test]
fn what_is_held_for_other_bids_has_no_pods_yet() {
    let cluster = describe(TWO).unwrap();
    let larger = cluster.nodes()[1].name.to_string();
    let held = HeldCapacity { node: larger, cpu: 15_000, gpus: 1, ..HeldCapacity::default() };
    let less = cluster.without(&[held]);
    let terms = Terms { running: Some(&cluster), ..Terms::default() };
    assert_eq!(kinds(&quoted(1, &less, "", &terms)), ["40Gi 0.000000", "80Gi 1.000000"]);
    assert_eq!(kinds(&quoted(1, &less, "", &Terms::default())), ["40Gi 1.000000"], "the other node has no room");
}
