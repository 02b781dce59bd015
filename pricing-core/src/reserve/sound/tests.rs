//! The sound scheduler by example. The oracle and the laws are with the test kit.

use core::cmp::Ordering;

use super::super::alternatives::alternatives;
use super::*;
use crate::budget::SearchBudget;
use crate::gpu::{GpuKind, GpuRequest, GpuSelector};
use crate::inventory::{Capacity, ClusterBuilder, DescribedCard, Node, StoragePool};
use crate::order::StorageClass;
use crate::quantity::{Bytes, MilliCpu};
use crate::reserve::{KindOrder, Prefer};

const GI: u64 = 1 << 30;

/// A cluster of nodes with 64 threads, 64 GiB of memory, 1 TiB of disk and the class `beta3`, of which 100 GiB are
/// left. Each node has the number of its cards that are free, and the cards as `vendor name ram interface`.
fn cluster(nodes: &[(u64, &[&str])]) -> Cluster {
    let mut builder = ClusterBuilder::default();
    let bytes = |bytes| Capacity { total: Bytes::new(bytes), available: Bytes::new(bytes) };
    for (place, (free, cards)) in nodes.iter().enumerate() {
        let card = |words: &&str| {
            let words: Vec<String> = words.split(' ').map(str::to_owned).collect();
            let [vendor, name, memory_size, interface] = words.try_into().unwrap();
            builder.card(DescribedCard { vendor, name, interface, memory_size })
        };
        let cards: Vec<_> = cards.iter().map(card).collect();
        builder.node(Node {
            name: format!("node{}", place.saturating_add(1)).into(),
            cpu: Capacity { total: MilliCpu::new(64_000), available: MilliCpu::new(64_000) },
            memory: bytes(64 * GI),
            ephemeral: bytes(1024 * GI),
            gpus: Capacity { total: u64::try_from(cards.len()).unwrap(), available: *free },
            cards,
            storage_classes: vec!["beta3".to_owned()],
            ..Node::default()
        });
    }
    builder.storage(StoragePool { class: "beta3".to_owned(), capacity: bytes(100 * GI) });
    builder.build()
}

const T4: &str = "nvidia t4 16Gi PCIe";
const A100_40: &str = "nvidia a100 40Gi PCIe";
const A100_80: &str = "nvidia a100 80Gi SXM4";
const H100: &str = "nvidia h100 80Gi SXM5";
const MI210: &str = "amd mi210 64Gi PCIe";
const ANY: &str = "vendor/nvidia/model/*";

fn asks(id: u32, count: u32, gpus: u64, keys: &[&str]) -> CommittedUnit {
    let alternatives = keys.iter().map(|key| GpuSelector::from_attribute_key(key).unwrap()).collect();
    CommittedUnit {
        id,
        count,
        cpu: MilliCpu::new(1000),
        memory: Bytes::new(GI),
        gpu: GpuRequest { units: gpus, alternatives, ..GpuRequest::default() },
        storage: vec![(StorageClass::Ephemeral, Bytes::new(GI))],
        ..CommittedUnit::default()
    }
}

fn answer(units: &[CommittedUnit], cluster: &Cluster) -> Result<Vec<String>, ReserveError> {
    reserve(units, cluster, &Budget::default()).map(|reservation| described(&reservation, cluster))
}

/// Each target as `nodes -> attribute [kinds by node]`.
fn described(reservation: &Reservation, cluster: &Cluster) -> Vec<String> {
    let target = |target: &crate::reserve::Target| {
        let nodes: Vec<&str> = target.nodes().map(|id| &*cluster.node(id).unwrap().name).collect();
        let kinds = target.placements.iter().map(|placement| {
            let kinds = target.kinds(cluster, placement);
            kinds.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ")
        });
        let kinds: Vec<String> = kinds.collect();
        let attribute = target.gpu_attribute.as_deref().unwrap_or("none");
        format!("{} -> {attribute} [{}]", nodes.join(" "), kinds.join("; "))
    };
    reservation.targets.iter().map(target).collect()
}

fn refusal(units: &[CommittedUnit], cluster: &Cluster) -> String {
    match answer(units, cluster) {
        Err(ReserveError::InsufficientCapacity(shortage)) => shortage.message,
        other => panic!("{other:?}"),
    }
}

