//! The schema's words: a value of the document together with the way to it, and what may be asked of it.
//!
//! Every question answers with the value or with an error that names path, line and column.

use core::fmt::{Display, Write as _};
use core::ops::RangeInclusive;

use super::scalar::Scalar;
use super::yaml::{Entry, Node, Position, Value};
use crate::input::InputError;
use crate::text::{excerpt, nearest};

/// A value, and where it stands in document and text.
#[derive(Clone, Debug)]
pub(super) struct Field<'a> {
    node: &'a Node,
    path: String,
    /// Where its key stands, for what is wrong with the name or with something that is missing.
    key: Position,
}

/// A mapping whose keys are known to the schema.
#[derive(Clone, Debug)]
pub(super) struct Object<'a> {
    field: Field<'a>,
    entries: &'a [Entry],
}

impl<'a> Field<'a> {
    /// The document itself.
    pub(super) fn root(node: &'a Node) -> Self {
        Self { node, path: String::new(), key: node.position }
    }

    /// An error about this value.
    pub(super) fn error(&self, message: impl Display) -> InputError {
        let Position { line, column } = self.node.position;
        InputError::new(message).at(self.path.clone()).position(line, column)
    }

    /// An error about this value's name, or about what it lacks.
    pub(super) fn name_error(&self, message: impl Display) -> InputError {
        self.error(message).position(self.key.line, self.key.column)
    }

    /// An error about this value not being what was expected.
    pub(super) fn expected(&self, what: impl Display) -> InputError {
        let message = format_args!("{}; expected {what}", self.found());
        // What is left out stands nowhere; its key does.
        if self.is_null() { self.name_error(message) } else { self.error(message) }
    }

    /// What the value is, for a message.
    fn found(&self) -> String {
        match &self.node.value {
            Value::Scalar(Scalar::Null) => "nothing is given".to_owned(),
            Value::Scalar(Scalar::Bool(value)) => format!("`{value}` is a truth value"),
            Value::Scalar(Scalar::Number(number)) => format!("`{}` is a number", excerpt(number.text())),
            Value::Scalar(Scalar::Text(text)) => format!("`{}` is text", excerpt(text)),
            Value::List(_) => "this is a list".to_owned(),
            Value::Map(_) => "this is a mapping".to_owned(),
        }
    }

    fn child(&self, entry: &'a Entry) -> Self {
        let dot = if self.path.is_empty() { "" } else { "." };
        let path = format!("{}{dot}{}", self.path, excerpt(&entry.key));
        Self { node: &entry.value, path, key: entry.key_position }
    }

    /// Whether the value is null: written so, or left out after the colon.
    pub(super) fn is_null(&self) -> bool {
        matches!(self.node.value, Value::Scalar(Scalar::Null))
    }

    /// Whether the value is a list.
    pub(super) fn is_list(&self) -> bool {
        matches!(self.node.value, Value::List(_))
    }

