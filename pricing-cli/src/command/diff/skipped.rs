//! Orders that cannot be read. They are left out, counted and reported; with `--strict`, the first ends the command.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use pricing_core::input::InputError;
use pricing_core::text::printable;
use pricing_engine::bid_log::read::Place;
use serde_json::{Value, json};

use crate::command::simulate::bid_log::unusable;
use crate::error::CliError;
use crate::output;
use crate::wording::{count, plural};

/// How many of the orders are reported with their problem; all are counted.
const REPORTED: usize = 5;

/// An order that cannot be read.
#[derive(Clone, Debug)]
struct Unread {
    /// Its file, and the line if it is known.
    place: String,
    message: String,
}

/// The orders that cannot be read.
#[derive(Debug)]
pub(super) struct Skipped {
    /// Whether the first one ends the command.
    strict: bool,
    count: u64,
    first: Vec<Unread>,
    /// The lines of bid logs that are counted already: a log may be read for its orders and again for its answers.
    lines: BTreeSet<(PathBuf, String, u64)>,
}

impl Skipped {
    pub(super) fn new(strict: bool) -> Self {
        Self { strict, count: 0, first: Vec::new(), lines: BTreeSet::new() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Leaves out a row of a file.
    pub(super) fn row(&mut self, file: &str, error: InputError) -> Result<(), InputError> {
        if self.strict {
            return Err(error);
        }
        self.add(place(file, &error), without_place(&error));
        Ok(())
    }

    /// Leaves out a file of a folder.
    pub(super) fn file(&mut self, error: CliError) -> Result<(), CliError> {
        match error {
            CliError::Input { source, error, .. } if !self.strict => {
                self.add(place(&source, &error), without_place(&error));
                Ok(())
            }
            error => Err(error),
        }
    }

    /// Leaves out a line of a bid log.
    pub(super) fn line(&mut self, log: &Path, place: &Place, problem: String) -> Result<(), String> {
        if self.strict {
            return Err(unusable(place, &problem));
        }
        if self.lines.insert((log.to_owned(), place.file.clone(), place.line)) {
            self.add(place.to_string(), problem);
        }
        Ok(())
    }

    fn add(&mut self, place: String, message: String) {
        self.count = self.count.saturating_add(1);
        if self.first.len() < REPORTED {
            self.first.push(Unread { place, message });
        }
    }

    /// The message if no order is left: how many were left out, and the problem of the first.
    pub(super) fn none_left(&self) -> String {
        match self.first.first() {
            None => "there are no orders".to_owned(),
            Some(Unread { place, message }) => {
                let orders = count(self.count, "order");
                format!("no order can be read: {orders} left out, the first at {place}: {message}")
            }
        }
    }

    /// The part of the answer's headline about them.
    pub(super) fn headline(&self) -> String {
        match self.count {
            0 => String::new(),
            more => format!(
                "; {} could not be read and {} left out",
                count(more, "more order"),
                plural(more, "was", "were")
            ),
        }
    }

    /// Reports the first of them on stderr.
    pub(super) fn tell(&self) {
        if self.is_empty() {
            return;
        }
        let (orders, are) = (count(self.count, "order"), plural(self.count, "is", "are"));
        let mut told = format!("warning: {orders} cannot be read and {are} left out (--strict stops at the first):");
        for Unread { place, message } in &self.first {
            told.push_str(&format!("\n  {}", printable(&format!("{place}: {message}"))));
        }
        let named = u64::try_from(self.first.len()).unwrap_or(u64::MAX);
        if self.count > named {
            told.push_str(&format!("\n  and {} more", self.count.saturating_sub(named)));
        }
        output::complain(&told);
    }

    pub(super) fn json(&self) -> Value {
        let first = self.first.iter().map(|Unread { place, message }| json!({ "place": place, "message": message }));
        json!({ "orders": self.count, "first": first.collect::<Vec<_>>() })
    }
}

/// A file, with the line of an error if it is known.
fn place(file: &str, error: &InputError) -> String {
    error.line().map_or_else(|| file.to_owned(), |line| format!("{file}:{line}"))
}

/// An error without its position.
fn without_place(error: &InputError) -> String {
    let mut bare = InputError::new(error.message());
    if let Some(path) = error.path() {
        bare = bare.at(path);
    }
    error.hint_text().map_or(bare.clone(), |hint| bare.hint(hint)).to_string()
}
