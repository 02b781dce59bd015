//! Random clusters and orders: small and tight ones for oracles, realistic ones for benchmarks.

use std::sync::Arc;

use proptest::strategy::Strategy;

use pricing_core::gpu::{GpuRequest, GpuSelector};
use pricing_core::inventory::{
    Capacity, CardId, Cluster, ClusterBuilder, DescribedCard, Interconnect, Node, StoragePool,
};
use pricing_core::order::{Fabric, StorageClass};
use pricing_core::quantity::{Bytes, MilliCpu};
use pricing_core::reserve::{CommittedUnit, InterconnectRequest, Sidecar};

use crate::random::Random;

const GI: u64 = 1 << 30;

/// A card as vendor, name, RAM and interface.
type Words = (&'static str, &'static str, &'static str, &'static str);

/// The cards of small clusters: few models, with variants, so that requests overlap.
const SMALL_CARDS: [Words; 6] = [
    ("nvidia", "t4", "16Gi", "PCIe"),
    ("nvidia", "a100", "40Gi", "PCIe"),
    ("nvidia", "a100", "80Gi", "PCIe"),
    ("nvidia", "a100", "80Gi", "SXM4"),
    ("nvidia", "h100", "80Gi", "SXM5"),
    ("amd", "mi210", "64Gi", "PCIe"),
];

/// The nodes of realistic clusters: the number of cards, and the card.
const REAL_CARDS: [(u64, Words); 6] = [
    (4, ("nvidia", "t4", "16Gi", "PCIe")),
    (8, ("nvidia", "a100", "80Gi", "SXM4")),
    (4, ("nvidia", "a100", "40Gi", "PCIe")),
    (8, ("nvidia", "h100", "80Gi", "SXM5")),
    (2, ("nvidia", "rtx4090", "24Gi", "PCIe")),
    (4, ("amd", "mi210", "64Gi", "PCIe")),
];

fn card(builder: &mut ClusterBuilder, (vendor, name, ram, interface): Words) -> CardId {
    builder.card(DescribedCard {
        vendor: vendor.to_owned(),
        name: name.to_owned(),
        interface: interface.to_owned(),
        memory_size: ram.to_owned(),
    })
}

fn capacity(available: u64) -> Capacity<u64> {
    Capacity { total: available, available }
}

fn bytes(available: u64) -> Capacity<Bytes> {
    Capacity { total: Bytes::new(available), available: Bytes::new(available) }
}

/// A small cluster whose amounts are on the scale of what [`small_units`] ask for, so that half of the orders fit.
#[must_use]
pub fn small_cluster(random: &mut Random, nodes: u64) -> Cluster {
    let mut builder = ClusterBuilder::default();
    for place in 0..nodes {
        let node = small_node(random, &mut builder, place);
        builder.node(node);
    }
    for class in ["beta2", "beta3"] {
        if !random.one_in(12) {
            let free = bytes(random.between(4, 16));
            builder.storage(StoragePool { class: class.to_owned(), capacity: free });
        }
    }
    builder.build()
}

/// A node of a small cluster, with cards of one model or mixed ones.
fn small_node(random: &mut Random, builder: &mut ClusterBuilder, place: u64) -> Node {
    let described = random.between(1, 5);
    let mixed = random.one_in(2);
    let first = *random.one_of(&SMALL_CARDS).unwrap_or(&SMALL_CARDS[0]);
    let cards: Vec<CardId> = (0..described)
        .map(|_| {
            let kind = if mixed { *random.one_of(&SMALL_CARDS).unwrap_or(&first) } else { first };
            card(builder, kind)
        })
        .collect();
    // Occasionally a node counts more cards than it describes.
    let free = if random.one_in(8) { described + 1 } else { random.between(1, described) };
    let all = if random.one_in(3) { free } else { free.max(described) };
    let classes = ["beta2", "beta3"].into_iter().filter(|_| !random.one_in(5)).map(str::to_owned).collect();
    Node {
        name: Arc::from(format!("node{place}")),
        cpu: {
            let free = random.between(2, 9);
            Capacity { total: MilliCpu::new(free), available: MilliCpu::new(free) }
        },
        memory: bytes(random.between(2, 9)),
        ephemeral: bytes(random.between(2, 9)),
        gpus: capacity(all),
        cards,
        storage_classes: classes,
        interconnect: random.one_in(2).then(|| builder.interconnect(small_interconnect(random))),
        hcas: capacity(random.up_to(4)),
    }
}

