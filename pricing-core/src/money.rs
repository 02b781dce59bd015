//! Money: exact decimals.
//!
//! `rounding` is the one module that rounds a price.

pub mod denoms;
mod price;
mod rounding;
mod usd_per_akt;

use core::fmt;

use rust_decimal::Decimal;

pub use price::{Denom, Price};
pub(crate) use rounding::{line_rounded, rounded, share, unit_usd};
pub use rounding::{line_usd, mean_usd, per_block, per_month, scaled_usd};
pub use usd_per_akt::{UsdPerAkt, UsdPerAktError};

/// Decimals of a line, in USD per month.
pub const LINE_DECIMALS: u32 = 12;
/// The decimals that the chain keeps of an amount.
pub const CHAIN_DECIMALS: u32 = 18;
/// The decimals of a bid if the order names no `price_precision`.
pub const DEFAULT_PRICE_PRECISION: u32 = 6;
/// The most decimals that an input number may have.
const MAX_WRITTEN_DECIMALS: u32 = 18;

/// Why a number could not be parsed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    /// The text is not a plain decimal number.
    #[error("`{0}` is not a decimal number")]
    Malformed(String),
    /// The number has more digits than can be represented exactly.
    #[error("`{0}` has more digits than can be represented exactly (18 decimals, 28 digits in all)")]
    TooManyDigits(String),
    /// The number is negative where that makes no sense.
    #[error("`{0}` is negative")]
    Negative(String),
    /// The number is too large to be a price.
    #[error("`{0}` is out of range")]
    OutOfRange(String),
}

/// A result does not fit into the exact decimals. Becomes the fault `arithmetic-overflow`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a price has more digits than an exact decimal can have")]
pub struct ArithmeticOverflow;

/// Parses a plain decimal (`-?digits[.digits]`) exactly: no exponent, no underscore, no plus sign.
///
/// Trailing zeros after the point do not count, so that the chain's `1000000000000.000000000000000000` fits.
///
/// # Errors
/// When the text has another form, or more digits than [`Decimal`] can hold.
pub fn parse_decimal(text: &str) -> Result<Decimal, NumberError> {
    let malformed = || NumberError::Malformed(crate::text::excerpt(text));
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(fraction) {
        return Err(malformed());
    }
    let short = if unsigned.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text };
    let value = Decimal::from_str_exact(short).map_err(|_| NumberError::TooManyDigits(crate::text::excerpt(text)))?;
    if value.scale() > MAX_WRITTEN_DECIMALS {
        return Err(NumberError::TooManyDigits(crate::text::excerpt(text)));
    }
    Ok(canonical(value))
}

/// Drops trailing zeros and the sign of zero, so that equal numbers print the same.
fn canonical(value: Decimal) -> Decimal {
    let value = value.normalize();
    if value.is_zero() { Decimal::ZERO } else { value }
}

/// An exact amount of US dollars: a rate per month, a line, or a total.
///
/// ```
/// use pricing_core::money::Usd;
/// assert_eq!(Usd::parse("1.60").unwrap().to_string(), "1.6");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Usd(Decimal);

impl Usd {
    /// Zero.
    pub const ZERO: Self = Self(Decimal::ZERO);
    /// The largest rate that a rate card may name: 1e12 USD per month.
    const MAX_RATE: Decimal = Decimal::from_parts(3_567_587_328, 232, 0, false, 0);

    /// Parses a rate of a rate card: not negative, at most 1e12 USD, at most 18 decimals.
    ///
    /// # Errors
    /// When the text is anything else.
    pub fn parse(text: &str) -> Result<Self, NumberError> {
        let value = parse_decimal(text)?;
        if value.is_sign_negative() {
            return Err(NumberError::Negative(crate::text::excerpt(text)));
        }
        if value > Self::MAX_RATE {
            return Err(NumberError::OutOfRange(crate::text::excerpt(text)));
        }
        Ok(Self(value))
    }

    /// Makes an amount of dollars from a decimal of either sign.
    #[must_use]
    pub fn from_decimal(value: Decimal) -> Self {
        Self(canonical(value))
    }

    /// The amount as a plain decimal.
    #[must_use]
    pub fn decimal(self) -> Decimal {
        self.0
    }

    /// Whether this is exactly zero.
    #[must_use]
    pub fn is_zero(self) -> bool {
        self.0.is_zero()
    }

    /// The exact sum.
    ///
    /// # Errors
    /// When the sum needs more digits than a [`Decimal`] can hold.
    pub fn checked_add(self, other: Self) -> Result<Self, ArithmeticOverflow> {
        let sum = self.0.checked_add(other.0).ok_or(ArithmeticOverflow)?;
        // `Decimal` silently drops decimals when a sum exceeds 28 digits.
        if sum.scale() < self.0.scale().max(other.0.scale()) {
            return Err(ArithmeticOverflow);
        }
        Ok(Self(canonical(sum)))
    }

    /// The exact difference.
    ///
    /// # Errors
    /// When the difference needs more digits than a [`Decimal`] can hold.
    pub fn checked_sub(self, other: Self) -> Result<Self, ArithmeticOverflow> {
        let mut negated = other.0;
        negated.set_sign_negative(!negated.is_sign_negative());
        self.checked_add(Self(canonical(negated)))
    }
}

impl fmt::Display for Usd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_plain_and_exact() {
        for (text, printed) in [("1.60", "1.6"), ("-0.0", "0"), ("007", "7"), ("0.50", "0.5")] {
            assert_eq!(parse_decimal(text).unwrap().to_string(), printed);
        }
        let chain = "123456789012345.000000000000000000";
        assert_eq!(parse_decimal(chain).unwrap().to_string(), "123456789012345");
        for text in ["", ".", "1.", ".5", "+1", "1e3", "1_000", " 1", "NaN", "１", "0x1", "--1", "1.-5"] {
            assert!(matches!(parse_decimal(text), Err(NumberError::Malformed(_))), "{text}");
        }
        for text in ["0.1234567890123456789", "123456789012345678901234567890"] {
            assert!(matches!(parse_decimal(text), Err(NumberError::TooManyDigits(_))), "{text}");
        }
    }

    #[test]
    fn the_largest_rate_is_a_trillion() {
        assert_eq!(Usd::MAX_RATE.to_string(), "1000000000000");
        assert!(Usd::parse("1000000000000").is_ok());
        assert!(Usd::parse("1000000000000.1").is_err());
        assert!(Usd::parse("-1").is_err());
    }

    #[test]
    fn a_sum_that_would_lose_decimals_is_an_overflow() {
        let big = Usd::from_decimal(Decimal::from_str_exact("1000000000000000000000000000").unwrap());
        let small = Usd::parse("0.000000000001").unwrap();
        assert_eq!(big.checked_add(small), Err(ArithmeticOverflow));
    }
}
