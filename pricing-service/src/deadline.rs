//! The deadline that a caller names.

use std::time::{Duration, Instant};

use tonic::codegen::http::HeaderMap;
use tonic::metadata::MetadataMap;

/// When a call must be answered. It counts from the arrival of its head: a request that drips in has no more time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Deadline(pub(super) Instant);

/// When a call must be answered: as its caller says in `grpc-timeout`, and no later than the longest that is allowed.
pub(super) fn of(headers: &HeaderMap, longest: Duration) -> Instant {
    let named = headers.get(HEADER).and_then(|value| value.to_str().ok()).and_then(parse);
    let now = Instant::now();
    now.checked_add(named.unwrap_or(longest).min(longest)).unwrap_or(now)
}

/// The time that a caller names.
pub(super) fn named(metadata: &MetadataMap) -> Option<Duration> {
    metadata.get(HEADER).and_then(|value| value.to_str().ok()).and_then(parse)
}

const HEADER: &str = "grpc-timeout";

/// At most eight digits and a unit, as gRPC over HTTP/2 has them.
fn parse(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(number.checked_mul(3600)?)),
        "M" => Some(Duration::from_secs(number.checked_mul(60)?)),
        "S" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_millis(number)),
        "u" => Some(Duration::from_micros(number)),
        "n" => Some(Duration::from_nanos(number)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_are_read_as_grpc_writes_them() {
        assert_eq!(parse("5S"), Some(Duration::from_secs(5)));
        assert_eq!(parse("250m"), Some(Duration::from_millis(250)));
        assert_eq!(parse("99999999H"), Some(Duration::from_secs(99_999_999 * 3600)));
        for wrong in ["", "S", "5", "-5S", "123456789S", "5s", "5é"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
