use super::*;
use crate::inventory::{Capacity, ClusterBuilder, DescribedCard};
use crate::quantity::MilliCpu;

const GI: u64 = 1 << 30;

/// A cluster for tests: each node has 64 threads, 256 GiB, 1 TiB of disk, and the classes `beta2` and `beta3`.
#[derive(Default)]
pub(super) struct Build(ClusterBuilder);

impl Build {
    /// A node with these cards, all of them free; each `name interface ram`.
    fn node(self, name: &str, cards: &[&str]) -> Self {
        self.node_with(name, cards, u64::try_from(cards.len()).unwrap(), 256 * GI)
    }

    pub(super) fn node_with(mut self, name: &str, cards: &[&str], free: u64, memory: u64) -> Self {
        let cards = cards
            .iter()
            .map(|card| {
                let words: Vec<&str> = card.split(' ').collect();
                let vendor = if words[0].starts_with("mi") { "amd" } else { "nvidia" };
                let [name, interface, memory_size] = [words[0], words[1], words[2]].map(str::to_owned);
                self.0.card(DescribedCard { vendor: vendor.to_owned(), name, interface, memory_size })
            })
            .collect::<Vec<_>>();
        let bytes = |bytes| Capacity { total: Bytes::new(bytes), available: Bytes::new(bytes) };
        self.0.node(Node {
            name: name.into(),
            cpu: Capacity { total: MilliCpu::new(64_000), available: MilliCpu::new(64_000) },
            memory: bytes(memory),
            ephemeral: bytes(1024 * GI),
            gpus: Capacity { total: u64::try_from(cards.len()).unwrap(), available: free },
            cards,
            storage_classes: vec!["beta2".to_owned(), "beta3".to_owned()],
            ..Node::default()
        });
        self
    }

    pub(super) fn pool(mut self, class: &str, size: u64) -> Self {
        let capacity = Capacity { total: Bytes::new(size), available: Bytes::new(size) };
        self.0.storage(crate::inventory::StoragePool { class: class.to_owned(), capacity });
        self
    }

    pub(super) fn build(self) -> Cluster {
        self.0.build()
    }
}

const T4: &str = "t4 PCIe 16Gi";
const A100: &str = "a100 PCIe 40Gi";
const A100_80: &str = "a100 SXM4 80Gi";
const H100: &str = "h100 SXM5 80Gi";

/// Some replicas with one thread, 1 GiB, and a number of cards of these kinds.
pub(super) fn asks(id: u32, count: u32, gpus: u64, keys: &[&str]) -> CommittedUnit {
    let alternatives = keys.iter().map(|key| GpuSelector::from_attribute_key(key).unwrap()).collect();
    let gpu = GpuRequest { units: gpus, alternatives, ..GpuRequest::default() };
    let storage = vec![(StorageClass::Ephemeral, Bytes::new(GI))];
    CommittedUnit {
        id,
        count,
        cpu: MilliCpu::new(1000),
        memory: Bytes::new(GI),
        gpu,
        storage,
        ..CommittedUnit::default()
    }
}

/// The first unit's nodes, replica by replica, and its attribute.
fn placed(units: &[CommittedUnit], cluster: &Cluster) -> (Vec<String>, Option<String>) {
    let reservation = reserve(units, cluster).unwrap();
    let target = &reservation.targets[0];
    (target.nodes().map(|id| cluster.node(id).unwrap().name.to_string()).collect(), target.gpu_attribute.clone())
}

fn kinds(units: &[CommittedUnit], cluster: &Cluster) -> Vec<Vec<String>> {
    let reservation = reserve(units, cluster).unwrap();
    let target = &reservation.targets[0];
    let kinds = |placement| target.kinds(cluster, placement).iter().map(ToString::to_string).collect();
    target.placements.iter().map(kinds).collect()
}

fn refusal(units: &[CommittedUnit], cluster: &Cluster) -> String {
    match reserve(units, cluster) {
        Err(ReserveError::InsufficientCapacity(shortage)) => shortage.message,
        other => panic!("{other:?}"),
    }
}

const ANY: &str = "vendor/nvidia/model/*";

