//! Paired differences as bars with error bars.

use maud::{Markup, html};

use super::chart::{Bar, Bars, Caption, bars};
use super::number::{self, NONE};
use super::parts::{figure, numbers, table, text};
use super::view::{self, Cell};
use crate::summary::{Interval, StrategySummary};

/// The most bars of a chart.
const BARS: usize = 24;

/// The revenue of each further strategy of a cell less that of the first. Empty with a single seed.
pub(super) fn of_cell(cell: &Cell<'_>, id: &str) -> Markup {
    let Some((first, others)) = cell.strategies.split_first().filter(|_| cell.means()) else { return html! {} };
    let entry =
        |(place, it): (usize, &StrategySummary)| (it.name.clone(), place.saturating_add(1), cell.difference(it, first));
    let entries: Vec<_> = others.iter().enumerate().map(entry).collect();
    let title = format!("Revenue less that of {}", first.name);
    chart(&entries, &title, &format!("{id}-less-first"))
}

/// The revenue of the combinations of a sweep less that of the best one: those that come closest to it.
pub(super) fn of_sweep(cells: &[Cell<'_>]) -> Markup {
    let earned = |it: &StrategySummary| view::revenue(it).map(|usd| usd.value);
    let mut all: Vec<(&Cell<'_>, usize, &StrategySummary)> = Vec::new();
    for cell in cells.iter().filter(|cell| cell.means()) {
        all.extend(cell.strategies.iter().enumerate().map(|(place, it)| (cell, place, it)));
    }
    // Stable: of equal ones the first is the best.
    all.sort_by_key(|(_, _, it)| std::cmp::Reverse(earned(it)));
    let Some(((cell, _, best), others)) = all.split_first().filter(|(_, others)| !others.is_empty()) else {
        return html! {};
    };
    let entry = |(other, place, it): &(&Cell<'_>, usize, &StrategySummary)| {
        (format!("{}, {}", it.name, other.name()), *place, cell.difference(it, best))
    };
    let entries: Vec<_> = others.iter().take(BARS).map(entry).collect();
    let title = format!("Revenue less that of the best ({}, {})", best.name, cell.name());
    html! {
        section {
            h2 { "Against the best cell" }
            @if others.len() > BARS { p class="note" { "The " (BARS) " that come closest to it." } }
            (chart(&entries, &title, "less-best"))
        }
    }
}

fn chart(entries: &[(String, usize, Option<Interval>)], title: &str, id: &str) -> Markup {
    let shown = |interval: &Option<Interval>| {
        interval.map_or_else(|| NONE.to_owned(), |interval| number::change(interval.mean))
    };
    let bar = |(label, series, interval): &(String, usize, Option<Interval>)| Bar {
        label: label.clone(),
        value: interval.map(|interval| number::float(interval.mean)),
        whisker: interval.map(|interval| (number::float(interval.low), number::float(interval.high))),
        note: shown(interval),
        series: *series,
    };
    let all: Vec<Bar> = entries.iter().map(bar).collect();
    let unit = "USD, mean of the differences of a run, paired by seed; whiskers: their 95% interval";
    let description = all.iter().map(|bar| format!("{}: {} USD", bar.label, bar.note)).collect::<Vec<_>>().join("; ");
    let caption = Caption { id, title, unit, description: &description };
    let chart = Bars { bars: &all, format: number::axis, at_least: (0.0, 0.0) };
    let row = |(label, _, interval): &(String, usize, Option<Interval>)| {
        let text = |interval: &Interval| number::interval(interval, number::change);
        vec![label.clone(), interval.as_ref().map_or_else(|| NONE.to_owned(), text)]
    };
    let rows: Vec<_> = entries.iter().map(row).collect();
    let numbers = table(unit, &[text("Of"), numbers("Difference, USD")], &rows);
    figure(caption, &html! {}, &|size| bars(caption, size, &chart), &numbers)
}
