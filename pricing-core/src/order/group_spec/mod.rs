//! The chain's group specs as JSON, in both dialects, and back.
//!
//! REST and RPC write `memory.quantity.val` in camel or snake case and kinds by name; Go's own JSON writes
//! `memory.size.val`, kinds by number, and leaves out zeros. All of it is read; the REST dialect is written.

mod json;
mod number;
mod print;

use std::collections::BTreeMap;

use serde::de::{DeserializeOwned, IgnoredAny};

pub(crate) use print::price;
pub use print::{order_to_json, to_json};

use super::{Conditions, GroupSpec, MAX_INPUT_BYTES};
use crate::input::InputError;

/// Where a chain's order or group keeps its group spec.
pub(super) const WRAPPER_KEYS: [&str; 3] = ["spec", "group_spec", "groupSpec"];

/// The keys of a JSON object, whatever their values are.
type Keys = BTreeMap<String, IgnoredAny>;

/// Reads one group spec or an array of them, bare or inside the chain's orders or groups.
///
/// # Errors
/// When the text is no JSON, or no group spec; with path, line and column.
pub fn read(text: &str) -> Result<Vec<GroupSpec>, InputError> {
    Ok(read_with_conditions(text)?.into_iter().map(|(group, _)| group).collect())
}

/// The same, with what stands around each group: the `reclamation` of the chain's order, and the `hostnames` of a request
/// for bid screening.
///
/// # Errors
/// As [`read`].
pub fn read_with_conditions(text: &str) -> Result<Vec<(GroupSpec, Conditions)>, InputError> {
    if text.len() > MAX_INPUT_BYTES {
        return Err(super::detect::too_large(text));
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim_start().starts_with('[') {
        return read_array(text);
    }
    let (wrapper, path) = if is_wrapped(&parse::<Keys>(text)?) {
        (parse::<json::Wrapper>(text)?, "spec")
    } else {
        (json::Wrapper::bare(parse(text)?), "")
    };
    Ok(vec![wrapper.into_domain(path)?])
}

fn read_array(text: &str) -> Result<Vec<(GroupSpec, Conditions)>, InputError> {
    let keys = parse::<Vec<Keys>>(text)?;
    if keys.is_empty() {
        return Err(InputError::new("the array has no group specs"));
    }
    let wrapped = keys.iter().any(is_wrapped);
    let specs: Vec<json::Wrapper> = if wrapped {
        parse(text)?
    } else {
        parse::<Vec<json::GroupSpec>>(text)?.into_iter().map(json::Wrapper::bare).collect()
    };
    let path = |index| format!("[{index}]{}", if wrapped { ".spec" } else { "" });
    specs.into_iter().enumerate().map(|(index, spec)| spec.into_domain(&path(index))).collect()
}

fn is_wrapped(keys: &Keys) -> bool {
    WRAPPER_KEYS.iter().any(|key| keys.contains_key(*key))
}

fn parse<T: DeserializeOwned>(text: &str) -> Result<T, InputError> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(InputError::from)?;
    deserializer.end().map_err(|error| {
        InputError::new("something follows the JSON value").position(error.line(), error.column().max(1))
    })?;
    Ok(value)
}

#[cfg(test)]
mod tests;
