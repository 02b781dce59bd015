//! Decides whether an amount and its use can be believed.

use super::super::finding::Action;
use super::super::read::Pair;
use super::super::{Capacity, UNLIMITED};
use crate::quantity::Quantity;

/// What a resource is counted in.
#[derive(Clone, Copy, Debug)]
pub(super) enum Unit {
    /// Bytes or cards.
    Whole,
    /// Thousandths of a thread.
    Milli,
}

impl Unit {
    fn floor(self, quantity: Quantity) -> i128 {
        match self {
            Self::Whole => quantity.floor(),
            Self::Milli => quantity.floor_milli(),
        }
    }

    fn ceil(self, quantity: Quantity) -> i128 {
        match self {
            Self::Whole => quantity.ceil(),
            Self::Milli => quantity.ceil_milli(),
        }
    }
}

/// An amount that can be believed, with what had to be done to it.
#[derive(Debug, Default)]
pub(super) struct Believed {
    pub(super) capacity: Capacity<u64>,
    pub(super) problems: Vec<(String, Action)>,
}

/// The largest amount that is no counter that ran below zero: what 64 bits hold with a sign.
const LARGEST: i128 = 9_223_372_036_854_775_807;

/// What is there and what of it is free, or why neither can be believed.
pub(super) fn believe(pair: &Pair, unit: Unit) -> Result<Believed, String> {
    let [allocatable, allocated, capacity] =
        [pair.allocatable, pair.allocated, pair.capacity].map(|amount| amount.unwrap_or_default().0);
    let total = total(allocatable, unit)?;
    if unit.ceil(allocated).unsigned_abs() > LARGEST.unsigned_abs() {
        return Err(format!("`{allocated}` is allocated, a counter that ran below zero"));
    }
    let mut problems = Vec::new();
    let mut used = allocated;
    if allocated < Quantity::ZERO {
        problems.push((format!("`{allocated}` is allocated, less than nothing; taken as 0"), Action::Clamped));
        used = Quantity::ZERO;
    }
    let free = match total {
        UNLIMITED => i128::from(UNLIMITED).saturating_sub(unit.ceil(used)),
        _ => unit.floor(allocatable.saturating_sub(used)),
    };
    if free < 0 {
        let problem = format!("`{allocated}` is allocated of `{allocatable}`; nothing is taken as free");
        problems.push((problem, Action::Clamped));
    }
    if total != UNLIMITED && capacity > Quantity::ZERO && allocatable > capacity {
        problems.push((format!("`{allocatable}` is allocatable of a capacity of `{capacity}`"), Action::Kept));
    }
    let available = u64::try_from(free.max(0)).unwrap_or(0).min(total);
    Ok(Believed { capacity: Capacity { total, available }, problems })
}

fn total(allocatable: Quantity, unit: Unit) -> Result<u64, String> {
    if allocatable == unlimited() {
        return Ok(UNLIMITED);
    }
    match unit.floor(allocatable) {
        ..0 => Err(format!("`{allocatable}` is allocatable, less than nothing")),
        // The same number as the mark for unlimited, and as good as it.
        LARGEST => Ok(UNLIMITED.saturating_sub(1)),
        total => u64::try_from(total)
            .ok()
            .filter(|total| *total < UNLIMITED)
            .ok_or_else(|| format!("`{allocatable}` is allocatable, a counter that ran below zero")),
    }
}

/// The one negative amount that means something.
fn unlimited() -> Quantity {
    Quantity::ZERO.saturating_sub(Quantity::from_whole(1))
}
