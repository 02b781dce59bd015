use pricing_core::inventory::read::read;
use pricing_core::inventory::validate::{Validated, validate};
use pricing_core::inventory::{Capacity, Cluster as AcceptedSnapshot};
use pricing_core::quantity::{Bytes, MilliCpu};

use super::*;

fn amount(text: &str) -> Option<Quantity> {
    Some(Quantity { string: text.to_owned() })
}

fn of(allocatable: &str, allocated: &str) -> Option<inventory::ResourcePair> {
    Some(inventory::ResourcePair { allocatable: amount(allocatable), allocated: amount(allocated), capacity: None })
}

fn node(name: &str) -> inventory::Node {
    let info = inventory::GpuInfo {
        vendor: "nvidia".into(),
        name: "t4".into(),
        interface: "PCIe".into(),
        memory_size: "16Gi".into(),
        ..Default::default()
    };
    inventory::Node {
        name: name.to_owned(),
        resources: Some(inventory::NodeResources {
            cpu: Some(inventory::Cpu { quantity: of("8", "2050m") }),
            memory: Some(inventory::Memory { quantity: of("16Gi", "1Gi") }),
            gpu: Some(inventory::Gpu { quantity: of("1", "0"), info: vec![info] }),
            ephemeral_storage: of("100Gi", "0"),
            gpu_interconnect: of("4", "1"),
            ..Default::default()
        }),
        capabilities: Some(inventory::NodeCapabilities {
            storage_classes: vec!["beta3".into()],
            interconnect_resource_name: "rdma/ib".into(),
            interconnect_fabric: "infiniband".into(),
            nccl_hca_prefixes: vec!["mlx5".into()],
        }),
    }
}

fn cluster(nodes: Vec<inventory::Node>) -> inventory::Cluster {
    let info = Some(inventory::StorageInfo { class: "beta3".into(), iops: String::new() });
    inventory::Cluster { nodes, storage: vec![inventory::Storage { quantity: of("1Ti", "0"), info }] }
}

fn read_back(text: &str) -> Validated {
    validate(read(text).unwrap())
}

fn change(change: impl FnOnce(&mut inventory::NodeResources)) -> (AcceptedSnapshot, Vec<String>) {
    let mut node = node("a\"b");
    change(node.resources.as_mut().unwrap());
    let Validated { cluster, findings } = read_back(&of_cluster(&cluster(vec![node])).unwrap());
    (cluster, findings.iter().map(ToString::to_string).collect())
}

#[test]
fn a_cluster_is_read_back_as_it_was_sent() {
    let (cluster, findings) = change(|_| {});
    assert_eq!(findings, [""; 0]);
    let [node] = cluster.nodes() else { panic!("{cluster:?}") };
    assert_eq!(&*node.name, "a\"b");
    assert_eq!(node.cpu, Capacity { total: MilliCpu::new(8000), available: MilliCpu::new(5950) });
    assert_eq!(node.memory, Capacity { total: Bytes::new(16 << 30), available: Bytes::new(15 << 30) });
    assert_eq!(node.gpus, Capacity { total: 1, available: 1 });
    assert_eq!(cluster.cards()[0].kind.to_string(), "nvidia/t4/16Gi/pcie");
    assert_eq!(node.storage_classes, ["beta3"]);
    assert_eq!(node.hcas, Capacity { total: 4, available: 3 });
    let interconnect = cluster.interconnect_of(node).unwrap();
    assert_eq!((&*interconnect.fabric, &*interconnect.resource_name), ("infiniband", "rdma/ib"));
    assert_eq!(interconnect.hca_prefixes, ["mlx5"]);
    assert_eq!(cluster.storage()[0].capacity.available.get(), 1 << 40);
    assert_eq!(cluster.leased_ips(), None);
}

#[test]
fn a_status_brings_its_leased_ips() {
    let status = |leased_ip| provider::Status {
        cluster: Some(provider::ClusterStatus {
            leases: None,
            inventory: Some(provider::Inventory {
                cluster: Some(cluster(vec![node("a")])),
                reservations: None,
                leased_ip,
            }),
        }),
        ..Default::default()
    };
    let read = |status| read_back(&of_status(&status).unwrap()).cluster;
    assert_eq!(read(status(of("5", "2"))).leased_ips(), Some(3));
    assert_eq!(read(status(None)).leased_ips(), None);
    assert_eq!(read(status(None)).nodes().len(), 1);
    let empty = read_back(&of_status(&provider::Status::default()).unwrap());
    assert_eq!(empty.findings[0].problem, "the provider's status has no inventory");
}

#[test]
fn what_is_absent_or_empty_is_not_a_zero_that_somebody_reported() {
    for nothing in [None, amount("")] {
        let absent = nothing.clone();
        let (cluster, findings) = change(|resources| {
            resources.cpu = Some(inventory::Cpu {
                quantity: Some(inventory::ResourcePair { allocatable: absent, ..Default::default() }),
            });
        });
        assert_eq!(cluster.nodes().len(), 0);
        assert!(findings[0].contains("does not say how much cpu it has"), "{findings:?}");
        let (cluster, _) = change(|resources| {
            let quantity = resources.memory.as_mut().unwrap().quantity.as_mut().unwrap();
            quantity.allocated = nothing;
        });
        assert_eq!(cluster.nodes()[0].memory.available.get(), 16 << 30);
    }
    let (cluster, findings) = change(|resources| resources.gpu = None);
    assert_eq!((cluster.nodes()[0].gpus.total, findings.len()), (0, 0));
    let (cluster, _) = change(|resources| resources.ephemeral_storage = None);
    assert_eq!(cluster.nodes()[0].ephemeral.total.get(), 0);
}

#[test]
fn a_malformed_quantity_is_told_with_its_place() {
    let mut wrong = node("a");
    wrong.resources.as_mut().unwrap().cpu = Some(inventory::Cpu { quantity: of("many", "0") });
    let error = read(&of_cluster(&cluster(vec![wrong])).unwrap()).unwrap_err();
    assert!(error.to_string().contains("nodes[0].resources.cpu"), "{error}");
}