    /// The single value that this is.
    pub(super) fn scalar(&self) -> Option<&'a Scalar> {
        match &self.node.value {
            Value::Scalar(scalar) => Some(scalar),
            Value::List(_) | Value::Map(_) => None,
        }
    }

    fn entries(&self) -> Result<&'a [Entry], InputError> {
        match &self.node.value {
            Value::Map(entries) => Ok(entries),
            Value::Scalar(_) | Value::List(_) => Err(self.expected("a mapping")),
        }
    }

    /// A mapping with keys of the user's own, in the text's order.
    pub(super) fn map(&self) -> Result<Vec<(&'a str, Self)>, InputError> {
        Ok(self.entries()?.iter().map(|entry| (entry.key.as_str(), self.child(entry))).collect())
    }

    /// A mapping with no other keys than these.
    pub(super) fn object(&self, known: &[&str]) -> Result<Object<'a>, InputError> {
        let entries = self.entries()?;
        for entry in entries {
            if !known.contains(&entry.key.as_str()) {
                return Err(self.unknown_key(entry, known));
            }
        }
        Ok(Object { field: self.clone(), entries })
    }

    fn unknown_key(&self, entry: &'a Entry, known: &[&str]) -> InputError {
        let hint = match nearest(&entry.key, known.iter().copied()) {
            Some(key) => format!("did you mean `{key}`?"),
            None => format!("known here: {}", listed(known)),
        };
        self.child(entry).name_error(format_args!("unknown key `{}`", excerpt(&entry.key))).hint(hint)
    }

    /// The items of a list.
    pub(super) fn list(&self) -> Result<Vec<Self>, InputError> {
        let Value::List(items) = &self.node.value else { return Err(self.expected("a list")) };
        let item = |(index, node): (usize, &'a std::rc::Rc<Node>)| {
            let mut path = self.path.clone();
            // Writing to a string does not fail.
            let _ = write!(path, "[{index}]");
            Self { node, path, key: node.position }
        };
        Ok(items.iter().enumerate().map(item).collect())
    }

    /// The texts of a list.
    pub(super) fn texts(&self) -> Result<Vec<String>, InputError> {
        self.list()?.iter().map(|item| item.text().map(str::to_owned)).collect()
    }

    /// Text: a quoted word, or one that is neither number, truth value nor null.
    pub(super) fn text(&self) -> Result<&'a str, InputError> {
        match self.scalar() {
            Some(Scalar::Text(text)) => Ok(text),
            Some(Scalar::Number(_) | Scalar::Bool(_)) => Err(self.expected("text").hint("put it in quotes")),
            _ => Err(self.expected("text")),
        }
    }

    /// Text of at least so many characters.
    pub(super) fn text_of(&self, least: usize) -> Result<&'a str, InputError> {
        let text = self.text()?;
        if text.chars().take(least).count() < least {
            let unit = if least == 1 { "character" } else { "characters" };
            return Err(self.error(format_args!("too short; expected at least {least} {unit}")));
        }
        Ok(text)
    }

    /// Text that is one of these words.
    pub(super) fn one_of(&self, words: &[&'static str]) -> Result<&'static str, InputError> {
        let text = self.text()?;
        if let Some(word) = words.iter().find(|word| **word == text) {
            return Ok(word);
        }
        let error = self.error(format_args!("`{}` is not known; expected {}", excerpt(text), listed(words)));
        Err(match nearest(text, words.iter().copied()) {
            Some(word) => error.hint(format!("did you mean `{word}`?")),
            None => error,
        })
    }

    /// `true` or `false`.
    pub(super) fn boolean(&self) -> Result<bool, InputError> {
        match self.scalar() {
            Some(Scalar::Bool(value)) => Ok(*value),
            _ => Err(self.expected("`true` or `false`")),
        }
    }

    /// A whole number in a range.
    pub(super) fn integer(&self, range: RangeInclusive<u64>) -> Result<u64, InputError> {
        let Some(Scalar::Number(number)) = self.scalar() else { return Err(self.expected("a whole number")) };
        number.whole().filter(|value| range.contains(value)).ok_or_else(|| {
            let (least, most) = (range.start(), range.end());
            let text = excerpt(number.text());
            if *most == u64::MAX {
                self.error(format_args!("`{text}` is not a whole number of at least {least}"))
            } else {
                self.error(format_args!("`{text}` is not a whole number from {least} to {most}"))
            }
        })
    }

    /// A whole number in a range, of 32 bits.
    pub(super) fn integer_u32(&self, range: RangeInclusive<u32>) -> Result<u32, InputError> {
        let value = self.integer(u64::from(*range.start())..=u64::from(*range.end()))?;
        u32::try_from(value).map_err(|_| self.expected("a smaller number"))
    }
}

impl<'a> Object<'a> {
    /// The value of a key, when it is there.
    pub(super) fn optional(&self, key: &str) -> Option<Field<'a>> {
        self.entries.iter().find(|entry| entry.key == key).map(|entry| self.field.child(entry))
    }

    /// The value of a key that must be there.
    pub(super) fn required(&self, key: &str) -> Result<Field<'a>, InputError> {
        self.optional(key).ok_or_else(|| self.field.name_error(format_args!("`{key}` is missing")))
    }
}

/// Words for a message: `a`, `b` or `c`.
fn listed(words: &[&str]) -> String {
    let mut text = String::new();
    for (index, word) in words.iter().enumerate() {
        let last = index.saturating_add(1) == words.len();
        text.push_str(if index == 0 {
            ""
        } else if last {
            " or "
        } else {
            ", "
        });
        let _ = write!(text, "`{word}`");
    }
    text
}
