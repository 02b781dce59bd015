//! SDL, versions 2.0 and 2.1: the YAML in which tenants write what they want.
//!
//! The text becomes a tree with lines and columns (`yaml`), the sections are read out of it by the schema
//! (`services`, `profiles`, `deployment`), what they say of each other is checked (`check`), the chain's limits are
//! held against what is deployed (`limits`), and the groups are put together (`groups`).
//!
//! Tenants' tools have two readers, which differ (`warnings`). What either takes is read; what the chain refuses, or both
//! of them, is an error.

mod attributes;
mod check;
mod deployment;
mod document;
mod duration;
mod field;
mod groups;
mod limits;
mod profiles;
mod resources;
mod scalar;
mod sections;
mod services;
mod units;
mod warnings;
mod yaml;

use std::rc::Rc;

use super::{Conditions, GroupSpec, text_size};
use crate::input::InputError;
use crate::text::Untrusted;
use warnings::{Reader, RefusingReader, Warnings};

/// What an SDL asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sdl {
    /// One group spec a placement, sorted by name, with what the SDL asks of the provider beside it: `reclamation`, and the
    /// hostnames that its services `accept`.
    pub groups: Vec<(GroupSpec, Conditions)>,
    /// What the chain's command line or Console would refuse; each says which of them.
    pub warnings: Vec<InputError>,
}

/// Reads the group specs that an SDL asks for: one a placement, sorted by name.
///
/// # Errors
/// When the text is no YAML, or no SDL that the chain takes; with path, line and column.
pub fn read(text: &str) -> Result<Vec<GroupSpec>, InputError> {
    Ok(read_with_warnings(text)?.groups.into_iter().map(|(group, _)| group).collect())
}

/// Reads an SDL, with what only one of the two readers that tenants use takes of it.
///
/// # Errors
/// As [`read`].
pub fn read_with_warnings(text: &str) -> Result<Sdl, InputError> {
    text_size::check(text)?;
    let document = yaml::parse(text)?;
    let warnings = Warnings::of(Reader::Console);
    let groups = read_document(&document, &warnings)?;
    let reader = warnings.taken_by()?;
    if reader == Reader::Console {
        return Ok(Sdl { groups, warnings: warnings.into_list() });
    }
    let warnings = Warnings::of(reader);
    let groups = read_document(&document, &warnings)?;
    Ok(Sdl { groups, warnings: warnings.into_list() })
}

fn read_document(
    document: &yaml::FirstDocument,
    warnings: &Warnings,
) -> Result<Vec<(GroupSpec, Conditions)>, InputError> {
    if let Some(place) = document.second {
        let error = InputError::new("a second document, which is left out").position(place.line, place.column);
        warnings.refused(RefusingReader::Console, error);
    }
    let root = sections::merged(Rc::clone(&document.root), warnings);
    let document = document::Document::read(&field::Field::root(&root, warnings))?;
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
