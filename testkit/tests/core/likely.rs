//! The probabilities of cards in quotes, and what they charge.

#![expect(clippy::unwrap_used, reason = "a broken test case must say so at once")]

use std::collections::BTreeSet;

use pricing_core::gpu::GpuKind;
use pricing_core::inventory::words::describe;
use pricing_core::inventory::{Cluster, NodeId};
use pricing_core::order::{Order, OrderFormat};
use pricing_core::quote::{
    self, Item, PodPrediction, Predict, Quote, QuoteRequest, QuotedTarget, ReasonCode, Supply, Terms,
};
use pricing_core::rates::{AmbiguousGpu, Pricing, toml};
use pricing_core::reserve::Scheduler;
use pricing_core::reserve::kubernetes::{KubeScheduler, PodPlacements, Probability, ProbabilitySum};
use proptest::prelude::*;
use serde_json::{Value, json};
use testkit::corpus::placement_vectors;
use testkit::placements::scheduler;
use testkit::random::Random;
use testkit::{generate, orders};

/// A quote of an order on a cluster.
fn quoted(order: &Order, cluster: &Cluster, pricing: &Pricing, scheduler: Scheduler, kube: &KubeScheduler) -> Quote {
    let supply = Supply::Reserve { cluster, scheduler };
    let terms = Terms { predict: Predict::By(kube), ..Terms::default() };
    quote::quote(&QuoteRequest::new(order, pricing, supply, &terms))
}

/// A random order with a rate for every card.
fn random_quote(seed: u64, kube: &KubeScheduler) -> Option<(Cluster, Quote)> {
    let random = &mut Random::new(seed);
    let nodes = random.between(1, 8);
    let cluster = generate::small_cluster(random, nodes);
    let order = orders::small_order(random)?;
    let pricing = toml::read("[rates.gpu]\n\"*\" = 1\n").unwrap();
    let scheduler = *random.one_of(Scheduler::ALL)?;
    let quote = quoted(&order, &cluster, &pricing, scheduler, kube);
    Some((cluster, quote))
}

/// The sum of the probabilities of a unit's kinds.
fn sum_of_kinds(target: &QuotedTarget) -> Option<Probability> {
    let add = |sum: Probability, kind: &quote::Candidate| sum.checked_add(kind.probability?);
    target.kinds.iter().try_fold(Probability::ZERO, add)
}

/// The kinds of a node's cards that are among a unit's.
fn kinds_on<'t>(node: NodeId, target: &'t QuotedTarget, cluster: &Cluster) -> Vec<&'t GpuKind> {
    let cards = cluster.node(node).unwrap().cards.iter().map(|id| &cluster.card(*id).unwrap().kind);
    cards.filter_map(|kind| target.kinds.iter().map(|candidate| &candidate.kind).find(|known| *known == kind)).collect()
}

/// The mean probability that a replica starts on a node that has a kind which the order allows.
fn placed_with_a_kind(placements: &PodPlacements, target: &QuotedTarget, cluster: &Cluster) -> ProbabilitySum {
    placed(placements, target, |node| !kinds_on(node, target, cluster).is_empty())
}

/// The mean probability that a replica starts on a node without any such kind.
fn placed_without_a_kind(placements: &PodPlacements, target: &QuotedTarget, cluster: &Cluster) -> ProbabilitySum {
    placed(placements, target, |node| kinds_on(node, target, cluster).is_empty())
}

