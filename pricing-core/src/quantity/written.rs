//! Amounts in the forms that people and data frames write: `1.5` threads, `16Gi`, `4.0`, `1.5e3`.

use super::{Bytes, MilliCpu, Quantity};
use crate::input::InputError;
use crate::text::excerpt;

/// A smaller amount of memory or storage is taken for a number of GiB that lacks its unit.
const LEAST_BYTES: u64 = 1 << 20;

/// Parses threads: a decimal, or thousandths with the suffix `m`. Rounded up to thousandths.
///
/// # Errors
/// When it is neither, or out of range.
pub fn threads(text: &str) -> Result<MilliCpu, InputError> {
    let milli = match text.strip_suffix('m') {
        Some(thousandths) => plain(thousandths).map(Quantity::ceil),
        None => plain(text).map(Quantity::ceil_milli),
    };
    milli.and_then(|milli| u64::try_from(milli).ok()).map(MilliCpu::new).ok_or_else(|| {
        InputError::new(format_args!("`{}` is not a number of threads", excerpt(text)))
            .hint("write such as `1.5` or `500m`")
    })
}

/// Parses bytes: a number, or a quantity such as `16Gi`. A positive amount below a mebibyte is rejected, because it
/// lacks a unit.
///
/// # Errors
/// When it is neither, or out of range.
pub fn bytes(text: &str) -> Result<Bytes, InputError> {
    let number = Quantity::parse(text).ok().and_then(|quantity| u64::try_from(quantity.ceil()).ok());
    let hint = "write bytes, or such as `16Gi`";
    match number {
        Some(few @ 1..LEAST_BYTES) => {
            let message = format!("`{}` is only {few} bytes", excerpt(text));
            Err(InputError::new(message).hint(hint))
        }
        Some(number) => Ok(Bytes::new(number)),
        None => Err(InputError::new(format_args!("`{}` is not an amount of bytes", excerpt(text))).hint(hint)),
    }
}

/// A number without a unit, which may be written like a float: `1.5e3`.
#[must_use]
pub fn plain(text: &str) -> Option<Quantity> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit() || b".+-eE".contains(&byte));
    // An `E` without an exponent would be a unit.
    let ends = text.ends_with(|last: char| last.is_ascii_digit() || last == '.');
    (is_number && ends).then(|| Quantity::parse(text).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_carry_their_units() {
        assert_eq!(threads("1.5").unwrap().get(), 1500);
        assert_eq!(threads("500m").unwrap().get(), 500);
        assert_eq!(threads("0.0001").unwrap().get(), 1);
        assert_eq!(bytes("16Gi").unwrap().get(), 16 << 30);
        assert_eq!(bytes("1048576.0").unwrap().get(), 1 << 20);
        assert_eq!(bytes("0").unwrap().get(), 0);
        for text in ["", "-1", "4Gi", "4k", "NaN", "m", "1e30"] {
            assert!(threads(text).is_err(), "{text}");
        }
        for text in ["", "16", "-16Gi", "16 GiB", "NaN", "1e30", "0.5"] {
            assert!(bytes(text).is_err(), "{text}");
        }
    }
}
