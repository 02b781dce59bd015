//! Reads the number at a path of a JSON text.
//!
//! The path is followed in the raw text, so that the number never becomes a binary float.

use std::fmt;

use pricing_core::text::excerpt;
use rust_decimal::Decimal;
use serde::Deserializer as _;
use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::number::{self, ValueError};

/// Why an answer has no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AnswerError {
    /// It is not JSON.
    #[error("the answer `{start}` is not JSON: {message}")]
    NotJson {
        /// Its start.
        start: String,
        /// The parser's message.
        message: String,
    },
    /// The path does not exist.
    #[error("the answer has no `{0}`")]
    Absent(String),
    /// A key of the path is there twice.
    #[error("the answer has `{0}` twice")]
    Twice(String),
    /// The path leads to something else.
    #[error("the answer has {0} where a number should be")]
    NotANumber(&'static str),
    /// The number is not a possible value.
    #[error(transparent)]
    Value(#[from] ValueError),
}

/// Object keys and array indices, separated by `.`; empty for the whole document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct JsonPath(Vec<String>);

impl JsonPath {
    /// Parses a path; returns `None` if one of its steps is empty.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text.is_empty() {
            return Some(Self(Vec::new()));
        }
        let steps: Vec<String> = text.split('.').map(str::to_owned).collect();
        steps.iter().all(|step| !step.is_empty()).then_some(Self(steps))
    }

    /// Returns the value at the path: a number, or a string that is a number.
    pub(crate) fn value(&self, document: &str) -> Result<Decimal, AnswerError> {
        let mut at: &RawValue = serde_json::from_str(document).map_err(|error| AnswerError::NotJson {
            start: excerpt(document.trim_start()),
            message: error.to_string(),
        })?;
        for (walked, step) in self.0.iter().enumerate() {
            let path = || excerpt(&self.0.iter().take(walked.saturating_add(1)).cloned().collect::<Vec<_>>().join("."));
            at = match pick(at, step) {
                Picked::One(value) => value,
                Picked::None => return Err(AnswerError::Absent(path())),
                Picked::Twice => return Err(AnswerError::Twice(path())),
            };
        }
        number_of(at)
    }
}

fn number_of(value: &RawValue) -> Result<Decimal, AnswerError> {
    let text = value.get();
    let what = match text.as_bytes().first() {
        Some(b'{') => "an object",
        Some(b'[') => "an array",
        Some(b'n') => "`null`",
        Some(b't' | b'f') => "a truth value",
        Some(b'"') => {
            let text: String = serde_json::from_str(text).map_err(|_| AnswerError::NotANumber("a broken text"))?;
            return Ok(number::parse(&text)?);
        }
        _ => return Ok(number::parse(text)?),
    };
    Err(AnswerError::NotANumber(what))
}

/// The result of a step.
enum Picked<'a> {
    None,
    One(&'a RawValue),
    Twice,
}

/// Follows one step of a path.
fn pick<'a>(value: &'a RawValue, step: &str) -> Picked<'a> {
    let mut reader = serde_json::Deserializer::from_str(value.get());
    let picked = match value.get().as_bytes().first() {
        Some(b'{') => reader.deserialize_map(Member(step)),
        Some(b'[') => match step.parse() {
            Ok(place) => reader.deserialize_seq(Place(place)),
            Err(_) => return Picked::None,
        },
        _ => return Picked::None,
    };
    // The whole text was parsed as JSON before, so this cannot fail.
    picked.unwrap_or(Picked::None)
}

/// Picks a member of an object by its key.
struct Member<'k>(&'k str);

impl<'de> Visitor<'de> for Member<'_> {
    type Value = Picked<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Picked<'de>, A::Error> {
        let mut picked = Picked::None;
        while let Some(key) = map.next_key::<String>()? {
            if key != self.0 {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            let value = map.next_value::<&RawValue>()?;
            picked = match picked {
                Picked::None => Picked::One(value),
                Picked::One(_) | Picked::Twice => Picked::Twice,
            };
        }
        Ok(picked)
    }
}