fn placed(placements: &PodPlacements, target: &QuotedTarget, counts: impl Fn(NodeId) -> bool) -> ProbabilitySum {
    let mut sum = ProbabilitySum::ZERO;
    let steps = placements.steps.iter().filter(|step| step.resource_id == target.resource_id);
    for node in steps.flat_map(|step| &step.nodes) {
        if counts(node.node) {
            sum.add(node.probability, 1, target.count.into());
        }
    }
    sum
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn kinds_have_the_probability_of_the_nodes_that_have_them(seed: u64) {
        let kube = scheduler(&mut Random::new(!seed));
        let Some((cluster, quote)) = random_quote(seed, &kube) else { return Ok(()) };
        let Some(placements) = quote.pods.placements() else { return Ok(()) };
        for target in quote.targets.iter().filter(|target| !target.kinds.is_empty()) {
            prop_assert!(target.kinds.iter().all(|kind| kind.probability.is_some()));
            let (kinds, nodes) = (sum_of_kinds(target), placed_with_a_kind(placements, target, &cluster));
            if let Some(kinds) = kinds.filter(|_| !target.approximate && nodes.is_exact()) {
                prop_assert_eq!(kinds, nodes.get());
            }
            // A kind is possible exactly where a node with it is.
            let ids = placements.steps.iter().filter(|step| step.resource_id == target.resource_id);
            let ids: BTreeSet<NodeId> = ids.flat_map(|step| &step.nodes).map(|node| node.node).collect();
            let handed: Vec<&GpuKind> = ids.iter().flat_map(|id| kinds_on(*id, target, &cluster)).collect();
            for kind in &target.kinds {
                let possible = kind.probability > Some(Probability::ZERO);
                prop_assert_eq!(possible, handed.contains(&&kind.kind), "{}", kind.kind);
            }
        }
    }

    #[test]
    fn without_a_pending_replica_probabilities_add_up_to_one(seed: u64) {
        let kube = scheduler(&mut Random::new(!seed));
        let Some((cluster, quote)) = random_quote(seed, &kube) else { return Ok(()) };
        let Some(placements) = quote.pods.placements() else { return Ok(()) };
        if placements.pending.is_some() || placements.approximate {
            return Ok(());
        }
        for target in quote.targets.iter().filter(|target| !target.kinds.is_empty()) {
            let Some(sum) = sum_of_kinds(target).filter(|_| !target.approximate) else { continue };
            // A pod may start on a node with the label of its model, and no card that the order allows.
            let elsewhere = placed_without_a_kind(placements, target, &cluster);
            let Some(all) = sum.checked_add(elsewhere.get()).filter(|_| elsewhere.is_exact()) else { continue };
            prop_assert_eq!(all, Probability::ONE);
        }
    }

    #[test]
    fn a_likely_price_is_between_the_lowest_and_the_highest(seed: u64) {
        let random = &mut Random::new(seed);
        let nodes = random.between(1, 6);
        let cluster = generate::small_cluster(random, nodes);
        let Some(order) = orders::small_order(random) else { return Ok(()) };
        let mut pricing = orders::pricing(random);
        let mut total = |ambiguous| {
            pricing.policy.ambiguous_gpu = ambiguous;
            quoted(&order, &cluster, &pricing, Scheduler::Sound, &KubeScheduler::default()).usd_per_month
        };
        let [lowest, likely, highest] = [AmbiguousGpu::Lowest, AmbiguousGpu::Likely, AmbiguousGpu::Highest].map(&mut total);
        prop_assert!(lowest <= likely && likely <= highest);
        prop_assert_eq!(likely.is_some(), highest.is_some());
    }
}

#[test]
fn kinds_agree_with_the_nodes_that_kube_scheduler_chose() {
    let pricing = toml::read("[rates.gpu]\n\"*\" = 1\n").unwrap();
    let mut compared = 0;
    for vector in placement_vectors().unwrap().iter().filter(|vector| vector.scoring.is_null()) {
        let order = Order::from_group(vector.group.clone(), OrderFormat::GroupSpec).unwrap();
        let quote = quoted(&order, &vector.cluster, &pricing, Scheduler::Kubernetes, &KubeScheduler::default());
        if vector.expect["tie"] == true || quote.pods == PodPrediction::None {
            continue;
        }
        let steps = vector.expect["steps"].as_array().unwrap();
        for target in quote.targets.iter().filter(|target| !target.kinds.is_empty()) {
            let of_unit = steps.iter().filter(|step| step["resource_id"] == target.resource_id);
            let names: BTreeSet<&str> = of_unit.map(|step| step["nodes"][0].as_str().unwrap()).collect();
            let chosen = vector.cluster.nodes().iter().filter(|node| names.contains(&*node.name));
            let cards = chosen.flat_map(|node| &node.cards);
            let handed: Vec<&GpuKind> = cards.map(|id| &vector.cluster.card(*id).unwrap().kind).collect();
            for kind in &target.kinds {
                let possible = kind.probability > Some(Probability::ZERO);
                assert_eq!(possible, handed.contains(&&kind.kind), "vector {}, {}", vector.id, kind.kind);
                compared += 1;
            }
        }
    }
    assert!(compared > 50, "{compared} kinds were compared");
}

const RATES: &str = "[rates.gpu]\n\"a100.40Gi\" = 600\n\"a100.80Gi\" = 1000\n";

/// Units of 2 threads, 4 GiB and A100s: `(replicas, threads, cards)`.
fn order(units: &[(u32, u64, u64)]) -> Order {
    pricing_core::order::detect::read(&order_text(units), Some(OrderFormat::GroupSpec)).unwrap().remove(0)
}

fn order_text(units: &[(u32, u64, u64)]) -> String {
    let unit = |(place, (count, threads, cards)): (usize, &(u32, u64, u64))| {
        let attribute = json!({"key": "vendor/nvidia/model/a100", "value": "true"});
        json!({"resource": {"id": place + 1, "cpu": {"units": {"val": (threads * 1000).to_string()}},
            "memory": {"quantity": {"val": (4_u64 << 30).to_string()}},
            "gpu": {"units": {"val": cards.to_string()}, "attributes": if *cards > 0 { vec![attribute] } else { Vec::new() }},
            "storage": [], "endpoints": []}, "count": count, "price": {"denom": "uact", "amount": "1000000000"}})
    };
    let units: Vec<Value> = units.iter().enumerate().map(unit).collect();
    json!({"name": "g", "requirements": {}, "resources": units}).to_string()
}

