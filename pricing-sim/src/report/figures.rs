//! The key figures, by strategy.

use maud::{Markup, html};
use rust_decimal::Decimal;

use super::number::{self, NONE, money, share, whole};
use super::parts::{numbers, table, text};
use super::view::{self, Cell, Pick};
use crate::summary::{ChargeSummary, StrategySummary};
use pricing_core::text::plural;

/// The table.
pub(super) fn section(cell: &Cell<'_>) -> Markup {
    let columns = std::iter::once(text("Figure"));
    let columns: Vec<_> = columns.chain(cell.strategies.iter().map(|strategy| numbers(&strategy.name))).collect();
    let caption = if cell.means() {
        format!(
            "Means of one run over {} seeds, with their 95% intervals; what is a total over all seeds says so.",
            cell.runs
        )
    } else {
        "Totals of the run.".to_owned()
    };
    html! {
        section {
            h2 { "Key figures" }
            (table(&caption, &columns, &rows(cell)))
        }
    }
}

/// Formats a number.
type Text = fn(Decimal) -> String;

/// The rows of the table. The difference in revenue comes directly after the revenue.
fn rows(cell: &Cell<'_>) -> Vec<Vec<String>> {
    let measured: [(&str, Pick, Text); 8] = [
        ("Revenue, USD", view::revenue, money),
        ("Orders won", view::won, |number| count(number)),
        ("Win rate", view::win_rate, share),
        ("Cards in use", view::gpu, share),
        ("Threads in use", view::cpu, share),
        ("Memory in use", view::memory, share),
        ("Idle capacity at the idle rates, USD", view::idle, money),
        ("Free cards that typical orders could not use", view::fragmentation, share),
    ];
    let mut rows: Vec<Vec<String>> =
        measured.iter().map(|(name, pick, number)| measure(cell, name, *pick, *number)).collect();
    let after_revenue = difference(cell);
    rows.splice(1..1, after_revenue);
    let total = if cell.means() { ", all seeds" } else { "" };
    let each = |name: String, of: &dyn Fn(&StrategySummary) -> String| {
        std::iter::once(name).chain(cell.strategies.iter().map(of)).collect::<Vec<_>>()
    };
    rows.insert(0, each(format!("Orders that arrived{total}"), &|it| whole(it.figures.orders)));
    rows.push(each(format!("Hours of leases{total}"), &|it| number::decimals(it.figures.lease_hours.decimal(), 1)));
    let any = |of: fn(&StrategySummary) -> &ChargeSummary| cell.strategies.iter().any(|it| of(it).orders > 0);
    if any(|it| &it.figures.overcharge) {
        rows.push(each(format!("Paid above the rates of the own cards{total}"), &|it| charge(&it.figures.overcharge)));
    }
    if any(|it| &it.figures.undercharge) {
        rows.push(each(format!("Paid below the rates of the own cards{total}"), &|it| charge(&it.figures.undercharge)));
    }
    let unpriced = |it: &StrategySummary| it.figures.idle_usd.unpriced_card_hours.decimal();
    if cell.strategies.iter().any(|it| !unpriced(it).is_zero()) {
        let name = format!("Idle card hours without an idle rate, left out above{total}");
        rows.push(each(name, &|it| number::decimals(unpriced(it), 1)));
    }
    if cell.strategies.iter().any(|it| it.figures.by_clock > 0) {
        rows.push(each(format!("Quotes that the clock decided{total}"), &|it| whole(it.figures.by_clock)));
    }
    rows
}

fn count(number: Decimal) -> String {
    if number.fract().is_zero() { whole(number.trunc()) } else { number::decimals(number, 1) }
}

fn measure(cell: &Cell<'_>, name: &str, pick: Pick, number: fn(Decimal) -> String) -> Vec<String> {
    let of = |strategy: &StrategySummary| pick(strategy).map_or_else(|| NONE.to_owned(), |it| it.text(number));
    std::iter::once(name.to_owned()).chain(cell.strategies.iter().map(of)).collect()
}

/// The difference in revenue from the first strategy, seed by seed if there are several.
fn difference(cell: &Cell<'_>) -> Option<Vec<String>> {
    let first = cell.strategies.first().filter(|_| cell.strategies.len() > 1)?;
    let of = |strategy: &StrategySummary| {
        let Some(found) = cell.comparisons.iter().find(|it| it.strategy == strategy.name) else {
            return NONE.to_owned();
        };
        match &found.per_run {
            Some(run) => run.revenue_usd.map_or_else(|| NONE.to_owned(), |usd| number::interval(&usd, number::change)),
            None => number::change(found.revenue_usd.decimal()),
        }
    };
    let name = format!("Revenue less that of {}, USD", first.name);
    Some(std::iter::once(name).chain(cell.strategies.iter().map(of)).collect())
}

fn charge(of: &ChargeSummary) -> String {
    let leases = plural(of.orders, "lease", "leases");
    format!("{} USD, {} {leases}", number::usd(of.usd), whole(of.orders))
}
