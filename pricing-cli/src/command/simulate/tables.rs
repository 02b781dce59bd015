//! Shows the results of a simulation as tables: in full for a few combinations of cell and strategy, and with a row for
//! each where there are more.

mod compact;
mod full;
mod number;

use std::fmt::Write as _;

use pricing_core::quote::ReasonCode;
use pricing_core::text::printable;
use pricing_sim::result::OrderOutcome;
use pricing_sim::summary::{AxesValues, StrategySummary, Summary};
use rust_decimal::Decimal;

use crate::answered::Decided;
use crate::colours::paint;
use crate::wording::{count, cut, plural};
use number::places;

/// The most combinations of cell and strategy that are shown in full.
const MAX_FULL: usize = 4;
/// The most characters of a name in a table.
const NAME_CHARS: usize = 24;
/// The columns of a line of prose.
const LINE_CHARS: usize = 100;
/// The most notes that are shown.
const MAX_NOTES: usize = 6;

/// Shows the results in at most 120 columns.
pub(super) fn summary(summary: &Summary) -> String {
    let labels = Labels::of(summary);
    let mut shown = headline(summary);
    for warning in &summary.warnings {
        let warning = wrapped(&format!("warning: {}", warning.message));
        shown.push_str(&warning.replacen("warning:", &paint(Decided::Decline, "warning:"), 1));
    }
    if summary.strategies.len() <= MAX_FULL {
        shown.push_str(&full::tables(summary, &labels));
    } else {
        shown.push_str(&compact::tables(summary, &labels));
    }
    shown.push_str(&notes(summary));
    shown
}

fn headline(summary: &Summary) -> String {
    let cells = summary.axes.iter().fold(1_usize, |cells, axis| cells.saturating_mul(axis.values.len()));
    let count = |number: usize, one: &str| count(u64::try_from(number).unwrap_or(u64::MAX), one);
    let mut line = printable(&summary.name);
    let _ = write!(line, ": {}", count(summary.runs, "run"));
    if summary.runs > 1 {
        let _ = write!(line, " ({}, {})", count(cells, "cell"), count(summary.seeds.len(), "seed"));
    }
    if let Some(window) = &summary.window {
        let length = window.end_s.decimal().checked_sub(window.start_s.decimal()).unwrap_or_default();
        let hours = length.checked_div(Decimal::from(3600)).unwrap_or_default();
        let _ = write!(line, " of {} hours", places(hours, 2));
    }
    line.push('\n');
    if summary.seeds.len() > 1 {
        line.push_str("Totals and percentages are over all seeds; ± is the 95% interval of the mean of a run.\n");
    }
    line
}

/// Breaks prose into lines, each after the first indented.
fn wrapped(text: &str) -> String {
    let mut lines = vec![String::new()];
    for word in printable(text).split(' ') {
        let full = |line: &String| line.chars().count().saturating_add(word.chars().count()) >= LINE_CHARS;
        if lines.last().is_some_and(|line| !line.trim().is_empty() && full(line)) {
            lines.push(" ".to_owned());
        }
        if let Some(line) = lines.last_mut() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines.join("\n") + "\n"
}

/// The labels of rows: the strategy, after the number of the cell if there are several.
struct Labels {
    cells: Vec<AxesValues>,
}

impl Labels {
    fn of(summary: &Summary) -> Self {
        let mut cells: Vec<AxesValues> = Vec::new();
        for entry in &summary.strategies {
            if !entry.axes.is_empty() && cells.last() != Some(&entry.axes) {
                cells.push(entry.axes.clone());
            }
        }
        Self { cells }
    }

    /// Lists the values of each cell that is shown.
    fn legend(&self, shows: impl Fn(&AxesValues) -> bool) -> String {
        let mut shown = String::new();
        for (number, axes) in self.cells.iter().enumerate().filter(|(_, axes)| shows(axes)) {
            let values: Vec<String> = axes.iter().map(|(key, value)| format!("{key} = {value}")).collect();
            let line = format!("  cell {}: {}", number.saturating_add(1), values.join(", "));
            shown.push_str(if shown.is_empty() { "\n" } else { "" });
            shown.push_str(&printable(&cut(&line, LINE_CHARS)));
            shown.push('\n');
        }
        shown
    }

    fn label(&self, axes: &AxesValues, strategy: &str) -> String {
        let name = cut(strategy, NAME_CHARS);
        match self.cells.iter().position(|cell| cell == axes) {
            Some(place) => format!("{}  {name}", place.saturating_add(1)),
            None => name,
        }
    }

    fn header(&self) -> &'static str {
        if self.cells.is_empty() { "strategy" } else { "cell, strategy" }
    }
}

/// Lists what must be known to interpret the figures.
fn notes(summary: &Summary) -> String {
    let mut notes: Vec<String> = Vec::new();
    for note in summary.strategies.iter().flat_map(notes_of) {
        if !notes.contains(&note) {
            notes.push(note);
        }
    }
    let more = notes.len().saturating_sub(MAX_NOTES);
    notes.truncate(MAX_NOTES);
    if more > 0 {
        notes.push(format!("{} in the JSON answer", count(u64::try_from(more).unwrap_or(u64::MAX), "more such note")));
    }
    let lines: String = notes.iter().map(|note| wrapped(&format!("note: {note}"))).collect();
    if lines.is_empty() { lines } else { format!("\n{lines}") }
}

/// What must be known to interpret the figures of a strategy.
fn notes_of(entry: &StrategySummary) -> Vec<String> {
    let (figures, mut notes) = (&entry.figures, Vec::new());
    if let Some(orders) = figures.lost.get(&OrderOutcome::NoBid(ReasonCode::RateUnavailable)) {
        let lack = plural(*orders, "lacks", "lack");
        let orders = count(*orders, "order");
        notes.push(format!("{orders} {lack} what an AKT is worth; set `usd_per_akt` in the scenario"));
    }
    if figures.by_clock > 0 {
        let quotes = count(figures.by_clock, "quote");
        notes.push(format!("{quotes} ran out of time; another run may give another result"));
    }
    let unpriced = figures.idle_usd.unpriced_card_hours.decimal();
    if !unpriced.is_zero() {
        let hours = places(unpriced, 2);
        notes.push(format!("{hours} hours of idle cards have no rate under [idle] and count as nothing"));
    }
    notes.into_iter().map(|note| format!("{}: {note}", entry.name)).collect()
}