#[test]
fn fault_1_the_card_is_known_with_its_ram_and_interface() {
    let cluster = cluster(&[(1, &[A100_40]), (1, &[A100_80])]);
    let plain = asks(1, 1, 1, &["vendor/nvidia/model/a100"]);
    assert_eq!(answer(&[plain], &cluster).unwrap(), ["node1 -> vendor/nvidia/model/a100 [nvidia/a100/40Gi/pcie]"]);
    let named = asks(1, 1, 1, &["vendor/nvidia/model/a100/ram/80Gi"]);
    let expected = "node2 -> vendor/nvidia/model/a100/ram/80Gi [nvidia/a100/80Gi/sxm]";
    assert_eq!(answer(&[named], &cluster).unwrap(), [expected]);
}

#[test]
fn fault_2_each_replica_has_described_cards_of_its_own() {
    let cluster = cluster(&[(3, &[T4, T4, H100])]);
    let units = [asks(1, 1, 1, &["vendor/nvidia/model/h100"]), asks(2, 1, 1, &["vendor/nvidia/model/h100"])];
    let problem = refusal(&units, &cluster);
    assert!(problem.starts_with("the replica of resource unit 1 cannot be placed beside the other"), "{problem}");
    let units = [asks(1, 1, 1, &["vendor/nvidia/model/h100"]), asks(2, 1, 2, &["vendor/nvidia/model/t4"])];
    let expected = [
        "node1 -> vendor/nvidia/model/h100 [nvidia/h100/80Gi/sxm]",
        "node1 -> vendor/nvidia/model/t4 [nvidia/t4/16Gi/pcie]",
    ];
    assert_eq!(answer(&units, &cluster).unwrap(), expected);
}

#[test]
fn fault_3_a_failed_attempt_narrows_nothing() {
    // The first node has a t4 to give, but no room: the second has an h100 and room.
    let mut unit = asks(1, 2, 1, &[ANY]);
    unit.memory = Bytes::new(40 * GI);
    let cluster = cluster(&[(1, &[T4]), (1, &[H100]), (1, &[H100])]);
    assert_eq!(
        answer(&[unit], &cluster).unwrap(),
        ["node2 node3 -> vendor/nvidia/model/h100 [nvidia/h100/80Gi/sxm; nvidia/h100/80Gi/sxm]"]
    );
}

#[test]
fn fault_4_every_card_that_may_be_handed_out_is_listed() {
    let cluster = cluster(&[(2, &[MI210, T4, H100, T4])]);
    let expected = ["node1 -> vendor/nvidia/model/t4 [nvidia/t4/16Gi/pcie or nvidia/h100/80Gi/sxm]"];
    assert_eq!(answer(&[asks(1, 2, 1, &[ANY])], &cluster).unwrap().len(), 1);
    assert_eq!(answer(&[asks(1, 1, 1, &[ANY])], &cluster).unwrap(), expected);
    // Cards of another vendor are another resource of Kubernetes'.
    let either = asks(1, 1, 1, &["vendor/amd/model/*", ANY]);
    assert_eq!(answer(&[either], &cluster).unwrap(), ["node1 -> vendor/amd/model/mi210 [amd/mi210/64Gi/pcie]"]);
}

#[test]
fn fault_5a_cards_are_not_counted_again_for_each_replica() {
    let cluster = cluster(&[(4, &[T4, T4, T4, H100])]);
    let problem = refusal(&[asks(7, 3, 1, &["vendor/nvidia/model/h100"])], &cluster);
    assert_eq!(
        problem,
        "1 of the 3 replicas of resource unit 7 can be placed; a replica needs 1000m CPU, 1Gi of memory, 1Gi of \
         `ephemeral` storage, 1 GPU (`nvidia/h100`)"
    );
}

#[test]
fn a_unit_has_one_model_and_may_mix_its_variants() {
    let cluster = cluster(&[(1, &[A100_40]), (1, &[H100]), (1, &[A100_80])]);
    let expected = "node1 node3 -> vendor/nvidia/model/a100 [nvidia/a100/40Gi/pcie; nvidia/a100/80Gi/sxm]";
    assert_eq!(answer(&[asks(1, 2, 1, &[ANY])], &cluster).unwrap(), [expected]);
    let alternatives = ["vendor/nvidia/model/a100/ram/40Gi", "vendor/nvidia/model/a100/ram/80Gi"];
    assert_eq!(answer(&[asks(1, 2, 1, &alternatives)], &cluster).unwrap(), [expected]);
    assert!(refusal(&[asks(1, 3, 1, &[ANY])], &cluster).starts_with("2 of the 3 replicas"));
}

#[test]
fn a_later_unit_is_not_starved_by_a_wildcard() {
    let cluster = cluster(&[(1, &[H100]), (1, &[T4])]);
    let units = [asks(1, 1, 1, &["vendor/nvidia/model/h100"]), asks(2, 1, 1, &[ANY])];
    let expected = [
        "node1 -> vendor/nvidia/model/h100 [nvidia/h100/80Gi/sxm]",
        "node2 -> vendor/nvidia/model/t4 [nvidia/t4/16Gi/pcie]",
    ];
    assert_eq!(answer(&units, &cluster).unwrap(), expected);
}

