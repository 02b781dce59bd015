//! Numbers that the chain writes as text, such as `"17345678"`, or as JSON numbers.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Visitor};

/// The highest height that is believed: about 1,900 years of blocks.
pub(super) const MAX_HEIGHT: u64 = 10_000_000_000;

/// A number that is not negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Number(pub(super) u64);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NumberVisitor;
        impl Visitor<'_> for NumberVisitor {
            type Value = Number;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number that is not negative, as text or as a JSON number")
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Number, E> {
                Ok(Number(number))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Number, E> {
                let is_plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
                let number = text.parse().ok().filter(|_| is_plain);
                number.map(Number).ok_or_else(|| E::invalid_value(serde::de::Unexpected::Str(text), &self))
            }
        }
        deserializer.deserialize_any(NumberVisitor)
    }
}

/// The height of a block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Height(pub(super) u64);

impl<'de> Deserialize<'de> for Height {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Number(height) = Number::deserialize(deserializer)?;
        if height > MAX_HEIGHT {
            return Err(D::Error::custom(format_args!("{height} is not the height of a block")));
        }
        Ok(Self(height))
    }
}

/// The number of a group, an order or a bid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sequence(pub(super) u32);

impl<'de> Deserialize<'de> for Sequence {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Number(number) = Number::deserialize(deserializer)?;
        let small = u32::try_from(number).map_err(|_| D::Error::custom(format_args!("{number} is too large")))?;
        Ok(Self(small))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_text_or_json_numbers_and_never_negative() {
        let read = |text: &str| serde_json::from_str::<Number>(text).map(|number| number.0).ok();
        assert_eq!(["\"17\"", "17", "\"0\""].map(read), [Some(17), Some(17), Some(0)]);
        for wrong in ["-1", "\"-1\"", "1.5", "\"\"", "\"+1\"", "\"1e3\"", "null", "\"99999999999999999999\""] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn heights_and_sequences_are_bounded() {
        assert!(serde_json::from_str::<Height>("10000000001").is_err());
        assert!(serde_json::from_str::<Height>("10000000000").is_ok());
        assert!(serde_json::from_str::<Sequence>("4294967296").is_err());
    }
}
