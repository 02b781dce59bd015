//! What one of the two readers of SDLs takes and the other refuses.
//!
//! Tenants' tools read SDLs in two ways: the chain's command line with a reader in Go, Console with one in TypeScript that
//! checks the text against chain-sdk's schema first. An order that either makes of a text is one that can come, so it is
//! priced; what the other would say is told.

use core::fmt::Display;
use std::cell::RefCell;

use crate::input::InputError;

/// The most warnings that are told apart. A real file has a handful.
const MAX_WARNINGS: usize = 100;

/// Who refuses what is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RefusingReader {
    /// Console, and chain-sdk's schema by which it checks.
    Console,
    /// The chain's command line.
    CommandLine,
}

impl RefusingReader {
    /// A message with who refuses what it is about.
    pub(super) fn message(self, message: impl Display) -> String {
        match self {
            Self::Console => format!("{message}: refused by Console (chain-sdk's schema)"),
            Self::CommandLine => format!("{message}: refused by the chain's command line"),
        }
    }
}

/// Whose reading counts where both readers take a value and differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Reader {
    /// Console's, as long as it takes the whole text.
    #[default]
    Console,
    /// The chain's command line's.
    Go,
}

/// The warnings about one text, in the order in which they were found.
#[derive(Debug, Default)]
pub(super) struct Warnings {
    /// By whose reading the text is read.
    reader: Reader,
    told: RefCell<Vec<InputError>>,
    left_out: RefCell<usize>,
    /// The first warning for which each of the two refuses the text.
    by_console: RefCell<Option<InputError>>,
    by_command_line: RefCell<Option<InputError>>,
}

impl Warnings {
    /// No warnings yet about a text that is read by this reader.
    pub(super) fn of(reader: Reader) -> Self {
        Self { reader, ..Self::default() }
    }

    /// By whose reading the text is read.
    pub(super) fn reader(&self) -> Reader {
        self.reader
    }

    /// Adds what is wrong to one reader.
    pub(super) fn refused(&self, who: RefusingReader, error: InputError) {
        let warning = error.clone().with_message(who.message(error.message()));
        let first = match who {
            RefusingReader::Console => &self.by_console,
            RefusingReader::CommandLine => &self.by_command_line,
        };
        first.borrow_mut().get_or_insert_with(|| warning.clone());
        self.add(warning);
    }

    /// Adds a warning that has nothing to do with who reads.
    pub(super) fn add(&self, warning: InputError) {
        let mut told = self.told.borrow_mut();
        if told.len() < MAX_WARNINGS {
            told.push(warning);
        } else {
            self.left_out.replace_with(|number| number.saturating_add(1));
        }
    }

    /// Whose reading of the text can become an order.
    ///
    /// # Errors
    /// When both refuse it, if for different reasons.
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

    /// All that is told, by their place in the text.
    pub(super) fn into_list(self) -> Vec<InputError> {
        let mut told = self.told.into_inner();
        told.sort_by_key(|warning| (warning.line(), warning.column()));
        let left_out = self.left_out.into_inner();
        if left_out > 0 {
            told.push(InputError::new(format_args!("{left_out} more warnings are left out")));
        }
        told
    }
}
