//! The outcome for people: one sentence, the curve, the doubts.

use pricing_core::text::printable;
use pricing_sim::report::grouped;
use pricing_tune::Space;
use pricing_tune::answer::{cents, whole};
use pricing_tune::report::kind_name;
use pricing_tune::tune::{CurvePoint, Tuned};
use pricing_tune::words::headline;

use crate::table;

/// The columns of a line.
const COLUMNS: usize = 120;
/// Kinds of card that have a column.
const KINDS: usize = 4;
/// The most characters of a kind's name.
const KIND_CHARS: usize = 16;

pub(super) fn shown(space: &Space, names: &[String], tuned: &Tuned, doubts: &[String]) -> String {
    let mut shown = wrapped(&format!("{}.", headline(space, names, tuned)), "");
    for (key, name) in names.iter().enumerate() {
        shown.push('\n');
        shown.push_str(&along(space, key, name, tuned));
    }
    shown.push_str("\nWhat to doubt:\n");
    for doubt in doubts {
        shown.push_str(&wrapped(doubt, "- "));
    }
    shown
}

/// The points along a key, with the proposal's values for the others.
fn along(space: &Space, key: usize, name: &str, tuned: &Tuned) -> String {
    let mut points: Vec<&CurvePoint> =
        tuned.curve.iter().filter(|point| point.candidate.is_beside(&tuned.proposal, key)).collect();
    points.sort_by_key(|point| point.candidate.value(key));
    let kinds: Vec<String> = points
        .first()
        .map_or_else(Vec::new, |point| point.kinds.iter().take(KINDS).map(|kind| kind.kind.clone()).collect());
    let kinds = if kinds.len() > 1 { kinds } else { Vec::new() };
    let titles: Vec<String> = kinds.iter().map(|kind| short(kind)).collect();
    let mut header = vec![name, tuned.objective.name(), "more than today", "won", "of", ""];
    header.extend(titles.iter().map(String::as_str));
    let right: Vec<usize> = (0..header.len()).filter(|column| *column != 5).collect();
    let mut listed = table::table(&header, &right);
    for point in points {
        let won =
            |kind: &String| point.kinds.iter().find(|known| known.kind == *kind).map_or(0, |known| whole(known.won));
        let mut row = vec![
            grouped(&point.candidate.value(key).to_string()),
            grouped(&cents(point.earns)),
            format!("{} to {}", grouped(&cents(point.gain.low)), grouped(&cents(point.gain.high))),
            whole(point.won).to_string(),
            whole(point.orders).to_string(),
            mark(space, tuned, point).to_owned(),
        ];
        row.extend(kinds.iter().map(|kind| won(kind).to_string()));
        listed.add_row(row);
    }
    table::text(&listed)
}

/// Whether a point is today's, the proposal, or cannot be told from it.
fn mark(space: &Space, tuned: &Tuned, point: &CurvePoint) -> &'static str {
    let is = |candidate: &pricing_tune::Candidate| *candidate == point.candidate;
    match (is(&space.current), is(&tuned.proposal)) {
        (true, true) => "today, best",
        (true, false) => "today",
        (false, true) => "best",
        (false, false) if tuned.indistinguishable.iter().any(is) => "as good",
        (false, false) => "",
    }
}

/// The name of a kind without what all have in common, cut short.
fn short(kind: &str) -> String {
    let name = kind_name(kind);
    let name = name.rsplit('/').next().unwrap_or(name);
    name.chars().take(KIND_CHARS).collect()
}

/// A paragraph in lines of at most [`COLUMNS`] columns, of which the first begins with a mark.
fn wrapped(text: &str, mark: &str) -> String {
    let text = printable(text);
    let indent = " ".repeat(mark.len());
    let mut shown = mark.to_owned();
    let mut used = mark.len();
    for (place, word) in text.split(' ').enumerate() {
        let width = word.chars().count();
        if place > 0 && used.saturating_add(width).saturating_add(1) > COLUMNS {
            shown.push('\n');
            shown.push_str(&indent);
            used = indent.len();
        } else if place > 0 {
            shown.push(' ');
            used = used.saturating_add(1);
        }
        shown.push_str(word);
        used = used.saturating_add(width);
    }
    shown.push('\n');
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_fit_the_terminal() {
        let text = wrapped(&"word ".repeat(60), "- ");
        assert!(text.lines().count() == 3 && text.lines().all(|line| line.chars().count() <= COLUMNS));
        assert!(text.starts_with("- word") && text.lines().nth(1).unwrap().starts_with("  word"));
    }
}