#[test]
fn variants_are_shared_out_so_that_each_unit_has_its_own() {
    // The unit that takes either variant must leave the 80Gi card to the one that needs it, on the one node there is.
    let cluster = cluster(&[(2, &[A100_80, A100_40])]);
    let eighty = "vendor/nvidia/model/a100/ram/80Gi";
    let both = asks(2, 1, 1, &["vendor/nvidia/model/a100"]);
    assert!(answer(&[asks(1, 1, 1, &[eighty]), both.clone()], &cluster).is_ok());
    assert!(refusal(&[asks(1, 2, 1, &[eighty]), both], &cluster).starts_with("1 of the 2 replicas"));
}

#[test]
fn cards_that_are_counted_and_not_described_are_nobodys() {
    let mut cluster = cluster(&[(1, &[T4])]);
    assert!(answer(&[asks(1, 1, 1, &[ANY])], &cluster).is_ok());
    assert!(answer(&[asks(1, 2, 1, &[ANY])], &cluster).is_err());
    cluster = self::cluster(&[(0, &[T4])]);
    assert!(answer(&[asks(1, 1, 1, &[ANY])], &cluster).is_err());
    cluster = self::cluster(&[(4, &[])]);
    assert!(answer(&[asks(1, 1, 1, &[])], &cluster).is_err());
}

#[test]
fn volumes_count_where_they_live() {
    let cluster = cluster(&[(0, &[]), (0, &[])]);
    let with = |class: &str, size: u64, count: u32| {
        let mut unit = asks(1, count, 0, &[]);
        unit.storage = vec![(StorageClass::from_name(class), Bytes::new(size))];
        unit
    };
    assert!(answer(&[with("ram", 63 * GI, 2)], &cluster).is_ok());
    assert!(answer(&[with("ram", 64 * GI, 1)], &cluster).is_err());
    assert!(answer(&[with("beta3", 50 * GI, 2)], &cluster).is_ok());
    let over = refusal(&[with("beta3", 50 * GI, 2), with("beta3", 1, 1)], &cluster);
    assert_eq!(over, "107374182401 bytes of storage class `beta3` is asked for and 100Gi is left");
    let unknown = refusal(&[with("beta1", GI, 1)], &cluster);
    assert_eq!(unknown, "the cluster has no storage of class `beta1`, and 1Gi is asked for");
    assert!(answer(&[with("beta1", 0, 1)], &cluster).is_ok());
    let beyond = refusal(&[CommittedUnit { memory: Bytes::new(u64::MAX), ..with("ram", 1, 1) }], &cluster);
    assert_eq!(beyond, "a replica of resource unit 1 asks for more than 16Ei");
}

#[test]
fn alternatives_are_one_for_each_set_of_kinds() {
    let cluster = cluster(&[(1, &[T4]), (1, &[H100]), (1, &[T4]), (2, &[A100_40, A100_80])]);
    let found = alternatives(&[asks(1, 1, 1, &[ANY])], &cluster, Preference::Order, &Budget::default()).unwrap();
    assert!(found.complete);
    let found: Vec<String> = found.reservations.iter().flat_map(|one| described(one, &cluster)).collect();
    let expected = [
        "node1 -> vendor/nvidia/model/t4 [nvidia/t4/16Gi/pcie]",
        "node4 -> vendor/nvidia/model/a100 [nvidia/a100/40Gi/pcie or nvidia/a100/80Gi/sxm]",
        "node2 -> vendor/nvidia/model/h100 [nvidia/h100/80Gi/sxm]",
    ];
    assert_eq!(found, expected);
    // Two services: what one takes the other cannot have.
    let units = [asks(1, 1, 1, &["vendor/nvidia/model/h100"]), asks(2, 1, 1, &[ANY])];
    let found = alternatives(&units, &cluster, Preference::Order, &Budget::default()).unwrap();
    assert_eq!(found.reservations.len(), 2);
}

#[test]
fn very_many_units_neither_hang_nor_overflow() {
    let cluster = cluster(&[(1, &[T4]), (2, &[H100, T4])]);
    let units: Vec<CommittedUnit> = (1..=1_000).map(|id| asks(id, 1, u64::from(id % 2), &[ANY])).collect();
    assert!(answer(&units, &cluster).is_err());
    // What takes nothing always fits.
    let free = |id| CommittedUnit { id, count: 1, ..CommittedUnit::default() };
    assert_eq!(answer(&(1..=1_000).map(free).collect::<Vec<_>>(), &cluster).unwrap().len(), 1_000);
}

