//! The section `[explore]`.

use std::borrow::Cow;

use pricing_core::quote;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Varies the price of each bid by chance within a narrow band, so that `bidprice backtest` can tell from what happened
/// what other prices would have brought. Off without this section.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Explore {
    /// How far a price is varied down and up: above `0%` and at most `20%`.
    pub spread: Spread,
    /// What the draws depend on, beside the name of the order. Two services with the same seed vary an order alike.
    #[serde(default)]
    pub seed: u64,
}

/// How far a price is varied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spread(quote::Spread);

impl Spread {
    /// Returns the spread.
    #[must_use]
    pub const fn get(self) -> quote::Spread {
        self.0
    }
}

impl Serialize for Spread {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Spread {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        quote::Spread::parse(&text).map(Self).map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Spread {
    fn schema_name() -> Cow<'static, str> {
        "Spread".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "description": "A percentage such as `\"3%\"`, above `\"0%\"` and at most `\"20%\"`." })
    }
}
