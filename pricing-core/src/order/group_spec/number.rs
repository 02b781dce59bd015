//! Numbers in the chain's JSON: decimal text, or JSON integers, which are tolerated.

use core::fmt;
use core::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, Visitor};

/// A whole number that JSON has as text or as an integer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct TextOrInteger<T>(pub(super) T);

impl<'de, T: TryFrom<u64>> Deserialize<'de> for TextOrInteger<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WholeVisitor(PhantomData))
    }
}

struct WholeVisitor<T>(PhantomData<T>);

impl<T: TryFrom<u64>> Visitor<'_> for WholeVisitor<T> {
    type Value = TextOrInteger<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number that is not negative, as decimal text")
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Self::Value, E> {
        T::try_from(value).map(TextOrInteger).map_err(|_| E::custom(format_args!("`{value}` is out of range")))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        let shown = crate::text::excerpt(text);
        if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(E::custom(format_args!("`{shown}` is not a whole number as decimal text")));
        }
        let value = text.parse::<u64>().map_err(|_| E::custom(format_args!("`{shown}` is out of range")))?;
        self.visit_u64(value)
    }
}

/// A whole number that the chain stores as bytes: decimal text, or its base64, which is how protobuf's JSON writes
/// bytes.
///
/// The two cannot be confused: the base64 of a digit begins with `M`, `N` or `O`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bytes64(pub(super) u64);

impl<'de> Deserialize<'de> for Bytes64 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Bytes64Visitor)
    }
}

struct Bytes64Visitor;

impl Visitor<'_> for Bytes64Visitor {
    type Value = Bytes64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number that is not negative, as decimal text or its base64")
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Bytes64, E> {
        Ok(Bytes64(value))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Bytes64, E> {
        let decoded = if text.starts_with(['M', 'N', 'O']) { decode_base64(text) } else { None };
        let TextOrInteger(value) = WholeVisitor::<u64>(PhantomData).visit_str(decoded.as_deref().unwrap_or(text))?;
        Ok(Bytes64(value))
    }
}

/// Decodes base64 with or without padding, in the standard or the URL-safe alphabet. None if the result is not
/// UTF-8.
fn decode_base64(text: &str) -> Option<String> {
    // Six bits come in per symbol and eight go out per byte, from the most significant bit down. Fewer than eight bits
    // are pending between symbols. Those left at the end are padding and are dropped.
    let symbols = text.trim_end_matches('=');
    let mut bits = 0_u32;
    let mut pending = 0_u32;
    let mut decoded = Vec::new();
    for symbol in symbols.bytes() {
        let value = match symbol {
            b'A'..=b'Z' => symbol.checked_sub(b'A')?,
            b'a'..=b'z' => symbol.checked_sub(b'a')?.checked_add(26)?,
            b'0'..=b'9' => symbol.checked_sub(b'0')?.checked_add(52)?,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return None,
        };
        bits = (bits << 6) | u32::from(value);
        pending = pending.checked_add(6)?;
        if pending >= 8 {
            pending = pending.checked_sub(8)?;
            decoded.push(u8::try_from((bits >> pending) & 0xff).ok()?);
            // Fewer than eight bits are still pending; the mask drops the bits that were written.
            bits &= 0xff;
        }
    }
    String::from_utf8(decoded).ok()
}

/// An amount of money: decimal text, or an integer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Amount(pub(super) rust_decimal::Decimal);

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AmountVisitor)
    }
}

struct AmountVisitor;

impl Visitor<'_> for AmountVisitor {
    type Value = Amount;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an amount as decimal text")
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Amount, E> {
        Ok(Amount(value.into()))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Amount, E> {
        crate::money::parse_decimal(text).map(Amount).map_err(E::custom)
    }
}

/// An endpoint's kind, by name or by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kind(pub(super) crate::order::EndpointKind);

impl Default for Kind {
    /// Returns the kind with the number 0, which Go's JSON leaves out.
    fn default() -> Self {
        Self(crate::order::EndpointKind::SharedHttp)
    }
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(KindVisitor)
    }
}

struct KindVisitor;

impl KindVisitor {
    fn find<E: Error>(shown: impl fmt::Display, is: impl Fn(&crate::order::EndpointKind) -> bool) -> Result<Kind, E> {
        let kind = crate::order::EndpointKind::ALL.into_iter().find(is);
        kind.map(Kind).ok_or_else(|| E::custom(format_args!("`{shown}` is not a kind of endpoint")))
    }
}

impl Visitor<'_> for KindVisitor {
    type Value = Kind;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`SHARED_HTTP`, `RANDOM_PORT`, `LEASED_IP`, or 0 to 2")
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Kind, E> {
        Self::find(value, |kind| u64::from(kind.number()) == value)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Kind, E> {
        Self::find(crate::text::excerpt(text), |kind| kind.name() == text)
    }
}
