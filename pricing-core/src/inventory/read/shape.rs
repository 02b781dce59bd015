//! The fields of the two messages, in both dialects.

use serde::de::IgnoredAny;

use super::dialect::{Amount, List, Section, message, messages, optional, section, text, texts};

/// Either of the two messages. They have no field name in common.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub(super) struct Document {
    nodes: Section<List<Node>>,
    storage: Section<List<Pool>>,
    #[serde(deserialize_with = "section")]
    cluster: Section<StatusCluster>,
    errors: Section<IgnoredAny>,
    #[serde(alias = "bidEngine")]
    bid_engine: Section<IgnoredAny>,
    manifest: Section<IgnoredAny>,
    #[serde(alias = "publicHostnames")]
    public_hostnames: Section<IgnoredAny>,
    timestamp: Section<IgnoredAny>,
    bidengine: Section<IgnoredAny>,
    cluster_public_hostname: Section<IgnoredAny>,
}

impl Document {
    pub(super) fn is_cluster(&self) -> bool {
        self.nodes.is_there() || self.storage.is_there()
    }

    pub(super) fn is_status(&self) -> bool {
        let others = [&self.errors, &self.bid_engine, &self.manifest, &self.public_hostnames, &self.timestamp];
        self.cluster.is_there() || others.into_iter().any(Section::is_there)
    }

    /// Whether this is the REST status, which counts leases, and lists nodes as available or in use instead of in a
    /// cluster.
    pub(super) fn is_rest_status(&self) -> bool {
        let inside = match &self.cluster {
            Section::Present(cluster) => {
                let inventory = &cluster.inventory;
                let lists = [&inventory.available, &inventory.active, &inventory.pending, &inventory.error];
                matches!(cluster.leases, Leases::Count(_)) || lists.into_iter().any(Section::is_there)
            }
            Section::Absent | Section::Null => false,
        };
        !self.is_cluster() && (inside || self.bidengine.is_there() || self.cluster_public_hostname.is_there())
    }

    /// The cluster, unless this is a status without one, and the leased IPs of a status.
    pub(super) fn into_parts(self) -> (Option<Cluster>, Option<AllocatedQuantity>) {
        if self.is_cluster() || !self.is_status() {
            return (Some(Cluster { nodes: self.nodes.into_inner().0, storage: self.storage.into_inner().0 }), None);
        }
        let inventory = self.cluster.into_inner().inventory;
        (inventory.cluster, inventory.leased_ip)
    }
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
struct StatusCluster {
    #[serde(deserialize_with = "message")]
    inventory: StatusInventory,
    leases: Leases,
}

#[derive(Debug, serde::Deserialize)]
#[serde(untagged)]
enum Leases {
    #[expect(dead_code, reason = "that leases are a number is all that matters")]
    Count(u64),
    Other(IgnoredAny),
}

impl Default for Leases {
    fn default() -> Self {
        Self::Other(IgnoredAny)
    }
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
struct StatusInventory {
    #[serde(deserialize_with = "optional")]
    cluster: Option<Cluster>,
    #[serde(alias = "leasedIp", alias = "leasedIP", deserialize_with = "optional")]
    leased_ip: Option<AllocatedQuantity>,
    available: Section<IgnoredAny>,
    active: Section<IgnoredAny>,
    pending: Section<IgnoredAny>,
    error: Section<IgnoredAny>,
}

/// The contents of a cluster.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub(super) struct Cluster {
    #[serde(deserialize_with = "messages")]
    pub(super) nodes: Vec<Node>,
    #[serde(deserialize_with = "messages")]
    pub(super) storage: Vec<Pool>,
}

/// A node.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub(in crate::inventory) struct Node {
    #[serde(deserialize_with = "text")]
    pub(in crate::inventory) name: String,
    #[serde(deserialize_with = "message")]
    pub(in crate::inventory) resources: Resources,
    #[serde(deserialize_with = "message")]
    pub(in crate::inventory) capabilities: Capabilities,
}

/// The resources of a node.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub(in crate::inventory) struct Resources {
    #[serde(deserialize_with = "message")]
    pub(in crate::inventory) cpu: ResourceQuantity,
    #[serde(deserialize_with = "message")]
    pub(in crate::inventory) memory: ResourceQuantity,
    #[serde(deserialize_with = "section")]
    pub(in crate::inventory) gpu: Section<Gpu>,
    #[serde(alias = "ephemeralStorage", deserialize_with = "optional")]
    pub(in crate::inventory) ephemeral_storage: Option<AllocatedQuantity>,
    /// HCAs.
    #[serde(alias = "gpuInterconnect", deserialize_with = "optional")]
    pub(in crate::inventory) gpu_interconnect: Option<AllocatedQuantity>,
}

/// CPU or memory. The hardware behind it does not matter here.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub(in crate::inventory) struct ResourceQuantity {
    #[serde(deserialize_with = "optional")]
    pub(in crate::inventory) quantity: Option<AllocatedQuantity>,
}

/// GPUs: their number, and one description per card.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub(in crate::inventory) struct Gpu {
    #[serde(deserialize_with = "optional")]
    pub(in crate::inventory) quantity: Option<AllocatedQuantity>,
    #[serde(deserialize_with = "messages")]
    pub(in crate::inventory) info: Vec<GpuInfo>,
}

/// The description of one card.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub(in crate::inventory) struct GpuInfo {
    #[serde(deserialize_with = "text")]
    pub(in crate::inventory) vendor: String,
    #[serde(deserialize_with = "text")]
    pub(in crate::inventory) name: String,
    #[serde(deserialize_with = "text")]
    pub(in crate::inventory) interface: String,
    #[serde(alias = "memorySize", deserialize_with = "text")]
    pub(in crate::inventory) memory_size: String,
}

/// The capabilities of a node.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub(in crate::inventory) struct Capabilities {
    #[serde(alias = "storageClasses", deserialize_with = "texts")]
    pub(in crate::inventory) storage_classes: Vec<String>,
    #[serde(alias = "interconnectFabric", deserialize_with = "text")]
    pub(in crate::inventory) interconnect_fabric: String,
    #[serde(alias = "interconnectResourceName", deserialize_with = "text")]
    pub(in crate::inventory) interconnect_resource_name: String,
    #[serde(alias = "ncclHcaPrefixes", deserialize_with = "texts")]
    pub(in crate::inventory) nccl_hca_prefixes: Vec<String>,
}

/// A storage class of the cluster.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub(in crate::inventory) struct Pool {
    #[serde(deserialize_with = "optional")]
    pub(in crate::inventory) quantity: Option<AllocatedQuantity>,
    #[serde(deserialize_with = "message")]
    pub(in crate::inventory) info: PoolInfo,
}

/// Which class it is.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub(in crate::inventory) struct PoolInfo {
    #[serde(deserialize_with = "text")]
    pub(in crate::inventory) class: String,
}

/// How much of a resource there is, and how much of it is in use.
#[derive(Clone, Copy, Debug, Default, serde::Deserialize)]
#[serde(default)]
pub(in crate::inventory) struct AllocatedQuantity {
    pub(in crate::inventory) allocatable: Option<Amount>,
    pub(in crate::inventory) allocated: Option<Amount>,
    pub(in crate::inventory) capacity: Option<Amount>,
}
