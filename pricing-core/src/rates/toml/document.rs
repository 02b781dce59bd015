//! A TOML document with the position of everything in it.

use core::fmt;

use toml::de::{DeTable, DeValue};

use rust_decimal::Decimal;

use crate::input::InputError;
use crate::money::{Usd, parse_decimal};
use crate::rates::origin::entry_key;
use crate::text::{excerpt, nearest};

use super::unquoted_key;

/// Parses a document.
pub(super) fn parse(text: &str) -> Result<DeTable<'_>, InputError> {
    DeTable::parse(text).map(toml::Spanned::into_inner).map_err(|error| {
        let input = InputError::new(error.message().trim_end_matches('.'));
        match error.span() {
            Some(span) => unquoted_key(text, span.start).unwrap_or_else(|| input.offset(text, span.start)),
            None => input,
        }
    })
}

/// A table, and where it is.
pub(super) struct Section<'d> {
    path: String,
    table: &'d DeTable<'d>,
    text: &'d str,
}

impl<'d> Section<'d> {
    pub(super) fn root(table: &'d DeTable<'d>, text: &'d str) -> Self {
        Self { path: String::new(), table, text }
    }

    /// The entries, in the order of the file.
    pub(super) fn entries(&self) -> Vec<Entry<'d>> {
        let entry = |(key, value): (&'d toml::Spanned<_>, &'d toml::Spanned<DeValue<'d>>)| -> Entry<'d> {
            let name: &'d std::borrow::Cow<'d, str> = key.get_ref();
            Entry {
                path: entry_key(&self.path, name),
                key: name,
                key_start: key.span().start,
                value_start: value.span().start,
                value_end: value.span().end,
                value: value.get_ref(),
                text: self.text,
            }
        };
        let mut entries: Vec<Entry<'d>> = self.table.iter().map(entry).collect();
        entries.sort_by_key(|entry| entry.key_start);
        entries
    }
}

/// A key with its value.
pub(super) struct Entry<'d> {
    path: String,
    key: &'d str,
    key_start: usize,
    value_start: usize,
    value_end: usize,
    value: &'d DeValue<'d>,
    text: &'d str,
}