#[test]
fn fault_1_the_attribute_names_ram_and_interface_only_when_the_tenant_did() {
    let cluster = Build::default().node("n1", &[A100, A100_80, H100]).build();
    let cases: &[(&[&str], &str)] = &[
        (&["vendor/nvidia/model/a100"], "vendor/nvidia/model/a100"),
        (&["vendor/nvidia/model/a100/ram/80Gi"], "vendor/nvidia/model/a100/ram/80Gi"),
        (&["vendor/nvidia/model/a100/interface/sxm"], "vendor/nvidia/model/a100/interface/sxm"),
        (&["vendor/nvidia/model/*/ram/80Gi/interface/sxm"], "vendor/nvidia/model/a100/ram/80Gi/interface/sxm"),
        (&[ANY, "vendor/nvidia/model/a100/ram/40Gi"], "vendor/nvidia/model/a100/ram/40Gi"),
        (
            &["vendor/nvidia/model/a100/ram/80Gi", "vendor/nvidia/model/a100/ram/40Gi"],
            "vendor/nvidia/model/a100/ram/40Gi",
        ),
    ];
    for (keys, attribute) in cases {
        let unit = asks(1, 1, 1, keys);
        assert_eq!(placed(&[unit], &cluster).1.as_deref(), Some(*attribute), "{keys:?}");
    }
    // What the attribute leaves open shows as more than one kind.
    assert_eq!(
        kinds(&[asks(1, 1, 1, &["vendor/nvidia/model/a100"])], &cluster),
        [["nvidia/a100/40Gi/pcie", "nvidia/a100/80Gi/sxm"]]
    );
    assert_eq!(kinds(&[asks(1, 1, 1, &["vendor/nvidia/model/a100/ram/80Gi"])], &cluster), [["nvidia/a100/80Gi/sxm"]]);
}

#[test]
fn fault_2_a_mixed_node_is_labelled_with_the_last_card_that_matched() {
    let cluster = Build::default().node_with("n1", &[T4, T4, H100], 2, 256 * GI).build();
    let attribute = |gpus| placed(&[asks(1, 1, gpus, &[ANY])], &cluster).1.unwrap();
    assert_eq!(attribute(1), "vendor/nvidia/model/t4");
    assert_eq!(attribute(2), "vendor/nvidia/model/t4");
    let all_free = Build::default().node("n1", &[T4, T4, H100]).build();
    assert_eq!(placed(&[asks(1, 1, 3, &[ANY])], &all_free).1.unwrap(), "vendor/nvidia/model/h100");
    assert_eq!(kinds(&[asks(1, 1, 3, &[ANY])], &all_free), [["nvidia/h100/80Gi/sxm"]]);
}

#[test]
fn fault_3_a_failed_attempt_narrows_a_wildcard_for_every_later_node() {
    let cluster = Build::default().node_with("small", &[H100], 1, GI / 2).node("large", &[T4]).build();
    let reason = refusal(&[asks(1, 1, 1, &[ANY])], &cluster);
    assert!(reason.contains("resource unit 1") && reason.contains("nvidia/*"), "{reason}");
    // Failing on CPU or for want of free cards comes before the cards are looked at, and narrows nothing.
    let cluster = Build::default().node_with("busy", &[H100], 0, 256 * GI).node("large", &[T4]).build();
    assert_eq!(placed(&[asks(1, 1, 1, &[ANY])], &cluster).0, ["large"]);
    // Volumes come after the cards too.
    let cluster = Build::default().node("n1", &[H100]).node("n2", &[T4]).build();
    let mut unit = asks(1, 1, 1, &[ANY]);
    unit.storage = vec![(StorageClass::Ephemeral, Bytes::new(2048 * GI))];
    refusal(&[unit], &cluster);
    // A node whose first card that is allowed is of the narrowed model still does.
    let cluster =
        Build::default().node_with("small", &[H100], 1, GI / 2).node("t4", &[T4]).node("h100", &[T4, H100]).build();
    let (nodes, attribute) = placed(&[asks(1, 1, 1, &[ANY])], &cluster);
    assert_eq!((nodes, attribute.as_deref()), (vec!["h100".to_owned()], Some("vendor/nvidia/model/h100")));
}

#[test]
fn fault_4_any_variant_of_the_model_may_be_handed_out() {
    let cluster = Build::default().node("n1", &[A100_80]).node("n2", &[A100, A100_80, T4]).build();
    let unit = asks(1, 2, 1, &[ANY]);
    assert_eq!(placed(std::slice::from_ref(&unit), &cluster).0, ["n1", "n2"]);
    assert_eq!(
        kinds(&[unit], &cluster),
        [vec!["nvidia/a100/80Gi/sxm"], vec!["nvidia/a100/40Gi/pcie", "nvidia/a100/80Gi/sxm"]]
    );
}

