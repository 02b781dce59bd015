//! Prices in the shapes that versions of the chain have had.

use std::borrow::Cow;

use pricing_core::text::Untrusted;
use serde::de::{Deserialize, Deserializer, Error};

/// The most characters of an amount. The chain's have at most 78 digits, a point and 18 decimals.
const MAX_AMOUNT: usize = 100;
/// The most bytes of a denom.
const MAX_DENOM: usize = 128;

/// An amount of a denom per block, as text.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
pub(super) struct WireCoin<'a> {
    pub(super) amount: Amount,
    #[serde(borrow, deserialize_with = "denom")]
    pub(super) denom: Cow<'a, str>,
}

/// A plain decimal that is not negative, without zeros at its ends. It can have more digits than a decimal of ours: a
/// bid of a size that nobody pays must not spoil the page that it is on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Amount(pub(super) Box<str>);

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Untrusted::<Cow<'_, str>>::deserialize(deserializer)?;
        canonical(text.exact()).map(|text| Self(text.into())).ok_or_else(|| D::Error::custom(NotAnAmount))
    }
}

#[derive(Debug, thiserror::Error)]
#[error("expected an amount that is not negative, as decimal text")]
struct NotAnAmount;

/// The same number without zeros that say nothing. None if it is not a plain decimal.
fn canonical(text: &str) -> Option<&str> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if text.len() > MAX_AMOUNT || !is_number(whole) || !is_number(fraction) {
        return None;
    }
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text };
    let zeros = text.bytes().zip(text.bytes().skip(1)).take_while(|(digit, next)| *digit == b'0' && *next != b'.');
    text.get(zeros.count()..)
}

fn denom<'de: 'a, 'a, D: Deserializer<'de>>(deserializer: D) -> Result<Cow<'a, str>, D::Error> {
    let text = Untrusted::<Cow<'a, str>>::deserialize(deserializer)?.into_exact();
    let is_plain = !text.is_empty() && text.len() <= MAX_DENOM && text.bytes().all(|byte| byte.is_ascii_graphic());
    if is_plain { Ok(text) } else { Err(D::Error::custom("expected a denom, such as `uakt`")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_lose_zeros_and_nothing_else() {
        for (written, amount) in [
            ("265.288701000000000000", "265.288701"),
            ("1000000.000000000000000001", "1000000.000000000000000001"),
            ("1", "1"),
            ("100", "100"),
            ("007.50", "7.5"),
            ("0", "0"),
            ("000", "0"),
            ("0.000", "0"),
            ("0.5", "0.5"),
            ("123456789012345678901234567890.123456789012345678", "123456789012345678901234567890.123456789012345678"),
        ] {
            assert_eq!(canonical(written), Some(amount), "{written}");
        }
        for wrong in ["", "-1", "1e3", ".5", "5.", "1,5", " 1", "1.2.3", &"1".repeat(101)] {
            assert_eq!(canonical(wrong), None, "{wrong}");
        }
    }
}