impl<'d> Entry<'d> {
    pub(super) fn key(&self) -> &'d str {
        self.key
    }

    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// An error about the value.
    pub(super) fn error(&self, message: impl fmt::Display) -> InputError {
        InputError::new(message).at(&*self.path).offset(self.text, self.value_start)
    }

    /// The value as it is written.
    pub(super) fn written(&self) -> &'d str {
        self.text.get(self.value_start..self.value_end).unwrap_or("")
    }

    /// An error about the line that the key is in, at its first word.
    pub(super) fn line_error(&self, message: impl fmt::Display) -> InputError {
        let before = self.text.get(..self.key_start).unwrap_or("");
        let line = before.get(before.rfind('\n').map_or(0, |end| end.saturating_add(1))..).unwrap_or("");
        let indent = line.len().saturating_sub(line.trim_start().len());
        let start = before.len().saturating_sub(line.len()).saturating_add(indent);
        InputError::new(message).at(&*self.path).offset(self.text, start)
    }

    /// An error about the key.
    pub(super) fn key_error(&self, message: impl fmt::Display) -> InputError {
        InputError::new(message).at(&*self.path).offset(self.text, self.key_start)
    }

    /// The error for an unknown key.
    pub(super) fn unknown(&self, known: &[&str]) -> InputError {
        let error = self.key_error(format_args!("`{}` is not a key of a rate card", excerpt(self.key)));
        match nearest(self.key, known.iter().copied()) {
            Some(meant) => error.hint(format!("did you mean `{meant}`?")),
            None => error.hint(format!("expected one of `{}`", known.join("`, `"))),
        }
    }

    fn expected(&self, what: &str) -> InputError {
        self.error(format_args!("expected {what}, found {}", kind(self.value)))
    }

    /// The key, if it is a name that the user chose.
    pub(super) fn name(&self, what: &str) -> Result<String, InputError> {
        if self.key.is_empty() || self.key.contains(char::is_whitespace) {
            return Err(self.key_error(format_args!("`{}` cannot be {what}", excerpt(self.key))));
        }
        Ok(self.key.to_owned())
    }

    pub(super) fn is_section(&self) -> bool {
        self.value.is_table()
    }

    pub(super) fn section(&self) -> Result<Section<'d>, InputError> {
        let table = self.value.as_table().ok_or_else(|| self.expected("a table"))?;
        Ok(Section { path: self.path.clone(), table, text: self.text })
    }

    pub(super) fn text(&self) -> Option<&'d str> {
        self.value.as_str()
    }

    /// The strings of an array, each with its position.
    pub(super) fn texts(&self) -> Result<Vec<Item<'d>>, InputError> {
        let array = self.value.as_array().ok_or_else(|| self.expected("an array of strings"))?;
        let texts = array.iter().enumerate().map(|(index, item)| {
            let place =
                Item { path: format!("{}[{index}]", self.path), start: item.span().start, value: "", text: self.text };
            match item.get_ref().as_str() {
                Some(value) => Ok(Item { value, ..place }),
                None => Err(place.error(format_args!("expected a string, found {}", kind(item.get_ref())))),
            }
        });
        texts.collect()
    }

    /// A number as it is written: a string or a decimal integer.
    pub(super) fn number(&self) -> Result<&str, InputError> {
        match self.value {
            DeValue::String(text) => Ok(text),
            DeValue::Integer(integer) if integer.radix() == 10 => Ok(integer.as_str()),
            DeValue::Integer(_) => Err(self.error("numbers are decimal here")),
            DeValue::Float(float) => {
                let error = self.error(format_args!("`{}` is a float, which is not exact", excerpt(float.as_str())));
                Err(error.hint(format!("put it in quotes: `\"{}\"`", excerpt(float.as_str()))))
            }
            _ => Err(self.expected("a number, as a string or an integer")),
        }
    }

    pub(super) fn usd(&self) -> Result<Usd, InputError> {
        Usd::parse(self.number()?).map_err(|error| self.error(error))
    }

    pub(super) fn decimal(&self) -> Result<Decimal, InputError> {
        parse_decimal(self.number()?).map_err(|error| self.error(error))
    }

    pub(super) fn positive(&self) -> Result<Decimal, InputError> {
        let value = self.decimal()?;
        if value <= Decimal::ZERO {
            return Err(self.error(format_args!("`{value}` is out of range; expected a number above 0")));
        }
        Ok(value)
    }

    pub(super) fn whole(&self, most: u32) -> Result<u32, InputError> {
        let text = self.number()?;
        let number = text.parse::<u32>().ok().filter(|number| *number <= most && !text.starts_with('+'));
        let message = || format!("`{}` is out of range; expected a whole number from 0 to {most}", excerpt(text));
        number.ok_or_else(|| self.error(message()))
    }

    /// The value that a word stands for.
    pub(super) fn one_of<T: Clone>(&self, words: &[(&str, T)]) -> Result<T, InputError> {
        let known = || words.iter().map(|(word, _)| *word);
        let expected = || format!("expected one of `{}`", known().collect::<Vec<_>>().join("`, `"));
        let Some(text) = self.text() else {
            return Err(self.expected("a string").hint(expected()));
        };
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| value.clone());
        found.ok_or_else(|| {
            let error = self.error(format_args!("`{}` is not known here", excerpt(text)));
            match nearest(text, known()) {
                Some(meant) => error.hint(format!("did you mean `{meant}`?")),
                None => error.hint(expected()),
            }
        })
    }
}

/// A string of an array.
pub(super) struct Item<'d> {
    path: String,
    start: usize,
    value: &'d str,
    text: &'d str,
}

impl<'d> Item<'d> {
    pub(super) fn value(&self) -> &'d str {
        self.value
    }

    pub(super) fn error(&self, message: impl fmt::Display) -> InputError {
        InputError::new(message).at(&*self.path).offset(self.text, self.start)
    }
}

fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a float",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    }
}