#[test]
fn fault_5_overcommit_asks_for_a_card_that_nobody_wants() {
    let cluster = Build::default().node("n1", &[T4]).build();
    let mut unit = asks(1, 1, 0, &[]);
    assert_eq!(placed(std::slice::from_ref(&unit), &cluster).1, None);
    unit.gpu.units = 1; // max(1, round(0 / factor))
    assert!(refusal(&[unit], &cluster).contains("no card in particular"));
}

#[test]
fn fault_5a_cards_are_counted_again_for_each_replica() {
    let cluster = Build::default().node("n1", &[T4, H100, T4, T4]).node("n2", &[H100]).build();
    let unit = asks(1, 5, 1, &["vendor/nvidia/model/h100"]);
    let (nodes, attribute) = placed(&[unit], &cluster);
    assert_eq!(nodes, ["n1", "n1", "n1", "n1", "n2"]);
    assert_eq!(attribute.as_deref(), Some("vendor/nvidia/model/h100"));
}

#[test]
fn replicas_after_the_first_need_the_model_it_came_to() {
    // Two cards for each: the first replica gets h100, of which the node has one.
    let cluster = Build::default().node("n1", &[T4, H100, T4, T4]).node("n2", &[T4; 4]).build();
    refusal(&[asks(1, 2, 2, &[ANY])], &cluster);
    let cluster = Build::default().node("n1", &[T4, T4, H100, H100]).node("n2", &[H100; 4]).build();
    assert_eq!(placed(&[asks(1, 2, 2, &[ANY])], &cluster).0, ["n1", "n1"]);
}

#[test]
fn units_are_placed_last_to_first_and_each_from_the_first_node() {
    let cluster = Build::default().node("n1", &[T4]).node("n2", &[T4]).build();
    let key = ["vendor/nvidia/model/t4"];
    let units = [asks(1, 1, 1, &key), asks(2, 1, 1, &key), asks(3, 1, 0, &[])];
    let reservation = reserve(&units, &cluster).unwrap();
    let nodes: Vec<&str> =
        reservation.targets.iter().map(|target| &*cluster.node(target.placements[0].node).unwrap().name).collect();
    assert_eq!(nodes, ["n2", "n1", "n1"]);
    assert!(refusal(&[asks(7, 1, 1, &key), asks(8, 2, 1, &key)], &cluster).contains("resource unit 7"));
}

#[test]
fn cards_compare_letter_by_letter() {
    let cluster = Build::default().node("n1", &[A100_80, "mi210 PCIe 64Gi"]).build();
    let fits = |key: &str| reserve(&[asks(1, 1, 1, &[key])], &cluster).is_ok();
    for key in [
        "vendor/nvidia/model/a100",
        "vendor/amd/model/*",
        "vendor/nvidia/model/a100/ram/80Gi",
        "vendor/nvidia/model/a100/ram/81920Mi",
        "vendor/nvidia/model/a100/ram/80.5Gi",
        "vendor/amd/model/mi210/interface/pcie",
    ] {
        assert!(fits(key), "{key}");
    }
    for key in [
        "vendor/nvidia/model/A100",
        "vendor/NVIDIA/model/a100",
        "vendor/intel/model/*",
        "vendor/nvidia/model/mi210",
        "vendor/nvidia/model/a100/ram/40Gi",
        "vendor/nvidia/model/a100/ram/80gi",
        "vendor/nvidia/model/a100/ram/85899345920",
        "vendor/nvidia/model/a100/interface/SXM",
        "vendor/nvidia/model/a100/interface/sxm4",
        "vendor/nvidia/model/a100/interface/pcie",
    ] {
        assert!(!fits(key), "{key}");
    }
    // One alternative that the daemon cannot read spoils the others.
    let spoiled = asks(1, 1, 1, &["vendor/nvidia/model/a100", "vendor/intel/model/*"]);
    refusal(&[spoiled], &cluster);
    // An inventory that writes RAM in another way is not understood either.
    let cluster = Build::default().node("n1", &["a100 SXM4 81920Mi"]).build();
    refusal(&[asks(1, 1, 1, &["vendor/nvidia/model/a100/ram/80Gi"])], &cluster);
}

#[test]
fn a_replica_that_comes_to_another_card_is_a_mismatch() {
    // No believable inventory gets here: the narrowed request is for one model, unless that model is called `*`.
    let cluster = Build::default().node("n1", &["* PCIe 16Gi"]).node("n2", &[T4]).build();
    assert_eq!(reserve(&[asks(4, 2, 1, &[ANY])], &cluster), Err(ReserveError::ReplicaMismatch(4)));
    let cluster = Build::default().node("n1", &["a/b PCIe 16Gi"]).node("n2", &["a/b PCIe 16Gi"]).build();
    refusal(&[asks(4, 2, 1, &[ANY])], &cluster);
}

