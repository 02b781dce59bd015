//! The section `[explore]`.

use std::borrow::Cow;
use std::fmt;

use pricing_core::quote;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::digest::Digest;

/// Varies the price of each bid by chance within a narrow band, so that `bidprice backtest` can tell from what happened
/// what other prices would have brought. Off without this section.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Explore {
    /// How far a price is varied down and up: above `0%` and at most `20%`.
    pub spread: Spread,
    /// What the draws depend on, beside the name of the order: a private text or number, such as what `openssl rand -hex 16`
    /// prints. Who knows it knows which order gets the lowest price, and two services with the same one vary an order alike.
    pub seed: Seed,
}

/// A private text or number that nobody can guess.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Seed(String);

/// The length from which on a seed cannot be found by trying, in characters.
const GOOD_SEED: usize = 16;

impl Seed {
    /// Returns whether it is so short that it can be found by trying.
    #[must_use]
    pub fn is_short(&self) -> bool {
        self.0.chars().count() < GOOD_SEED
    }

    /// Returns the number that draws depend on.
    #[must_use]
    pub fn number(&self) -> u64 {
        let digest = Digest::of(format!("explore.seed/{}", self.0));
        digest.bytes().first_chunk().map_or(0, |first| u64::from_be_bytes(*first))
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // It is private.
        f.write_str("Seed")
    }
}

impl<'de> Deserialize<'de> for Seed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextOrNumber;

        impl Visitor<'_> for TextOrNumber {
            type Value = Seed;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a private text or number")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Seed, E> {
                match text.trim() {
                    "" => Err(E::custom("the seed is empty; `openssl rand -hex 16` prints one")),
                    text => Ok(Seed(text.to_owned())),
                }
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Seed, E> {
                Ok(Seed(number.to_string()))
            }
        }

        deserializer.deserialize_any(TextOrNumber)
    }
}

impl JsonSchema for Seed {
    fn schema_name() -> Cow<'static, str> {
        "Seed".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": ["string", "integer"],
            "description": "A private text or number that nobody can guess, such as what `openssl rand -hex 16` prints."
        })
    }
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
