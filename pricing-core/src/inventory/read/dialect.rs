//! What the dialects have in common: messages, lists and quantities, each of which may be `null`.

use core::fmt;
use core::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

use crate::quantity::Quantity;

/// A field that may be absent, `null`, or present.
#[derive(Debug, Default)]
pub(in crate::inventory) enum Section<T> {
    /// The field is not there.
    #[default]
    Absent,
    /// The field is `null`.
    Null,
    /// The field has a value.
    Present(T),
}

impl<T: Default> Section<T> {
    pub(super) fn into_inner(self) -> T {
        match self {
            Self::Absent | Self::Null => T::default(),
            Self::Present(value) => value,
        }
    }

    pub(super) fn is_there(&self) -> bool {
        !matches!(self, Self::Absent)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Section<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(deserializer)?.map_or(Self::Null, Self::Present))
    }
}

/// A list, in which a `null` entry stands for an empty message.
#[derive(Debug)]
pub(super) struct List<T>(pub(super) Vec<T>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Default + Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        messages(deserializer).map(Self)
    }
}

/// A message: an object or `null`. Serde's derived readers alone would also accept a list.
#[derive(Debug)]
pub(super) struct Message<T>(pub(super) Option<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Message<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(MessageVisitor(PhantomData))
    }
}

struct MessageVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for MessageVisitor<T> {
    type Value = Message<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Message<T>, E> {
        Ok(Message(None))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Message<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(|message| Message(Some(message)))
    }
}

/// A message for which `null` is the empty message.
pub(super) fn message<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Message::deserialize(deserializer).map(|message| message.0.unwrap_or_default())
}

/// A message for which `null` is `None`.
pub(super) fn optional<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    Message::deserialize(deserializer).map(|message| message.0)
}

/// A message for which `null` and an absent field are different.
pub(super) fn section<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Section<T>, D::Error> {
    Message::deserialize(deserializer).map(|message| message.0.map_or(Section::Null, Section::Present))
}

/// A text for which `null` is the empty text.
pub(super) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

pub(super) fn texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    deserializer.deserialize_any(ListVisitor(|text: Option<String>| text.unwrap_or_default()))
}

pub(super) fn messages<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    deserializer.deserialize_any(ListVisitor(|message: Message<T>| message.0.unwrap_or_default()))
}

/// The most entries in one list: far more than any cluster has, and few enough that a file of `{}` does not fill the
/// memory.
const MAX_ENTRIES: usize = 100_000;

/// Reads a list, with `null` as the empty list, and converts each entry.
struct ListVisitor<W, T>(fn(W) -> T);

impl<'de, W: Deserialize<'de>, T> Visitor<'de> for ListVisitor<W, T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Vec<T>, E> {
        Ok(Vec::new())
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut entries: A) -> Result<Vec<T>, A::Error> {
        let mut list = Vec::new();
        while let Some(entry) = entries.next_element::<W>()? {
            if list.len() >= MAX_ENTRIES {
                return Err(de::Error::custom(format!("the list has more than {MAX_ENTRIES} entries")));
            }
            list.push((self.0)(entry));
        }
        Ok(list)
    }
}

/// A quantity: text, an object around the text, or a number.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::inventory) struct Amount(pub(in crate::inventory) Quantity);

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AmountVisitor)
    }
}

struct AmountVisitor;

impl<'de> Visitor<'de> for AmountVisitor {
    type Value = Amount;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a quantity such as \"500m\", \"16Gi\" or {\"string\": \"1\"}")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Amount, E> {
        Quantity::parse(text).map(Amount).map_err(E::custom)
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Amount, E> {
        Ok(Amount(Quantity::from_whole(number)))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Amount, E> {
        self.visit_str(&number.to_string())
    }

    /// The JSON parser passes every number that is not a 64-bit integer in this form. It is turned back into decimal
    /// text at once: the shortest text that means the same number.
    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Amount, E> {
        let text = number.to_string();
        let fits = text.len() <= 48;
        if fits { self.visit_str(&text) } else { self.visit_str(&format!("{number:e}")) }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Amount, A::Error> {
        let mut value: Option<Option<Amount>> = None;
        while let Some(key) = map.next_key::<std::borrow::Cow<'de, str>>()? {
            if key != "string" {
                map.next_value::<IgnoredAny>()?;
            } else if value.replace(map.next_value()?).is_some() {
                return Err(de::Error::duplicate_field("string"));
            }
        }
        Ok(value.flatten().unwrap_or_default())
    }
}
