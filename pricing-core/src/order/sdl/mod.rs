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

use super::{Conditions, GroupSpec, MAX_INPUT_BYTES};
use crate::input::InputError;
use crate::text::Untrusted;

/// Reads the group specs that an SDL asks for: one a placement, sorted by name.
///
/// # Errors
/// When the text is no YAML, or no SDL that the chain takes; with path, line and column.
pub fn read(text: &str) -> Result<Vec<GroupSpec>, InputError> {
    Ok(read_with_conditions(text)?.into_iter().map(|(group, _)| group).collect())
}

/// The same, with what the SDL asks of the provider beside each group: `reclamation`, and the hostnames that its services
/// `accept`.
///
/// # Errors
/// As [`read`].
pub fn read_with_conditions(text: &str) -> Result<Vec<(GroupSpec, Conditions)>, InputError> {
    if text.len() > MAX_INPUT_BYTES {
        return Err(super::detect::too_large(text));
    }
    let tree = yaml::parse(text)?;
    let document = document::Document::read(&field::Field::root(&tree))?;
    check::relations(&document)?;
    let groups = groups::build(&document)?;
    Ok(groups.into_iter().map(|group| with_conditions(group, &document)).collect())
}

fn with_conditions(group: GroupSpec, document: &document::Document<'_>) -> (GroupSpec, Conditions) {
    let hostnames = groups::hostnames(document, group.name().exact()).into_iter().map(Untrusted::new).collect();
    (group, Conditions { min_reclamation: document.min_reclamation, hostnames })
}

#[cfg(test)]
mod tests;
