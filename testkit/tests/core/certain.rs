//! A card is certain only if it really is: the corpus's SDLs on clusters of many shapes, compared with a reference that
//! scans every node.
//!
//! The reference treats the inventory's words and the rate card's entries as texts. It shares none of this project's
//! kinds, index or weights.

#![expect(clippy::unwrap_used, reason = "a broken test case must say so at once")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use pricing_core::inventory::{Cluster, read, validate};
use pricing_core::order::{Order, OrderFormat, ResourceUnit, StorageClass, group_spec};
use pricing_core::quote::{Line, Quote, QuoteRequest, QuotedTarget, ReasonCode, Supply, Terms, alternatives, quote};
use pricing_core::rates::{Pricing, toml};
use pricing_core::reserve::Scheduler;

const GI: u64 = 1 << 30;

/// The rate card: `model`, RAM, interface and USD.
const RATES: [(&str, &str, &str, i128); 12] = [
    ("a100", "40Gi", "", 600),
    ("a100", "80Gi", "", 1000),
    ("a100", "80Gi", "sxm", 1250),
    ("h100", "", "", 1900),
    ("h100", "94Gi", "", 2100),
    ("h100", "", "sxm", 2400),
    ("v100", "16Gi", "", 200),
    ("v100", "32Gi", "", 330),
    ("t4", "", "", 80),
    ("rtx3090", "", "", 120),
    ("rtx4090", "24Gi", "pcie", 260),
    ("", "", "", 130),
];

