//! GPU interconnect: the corpus's own cases, its price, and the reasons for missing capacity.

#![expect(clippy::unwrap_used, reason = "a broken test case must say so at once")]

use pricing_core::budget::{Budget, SearchBudget};
use pricing_core::inventory::{Cluster, read, validate};
use pricing_core::order::{GroupSpec, Order, OrderFormat, group_spec};
use pricing_core::quote::{Quote, QuoteRequest, Supply, Terms, quote};
use pricing_core::rates::toml;
use pricing_core::reserve::{CommitLevels, Reservation, ReserveError, Scheduler, reserve};
use serde_json::{Value, json};

const BOTH: [Scheduler; 2] = [Scheduler::Sound, Scheduler::Provider];

fn cluster(json: &Value) -> Cluster {
    validate::validate(read::read(&json.to_string()).unwrap()).cluster
}

fn group(json: &Value) -> GroupSpec {
    group_spec::read(&json.to_string()).unwrap().remove(0)
}

fn place(group: &GroupSpec, cluster: &Cluster, scheduler: Scheduler) -> Result<Reservation, ReserveError> {
    let commit = CommitLevels::default();
    reserve(group, cluster, scheduler, &commit, &Budget::default())
        .map_err(|error| error.explained(group, cluster, scheduler, &commit))
}

/// Makes a node of eight cards with these HCAs and this fabric.
fn node(name: &str, hcas: [u64; 2], fabric: &str, resource_name: &str) -> Value {
    let amount = |total: &str| json!({"allocatable": {"string": total}, "allocated": {"string": "0"}});
    let card = json!({"vendor": "nvidia", "name": "a100", "interface": "sxm", "memorySize": "80Gi"});
    let [capacity, allocated] = hcas.map(|hcas| json!({ "string": hcas.to_string() }));
    json!({"name": name, "resources": {
        "cpu": {"quantity": amount("200")}, "memory": {"quantity": amount("1Ti")}, "ephemeralStorage": amount("8Ti"),
        "gpu": {"quantity": amount("8"), "info": vec![card; 8]},
        "gpuInterconnect": {"allocatable": capacity, "allocated": allocated},
    }, "capabilities": {"interconnectFabric": fabric, "interconnectResourceName": resource_name, "ncclHcaPrefixes": ["mlx5"]}})
}

/// Makes a group of units, each with replicas, cards and a label.
fn asks(units: &[(u32, u64, &str)], requirements: &[(&str, &str)]) -> Value {
    let unit = |(place, (count, cards, label)): (usize, &(u32, u64, &str))| {
        json!({"count": count, "price": {"denom": "uact", "amount": "1000000"}, "resource": {
            "id": place + 1,
            "cpu": {"units": {"val": "1000"}}, "memory": {"quantity": {"val": "1073741824"}},
            "storage": [{"name": "default", "quantity": {"val": "1073741824"}}], "endpoints": [],
            "gpu": {"units": {"val": cards.to_string()}, "attributes": [
                {"key": "interconnect/group", "value": label}, {"key": "vendor/nvidia/model/a100", "value": "true"},
            ]},
        }})
    };
    let attributes: Vec<Value> = requirements.iter().map(|(key, value)| json!({"key": key, "value": value})).collect();
    let units: Vec<Value> = units.iter().enumerate().map(unit).collect();
    json!({"name": "g", "requirements": {"attributes": attributes}, "resources": units})
}

fn quoted(group: &Value, cluster: &Cluster, rates: &str) -> Quote {
    let order = Order::from_group(self::group(group), OrderFormat::GroupSpec).unwrap();
    let supply = Supply::Reserve { cluster, scheduler: Scheduler::Sound };
    quote(&QuoteRequest::new(&order, &toml::read(rates).unwrap(), supply, &Terms::default()))
}

