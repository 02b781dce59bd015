//! Mappings with known keys, and typed values.

use std::cell::RefCell;

use crate::input::InputError;
use crate::text::excerpt;
use crate::yaml::{Entry, Kind, Place, Scalar};

/// What was read and is not understood.
#[derive(Debug, Default)]
pub(super) struct Warnings(RefCell<Vec<InputError>>);

impl Warnings {
    /// Adds a warning.
    pub(super) fn add(&self, warning: InputError) {
        self.0.borrow_mut().push(warning);
    }

    /// The warnings, in the order in which they were found.
    pub(super) fn into_list(self) -> Vec<InputError> {
        self.0.into_inner()
    }
}

/// A mapping whose keys are known.
#[derive(Clone, Debug)]
pub(super) struct Fields<'a> {
    place: Place<'a>,
    entries: &'a [Entry],
}

impl<'a> Fields<'a> {
    /// Reads a mapping. Keys that are not known are warnings.
    pub(super) fn of(place: &Place<'a>, known: &[&str], warnings: &Warnings) -> Result<Self, InputError> {
        let fields = Self::quiet(place)?;
        for entry in fields.entries.iter().filter(|entry| !known.contains(&entry.key.as_str())) {
            warnings.add(place.unknown_key(entry, known));
        }
        Ok(fields)
    }

    /// Reads a mapping without looking at what else is in it.
    pub(super) fn quiet(place: &Place<'a>) -> Result<Self, InputError> {
        Ok(Self { place: place.clone(), entries: place.distinct_entries()? })
    }

    /// The value of a key. As in Kubernetes, null is the same as nothing.
    pub(super) fn get(&self, key: &str) -> Option<Place<'a>> {
        let entry = self.entries.iter().find(|entry| entry.key == key)?;
        Some(self.place.child(entry)).filter(|place| !place.is_null())
    }

    /// The value of a key that must be present.
    pub(super) fn required(&self, key: &str) -> Result<Place<'a>, InputError> {
        self.get(key).ok_or_else(|| self.place.name_error(format_args!("`{key}` is missing")))
    }
}

/// Reads text. Kubernetes takes no number or truth value for it.
pub(super) fn text<'a>(place: &Place<'a>) -> Result<&'a str, InputError> {
    let scalar = place.scalar().filter(|scalar| scalar.kind() == Kind::Text);
    scalar.map(Scalar::text).ok_or_else(|| place.expected("text"))
}

/// Reads a whole number from 0 to `most`. Kubernetes takes no text for it.
pub(super) fn integer(place: &Place<'_>, most: u32) -> Result<u32, InputError> {
    let scalar = place.scalar().filter(|scalar| scalar.kind() == Kind::Number);
    let scalar = scalar.ok_or_else(|| place.expected("a whole number"))?;
    let number = scalar.number().and_then(|number| u32::try_from(number.whole()?).ok());
    number
        .filter(|number| *number <= most)
        .ok_or_else(|| place.error(format_args!("`{}` is not a whole number from 0 to {most}", excerpt(scalar.text()))))
}
