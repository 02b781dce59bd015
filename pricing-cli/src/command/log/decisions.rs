//! The decisions of a log that a filter lets through, one by one, and what could not be read beside them.

use pricing_core::text::printable;
use pricing_engine::bid_log::entry::{Damage, Decision, Entry};
use pricing_engine::bid_log::read::{Lines, Log, Place};
use pricing_engine::comparison::Outcome;
use serde::Serialize;
use serde_json::{Value, json};

use super::filter::Filter;
use crate::error::Exit;
use crate::outcome_words::{cut_lines, damaged_lines, missing_numbers};
use crate::output;

/// The most lines that could not be read that are named.
const PROBLEMS: usize = 20;

/// A decision, and what it came to.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) decision: Box<Decision>,
    pub(super) outcome: Outcome,
}

/// Reads a log.
#[derive(Debug)]
pub(super) struct Decisions<'a> {
    lines: Lines,
    filter: &'a Filter,
    /// The number of the next line.
    next: Option<u64>,
    pub(super) health: Health,
}

/// How much of a log could be read.
#[derive(Clone, Debug, Default)]
pub(super) struct Health {
    /// Decisions that could be read, whatever the filter makes of them.
    pub(super) read: u64,
    /// Lines that could not be read.
    damaged: u64,
    /// Lines without an end, as a crash leaves them.
    cut: u64,
    /// Numbers that no line has, between the first and the last.
    missing_sequences: u64,
    problems: Vec<Problem>,
}

/// A line that could not be read.
#[derive(Clone, Debug, Serialize)]
struct Problem {
    place: String,
    problem: String,
}

impl<'a> Decisions<'a> {
    pub(super) fn new(log: &Log, filter: &'a Filter) -> Self {
        Self { lines: log.lines(), filter, next: None, health: Health::default() }
    }

    /// Counts the numbers that are missing before a line.
    fn numbered(&mut self, sequence: u64) {
        let missing = self.next.map_or(0, |next| sequence.saturating_sub(next));
        self.health.missing_sequences = self.health.missing_sequences.saturating_add(missing);
        self.next = Some(sequence.saturating_add(1));
    }

    /// The decision, where it is one and the filter takes it.
    fn taken(&mut self, entry: Entry) -> Result<Option<Found>, String> {
        self.numbered(entry.sequence());
        let Entry::Decision(decision) = entry else { return Ok(None) };
        let outcome = decision.outcome().map_err(|error| format!("the answer is damaged: {error}"))?;
        let taken = self.filter.takes(&decision, &outcome)?;
        self.health.read = self.health.read.saturating_add(1);
        Ok(taken.then_some(Found { decision, outcome }))
    }
}

impl Iterator for Decisions<'_> {
    type Item = Found;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (place, line) = self.lines.next()?;
            match line.map(|entry| self.taken(entry)) {
                Ok(Ok(Some(found))) => return Some(found),
                Ok(Ok(None)) => {}
                Ok(Err(problem)) => self.health.damage(&place, &Damage::Unreadable(problem)),
                Err(damage) => self.health.damage(&place, &damage),
            }
        }
    }
}

impl Health {
    /// Counts a line that could not be read.
    pub(super) fn damage(&mut self, place: &Place, damage: &Damage) {
        let counter = if *damage == Damage::Cut { &mut self.cut } else { &mut self.damaged };
        *counter = counter.saturating_add(1);
        if self.problems.len() < PROBLEMS {
            self.problems.push(Problem { place: place.to_string(), problem: damage.to_string() });
        }
    }

    /// The exit code: what could not be read may have been anything.
    pub(super) fn exit(&self) -> Exit {
        if self.damaged > 0 { Exit::Fault } else { Exit::Success }
    }

    /// The fields for scripts.
    pub(super) fn json(&self) -> Value {
        json!({
            "damaged": self.damaged,
            "cut": self.cut,
            "missing_sequences": self.missing_sequences,
            "problems": self.problems,
        })
    }

    /// The same in words; empty where all is well.
    pub(super) fn words(&self) -> Vec<String> {
        let some = |number: u64, words: fn(u64) -> String| (number > 0).then(|| words(number));
        let counted = [
            some(self.damaged, damaged_lines),
            some(self.cut, cut_lines),
            some(self.missing_sequences, missing_numbers),
        ];
        let mut words: Vec<String> = counted.into_iter().flatten().collect();
        words.extend(self.problems.iter().map(|found| printable(&format!("{}: {}", found.place, found.problem))));
        words
    }

    /// The answer where the filter lets nothing through.
    pub(super) fn none_matches(&self) -> String {
        match self.read {
            0 => "The log has no decisions.\n".to_owned(),
            1 => "The log's only decision does not match.\n".to_owned(),
            read => format!("None of the log's {read} decisions matches.\n"),
        }
    }

    /// Says on stderr what could not be read.
    pub(super) fn tell(&self) {
        self.words().iter().for_each(|words| output::complain(&format!("warning: {words}")));
    }
}