fn small_interconnect(random: &mut Random) -> Interconnect {
    const KINDS: [(&str, &str, &[&str]); 5] = [
        ("infiniband", "rdma/ib", &["mlx5"]),
        ("infiniband", "rdma/ib", &["mlx5"]),
        ("infiniband", "rdma/ib", &["mlx5", "bnxt_re"]),
        ("roce", "rdma/eth", &["mlx5"]),
        ("infiniband", "", &[]),
    ];
    let (fabric, resource_name, prefixes) = *random.one_of(&KINDS).unwrap_or(&KINDS[0]);
    Interconnect {
        fabric: fabric.to_owned(),
        resource_name: resource_name.to_owned(),
        hca_prefixes: prefixes.iter().map(|prefix| (*prefix).to_owned()).collect(),
    }
}

/// One to three units with a few replicas, with amounts on the scale of [`small_cluster`].
#[must_use]
pub fn small_units(random: &mut Random, units: u64) -> Vec<CommittedUnit> {
    let mut made: Vec<CommittedUnit> = Vec::new();
    for id in 1..=units {
        let mut unit = match made.last() {
            // Occasionally, two services ask for the same.
            Some(last) if random.one_in(4) => last.clone(),
            _ => small_unit(random),
        };
        unit.id = u32::try_from(id).unwrap_or(u32::MAX);
        unit.count = u32::try_from(random.between(1, if units > 2 { 2 } else { 3 })).unwrap_or(1);
        made.push(unit);
    }
    made
}

fn small_unit(random: &mut Random) -> CommittedUnit {
    CommittedUnit {
        id: 1,
        count: 1,
        cpu: MilliCpu::new(if random.one_in(6) { 0 } else { random.between(1, 3) }),
        memory: Bytes::new(if random.one_in(6) { 0 } else { random.between(1, 3) }),
        gpu: if random.one_in(4) { GpuRequest::default() } else { small_request(random) },
        storage: small_volumes(random),
        interconnect: random.one_in(5).then(|| small_interconnect_request(random)),
        sidecar: if random.one_in(10) { small_sidecar() } else { Sidecar::default() },
    }
}

fn small_sidecar() -> Sidecar {
    Sidecar { cpu: MilliCpu::new(1), memory: Bytes::new(1) }
}

fn small_interconnect_request(random: &mut Random) -> InterconnectRequest {
    let label = random.one_of(&["auto", "auto", "a", ""]).copied().unwrap_or("auto").to_owned();
    let fabric = random.one_in(3).then(|| if random.one_in(2) { Fabric::Roce } else { Fabric::Infiniband });
    InterconnectRequest { label, fabric }
}

fn small_request(random: &mut Random) -> GpuRequest {
    const SELECTORS: [(&str, &str, Option<&str>, Option<&str>); 11] = [
        ("nvidia", "*", None, None),
        ("nvidia", "*", None, None),
        ("nvidia", "a100", None, None),
        ("amd", "*", None, None),
        ("nvidia", "*", Some("80Gi"), None),
        ("nvidia", "t4", None, None),
        ("nvidia", "a100", None, None),
        ("nvidia", "a100", Some("80Gi"), None),
        ("nvidia", "a100", None, Some("pcie")),
        ("nvidia", "a100", Some("40Gi"), None),
        ("nvidia", "h100", None, None),
    ];
    let alternatives = if random.one_in(20) { 0 } else { random.between(1, 2) };
    GpuRequest {
        units: if random.one_in(3) { 2 } else { 1 },
        alternatives: (0..alternatives)
            .filter_map(|_| random.one_of(&SELECTORS).copied())
            .map(|(vendor, model, ram, interface)| GpuSelector::new(vendor, model, ram, interface))
            .collect(),
        ..GpuRequest::default()
    }
}

