//! The report: a single self-contained HTML file.
//!
//! It needs no network, scripts or fonts, and its content security policy forbids them. The same run gives the same
//! bytes: it contains neither a date nor a host name. Names of orders and strategies come from untrusted files, so all
//! text goes through [`maud`], which escapes it.

mod chart;
mod differences;
mod figures;
mod findings;
mod flips;
mod heat;
mod label;
mod money;
mod number;
mod orders;
pub mod page;
mod parts;
mod setting;
mod sweep;
#[cfg(test)]
mod tests;
mod view;
mod when;
mod words;

use maud::{Markup, html};

use crate::summary::Summary;
pub use number::grouped;
use parts::clean;
use view::Cell;

/// Up to this many cells are shown in full. With more cells, only the first and the best are.
const FULL_CELLS: usize = 3;

/// What a report contains in addition to the figures.
#[derive(Clone, Copy, Debug)]
pub struct ReportContext<'a> {
    /// The text of the scenario.
    pub scenario: &'a str,
    /// The command that reproduces the report.
    pub command: &'a str,
    /// The program's version.
    pub version: &'a str,
}

/// Renders the report on a simulation as HTML.
#[must_use]
pub fn html(summary: &Summary, context: &ReportContext<'_>) -> String {
    let cells = Cell::all(summary);
    let scenario = setting::read(context.scenario);
    let body = html! {
        (warnings(summary))
        (setting::section(summary, &cells, scenario.as_ref()))
        (findings(summary, &cells))
        @if cells.is_empty() {
            section { h2 { "Figures" } p { "There are no runs, and therefore no figures." } }
        }
        @if !summary.axes.is_empty() {
            (heat::maps(summary, &cells))
            (differences::of_sweep(&cells))
        }
        (sweep::sections(summary, &cells))
        @for place in shown(&cells) {
            @if let Some(cell) = cells.get(place) { (in_full(cell, place)) }
        }
        (setting::assumptions(summary, scenario.as_ref(), by_clock(summary)))
        (setting::reproduce(context))
    };
    page::page("Price simulation", &summary.name, &body)
}

/// What must be known before any of the figures is believed.
fn warnings(summary: &Summary) -> Markup {
    html! {
        @if !summary.warnings.is_empty() {
            section class="warnings" {
                h2 { "Before you believe it" }
                ul class="plain" { @for warning in &summary.warnings { li { (clean(&warning.message)) } } }
            }
        }
    }
}

fn findings(summary: &Summary, cells: &[Cell<'_>]) -> Markup {
    html! {
        @if let Some(first) = cells.first() {
            section class="findings" {
                h2 { "Findings" }
                @if summary.axes.is_empty() {
                    p { (clean(&findings::of_cell(first))) }
                } @else {
                    p { (clean(&findings::of_sweep(cells))) }
                    @for place in shown(cells) {
                        @if let Some(cell) = cells.get(place) {
                            p { strong { (clean(&cell.name())) ": " } (clean(&findings::of_cell(cell))) }
                        }
                    }
                }
            }
        }
    }
}

/// The indices of the cells that are shown in full.
fn shown(cells: &[Cell<'_>]) -> Vec<usize> {
    if cells.len() <= FULL_CELLS {
        return (0..cells.len()).collect();
    }
    match findings::best(cells) {
        Some(best) if best > 0 => vec![0, best],
        _ => vec![0],
    }
}

/// Everything about one cell.
fn in_full(cell: &Cell<'_>, place: usize) -> Markup {
    let name = cell.name();
    let id = format!("cell-{place}");
    html! {
        @if !name.is_empty() { h2 class="cell" { (clean(&name)) } }
        (figures::section(cell))
        (money::revenue(cell, &id))
        (orders::utilisation(cell, &id))
        (orders::by_price(cell, &id))
        (orders::lost(cell, &id))
        (money::charges(cell, &id))
        (flips::section(cell))
    }
}

fn by_clock(summary: &Summary) -> u64 {
    summary.strategies.iter().fold(0, |sum, strategy| sum.saturating_add(strategy.figures.by_clock))
}
