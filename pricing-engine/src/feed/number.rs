//! Parses exact values from text, and rounds them.
//!
//! A value has at most [`DECIMALS`] decimals. Two functions round, both half-even: [`parse`], if a source has more
//! decimals, and [`mean`].

use pricing_core::money::UsdPerAkt;
use pricing_core::text::excerpt;
use rust_decimal::{Decimal, RoundingStrategy};

/// The most decimals of a value.
pub(crate) const DECIMALS: u32 = 18;
/// The number of digits of [`UsdPerAkt::MAX`] before the decimal point.
const MAX_WHOLE_DIGITS: i32 = 7;
/// The most characters of a number.
const MAX_CHARACTERS: usize = 100;

/// Why a text is not a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ValueError {
    /// It is not a plain number.
    #[error("`{0}` is not a decimal number")]
    Malformed(String),
    /// It is out of range.
    #[error("`{0}` is out of range; expected a number above 0 and at most 1000000")]
    OutOfRange(String),
}

/// Parses a number as JSON writes it, such as `0.50` or `5e-1`, without a float in between. It is rounded half-even to
/// 18 decimals.
pub(crate) fn parse(text: &str) -> Result<Decimal, ValueError> {
    let malformed = || ValueError::Malformed(excerpt(text));
    let out_of_range = || ValueError::OutOfRange(excerpt(text));
    if text.len() > MAX_CHARACTERS {
        return Err(malformed());
    }
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, power_of_ten(exponent).ok_or_else(malformed)?),
        None => (unsigned, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    if !digits(whole) || !digits(fraction) {
        return Err(malformed());
    }
    let value = scaled(&format!("{whole}{fraction}"), whole.len(), exponent).ok_or_else(out_of_range)?;
    if unsigned.len() < text.len() { Err(out_of_range()) } else { bounded(value).ok_or_else(out_of_range) }
}

/// Returns a possible value: above 0 and at most 1000000, with at most 18 decimals.
pub(crate) fn bounded(value: Decimal) -> Option<Decimal> {
    (UsdPerAkt::new(value).is_ok() && value.scale() <= DECIMALS).then_some(value)
}

/// Returns the mean of two values, rounded half-even to 18 decimals.
pub(crate) fn mean(a: Decimal, b: Decimal) -> Option<Decimal> {
    // The sum and its half have at most 26 of the 28 digits, so only the explicit rounding rounds.
    let half = a.checked_add(b)?.checked_mul(Decimal::from_parts(5, 0, 0, false, 1))?;
    bounded(half.round_dp_with_strategy(DECIMALS, RoundingStrategy::MidpointNearestEven).normalize())
}

fn digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn power_of_ten(text: &str) -> Option<i32> {
    let (negative, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let power: i32 = Some(unsigned).filter(|text| digits(text) && text.len() <= 4)?.parse().ok()?;
    Some(if negative { power.checked_neg()? } else { power })
}

/// Returns the number with these `digits`, a decimal point after the first `point` of them, and a power of ten. Returns
/// `None` if it is far out of range.
fn scaled(digits: &str, point: usize, exponent: i32) -> Option<Decimal> {
    let significant = digits.trim_start_matches('0');
    if significant.is_empty() {
        return Some(Decimal::ZERO);
    }
    let zeros = i32::try_from(digits.len().checked_sub(significant.len())?).ok()?;
    let whole = i32::try_from(point).ok()?.checked_add(exponent)?.checked_sub(zeros)?;
    if whole > MAX_WHOLE_DIGITS {
        return None;
    }
    // A number this small has no digit within the 18 decimals, not even one to round up from.
    let Ok(kept) = usize::try_from(whole.checked_add(i32::try_from(DECIMALS).ok()?)?) else {
        return Some(Decimal::ZERO);
    };
    let (head, tail) = significant.split_at_checked(kept).unwrap_or((significant, ""));
    let missing = u32::try_from(kept.checked_sub(head.len())?).ok()?;
    let head: i128 = if head.is_empty() { 0 } else { head.parse().ok()? };
    let units = head.checked_mul(10_i128.checked_pow(missing)?)?;
    let units = if rounds_up(units, tail) { units.checked_add(1)? } else { units };
    Decimal::try_from_i128_with_scale(units, DECIMALS).ok().map(|value| value.normalize())
}

/// Returns whether half-even rounding adds one for the digits in `tail`.
fn rounds_up(units: i128, tail: &str) -> bool {
    let tail = tail.trim_end_matches('0');
    match tail.as_bytes() {
        [b'5'] => units % 2 != 0,
        [first, ..] => *first >= b'5',
        [] => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> String {
        parse(text).map_or_else(|error| error.to_string(), |value| value.to_string())
    }

    #[test]
    fn numbers_are_read_digit_by_digit() {
        assert_eq!(value("0.50"), "0.5");
        assert_eq!(value("1e-1"), "0.1");
        assert_eq!(value("5E+0"), "5");
        assert_eq!(value("0.1234567890123456"), "0.1234567890123456");
        assert_eq!(value("123456e-6"), "0.123456");
        assert_eq!(value("0.0000001e7"), "1");
        assert_eq!(value("1000000"), "1000000");
        assert_eq!(value("1e6"), "1000000");
        assert_eq!(value("1000000.00"), "1000000");
        assert_eq!(value("1e-18"), "0.000000000000000001");
    }

    #[test]
    fn what_is_behind_the_18th_decimal_is_rounded_half_even() {
        assert_eq!(value("0.1234567890123456785"), "0.123456789012345678");
        assert_eq!(value("0.1234567890123456795"), "0.12345678901234568");
        assert_eq!(value("0.12345678901234567850001"), "0.123456789012345679");
        assert_eq!(value("0.512345678901234567890123456789012345"), "0.512345678901234568");
        assert_eq!(value("999999.9999999999999999999"), "1000000");
    }

    #[test]
    fn a_value_outside_of_the_bounds_is_refused() {
        for text in ["0", "0.000", "0e5", "-0", "-1", "-0.5", "1000001", "1000000.000000000000000001", "1e9", "1e-19"] {
            assert!(value(text).contains("out of range"), "{text}: {}", value(text));
        }
        for text in ["1e9999", "1e-9999", "5e-19", "1000000000000000000000000000000000000000000"] {
            assert!(value(text).contains("out of range"), "{text}: {}", value(text));
        }
    }

    #[test]
    fn what_is_no_number_is_refused() {
        let long = "1".repeat(200);
        for text in ["", "-", ".", "1.", ".5", "1e", "e5", "1e1.5", "NaN", "Infinity", "0x10", "1,5", " 1", "+1", "--1"]
        {
            assert!(value(text).contains("not a decimal number"), "{text}: {}", value(text));
        }
        assert!(value(&long).contains("not a decimal number"));
        assert!(value("1e99999").contains("not a decimal number"));
        assert!(value("٣").contains("not a decimal number"));
    }

    #[test]
    fn a_mean_is_rounded_half_even_to_18_decimals() {
        let mean = |a: &str, b: &str| super::mean(parse(a).unwrap(), parse(b).unwrap()).unwrap().to_string();
        assert_eq!(mean("0.5", "0.6"), "0.55");
        assert_eq!(mean("1e-18", "2e-18"), "0.000000000000000002");
        assert_eq!(mean("2e-18", "3e-18"), "0.000000000000000002");
        assert_eq!(mean("1000000", "999999.999999999999999999"), "1000000");
    }
}
