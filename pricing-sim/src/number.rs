//! Numbers of a scenario: decimals that may be written as strings, integers or floats. A float is taken by its shortest
//! decimal form, so nothing is lost.

use std::fmt;

use rust_decimal::Decimal;
use serde::de::{Deserializer, Error, Visitor};
use serde::{Deserialize, Serialize, Serializer};

/// An exact decimal of a scenario.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Number(pub Decimal);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// A decimal as the nearest float, for statistics. It is never multiplied with money.
pub(crate) fn float(number: Decimal) -> f64 {
    // Parsing decimal text gives the nearest float, which is the same everywhere.
    number.to_string().parse().unwrap_or(0.0)
}

/// A whole number as a float, exact below 2^53.
pub(crate) fn wide(number: u64) -> f64 {
    let high = u32::try_from(number >> 32).unwrap_or(u32::MAX);
    let low = u32::try_from(number & 0xffff_ffff).unwrap_or(u32::MAX);
    f64::from(high) * 4_294_967_296.0 + f64::from(low)
}

struct Reader;

impl Visitor<'_> for Reader {
    type Value = Number;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Number, E> {
        pricing_core::money::parse_decimal(text).map(|value| Number(value.normalize())).map_err(E::custom)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Number, E> {
        Ok(Number(Decimal::from(value)))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Number, E> {
        Ok(Number(Decimal::from(value)))
    }

    /// The shortest decimal form of a float is what was written.
    fn visit_f64<E: Error>(self, value: f64) -> Result<Number, E> {
        self.visit_str(&format!("{value}"))
    }
}
