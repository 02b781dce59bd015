//! Wrong counts, each named after the report of it, and what always holds.

mod laws;

use super::*;
use crate::inventory::UNLIMITED;
use crate::inventory::read::read;

/// `18446744073709551615`, what -1 becomes in 64 bits without a sign.
const UNDERFLOWED: &str = "18446744073709551615";

fn pair(allocatable: &str, allocated: &str) -> String {
    format!(r#"{{"allocatable":"{allocatable}","allocated":"{allocated}"}}"#)
}

fn cards(count: usize) -> String {
    vec![r#"{"vendor":"nvidia","name":"t4","interface":"PCIe","memory_size":"16Gi"}"#; count].join(",")
}

/// A node of 16 threads and 64 GiB, with fields replaced.
fn node(name: &str, replaced: &[(&str, &str)]) -> String {
    let defaults = [
        ("cpu", format!(r#"{{"quantity":{}}}"#, pair("16", "1"))),
        ("memory", format!(r#"{{"quantity":{}}}"#, pair("64Gi", "1Gi"))),
        ("ephemeral_storage", pair("100Gi", "0")),
    ];
    let kept = defaults.iter().filter(|(field, _)| !replaced.iter().any(|(other, _)| other == field));
    let fields: Vec<String> = kept
        .map(|(field, value)| format!(r#""{field}":{value}"#))
        .chain(replaced.iter().map(|(field, value)| format!(r#""{field}":{value}"#)))
        .collect();
    format!(
        r#"{{"name":"{name}","resources":{{{}}},"capabilities":{{"storage_classes":["beta2"]}}}}"#,
        fields.join(",")
    )
}

fn gpu(allocatable: &str, allocated: &str, described: usize) -> String {
    format!(r#"{{"quantity":{},"info":[{}]}}"#, pair(allocatable, allocated), cards(described))
}

fn check(nodes: &[String], storage: &str) -> Validated {
    validate(read(&format!(r#"{{"nodes":[{}],"storage":[{storage}]}}"#, nodes.join(","))).unwrap())
}

fn with(field: &str, value: &str) -> Validated {
    check(&[node("n1", &[(field, value)])], "")
}

fn found(validated: &Validated) -> Vec<(Resource, Action)> {
    validated.findings.iter().map(|finding| (finding.resource, finding.action)).collect()
}

/// The counts of the only node's cards: total, available and described.
fn counted(validated: &Validated) -> (u64, u64, usize) {
    let node = &validated.cluster.nodes()[0];
    assert!(node.cpu.available.get() == 15_000, "the node still serves orders for CPU");
    (node.gpus.total, node.gpus.available, node.cards.len())
}

/// One case: allocatable, allocated and described cards, and the expected result.
type GpuCase<'a> = (&'a str, &'a str, usize, (u64, u64, usize), &'a [(Resource, Action)]);

fn check_gpus(cases: &[GpuCase<'_>]) {
    for (allocatable, allocated, described, expected, findings) in cases {
        let validated = with("gpu", &gpu(allocatable, allocated, *described));
        let case = format!("{allocatable} - {allocated}, {described} described");
        assert_eq!(counted(&validated), *expected, "{case}");
        assert_eq!(found(&validated), *findings, "{case}");
    }
}

const CLAMPED: &[(Resource, Action)] = &[(Resource::Gpu, Action::Clamped)];
const KEPT: &[(Resource, Action)] = &[(Resource::Gpu, Action::Kept)];

#[test]
fn s137_s244_s429_underflowed_gpu_counts() {
    check_gpus(&[
        (UNDERFLOWED, "0", 4, (0, 0, 0), CLAMPED),
        ("18446744073709551608", "0", 4, (0, 0, 0), CLAMPED),
        ("9223372036854775808", "0", 4, (0, 0, 0), CLAMPED),
        ("4", UNDERFLOWED, 4, (0, 0, 0), CLAMPED),
        (UNDERFLOWED, UNDERFLOWED, 4, (0, 0, 0), CLAMPED),
        ("-2", "0", 0, (0, 0, 0), CLAMPED),
        ("-500m", "0", 0, (0, 0, 0), CLAMPED),
        ("4", "-9223372036854775809", 4, (4, 4, 4), CLAMPED),
    ]);
}

#[test]
fn s429_more_cards_than_a_node_can_hold() {
    check_gpus(&[
        ("128", "0", 128, (128, 128, 128), &[]),
        ("129", "0", 4, (0, 0, 0), CLAMPED),
        ("4", "0", 129, (0, 0, 0), CLAMPED),
        ("9223372036854775807", "0", 4, (0, 0, 0), CLAMPED),
        ("1000000", "0", 8, (0, 0, 0), CLAMPED),
    ]);
}

#[test]
fn s198_s430_more_used_than_there_is() {
    check_gpus(&[
        ("4", "5", 4, (4, 0, 4), CLAMPED),
        ("4", "4", 4, (4, 0, 4), &[]),
        ("4", "-1", 4, (4, 4, 4), CLAMPED),
        ("0", "1", 0, (0, 0, 0), CLAMPED),
    ]);
    let overused = [
        ("cpu", format!(r#"{{"quantity":{}}}"#, pair("16", "17500m")), Resource::Cpu),
        ("memory", format!(r#"{{"quantity":{}}}"#, pair("64Gi", "65Gi")), Resource::Memory),
        ("ephemeral_storage", pair("1Gi", "2Gi"), Resource::EphemeralStorage),
    ];
    for (field, value, resource) in overused {
        let validated = with(field, &value);
        assert_eq!(found(&validated), [(resource, Action::Clamped)], "{field}");
        let node = &validated.cluster.nodes()[0];
        let free = [node.cpu.available.get(), node.memory.available.get(), node.ephemeral.available.get()];
        assert_eq!(free.iter().filter(|free| **free == 0).count(), 1, "{field}");
    }
}

#[test]
fn s430_no_cards_after_a_reboot() {
    check_gpus(&[("0", "0", 4, (0, 0, 4), KEPT)]);
    let gone = with("gpu", r#"{"quantity":{"allocatable":"0","allocated":"0","capacity":"8"},"info":null}"#);
    assert_eq!(counted(&gone), (0, 0, 0));
    assert_eq!(found(&gone), KEPT);
}

#[test]
fn s192_memory_and_cpu_counters_below_zero_lose_the_node() {
    let cases = [
        ("memory", "17179869145Gi", "0", Resource::Memory),
        ("memory", UNDERFLOWED, "0", Resource::Memory),
        ("cpu", UNDERFLOWED, "0", Resource::Cpu),
        ("cpu", "18446744073709551615m", "0", Resource::Cpu),
        ("cpu", "16", "18446744073709551m", Resource::Cpu),
    ];
    for (field, allocatable, allocated, resource) in cases {
        let validated = with(field, &format!(r#"{{"quantity":{}}}"#, pair(allocatable, allocated)));
        if allocated == "18446744073709551m" {
            // About as many threads as there are bytes in 16 PiB: much, but no underflow.
            assert_eq!(found(&validated), [(resource, Action::Clamped)]);
            continue;
        }
        assert_eq!(found(&validated), [(resource, Action::IgnoredNode)], "{allocatable} - {allocated}");
        assert!(!validated.cluster.is_usable() && validated.cluster.nodes().is_empty(), "{allocatable} - {allocated}");
    }
}

#[test]
fn s192_storage_counters_below_zero_are_nothing() {
    for allocatable in [UNDERFLOWED, "17179869145Gi", "-3", "-1Ki"] {
        let validated = with("ephemeral_storage", &pair(allocatable, "0"));
        assert_eq!(found(&validated), [(Resource::EphemeralStorage, Action::Clamped)], "{allocatable}");
        assert_eq!(validated.cluster.nodes()[0].ephemeral.total.get(), 0, "{allocatable}");
        let pool = format!(r#"{{"quantity":{},"info":{{"class":"beta2"}}}}"#, pair(allocatable, "0"));
        let validated = check(&[node("n1", &[])], &pool);
        assert_eq!(found(&validated), [(Resource::Storage, Action::Clamped)], "{allocatable}");
        assert_eq!(validated.cluster.storage()[0].capacity.total.get(), 0, "{allocatable}");
    }
}

#[test]
fn s244_gpu_null_is_no_cards() {
    let null = with("gpu", "null");
    assert_eq!((counted(&null), found(&null)), ((0, 0, 0), CLAMPED.to_vec()));
    assert_eq!(found(&with("gpu", "{}")), []);
    assert_eq!(found(&check(&[node("n1", &[])], "")), [], "a node without cards says nothing of them");
}

#[test]
fn counted_and_described_cards_differ() {
    check_gpus(&[("8", "0", 0, (8, 8, 0), KEPT), ("8", "2", 4, (8, 6, 4), KEPT), ("2", "0", 4, (2, 2, 4), KEPT)]);
    let null = with("gpu", &format!(r#"{{"quantity":null,"info":[{}]}}"#, cards(1)));
    assert_eq!((counted(&null), found(&null)), ((0, 0, 1), KEPT.to_vec()));
}

#[test]
fn cards_that_no_order_can_name_are_dropped() {
    for (vendor, name) in [("", "t4"), ("nvidia", ""), ("nvidia", " "), ("nvidia", "*"), ("nvidia", "t4/ram/16Gi")] {
        let info = format!(r#"{{"quantity":{},"info":[{{"vendor":"{vendor}","name":"{name}"}}]}}"#, pair("1", "0"));
        let validated = with("gpu", &info);
        assert_eq!(counted(&validated), (1, 1, 0), "{vendor}/{name}");
        assert_eq!(found(&validated), [CLAMPED, KEPT].concat(), "{vendor}/{name}");
    }
}

#[test]
fn what_is_below_zero_is_nothing_minus_one_included() {
    for negative in ["-1", "-3", "-1Ki", "-17179869092Gi"] {
        let validated = with("ephemeral_storage", &pair(negative, "0"));
        assert_eq!(found(&validated), [(Resource::EphemeralStorage, Action::Clamped)], "{negative}");
        assert_eq!(validated.cluster.nodes()[0].ephemeral, Capacity::default(), "{negative}");
        let validated = with("cpu", &format!(r#"{{"quantity":{}}}"#, pair(negative, "0")));
        assert_eq!(found(&validated), [(Resource::Cpu, Action::Clamped), (Resource::Cpu, Action::Kept)], "{negative}");
        assert!(!validated.cluster.is_usable(), "{negative}");
    }
    let validated = with("ephemeral_storage", &pair("-1", "10"));
    assert_eq!(found(&validated), [(Resource::EphemeralStorage, Action::Clamped)], "which says enough of what is used");
    assert_eq!(validated.cluster.nodes()[0].ephemeral, Capacity::default());
    let validated = with("memory", &format!(r#"{{"quantity":{}}}"#, pair("8Gi", "-17179869092Gi")));
    assert_eq!(found(&validated), [(Resource::Memory, Action::Clamped)]);
    assert_eq!(validated.cluster.nodes()[0].memory.available.get(), 8 << 30);
    let validated = with("gpu", &gpu("-1", "0", 2));
    assert_eq!((counted(&validated), found(&validated)), ((0, 0, 2), [CLAMPED, KEPT].concat()));
}

#[test]
fn minus_one_leased_ips_are_more_than_anything_can_ask() {
    let ips = |pair: &str| {
        let text = format!(r#"{{"cluster":{{"inventory":{{"cluster":{{"nodes":[]}},"leased_ip":{pair}}}}}}}"#);
        let validated = validate(read(&text).unwrap());
        (validated.cluster.leased_ips(), found(&validated))
    };
    assert_eq!(ips(&pair("-1", "10")), (Some(UNLIMITED - 10), vec![]));
    assert_eq!(ips(&pair("-2", "0")), (Some(0), vec![(Resource::LeasedIp, Action::Clamped)]));
}

#[test]
fn nodes_without_cpu_memory_or_a_name_of_their_own_are_ignored() {
    let nodes = [
        node("", &[]),
        node("a", &[("cpu", "null")]),
        node("b", &[("memory", r#"{"quantity":null}"#)]),
        node("c", &[]),
        node("c", &[("gpu", &gpu("4", "0", 4))]),
        r#"{"name":"d"}"#.to_owned(),
    ];
    let validated = check(&nodes, "");
    let names: Vec<&str> = validated.cluster.nodes().iter().map(|node| &*node.name).collect();
    assert_eq!(names, ["c"]);
    assert_eq!(validated.cluster.nodes()[0].gpus.total, 0, "the first one counts");
    let ignored = |resource| (resource, Action::IgnoredNode);
    let expected = [Resource::Node, Resource::Cpu, Resource::Memory, Resource::Node, Resource::Cpu, Resource::Memory];
    assert_eq!(found(&validated), expected.map(ignored));
}

#[test]
fn storage_classes_count_once() {
    let pool = |class: &str, size: &str| format!(r#"{{"quantity":{},"info":{{"class":"{class}"}}}}"#, pair(size, "0"));
    let pools = [pool("beta2", "1Gi"), pool("beta2", "9Gi"), pool("", "9Gi"), pool("beta3", "2Gi")].join(",");
    let validated = check(&[node("n1", &[])], &pools);
    let sizes: Vec<(&str, u64)> =
        validated.cluster.storage().iter().map(|pool| (&*pool.class, pool.capacity.total.get() >> 30)).collect();
    assert_eq!(sizes, [("beta2", 1), ("beta3", 2)]);
    assert_eq!(found(&validated), [(Resource::Storage, Action::Clamped); 2]);
}

#[test]
fn allocatable_above_capacity_is_kept_and_said() {
    let validated = with("memory", r#"{"quantity":{"allocatable":"65Gi","allocated":"0","capacity":"64Gi"}}"#);
    assert_eq!(found(&validated), [(Resource::Memory, Action::Kept)]);
    assert_eq!(validated.cluster.nodes()[0].memory.total.get(), 65 << 30);
}

#[test]
fn fractions_are_not_free() {
    let validated = with("cpu", &format!(r#"{{"quantity":{}}}"#, pair("1500500u", "100u")));
    assert_eq!(validated.cluster.nodes()[0].cpu.total.get(), 1_500);
    let validated = with("gpu", &gpu("2", "500m", 2));
    assert_eq!(counted(&validated), (2, 1, 2));
}

#[test]
fn shipped_inventories_are_what_they_say() {
    let shipped = |name: &str| {
        let path = format!("{}/../corpus/inventory/{name}.json", env!("CARGO_MANIFEST_DIR"));
        #[expect(clippy::disallowed_methods, reason = "the corpus is files")]
        let text = std::fs::read_to_string(path).unwrap();
        validate(read(&text).unwrap())
    };
    let (mixed, status) = (shipped("mixed"), shipped("status"));
    assert_eq!((mixed.findings.len(), status.findings.len()), (0, 0));
    assert_eq!((mixed.cluster.nodes().len(), mixed.cluster.cards().len()), (7, 6));
    assert_eq!((status.cluster.nodes().len(), status.cluster.leased_ips()), (3, Some(3)));
    assert!(mixed.cluster.is_usable() && status.cluster.is_usable());
    let empty = shipped("empty");
    assert!(empty.findings.is_empty() && !empty.cluster.is_usable());

    let nonsense = shipped("nonsense");
    let lines: Vec<String> = nonsense
        .findings
        .iter()
        .map(|finding| {
            format!("{} {} {}", finding.node.as_deref().unwrap_or("-"), finding.resource.name(), finding.action.name())
        })
        .collect();
    assert_eq!(lines, NONSENSE);
    assert_eq!(nonsense.cluster.nodes().len(), 19, "{lines:?}");
}

const NONSENSE: &[&str] = &[
    "gpu-underflow gpu clamped",
    "gpu-used-underflow gpu clamped",
    "gpu-negative gpu clamped",
    "gpu-negative gpu kept",
    "gpu-overused gpu clamped",
    "gpu-negative-use gpu clamped",
    "gpu-too-many gpu clamped",
    "gpu-too-many-described gpu clamped",
    "gpu-null gpu clamped",
    "gpu-not-described gpu kept",
    "gpu-not-counted gpu kept",
    "gpu-gone-after-reboot gpu kept",
    "gpu-nameless gpu clamped",
    "gpu-nameless gpu kept",
    "gpu-above-capacity gpu kept",
    "cpu-underflow cpu ignored-node",
    "cpu-negative cpu clamped",
    "cpu-negative cpu kept",
    "cpu-missing cpu ignored-node",
    "cpu-overused cpu clamped",
    "memory-underflow memory ignored-node",
    "memory-used-underflow memory clamped",
    "memory-missing memory ignored-node",
    "disk-underflow ephemeral_storage clamped",
    "unlimited ephemeral_storage clamped",
    "twice node ignored-node",
    "- node ignored-node",
    "- storage clamped",
    "- storage clamped",
    "- storage clamped",
    "- storage clamped",
];

#[test]
fn words_of_cards_that_cannot_be_read_are_found_and_units_are_read() {
    let problems = |ram: &str, interface: &str| -> Vec<(String, Action)> {
        let text = format!(
            r#"{{"nodes":[{{"name":"n1","resources":{{"cpu":{{"quantity":{{"allocatable":"8"}}}},
            "memory":{{"quantity":{{"allocatable":"8Gi"}}}},
            "gpu":{{"quantity":{{"allocatable":"1"}},"info":[
            {{"vendor":"nvidia","name":"a100","memory_size":"{ram}","interface":"{interface}"}}]}}}}}}]}}"#
        );
        let validated = validate(super::super::read::read(&text).unwrap());
        validated.findings.into_iter().map(|finding| (finding.problem, finding.action)).collect()
    };
    assert_eq!(problems("80Gi", "SXM4"), []);
    let uncertain = "it may be any variant of the model, so what it costs is not certain";
    for (ram, interface, problem, action) in [
        ("80GB", "PCIe", "1 card of `a100` says `80GB` for RAM; it is read as `80Gi`".to_owned(), Action::Clamped),
        (
            "81559Mi",
            "PCIe",
            "1 card of `a100` says `81559Mi` for RAM; it is read as `80Gi`".to_owned(),
            Action::Clamped,
        ),
        ("", "PCIe", format!("1 card of `a100` says no RAM; {uncertain}"), Action::Kept),
        (
            "unknown",
            "SXM4",
            format!("1 card of `a100` says `unknown` for RAM, which cannot be read; {uncertain}"),
            Action::Kept,
        ),
        (
            "80Gi",
            "NVLink",
            format!("1 card of `a100` says `NVLink` for interface, which cannot be read; {uncertain}"),
            Action::Kept,
        ),
    ] {
        assert_eq!(problems(ram, interface), [(problem, action)], "{ram} {interface}");
    }
    assert!(
        problems("53000Mi", "PCIe")[0].0.contains("the nearest size that the rate card names"),
        "{:?}",
        problems("53000Mi", "PCIe")
    );
}
