//! Settings from the environment.

use std::env;
use std::path::{Path, PathBuf};
use std::time::Duration;

use pricing_core::reserve::{CommitLevels, Overcommitted};
use pricing_core::text::Untrusted;
use pricing_core::{rates, variables};
use rust_decimal::Decimal;

use crate::NoBid;

/// Refuses unknown and empty variables with this project's prefix. If they were ignored, the limit that they were meant
/// to set would be missing.
pub(crate) fn check() -> Result<(), NoBid> {
    let set: Vec<(String, bool)> =
        env::vars_os().map(|(name, value)| (name.to_string_lossy().into_owned(), value.is_empty())).collect();
    variables::check(set.iter().map(|(name, is_empty)| (name.as_str(), *is_empty))).map_err(NoBid::new)
}

/// Refuses a variable that has the prefix of the bash script's rates and is not one of them.
pub(crate) fn check_rates() -> Result<(), NoBid> {
    let names: Vec<String> = env::vars_os().map(|(name, _)| name.to_string_lossy().into_owned()).collect();
    rates::environment::check_names(names.iter().map(String::as_str)).map_err(NoBid::new)
}

/// Returns a variable. Bytes that are not UTF-8 are replaced, so that a number or keyword with them is refused.
pub(crate) fn environment(name: &str) -> Option<String> {
    env::var_os(name).map(|value| value.to_string_lossy().into_owned())
}

/// Returns a setting that is text. It is never empty, because [`check`] refuses empty ones.
pub(crate) fn setting(name: &str) -> Option<Untrusted> {
    environment(name).map(Untrusted::new)
}

/// Returns a setting that is the path of a file.
pub(crate) fn path(name: &str) -> Option<PathBuf> {
    env::var_os(name).map(PathBuf::from)
}

/// Formats a path for messages.
pub(crate) fn shown(path: &Path) -> Untrusted {
    path.to_string_lossy().into_owned().into()
}

/// Parses a whole number of milliseconds, seconds, minutes, hours or days: `800ms`, `90s`, `60m`, `1h`, `1d`.
pub(crate) fn duration(text: &Untrusted) -> Option<Duration> {
    const UNITS: [(&str, u64); 5] = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];
    let text = text.exact();
    let (number, unit) =
        UNITS.iter().find_map(|(unit, milliseconds)| Some((text.strip_suffix(unit)?, milliseconds)))?;
    let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let number = digits.then(|| number.parse::<u64>().ok()).flatten()?;
    number.checked_mul(*unit).map(Duration::from_millis)
}

/// Reads the overcommit factors, with which the tenant's original amounts are restored.
pub(crate) fn commit_levels() -> Result<CommitLevels, NoBid> {
    let factor = |name: &str, resource: Overcommitted| match setting(name) {
        None => Ok(Decimal::ONE),
        Some(text) => resource.factor(text.exact()).map_err(|error| {
            let hint = error.hint().map(|hint| format!(" ({hint})")).unwrap_or_default();
            NoBid(format!("{name}: {error}{hint}"))
        }),
    };
    Ok(CommitLevels {
        cpu: factor("BIDPRICE_COMMIT_CPU", Overcommitted::Cpu)?,
        memory: factor("BIDPRICE_COMMIT_MEMORY", Overcommitted::Memory)?,
        gpu: factor("BIDPRICE_COMMIT_GPU", Overcommitted::Gpu)?,
        storage: factor("BIDPRICE_COMMIT_STORAGE", Overcommitted::Storage)?,
        ..CommitLevels::default()
    })
}
