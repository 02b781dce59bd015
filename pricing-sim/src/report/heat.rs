//! The heat map of a sweep over two axes: the revenue in each cell, with the best cell marked.

use maud::{Markup, html};
use rust_decimal::Decimal;

use super::label;
use super::number::{self, NONE, money};
use super::parts::clean;
use super::view::{self, Cell};
use crate::summary::{Axis, AxisValue, StrategySummary, Summary};

/// The most columns of a map.
const COLUMNS: usize = 16;
/// The most rows of a map.
const ROWS: usize = 64;
/// The number of shades.
const SHADES: u32 = 8;

/// A map for each strategy. Empty unless there are two axes of a size that can be looked at.
pub(super) fn maps(summary: &Summary, cells: &[Cell<'_>]) -> Markup {
    let [one, other] = summary.axes.as_slice() else { return html! {} };
    // The axis with more values goes down.
    let (down, across) = if one.values.len() >= other.values.len() { (one, other) } else { (other, one) };
    if across.values.len() > COLUMNS || down.values.len() > ROWS {
        return html! {};
    }
    let all: Vec<&StrategySummary> = cells.iter().flat_map(|cell| cell.strategies).collect();
    let names: Vec<&str> =
        cells.first().map(|cell| cell.strategies.iter().map(|it| it.name.as_str()).collect()).unwrap_or_default();
    html! {
        section {
            h2 { "Revenue in each cell" }
            p class="note" {
                "USD" @if summary.seeds.len() > 1 { ", mean of a run" } ". The darker, the more. ★ marks the best cell of a strategy"
                @if summary.seeds.len() > 1 { ", and ≈ those that the seeds do not show to earn less (the 95% interval of the paired difference includes 0)" }
                "."
            }
            @for name in names {
                (map(summary, &all.iter().copied().filter(|it| it.name == name).collect::<Vec<_>>(), name, (down, across)))
            }
        }
    }
}

/// The map of one strategy.
fn map(summary: &Summary, all: &[&StrategySummary], name: &str, (down, across): (&Axis, &Axis)) -> Markup {
    let revenue = |it: &StrategySummary| view::revenue(it).map(|usd| usd.value);
    let best = all.iter().copied().reduce(|best, next| if revenue(next) > revenue(best) { next } else { best });
    let low = all.iter().filter_map(|it| revenue(it)).min().unwrap_or_default();
    let high = all.iter().filter_map(|it| revenue(it)).max().unwrap_or_default();
    let at = |row: &AxisValue, column: &AxisValue| {
        all.iter().copied().find(|it| it.axes.get(&down.key) == Some(row) && it.axes.get(&across.key) == Some(column))
    };
    html! {
        table class="heat" role="table" {
            caption { (clean(name)) ": down " (clean(&label::axis(&down.key))) "; across " (clean(&label::axis(&across.key))) }
            thead role="rowgroup" {
                tr role="row" {
                    th scope="col" role="columnheader" {}
                    @for column in &across.values { th scope="col" role="columnheader" class="n" { (clean(&column.to_string())) } }
                }
            }
            tbody role="rowgroup" {
                @for row in &down.values {
                    tr role="row" {
                        th scope="row" role="rowheader" class="n" { (clean(&row.to_string())) }
                        @for column in &across.values {
                            @match at(row, column) {
                                Some(it) => {
                                    td role="cell" class={ "n h" (shade(revenue(it), low, high)) } {
                                        (revenue(it).map_or_else(|| NONE.to_owned(), money)) (mark(summary, it, best))
                                    }
                                }
                                None => { td role="cell" class="n" { (NONE) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// What marks the best cell, and those that cannot be told from it.
fn mark(summary: &Summary, it: &StrategySummary, best: Option<&StrategySummary>) -> &'static str {
    let Some(best) = best else { return "" };
    if std::ptr::eq(it, best) {
        return " ★";
    }
    let pairs = crate::summary::Pairs::new(&summary.paired);
    match view::paired(pairs, best, it) {
        Some(difference) if difference.low <= Decimal::ZERO => " ≈",
        _ => "",
    }
}

/// The shade of a number between two others: 0 for the lowest.
fn shade(number: Option<Decimal>, low: Decimal, high: Decimal) -> u32 {
    let share = number.and_then(|number| number.checked_sub(low)?.checked_div(high.checked_sub(low)?));
    let share = share.map_or(0.0, number::float);
    let step = |shade: &u32| f64::from(*shade) <= share * f64::from(SHADES - 1) + 0.5;
    (1..SHADES).take_while(step).last().unwrap_or(0)
}
