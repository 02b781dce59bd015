//! Settings from the environment.

use std::env;
use std::time::Duration;

use pricing_core::money::parse_decimal;
use pricing_core::reserve::CommitLevels;
use rust_decimal::Decimal;

use crate::NoBid;

/// A variable of the environment. Bytes that are not UTF-8 are replaced, which leaves no number and no path whole.
pub(crate) fn environment(name: &str) -> Option<String> {
    env::var_os(name).map(|value| value.to_string_lossy().into_owned())
}

/// A setting: a variable that is neither unset nor empty.
pub(crate) fn setting(name: &str) -> Option<String> {
    environment(name).filter(|value| !value.is_empty())
}

/// A whole number of milliseconds, seconds, minutes, hours or days: `800ms`, `90s`, `60m`, `1h`, `1d`.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    const UNITS: [(&str, u64); 5] = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];
    let (number, unit) =
        UNITS.iter().find_map(|(unit, milliseconds)| Some((text.strip_suffix(unit)?, milliseconds)))?;
    let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let number = digits.then(|| number.parse::<u64>().ok()).flatten()?;
    number.checked_mul(*unit).map(Duration::from_millis)
}

/// The overcommit factors that restore what the tenant asked for.
pub(crate) fn commit_levels() -> Result<CommitLevels, NoBid> {
    let factor = |name: &str| match setting(name) {
        None => Ok(Decimal::ONE),
        Some(text) => {
            let factor = parse_decimal(&text).map_err(|error| NoBid(format!("{name}: {error}")))?;
            let above_zero = (factor > Decimal::ZERO).then_some(factor);
            above_zero.ok_or_else(|| NoBid(format!("{name}: `{text}` is out of range; expected a number above 0")))
        }
    };
    Ok(CommitLevels {
        cpu: factor("BIDPRICE_COMMIT_CPU")?,
        memory: factor("BIDPRICE_COMMIT_MEMORY")?,
        gpu: factor("BIDPRICE_COMMIT_GPU")?,
        storage: factor("BIDPRICE_COMMIT_STORAGE")?,
    })
}
