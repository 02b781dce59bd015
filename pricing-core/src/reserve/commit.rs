//! Commit levels: how what is reserved differs from what is billed. Overcommit shrinks it, and confidential compute
//! adds to it.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::{InterconnectRequest, Scheduler, Sidecar, TeePlatform};
use crate::gpu::GpuRequest;
use crate::money::{NumberError, parse_decimal};
use crate::order::{GroupSpec, Order, OrderFormat, ResourceUnit, StorageClass};
use crate::quantity::{Bytes, MilliCpu};
use crate::text::excerpt;

/// The factors by which requests are divided before they are reserved, and what confidential compute adds. A factor of
/// at most 1 changes nothing.
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
    /// The platform for confidential compute that the daemon found on its nodes.
    pub tee_platform: Option<TeePlatform>,
}

impl Default for CommitLevels {
    fn default() -> Self {
        Self { cpu: Decimal::ONE, memory: Decimal::ONE, gpu: Decimal::ONE, storage: Decimal::ONE, tee_platform: None }
    }
}

/// A resource that can be overcommitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overcommitted {
    /// CPU.
    Cpu,
    /// Memory.
    Memory,
    /// GPUs.
    Gpu,
    /// Volumes of every class.
    Storage,
}

/// Why a text is not an overcommit factor.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FactorError {
    /// It is not a number.
    #[error(transparent)]
    Number(#[from] NumberError),
    /// It is not above 0.
    #[error("`{0}` is out of range; expected a number above 0")]
    OutOfRange(Decimal),
    /// It is not a percentage that the daemon accepts.
    #[error("`{0}` is not a percentage that the daemon takes; expected a whole number such as `150%`")]
    Percentage(String),
    /// The daemon does not overcommit GPUs.
    #[error(
        "`{0}` is a percentage, and the daemon does not overcommit GPUs: it has no such flag, and their factor is always 1"
    )]
    Gpu(String),
}

impl FactorError {
    /// A suggestion for the user, if there is one.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Gpu(_) => {
                Some("leave it out, or write a plain factor, such as `2`, to reserve fewer cards than the daemon does")
            }
            Self::Number(_) | Self::OutOfRange(_) | Self::Percentage(_) => None,
        }
    }
}

impl Overcommitted {
    /// Every such resource.
    pub const ALL: [Self; 4] = [Self::Cpu, Self::Memory, Self::Gpu, Self::Storage];

    /// The resource's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::Gpu => "gpu",
            Self::Storage => "storage",
        }
    }

    /// Reads the resource's factor: a number above 0, or a percentage in the form of the daemon's flags, such as
    /// `150%`.
    ///
    /// The daemon divides its percentages as integers: 150% is a factor of 1 + 150 / 100 = 2, and 50% is a factor of 1.
    ///
    /// # Errors
    /// When the text is neither, or is a percentage for GPUs, which the daemon does not overcommit.
    pub fn factor(self, text: &str) -> Result<Decimal, FactorError> {
        let Some(percent) = text.strip_suffix('%') else {
            let factor = parse_decimal(text)?;
            return if factor > Decimal::ZERO { Ok(factor) } else { Err(FactorError::OutOfRange(factor)) };
        };
        if self == Self::Gpu {
            return Err(FactorError::Gpu(excerpt(text)));
        }
        let is_whole = !percent.is_empty() && percent.bytes().all(|byte| byte.is_ascii_digit());
        let percent = is_whole.then(|| percent.parse::<u64>().ok()).flatten();
        let factor = percent.and_then(|percent| percent.checked_div(100)?.checked_add(1));
        factor.map(Decimal::from).ok_or_else(|| FactorError::Percentage(excerpt(text)))
    }
}

/// What is reserved for one replica of a resource unit, after commit levels.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommittedUnit {
    /// The unit.
    pub id: u32,
    /// The number of its replicas.
    pub count: u32,
    /// CPU.
    pub cpu: MilliCpu,
    /// Memory, without `ram` volumes.
    pub memory: Bytes,
    /// Cards per replica, and which ones are allowed.
    pub gpu: GpuRequest,
    /// The size of each volume, in the order of the request.
    pub storage: Vec<(StorageClass, Bytes)>,
    /// What the unit asks of its nodes' interconnect, if anything.
    pub interconnect: Option<InterconnectRequest>,
    /// What its sidecar takes in addition.
    pub sidecar: Sidecar,
}