#[test]
fn the_corpus_has_its_answers_under_both_schedulers() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../corpus/interconnect/cases.jsonl");
    let text = std::fs::read_to_string(path).unwrap();
    let mut kinds = [0, 0];
    for case in text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()) {
        let input = &case["input"];
        let (cluster, group, expected) = if case["kind"] == "reservation-interconnect" {
            kinds[0] += 1;
            (cluster(&input["cluster"]), group(&input["group"]), &case["expect"]["reserved"])
        } else {
            kinds[1] += 1;
            let hcas = [0, 1].map(|place| input["hca"][place].as_u64().unwrap());
            let word = |name: &str| input[name].as_str().unwrap();
            let node = node("n", hcas, word("fabric"), word("resource_name"));
            let pin = format!("capabilities/gpu-interconnect/fabric/{}", word("pin"));
            let mut asked = asks(&[(1, input["gpus"].as_u64().unwrap(), "auto")], &[(&pin, "true")]);
            if input["asks"] == false {
                asked["resources"][0]["resource"]["gpu"]["attributes"].as_array_mut().unwrap().remove(0);
            }
            (self::cluster(&json!({ "nodes": [node] })), self::group(&asked), &case["expect"]["fits"])
        };
        for scheduler in BOTH {
            let placed = place(&group, &cluster, scheduler);
            assert_eq!(placed.is_ok(), expected.as_bool().unwrap(), "case {}, {scheduler:?}: {placed:?}", case["id"]);
        }
    }
    assert_eq!(kinds, [3, 4]);
}

#[test]
fn peers_stand_on_distinct_nodes_and_strangers_need_not() {
    let nodes =
        json!({"nodes": [node("a", [8, 0], "infiniband", "rdma/ib"), node("b", [8, 0], "infiniband", "rdma/ib")]});
    let cluster = cluster(&nodes);
    for (units, fits) in [
        (vec![(2, 1, "x")], true),
        (vec![(3, 1, "x")], false),
        (vec![(1, 1, "x"), (1, 1, "x"), (1, 1, "x")], false),
        (vec![(2, 1, "x"), (2, 1, "y")], true),
        (vec![(3, 1, "auto")], false),
        (vec![(8, 1, "")], true),
        (vec![(8, 2, "")], true),
        (vec![(9, 2, "")], false),
    ] {
        for scheduler in BOTH {
            let placed = place(&group(&asks(&units, &[])), &cluster, scheduler);
            assert_eq!(placed.is_ok(), fits, "{units:?}, {scheduler:?}: {placed:?}");
        }
    }
}

#[test]
fn replicas_of_a_unit_are_connected_alike_under_sound_where_the_daemon_gives_up() {
    let (ib, roce) = (|name| node(name, [8, 0], "infiniband", "rdma/ib"), node("a", [8, 0], "roce", "rdma/eth"));
    let cluster = cluster(&json!({"nodes": [roce, ib("b"), ib("c")]}));
    let pair = group(&asks(&[(2, 1, "x")], &[]));
    assert_eq!(place(&pair, &cluster, Scheduler::Provider), Err(ReserveError::ReplicaMismatch(1)));
    let placed = place(&pair, &cluster, Scheduler::Sound).unwrap();
    let nodes: Vec<&str> = placed.targets[0].nodes().map(|id| &*cluster.node(id).unwrap().name).collect();
    assert_eq!(nodes, ["b", "c"]);
    let single = group(&asks(&[(1, 1, "x")], &[("capabilities/gpu-interconnect/fabric/infiniband", "true")]));
    let placed = place(&single, &cluster, Scheduler::Provider).unwrap();
    assert_eq!(placed.targets[0].placements[0].node.place(), 1);
}

#[test]
fn a_label_that_kubernetes_refuses_is_refused_before_capacity_is_asked() {
    let empty = cluster(&json!({"nodes": [node("a", [0, 0], "", "")]}));
    for scheduler in BOTH {
        let error = place(&group(&asks(&[(1, 1, "bad label!")], &[])), &empty, scheduler).unwrap_err();
        assert!(error.to_string().starts_with("invalid interconnect group: `bad label!`"), "{error}");
    }
}

