//! Which resources a node lacks, without amounts.

use super::Resource;

/// The set of resources that a node has too little of, as bits.
#[derive(Clone, Copy, Default)]
pub(super) struct Missing(u8);

impl Missing {
    fn bit(resource: Resource) -> u8 {
        match resource {
            Resource::Cpu => 1,
            Resource::Memory => 2,
            Resource::EphemeralStorage => 4,
            Resource::Gpu => 8,
            Resource::StorageClass => 16,
            Resource::Volumes => 32,
            Resource::Interconnect => 64,
        }
    }

    pub(super) fn add(&mut self, resource: Resource) {
        self.0 |= Self::bit(resource);
    }

    pub(super) fn has(self, resource: Resource) -> bool {
        self.0 & Self::bit(resource) != 0
    }

    /// How many resources are in the set.
    pub(super) fn number(self) -> u32 {
        self.0.count_ones()
    }
}
