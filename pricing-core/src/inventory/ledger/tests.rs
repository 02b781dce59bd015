#![expect(clippy::arithmetic_side_effects, reason = "a test that overflows has failed")]

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;

use super::super::{Capacity, ClusterBuilder, DescribedCard, Index, StoragePool};
use super::*;

fn capacity<T: Copy>(total: T) -> Capacity<T> {
    Capacity { total, available: total }
}

fn cluster(nodes: &[Vec<u8>]) -> Cluster {
    let mut builder = ClusterBuilder::default();
    for (place, models) in nodes.iter().enumerate() {
        let describe = |model: &u8| DescribedCard {
            vendor: "nvidia".to_owned(),
            name: format!("model{}", model % 3),
            interface: if model.is_multiple_of(2) { "PCIe" } else { "SXM4" }.to_owned(),
            memory_size: String::new(),
        };
        let cards: Vec<CardId> = models.iter().map(|model| builder.card(describe(model))).collect();
        builder.node(Node {
            name: Arc::from(format!("node{place}")),
            cpu: capacity(MilliCpu::new(1000)),
            memory: capacity(Bytes::new(1000)),
            ephemeral: capacity(Bytes::new(1000)),
            gpus: capacity(u64::try_from(cards.len()).unwrap()),
            cards,
            storage_classes: vec!["beta3".to_owned()],
            ..Node::default()
        });
    }
    builder.storage(StoragePool { class: "beta3".to_owned(), capacity: capacity(Bytes::new(1000)) });
    builder.leased_ips(5);
    builder.build()
}

/// The cluster that leases leave, rebuilt from scratch.
fn rebuilt(start: &Cluster, leases: &[Lease]) -> Cluster {
    let mut cluster = start.clone();
    let mut kept = BTreeMap::new();
    for (place, node) in cluster.nodes.iter_mut().enumerate() {
        let mut cards = node.cards.clone();
        let here = leases.iter().flat_map(Lease::nodes).filter(|(id, _)| id.place() == place);
        for (_, taken) in here {
            node.cpu.available = MilliCpu::new(node.cpu.available.get() - taken.cpu);
            node.memory.available = Bytes::new(node.memory.available.get() - taken.memory);
            node.ephemeral.available = Bytes::new(node.ephemeral.available.get() - taken.ephemeral);
            node.gpus.available -= taken.gpus;
            for card in taken.cards() {
                // Of cards of one description the last are the first to go.
                let at = cards.iter().rposition(|known| *known == card).unwrap();
                cards.remove(at);
            }
        }
        if cards != node.cards {
            kept.insert(place, cards);
        }
    }
    for lease in leases {
        for (_, bytes) in &lease.storage {
            let pool = &mut cluster.storage[0].capacity;
            pool.available = Bytes::new(pool.available.get() - bytes);
        }
        cluster.leased_ips = cluster.leased_ips.map(|free| free - lease.leased_ips);
    }
    cluster.index = Index::new(&cluster.nodes, &cluster.cards, kept);
    cluster
}

fn held(node: usize, amounts: (u64, u64), kinds: &[u8], cards: u64, storage: u64) -> HeldCapacity {
    let kind = |model: &u8| {
        let interface = if model.is_multiple_of(2) { "pcie" } else { "sxm" };
        format!("nvidia/model{}/*/{interface}", model % 3)
    };
    HeldCapacity {
        node: format!("node{node}"),
        cpu: amounts.0,
        memory: amounts.1,
        gpus: cards,
        cards: vec![HeldCards { kinds: kinds.iter().map(kind).collect(), count: cards }],
        storage: BTreeMap::from([("beta3".to_owned(), storage)]),
        leased_ips: 1,
        ..HeldCapacity::default()
    }
}

