//! SDL, versions 2.0 and 2.1: the YAML in which tenants write what they want.
//!
//! The text becomes a tree with lines and columns (`yaml`), the sections are read out of it by the schema
//! (`services`, `profiles`, `deployment`), what they say of each other is checked (`check`), and the groups
//! are put together (`groups`).

mod check;
mod deployment;
mod document;
mod duration;
mod field;
mod groups;
mod profiles;
mod resources;
mod scalar;
mod services;
mod units;
mod yaml;

use super::{GroupSpec, MAX_INPUT_BYTES};
use crate::input::InputError;

/// Reads the group specs that an SDL asks for: one a placement, sorted by name.
///
/// # Errors
/// When the text is no YAML, or no SDL that the chain takes; with path, line and column.
pub fn read(text: &str) -> Result<Vec<GroupSpec>, InputError> {
    if text.len() > MAX_INPUT_BYTES {
        return Err(super::detect::too_large(text));
    }
    let tree = yaml::parse(text)?;
    let document = document::Document::read(&field::Field::root(&tree))?;
    check::relations(&document)?;
    groups::build(&document)
}

#[cfg(test)]
mod tests;
