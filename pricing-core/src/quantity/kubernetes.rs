//! The Kubernetes notation for quantities, and how Kubernetes rounds them.

use core::fmt;

use ethnum::U256;

/// A number in Kubernetes notation (`2050m`, `16Gi`, `1e3`, `-1`), exact to a billionth.
///
/// The notation is that of `k8s.io/apimachinery/pkg/api/resource`: a signed decimal with one suffix of `n u m k M G T P
/// E`, `Ki Mi Gi Ti Pi Ei`, or a decimal exponent such as `e3` or `E-3`. Fractions of a billionth are rounded up, away
/// from zero, as in Kubernetes. Unlike there, numbers above 2^63 are kept, so that counters that ran below zero can be
/// recognised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Quantity {
    nanos: i128,
}

/// The error for a text that is not a Kubernetes quantity.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a quantity; expected a number such as `500m`, `16Gi` or `1e3`")]
pub struct QuantityError(String);

const NANOS: i128 = 1_000_000_000;
/// The number of digits that 256 bits hold exactly with any suffix.
const MAX_DIGITS: usize = 56;

impl Quantity {
    /// Zero.
    pub const ZERO: Self = Self { nanos: 0 };

    /// Makes a quantity of whole units.
    #[must_use]
    pub fn from_whole(units: u64) -> Self {
        Self { nanos: i128::from(units).saturating_mul(NANOS) }
    }

    /// Parses a quantity. Numbers that are too large become the largest one (about 1.7e29).
    ///
    /// # Errors
    /// When the text is not in Kubernetes notation.
    pub fn parse(text: &str) -> Result<Self, QuantityError> {
        let error = || QuantityError(crate::text::excerpt(text));
        let (negative, unsigned) = match text.as_bytes().first() {
            Some(b'-') => (true, text.get(1..).unwrap_or("")),
            Some(b'+') => (false, text.get(1..).unwrap_or("")),
            _ => (false, text),
        };
        let end = unsigned.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(unsigned.len());
        let (number, suffix) = unsigned.split_at(end);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let digits = whole.len().saturating_add(fraction.len());
        if digits == 0 || digits > MAX_DIGITS || fraction.contains('.') {
            return Err(error());
        }
        let scale = Scale::parse(suffix).ok_or_else(error)?;
        let nanos = scale.nanos(whole, fraction);
        Ok(Self { nanos: if negative { nanos.saturating_neg() } else { nanos } })
    }

    /// The number of units, rounded up, like `Value()` in Kubernetes.
    #[must_use]
    pub fn ceil(self) -> i128 {
        round_away(self.nanos, NANOS)
    }

    /// The number of thousandths, rounded up, like `MilliValue()` in Kubernetes.
    #[must_use]
    pub fn ceil_milli(self) -> i128 {
        round_away(self.nanos, NANOS / 1000)
    }

    /// The number of units, rounded down.
    #[must_use]
    pub fn floor(self) -> i128 {
        self.nanos.div_euclid(NANOS)
    }

    /// The number of thousandths, rounded down.
    #[must_use]
    pub fn floor_milli(self) -> i128 {
        self.nanos.div_euclid(NANOS / 1000)
    }

    /// The difference, which may be negative; saturating.
    #[must_use]
    pub fn saturating_sub(self, other: Self) -> Self {
        Self { nanos: self.nanos.saturating_sub(other.nanos) }
    }

    /// The number of units, if it is an integer from 0 to 2^64 - 1.
    #[must_use]
    pub fn whole(self) -> Option<u64> {
        let whole = self.nanos.checked_rem(NANOS) == Some(0);
        whole.then(|| u64::try_from(self.ceil()).ok()).flatten()
    }
}

impl fmt::Display for Quantity {
    /// Writes whole units, or thousandths (`m`), millionths (`u`) or billionths (`n`), whichever is exact first.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (divisor, suffix) in [(NANOS, ""), (1_000_000, "m"), (1_000, "u")] {
            if self.nanos.checked_rem(divisor) == Some(0) {
                return write!(f, "{}{suffix}", self.nanos.checked_div(divisor).unwrap_or(0));
            }
        }
        write!(f, "{}n", self.nanos)
    }
}

fn round_away(value: i128, divisor: i128) -> i128 {
    let quotient = value.checked_div(divisor).unwrap_or(0);
    let rest = value.checked_rem(divisor).unwrap_or(0);
    quotient.saturating_add(rest.signum())
}

/// The factor that a suffix stands for.
enum Scale {
    /// A power of ten.
    Decimal(i32),
    /// A power of 1024.
    Binary(u32),
}

impl Scale {
    fn parse(suffix: &str) -> Option<Self> {
        let scale = match suffix {
            "n" => Self::Decimal(-9),
            "u" => Self::Decimal(-6),
            "m" => Self::Decimal(-3),
            "" => Self::Decimal(0),
            "k" => Self::Decimal(3),
            "M" => Self::Decimal(6),
            "G" => Self::Decimal(9),
            "T" => Self::Decimal(12),
            "P" => Self::Decimal(15),
            "E" => Self::Decimal(18),
            "Ki" => Self::Binary(1),
            "Mi" => Self::Binary(2),
            "Gi" => Self::Binary(3),
            "Ti" => Self::Binary(4),
            "Pi" => Self::Binary(5),
            "Ei" => Self::Binary(6),
            _ => {
                let exponent = suffix.strip_prefix(['e', 'E'])?;
                let digits = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
                if digits.is_empty() || digits.len() > 9 || !digits.bytes().all(|b| b.is_ascii_digit()) {
                    return None;
                }
                Self::Decimal(exponent.parse().ok()?)
            }
        };
        Some(scale)
    }

