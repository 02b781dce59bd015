//! The chain's limits for a resource unit, checked for every unit that is deployed.

use core::ops::RangeInclusive;

use rust_decimal::Decimal;

use super::profiles::UnitPrice;
use super::resources::Compute;
use crate::input::InputError;

const MIB: u64 = 1 << 20;
const TIB: u64 = 1 << 40;

/// Thousandths of a CPU thread.
const CPU: RangeInclusive<u64> = 10..=384_000;
/// Bytes of memory.
const MEMORY: RangeInclusive<u64> = MIB..=2 * TIB;
/// Bytes of one volume.
const VOLUME: RangeInclusive<u64> = 5 * MIB..=32 * TIB;
const MOST_CARDS: u64 = 24;
/// The most that a replica may cost per block, in whole units of its denom.
const MOST_PER_BLOCK: u64 = 10_000_000;

/// Checks a unit against the chain's limits.
pub(super) fn check(compute: &Compute<'_>, price: Option<&UnitPrice<'_>>) -> Result<(), InputError> {
    if !CPU.contains(&compute.cpu.get()) {
        return Err(compute.cpu_field.error("the chain takes from 0.01 to 384 threads"));
    }
    if !MEMORY.contains(&compute.memory.get()) {
        return Err(compute.memory_field.error("the chain takes from 1Mi to 2Ti of memory"));
    }
    if let Some(stored) = compute.storage.iter().find(|stored| !VOLUME.contains(&stored.volume.size.get())) {
        return Err(stored.field.error("the chain takes volumes from 5Mi to 32Ti"));
    }
    if let Some(field) = compute.gpu_field.as_ref().filter(|_| compute.gpu.units > MOST_CARDS) {
        return Err(field.error(format_args!("the chain takes at most {MOST_CARDS} cards a replica")));
    }
    match price.filter(|price| price.price.amount() > Decimal::from(MOST_PER_BLOCK)) {
        Some(price) => {
            Err(price.amount_field.error(format_args!("the chain takes prices of at most {MOST_PER_BLOCK}")))
        }
        None => Ok(()),
    }
}
