//! A value and its place: what readers of YAML ask, with errors that say where.

use core::fmt::{Display, Write as _};
use std::rc::Rc;

use super::{Entry, Kind, Node, Position, Scalar, Value};
use crate::input::InputError;
use crate::text::{excerpt, nearest};

/// A value, and its place in the document and in the text.
#[derive(Clone, Debug)]
pub(crate) struct Place<'a> {
    node: &'a Node,
    path: String,
    /// The position of the value's key, for errors about the name or about missing content.
    key: Position,
}

impl<'a> Place<'a> {
    /// Makes the place of the document itself.
    pub(crate) fn root(node: &'a Node) -> Self {
        Self { node, path: String::new(), key: node.position }
    }

    /// Makes an error about this value.
    pub(crate) fn error(&self, message: impl Display) -> InputError {
        let Position { line, column } = self.node.position;
        InputError::new(message).at(self.path.clone()).position(line, column)
    }

    /// Makes an error about this value's name, or about something that is missing in it.
    pub(crate) fn name_error(&self, message: impl Display) -> InputError {
        self.error(message).position(self.key.line, self.key.column)
    }

    /// Makes an error that this value is not what was expected.
    pub(crate) fn expected(&self, what: impl Display) -> InputError {
        let message = format_args!("{}; expected {what}", self.found());
        // A missing value has no position of its own, but its key has one.
        if self.is_null() { self.name_error(message) } else { self.error(message) }
    }

    /// Describes the value for a message.
    pub(crate) fn found(&self) -> String {
        match &self.node.value {
            Value::Scalar(scalar) => match scalar.kind() {
                Kind::Null => "nothing is given".to_owned(),
                Kind::Bool(value) => format!("`{value}` is a truth value"),
                Kind::Number => format!("`{}` is a number", excerpt(scalar.text())),
                Kind::Text => format!("`{}` is text", excerpt(scalar.text())),
            },
            Value::List(_) => "this is a list".to_owned(),
            Value::Map(_) => "this is a mapping".to_owned(),
        }
    }

    /// Makes the place of an entry of this mapping.
    pub(crate) fn child(&self, entry: &'a Entry) -> Self {
        let dot = if self.path.is_empty() { "" } else { "." };
        let path = format!("{}{dot}{}", self.path, excerpt(&entry.key));
        Self { node: &entry.value, path, key: entry.key_position }
    }

    /// Returns whether the value is null: written as null, or left out after the colon.
    pub(crate) fn is_null(&self) -> bool {
        self.scalar().is_some_and(|scalar| scalar.kind() == Kind::Null)
    }

    /// Returns whether the value is a list.
    pub(crate) fn is_list(&self) -> bool {
        matches!(self.node.value, Value::List(_))
    }

    /// Returns whether the value is a mapping.
    pub(crate) fn is_map(&self) -> bool {
        matches!(self.node.value, Value::Map(_))
    }

    /// Returns the value if it is a scalar.
    pub(crate) fn scalar(&self) -> Option<&'a Scalar> {
        match &self.node.value {
            Value::Scalar(scalar) => Some(scalar),
            Value::List(_) | Value::Map(_) => None,
        }
    }

    /// Returns the entries of a mapping.
    pub(crate) fn entries(&self) -> Result<&'a [Entry], InputError> {
        match &self.node.value {
            Value::Map(entries) => Ok(entries),
            Value::Scalar(_) | Value::List(_) => Err(self.expected("a mapping")),
        }
    }

    /// Returns the entries of a mapping, in which no key may repeat.
    pub(crate) fn distinct_entries(&self) -> Result<&'a [Entry], InputError> {
        let entries = self.entries()?;
        match entries.iter().find(|entry| entry.repeated) {
            Some(entry) => Err(self.child(entry).name_error(Self::given_twice(entry))),
            None => Ok(entries),
        }
    }

    /// Returns the items of a list.
    pub(crate) fn items(&self) -> Result<impl Iterator<Item = Self> + use<'a>, InputError> {
        let Value::List(items) = &self.node.value else { return Err(self.expected("a list")) };
        let list = self.path.clone();
        let item = move |(index, node): (usize, &'a Rc<Node>)| Self {
            node,
            path: format!("{list}[{index}]"),
            key: node.position,
        };
        Ok(items.iter().enumerate().map(item))
    }

    /// The message about a key that occurred earlier in its mapping.
    pub(crate) fn given_twice(entry: &Entry) -> String {
        format!("the key `{}` is given twice", excerpt(&entry.key))
    }

    /// Makes an error about an entry whose key is not in the list.
    pub(crate) fn unknown_key(&self, entry: &'a Entry, known: &[&str]) -> InputError {
        let hint = match nearest(&entry.key, known.iter().copied()) {
            Some(key) => format!("did you mean `{key}`?"),
            None => format!("known here: {}", listed(known)),
        };
        self.child(entry).name_error(format_args!("unknown key `{}`", excerpt(&entry.key))).hint(hint)
    }

    /// Makes an error about a word that is not in the list.
    pub(crate) fn unknown_word(&self, text: &str, words: &[&str]) -> InputError {
        let error = self.error(format_args!("`{}` is not known; expected {}", excerpt(text), listed(words)));
        match nearest(text, words.iter().copied()) {
            Some(word) => error.hint(format!("did you mean `{word}`?")),
            None => error,
        }
    }
}

/// Lists words for a message: `a`, `b` or `c`.
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
        // Writing to a `String` does not fail.
        let _ = write!(text, "`{word}`");
    }
    text
}
