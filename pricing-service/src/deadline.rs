//! The deadline of a call, from the header `grpc-timeout`.

use std::time::{Duration, Instant};

use tonic::codegen::http::HeaderMap;
use tonic::metadata::MetadataMap;

/// When a call must be answered. It counts from the arrival of the call's head, so a slow request gets no extra time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Deadline(pub(super) Instant);

/// Returns when a call must be answered: after the time in `grpc-timeout`, but no later than `longest` from now.
pub(super) fn of(headers: &HeaderMap, longest: Duration) -> Instant {
    let named = headers.get(HEADER).and_then(|value| value.to_str().ok()).and_then(parse);
    let now = Instant::now();
    now.checked_add(named.unwrap_or(longest).min(longest)).unwrap_or(now)
}

/// Returns the time that the caller allows.
pub(super) fn named(metadata: &MetadataMap) -> Option<Duration> {
    metadata.get(HEADER).and_then(|value| value.to_str().ok()).and_then(parse)
}

const HEADER: &str = "grpc-timeout";

/// Parses at most eight digits and a unit, as [gRPC over HTTP/2] defines the header.
///
/// [gRPC over HTTP/2]: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
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