/// Kinds in the order of their names, in place of a rate card.
#[derive(Debug)]
struct ByName;

impl KindOrder for ByName {
    fn compare(&self, one: &GpuKind, other: &GpuKind) -> Ordering {
        one.to_string().cmp(&other.to_string())
    }
}

fn preferred(units: &[CommittedUnit], cluster: &Cluster, prefer: Prefer) -> Vec<String> {
    let reservation = reserve_by(units, cluster, prefer.by(&ByName), &Budget::default()).unwrap();
    described(&reservation, cluster).iter().map(|line| line.split(' ').next().unwrap().to_owned()).collect()
}

#[test]
fn a_preference_decides_between_models_that_fit() {
    let cluster = cluster(&[(8, &[T4; 8]), (8, &[A100_80; 8]), (2, &[H100; 8])]);
    let any = [asks(1, 1, 1, &[ANY])];
    assert_eq!(preferred(&any, &cluster, Prefer::Order), ["node1"]);
    assert_eq!(preferred(&any, &cluster, Prefer::Cheapest), ["node2"]);
    // One card stays free beside it, and seven on the other nodes.
    assert_eq!(preferred(&any, &cluster, Prefer::Packing), ["node3"]);
    // A model that is named leaves no choice.
    let t4 = [asks(1, 1, 1, &["vendor/nvidia/model/t4"])];
    for prefer in Prefer::ALL {
        assert_eq!(preferred(&t4, &cluster, *prefer), ["node1"], "{prefer:?}");
    }
    // What does not fit is not preferred.
    let many = [asks(1, 1, 4, &[ANY])];
    assert_eq!(preferred(&many, &cluster, Prefer::Packing), ["node1"]);
}

#[test]
fn a_preference_yields_where_the_order_would_not_fit() {
    // The second unit is placed first, and would take the card that only the first one can use.
    let cluster = cluster(&[(1, &[T4]), (1, &[A100_80])]);
    let units = [asks(1, 1, 1, &["vendor/nvidia/model/a100"]), asks(2, 1, 1, &[ANY])];
    for prefer in Prefer::ALL {
        assert_eq!(preferred(&units, &cluster, *prefer), ["node2", "node1"], "{prefer:?}");
    }
}

#[test]
fn the_dearest_variant_of_a_model_counts() {
    let cluster = cluster(&[(4, &[A100_40, A100_40, A100_80, A100_80]), (1, &["nvidia a2 16Gi PCIe"])]);
    // `a2` comes after both variants of `a100`, and `a100/80Gi` comes after `a100/40Gi`.
    assert_eq!(preferred(&[asks(1, 1, 1, &[ANY])], &cluster, Prefer::Cheapest), ["node1"]);
    #[derive(Debug)]
    struct Between;
    impl KindOrder for Between {
        fn compare(&self, one: &GpuKind, other: &GpuKind) -> Ordering {
            let rank = |kind: &GpuKind| match (kind.model(), kind.ram()) {
                ("a100", Some("40Gi")) => 1,
                ("a2", _) => 2,
                _ => 3,
            };
            rank(one).cmp(&rank(other))
        }
    }
    let by = Prefer::Cheapest.by(&Between);
    let reservation = reserve_by(&[asks(1, 1, 1, &[ANY])], &cluster, by, &Budget::default()).unwrap();
    assert!(described(&reservation, &cluster)[0].starts_with("node2 "));
    // Where the order names the cheap variant, only that one counts.
    let named = [asks(1, 1, 1, &["vendor/nvidia/model/a100/ram/40Gi", "vendor/nvidia/model/a2"])];
    let reservation = reserve_by(&named, &cluster, by, &Budget::default()).unwrap();
    assert!(described(&reservation, &cluster)[0].starts_with("node1 "));
}

#[test]
fn a_preference_that_is_too_hard_to_follow_costs_no_placement() {
    let cluster = cluster(&[(8, &[T4; 8]), (8, &[A100_80; 8]), (2, &[H100; 8])]);
    let any = [asks(1, 1, 1, &[ANY])];
    let places = |prefer: Prefer, steps| {
        let budget = Budget::new(SearchBudget { steps });
        reserve_by(&any, &cluster, prefer.by(&ByName), &budget).is_ok()
    };
    let least = (0..10_000).find(|steps| places(Prefer::Order, *steps)).unwrap();
    for prefer in Prefer::ALL {
        assert!(places(*prefer, least) && !places(*prefer, least - 1), "{prefer:?}");
    }
}
