//! Which card a pod may be handed, and how that affects its price. The daemon does not tie a pod to the node that it
//! reserved, and does not ask Kubernetes for RAM or interface.

#![expect(clippy::unwrap_used, reason = "a broken test case must say so at once")]

use pricing_core::inventory::held_capacity::HeldCapacity;
use pricing_core::inventory::{Cluster, read, validate};
use pricing_core::order::{Order, OrderFormat, detect};
use pricing_core::quote::{self, Alternatives, Item, Quote, QuotedTarget, ReasonCode, Supply, Terms};
use pricing_core::rates::{Pricing, toml};
use pricing_core::reserve::Scheduler;
use serde_json::json;

/// A node: its name, its cards as `model ram interface`, the number of free cards, free threads, and free GiB.
type Node<'a> = (&'a str, &'a [&'a str], u64, u64, u64);

fn cluster(nodes: &[Node<'_>]) -> Cluster {
    let node = |(name, cards, free, threads, memory): &Node<'_>| {
        let card = |words: &&str| {
            let mut words = words.split(' ');
            let mut next = || words.next().unwrap_or("");
            json!({"vendor": "nvidia", "name": next(), "memory_size": next(), "interface": next()})
        };
        let used = u64::try_from(cards.len()).unwrap() - free;
        let classes: &[&str] = if name.ends_with("-without-classes") { &[] } else { &["beta3"] };
        json!({"name": name, "capabilities": {"storage_classes": classes}, "resources": {
            "cpu": {"quantity": {"allocatable": threads.to_string()}},
            "memory": {"quantity": {"allocatable": format!("{memory}Gi")}},
            "ephemeral_storage": {"allocatable": "100Gi"},
            "gpu": {"quantity": {"allocatable": cards.len().to_string(), "allocated": used.to_string()},
                "info": cards.iter().map(card).collect::<Vec<_>>()}}})
    };
    let pool = json!({"quantity": {"allocatable": "1000Gi"}, "info": {"class": "beta3"}});
    let text = json!({"nodes": nodes.iter().map(node).collect::<Vec<_>>(), "storage": [pool]}).to_string();
    validate::validate(read::read(&text).unwrap()).cluster
}

/// Makes a unit of 2 threads, 4 GiB, a volume of 10 GiB, and cards of these models.
fn unit(id: u32, count: u32, cards: u64, models: &[&str]) -> serde_json::Value {
    let attribute = |model: &&str| json!({"key": format!("vendor/nvidia/model/{model}"), "value": "true"});
    let volume = json!({"name": "default", "quantity": {"val": (10_u64 << 30).to_string()}, "attributes": []});
    json!({"resource": {"id": id, "cpu": {"units": {"val": "2000"}}, "memory": {"quantity": {"val": (4_u64 << 30).to_string()}},
        "gpu": {"units": {"val": cards.to_string()}, "attributes": models.iter().map(attribute).collect::<Vec<_>>()},
        "storage": [volume], "endpoints": []}, "count": count,
        "price": {"denom": "uact", "amount": "1000000000"}})
}

fn order(units: &[serde_json::Value]) -> Order {
    let group = json!({"name": "g", "requirements": {}, "resources": units});
    detect::read(&group.to_string(), Some(OrderFormat::GroupSpec)).unwrap().remove(0)
}

const RATES: &str = "[rates.gpu]\n\"a100.40Gi\" = 600\n\"a100.80Gi\" = 1000\nh100 = 1900\nt4 = 80\n\"*\" = 130\n";

fn pricing(policy: &str) -> Pricing {
    toml::read(&format!("{RATES}[policy]\n{policy}\n")).unwrap()
}

fn quoted(order: &Order, cluster: &Cluster, policy: &str, scheduler: Scheduler) -> Quote {
    quote::quote(&quote::QuoteRequest::new(
        order,
        &pricing(policy),
        Supply::Reserve { cluster, scheduler },
        &Terms::default(),
    ))
}

const BOTH: [Scheduler; 2] = [Scheduler::Sound, Scheduler::Provider];

