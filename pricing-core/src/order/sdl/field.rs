//! Typed access to the document: a value together with its path, and the questions that the schema asks of it.
//!
//! Every method returns the value, or an error with path, line and column. Where only one of the two readers of SDLs
//! accepts a value, the method returns that reader's value and adds a warning that names the other.

use core::fmt::Display;
use core::ops::RangeInclusive;

use super::warnings::{Reader, RefusingReader, Warnings};
use crate::input::InputError;
use crate::text::excerpt;
use crate::yaml::{Entry, Kind, Node, Place, Scalar};

/// A value, and its place in the document and in the text.
#[derive(Clone, Debug)]
pub(super) struct Field<'a> {
    place: Place<'a>,
    warnings: &'a Warnings,
}

/// A mapping with keys that the schema defines.
#[derive(Clone, Debug)]
pub(super) struct Object<'a> {
    field: Field<'a>,
    entries: &'a [Entry],
}

impl<'a> Field<'a> {
    /// Makes the field of the document itself.
    pub(super) fn root(node: &'a Node, warnings: &'a Warnings) -> Self {
        Self { place: Place::root(node), warnings }
    }

    /// Warns that one reader refuses this value.
    pub(super) fn warn(&self, who: RefusingReader, message: impl Display) {
        self.warnings.refused(who, self.error(message));
    }

    /// Chooses between the values that the two readers make of something.
    pub(super) fn reading<T>(&self, console: T, go: T) -> T {
        match self.warnings.reader() {
            Reader::Console => console,
            Reader::Go => go,
        }
    }

    /// Adds a warning about this value's name that does not depend on the reader.
    pub(super) fn note(&self, message: impl Display) {
        self.warnings.add(self.name_error(message));
    }

    /// Warns that one reader refuses this value's name, or misses something in it.
    pub(super) fn warn_of_name(&self, who: RefusingReader, message: impl Display) {
        self.warnings.refused(who, self.name_error(message));
    }

    /// Makes an error about this value.
    pub(super) fn error(&self, message: impl Display) -> InputError {
        self.place.error(message)
    }

    /// Makes an error about this value's name, or about something that is missing in it.
    pub(super) fn name_error(&self, message: impl Display) -> InputError {
        self.place.name_error(message)
    }

    /// Makes an error that this value is not what was expected.
    pub(super) fn expected(&self, what: impl Display) -> InputError {
        self.place.expected(what)
    }

    fn child(&self, entry: &'a Entry) -> Self {
        Self { place: self.place.child(entry), warnings: self.warnings }
    }

    /// Returns whether the value is null: written as null, or left out after the colon.
    pub(super) fn is_null(&self) -> bool {
        self.place.is_null()
    }

    /// Returns whether the value is a list.
    pub(super) fn is_list(&self) -> bool {
        self.place.is_list()
    }

