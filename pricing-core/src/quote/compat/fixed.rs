//! The script's numbers: 20 decimals, truncated rather than rounded, as its calculator, `bc`, keeps them.

use core::fmt;

use ethnum::I256;
use rust_decimal::Decimal;

use crate::money::{ArithmeticOverflow, Usd};

/// The decimals that the calculator keeps of a quotient.
pub(super) const DECIMALS: u32 = 20;

/// A number in units of 10^-20.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Fixed(i128);

impl Fixed {
    pub(super) const ZERO: Self = Self(0);

    pub(super) const fn new(units: i128) -> Self {
        Self(units)
    }

    pub(super) fn whole(number: u32) -> Self {
        Self(i128::from(number).saturating_mul(100_000_000_000_000_000_000))
    }

    /// Converts a rate of a rate card. None if it is too large for units of 10^-20.
    pub(super) fn from_usd(usd: Usd) -> Option<Self> {
        Self::from_decimal(usd.decimal())
    }

    pub(super) fn from_decimal(value: Decimal) -> Option<Self> {
        let power = DECIMALS.checked_sub(value.scale())?;
        value.mantissa().checked_mul(10_i128.checked_pow(power)?).map(Self)
    }

    pub(super) fn narrow(self) -> i128 {
        self.0
    }

    pub(super) fn units(self) -> I256 {
        I256::from(self.0)
    }
}

/// A price as the script would print it: an integer number of units of `10^-decimals`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CompatPrice {
    units: i128,
    decimals: u32,
}

impl CompatPrice {
    /// The price in units of `10^-decimals`.
    #[must_use]
    pub fn units(self) -> i128 {
        self.units
    }

    /// The number of decimals that are printed.
    #[must_use]
    pub fn decimals(self) -> u32 {
        self.decimals
    }

    /// Rounds a number of units of 10^-20 half to even, as `printf` does.
    pub(super) fn round(value: I256, decimals: u32) -> Result<Self, ArithmeticOverflow> {
        let dropped = DECIMALS.checked_sub(decimals).and_then(power_of_ten).ok_or(ArithmeticOverflow)?;
        let units = divide_half_even(value, dropped).ok_or(ArithmeticOverflow)?;
        Ok(Self { units: i128::try_from(units).map_err(|_| ArithmeticOverflow)?, decimals })
    }

    /// The price rounded once more, to a whole number, as in the legacy form.
    pub(super) fn to_whole(self) -> Result<Self, ArithmeticOverflow> {
        let unit = power_of_ten(self.decimals).ok_or(ArithmeticOverflow)?;
        let units = divide_half_even(I256::from(self.units), unit).ok_or(ArithmeticOverflow)?;
        Ok(Self { units: i128::try_from(units).map_err(|_| ArithmeticOverflow)?, decimals: 0 })
    }

    /// The price in units of 10^-20.
    pub(super) fn exact(self) -> Option<I256> {
        multiply(I256::from(self.units), power_of_ten(DECIMALS.checked_sub(self.decimals)?)?)
    }
}

impl fmt::Display for CompatPrice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.units < 0 { "-" } else { "" };
        let unit = 10_u128.checked_pow(self.decimals).ok_or(fmt::Error)?;
        let whole = self.units.unsigned_abs().checked_div(unit).ok_or(fmt::Error)?;
        if self.decimals == 0 {
            return write!(f, "{sign}{whole}");
        }
        let fraction = self.units.unsigned_abs().checked_rem(unit).ok_or(fmt::Error)?;
        let width = usize::try_from(self.decimals).map_err(|_| fmt::Error)?;
        write!(f, "{sign}{whole}.{fraction:0width$}")
    }
}

/// Powers of ten, from a table: computing them would take longer than pricing a request.
pub(super) fn power_of_ten(exponent: u32) -> Option<I256> {
    POWERS_OF_TEN.get(usize::try_from(exponent).ok()?).map(|power| I256::from(*power))
}

#[expect(clippy::indexing_slicing, reason = "worked out by the compiler, which would refuse a wrong index")]
const POWERS_OF_TEN: [i128; 39] = {
    let mut powers = [1_i128; 39];
    let mut exponent = 1;
    while exponent < 39 {
        powers[exponent] = powers[exponent - 1] * 10;
        exponent += 1;
    }
    powers
};

/// The product. Numbers that fit 128 bits, which is almost always, take a shortcut.
pub(super) fn multiply(value: I256, factor: I256) -> Option<I256> {
    let short = match (i128::try_from(value), i128::try_from(factor)) {
        (Ok(value), Ok(factor)) => value.checked_mul(factor),
        _ => None,
    };
    short.map(I256::from).or_else(|| value.checked_mul(factor))
}

/// The quotient, truncated towards zero. Numbers that fit 128 bits, which is almost always, take a shortcut.
pub(super) fn divide(value: I256, divisor: I256) -> Option<I256> {
    match (i128::try_from(value), i128::try_from(divisor)) {
        (Ok(value), Ok(divisor)) => value.checked_div(divisor).map(I256::from),
        _ => value.checked_div(divisor),
    }
}

/// The quotient rounded half to even, for a positive divisor.
pub(super) fn divide_half_even(value: I256, divisor: I256) -> Option<I256> {
    let quotient = divide(value, divisor)?;
    let rest = value.checked_sub(multiply(quotient, divisor)?)?;
    let magnitude = rest.checked_abs()?;
    let twice = magnitude.checked_add(magnitude)?;
    let odd = quotient & I256::ONE == I256::ONE;
    let up = twice > divisor || (twice == divisor && odd);
    if up { quotient.checked_add(if rest < 0 { I256::MINUS_ONE } else { I256::ONE }) } else { Some(quotient) }
}

/// Parses the tenant's maximum: plain decimal text with at most 18 significant decimals, in units of 10^-20.
pub(super) fn parse_amount(text: &str) -> Option<I256> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) {
        return None;
    }
    let kept = fraction.trim_end_matches('0');
    let number = |digits: &str| match digits.len() {
        0 => Some(0),
        // Short numbers, which is almost always, are parsed several times faster as 64-bit integers.
        1..=18 => digits.parse::<u64>().ok().map(i128::from),
        _ => digits.parse::<i128>().ok(),
    };
    let missing = u32::try_from(18_usize.checked_sub(kept.len())?).ok()?;
    let fraction = multiply(I256::from(number(kept)?), power_of_ten(missing.checked_add(2)?)?)?;
    multiply(I256::from(number(whole)?), power_of_ten(DECIMALS)?)?.checked_add(fraction)
}