fn small_volumes(random: &mut Random) -> Vec<(StorageClass, Bytes)> {
    const CLASSES: [&str; 5] = ["ephemeral", "ephemeral", "ram", "beta2", "beta3"];
    let volumes = if random.one_in(2) { random.up_to(2) } else { 0 };
    let volume = |_| Some((StorageClass::from_name(random.one_of(&CLASSES)?), Bytes::new(random.up_to(2))));
    (0..volumes).filter_map(volume).collect()
}

/// A case for an oracle: a small cluster and an order.
#[derive(Clone, Debug)]
pub struct Case {
    /// The cluster.
    pub cluster: Cluster,
    /// The order's units, committed.
    pub units: Vec<CommittedUnit>,
}

/// A small case from a seed.
#[must_use]
pub fn small_case(seed: u64) -> Case {
    let random = &mut Random::new(seed);
    let (nodes, units) = (random.between(1, 4), random.between(1, 3));
    Case { cluster: small_cluster(random, nodes), units: small_units(random, units) }
}

/// Small cases, for proptest.
pub fn small_cases() -> impl Strategy<Value = Case> {
    proptest::num::u64::ANY.prop_map(small_case)
}

/// A realistic cluster: nodes with one kind of card each, some mixed, some without cards, partly in use; and one `b200`
/// in the first node.
#[must_use]
pub fn real_cluster(random: &mut Random, nodes: u64) -> Cluster {
    let mut builder = ClusterBuilder::default();
    for place in 0..nodes {
        let mut cards = Vec::new();
        if !random.one_in(5) {
            let (number, kind) = *random.one_of(&REAL_CARDS).unwrap_or(&REAL_CARDS[0]);
            let (_, other) = *random.one_of(&REAL_CARDS).unwrap_or(&REAL_CARDS[0]);
            let mixed = random.one_in(10);
            for at in 0..number {
                cards.push(card(&mut builder, if mixed && at >= number / 2 { other } else { kind }));
            }
        }
        if place == 0 {
            cards = vec![card(&mut builder, ("nvidia", "b200", "192Gi", "SXM6"))];
        }
        let (cpu, memory, disk) = (random.between(16, 128) * 1000, random.between(64, 1024), random.between(200, 4000));
        let total = u64::try_from(cards.len()).unwrap_or(0);
        let left = |total: u64, random: &mut Random| random.between(total / 10, total);
        builder.node(Node {
            name: Arc::from(format!("node{place}")),
            cpu: Capacity { total: MilliCpu::new(cpu), available: MilliCpu::new(left(cpu, random)) },
            memory: Capacity { total: Bytes::new(memory * GI), available: Bytes::new(left(memory, random) * GI) },
            ephemeral: Capacity { total: Bytes::new(disk * GI), available: Bytes::new(left(disk, random) * GI) },
            gpus: Capacity { total, available: if place == 0 { 1 } else { random.up_to(total) } },
            cards,
            storage_classes: vec!["beta3".to_owned()],
            ..Node::default()
        });
    }
    builder.storage(StoragePool { class: "beta3".to_owned(), capacity: bytes(nodes * 1000 * GI) });
    builder.build()
}

/// A realistic unit: a GPU service if `gpus` is above 0, which accepts any of the alternatives.
#[must_use]
pub fn real_unit(id: u32, count: u32, gpus: u64, alternatives: &[&str]) -> CommittedUnit {
    CommittedUnit {
        id,
        count,
        cpu: MilliCpu::new(4000),
        memory: Bytes::new(8 * GI),
        gpu: GpuRequest {
            units: gpus,
            alternatives: alternatives.iter().filter_map(|key| GpuSelector::from_attribute_key(key).ok()).collect(),
            ..GpuRequest::default()
        },
        storage: vec![(StorageClass::Ephemeral, Bytes::new(20 * GI))],
        ..CommittedUnit::default()
    }
}
