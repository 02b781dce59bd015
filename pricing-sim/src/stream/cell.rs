//! Parses the cells of a row: times, amounts and kinds of card, in the forms that people and programs write.

use chrono::{DateTime, NaiveDate, NaiveDateTime};
use pricing_core::gpu::{GpuKey, GpuRequest, GpuSelector};
use pricing_core::input::InputError;
use pricing_core::order::MAX_LISTED;
use pricing_core::quantity::Quantity;
use pricing_core::quantity::written::plain;
use pricing_core::text::excerpt;

pub use pricing_core::quantity::written::{bytes, threads};

use crate::time::Millis;

/// The latest time in a stream: the end of the year 9999.
pub const MAX_TIME: Millis = 253_402_300_799_999;

/// Parses a time: seconds, or RFC 3339, in UTC unless it has an offset. Rounded down to milliseconds.
///
/// # Errors
/// When it is neither, or out of range.
pub fn time(text: &str) -> Result<Millis, InputError> {
    let known = match plain(text) {
        Some(seconds) => Some(seconds.floor_milli()),
        None => date(text).map(i128::from),
    };
    let Some(millis) = known else {
        let message = format!("`{}` is not a time", excerpt(text));
        return Err(InputError::new(message).hint("write seconds, or such as `2026-01-31T12:00:00Z`"));
    };
    in_range(millis).ok_or_else(|| {
        InputError::new(format_args!("`{}` is not between 1970 and the year 9999", excerpt(text)))
            .hint("a number is in seconds from the beginning of the stream or of 1970")
    })
}

/// Parses a duration: seconds, or a form such as `8h` or `1h 30m`.
///
/// # Errors
/// When it is neither, or out of range.
pub fn length(text: &str) -> Result<Millis, InputError> {
    let known = match plain(text) {
        Some(seconds) => Some(seconds.floor_milli()),
        None => humantime::parse_duration(text).ok().and_then(|length| i128::try_from(length.as_millis()).ok()),
    };
    known.and_then(in_range).ok_or_else(|| {
        let message = format!("`{}` is not a length of time", excerpt(text));
        InputError::new(message).hint("write seconds, or such as `8h` or `90m`")
    })
}

/// Parses an integer, which may be written `4.0`, as data frames do.
///
/// # Errors
/// When it is not an integer, or out of range.
pub fn whole(text: &str, least: u64, most: u64) -> Result<u64, InputError> {
    let number = plain(text).and_then(Quantity::whole).filter(|number| (least..=most).contains(number));
    number.ok_or_else(|| {
        InputError::new(format_args!("`{}` is not a whole number from {least} to {most}", excerpt(text)))
    })
}

/// Parses alternatives of cards, each a [`GpuKey`], separated by `|`. A kind without a vendor belongs to the usual
/// vendor of its model, and `*` is any model of nvidia's.
///
/// # Errors
/// When a kind is malformed.
pub fn cards(units: u64, text: &str) -> Result<GpuRequest, InputError> {
    let mut alternatives: Vec<GpuSelector> = Vec::new();
    for kind in text.split('|') {
        let kind = GpuKey::parse(kind).and_then(|key| key.kind_of_known_vendor()).map_err(InputError::new)?;
        let selector = GpuSelector::new(kind.vendor(), kind.model(), kind.ram(), kind.interface());
        if !alternatives.contains(&selector) {
            alternatives.push(selector);
        }
        // Each one is compared with all before it.
        if u64::try_from(alternatives.len()).unwrap_or(u64::MAX) > MAX_LISTED {
            return Err(InputError::new(format_args!("there are more than {MAX_LISTED} kinds of card")));
        }
    }
    Ok(GpuRequest { units, alternatives, ..GpuRequest::default() })
}

fn date(text: &str) -> Option<i64> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(time.timestamp_millis());
    }
    let without_offset = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f"]
        .into_iter()
        .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok());
    let midnight = || NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?.and_hms_opt(0, 0, 0);
    without_offset.or_else(midnight).map(|time| time.and_utc().timestamp_millis())
}

fn in_range(millis: i128) -> Option<Millis> {
    u64::try_from(millis).ok().filter(|millis| *millis <= MAX_TIME)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_seconds_or_dates_in_utc() {
        for (text, millis) in [
            ("0", 0),
            ("12.5", 12_500),
            ("1.7e9", 1_700_000_000_000),
            ("1700000000.0", 1_700_000_000_000),
            ("0.0009", 0),
            ("1970-01-01T00:00:01Z", 1000),
            ("1970-01-01T02:00:01.25+02:00", 1250),
            ("1970-01-01 02:00:01+02:00", 1000),
            ("1970-01-01T00:00:01", 1000),
            ("1970-01-01 00:00:01.001", 1001),
            ("1970-01-02", 86_400_000),
        ] {
            assert_eq!(time(text), Ok(millis), "{text}");
        }
        for text in
            ["", "-1", "soon", "5m", "5E", "1Gi", "NaN", "inf", "1700000000000", "1969-12-31T23:59:59Z", "1e400"]
        {
            assert!(time(text).is_err(), "{text}");
        }
    }

    #[test]
    fn lengths_are_seconds_or_durations() {
        for (text, millis) in [("90", 90_000), ("1.5", 1500), ("8h", 28_800_000), ("1h 30m", 5_400_000), ("0", 0)] {
            assert_eq!(length(text), Ok(millis), "{text}");
        }
        for text in ["", "-5", "8 parsecs", "NaN", "99999999999999999999y", "1e30"] {
            assert!(length(text).is_err(), "{text}");
        }
    }

    #[test]
    fn whole_numbers_may_be_written_like_floats() {
        assert_eq!(whole("4.0", 0, 10), Ok(4));
        for text in ["", "1.5", "-1", "11", "4x", "1e3"] {
            assert!(whole(text, 0, 10).is_err(), "{text}");
        }
    }

    #[test]
    fn cards_are_nvidias_unless_they_say_otherwise() {
        let read =
            |text: &str| cards(2, text).unwrap().alternatives.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(read("H100/80Gi/SXM5 | a100"), ["nvidia/h100/80Gi/sxm", "nvidia/a100"]);
        assert_eq!(read("h100.80Gi.sxm5|a100/sxm"), ["nvidia/h100/80Gi/sxm", "nvidia/a100/*/sxm"]);
        assert_eq!(read("*"), ["nvidia/*"]);
        assert_eq!(read("amd/*|nvidia/t4/*/pcie|t4/*/pcie"), ["amd/*", "nvidia/t4/*/pcie"]);
        assert_eq!(cards(1, "t4/*/pcie").unwrap().alternatives[0].ram(), None);
        for text in
            ["", "|", "a100|", "a100 80Gi", "a100/80", "nvida/a100", "a100/80Gi/agp", "nvidia", "nvidia/", "a/b/c/d/e"]
        {
            assert!(cards(1, text).is_err(), "{text}");
        }
    }
}
