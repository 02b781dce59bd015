use pricing_proto::akash::inventory::v1::{Gpu, GpuInfo, Node, NodeCapabilities, NodeResources};
use pricing_proto::akash::provider::v1::{ClusterStatus, Inventory};

use super::*;

fn cluster(nodes: usize, cards: usize) -> Cluster {
    let gpu = Gpu { quantity: None, info: vec![GpuInfo::default(); cards] };
    let node = Node {
        name: "node".into(),
        resources: Some(NodeResources { gpu: Some(gpu), ..Default::default() }),
        capabilities: Some(NodeCapabilities { storage_classes: vec![String::new(); 3], ..Default::default() }),
    };
    Cluster { nodes: vec![node; nodes], storage: Vec::new() }
}

fn bytes(message: &impl Message) -> Bytes {
    message.encode_to_vec().into()
}

fn code(dialect: Dialect, message: impl Into<Bytes>) -> &'static str {
    dialect.text(message.into()).map_or_else(|refusal| refusal.code(), |_| "taken")
}

#[test]
fn messages_of_real_size_are_taken() {
    assert_eq!(code(Dialect::Cluster, bytes(&cluster(5000, 8))), "taken");
    assert_eq!(code(Dialect::Cluster, Bytes::new()), "taken");
    let inventory = Inventory { cluster: Some(cluster(10, 8)), ..Default::default() };
    let status = ProviderStatus {
        errors: vec!["not protobuf: \u{ff}\u{7}".into()],
        cluster: Some(ClusterStatus { leases: None, inventory: Some(inventory) }),
        ..Default::default()
    };
    assert_eq!(code(Dialect::Status, bytes(&status)), "taken");
}

#[test]
fn small_messages_that_would_fill_the_memory_are_refused_before_they_are_decoded() {
    // An empty node has two bytes, and so has an empty string.
    assert_eq!(code(Dialect::Cluster, [0x0a, 0].repeat(300_000)), "too-large");
    assert_eq!(code(Dialect::Status, [0x0a, 0].repeat(300_000)), "too-large");
    assert_eq!(code(Dialect::Cluster, bytes(&cluster(1, 300_000))), "too-large");
    assert_eq!(code(Dialect::Cluster, bytes(&cluster(30_000, 8))), "too-large");
}

#[test]
fn garbage_is_malformed() {
    for garbage in [&b"<html>"[..], &[0x0a], &[0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f], &[0xff; 32], &[0x0b], &[9, 1]] {
        assert_eq!(code(Dialect::Cluster, garbage), "malformed", "{garbage:?}");
    }
}
