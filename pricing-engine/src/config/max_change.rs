//! By how much amounts may be lowered without an operator's acceptance: `50%`; `0` disables the check.

use std::borrow::Cow;
use std::fmt;

use pricing_core::rates::changes;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The limit by which a new rate card may lower an amount without an operator's acceptance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MaxChange(changes::MaxChange);

impl MaxChange {
    /// Returns the limit.
    #[must_use]
    pub const fn get(self) -> changes::MaxChange {
        self.0
    }
}

impl Serialize for MaxChange {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for MaxChange {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Share;

        impl Visitor<'_> for Share {
            type Value = MaxChange;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a percentage such as \"50%\", or 0")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<MaxChange, E> {
                changes::MaxChange::parse(text).map(MaxChange).map_err(E::custom)
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<MaxChange, E> {
                self.visit_str(&number.to_string())
            }
        }

        deserializer.deserialize_any(Share)
    }
}

impl JsonSchema for MaxChange {
    fn schema_name() -> Cow<'static, str> {
        "MaxChange".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "integer"], "description": "A percentage such as `\"50%\"`, at most `\"100%\"`, or `0`." })
    }
}