/// A card of a reference node, in the inventory's words: model, RAM, interface.
type Words = (&'static str, &'static str, &'static str);

/// A node: its cards, the number of free cards, free threads and GiB of memory, and its storage classes.
#[derive(Clone, Debug)]
struct Node {
    name: String,
    cards: Vec<Words>,
    free: u64,
    threads: u64,
    memory: u64,
    ephemeral: u64,
    classes: Vec<&'static str>,
}

fn node(cards: &[(usize, Words)], free: u64, (threads, memory): (u64, u64)) -> Node {
    let cards = cards.iter().flat_map(|(number, words)| vec![*words; *number]).collect();
    let classes = vec!["beta1", "beta2", "beta3", "default"];
    Node { name: String::new(), cards, free, threads, memory, ephemeral: 4000, classes }
}

const LARGE: (u64, u64) = (200, 2000);
const A40: Words = ("a100", "40Gi", "PCIe");
const A80: Words = ("a100", "80Gi", "PCIe");
const A80S: Words = ("a100", "80Gi", "SXM4");
const H80: Words = ("h100", "80Gi", "SXM5");
const H80P: Words = ("h100", "80Gi", "PCIe");
const H94: Words = ("h100", "94Gi", "PCIe");
const T4: Words = ("t4", "16Gi", "PCIe");
const R3090: Words = ("rtx3090", "24Gi", "PCIe");
const R4090: Words = ("rtx4090", "24Gi", "PCIe");
const V16: Words = ("v100", "16Gi", "SXM2");
const V32: Words = ("v100", "32Gi", "PCIe");
const H200: Words = ("h200", "141Gi", "SXM5");

/// Returns twelve clusters, such as one kind per node, variants of one model, nodes with several models, nearly full
/// clusters, and cards with unknown properties.
fn shapes() -> Vec<(&'static str, Vec<Node>)> {
    let of = |words: Words| node(&[(8, words)], 8, LARGE);
    vec![
        ("one kind each", vec![of(T4), of(A80S), of(H80), of(R3090), of(R4090), of(H200)]),
        ("two sizes of one model", vec![of(A40), of(A80), of(T4)]),
        ("sizes and interfaces of two models", vec![of(A40), of(A80), of(A80S), of(H80), of(H80P), of(H94)]),
        ("two sizes, the dearer one last", vec![of(V16), of(V16), node(&[(8, V32)], 3, LARGE), of(R3090)]),
        (
            "nodes of several models",
            vec![node(&[(4, T4), (4, H80)], 5, LARGE), node(&[(2, A40), (2, A80)], 2, LARGE), of(A80S)],
        ),
        (
            "the other variant has no room",
            vec![of(A40), node(&[(8, A80)], 8, (1, 2)), node(&[(8, H94)], 0, LARGE), of(H80)],
        ),
        (
            "nearly full",
            vec![node(&[(8, A40)], 1, (9, 40)), node(&[(8, A80)], 2, (33, 130)), node(&[(8, R4090)], 1, LARGE)],
        ),
        (
            "memory decides",
            vec![node(&[(8, A40)], 8, (200, 20)), node(&[(8, A80)], 8, (200, 600)), node(&[(8, H80)], 8, (200, 90))],
        ),
        ("RAM unknown", vec![of(("a100", "", "PCIe")), of(A40), of(("h100", "unknown", "SXM5")), of(("t4", "", ""))]),
        ("interface unreadable", vec![of(("a100", "80Gi", "NVLink")), of(A80), of(("h100", "80Gi", "")), of(R3090)]),
        (
            "other units",
            vec![
                of(("a100", "80GB", "PCIe")),
                of(A80),
                of(("a100", "81559Mi", "PCIe")),
                of(("rtx3090", "24576Mi", "PCIe")),
            ],
        ),
        (
            "a bit of everything",
            vec![
                of(T4),
                node(&[(1, A40), (3, ("a100", "unknown", ""))], 4, LARGE),
                of(V16),
                of(V32),
                of(H94),
                of(H200),
            ],
        ),
    ]
}

fn text(nodes: &[Node]) -> String {
    let node = |node: &Node| {
        let card = |(model, ram, interface): &Words| serde_json::json!({"vendor": "nvidia", "name": model, "interface": interface, "memorySize": ram});
        let pair = |free: u64| serde_json::json!({"allocatable": {"string": free.to_string()}});
        let total = node.cards.len().to_string();
        let used = (u64::try_from(node.cards.len()).unwrap() - node.free).to_string();
        serde_json::json!({"name": node.name, "capabilities": {"storageClasses": node.classes}, "resources": {
            "cpu": {"quantity": pair(node.threads)},
            "memory": {"quantity": pair(node.memory * GI)},
            "ephemeralStorage": pair(node.ephemeral * GI),
            "gpu": {"quantity": {"allocatable": {"string": total}, "allocated": {"string": used}},
                "info": node.cards.iter().map(card).collect::<Vec<_>>()},
        }})
    };
    let pool = |class: &&str| serde_json::json!({"quantity": {"allocatable": {"string": (1_u64 << 50).to_string()}}, "info": {"class": class}});
    let pools: Vec<_> = ["beta1", "beta2", "beta3", "default"].iter().map(pool).collect();
    serde_json::json!({"nodes": nodes.iter().map(node).collect::<Vec<_>>(), "storage": pools}).to_string()
}

/// Returns the orders of the corpus that ask for cards.
fn orders() -> Vec<(String, Order)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus/sdl");
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.to_string_lossy().ends_with(".groups.json"));
    paths.sort();
    let mut orders = Vec::new();
    for path in paths {
        for group in group_spec::read(&fs::read_to_string(&path).unwrap()).unwrap() {
            if group.resources().iter().any(|unit| unit.gpu.units > 0) {
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                let mut order = Order::from_group(group, OrderFormat::GroupSpec).unwrap();
                // The maximum is high enough for every price.
                order.max_price = Some(
                    pricing_core::money::Price::new(
                        pricing_core::money::Denom::new("uact"),
                        rust_decimal::Decimal::from(1_000_000_000_000_000_u64),
                    )
                    .unwrap(),
                );
                orders.push((name, order));
            }
        }
    }
    orders
}

fn pricing(policy: &str) -> Pricing {
    let entry = |(model, ram, interface, usd): &(&str, &str, &str, i128)| match (*model, *ram, *interface) {
        ("", _, _) => format!("\"*\" = {usd}\n"),
        (model, "", "") => format!("\"{model}\" = {usd}\n"),
        (model, "", interface) => format!("\"{model}.{interface}\" = {usd}\n"),
        (model, ram, "") => format!("\"{model}.{ram}\" = {usd}\n"),
        (model, ram, interface) => format!("\"{model}.{ram}.{interface}\" = {usd}\n"),
    };
    let entries: String = RATES.iter().map(entry).collect();
    toml::read(&format!("[rates.gpu]\n{entries}[policy]\n{policy}\n")).unwrap()
}

