//! Records what one of the two SDL readers accepts and the other refuses.
//!
//! Tenants' tools have two readers. The chain's command line reads SDLs in Go. Console reads them in TypeScript, and
//! first checks them against the schema of chain-sdk. An order that either of them makes can reach the chain, so it is
//! priced, and what the other would refuse becomes a warning.

use core::fmt::Display;
use std::cell::RefCell;

use crate::input::InputError;
use crate::text::{counted, plural};

/// The most warnings that are kept. A real file has a handful.
const MAX_WARNINGS: usize = 100;

/// The reader that refuses a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RefusingReader {
    /// Console, with chain-sdk's schema.
    Console,
    /// The chain's command line.
    CommandLine,
}

impl RefusingReader {
    /// Adds the name of the refusing reader to a message.
    pub(super) fn message(self, message: impl Display) -> String {
        match self {
            Self::Console => format!("{message}: refused by Console (chain-sdk's schema)"),
            Self::CommandLine => format!("{message}: refused by the chain's command line"),
        }
    }
}

/// Whose reading counts where both readers accept a value and interpret it differently.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Reader {
    /// Console's, if Console accepts the whole text.
    #[default]
    Console,
    /// The chain's command line's.
    Go,
}

/// The warnings about one text, in the order in which they were found.
#[derive(Debug, Default)]
pub(super) struct Warnings {
    /// The reader whose interpretation counts.
    reader: Reader,
    told: RefCell<Vec<InputError>>,
    left_out: RefCell<usize>,
    /// The first warning that says that Console refuses the text, and the first that says so of the command line.
    by_console: RefCell<Option<InputError>>,
    by_command_line: RefCell<Option<InputError>>,
}

impl Warnings {
    /// Makes an empty list for a text that is read as this reader does.
    pub(super) fn of(reader: Reader) -> Self {
        Self { reader, ..Self::default() }
    }

    /// Returns the reader whose interpretation counts.
    pub(super) fn reader(&self) -> Reader {
        self.reader
    }

    /// Adds a warning about something that one reader refuses.
    pub(super) fn refused(&self, who: RefusingReader, error: InputError) {
        let warning = error.clone().with_message(who.message(error.message()));
        let first = match who {
            RefusingReader::Console => &self.by_console,
            RefusingReader::CommandLine => &self.by_command_line,
        };
        first.borrow_mut().get_or_insert_with(|| warning.clone());
        self.add(warning);
    }

    /// Adds a warning that does not depend on the reader.
    pub(super) fn add(&self, warning: InputError) {
        let mut told = self.told.borrow_mut();
        if told.len() < MAX_WARNINGS {
            told.push(warning);
        } else {
            self.left_out.replace_with(|number| number.saturating_add(1));
        }
    }

    /// Returns the reader whose interpretation can become an order.
    ///
    /// # Errors
    /// When both refuse the text, even if for different reasons.
    pub(super) fn taken_by(&self) -> Result<Reader, InputError> {
        match (&*self.by_console.borrow(), &*self.by_command_line.borrow()) {
            (None, _) => Ok(Reader::Console),
            (Some(_), None) => Ok(Reader::Go),
            (Some(console), Some(go)) => {
                let line = console.line().map_or_else(String::new, |line| format!(" for line {line}"));
                Err(go.clone().hint(format!("Console refuses the text, too,{line}: {}", console.message())))
            }
        }
    }

    /// Returns the warnings, sorted by their position in the text.
    pub(super) fn into_list(self) -> Vec<InputError> {
        let mut told = self.told.into_inner();
        told.sort_by_key(|warning| (warning.line(), warning.column()));
        let left_out = self.left_out.into_inner();
        if left_out > 0 {
            told.push(InputError::new(format_args!(
                "{} {} left out",
                counted(left_out, "more warning"),
                plural(left_out, "is", "are")
            )));
        }
        told
    }
}