#[test]
fn volumes_fail_on_the_node_or_end_the_search() {
    let unit = |class: &str, size: u64| {
        let mut unit = asks(1, 2, 0, &[]);
        unit.storage = vec![(StorageClass::Persistent(class.into()), Bytes::new(size))];
        unit
    };
    let cluster = || Build::default().node("n1", &[]).pool("beta3", 10 * GI).pool("beta3", 99 * GI);
    assert_eq!(placed(&[unit("beta3", 5 * GI)], &cluster().build()).0, ["n1", "n1"]);
    for (class, size) in [("beta3", 6 * GI), ("beta2", GI), ("", GI), ("ram", GI)] {
        assert!(refusal(&[unit(class, size)], &cluster().build()).contains("storage of class"), "{class}");
    }
    assert!(refusal(&[unit("beta1", GI)], &cluster().build()).contains("took 0"), "no node mounts the class");
    // Two volumes of one class come out of one pool.
    let mut two = unit("beta3", 3 * GI);
    two.count = 1;
    two.storage.push((StorageClass::Persistent("beta3".into()), Bytes::new(8 * GI)));
    refusal(std::slice::from_ref(&two), &cluster().build());
    two.storage[1].1 = Bytes::new(7 * GI);
    reserve(&[two], &cluster().build()).unwrap();
    // A `ram` volume comes out of the node's memory, and failing there only ends the node.
    let mut ram = asks(1, 1, 0, &[]);
    ram.storage = vec![(StorageClass::Ram, Bytes::new(2 * GI)), (StorageClass::Persistent("".into()), Bytes::ZERO)];
    let small = Build::default().node_with("n1", &[], 0, 2 * GI).build();
    assert!(refusal(&[ram.clone()], &small).contains("took 0"));
    ram.storage.pop();
    let two_nodes = Build::default().node_with("n1", &[], 0, 2 * GI).node_with("n2", &[], 0, 3 * GI).build();
    assert_eq!(placed(&[ram], &two_nodes).0, ["n2"]);
}

#[test]
fn very_many_replicas_cost_no_more_than_few() {
    let cluster = Build::default().node("n1", &[T4]).node("n2", &[T4]).pool("beta3", u64::MAX >> 1).build();
    let mut unit = asks(1, u32::MAX, 0, &[]);
    assert!(refusal(std::slice::from_ref(&unit), &cluster).contains("took 128"));
    (unit.cpu, unit.memory) = (MilliCpu::ZERO, Bytes::ZERO);
    unit.storage = vec![(StorageClass::Persistent("beta3".into()), Bytes::new(1))];
    let reservation = reserve(std::slice::from_ref(&unit), &cluster).unwrap();
    assert_eq!(reservation.targets[0].placements.len(), 1);
    assert_eq!(reservation.targets[0].placements[0].replicas, u32::MAX);
    let most = Bytes::new(u64::MAX);
    unit.storage = vec![(StorageClass::Ephemeral, most), (StorageClass::Ephemeral, most)];
    refusal(std::slice::from_ref(&unit), &cluster);
    unit.storage = vec![(StorageClass::Ram, most), (StorageClass::Persistent("beta3".into()), most)];
    refusal(&[unit], &cluster);
}

#[test]
fn cards_that_are_held_for_other_orders_are_not_found() {
    use crate::inventory::held_capacity::{HeldCapacity, HeldCards};
    let whole = Build::default().node("n1", &[T4, H100]).build();
    let wants = |model: &str| asks(1, 1, 1, &[&format!("vendor/nvidia/model/{model}")]);
    let cards = vec![HeldCards { kinds: vec!["nvidia/h100/80Gi/sxm".to_owned()], count: 1 }];
    let left = whole.without(&[HeldCapacity { node: "n1".to_owned(), gpus: 1, cards, ..HeldCapacity::default() }]);
    assert!(reserve(&[wants("h100")], &whole).is_ok());
    assert!(matches!(reserve(&[wants("h100")], &left), Err(ReserveError::InsufficientCapacity(_))));
    assert_eq!(kinds(&[wants("t4")], &left), [["nvidia/t4/16Gi/pcie"]]);
    // A wildcard gets what is left.
    assert_eq!(kinds(&[asks(1, 1, 1, &[ANY])], &left), [["nvidia/t4/16Gi/pcie"]]);
}
