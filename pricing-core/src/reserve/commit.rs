//! Commit levels: the overcommit that shrinks what is reserved, and never what is billed.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::Scheduler;
use crate::gpu::GpuRequest;
use crate::order::{GroupSpec, Order, OrderFormat, ResourceUnit, StorageClass};

/// Factors by which requests are divided before they are reserved. A factor of at most 1 changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommitLevels {
    /// CPU.
    pub cpu: Decimal,
    /// Memory.
    pub memory: Decimal,
    /// GPUs.
    pub gpu: Decimal,
    /// Volumes of every class.
    pub storage: Decimal,
}

impl Default for CommitLevels {
    fn default() -> Self {
        Self { cpu: Decimal::ONE, memory: Decimal::ONE, gpu: Decimal::ONE, storage: Decimal::ONE }
    }
}

/// What is reserved for one replica of a resource unit, after commit levels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommittedUnit {
    /// The unit.
    pub id: u32,
    /// Its replicas.
    pub count: u32,
    /// Thousandths of a thread.
    pub cpu: u64,
    /// Bytes of memory, without `ram` volumes.
    pub memory: u64,
    /// Cards, and which.
    pub gpu: GpuRequest,
    /// Bytes of each volume, in the order's order.
    pub storage: Vec<(StorageClass, u64)>,
}

impl CommitLevels {
    /// The levels that are left to apply to an order: none to a script request, whose amounts are committed already.
    #[must_use]
    pub fn for_order(&self, order: &Order) -> Self {
        match order.format {
            OrderFormat::Script => Self::default(),
            OrderFormat::Sdl | OrderFormat::GroupSpec => *self,
        }
    }

    /// What is reserved for each unit of a group.
    ///
    /// The provider's formula is `max(1, round(value / factor))`, which makes one GPU out of none; [`Scheduler::Sound`]
    /// leaves nothing at nothing.
    #[must_use]
    pub fn units(&self, group: &GroupSpec, scheduler: Scheduler) -> Vec<CommittedUnit> {
        group.resources().iter().map(|unit| self.unit(unit, scheduler)).collect()
    }

    fn unit(&self, unit: &ResourceUnit, scheduler: Scheduler) -> CommittedUnit {
        let commit = |value: u64, factor: Decimal| match (value, scheduler) {
            (0, Scheduler::Sound) => 0,
            _ => committed(value, factor),
        };
        CommittedUnit {
            id: unit.id,
            count: unit.count,
            cpu: commit(unit.cpu.get(), self.cpu),
            memory: commit(unit.memory.get(), self.memory),
            gpu: GpuRequest { units: commit(unit.gpu.units, self.gpu), alternatives: unit.gpu.alternatives.clone() },
            storage: unit
                .storage
                .iter()
                .map(|volume| (volume.class.clone(), commit(volume.size.get(), self.storage)))
                .collect(),
        }
    }
}

/// `max(1, round(value / factor))`, halves away from zero, for a factor above 1.
fn committed(value: u64, factor: Decimal) -> u64 {
    if factor <= Decimal::ONE {
        return value;
    }
    let strategy = rust_decimal::RoundingStrategy::MidpointAwayFromZero;
    Decimal::from(value)
        .checked_div(factor)
        .and_then(|share| share.round_dp_with_strategy(0, strategy).to_u64())
        .unwrap_or(value)
        .max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overcommit_follows_the_providers_formula() {
        let cases = [(1000, "2", 500), (1000, "1", 1000), (1000, "0.5", 1000), (1, "10", 1), (0, "2", 1), (5, "2", 3)];
        for (value, factor, expected) in cases {
            assert_eq!(committed(value, factor.parse().unwrap()), expected, "{value} / {factor}");
        }
    }
}