/// A card as the reference knows it. An empty text is unknown.
type Kind = (String, String, String);

fn kind((model, ram, interface): &Words) -> Kind {
    let ram = match *ram {
        "80GB" | "81559Mi" => "80Gi",
        "24576Mi" => "24Gi",
        "unknown" => "",
        other => other,
    };
    let interface = match *interface {
        "PCIe" => "pcie",
        "SXM2" | "SXM4" | "SXM5" => "sxm",
        _ => "",
    };
    ((*model).to_owned(), ram.to_owned(), interface.to_owned())
}

fn is_known((_, ram, interface): &Kind) -> bool {
    !ram.is_empty() && !interface.is_empty()
}

/// Returns the possible rates of a card: one if everything is known about it, else those of every entry of its model
/// that it could match.
fn rates_of(kind: &Kind) -> BTreeSet<i128> {
    let fits = |have: &str, named: &str| named.is_empty() || named == have;
    let rate = |(model, ram, interface): &Kind| {
        let named = RATES.iter().filter(|entry| entry.0 == model && fits(ram, entry.1) && fits(interface, entry.2));
        let level = |entry: &&(&str, &str, &str, i128)| match (entry.1, entry.2) {
            ("", "") => 0,
            (_, "") => 1,
            ("", _) => 2,
            _ => 3,
        };
        named.max_by_key(level).map(|entry| entry.3)
    };
    let (model, ram, interface) = kind;
    let mut rates = BTreeSet::new();
    if is_known(kind) {
        rates.extend(rate(kind));
    } else {
        for entry in RATES.iter().filter(|entry| entry.0 == model) {
            let agree = |have: &str, named: &str| have.is_empty() || named.is_empty() || have == named;
            if agree(ram, entry.1) && agree(interface, entry.2) {
                let either = |have: &String, named: &str| if have.is_empty() { named.to_owned() } else { have.clone() };
                rates.extend(rate(&(model.clone(), either(ram, entry.1), either(interface, entry.2))));
            }
        }
    }
    if rates.is_empty() { BTreeSet::from([130]) } else { rates }
}

fn allows(unit: &ResourceUnit, kind: &Kind, scheduler: Scheduler) -> bool {
    let names = |named: Option<&str>, have: &str| named.is_none_or(|named| named == have);
    let matches = |s: &&pricing_core::gpu::GpuSelector| {
        names(s.model(), &kind.0) && names(s.ram(), &kind.1) && names(s.interface(), &kind.2)
    };
    let selectors = || unit.gpu.alternatives.iter();
    match scheduler {
        Scheduler::Sound => selectors().any(|selector| matches(&selector)),
        Scheduler::Provider | Scheduler::Kubernetes => {
            let last = |model: Option<&str>| selectors().rfind(|s| s.model() == model);
            last(Some(&kind.0)).or_else(|| last(None)).is_some_and(|selector| matches(&selector))
        }
    }
}

/// The cards that could be handed out for a unit, found by a scan of all nodes.
#[derive(Default)]
struct Reference {
    /// The kinds that the order allows, with their weights as fractions of 840.
    kinds: BTreeMap<Kind, i128>,
    /// The kinds that the order does not allow.
    others: BTreeSet<Kind>,
}

