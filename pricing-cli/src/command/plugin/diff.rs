//! Compares two JSON values.

use serde_json::Value;

/// A difference between two values. A side that lacks the value is `None`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Difference {
    /// The path, such as `[0].price.amount`. It is empty for the whole value.
    pub(crate) at: String,
    pub(crate) expected: Option<Value>,
    pub(crate) got: Option<Value>,
}

/// Returns all differences between two values, in the order of the expected one.
pub(crate) fn differences(expected: &Value, got: &Value) -> Vec<Difference> {
    let mut found = Vec::new();
    walk("", Some(expected), Some(got), &mut found);
    found
}

fn walk(at: &str, expected: Option<&Value>, got: Option<&Value>, found: &mut Vec<Difference>) {
    match (expected, got) {
        (Some(Value::Object(expected)), Some(Value::Object(got))) => {
            let more = got.keys().filter(|key| !expected.contains_key(*key));
            for key in expected.keys().chain(more) {
                let at = if at.is_empty() { key.clone() } else { format!("{at}.{key}") };
                walk(&at, expected.get(key), got.get(key), found);
            }
        }
        (Some(Value::Array(expected)), Some(Value::Array(got))) => {
            for index in 0..expected.len().max(got.len()) {
                walk(&format!("{at}[{index}]"), expected.get(index), got.get(index), found);
            }
        }
        (expected, got) if expected != got => {
            found.push(Difference { at: at.to_owned(), expected: expected.cloned(), got: got.cloned() });
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn differences_are_named_by_their_place() {
        let expected = json!([{ "price": { "amount": "1" }, "reason": null, "gone": 1 }]);
        let got = json!([{ "price": { "amount": "2" }, "reason": null, "new": [] }, 7]);
        let found = differences(&expected, &got);
        let places: Vec<&str> = found.iter().map(|found| found.at.as_str()).collect();
        assert_eq!(places, ["[0].price.amount", "[0].gone", "[0].new", "[1]"]);
        assert_eq!(found.first().and_then(|found| found.got.clone()), Some(json!("2")));
        assert!(differences(&got, &got).is_empty());
    }
}
