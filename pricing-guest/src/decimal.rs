//! Exact decimals from text, in the syntax of the WIT package: no exponent, no `+`, no spaces.

use core::fmt;

use rust_decimal::{Decimal, RoundingStrategy};

/// The most decimals that the host accepts.
const MAX_DECIMALS: u32 = 18;
/// The most decimals that a [`Decimal`] holds.
const MAX_SCALE: usize = 28;
/// The largest mantissa that a [`Decimal`] holds.
const MAX_MANTISSA: u128 = (1 << 96) - 1;

/// Why a value of the request cannot be used. It converts to a `String`, so that `?` works in a price function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// A text that is not a decimal.
    NotADecimal(String),
    /// A decimal with more digits than can be held exactly.
    TooManyDigits(String),
    /// Something that is absent from the request.
    Missing(&'static str),
    /// A number that is too large.
    Overflow(&'static str),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotADecimal(text) => write!(f, "`{text}` is not a decimal; expected text such as `12.5`"),
            Self::TooManyDigits(text) => write!(f, "`{text}` has more digits than a decimal can keep"),
            Self::Missing(what) => write!(f, "the request has no {what}"),
            Self::Overflow(what) => write!(f, "{what} is too large a number"),
        }
    }
}

impl core::error::Error for Error {}

impl From<Error> for String {
    fn from(error: Error) -> Self {
        error.to_string()
    }
}

/// Parses a decimal of a request. Never rounds.
///
/// # Errors
/// When the text is not a decimal, or has more digits than can be held.
pub fn parse(text: &str) -> Result<Decimal, Error> {
    match scan(text.as_bytes()) {
        Ok(number) => Ok(number),
        Err(Refused::Form) => Err(Error::NotADecimal(text.to_owned())),
        Err(Refused::Digits) => Err(Error::TooManyDigits(text.to_owned())),
    }
}

/// Parses a decimal at compile time; see [`decimal!`](crate::decimal!).
#[must_use]
#[expect(clippy::panic, reason = "it stops the compiler, not the plugin")]
pub const fn constant(text: &str) -> Decimal {
    match scan(text.as_bytes()) {
        Ok(number) => number,
        Err(Refused::Form) => panic!("not a decimal; expected text such as `12.5`"),
        Err(Refused::Digits) => panic!("more digits than a decimal can keep"),
    }
}

enum Refused {
    Form,
    Digits,
}

/// Parses a decimal. Written without traits, iterators and `?`, which a `const fn` cannot use.
const fn scan(text: &[u8]) -> Result<Decimal, Refused> {
    let (negative, text) = match text {
        [b'-', rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    let (mantissa, rest) = match digits(0, text) {
        Ok(read) => read,
        Err(refused) => return Err(refused),
    };
    if rest.len() == text.len() {
        return Err(Refused::Form);
    }
    let mut fraction = match rest {
        [] => return assemble(mantissa, 0, negative),
        [b'.', fraction @ ..] if !fraction.is_empty() => fraction,
        _ => return Err(Refused::Form),
    };
    // Zeros at the end have no meaning, and the chain always writes 18 decimals.
    while let [kept @ .., b'0'] = fraction {
        fraction = kept;
    }
    match digits(mantissa, fraction) {
        Ok((mantissa, [])) => assemble(mantissa, fraction.len(), negative),
        Ok(_) => Err(Refused::Form),
        Err(refused) => Err(refused),
    }
}

/// Appends the digits at the start of a text to a number. Returns the number and the rest of the text.
const fn digits(mut mantissa: u128, mut text: &[u8]) -> Result<(u128, &[u8]), Refused> {
    while let [byte @ b'0'..=b'9', rest @ ..] = text {
        mantissa = mantissa.wrapping_mul(10).wrapping_add(widen(byte.wrapping_sub(b'0')));
        if mantissa > MAX_MANTISSA {
            return Err(Refused::Digits);
        }
        text = rest;
    }
    Ok((mantissa, text))
}

/// `From` cannot be used in a `const fn`.
const fn widen(digit: u8) -> u128 {
    u128::from_le_bytes([digit, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
}

const fn assemble(mantissa: u128, decimals: usize, negative: bool) -> Result<Decimal, Refused> {
    let scale = match decimals.to_le_bytes() {
        [scale, ..] if decimals <= MAX_SCALE => u32::from_le_bytes([scale, 0, 0, 0]),
        _ => return Err(Refused::Digits),
    };
    let [a, b, c, d, e, f, g, h, i, j, k, l, ..] = mantissa.to_le_bytes();
    let low = u32::from_le_bytes([a, b, c, d]);
    let middle = u32::from_le_bytes([e, f, g, h]);
    let high = u32::from_le_bytes([i, j, k, l]);
    Ok(Decimal::from_parts(low, middle, high, negative && mantissa != 0, scale))
}

/// Writes a decimal for the host: rounded half-even to the decimals that the host accepts, and without trailing zeros.
pub(crate) fn text(number: Decimal) -> String {
    number.round_dp_with_strategy(MAX_DECIMALS, RoundingStrategy::MidpointNearestEven).normalize().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_read_exactly() {
        for (text, expected) in [
            ("0", "0"),
            ("-0", "0"),
            ("-0.000", "0"),
            ("12.5", "12.5"),
            ("-12.50", "-12.5"),
            ("007", "7"),
            ("1000000.000000000000000000", "1000000"),
            ("0.0000000000000000000000000001", "0.0000000000000000000000000001"),
            ("79228162514264337593543950335", "79228162514264337593543950335"),
        ] {
            assert_eq!(parse(text).unwrap().to_string(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_decimal_is_refused() {
        for text in ["", "-", ".5", "5.", "1e3", "+1", " 1", "1 ", "1_0", "NaN", "１", "1.2.3", "--1", "1.x00", "0x1"]
        {
            assert_eq!(parse(text), Err(Error::NotADecimal(text.to_owned())));
        }
        let long = "9".repeat(4000);
        for text in ["79228162514264337593543950336", "0.00000000000000000000000000001", long.as_str()] {
            assert_eq!(parse(text), Err(Error::TooManyDigits(text.to_owned())));
        }
    }

    #[test]
    fn constants_are_the_same_as_texts() {
        assert_eq!(crate::decimal!("-0.90"), parse("-0.9").unwrap());
    }

    #[test]
    fn what_crosses_to_the_host_is_what_it_takes() {
        assert_eq!(text(Decimal::new(-1500, 3)), "-1.5");
        assert_eq!(text(Decimal::new(100, 0)), "100");
        assert_eq!(text(-Decimal::new(0, 2)), "0");
        let third = Decimal::ONE.checked_div(Decimal::new(3, 0)).unwrap();
        assert_eq!(text(third), "0.333333333333333333");
        assert_eq!(text(Decimal::new(-1, 28)), "0");
    }

    #[test]
    fn errors_turn_into_text() {
        fn price() -> Result<Decimal, String> {
            Ok(parse("ten")?)
        }
        assert_eq!(price().unwrap_err(), "`ten` is not a decimal; expected text such as `12.5`");
    }
}