/// Scans every node for the cards of a unit's pods. As in the daemon's manifest, only the last volume without a class
/// counts for the ephemeral storage. A node's free cards are spread evenly over its acceptable ones, of which there are
/// at most eight, and 840 is divisible by every number up to 8.
fn reference(unit: &ResourceUnit, model: &str, nodes: &[Node], scheduler: Scheduler) -> Reference {
    let mut found = Reference::default();
    let classless = |volume: &&pricing_core::order::Volume| {
        volume.class == StorageClass::Ephemeral && !volume.attributes.iter().any(|a| a.key == "class")
    };
    let ephemeral = unit.storage.iter().rfind(classless).map_or(0, |volume| volume.size.get());
    for node in nodes {
        let has_room = node.threads * 1000 >= unit.cpu.get()
            && node.memory * GI >= unit.memory.get()
            && node.ephemeral * GI >= ephemeral
            && node.free >= unit.gpu.units;
        let kinds: Vec<Kind> = node.cards.iter().map(kind).collect();
        if !has_room || kinds.iter().all(|kind| kind.0 != model) {
            continue;
        }
        let wanted: Vec<&Kind> = kinds.iter().filter(|kind| allows(unit, kind, scheduler)).collect();
        for kind in &wanted {
            let part = 840 / i128::try_from(wanted.len()).unwrap() * i128::from(node.free);
            *found.kinds.entry((*kind).clone()).or_default() += part;
        }
        found.others.extend(kinds.iter().filter(|kind| !allows(unit, kind, scheduler)).cloned());
    }
    found.others.retain(|kind| !found.kinds.contains_key(kind));
    found
}

impl Reference {
    fn is_certain(&self) -> bool {
        self.kinds.len() == 1 && self.others.is_empty() && self.kinds.keys().all(is_known)
    }

    fn rates(&self) -> BTreeSet<i128> {
        self.kinds.keys().flat_map(rates_of).collect()
    }

    /// Returns the mean rate as a fraction.
    fn mean(&self) -> (i128, i128) {
        let (mut over, mut under) = (0, 0);
        for (kind, weight) in &self.kinds {
            let rates = rates_of(kind);
            // A kind has at most twelve rates, and 27720 is divisible by every number up to 12.
            over +=
                rates.iter().map(|rate| rate * weight * (27720 / i128::try_from(rates.len()).unwrap())).sum::<i128>();
            under += weight * 27720;
        }
        (over, under)
    }
}

fn as_kind(kind: &pricing_core::gpu::GpuKind) -> Kind {
    (kind.model().to_owned(), kind.ram().unwrap_or("").to_owned(), kind.interface().unwrap_or("").to_owned())
}

/// Returns the number of a unit's cards, and their cost in units of 10^-12 USD.
fn cards_of(quote: &Quote, unit: u32) -> (i128, i128) {
    let lines = quote.lines.iter().filter(|line| line.resource_id == unit && line.item.name() == "gpu");
    let scaled = |line: &Line| {
        let mut usd = line.usd_per_month.decimal();
        usd.rescale(12);
        usd.mantissa()
    };
    lines
        .fold((0, 0), |(cards, usd), line| (cards + i128::try_from(line.quantity.count()).unwrap(), usd + scaled(line)))
}

fn check_target(case: &str, unit: &ResourceUnit, target: &QuotedTarget, found: &Reference) {
    let kinds: BTreeSet<Kind> = target.kinds.iter().map(|candidate| as_kind(&candidate.kind)).collect();
    assert_eq!(kinds, found.kinds.keys().cloned().collect(), "{case}: unit {}", unit.id);
    assert_eq!(target.kinds.len(), kinds.len(), "{case}: each kind once");
    assert_eq!(target.others.iter().map(as_kind).collect::<BTreeSet<_>>(), found.others, "{case}");
    assert_eq!(target.is_certain(), found.is_certain(), "{case}");
    // The reserved node's own kinds come first.
    let own: Vec<_> = target.cards.iter().flat_map(|group| &group.kinds).map(as_kind).collect();
    let first = target.kinds.first().map(|candidate| as_kind(&candidate.kind));
    assert!(first.is_some_and(|first| own.contains(&first)), "{case}");
}

fn check_price(case: &str, policy: &str, quote: &Quote, unit: u32, found: &Reference) {
    let (cards, usd) = cards_of(quote, unit);
    let rates = found.rates();
    let (least, most) = (rates.iter().min().unwrap(), rates.iter().max().unwrap());
    let scale = cards * 1_000_000_000_000;
    assert!(cards > 0 && usd >= least * scale, "{case}: {usd} for {cards} cards is below {least} each");
    match policy {
        "highest" => assert_eq!(usd, most * scale, "{case}"),
        "lowest" => assert_eq!(usd, least * scale, "{case}"),
        "expected" => {
            let (over, under) = found.mean();
            // The line is rounded once, so it differs by at most half a unit of the twelfth decimal.
            assert!((usd * under - over * scale).abs() * 2 <= under, "{case}: {usd} is not {over} / {under}");
        }
        _ => assert!(found.is_certain() || found.kinds.len() == 1, "{case}"),
    }
}

