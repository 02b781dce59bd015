//! The USD price of an AKT: a setting, or a file that `bidprice feed update` writes.

use std::path::Path;
use std::time::{Duration, SystemTime};

use pricing_core::money::{UsdPerAkt, UsdPerAktError};

use crate::settings::{duration, path, setting, shown};
use crate::{NoBid, files};

/// The longest age of a cached rate: an hour, as in the bash script.
const DEFAULT_MAX_AGE: Duration = Duration::from_secs(3600);
/// How far a file's modification time may lie in the future, for clocks that are slightly behind.
const CLOCK_SKEW: Duration = Duration::from_secs(60);
/// The most bytes that a cache file may have.
const MAX_BYTES: usize = 4096;

/// How an operator can name a rate.
const WAYS: &str =
    "BIDPRICE_USD_PER_AKT to a number, or BIDPRICE_RATE_CACHE to a file that `bidprice feed update` keeps fresh";

/// The rate, or why there is none.
pub(crate) struct Feed(Result<UsdPerAkt, String>);

impl Feed {
    /// Reads the settings. A rate that is set must be valid. A cache that cannot be used means that there is no rate.
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

    /// Returns the USD price of an AKT, if known.
    pub(crate) fn usd_per_akt(&self) -> Option<UsdPerAkt> {
        self.0.as_ref().ok().copied()
    }

    /// Returns why there is no rate.
    pub(crate) fn problem(&self) -> &str {
        self.0.as_ref().err().map_or("", String::as_str)
    }
}

fn cached(path: &Path, max_age: Duration) -> Result<UsdPerAkt, String> {
    let (text, modified) = files::read_trusted(path, MAX_BYTES)?;
    match SystemTime::now().duration_since(modified) {
        Ok(age) if age > max_age => {
            Err(format!("is {} s old, and {} s is the limit", age.as_secs(), max_age.as_secs()))
        }
        Err(ahead) if ahead.duration() > CLOCK_SKEW => Err("was written in the future".to_owned()),
        _ => rate(text.trim()).map_err(|error| format!("does not contain a rate: {error}")),
    }
}

/// Parses a rate. Its bounds are those that the bash script permits.
fn rate(text: &str) -> Result<UsdPerAkt, String> {
    text.parse().map_err(|error: UsdPerAktError| error.to_string())
}
