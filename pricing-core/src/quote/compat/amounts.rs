//! The totals of a request: sums of integers, in units of 10^-12.

use super::Refusal;
use crate::money::ArithmeticOverflow;
use crate::order::script_request::{Object, ScriptRequest};

/// The storage classes that the script knows. It charges nothing for others.
pub(super) const SCRIPT_CLASSES: [&str; 4] = ["ephemeral", "beta1", "beta2", "beta3"];

/// The totals of the resources, in units of 10^-12 threads, GiB, endpoints and IPs.
pub(super) struct Amounts {
    pub(super) cpu: i128,
    pub(super) memory: i128,
    /// GiB of each of [`SCRIPT_CLASSES`].
    pub(super) storage: [i128; 4],
    pub(super) endpoints: i128,
    pub(super) ips: i128,
}

impl Amounts {
    /// Adds up the resources of a request, as the script does. A request that lacks resources or storage leaves the
    /// script without a number.
    pub(super) fn of(request: &ScriptRequest<'_>) -> Result<Self, Refusal> {
        let mut volumes = 0_usize;
        let (mut cpu, mut memory, mut endpoints, mut ips) = (0_u128, 0_u128, 0_u128, 0_u128);
        let mut storage = [0_u128; 4];
        for resource in &request.resources {
            let count = resource.count.0;
            add(&mut cpu, resource.cpu.0, count)?;
            add(&mut memory, resource.memory.0, count)?;
            // In the script's formula, `count` only multiplies the default for a missing number.
            add(&mut endpoints, resource.endpoints(), 1)?;
            add(&mut ips, resource.leased_ips(), 1)?;
            for Object(volume) in resource.storage() {
                volumes = volumes.saturating_add(1);
                let class = SCRIPT_CLASSES.iter().zip(&mut storage).find(|(class, _)| volume.class == **class);
                if let Some((_, sum)) = class {
                    add(sum, volume.size.0, count)?;
                }
            }
        }
        if request.resources.is_empty() {
            return Err(Refusal::Incomplete("no resources"));
        }
        if volumes == 0 || request.resources.iter().any(|resource| resource.storage.is_none()) {
            return Err(Refusal::Incomplete("resources without storage"));
        }
        let [ephemeral, beta1, beta2, beta3] = storage;
        let storage = [gib(ephemeral)?, gib(beta1)?, gib(beta2)?, gib(beta3)?];
        Ok(Self {
            cpu: scaled(cpu, 1_000_000_000)?,
            memory: gib(memory)?,
            storage,
            endpoints: scaled(endpoints, 1_000_000_000_000)?,
            ips: scaled(ips, 1_000_000_000_000)?,
        })
    }
}

pub(super) fn add(sum: &mut u128, amount: u64, count: u64) -> Result<(), ArithmeticOverflow> {
    let product = u128::from(amount).checked_mul(u128::from(count)).ok_or(ArithmeticOverflow)?;
    *sum = sum.checked_add(product).ok_or(ArithmeticOverflow)?;
    Ok(())
}

pub(super) fn scaled(sum: u128, factor: u128) -> Result<i128, ArithmeticOverflow> {
    let product = sum.checked_mul(factor).ok_or(ArithmeticOverflow)?;
    i128::try_from(product).map_err(|_| ArithmeticOverflow)
}

/// Converts bytes to GiB with 12 decimals, rounded half to even.
pub(super) fn gib(bytes: u128) -> Result<i128, ArithmeticOverflow> {
    // 10^12 / 2^30 is 5^12 / 2^18.
    let parts = bytes.checked_mul(244_140_625).ok_or(ArithmeticOverflow)?;
    let (quotient, rest, half) = (parts >> 18_u32, parts & 0x3_ffff, 0x2_0000);
    let up = rest > half || (rest == half && quotient & 1 == 1);
    let rounded = quotient.checked_add(u128::from(up)).ok_or(ArithmeticOverflow)?;
    i128::try_from(rounded).map_err(|_| ArithmeticOverflow)
}
