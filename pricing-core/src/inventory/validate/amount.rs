//! Decides whether an amount, and how much of it is in use, can be believed.

use super::super::finding::Action;
use super::super::read::{AllocatedQuantity, Amount};
use super::super::{Capacity, UNLIMITED};
use crate::quantity::Quantity;

/// The unit in which a resource is counted.
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

/// An amount that can be believed, and what had to be changed for that.
#[derive(Debug, Default)]
pub(super) struct CheckedAmount {
    pub(super) capacity: Capacity<u64>,
    pub(super) problems: Vec<(String, Action)>,
}

/// The largest amount that is not taken for a counter that ran below zero: the maximum of a signed 64-bit integer.
const LARGEST: i128 = 9_223_372_036_854_775_807;

/// The total and the free amount, or the reason why neither can be believed.
///
/// Negative amounts count as zero, as in the daemon since 0.16.2.
pub(super) fn believe(pair: &AllocatedQuantity, unit: Unit) -> Result<CheckedAmount, String> {
    let written = [pair.allocatable, pair.allocated, pair.capacity].map(|amount| amount.unwrap_or_default().0);
    let [allocatable, allocated, capacity] = written.map(|amount| amount.max(Quantity::ZERO));
    let mut problems: Vec<(String, Action)> = less_than_nothing(written).into_iter().collect();
    let total = counted(unit.floor(allocatable))
        .ok_or_else(|| format!("`{allocatable}` is allocatable, a counter that ran below zero"))?;
    if counted(unit.ceil(allocated)).is_none() {
        return Err(format!("`{allocated}` is allocated, a counter that ran below zero"));
    }
    let free = unit.floor(allocatable.saturating_sub(allocated));
    // Of less than nothing it was said already that there is nothing.
    if free < 0 && written.first().is_some_and(|allocatable| *allocatable >= Quantity::ZERO) {
        let problem = format!("`{allocated}` is allocated of `{allocatable}`; nothing is taken as free");
        problems.push((problem, Action::Clamped));
    }
    if capacity > Quantity::ZERO && allocatable > capacity {
        problems.push((format!("`{allocatable}` is allocatable of a capacity of `{capacity}`"), Action::Kept));
    }
    let available = u64::try_from(free.max(0)).unwrap_or(0).min(total);
    Ok(CheckedAmount { capacity: Capacity { total, available }, problems })
}

/// One finding for all negative amounts.
fn less_than_nothing([allocatable, allocated, capacity]: [Quantity; 3]) -> Option<(String, Action)> {
    let named = [(allocatable, "allocatable"), (allocated, "allocated"), (capacity, "the capacity")];
    let below = named.into_iter().filter(|(amount, _)| *amount < Quantity::ZERO);
    let below: Vec<String> = below.map(|(amount, what)| format!("`{amount}` is {what}")).collect();
    (!below.is_empty()).then(|| (format!("{}: negative, read as 0", below.join(", ")), Action::Clamped))
}

/// The same for the leased IPs of a Status, which the daemon passes on unchanged: -1 stands for more than any order can
/// ask for.
pub(super) fn believe_leased_ips(pair: &AllocatedQuantity) -> Result<CheckedAmount, String> {
    let minus_one = Quantity::ZERO.saturating_sub(Quantity::from_whole(1));
    if pair.allocatable.is_none_or(|allocatable| allocatable.0 != minus_one) {
        return believe(pair, Unit::Whole);
    }
    let most = Quantity::from_whole(UNLIMITED);
    believe(&AllocatedQuantity { allocatable: Some(Amount(most)), capacity: None, ..*pair }, Unit::Whole)
}

/// An amount, unless it is a counter that ran below zero.
fn counted(amount: i128) -> Option<u64> {
    u64::try_from(amount).ok().filter(|_| amount <= LARGEST)
}
