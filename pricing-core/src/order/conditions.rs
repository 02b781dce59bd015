//! What an order asks of its provider beside the group spec: notice before a lease ends, and hostnames.

use core::time::Duration;

use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};

use crate::text::{Untrusted, excerpt};

/// The chain's durations are whole nanoseconds in an `i64`.
const MAX_NANOSECONDS: u128 = i64::MAX as u128;
/// The most decimals that a number of seconds can have.
const NANOSECOND_DIGITS: usize = 9;

/// What an order asks of its provider beside the group spec. Script requests carry no conditions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conditions {
    /// The shortest notice that the tenant must get before the provider takes the resources back.
    pub min_reclamation: Option<Duration>,
    /// The hostnames under which the tenant's services must be reachable.
    pub hostnames: Vec<Untrusted>,
}

/// The `reclamation` field of an order on the chain.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Reclamation {
    #[serde(alias = "minWindow")]
    pub(super) min_window: ChainDuration,
}

/// A duration as the chain writes it: `"86400s"` in protobuf's JSON, a number of nanoseconds in Go's own JSON.
#[derive(Clone, Copy)]
pub(super) struct ChainDuration(pub(super) Duration);

impl<'de> Deserialize<'de> for ChainDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WindowVisitor)
    }
}

struct WindowVisitor;

impl Visitor<'_> for WindowVisitor {
    type Value = ChainDuration;

    fn expecting(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("a duration above 0, such as \"86400s\"")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<ChainDuration, E> {
        let nanoseconds = text.strip_suffix('s').map_or_else(|| whole(text), seconds);
        let wrong = || E::custom(format_args!("`{}` is not a duration above 0, such as `86400s`", excerpt(text)));
        nanoseconds.and_then(window).ok_or_else(wrong)
    }

    fn visit_u64<E: de::Error>(self, nanoseconds: u64) -> Result<ChainDuration, E> {
        let wrong = || E::custom(format_args!("`{nanoseconds}` is not a duration above 0 in nanoseconds"));
        window(nanoseconds.into()).ok_or_else(wrong)
    }
}

fn window(nanoseconds: u128) -> Option<ChainDuration> {
    let is_in_range = nanoseconds > 0 && nanoseconds <= MAX_NANOSECONDS;
    let nanoseconds = u64::try_from(nanoseconds).ok().filter(|_| is_in_range)?;
    Some(ChainDuration(Duration::from_nanos(nanoseconds)))
}

fn whole(digits: &str) -> Option<u128> {
    let is_whole = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_whole.then(|| digits.parse().ok()).flatten()
}

/// Converts decimal seconds to nanoseconds.
fn seconds(text: &str) -> Option<u128> {
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, "0"));
    if fraction.len() > NANOSECOND_DIGITS {
        return None;
    }
    let fraction = whole(fraction).and_then(|_| whole(&format!("{fraction:0<NANOSECOND_DIGITS$}")))?;
    whole(seconds)?.checked_mul(1_000_000_000)?.checked_add(fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Duration, String> {
        let read = serde_json::from_str::<Reclamation>(&format!("{{\"min_window\":{json}}}"));
        read.map(|reclamation| reclamation.min_window.0).map_err(|error| error.to_string())
    }

    #[test]
    fn a_window_is_read_in_both_dialects() {
        let day = Duration::from_secs(86_400);
        for json in ["\"86400s\"", "\"86400.0s\"", "86400000000000", "\"86400000000000\""] {
            assert_eq!(read(json).unwrap(), day, "{json}");
        }
        assert_eq!(read("\"0.000000001s\"").unwrap(), Duration::from_nanos(1));
    }

    #[test]
    fn a_window_that_is_no_duration_is_refused() {
        for json in ["\"\"", "\"s\"", "\"0s\"", "0", "-1", "\"-5s\"", "\"1.s\"", "\".5s\"", "\"1.0000000001s\"", "1.5"]
        {
            assert!(read(json).is_err(), "{json}");
        }
        for json in ["\"9223372036.854775808s\"", "9223372036854775808", "null", "{}"] {
            assert!(read(json).is_err(), "{json}");
        }
        assert!(read("\"9223372036.854775807s\"").is_ok());
        assert!(serde_json::from_str::<Reclamation>("{\"min_windw\":\"1s\"}").is_err());
    }
}