#[test]
fn a_shortage_says_what_is_missing_between_nodes() {
    let told = |nodes: &[Value], asked: &Value| {
        let error = place(&group(asked), &cluster(&json!({ "nodes": nodes })), Scheduler::Sound).unwrap_err();
        let ReserveError::InsufficientCapacity(shortage) = error else { panic!("{error}") };
        (shortage.message, shortage.nodes)
    };
    let ib = |name: &str, used: u64| node(name, [8, used], "infiniband", "rdma/ib");
    let one = asks(&[(1, 4, "x")], &[]);
    let (message, nodes) = told(&[node("a", [8, 0], "", "rdma/ib")], &one);
    assert!(message.ends_with("no node has a GPU interconnect"), "{message}");
    let lack = &nodes[0].lacks[0];
    assert_eq!((lack.resource.name(), &*lack.asked, lack.free.as_deref()), ("interconnect", "4", Some("0")));
    let pinned = asks(&[(1, 4, "x")], &[("capabilities/gpu-interconnect/fabric/roce", "true")]);
    assert!(told(&[ib("a", 0)], &pinned).0.ends_with("no node has roce between GPUs"));
    assert!(told(&[ib("a", 6), ib("b", 8)], &one).0.ends_with("4 HCAs are asked for and 2 are free"));
    assert!(
        told(&[ib("a", 6), ib("b", 6)], &one)
            .0
            .ends_with("4 HCAs on one node: 4 are free, but no node has more than 2")
    );
    let (message, _) = told(&[ib("a", 0), ib("b", 0)], &asks(&[(3, 1, "x")], &[]));
    assert!(
        message.contains("each of the 2 nodes with a GPU interconnect has a replica of group `x` already"),
        "{message}"
    );
}

#[test]
fn nodes_that_are_passed_over_cost_steps() {
    // Each node has its own interconnect, so the second replica fits on none of the others.
    let nodes: Vec<Value> =
        (0..500).map(|number| node(&format!("n{number}"), [8, 0], "infiniband", &format!("rdma/{number}"))).collect();
    let (cluster, pair) = (cluster(&json!({ "nodes": nodes })), group(&asks(&[(2, 1, "x")], &[])));
    let within = |steps| {
        let budget = Budget::new(SearchBudget { steps });
        reserve(&pair, &cluster, Scheduler::Sound, &CommitLevels::default(), &budget).unwrap_err()
    };
    assert!(matches!(within(100_000_000), ReserveError::InsufficientCapacity(_)));
    assert_eq!(within(100_000), ReserveError::SearchExhausted(100_000));
}

#[test]
fn hcas_and_confidential_replicas_are_lines_of_their_own_where_the_card_charges_for_them() {
    let cluster =
        cluster(&json!({"nodes": [node("a", [8, 0], "roce", "rdma/eth"), node("b", [8, 0], "roce", "rdma/eth")]}));
    let asked = asks(&[(2, 3, "x")], &[("tee/type", "cpu-gpu")]);
    let lines = |quote: &Quote| -> Vec<(String, String, String)> {
        let told = |line: &pricing_core::quote::Line| {
            (line.item.name().to_owned(), line.quantity.to_string(), line.usd_per_month.to_string())
        };
        quote
            .lines
            .iter()
            .map(told)
            .filter(|(item, ..)| matches!(&**item, "cpu" | "interconnect" | "confidential"))
            .collect()
    };
    let without = quoted(&asked, &cluster, "[rates]\ncpu = 1\n[rates.gpu]\na100 = 100\n");
    let cpu = || ("cpu".to_owned(), "2".to_owned(), "2".to_owned());
    assert_eq!(lines(&without), [cpu()], "{without:?}");
    let card = "[rates]\ncpu = 1\ninterconnect = \"12.5\"\nconfidential = 7\n[rates.gpu]\na100 = 100\n";
    let with = quoted(&asked, &cluster, card);
    let hcas = ("interconnect".to_owned(), "6".to_owned(), "75".to_owned());
    let replicas = ("confidential".to_owned(), "2".to_owned(), "14".to_owned());
    assert_eq!(lines(&with), [cpu(), hcas, replicas]);
    let usd = |quote: &Quote| quote.usd_per_month.unwrap().decimal();
    assert_eq!((usd(&with) - usd(&without)).normalize().to_string(), "89");
    let mut offered = rust_decimal::Decimal::ZERO;
    for offer in &with.offer_prices {
        let volumes = offer.storage.iter().map(|volume| volume.price).sum::<rust_decimal::Decimal>();
        offered += (offer.cpu + offer.memory + offer.gpu + volumes) * rust_decimal::Decimal::from(offer.count);
    }
    assert_eq!(offered.round_dp(9), with.price().unwrap().amount().round_dp(9));
}