impl CommittedUnit {
    /// The HCAs of a replica: one per card if it asks for an interconnect.
    #[must_use]
    pub fn hcas(&self) -> u64 {
        if self.interconnect.is_some() { self.gpu.units } else { 0 }
    }
}

impl CommitLevels {
    /// The levels that remain to be applied to an order. The amounts of a script request are already committed, so only
    /// the platform is left.
    #[must_use]
    pub fn for_order(&self, order: &Order) -> Self {
        match order.format {
            OrderFormat::Script => Self { tee_platform: self.tee_platform, ..Self::default() },
            OrderFormat::Sdl | OrderFormat::GroupSpec => *self,
        }
    }

    /// What is reserved for each unit of a group.
    ///
    /// The provider's formula is `max(1, round(value / factor))`, which turns zero GPUs into one. [`Scheduler::Sound`]
    /// keeps zero as zero.
    #[must_use]
    pub fn units(&self, group: &GroupSpec, scheduler: Scheduler) -> Vec<CommittedUnit> {
        let sidecar = Sidecar::new(group.requirements().tee(), self.tee_platform);
        let committed = |unit: &ResourceUnit| CommittedUnit {
            interconnect: InterconnectRequest::new(unit.gpu.interconnect.as_deref(), group),
            sidecar,
            ..self.unit(unit, scheduler)
        };
        group.resources().iter().map(committed).collect()
    }

    fn unit(&self, unit: &ResourceUnit, scheduler: Scheduler) -> CommittedUnit {
        let commit = |value: u64, factor: Decimal| match (value, scheduler) {
            (0, Scheduler::Sound) => 0,
            _ => committed(value, factor),
        };
        let bytes = |amount: Bytes, factor: Decimal| Bytes::new(commit(amount.get(), factor));
        CommittedUnit {
            id: unit.id,
            count: unit.count,
            cpu: MilliCpu::new(commit(unit.cpu.get(), self.cpu)),
            memory: bytes(unit.memory, self.memory),
            gpu: GpuRequest { units: commit(unit.gpu.units, self.gpu), ..unit.gpu.clone() },
            storage: unit
                .storage
                .iter()
                .map(|volume| (volume.class.clone(), bytes(volume.size, self.storage)))
                .collect(),
            ..CommittedUnit::default()
        }
    }
}

/// `max(1, round(value / factor))` for a factor above 1, with halves rounded away from zero, as the provider's
/// `ComputeCommittedResources` does with Go's `math.Round`.
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
    fn a_percentage_becomes_the_daemons_factor_by_its_integer_division() {
        let factor = |text| Overcommitted::Cpu.factor(text).unwrap().to_string();
        for (percent, expected) in
            [("0%", "1"), ("50%", "1"), ("99%", "1"), ("100%", "2"), ("150%", "2"), ("199%", "2"), ("200%", "3")]
        {
            assert_eq!(factor(percent), expected, "{percent}");
        }
        assert_eq!(factor("1.5"), "1.5");
        assert_eq!(factor("18446744073709551615%"), "184467440737095517");
        for text in ["%", "-50%", "1.5%", "150 %", " 150%", "150%%", "18446744073709551616%"] {
            assert!(Overcommitted::Memory.factor(text).is_err(), "{text}");
        }
        assert_eq!(Overcommitted::Cpu.factor("0"), Err(FactorError::OutOfRange(Decimal::ZERO)));
    }

    #[test]
    fn a_percentage_of_gpus_is_refused_with_the_reason() {
        assert_eq!(Overcommitted::Gpu.factor("2").unwrap(), Decimal::TWO);
        let error = Overcommitted::Gpu.factor("100%").unwrap_err();
        assert!(error.to_string().contains("the daemon does not overcommit GPUs"), "{error}");
    }

    #[test]
    fn overcommit_follows_the_providers_formula() {
        let cases = [(1000, "2", 500), (1000, "1", 1000), (1000, "0.5", 1000), (1, "10", 1), (0, "2", 1), (5, "2", 3)];
        for (value, factor, expected) in cases {
            assert_eq!(committed(value, factor.parse().unwrap()), expected, "{value} / {factor}");
        }
    }
}