#[test]
fn likely_charges_the_mean_by_probability_and_shows_the_weights() {
    let pricing = |policy: &str| toml::read(&format!("{RATES}[policy]\nambiguous_gpu = \"{policy}\"")).unwrap();
    let kube = KubeScheduler::default();
    let line = |cluster: &str, policy: &str| {
        let cluster = describe(cluster).unwrap();
        let quote = quoted(&order(&[(1, 2, 1)]), &cluster, &pricing(policy), Scheduler::Sound, &kube);
        let line = quote.lines.iter().find(|line| line.item == Item::Gpu).unwrap();
        (line.rate.clone(), line.usd_per_month.to_string(), line.weights.len())
    };
    // Three nodes alike: one in three has the 40Gi. By free cards it would be 4 of 8.
    let alike = "1 node x 4 a100/40Gi/pcie, 8 cpu, 16Gi memory + 2 nodes x 2 a100/80Gi/pcie, 8 cpu, 16Gi memory";
    assert_eq!(line(alike, "likely"), ("1/3 a100.40Gi + 2/3 a100.80Gi".to_owned(), "866.666666666667".to_owned(), 2));
    assert_eq!(line(alike, "expected"), ("1/2 a100.40Gi + 1/2 a100.80Gi".to_owned(), "800".to_owned(), 2));
    // Kubernetes takes the larger node. The smaller one is possible, and is not part of the mean.
    let larger = "1 node x 2 a100/40Gi/pcie, 8 cpu, 16Gi memory + 1 node x 2 a100/80Gi/pcie, 64 cpu, 128Gi memory";
    assert_eq!(line(larger, "likely"), ("a100.80Gi".to_owned(), "1000".to_owned(), 0));
    assert_eq!(line(larger, "expected").0, "1/2 a100.40Gi + 1/2 a100.80Gi");
}

#[test]
fn a_pod_may_start_where_no_card_is_allowed_and_the_allowed_ones_are_charged() {
    // The larger node has the label of the model, but its cards are not the ones that the order names.
    let text = order_text(&[(1, 2, 1)]).replace("model/a100", "model/a100/ram/80Gi");
    let order = pricing_core::order::detect::read(&text, Some(OrderFormat::GroupSpec)).unwrap().remove(0);
    let cluster = "1 node x 2 a100/80Gi/pcie, 8 cpu, 16Gi memory + 1 node x 2 a100/40Gi/pcie, 64 cpu, 128Gi memory";
    let pricing = toml::read(&format!("{RATES}[policy]\nambiguous_gpu = \"likely\"")).unwrap();
    let quote = quoted(&order, &describe(cluster).unwrap(), &pricing, Scheduler::Sound, &KubeScheduler::default());
    assert_eq!(quote.pods.placements().unwrap().pending, None);
    assert_eq!(
        quote.targets[0].kinds.iter().map(|kind| kind.probability).collect::<Vec<_>>(),
        [Some(Probability::ZERO)]
    );
    assert_eq!(quote.targets[0].others.len(), 1);
    assert_eq!(quote.lines.iter().find(|line| line.item == Item::Gpu).unwrap().rate, "a100.80Gi");
}

#[test]
fn an_order_that_would_hang_is_a_bid_with_a_warning_or_declined() {
    // Kubernetes puts the small pod on the larger node, of which less is used, and the large one fits there only.
    let cluster = describe("1 node, 4 cpu, 64Gi memory + 1 node x 1 a100/80Gi/sxm, 8 cpu, 64Gi memory").unwrap();
    let order = order(&[(1, 2, 0), (1, 7, 1)]);
    let with = |policy: &str| {
        let pricing = toml::read(&format!("{RATES}[policy]\n{policy}")).unwrap();
        quoted(&order, &cluster, &pricing, Scheduler::Sound, &KubeScheduler::default())
    };
    let warned = with("");
    let pending = warned.pods.placements().unwrap().pending.clone().unwrap();
    assert_eq!((pending.resource_id, pending.replica, pending.probability), (2, 1, Probability::ONE));
    assert!(warned.price().is_some());
    assert_eq!(warned.targets[1].kinds[0].probability, Some(Probability::ZERO));
    // Nothing is likely, so the price is the expected one.
    assert_eq!(with("ambiguous_gpu = \"likely\"").usd_per_month, warned.usd_per_month);
    let declined = with("pending = \"decline\"");
    assert_eq!(declined.reason().map(|reason| reason.code), Some(ReasonCode::Pending));
    assert_eq!((declined.pods.clone(), declined.targets.len()), (warned.pods.clone(), 2), "the answer still tells why");
    // Pods that are tied to their nodes do not hang, and without a prediction nothing is declined.
    assert!(with("pending = \"decline\"\nplacement = \"pinned\"").price().is_some());
    let pricing = toml::read(&format!("{RATES}[policy]\npending = \"decline\"")).unwrap();
    let supply = Supply::Reserve { cluster: &cluster, scheduler: Scheduler::Sound };
    let terms = Terms { predict: Predict::Never, ..Terms::default() };
    assert!(quote::quote(&QuoteRequest::new(&order, &pricing, supply, &terms)).price().is_some());
    // Every set of cards would hang.
    let supply = Supply::Reserve { cluster: &cluster, scheduler: Scheduler::Sound };
    let alternatives = quote::alternatives(&QuoteRequest::new(&order, &pricing, supply, &Terms::default()));
    assert_eq!(alternatives.map(|found| found.list.len()), Ok(0));
}