    /// Returns the value if it is a scalar.
    pub(super) fn scalar(&self) -> Option<&'a Scalar> {
        self.place.scalar()
    }

    /// Returns whether the value is a mapping.
    pub(super) fn is_map(&self) -> bool {
        self.place.is_map()
    }

    /// Returns a mapping whose keys the user chooses, in the text's order.
    pub(super) fn map(&self) -> Result<Vec<(&'a str, Self)>, InputError> {
        Ok(self.place.distinct_entries()?.iter().map(|entry| (entry.key.as_str(), self.child(entry))).collect())
    }

    /// Returns a mapping from which only the known keys are read. Go ignores other keys, whatever their values.
    pub(super) fn object(&self, known: &[&str]) -> Result<Object<'a>, InputError> {
        let entries = self.place.distinct_entries()?;
        for entry in entries.iter().filter(|entry| !known.contains(&entry.key.as_str())) {
            self.warnings.refused(RefusingReader::Console, self.place.unknown_key(entry, known));
        }
        Ok(Object { field: self.clone(), entries })
    }

    /// Returns a mapping that may have only the known keys. Of a repeated key, Go uses the last.
    pub(super) fn closed_object(&self, known: &[&str]) -> Result<Object<'a>, InputError> {
        let entries = self.place.entries()?;
        if let Some(entry) = entries.iter().find(|entry| !known.contains(&entry.key.as_str())) {
            return Err(self.place.unknown_key(entry, known));
        }
        for entry in entries.iter().filter(|entry| entry.repeated) {
            self.child(entry).warn_of_name(RefusingReader::Console, Place::given_twice(entry));
        }
        Ok(Object { field: self.clone(), entries })
    }

    /// Returns the items of a list.
    pub(super) fn list(&self) -> Result<Vec<Self>, InputError> {
        let item = |place| Self { place, warnings: self.warnings };
        Ok(self.place.items()?.map(item).collect())
    }

    /// Returns the texts of a list. Go ignores null items.
    pub(super) fn texts(&self) -> Result<Vec<String>, InputError> {
        let mut texts = Vec::new();
        for item in self.list()? {
            if item.is_null() {
                item.warn(RefusingReader::Console, "nothing is given; expected text");
                continue;
            }
            texts.push(item.text()?.to_owned());
        }
        Ok(texts)
    }

    /// Returns text. Go accepts any scalar. Console accepts a quoted scalar, or one that is not a number, a truth value
    /// or null.
    pub(super) fn text(&self) -> Result<&'a str, InputError> {
        match self.scalar() {
            Some(scalar) if scalar.kind() == Kind::Text => Ok(scalar.text()),
            Some(scalar) if scalar.kind() != Kind::Null => {
                self.warn(RefusingReader::Console, format_args!("{}; expected text", self.place.found()));
                Ok(scalar.text())
            }
            _ => Err(self.expected("text")),
        }
    }

    /// Returns text that is not empty.
    pub(super) fn filled_text(&self) -> Result<&'a str, InputError> {
        let text = self.text()?;
        if text.is_empty() { Err(self.error("empty; expected text")) } else { Ok(text) }
    }

    /// Returns one of these words.
    pub(super) fn one_of(&self, words: &[&'static str]) -> Result<&'static str, InputError> {
        let text = self.text()?;
        words.iter().find(|word| **word == text).copied().ok_or_else(|| self.unknown_word(text, words))
    }

    /// Makes an error about a word that is not in the list.
    pub(super) fn unknown_word(&self, text: &str, words: &[&str]) -> InputError {
        self.place.unknown_word(text, words)
    }

    /// Returns a truth value. Go also accepts the words of YAML 1.1.
    pub(super) fn boolean(&self) -> Result<bool, InputError> {
        let scalar = self.scalar();
        match (scalar.map(Scalar::kind), scalar.and_then(Scalar::go_bool)) {
            (Some(Kind::Bool(value)), _) => Ok(value),
            (_, Some(value)) => {
                self.warn(RefusingReader::Console, format_args!("{}; expected `true` or `false`", self.place.found()));
                Ok(value)
            }
            _ => Err(self.expected("`true` or `false`")),
        }
    }

    /// Returns a whole number. Console and Go each have their own range and notation.
    ///
    /// A number that both accept is Console's or Go's, depending on whose reading counts: `010` is 10 to Console and 8
    /// to Go.
    pub(super) fn integer(&self, console: RangeInclusive<u64>, go: RangeInclusive<u64>) -> Result<u64, InputError> {
        let scalar = self.scalar();
        let number = scalar.and_then(Scalar::number);
        let to_console = number.and_then(|number| number.whole()).filter(|value| console.contains(value));
        let to_go = scalar.and_then(Scalar::go_whole).filter(|value| go.contains(value));
        let (least, most) = (console.start(), console.end());
        let text = excerpt(scalar.map_or("", Scalar::text));
        let range = if *most == u64::MAX { format!("of at least {least}") } else { format!("from {least} to {most}") };
        match (to_console, to_go) {
            (Some(console), Some(go)) => Ok(self.reading(console, go)),
            (Some(value), None) => {
                self.warn(
                    RefusingReader::CommandLine,
                    format_args!("`{text}` is written in another base or out of range"),
                );
                Ok(value)
            }
            (None, Some(value)) => {
                self.warn(RefusingReader::Console, format_args!("`{text}` is not a whole number {range}"));
                Ok(value)
            }
            (None, None) if number.is_none() => Err(self.expected("a whole number")),
            (None, None) => Err(self.error(format_args!("`{text}` is not a whole number {range}"))),
        }
    }

    /// Returns a whole number of 32 bits, like [`integer`](Self::integer).
    pub(super) fn integer_u32(&self, console: RangeInclusive<u32>, go: RangeInclusive<u32>) -> Result<u32, InputError> {
        let wide = |range: RangeInclusive<u32>| u64::from(*range.start())..=u64::from(*range.end());
        let value = self.integer(wide(console), wide(go))?;
        u32::try_from(value).map_err(|_| self.expected("a smaller number"))
    }
}

impl<'a> Object<'a> {
    /// Returns the value of a key if present, even if null. Of a repeated key, the last counts.
    pub(super) fn entry(&self, key: &str) -> Option<Field<'a>> {
        self.entries.iter().rfind(|entry| entry.key == key).map(|entry| self.field.child(entry))
    }

    /// Returns the value of a key if present. Both readers treat null as absent.
    pub(super) fn nullable(&self, key: &str) -> Option<Field<'a>> {
        self.entry(key).filter(|field| !field.is_null())
    }

    /// Returns the value of a key if present. Only Go treats null as absent.
    pub(super) fn optional(&self, key: &str) -> Option<Field<'a>> {
        let field = self.entry(key)?;
        if field.is_null() {
            field.warn_of_name(RefusingReader::Console, "nothing is given");
            return None;
        }
        Some(field)
    }

    /// Returns the value of a key that must be present.
    pub(super) fn required(&self, key: &str) -> Result<Field<'a>, InputError> {
        self.entry(key).ok_or_else(|| self.field.name_error(format_args!("`{key}` is missing")))
    }
}