/// Picks an element of an array by its index.
struct Place(usize);

impl<'de> Visitor<'de> for Place {
    type Value = Picked<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Picked<'de>, A::Error> {
        let mut picked = Picked::None;
        let mut place = 0_usize;
        while let Some(element) = array.next_element::<&RawValue>()? {
            if place == self.0 {
                picked = Picked::One(element);
            }
            place = place.saturating_add(1);
        }
        Ok(picked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(path: &str, document: &str) -> String {
        let value = JsonPath::parse(path).unwrap().value(document);
        value.map_or_else(|error| error.to_string(), |value| value.to_string())
    }

    #[test]
    fn keys_and_places_lead_to_numbers_and_texts() {
        assert_eq!(at("Price", r#"{"Symbol":"AKT","Price":0.5123456789012345,"Time":"x"}"#), "0.5123456789012345");
        assert_eq!(at("akash-network.usd", r#"{"akash-network":{"usd":0.50}}"#), "0.5");
        assert_eq!(at("data.0.price", r#"{"data":[{"price":"0.50"},{"price":"7"}]}"#), "0.5");
        assert_eq!(at("data.1.price", r#" {"data" : [ 1 , {"price": 5e-1 } ] } "#), "0.5");
        assert_eq!(at("", "0.5"), "0.5");
        assert_eq!(at("1", r#"{"1":2}"#), "2");
    }

    #[test]
    fn a_number_is_never_a_binary_fraction() {
        assert_eq!(at("p", r#"{"p":0.100000000000000005}"#), "0.100000000000000005");
        assert_eq!(at("p", r#"{"p":999999.999999999999999999}"#), "999999.999999999999999999");
    }

    #[test]
    fn what_is_no_number_is_told_for_what_it_is() {
        assert_eq!(at("p", r#"{"p":null}"#), "the answer has `null` where a number should be");
        assert_eq!(at("p", r#"{"p":{"q":1}}"#), "the answer has an object where a number should be");
        assert_eq!(at("p", r#"{"p":[1]}"#), "the answer has an array where a number should be");
        assert_eq!(at("p", r#"{"p":true}"#), "the answer has a truth value where a number should be");
        assert_eq!(at("p", r#"{"p":"NaN"}"#), "`NaN` is not a decimal number");
        assert_eq!(at("p", r#"{"p":""}"#), "`` is not a decimal number");
    }

    #[test]
    fn a_path_that_leads_nowhere_is_told() {
        assert_eq!(at("a.b", r#"{"a":{"c":1}}"#), "the answer has no `a.b`");
        assert_eq!(at("a.b", r#"{"a":1}"#), "the answer has no `a.b`");
        assert_eq!(at("a.2", r#"{"a":[1,2]}"#), "the answer has no `a.2`");
        assert_eq!(at("a.-1", r#"{"a":[1,2]}"#), "the answer has no `a.-1`");
        assert_eq!(at("a", r#"{"a":1,"a":2}"#), "the answer has `a` twice");
        assert!(JsonPath::parse("a..b").is_none());
        assert!(JsonPath::parse(".").is_none());
    }

    #[test]
    fn what_is_no_json_is_told_with_its_beginning_made_safe() {
        let html = at("p", "<html>\u{1b}[2J<body>Rate limited</body></html>");
        assert!(html.starts_with("the answer `<html>\u{fffd}[2J<body>Rate limited"), "{html}");
        for document in ["", "{", r#"{"p":1} x"#, r#"{"p":NaN}"#, r#"{"p":01}"#, r#"{"p":.5}"#, "p: 1"] {
            assert!(at("p", document).contains("is not JSON"), "{document}: {}", at("p", document));
        }
        let deep = format!("{}1{}", "[".repeat(30_000), "]".repeat(30_000));
        assert!(!at("p", &deep).is_empty());
    }
}
