//! What connects the GPUs of a node with those of others.

/// How a node's GPUs reach those of other nodes, in the inventory's words. Nodes with equal words have one
/// [`InterconnectId`].
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Interconnect {
    /// `infiniband` or `roce`; empty where the node does not say.
    pub fabric: String,
    /// The name by which pods ask Kubernetes for host channel adapters (HCAs), such as `rdma/rdma_shared_device_ib`; empty
    /// where the node does not say.
    pub resource_name: String,
    /// What the names of its HCAs begin with, for NCCL.
    pub hca_prefixes: Vec<String>,
}

impl Interconnect {
    /// Whether the daemon reserves it: it needs both names.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        !self.fabric.is_empty() && !self.resource_name.is_empty()
    }
}

/// An [`Interconnect`] of a [`Cluster`](super::Cluster), by its place in the cluster's table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InterconnectId(u32);

impl InterconnectId {
    /// The interconnect at a place of [`Cluster::interconnects`](super::Cluster::interconnects).
    pub(crate) fn at(place: usize) -> Self {
        Self(u32::try_from(place).unwrap_or(u32::MAX))
    }

    /// Its place in [`Cluster::interconnects`](super::Cluster::interconnects).
    #[must_use]
    pub fn place(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}
