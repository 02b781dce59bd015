//! What one replica takes: the one reading of a committed unit for placing its replicas.
//!
//! Two readings differ from it on purpose. [`super::provider`] goes through the volumes one by one, because the daemon
//! stops at the first that fails. [`super::start`] has what the pod asks Kubernetes for, which is less than what is
//! reserved for it.

use super::CommittedUnit;
use crate::order::StorageClass;
use crate::quantity::{Bytes, MilliCpu};

/// What one replica takes from its node, and its persistent volumes, which come out of the cluster's storage.
///
/// Sums that are more than 64 bits can count are the largest number, and [`Self::is_countable`] says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ReplicaDemand<'u> {
    /// CPU, its sidecar's included.
    pub(crate) cpu: MilliCpu,
    /// Memory, with `ram` volumes and its sidecar's.
    pub(crate) memory: Bytes,
    /// Ephemeral storage.
    pub(crate) ephemeral: Bytes,
    /// The number of cards.
    pub(crate) gpus: u64,
    /// Host channel adapters.
    pub(crate) hcas: u64,
    /// The class and size of each persistent volume, in the order of the request.
    pub(crate) volumes: Vec<(&'u str, Bytes)>,
    /// Whether every sum is exact.
    pub(crate) is_countable: bool,
}

impl CommittedUnit {
    /// What each of the unit's replicas takes.
    pub(crate) fn demand(&self) -> ReplicaDemand<'_> {
        let cpu = self.cpu.checked_add(self.sidecar.cpu);
        let mut demand = ReplicaDemand {
            cpu: cpu.unwrap_or(MilliCpu::MAX),
            memory: self.memory,
            ephemeral: Bytes::ZERO,
            gpus: self.gpu.units,
            hcas: self.hcas(),
            volumes: Vec::new(),
            is_countable: cpu.is_some(),
        };
        demand.is_countable &= add(&mut demand.memory, self.sidecar.memory);
        for (class, size) in &self.storage {
            demand.is_countable &= match class {
                StorageClass::Ram => add(&mut demand.memory, *size),
                StorageClass::Ephemeral => add(&mut demand.ephemeral, *size),
                StorageClass::Persistent(name) => {
                    demand.volumes.push((name.exact(), *size));
                    true
                }
            };
        }
        demand
    }
}

/// Adds to a sum, and returns whether the sum is exact.
fn add(sum: &mut Bytes, amount: Bytes) -> bool {
    let exact = sum.checked_add(amount);
    *sum = exact.unwrap_or(Bytes::MAX);
    exact.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reserve::Sidecar;

    #[test]
    fn volumes_and_the_sidecar_count_where_they_are_taken() {
        let volume = |class: &str, size| (StorageClass::from_name(class), Bytes::new(size));
        let unit = CommittedUnit {
            cpu: MilliCpu::new(1000),
            memory: Bytes::new(10),
            sidecar: Sidecar { cpu: MilliCpu::new(100), memory: Bytes::new(5) },
            storage: vec![volume("ram", 1), volume("beta3", 7), volume("ephemeral", 2), volume("ephemeral", 3)],
            ..CommittedUnit::default()
        };
        let demand = unit.demand();
        assert_eq!((demand.cpu.get(), demand.memory.get(), demand.ephemeral.get()), (1100, 16, 5));
        assert_eq!((demand.volumes, demand.is_countable), (vec![("beta3", Bytes::new(7))], true));
    }

    #[test]
    fn sums_beyond_64_bits_are_the_largest_number_and_said_to_be_inexact() {
        let most = (StorageClass::Ephemeral, Bytes::MAX);
        let unit = CommittedUnit { storage: vec![most.clone(), most], ..CommittedUnit::default() };
        let demand = unit.demand();
        assert_eq!((demand.ephemeral, demand.is_countable), (Bytes::MAX, false));
    }
}
