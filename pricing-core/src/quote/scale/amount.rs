//! Non-negative decimals of arbitrary precision, as the daemon computes with.

use core::cmp::Ordering;
use core::fmt;
use core::ops::{Add, Mul};

use num_bigint::BigUint;
use rust_decimal::Decimal;

use crate::text::excerpt;

/// The maximum length of a number, in characters, and the largest power of ten in it: far more than any price needs,
/// and little enough to compute with.
const MAX_CHARACTERS: usize = 200;
const MAX_EXPONENT: u32 = 1_000;

/// `digits / 10^decimals`, without trailing zeros after the point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Amount {
    digits: BigUint,
    decimals: u32,
}

/// Why a text is not an amount.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a decimal number of at most 200 characters, with an exponent, if any, between -1000 and 1000")]
pub struct AmountError(String);

/// The exact sum.
pub(super) fn sum(a: &BigUint, b: &BigUint) -> BigUint {
    Add::add(a, b)
}

/// The exact product.
pub(super) fn product(a: &BigUint, b: &BigUint) -> BigUint {
    Mul::mul(a, b)
}

/// `10^exponent`.
pub(super) fn power_of_ten(exponent: u32) -> BigUint {
    BigUint::from(10_u32).pow(exponent)
}

impl Amount {
    /// `digits / 10^decimals`.
    #[must_use]
    pub(super) fn new(digits: BigUint, decimals: u32) -> Self {
        let text = digits.to_string();
        let zeros = text.bytes().rev().take_while(|byte| *byte == b'0').count();
        let zeros = u32::try_from(zeros).unwrap_or(u32::MAX).min(decimals);
        if zeros == 0 {
            return Self { digits, decimals };
        }
        let kept = text.len().saturating_sub(usize::try_from(zeros).unwrap_or(usize::MAX));
        let digits = text.get(..kept).and_then(|kept| kept.parse().ok()).unwrap_or_default();
        Self { digits, decimals: decimals.saturating_sub(zeros) }
    }

    /// A whole number.
    #[must_use]
    pub(super) fn whole(digits: BigUint) -> Self {
        Self { digits, decimals: 0 }
    }

    /// Parses a number as the daemon does (`decimal.NewFromString`): `0.5`, `.5`, `5.`, `1e30`, with or without a sign.
    /// Returns its absolute value, and whether it is negative.
    ///
    /// # Errors
    /// When the text is not a number, or is unreasonably long.
    pub fn parse(text: &str) -> Result<(Self, bool), AmountError> {
        let malformed = || AmountError(excerpt(text));
        if text.len() > MAX_CHARACTERS {
            return Err(malformed());
        }
        let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
        let (number, exponent) = match unsigned.split_once(['e', 'E']) {
            Some((number, exponent)) => (number, power(exponent).ok_or_else(malformed)?),
            None => (unsigned, 0),
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let digits = format!("{whole}{fraction}");
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(malformed());
        }
        let digits: BigUint = digits.parse().map_err(|_| malformed())?;
        let decimals = i64::try_from(fraction.len()).ok().and_then(|decimals| decimals.checked_sub(exponent));
        let decimals = decimals.ok_or_else(malformed)?;
        let shift = u32::try_from(decimals.unsigned_abs()).map_err(|_| malformed())?;
        let amount = match decimals {
            0.. => Self::new(digits, shift),
            _ => Self::whole(product(&digits, &power_of_ten(shift))),
        };
        let is_negative = text.starts_with('-') && !amount.is_zero();
        Ok((amount, is_negative))
    }

    /// Converts a non-negative decimal.
    #[must_use]
    pub(super) fn of_decimal(value: Decimal) -> Self {
        Self::new(BigUint::from(value.mantissa().unsigned_abs()), value.scale())
    }

    /// The same as a [`Decimal`], if it fits.
    #[must_use]
    pub fn decimal(&self) -> Option<Decimal> {
        Decimal::from_str_exact(&self.to_string()).ok()
    }

    /// Whether it is zero.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        self.digits == BigUint::ZERO
    }

    /// The number of decimals.
    #[must_use]
    pub fn decimals(&self) -> u32 {
        self.decimals
    }

    /// The exact product.
    #[must_use]
    pub(super) fn times(&self, other: &Self) -> Self {
        Self::new(product(&self.digits, &other.digits), self.decimals.saturating_add(other.decimals))
    }

    /// The exact sum.
    #[must_use]
    pub(super) fn plus(&self, other: &Self) -> Self {
        let decimals = self.decimals.max(other.decimals);
        Self::new(sum(&self.digits_at(decimals), &other.digits_at(decimals)), decimals)
    }

    /// The digits at a number of decimals, which must not be lower than its own.
    fn digits_at(&self, decimals: u32) -> BigUint {
        product(&self.digits, &power_of_ten(decimals.saturating_sub(self.decimals)))
    }
}

/// Parses the exponent after an `e`.
fn power(text: &str) -> Option<i64> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let is_whole = !unsigned.is_empty() && unsigned.bytes().all(|byte| byte.is_ascii_digit());
    let power = is_whole.then(|| unsigned.parse::<u32>().ok()).flatten().filter(|power| *power <= MAX_EXPONENT)?;
    let power = i64::from(power);
    if text.starts_with('-') { power.checked_neg() } else { Some(power) }
}

impl PartialOrd for Amount {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Amount {
    fn cmp(&self, other: &Self) -> Ordering {
        let decimals = self.decimals.max(other.decimals);
        self.digits_at(decimals).cmp(&other.digits_at(decimals))
    }
}

impl fmt::Display for Amount {
    /// Writes the number without an exponent and without trailing zeros after the point.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimals = usize::try_from(self.decimals).unwrap_or(usize::MAX);
        let digits = self.digits.to_string();
        if decimals == 0 {
            return f.write_str(&digits);
        }
        let padded = format!("{digits:0>width$}", width = decimals.saturating_add(1));
        let (whole, fraction) =
            padded.split_at_checked(padded.len().saturating_sub(decimals)).unwrap_or((&padded, "0"));
        write!(f, "{whole}.{fraction}")
    }
}
