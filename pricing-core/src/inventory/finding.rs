//! What validation found.

use core::fmt;

/// Which part of an inventory a finding is about.
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
        }
    }
}

/// What was done about a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// The value was brought back to what can be believed.
    Clamped,
    /// The node is not used at all.
    IgnoredNode,
    /// It was left as it is.
    Kept,
}

impl Action {
    /// The action as the contract names it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Clamped => "clamped",
            Self::IgnoredNode => "ignored-node",
            Self::Kept => "kept",
        }
    }
}

/// One thing that an inventory says and that cannot be, or should not be, so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The node, or none for the cluster as a whole.
    pub node: Option<String>,
    /// What it is about.
    pub resource: Resource,
    /// What is wrong, for people.
    pub problem: String,
    /// What was done.
    pub action: Action,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let node = self.node.as_deref().unwrap_or("cluster");
        write!(f, "{node}: {}: {} ({})", self.resource.name(), self.problem, self.action.name())
    }
}
