//! Converts the streams' messages to the JSON text that the core reads. This way one reader and one validation serve
//! every source, and the text can be recorded in the bid log and priced again.
//!
//! The text has only the fields that are read. A field that a message omits is omitted here, too: an absent or empty
//! quantity must not become a reported 0. A pair without `allocatable` says nothing, and is omitted.

use pricing_proto::akash::inventory::v1 as inventory;
use pricing_proto::akash::provider::v1 as provider;
use pricing_proto::k8s::io::apimachinery::pkg::api::resource::Quantity;
use serde::Serialize;

/// Returns the text of the inventory operator's message.
pub(super) fn of_cluster(cluster: &inventory::Cluster) -> Result<String, serde_json::Error> {
    serde_json::to_string(&Cluster::of(cluster))
}

/// Returns the text of the provider daemon's message.
pub(super) fn of_status(status: &provider::Status) -> Result<String, serde_json::Error> {
    let inventory = status.cluster.as_ref().and_then(|cluster| cluster.inventory.as_ref());
    let inventory = Inventory {
        cluster: inventory.and_then(|inventory| inventory.cluster.as_ref()).map(Cluster::of),
        leased_ip: inventory.and_then(|inventory| pair(inventory.leased_ip.as_ref())),
    };
    serde_json::to_string(&Status { cluster: StatusCluster { inventory } })
}

#[derive(Serialize)]
struct Status<'a> {
    cluster: StatusCluster<'a>,
}

#[derive(Serialize)]
struct StatusCluster<'a> {
    inventory: Inventory<'a>,
}

#[derive(Serialize)]
struct Inventory<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster: Option<Cluster<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    leased_ip: Option<Pair<'a>>,
}

#[derive(Serialize)]
struct Cluster<'a> {
    nodes: Vec<Node<'a>>,
    storage: Vec<Pool<'a>>,
}

impl<'a> Cluster<'a> {
    fn of(cluster: &'a inventory::Cluster) -> Self {
        Self {
            nodes: cluster.nodes.iter().map(Node::of).collect(),
            storage: cluster.storage.iter().map(Pool::of).collect(),
        }
    }
}

#[derive(Serialize)]
struct Node<'a> {
    name: &'a str,
    resources: Resources<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    capabilities: Option<Capabilities<'a>>,
}

impl<'a> Node<'a> {
    fn of(node: &'a inventory::Node) -> Self {
        Self {
            name: &node.name,
            resources: node.resources.as_ref().map_or_else(Resources::default, Resources::of),
            capabilities: node.capabilities.as_ref().map(Capabilities::of).filter(Capabilities::says_something),
        }
    }
}

#[derive(Default, Serialize)]
struct Resources<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    cpu: Option<Measured<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    memory: Option<Measured<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gpu: Option<Gpu<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ephemeral_storage: Option<Pair<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gpu_interconnect: Option<Pair<'a>>,
}

impl<'a> Resources<'a> {
    fn of(resources: &'a inventory::NodeResources) -> Self {
        let measured = |quantity: Option<&'a inventory::ResourcePair>| Some(Measured { quantity: pair(quantity)? });
        Self {
            cpu: resources.cpu.as_ref().and_then(|cpu| measured(cpu.quantity.as_ref())),
            memory: resources.memory.as_ref().and_then(|memory| measured(memory.quantity.as_ref())),
            gpu: resources.gpu.as_ref().map(Gpu::of),
            ephemeral_storage: pair(resources.ephemeral_storage.as_ref()),
            gpu_interconnect: pair(resources.gpu_interconnect.as_ref()),
        }
    }
}

#[derive(Serialize)]
struct Measured<'a> {
    quantity: Pair<'a>,
}

#[derive(Serialize)]
struct Gpu<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    quantity: Option<Pair<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    info: Vec<Card<'a>>,
}

impl<'a> Gpu<'a> {
    fn of(gpu: &'a inventory::Gpu) -> Self {
        let card = |info: &'a inventory::GpuInfo| Card {
            vendor: &info.vendor,
            name: &info.name,
            interface: &info.interface,
            memory_size: &info.memory_size,
        };
        Self { quantity: pair(gpu.quantity.as_ref()), info: gpu.info.iter().map(card).collect() }
    }
}

#[derive(Serialize)]
struct Card<'a> {
    vendor: &'a str,
    name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    interface: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    memory_size: &'a str,
}

#[derive(Serialize)]
struct Capabilities<'a> {
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    storage_classes: &'a [String],
    #[serde(skip_serializing_if = "str::is_empty")]
    interconnect_resource_name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    interconnect_fabric: &'a str,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    nccl_hca_prefixes: &'a [String],
}

impl<'a> Capabilities<'a> {
    fn of(capabilities: &'a inventory::NodeCapabilities) -> Self {
        Self {
            storage_classes: &capabilities.storage_classes,
            interconnect_resource_name: &capabilities.interconnect_resource_name,
            interconnect_fabric: &capabilities.interconnect_fabric,
            nccl_hca_prefixes: &capabilities.nccl_hca_prefixes,
        }
    }

    fn says_something(&self) -> bool {
        let Self { storage_classes, interconnect_resource_name, interconnect_fabric, nccl_hca_prefixes } = self;
        !(storage_classes.is_empty()
            && interconnect_resource_name.is_empty()
            && interconnect_fabric.is_empty()
            && nccl_hca_prefixes.is_empty())
    }
}

#[derive(Serialize)]
struct Pool<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    quantity: Option<Pair<'a>>,
    info: Class<'a>,
}

impl<'a> Pool<'a> {
    fn of(storage: &'a inventory::Storage) -> Self {
        let class = storage.info.as_ref().map_or("", |info| info.class.as_str());
        Self { quantity: pair(storage.quantity.as_ref()), info: Class { class } }
    }
}

#[derive(Serialize)]
struct Class<'a> {
    class: &'a str,
}

#[derive(Serialize)]
struct Pair<'a> {
    allocatable: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    allocated: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    capacity: Option<&'a str>,
}

fn pair(pair: Option<&inventory::ResourcePair>) -> Option<Pair<'_>> {
    let pair = pair?;
    Some(Pair {
        allocatable: quantity(pair.allocatable.as_ref())?,
        allocated: quantity(pair.allocated.as_ref()),
        capacity: quantity(pair.capacity.as_ref()),
    })
}

fn quantity(quantity: Option<&Quantity>) -> Option<&str> {
    quantity.map(|quantity| quantity.string.as_str()).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests;