fn gpu_usd(quote: &Quote) -> Vec<String> {
    let lines = quote.lines.iter().filter(|line| line.item == Item::Gpu);
    lines.map(|line| line.usd_per_unit_month.to_string()).collect()
}

fn kinds(target: &QuotedTarget) -> Vec<String> {
    target.kinds.iter().map(|candidate| candidate.kind.to_string()).collect()
}

const A40: &str = "a100 40Gi PCIe";
const A80: &str = "a100 80Gi SXM4";
const T4: &str = "t4 16Gi PCIe";
const H100: &str = "h100 80Gi SXM5";

#[test]
fn the_variant_of_another_node_counts_where_the_pod_could_start_there() {
    let order = order(&[unit(1, 1, 1, &["a100"])]);
    let both = cluster(&[("n1", &[A40, A40], 2, 64, 64), ("n2", &[A80], 1, 64, 64)]);
    for scheduler in BOTH {
        let quote = quoted(&order, &both, "", scheduler);
        assert_eq!(gpu_usd(&quote), ["1000"], "{scheduler:?}");
        let [target] = quote.targets.as_slice() else { panic!() };
        assert_eq!((&*target.nodes[0], target.cards[0].kinds.len()), ("n1", 1), "the reserved node is of one kind");
        assert_eq!(kinds(target), ["nvidia/a100/40Gi/pcie", "nvidia/a100/80Gi/sxm"]);
        assert!(!target.is_certain());
        assert_eq!(gpu_usd(&quoted(&order, &both, "ambiguous_gpu = \"lowest\"", scheduler)), ["600"]);
        let declined = quoted(&order, &both, "ambiguous_gpu = \"decline\"", scheduler);
        assert_eq!(declined.reason().map(|reason| reason.code), Some(ReasonCode::AmbiguousGpu));
    }
    // Each of these second nodes cannot take the pod, so the card is certain.
    let elsewhere: [Node<'_>; 4] =
        [("n2", &[A80], 0, 64, 64), ("n2", &[A80], 1, 1, 64), ("n2", &[A80], 1, 64, 3), ("n2", &[H100], 1, 64, 64)];
    for other in elsewhere {
        let alone = cluster(&[("n1", &[A40, A40], 2, 64, 64), other]);
        for scheduler in BOTH {
            let quote = quoted(&order, &alone, "ambiguous_gpu = \"decline\"", scheduler);
            assert_eq!((gpu_usd(&quote), quote.targets[0].is_certain()), (vec!["600".to_owned()], true), "{other:?}");
        }
    }
}

#[test]
fn what_the_orders_own_other_replicas_take_is_not_subtracted() {
    // Both units fit, and the second takes all of n2. Its pod may still start on n1, and the first unit's on n2.
    let order = order(&[unit(1, 2, 1, &["a100"]), unit(2, 1, 2, &["a100"])]);
    let cluster = cluster(&[("n1", &[A40, A40], 2, 64, 64), ("n2", &[A80, A80], 2, 64, 64)]);
    for scheduler in BOTH {
        let quote = quoted(&order, &cluster, "", scheduler);
        for target in &quote.targets {
            assert_eq!(target.kinds.len(), 2, "{scheduler:?}: unit {}", target.resource_id);
        }
        assert_eq!(gpu_usd(&quote), ["1000", "1000"]);
    }
}

#[test]
fn ram_volumes_and_all_but_the_last_volume_do_not_keep_a_pod_off_a_node() {
    let gi = |size: u64| (size << 30).to_string();
    let mut unit = unit(1, 1, 1, &["a100"]);
    let ram = json!([{"key": "class", "value": "ram"}, {"key": "persistent", "value": "false"}]);
    unit["resource"]["storage"] = json!([
        {"name": "first", "quantity": {"val": gi(90)}, "attributes": []},
        {"name": "shm", "quantity": {"val": gi(32)}, "attributes": ram},
        {"name": "last", "quantity": {"val": gi(10)}, "attributes": []},
    ]);
    let order = order(&[unit]);
    // n2 has too little memory for the `ram` volume, and too little disk for both volumes.
    let cluster = cluster(&[("n1", &[A40], 1, 64, 64), ("n2", &[A80], 1, 64, 8)]);
    for scheduler in BOTH {
        let quote = quoted(&order, &cluster, "", scheduler);
        assert_eq!((&*quote.targets[0].nodes[0], gpu_usd(&quote)), ("n1", vec!["1000".to_owned()]), "{scheduler:?}");
    }
}

#[test]
fn a_storage_class_that_is_named_keeps_a_pod_off_nodes_without_it() {
    let mut unit = unit(1, 1, 1, &["a100"]);
    let persistent = json!([{"key": "class", "value": "beta3"}, {"key": "persistent", "value": "true"}]);
    unit["resource"]["storage"] =
        json!([{"name": "data", "quantity": {"val": "1073741824"}, "attributes": persistent}]);
    let order = order(&[unit]);
    for (other, usd) in [("n2", "1000"), ("n2-without-classes", "600")] {
        let cluster = cluster(&[("n1", &[A40], 1, 64, 64), (other, &[A80], 1, 64, 64)]);
        assert_eq!(gpu_usd(&quoted(&order, &cluster, "", Scheduler::Sound)), [usd], "{other}");
    }
}

#[test]
fn an_order_that_names_ram_pays_for_that_and_the_other_variants_are_told() {
    let order = order(&[unit(1, 1, 1, &["a100/ram/40Gi"])]);
    let cluster = cluster(&[("n1", &[A40], 1, 64, 64), ("n2", &[A80, T4], 2, 64, 64)]);
    for scheduler in BOTH {
        let quote = quoted(&order, &cluster, "ambiguous_gpu = \"decline\"", scheduler);
        assert_eq!(gpu_usd(&quote), ["600"], "{scheduler:?}");
        let target = &quote.targets[0];
        assert_eq!(kinds(target), ["nvidia/a100/40Gi/pcie"]);
        let others: Vec<String> = target.others.iter().map(ToString::to_string).collect();
        assert_eq!(others, ["nvidia/a100/80Gi/sxm", "nvidia/t4/16Gi/pcie"]);
        assert!(!target.is_certain());
    }
}

#[test]
fn on_a_node_of_several_models_a_wildcard_may_come_to_each_of_them_wherever_it_was_reserved() {
    let order = order(&[unit(1, 1, 1, &["*"])]);
    let cluster = cluster(&[("n1", &[T4], 1, 64, 64), ("n2", &[T4, H100], 2, 64, 64)]);
    for scheduler in BOTH {
        let quote = quoted(&order, &cluster, "", scheduler);
        assert_eq!((&*quote.targets[0].nodes[0], gpu_usd(&quote)), ("n1", vec!["1900".to_owned()]), "{scheduler:?}");
        assert_eq!(kinds(&quote.targets[0]), ["nvidia/t4/16Gi/pcie", "nvidia/h100/80Gi/sxm"]);
    }
}

#[test]
fn pinned_pods_get_the_cards_of_their_own_nodes() {
    let pinned = "placement = \"pinned\"";
    let cluster = cluster(&[("n1", &[A40], 1, 64, 64), ("n2", &[A80], 1, 64, 64)]);
    for scheduler in BOTH {
        let one = quoted(&order(&[unit(1, 1, 1, &["a100"])]), &cluster, pinned, scheduler);
        assert_eq!((gpu_usd(&one), one.targets[0].is_certain()), (vec!["600".to_owned()], true), "{scheduler:?}");
        let two = quoted(&order(&[unit(1, 2, 1, &["a100"])]), &cluster, pinned, scheduler);
        assert_eq!(gpu_usd(&two), ["600", "1000"], "each replica pays for its own card");
        assert_eq!(kinds(&two.targets[0]).len(), 2);
    }
}

#[test]
fn the_expected_price_is_the_mean_by_the_cards_that_are_free() {
    let order = order(&[unit(1, 2, 1, &["a100"])]);
    // On n1, five 40Gi cards are free. On n2, three of the four cards are acceptable, one of them an 80Gi, and two are
    // free.
    let cluster = cluster(&[
        ("n1", &[A40, A40, A40, A40, A40, A40], 5, 64, 64),
        ("n2", &[A40, A40, A80, T4], 2, 64, 64),
        ("n3", &[A80, A80], 0, 64, 64),
    ]);
    for scheduler in BOTH {
        let quote = quoted(&order, &cluster, "ambiguous_gpu = \"expected\"", scheduler);
        let line = quote.lines.iter().find(|line| line.item == Item::Gpu).unwrap();
        // 5 + 2 x 2/3 to 2 x 1/3, which is 19 to 2.
        assert_eq!(line.rate, "19/21 a100.40Gi + 2/21 a100.80Gi");
        assert_eq!(line.usd_per_unit_month.to_string(), "638.095238095238");
        assert_eq!(line.usd_per_month.to_string(), "1276.190476190476", "two cards are rounded once: 26800 / 21");
        let json = serde_json::to_value(&quote).unwrap();
        let line = json["lines"].as_array().unwrap().iter().find(|line| line["item"] == "gpu").unwrap();
        assert_eq!(line["weights"][1]["weight"], "2/21");
        assert_eq!(line["weights"][1]["usd_per_unit_month"], "1000");
        let offered: rust_decimal::Decimal =
            quote.offer_prices.iter().map(|offer| offer.gpu * rust_decimal::Decimal::TWO).sum();
        assert!(offered > rust_decimal::Decimal::ZERO, "the mean is split up as any price is");
    }
}

#[test]
fn alternatives_are_one_for_each_set_that_could_be_handed_out() {
    let order = order(&[unit(1, 1, 1, &["*"])]);
    let cluster = cluster(&[
        ("n1", &[A40], 1, 64, 64),
        ("n2", &[A80], 1, 64, 64),
        ("n3", &[T4], 1, 64, 64),
        ("n4", &[H100], 1, 64, 1),
    ]);
    let list = |policy: &str| -> Vec<(Vec<String>, String)> {
        let supply = Supply::Reserve { cluster: &cluster, scheduler: Scheduler::Sound };
        let Alternatives { list, complete } =
            quote::alternatives(&quote::QuoteRequest::new(&order, &pricing(policy), supply, &Terms::default()))
                .unwrap();
        assert!(complete);
        list.into_iter().map(|one| (kinds(&one.targets[0]), one.usd_per_month.unwrap().to_string())).collect()
    };
    let (t4, a40, a80) = ("nvidia/t4/16Gi/pcie", "nvidia/a100/40Gi/pcie", "nvidia/a100/80Gi/sxm");
    let words = |kinds: &[&str]| kinds.iter().map(|kind| (*kind).to_owned()).collect::<Vec<_>>();
    // 2 threads, 4 GiB and 10 GiB of disk cost 6.60 USD.
    assert_eq!(list(""), [(words(&[t4]), "86.6".to_owned()), (words(&[a40, a80]), "1006.6".to_owned())]);
    let pinned =
        [(words(&[t4]), "86.6".to_owned()), (words(&[a40]), "606.6".to_owned()), (words(&[a80]), "1006.6".to_owned())];
    assert_eq!(list("placement = \"pinned\""), pinned);
}

#[test]
fn a_reserved_order_may_have_any_card_of_the_cluster_that_it_allows_used_or_free() {
    let order = order(&[unit(1, 1, 1, &["a100"])]);
    let cluster =
        cluster(&[("n1", &[A40, A40, A40], 3, 64, 64), ("n2", &[A80, H100], 0, 1, 1), ("n3", &[T4], 1, 64, 64)]);
    let quoted = |policy: &str| {
        quote::quote(&quote::QuoteRequest::new(
            &order,
            &pricing(policy),
            Supply::AlreadyReserved { cluster: &cluster },
            &Terms::default(),
        ))
    };
    assert_eq!(gpu_usd(&quoted("")), ["1000"]);
    let target = &quoted("").targets[0];
    assert_eq!(kinds(target), ["nvidia/a100/40Gi/pcie", "nvidia/a100/80Gi/sxm"]);
    assert_eq!(target.others.iter().map(ToString::to_string).collect::<Vec<_>>(), ["nvidia/h100/80Gi/sxm"]);
    assert_eq!(gpu_usd(&quoted("ambiguous_gpu = \"expected\"")), ["700"]);
}

#[test]
fn a_card_of_unknown_ram_is_not_priced_as_any_card() {
    let order = order(&[unit(1, 1, 1, &["a100"])]);
    for words in ["a100", "a100 unknown PCIe", "a100  NVLink"] {
        let cluster = cluster(&[("n1", &[words], 1, 64, 64)]);
        for scheduler in BOTH {
            let with = |policy: &str| quoted(&order, &cluster, policy, scheduler);
            assert_eq!(gpu_usd(&with("")), ["1000"], "{words}: and not the 130 of `*`");
            assert_eq!(gpu_usd(&with("ambiguous_gpu = \"lowest\"")), ["600"], "{words}");
            assert_eq!(gpu_usd(&with("ambiguous_gpu = \"expected\"")), ["800"], "{words}");
            let declined = with("ambiguous_gpu = \"decline\"");
            assert_eq!(declined.reason().map(|reason| reason.code), Some(ReasonCode::AmbiguousGpu), "{words}");
            assert!(!with("").targets[0].is_certain());
        }
    }
}

#[test]
fn units_that_can_be_read_are_read() {
    let a100 = order(&[unit(1, 1, 1, &["a100"])]);
    for words in ["a100 80GB PCIe", "a100 81559Mi PCIe", "a100 85899345920 PCIe", "a100 81920MiB SXM4"] {
        let cluster = cluster(&[("n1", &[words], 1, 64, 64), ("n2", &["a100 80Gi PCIe"], 1, 64, 64)]);
        for scheduler in BOTH {
            let quote = quoted(&a100, &cluster, "ambiguous_gpu = \"lowest\"", scheduler);
            assert_eq!(gpu_usd(&quote), ["1000"], "{words}");
        }
    }
    // No list has this model, so the rate card's sizes decide.
    let pricing = toml::read("[rates.gpu]\n\"x1.40Gi\" = 600\n\"x1.80Gi\" = 1000\n\"*\" = 130\n").unwrap();
    let cluster = cluster(&[("n1", &["x1 81559Mi PCIe"], 1, 64, 64)]);
    let x1 = order(&[unit(1, 1, 1, &["x1"])]);
    let supply = Supply::Reserve { cluster: &cluster, scheduler: Scheduler::Sound };
    let quote = quote::quote(&quote::QuoteRequest::new(&x1, &pricing, supply, &Terms::default()));
    assert_eq!((gpu_usd(&quote), quote.targets[0].is_certain()), (vec!["1000".to_owned()], true));
}

#[test]
fn alternatives_count_the_nodes_that_are_only_held_for_other_bids() {
    // Of the nodes where nothing is held, both models are on n1 only. For pods n2 is free, too, so those with the label of
    // an H100 may get a T4, and those with the label of an A100 may not.
    let all = cluster(&[("n1", &[A80, H100], 2, 64, 64), ("n2", &[H100, T4], 2, 64, 64)]);
    let held = HeldCapacity { node: "n2".to_owned(), cpu: 64_000, ..HeldCapacity::default() };
    let free = all.without(&[held]);
    let (order, pricing) = (order(&[unit(1, 1, 1, &["a100", "h100", "t4"])]), pricing(""));
    let supply = Supply::Reserve { cluster: &free, scheduler: Scheduler::Sound };
    let sets = |terms: &Terms<'_>| {
        let found = quote::alternatives(&quote::QuoteRequest::new(&order, &pricing, supply, terms)).unwrap();
        let mut sets: Vec<usize> = found.list.iter().map(|alternative| alternative.targets[0].kinds.len()).collect();
        sets.sort_unstable();
        sets
    };
    assert_eq!(sets(&Terms::default()), [2]);
    assert_eq!(sets(&Terms { running: Some(&all), ..Terms::default() }), [2, 3]);
}
