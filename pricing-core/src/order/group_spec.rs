//! Reads and writes the chain's group specs as JSON.
//!
//! There are two dialects. REST and RPC write `memory.quantity.val`, keys in camel or snake case, and kinds by name.
//! Go's own JSON writes `memory.size.val`, kinds by number, and leaves out zeros. Both are read; the REST dialect is
//! written. Specs are also found inside the answers of the chain and the daemon (`answers`).

mod answers;
mod json;
mod number;
mod print;

use serde::de::DeserializeOwned;

pub(super) use answers::{ANSWER_KEYS, log_resources};
pub(crate) use print::price;
pub use print::{order_to_json, to_json};

use super::{Conditions, GroupSpec, text_size};
use crate::input::InputError;

/// The keys under which an order or a group of the chain holds its group spec.
pub(super) const WRAPPER_KEYS: [&str; 3] = ["spec", "group_spec", "groupSpec"];

/// Reads one group spec or an array of them, bare or inside what the chain or the daemon writes: orders, deployments,
/// messages that create deployments, and the resources in the daemon's log.
///
/// # Errors
/// When the text is not JSON, or has no valid group spec. The error has path, line and column.
pub fn read(text: &str) -> Result<Vec<GroupSpec>, InputError> {
    Ok(read_with_conditions(text)?.into_iter().map(|(group, _)| group).collect())
}

/// Reads group specs with their conditions: the `reclamation` of the chain's order, and the `hostnames` of a request
/// for bid screening.
///
/// # Errors
/// As [`read`].
pub fn read_with_conditions(text: &str) -> Result<Vec<(GroupSpec, Conditions)>, InputError> {
    text_size::check(text)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let logged = log_resources(text);
    let specs = answers::find(logged.as_deref().unwrap_or(text))?;
    specs.into_iter().map(|(path, spec)| spec.into_domain(&path)).collect()
}

fn parse<T: DeserializeOwned>(text: &str) -> Result<T, InputError> {
    // To follow the path takes twice as long as to parse, and only an error needs it.
    if let Ok(value) = serde_json::from_str(text) {
        return Ok(value);
    }
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(InputError::from)?;
    deserializer.end().map_err(|error| {
        InputError::new("something follows the JSON value").position(error.line(), error.column().max(1))
    })?;
    Ok(value)
}

#[cfg(test)]
mod tests;