proptest! {
    #[test]
    fn at_every_moment_the_cluster_is_what_the_leases_leave(
        nodes in proptest::collection::vec(proptest::collection::vec(0_u8..6, 0..6), 1..4),
        steps in proptest::collection::vec(
            (any::<bool>(), 0_usize..4, (0_u64..600, 0_u64..600), proptest::collection::vec(0_u8..6, 1..4), 0_u64..4, 0_u64..400, any::<usize>()),
            1..30,
        ),
    ) {
        let start = cluster(&nodes);
        let mut ledger = Ledger::new(start.clone());
        let mut leases: Vec<Lease> = Vec::new();
        for (take, node, amounts, kinds, cards, storage, random) in steps {
            if take || leases.is_empty() {
                let before = ledger.cluster().clone();
                match ledger.take(&[held(node, amounts, &kinds, cards, storage)], |count| random % count) {
                    Ok(lease) => leases.push(lease),
                    Err(_) => prop_assert_eq!(ledger.cluster(), &before),
                }
            } else {
                let lease = leases.swap_remove(random % leases.len());
                ledger.release(lease);
            }
            prop_assert_eq!(ledger.cluster(), &rebuilt(&start, &leases));
            prop_assert_eq!(ledger.utilisation(), &Utilisation::of(ledger.cluster()));
        }
        for lease in leases {
            ledger.release(lease);
        }
        prop_assert_eq!(ledger.cluster(), &start);
    }
}

#[test]
fn a_card_that_only_one_can_have_is_not_handed_to_another() {
    let mut ledger = Ledger::new(cluster(&[vec![0, 1]]));
    // The first may have either card, the second only that which the first is offered first.
    let mut both = held(0, (1, 1), &[0, 1], 1, 0);
    both.cards.push(HeldCards { kinds: vec!["nvidia/model0/*/pcie".to_owned()], count: 1 });
    both.gpus = 2;
    let lease = ledger.take(&[both], |_| 0).unwrap();
    assert_eq!(lease.nodes()[0].1.cards().count(), 2);
}

#[test]
fn what_is_not_there_is_not_taken() {
    let mut ledger = Ledger::new(cluster(&[vec![0]]));
    let mut error = |held: HeldCapacity| ledger.take(&[held], |_| 0).unwrap_err();
    assert_eq!(error(held(1, (1, 1), &[0], 0, 0)), LeaseError::UnknownNode("node1".to_owned()));
    let short = |what| LeaseError::Short { node: "node0".to_owned(), what };
    assert_eq!(error(held(0, (1001, 1), &[0], 0, 0)), short("CPU"));
    assert_eq!(error(held(0, (1, 1001), &[0], 0, 0)), short("memory"));
    assert_eq!(error(held(0, (1, 1), &[0], 2, 0)), short("GPUs"));
    assert_eq!(error(held(0, (1, 1), &[1], 1, 0)), short("cards of the kind"));
    assert_eq!(error(held(0, (1, 1), &[0], 0, 1001)), LeaseError::Storage("beta3".to_owned()));
    let ips = HeldCapacity { leased_ips: 6, ..held(0, (1, 1), &[0], 0, 0) };
    assert_eq!(error(ips), LeaseError::LeasedIps);
}

#[test]
fn the_last_cards_are_taken_for_those_that_a_snapshot_shows_in_use() {
    let mut start = cluster(&[vec![0, 1, 2]]);
    start.nodes[0].gpus.available = 1;
    start.index = Index::new(&start.nodes, &start.cards, BTreeMap::new());
    let mut ledger = Ledger::new(start);
    assert_eq!(ledger.cluster().cards_to_give(0), &ledger.cluster().nodes()[0].cards[..1]);
    let error = ledger.take(&[held(0, (1, 1), &[1], 1, 0)], |_| 0).unwrap_err();
    assert_eq!(error, LeaseError::Short { node: "node0".to_owned(), what: "cards of the kind" });
    let lease = ledger.take(&[held(0, (1, 1), &[0], 1, 0)], |_| 0).unwrap();
    assert!(ledger.cluster().cards_to_give(0).is_empty());
    ledger.release(lease);
    assert_eq!(ledger.cluster().cards_to_give(0).len(), 1);
}
