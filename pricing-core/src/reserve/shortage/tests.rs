use crate::gpu::{GpuRequest, GpuSelector};
use crate::inventory::{Capacity, Cluster, ClusterBuilder, DescribedCard, Node, StoragePool};
use crate::order::StorageClass;
use crate::quantity::{Bytes, MilliCpu};
use crate::reserve::{CommittedUnit, Scheduler};

use super::{Shortage, explain};

const GI: u64 = 1 << 30;

/// A node: free threads, free GiB of memory, free cards, and its cards by model.
type Asset<'a> = (u64, u64, u64, &'a [&'a str]);

fn cluster(nodes: &[Asset<'_>]) -> Cluster {
    let mut builder = ClusterBuilder::default();
    let bytes = |gib: u64| Capacity { total: Bytes::new(64 * GI), available: Bytes::new(gib.saturating_mul(GI)) };
    for (index, (threads, gib, free, models)) in nodes.iter().enumerate() {
        let cards = models.iter().map(|name| {
            builder.card(DescribedCard {
                vendor: "nvidia".to_owned(),
                name: (*name).to_owned(),
                interface: "PCIe".to_owned(),
                memory_size: "16Gi".to_owned(),
            })
        });
        let cards: Vec<_> = cards.collect();
        builder.node(Node {
            name: format!("n{}", index.saturating_add(1)).into(),
            cpu: Capacity {
                total: MilliCpu::new(64_000),
                available: MilliCpu::new(threads.saturating_mul(1000).saturating_add(500)),
            },
            memory: bytes(*gib),
            ephemeral: bytes(64),
            gpus: Capacity { total: u64::try_from(cards.len()).unwrap(), available: *free },
            cards,
            storage_classes: if index == 0 { vec!["beta3".to_owned()] } else { Vec::new() },
            ..Node::default()
        });
    }
    builder.storage(StoragePool { class: "beta3".to_owned(), capacity: bytes(10) });
    builder.build()
}

fn asks(count: u32, threads: u64, gib: u64, gpus: u64, models: &[&str]) -> CommittedUnit {
    let selector = |model: &&str| GpuSelector::new("nvidia", model, None, None);
    CommittedUnit {
        id: 1,
        count,
        cpu: MilliCpu::new(threads.saturating_mul(1000)),
        memory: Bytes::new(gib.saturating_mul(GI)),
        gpu: GpuRequest { units: gpus, alternatives: models.iter().map(selector).collect(), ..GpuRequest::default() },
        storage: vec![(StorageClass::Ephemeral, Bytes::new(GI))],
        ..CommittedUnit::default()
    }
}

fn told(units: &[CommittedUnit], nodes: &[Asset<'_>]) -> Shortage {
    let known = Shortage::of_cluster("only the scheduler knows".to_owned());
    explain(units, &cluster(nodes), Scheduler::Sound, known)
}

fn message(unit: CommittedUnit, nodes: &[Asset<'_>]) -> String {
    told(&[unit], nodes).message
}

const T4S: &[&str] = &["t4", "t4", "t4", "t4"];

#[test]
fn fragmentation_and_exhaustion_do_not_read_alike() {
    let unit = || asks(1, 1, 1, 4, &["t4"]);
    let nodes = |free: [u64; 4]| free.map(|free| (8, 8, free, T4S));
    assert_eq!(
        message(unit(), &nodes([2, 2, 2, 2])),
        "resource unit 1: 4 cards of t4 on one node: 8 are free, but no node has more than 2"
    );
    assert_eq!(message(unit(), &nodes([2, 1, 0, 0])), "resource unit 1: 4 cards of t4 are asked for and 3 are free");
    assert_eq!(message(unit(), &nodes([0, 1, 0, 0])), "resource unit 1: 4 cards of t4 are asked for and 1 is free");
    assert_eq!(message(unit(), &nodes([0; 4])), "resource unit 1: no card of t4 is free, of 16 that there are");
    assert_eq!(message(asks(1, 1, 1, 1, &["a100"]), &nodes([4; 4])), "resource unit 1: no node has a card of a100");
}

#[test]
fn what_the_nodes_with_free_cards_lack_is_named() {
    let nodes = [(8, 8, 0, T4S), (1, 8, 4, T4S)];
    let shortage = told(&[asks(1, 4, 2, 2, &["t4"])], &nodes);
    assert_eq!(shortage.message, "resource unit 1: cards are free on n2, which has 1.5 of 4 threads left");
    let lacks: Vec<String> = shortage
        .nodes
        .iter()
        .flat_map(|node| node.lacks.iter().map(move |lack| (node, lack)))
        .map(|(node, lack)| format!("{} {} {} {:?}", node.node, lack.resource.name(), lack.asked, lack.free))
        .collect();
    assert_eq!(lacks, [r#"n1 gpu 2 Some("0")"#, r#"n2 cpu 4 Some("1.5")"#]);
    assert_eq!(shortage.nodes_left_out, 0);
    let both = message(asks(1, 4, 9, 2, &["t4"]), &nodes);
    let words = "cards are free on n2, which has 1.5 of 4 threads left, and 8 of 9 GiB of memory left";
    assert_eq!(both, format!("resource unit 1: {words}"));
}

#[test]
fn replicas_before_the_one_that_fits_nowhere_are_in_their_places() {
    let nodes = [(8, 8, 4, T4S), (8, 8, 1, T4S)];
    let shortage = told(&[asks(4, 1, 1, 2, &["t4"])], &nodes);
    assert_eq!(shortage.message, "replica 3 of 4 of resource unit 1: 2 cards of t4 are asked for and 1 is free");
    let spread = [(8, 8, 3, T4S), (8, 8, 3, T4S)];
    assert_eq!(
        message(asks(3, 1, 1, 2, &["t4"]), &spread),
        "replica 3 of 3 of resource unit 1: 2 cards of t4 on one node: 2 are free, but no node has more than 1"
    );
}

#[test]
fn replicas_get_cards_of_one_model() {
    let nodes: [Asset<'_>; 2] = [(8, 8, 2, &["t4", "t4"]), (8, 8, 1, &["p40"])];
    let words = "no card of t4 is free, of 2 that there are; all replicas of a resource unit get cards of one model";
    assert_eq!(
        message(asks(3, 1, 1, 1, &["t4", "p40"]), &nodes),
        format!("replica 3 of 3 of resource unit 1: {words}")
    );
    // Two cards of one node are of two models.
    let mixed: [Asset<'_>; 1] = [(8, 8, 2, &["t4", "p40"])];
    assert_eq!(
        message(asks(1, 1, 1, 2, &["t4", "p40"]), &mixed),
        "resource unit 1: 2 cards of t4 or p40 are asked for and 1 is free"
    );
}

#[test]
fn cards_of_a_mixed_node_are_given_once() {
    // One of the two free cards may be the t4, which is the only one.
    let nodes: [Asset<'_>; 2] = [(8, 8, 3, T4S), (8, 8, 2, &["t4", "a100"])];
    assert_eq!(
        message(asks(6, 1, 1, 1, &["t4"]), &nodes),
        "replica 5 of 6 of resource unit 1: no card of t4 is free, of 5 that there are"
    );
}

#[test]
fn threads_memory_and_storage_are_named_without_cards_too() {
    let nodes: [Asset<'_>; 2] = [(3, 8, 0, &[]), (5, 2, 0, &[])];
    let unit = |threads, gib| asks(1, threads, gib, 0, &[]);
    assert_eq!(
        message(unit(8, 1), &nodes),
        "resource unit 1: 8 threads on one node: 9 are free, but no node has more than 5.5"
    );
    assert_eq!(message(unit(20, 1), &nodes), "resource unit 1: 20 threads are asked for and 9 are free");
    assert_eq!(
        message(unit(5, 4), &nodes),
        "resource unit 1: no node has room for all of it; n1 is nearest, and has 3.5 of 5 threads left"
    );
    let volume = |class: &str, gib: u64| {
        let storage = vec![(StorageClass::Persistent(class.into()), Bytes::new(gib * GI))];
        CommittedUnit { storage, ..unit(1, 1) }
    };
    assert_eq!(message(volume("beta1", 1), &nodes), "resource unit 1: no node has storage of class `beta1`");
    assert_eq!(
        message(volume("beta3", 11), &nodes),
        "resource unit 1: 11 GiB of storage class `beta3` are asked for and 10 are free"
    );
}

#[test]
fn where_one_by_one_they_fit_the_schedulers_own_words_stay() {
    assert_eq!(message(asks(1, 1, 1, 1, &["t4"]), &[(8, 8, 4, T4S)]), "only the scheduler knows");
}

#[test]
fn a_hundred_nodes_are_told_and_the_others_counted() {
    let nodes = vec![(8, 8, 0, T4S); 130];
    let shortage = told(&[asks(1, 1, 1, 1, &["t4"])], &nodes);
    assert_eq!((shortage.nodes.len(), shortage.nodes_left_out), (100, 30));
}
