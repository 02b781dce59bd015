//! Errors that say where in a text they occurred.

use core::fmt;

use crate::text::Untrusted;

/// The maximum length of a message, a path or a hint, in characters.
const MAX_CHARACTERS: usize = 4_000;
/// How much of a parser's message is kept, in characters.
const MAX_PARSER_CHARACTERS: usize = 300;

/// A text that may repeat untrusted text, as one line that is safe to print.
fn line(text: &str) -> String {
    format!("{:.MAX_CHARACTERS$}", Untrusted::new(text))
}

/// What is wrong with a text, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputError {
    message: String,
    path: Option<String>,
    position: Option<(usize, usize)>,
    hint: Option<String>,
}

impl InputError {
    /// An error about the text as a whole. The message is reduced to one line that is safe to print, as are the path
    /// and the hint.
    pub fn new(message: impl fmt::Display) -> Self {
        Self { message: line(&message.to_string()), path: None, position: None, hint: None }
    }

    /// The same error with another message.
    #[must_use]
    pub fn with_message(mut self, message: impl fmt::Display) -> Self {
        self.message = line(&message.to_string());
        self
    }

    /// Sets the path in the document, such as `services.web.expose[0].port`.
    #[must_use]
    pub fn at(mut self, path: impl AsRef<str>) -> Self {
        let path = line(path.as_ref());
        self.path = (!matches!(path.as_str(), "" | "." | "?")).then_some(path);
        self
    }

    /// Sets the position in the text: line and column, both from 1.
    #[must_use]
    pub fn position(mut self, line: usize, column: usize) -> Self {
        self.position = Some((line, column));
        self
    }

    /// Sets the position in the text by byte offset.
    #[must_use]
    pub fn offset(self, text: &str, offset: usize) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line = before.bytes().filter(|byte| *byte == b'\n').count().saturating_add(1);
        let column = before.rsplit('\n').next().unwrap_or("").chars().count().saturating_add(1);
        self.position(line, column)
    }

    /// Adds a suggestion for the user.
    #[must_use]
    pub fn hint(mut self, hint: impl AsRef<str>) -> Self {
        self.hint = Some(line(hint.as_ref()));
        self
    }

    /// The message, without the place.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The path in the document.
    #[must_use]
    pub fn path(&self) -> Option<&str> {
        self.path.as_deref()
    }

    /// The line in the text, from 1.
    #[must_use]
    pub fn line(&self) -> Option<usize> {
        self.position.map(|(line, _)| line)
    }

    /// The column in the line, from 1.
    #[must_use]
    pub fn column(&self) -> Option<usize> {
        self.position.map(|(_, column)| column)
    }

    /// The suggestion for the user, if there is one.
    #[must_use]
    pub fn hint_text(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

impl fmt::Display for InputError {
    /// Writes `line 3, column 7, at `services.web`: message`, with the hint in parentheses.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((line, column)) = self.position {
            write!(f, "line {line}, column {column}")?;
        }
        if let Some(path) = &self.path {
            write!(f, "{}at `{path}`", if self.position.is_some() { ", " } else { "" })?;
        }
        if self.position.is_some() || self.path.is_some() {
            f.write_str(": ")?;
        }
        f.write_str(&self.message)?;
        if let Some(hint) = &self.hint {
            write!(f, " ({hint})")?;
        }
        Ok(())
    }
}

impl std::error::Error for InputError {}

impl From<serde_path_to_error::Error<serde_json::Error>> for InputError {
    fn from(error: serde_path_to_error::Error<serde_json::Error>) -> Self {
        let path = error.path().to_string();
        let json = error.into_inner();
        let full = json.to_string();
        // serde_json ends its messages with the position, which is stored separately here.
        let message = full.rsplit_once(" at line ").map_or(full.as_str(), |(message, _)| message);
        // A wrongly typed text is repeated in full there.
        let error = Self::new(format_args!("{:.MAX_PARSER_CHARACTERS$}", Untrusted::new(message))).at(path);
        if json.line() == 0 { error } else { error.position(json.line(), json.column().max(1)) }
    }
}