    /// `whole.fraction` times this scale, in billionths, rounded up, saturating.
    fn nanos(&self, whole: &str, fraction: &str) -> i128 {
        let mut mantissa = U256::ZERO;
        for digit in whole.bytes().chain(fraction.bytes()) {
            let digit = U256::from(digit.saturating_sub(b'0'));
            mantissa = mantissa.saturating_mul(U256::new(10)).saturating_add(digit);
        }
        let decimals = i64::try_from(fraction.len()).unwrap_or(i64::MAX);
        let (mantissa, power) = match self {
            Self::Binary(power) => (mantissa.saturating_mul(U256::new(1024).saturating_pow(*power)), 9),
            Self::Decimal(power) => (mantissa, i64::from(*power).saturating_add(9)),
        };
        if mantissa == U256::ZERO {
            return 0;
        }
        let power = power.saturating_sub(decimals);
        let factor = u32::try_from(power.unsigned_abs()).ok().and_then(|power| U256::new(10).checked_pow(power));
        let nanos = match (factor, power >= 0) {
            (Some(factor), true) => mantissa.saturating_mul(factor),
            (Some(factor), false) => {
                let rest = mantissa.checked_rem(factor).unwrap_or_default();
                let quotient = mantissa.checked_div(factor).unwrap_or_default();
                quotient.saturating_add(U256::from(rest != U256::ZERO))
            }
            (None, true) => U256::MAX,
            // Less than a billionth, but not zero.
            (None, false) => U256::ONE,
        };
        i128::try_from(nanos).unwrap_or(i128::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nanos(text: &str) -> i128 {
        Quantity::parse(text).unwrap().nanos
    }

    #[test]
    fn kubernetes_notation() {
        assert_eq!(Quantity::parse("2050m").unwrap().ceil_milli(), 2050);
        assert_eq!(Quantity::parse("16Gi").unwrap().whole(), Some(16 << 30));
        assert_eq!(Quantity::parse("1e3").unwrap().whole(), Some(1000));
        assert_eq!(Quantity::parse("1E").unwrap().whole(), Some(1_000_000_000_000_000_000));
        assert_eq!(Quantity::parse("-1").unwrap().ceil(), -1);
        assert_eq!(Quantity::parse("1.5Gi").unwrap().whole(), Some(1_610_612_736));
        assert_eq!(Quantity::parse(".5").unwrap().ceil_milli(), 500);
        assert_eq!(Quantity::parse("5.").unwrap().whole(), Some(5));
        assert_eq!(Quantity::parse("18446744073709551615").unwrap().whole(), Some(u64::MAX));
        assert_eq!(Quantity::parse("100m").unwrap().ceil(), 1);
        assert_eq!(nanos("0.1n"), 1);
        assert_eq!(nanos("1e-999999999"), 1);
        assert_eq!(nanos("0e999999999"), 0);
        assert_eq!(nanos("1e999999999"), i128::MAX);
        for text in [
            "",
            "-",
            ".",
            "1..2",
            "1.2.3",
            "Gi",
            "1 Gi",
            "1gi",
            "1e",
            "1e+",
            "１",
            "1e9999999999",
            "0x1",
            "NaN",
            "1K",
            "1ki",
            "--1",
            "+-1",
            "1e3Ki",
            "1mi",
        ] {
            assert!(Quantity::parse(text).is_err(), "{text}");
        }
        assert!(Quantity::parse(&"9".repeat(65)).is_err());
    }

    #[test]
    fn long_fractions_are_exact() {
        assert_eq!(nanos(&format!("0.1{}", "0".repeat(50))), 100_000_000);
        assert_eq!(nanos(&format!("1.{}1", "0".repeat(50))), 1_000_000_001);
        assert_eq!(nanos(&format!("0.5{}Ei", "0".repeat(50))), (1_i128 << 59) * NANOS);
        assert_eq!(nanos(&format!("{}e-40", "1".repeat(41))), 1_111_111_112);
        assert_eq!(Quantity::parse(&"9".repeat(56)).unwrap().nanos, i128::MAX);
    }

    /// As `Value()` and `MilliValue()` round, for numbers that are none of theirs exactly.
    #[test]
    fn rounding_goes_both_ways() {
        let cases = [
            ("1500m", 2, 1),
            ("-1500m", -2, -2),
            ("100u", 1, 0),
            ("3", 3, 3),
            ("128974848000m", 128_974_848, 128_974_848),
        ];
        for (text, up, down) in cases {
            let quantity = Quantity::parse(text).unwrap();
            assert_eq!((quantity.ceil(), quantity.floor()), (up, down), "{text}");
        }
        assert_eq!(Quantity::parse("2050500u").unwrap().ceil_milli(), 2051);
        assert_eq!(Quantity::parse("2050500u").unwrap().floor_milli(), 2050);
        assert_eq!(Quantity::parse("2").unwrap().saturating_sub(Quantity::parse("2050m").unwrap()).to_string(), "-50m");
    }

    #[test]
    fn printing_keeps_the_value() {
        for text in ["0", "2050m", "1u", "-3n", "17179869184", "1500u"] {
            assert_eq!(Quantity::parse(text).unwrap().to_string(), text);
        }
    }
}
