//! Findings: what validation noticed in an inventory.

use core::fmt;

/// The part of an inventory that a finding is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Resource {
    /// The node itself.
    Node,
    /// CPU.
    Cpu,
    /// Memory.
    Memory,
    /// GPUs.
    Gpu,
    /// Ephemeral storage.
    EphemeralStorage,
    /// The interconnect between the GPUs of nodes.
    Interconnect,
    /// A storage class of the cluster.
    Storage,
    /// Leased IPs.
    LeasedIp,
    /// The pods of an order.
    Pod,
}

impl Resource {
    /// The resource as JSON and tables name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::Gpu => "gpu",
            Self::EphemeralStorage => "ephemeral_storage",
            Self::Interconnect => "interconnect",
            Self::Storage => "storage",
            Self::LeasedIp => "leased_ip",
            Self::Pod => "pod",
        }
    }
}

/// What was done about a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// The value was replaced by one that can be believed.
    Clamped,
    /// The node is not used at all.
    IgnoredNode,
    /// The value was used as it is.
    Kept,
}

impl Action {
    /// The action as JSON and tables name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Clamped => "clamped",
            Self::IgnoredNode => "ignored-node",
            Self::Kept => "kept",
        }
    }
}

/// One thing in an inventory that is impossible, or suspicious.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The node. None for the cluster as a whole.
    pub node: Option<String>,
    /// The part of the inventory.
    pub resource: Resource,
    /// What is wrong, for people.
    pub problem: String,
    /// What was done about it.
    pub action: Action,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let node = self.node.as_deref().unwrap_or("cluster");
        write!(f, "{node}: {}: {} ({})", self.resource.name(), self.problem, self.action.name())
    }
}
