//! Group specs, as the text that the node wrote.

use pricing_core::order::{Order, OrderFormat, group_spec};
use serde::de::{Deserialize, Deserializer, Error};
use serde_json::value::RawValue;

use crate::history::Coin;

/// The most bytes of a group spec. The chain's have a few thousand.
const MAX_SPEC: usize = 1 << 20;

/// A JSON object on one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Spec(pub(super) Box<str>);

impl<'de> Deserialize<'de> for Spec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?.get();
        if !raw.starts_with('{') {
            return Err(D::Error::custom("expected a group spec"));
        }
        if raw.len() > MAX_SPEC {
            return Err(D::Error::custom(format_args!("the group spec has more than {MAX_SPEC} bytes")));
        }
        Ok(Self(on_one_line(raw).into()))
    }
}

impl Spec {
    /// The most that the tenant pays per block, or None if the core does not read the spec.
    pub(super) fn max_price(&self) -> Option<Coin> {
        let group = group_spec::read(&self.0).ok()?.into_iter().next()?;
        let price = Order::from_group(group, OrderFormat::GroupSpec).ok()?.max_price?;
        Some(Coin { amount: price.amount().to_string(), denom: price.denom().as_str().to_owned() })
    }

    /// The text as a JSON value.
    pub(super) fn raw(&self) -> Option<Box<RawValue>> {
        RawValue::from_string(self.0.to_string()).ok()
    }
}

/// Leaves out the blanks between the tokens of JSON, so that it fits into a line of a history.
fn on_one_line(json: &str) -> String {
    let (mut in_text, mut escaped) = (false, false);
    let is_wanted = |letter: &char| {
        let wanted = in_text || !letter.is_ascii_whitespace();
        in_text ^= *letter == '"' && !escaped;
        escaped = *letter == '\\' && !escaped;
        wanted
    };
    json.chars().filter(is_wanted).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_are_left_out_between_tokens_only() {
        let pretty = "{\n  \"a b\": [1, \t2],\r\n \"c\": \"x \\\" y\\\\\", \"d\" : \" \"\n}";
        assert_eq!(on_one_line(pretty), "{\"a b\":[1,2],\"c\":\"x \\\" y\\\\\",\"d\":\" \"}");
    }
}
