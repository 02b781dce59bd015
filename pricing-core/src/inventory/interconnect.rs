//! The interconnect between the GPUs of different nodes.

/// How a node's GPUs reach those of other nodes, in the inventory's words. Nodes with equal words share one
/// [`InterconnectId`].
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Interconnect {
    /// `infiniband` or `roce`; empty if the inventory does not say.
    pub fabric: String,
    /// The resource name under which pods ask Kubernetes for host channel adapters (HCAs), such as
    /// `rdma/rdma_shared_device_ib`; empty if the inventory does not say.
    pub resource_name: String,
    /// The name prefixes of its HCAs, for NCCL.
    pub hca_prefixes: Vec<String>,
}

impl Interconnect {
    /// Whether the daemon reserves it. It needs both the fabric and the resource name.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        !self.fabric.is_empty() && !self.resource_name.is_empty()
    }
}

/// Identifies an [`Interconnect`] of a [`Cluster`](super::Cluster) by its index in the cluster's table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InterconnectId(u32);

impl InterconnectId {
    /// The interconnect at an index of [`Cluster::interconnects`](super::Cluster::interconnects).
    pub(crate) fn at(place: usize) -> Self {
        Self(u32::try_from(place).unwrap_or(u32::MAX))
    }

    /// Its index in [`Cluster::interconnects`](super::Cluster::interconnects).
    #[must_use]
    pub fn place(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}
