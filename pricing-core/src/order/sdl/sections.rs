//! Merges sections that occur twice in a document.

use std::rc::Rc;

use super::warnings::{RefusingReader, Warnings};
use crate::input::InputError;
use crate::text::excerpt;
use crate::yaml::{Entry, Node, Value};

/// The only section whose parts are merged one by one.
const PROFILES: &str = "profiles";
const VERSION: &str = "version";

/// Returns the document with each section once. Go decodes a repeated section into the first one: new entries are
/// added, and a later entry replaces an earlier one of the same name.
pub(super) fn merged(root: Rc<Node>, warnings: &Warnings) -> Rc<Node> {
    let Value::Map(entries) = &root.value else { return root };
    if !entries.iter().any(|entry| entry.repeated) {
        return root;
    }
    let mut sections: Vec<Entry> = Vec::new();
    for entry in entries {
        let Some(first) = sections.iter_mut().find(|section| section.key == entry.key) else {
            sections.push(entry.clone());
            continue;
        };
        let message = format_args!("the key `{}` is given twice", excerpt(&entry.key));
        let place = entry.key_position;
        let error = InputError::new(message).at(excerpt(&entry.key)).position(place.line, place.column);
        warnings.refused(RefusingReader::Console, error);
        // The first version counts, and `profiles` that are not a mapping add nothing.
        if entry.key == VERSION || (entry.key == PROFILES && !matches!(entry.value.value, Value::Map(_))) {
            continue;
        }
        let depth = if entry.key == PROFILES { 1 } else { 0 };
        first.value = added(&first.value, &entry.value, depth);
    }
    Rc::new(root.with_value(Value::Map(sections)))
}

/// Returns a mapping with the entries of another added. Below `depth` levels, a later entry replaces the earlier one.
fn added(first: &Rc<Node>, later: &Rc<Node>, depth: u32) -> Rc<Node> {
    let (Value::Map(entries), Value::Map(more)) = (&first.value, &later.value) else { return Rc::clone(later) };
    let mut entries = entries.clone();
    for entry in more {
        match entries.iter_mut().find(|known| known.key == entry.key && !entry.repeated) {
            Some(known) if depth > 0 => known.value = added(&known.value, &entry.value, depth.saturating_sub(1)),
            Some(known) => *known = Entry { repeated: known.repeated, ..entry.clone() },
            None => entries.push(entry.clone()),
        }
    }
    Rc::new(later.with_value(Value::Map(entries)))
}
