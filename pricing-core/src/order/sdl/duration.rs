//! Durations as Go writes them: `24h`, `1h30m`, `1.5h`.

use core::time::Duration;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;

use crate::money::parse_decimal;
use crate::text::excerpt;

/// The nanoseconds of each unit. Two-letter units stand before their first letters, so that the first match is the
/// longest.
const UNITS: [(&str, i64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("\u{b5}s", 1_000),
    ("\u{3bc}s", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];
/// The most digits of a single number.
const MAX_DIGITS: usize = 20;

/// Reads a duration above 0 that fits into 64 bits of nanoseconds.
pub(super) fn positive(text: &str) -> Result<Duration, String> {
    let malformed = || format!("`{}` is not a duration; expected one such as `24h` or `1h30m`", excerpt(text));
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let nanos = if unsigned == "0" { Some(0) } else { nanoseconds(unsigned) };
    let nanos = nanos.ok_or_else(malformed)?;
    if text.starts_with('-') || nanos == 0 {
        return Err(format!("`{}` is too short; expected a duration above 0", excerpt(text)));
    }
    let nanos = i64::try_from(nanos).ok().and_then(|nanos| u64::try_from(nanos).ok());
    nanos.map(Duration::from_nanos).ok_or_else(|| format!("`{}` is too long", excerpt(text)))
}

/// Adds up numbers with units. Each term is truncated to whole nanoseconds, as in Go's `time.ParseDuration`.
fn nanoseconds(text: &str) -> Option<i128> {
    let mut rest = text;
    let mut total = 0_i128;
    if text.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at_checked(end)?;
        let (unit, nanos) = UNITS.iter().find(|(unit, _)| after.starts_with(unit))?;
        // Go accepts `.5` and `5.`, but not `.`.
        let padded = format!("0{}", number.strip_suffix('.').filter(|digits| !digits.is_empty()).unwrap_or(number));
        let number = (number.len() <= MAX_DIGITS).then(|| parse_decimal(&padded).ok()).flatten()?;
        let nanos = number.checked_mul(Decimal::from(*nanos))?.trunc().to_i128()?;
        total = total.saturating_add(nanos);
        rest = after.strip_prefix(unit)?;
    }
    Some(total)
}