#[test]
fn no_quote_of_the_corpus_is_certain_or_cheap_where_kubernetes_could_hand_out_another_card() {
    let orders = orders();
    let (mut bids, mut certain, mut uncertain, mut declined) = (0, 0, 0, 0);
    for (shape, mut nodes) in shapes() {
        for (place, node) in nodes.iter_mut().enumerate() {
            node.name = format!("n{place}");
        }
        let cluster = validate::validate(read::read(&text(&nodes)).unwrap()).cluster;
        for policy in ["highest", "lowest", "expected", "decline"] {
            let pricing = pricing(&format!("ambiguous_gpu = \"{policy}\""));
            for scheduler in [Scheduler::Sound, Scheduler::Provider] {
                for (name, order) in &orders {
                    let case = format!("{name} on {shape}, {policy}, {scheduler:?}");
                    let quote = quote(&QuoteRequest::new(
                        order,
                        &pricing,
                        Supply::Reserve { cluster: &cluster, scheduler },
                        &Terms::default(),
                    ));
                    let mut unknown = false;
                    for (unit, target) in order.group.resources().iter().zip(&quote.targets) {
                        if unit.gpu.units == 0 {
                            continue;
                        }
                        let model = target.selector.clone().unwrap().model;
                        let found = reference(unit, &model, &nodes, scheduler);
                        check_target(&case, unit, target, &found);
                        unknown |= found.kinds.len() != 1 || !found.kinds.keys().all(is_known);
                        if quote.price().is_some() {
                            check_price(&case, policy, &quote, unit.id, &found);
                            *(if found.is_certain() { &mut certain } else { &mut uncertain }) += 1;
                        }
                    }
                    bids += usize::from(quote.price().is_some());
                    if policy == "decline" && !quote.targets.is_empty() {
                        let code = quote.reason().map(|reason| reason.code);
                        assert_eq!(code == Some(ReasonCode::AmbiguousGpu), unknown, "{case}: {code:?}");
                        declined += usize::from(unknown);
                    }
                }
            }
        }
    }
    assert!(
        orders.len() > 40 && bids > 1000 && certain > 300 && uncertain > 300 && declined > 50,
        "{bids} {certain} {uncertain} {declined}"
    );
}

#[test]
fn every_alternative_is_priced_among_what_kubernetes_could_hand_out_and_no_two_are_alike() {
    let orders = orders();
    let pricing = pricing("ambiguous_gpu = \"lowest\"");
    let mut listed = 0;
    for (shape, mut nodes) in shapes() {
        for (place, node) in nodes.iter_mut().enumerate() {
            node.name = format!("n{place}");
        }
        let cluster: Cluster = validate::validate(read::read(&text(&nodes)).unwrap()).cluster;
        for (name, order) in &orders {
            let supply = Supply::Reserve { cluster: &cluster, scheduler: Scheduler::Sound };
            let Ok(found) = alternatives(&QuoteRequest::new(order, &pricing, supply, &Terms::default())) else {
                continue;
            };
            let case = format!("{name} on {shape}");
            assert!(found.complete, "{case}");
            let mut sets = BTreeSet::new();
            for alternative in &found.list {
                let mut set = Vec::new();
                for (unit, target) in order.group.resources().iter().zip(&alternative.targets) {
                    if unit.gpu.units > 0 {
                        let model = target.selector.clone().unwrap().model;
                        check_target(&case, unit, target, &reference(unit, &model, &nodes, Scheduler::Sound));
                    }
                    set.push(target.kinds.iter().map(|candidate| as_kind(&candidate.kind)).collect::<BTreeSet<_>>());
                }
                assert!(sets.insert(set), "{case}: two alternatives are alike");
                listed += 1;
            }
        }
    }
    assert!(listed > 300, "{listed}");
}
