//! What an AKT is worth: set, or cached in a file by `bidprice feed update`.

use std::path::Path;
use std::time::{Duration, SystemTime};

use pricing_core::money::parse_decimal;
use rust_decimal::Decimal;

use crate::settings::{duration, path, setting, shown};
use crate::{NoBid, files};

/// How old a cached rate may be: an hour, as in the script.
const DEFAULT_MAX_AGE: Duration = Duration::from_secs(3600);
/// How far a file's time may lie ahead of a clock that is a little behind.
const CLOCK_SKEW: Duration = Duration::from_secs(60);
/// The most bytes that a cache file may have.
const MAX_BYTES: usize = 4096;

/// How an operator can name a rate.
const WAYS: &str =
    "BIDPRICE_USD_PER_AKT to a number, or BIDPRICE_RATE_CACHE to a file that `bidprice feed update` keeps fresh";

/// The rate, or why there is none.
pub(crate) struct Feed(Result<Decimal, String>);

impl Feed {
    /// Reads the settings. A rate that is set must be right; a cache that cannot be used leaves no rate.
    pub(crate) fn from_settings() -> Result<Self, NoBid> {
        let max_age = match setting("BIDPRICE_RATE_CACHE_MAX_AGE") {
            None => DEFAULT_MAX_AGE,
            Some(text) => duration(&text).ok_or_else(|| {
                NoBid(format!("BIDPRICE_RATE_CACHE_MAX_AGE: `{text}` is not a duration; expected one such as `60m`"))
            })?,
        };
        if let Some(text) = setting("BIDPRICE_USD_PER_AKT") {
            let rate = rate(text.exact()).map_err(|error| NoBid(format!("BIDPRICE_USD_PER_AKT: {error}")))?;
            return Ok(Self(Ok(rate)));
        }
        Ok(Self(match path("BIDPRICE_RATE_CACHE") {
            None => Err(format!("set {WAYS}")),
            Some(path) => cached(&path, max_age)
                .map_err(|error| format!("BIDPRICE_RATE_CACHE: `{}` {error}; set {WAYS}", shown(&path))),
        }))
    }

    /// USD for an AKT.
    pub(crate) fn usd_per_akt(&self) -> Option<Decimal> {
        self.0.as_ref().ok().copied()
    }

    /// Why there is no rate.
    pub(crate) fn problem(&self) -> &str {
        self.0.as_ref().err().map_or("", String::as_str)
    }
}

fn cached(path: &Path, max_age: Duration) -> Result<Decimal, String> {
    let (text, modified) = files::read_trusted(path, MAX_BYTES)?;
    match SystemTime::now().duration_since(modified) {
        Ok(age) if age > max_age => {
            Err(format!("is {} s old, and {} s is the limit", age.as_secs(), max_age.as_secs()))
        }
        Err(ahead) if ahead.duration() > CLOCK_SKEW => Err("was written in the future".to_owned()),
        _ => rate(text.trim()).map_err(|error| format!("holds no rate: {error}")),
    }
}

/// A rate above 0 and at most 1000000, as the script permits it.
fn rate(text: &str) -> Result<Decimal, String> {
    let rate = parse_decimal(text).map_err(|error| error.to_string())?;
    if rate <= Decimal::ZERO || rate > Decimal::from(1_000_000) {
        return Err(format!("`{rate}` is out of range; expected a number above 0 and at most 1000000"));
    }
    Ok(rate)
}
