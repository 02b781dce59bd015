//! Reads SDL, versions 2.0 and 2.1: the YAML in which tenants describe their deployments.
//!
//! `yaml` turns the text into a tree with lines and columns. `services`, `profiles` and `deployment` read the sections
//! by the schema. `check` checks the references between them, and `limits` the chain's limits. `groups` builds the
//! group specs.
//!
//! Tenants' tools have two SDL readers, which differ (`warnings`). What either of them accepts is read, with a warning.
//! What both of them or the chain refuses is an error.

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
mod sections;
mod services;
mod units;
mod warnings;

use std::rc::Rc;

use super::{Conditions, GroupSpec, text_size};
use crate::input::InputError;
use crate::text::Untrusted;
use crate::yaml;
use warnings::{Reader, RefusingReader, Warnings};

/// The result of reading an SDL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sdl {
    /// One group spec per placement, sorted by name, with the SDL's conditions: `reclamation`, and the hostnames that
    /// the services `accept`.
    pub groups: Vec<(GroupSpec, Conditions)>,
    /// What the chain's command line or Console would refuse. Each warning names the one that refuses.
    pub warnings: Vec<InputError>,
}

/// Reads the group specs of an SDL: one per placement, sorted by name.
///
/// # Errors
/// When the text is not YAML, or is not an SDL that the chain accepts. The error has path, line and column.
pub fn read(text: &str) -> Result<Vec<GroupSpec>, InputError> {
    Ok(read_with_warnings(text)?.groups.into_iter().map(|(group, _)| group).collect())
}

/// Reads an SDL, with warnings about what only one of the tenants' two readers accepts.
///
/// The text is read as Console reads it. If only the command line's reader can accept it, it is read once more, as that
/// one reads it.
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
