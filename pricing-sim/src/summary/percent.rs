//! Percentages, exactly rounded.

use std::fmt;

use pricing_core::money::ArithmeticOverflow;
use rust_decimal::Decimal;
use serde::{Serialize, Serializer};

/// The decimals of a percentage.
pub(super) const DECIMALS: u32 = 4;

/// A percentage with four decimals, rounded half to even.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Percent(Decimal);

impl Percent {
    /// The percentage of a part of a whole. None if the whole is zero.
    ///
    /// # Errors
    /// When a number overflows.
    pub fn of(part: u128, whole: u128) -> Result<Option<Self>, ArithmeticOverflow> {
        if whole == 0 {
            return Ok(None);
        }
        let percent = half_even(part, 1_000_000, whole)?;
        decimal(percent, DECIMALS).map(|percent| Some(Self(percent)))
    }

    /// The percentage.
    #[must_use]
    pub fn decimal(self) -> Decimal {
        self.0
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Percent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// `part * scale / whole` in integers, rounded half to even. The whole must not be 0.
pub(super) fn half_even(part: u128, scale: u128, whole: u128) -> Result<u128, ArithmeticOverflow> {
    let scaled = part.checked_mul(scale).ok_or(ArithmeticOverflow)?;
    let (quotient, rest) = (scaled.checked_div(whole), scaled.checked_rem(whole));
    let (quotient, rest) = (quotient.ok_or(ArithmeticOverflow)?, rest.ok_or(ArithmeticOverflow)?);
    // Twice the rest could overflow, so it is compared with the difference.
    let up = match rest.cmp(&whole.saturating_sub(rest)) {
        std::cmp::Ordering::Less => false,
        std::cmp::Ordering::Equal => quotient % 2 == 1,
        std::cmp::Ordering::Greater => true,
    };
    quotient.checked_add(u128::from(up)).ok_or(ArithmeticOverflow)
}

/// A decimal from a number of units of `10^-decimals`.
pub(super) fn decimal(units: u128, decimals: u32) -> Result<Decimal, ArithmeticOverflow> {
    let units = i128::try_from(units).map_err(|_| ArithmeticOverflow)?;
    Decimal::try_from_i128_with_scale(units, decimals).map_err(|_| ArithmeticOverflow)
}
