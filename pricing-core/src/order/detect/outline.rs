//! The outer levels of a JSON text, in which formats differ. What is below them is parsed and not kept.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// The levels that are kept: an object, a list in it, and the keys of the list's items.
const LEVELS: u8 = 3;

/// A JSON value, as far as it matters.
#[derive(Debug)]
pub(super) enum Outline<'a> {
    Object(Object<'a>),
    Array(Vec<Self>),
    /// A value of another kind, or one that is too far inside.
    Other,
}

/// The fields of a JSON object.
#[derive(Debug)]
pub(super) struct Object<'a>(Vec<(Key<'a>, Outline<'a>)>);

/// A key, which is borrowed from the text where that is possible.
#[derive(Debug, Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'a> Object<'a> {
    pub(super) fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// Returns the value of a key, which is the last one where the key is repeated.
    pub(super) fn get(&self, key: &str) -> Option<&Outline<'a>> {
        self.0.iter().rev().find(|(known, _)| known.0 == key).map(|(_, value)| value)
    }
}

impl<'a> Outline<'a> {
    pub(super) fn object(&self) -> Option<&Object<'a>> {
        match self {
            Self::Object(object) => Some(object),
            Self::Array(_) | Self::Other => None,
        }
    }

    pub(super) fn array(&self) -> Option<&[Self]> {
        match self {
            Self::Array(items) => Some(items),
            Self::Object(_) | Self::Other => None,
        }
    }
}

impl<'de> Deserialize<'de> for Outline<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Within(LEVELS).deserialize(deserializer)
    }
}

/// Keeps so many levels of a value.
#[derive(Clone, Copy)]
struct Within(u8);

impl<'de> DeserializeSeed<'de> for Within {
    type Value = Outline<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Outline<'de>, D::Error> {
        match self.0.checked_sub(1) {
            Some(within) => deserializer.deserialize_any(Self(within)),
            None => IgnoredAny::deserialize(deserializer).map(|_| Outline::Other),
        }
    }
}

impl<'de> Visitor<'de> for Within {
    type Value = Outline<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Outline<'de>, A::Error> {
        let mut fields = Vec::new();
        while let Some(key) = map.next_key()? {
            fields.push((key, map.next_value_seed(self)?));
        }
        Ok(Outline::Object(Object(fields)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Outline<'de>, A::Error> {
        let mut kept = Vec::new();
        while let Some(item) = items.next_element_seed(self)? {
            kept.push(item);
        }
        Ok(Outline::Array(kept))
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Outline<'de>, E> {
        Ok(Outline::Other)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Outline<'de>, E> {
        Ok(Outline::Other)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Outline<'de>, E> {
        Ok(Outline::Other)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Outline<'de>, E> {
        Ok(Outline::Other)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Outline<'de>, E> {
        Ok(Outline::Other)
    }

    fn visit_unit<E: Error>(self) -> Result<Outline<'de>, E> {
        Ok(Outline::Other)
    }
}
