//! Charts of money: revenue, revenue over time, overcharge and undercharge.

use maud::{Markup, html};
use rust_decimal::Decimal;

use super::chart::{Bar, Bars, Caption, Line, Lines, Point, bars, lines};
use super::differences;
use super::number::{self, NONE, money};
use super::parts::{figure, legend, numbers, table, text};
use super::view::{self, Cell, Measure};
use super::when;
use crate::summary::StrategySummary;

/// Revenue by strategy, and over time.
pub(super) fn revenue(cell: &Cell<'_>, id: &str) -> Markup {
    html! {
        section {
            h2 { "Revenue" }
            (by_strategy(cell, id))
            (differences::of_cell(cell, id))
            (over_time(cell, id))
        }
    }
}

fn by_strategy(cell: &Cell<'_>, id: &str) -> Markup {
    let bar = |(series, strategy): (usize, &StrategySummary)| {
        let usd = view::revenue(strategy);
        let (value, whisker) = usd.map(|usd| usd.floats()).unzip();
        let note = usd.map_or_else(|| NONE.to_owned(), |usd| money(usd.value));
        Bar { label: strategy.name.clone(), value, whisker: whisker.flatten(), note, series }
    };
    let all: Vec<Bar> = cell.strategies.iter().enumerate().map(bar).collect();
    let unit = cell.unit("USD");
    let description = all.iter().map(|bar| format!("{}: {} USD", bar.label, bar.note)).collect::<Vec<_>>().join("; ");
    let id = format!("{id}-revenue");
    let caption = Caption { id: &id, title: "Revenue in the window", unit: &unit, description: &description };
    let chart = Bars { bars: &all, format: number::axis, at_least: (0.0, 0.0) };
    let row = |strategy: &StrategySummary| {
        let text = view::revenue(strategy).map_or_else(|| NONE.to_owned(), |usd| usd.text(money));
        vec![strategy.name.clone(), text]
    };
    let rows: Vec<_> = cell.strategies.iter().map(row).collect();
    let shown = table(&unit, &[text("Strategy"), numbers("Revenue, USD")], &rows);
    figure(caption, &html! {}, &|size| bars(caption, size, &chart), &shown)
}

fn over_time(cell: &Cell<'_>, id: &str) -> Markup {
    let times = when::Times::of(cell);
    let line = |(series, strategy): (usize, &StrategySummary)| {
        let point = |(place, part): (usize, &crate::summary::Part)| Point {
            x: times.middle(place),
            y: number::float(cell.of_one_run(part.revenue_usd.decimal())),
            whisker: None,
        };
        Line { series, points: strategy.figures.over_time.iter().enumerate().map(point).collect() }
    };
    let all: Vec<Line> = cell.strategies.iter().enumerate().map(line).collect();
    let mean = if cell.means() { ", mean of a run" } else { "" };
    let unit = format!("USD in each part of the window{}{mean}", times.length());
    let description = format!("A line for each strategy: {unit}. The numbers are in the table that follows.");
    let id = format!("{id}-revenue-time");
    let caption = Caption { id: &id, title: "Revenue over time", unit: &unit, description: &description };
    let chart = Lines { lines: &all, across: times.across(), format: number::axis, at_least: (0.0, 0.0) };
    let usd = |strategy: &StrategySummary, place: usize| {
        let part = strategy.figures.over_time.get(place);
        part.map_or_else(|| NONE.to_owned(), |part| money(cell.of_one_run(part.revenue_usd.decimal())))
    };
    let shown = times.table(cell, &unit, &usd);
    figure(caption, &names(cell), &|size| lines(caption, size, &chart), &shown)
}

/// The legend of strategies, by colour.
pub(super) fn names(cell: &Cell<'_>) -> Markup {
    let names: Vec<_> =
        cell.strategies.iter().enumerate().map(|(series, strategy)| (series, strategy.name.clone())).collect();
    legend(&names)
}

/// Overcharge and undercharge: what leases paid above or below the cost of their own cards.
pub(super) fn charges(cell: &Cell<'_>, id: &str) -> Markup {
    let charged = |it: &StrategySummary| it.figures.overcharge.orders > 0 || it.figures.undercharge.orders > 0;
    html! {
        section {
            h2 { "Overcharge and undercharge" }
            p class="note" {
                "What leases paid against what the strategy's own rates come to for the cards that were handed out, over the leases' time in the window."
            }
            @if cell.strategies.iter().any(charged) {
                (charge_bars(cell, id))
            } @else {
                p { "No lease paid other than what the rates of its own cards come to." }
            }
        }
    }
}

/// The chart of overcharges and undercharges. Undercharges are drawn below zero, so their error bars are mirrored too.
fn charge_bars(cell: &Cell<'_>, id: &str) -> Markup {
    let below = |usd: Measure| {
        let opposite = |number: Decimal| Decimal::ZERO.checked_sub(number).unwrap_or_default();
        Measure { value: opposite(usd.value), reach: usd.reach.map(|(low, high)| (opposite(high), opposite(low))) }
    };
    let bar = |name: &str, side: &str, series: usize, usd: Option<Measure>| {
        let (value, whisker) = usd.map(|usd| usd.floats()).unzip();
        let note = usd.map_or_else(|| NONE.to_owned(), |usd| number::change(usd.value));
        Bar { label: format!("{name}: {side}"), value, whisker: whisker.flatten(), note, series }
    };
    let all: Vec<Bar> = (cell.strategies.iter().enumerate())
        .flat_map(|(series, it)| {
            let under = view::undercharge(it).map(below);
            [bar(&it.name, "above", series, view::overcharge(it)), bar(&it.name, "below", series, under)]
        })
        .collect();
    let unit = cell.unit("USD");
    let description = all.iter().map(|bar| format!("{}: {} USD", bar.label, bar.note)).collect::<Vec<_>>().join("; ");
    let id = format!("{id}-charge");
    let caption = Caption {
        id: &id,
        title: "Paid above and below the rates of the own cards",
        unit: &unit,
        description: &description,
    };
    let chart = Bars { bars: &all, format: number::axis, at_least: (0.0, 0.0) };
    let row = |it: &StrategySummary| {
        let usd = |usd: Option<Measure>| usd.map_or_else(|| NONE.to_owned(), |usd| usd.text(money));
        let (over, under) = (&it.figures.overcharge, &it.figures.undercharge);
        vec![
            it.name.clone(),
            usd(view::overcharge(it)),
            number::whole(over.orders),
            usd(view::undercharge(it)),
            number::whole(under.orders),
        ]
    };
    let columns = [
        text("Strategy"),
        numbers("Above, USD"),
        numbers("Leases above, all seeds"),
        numbers("Below, USD"),
        numbers("Leases below, all seeds"),
    ];
    let rows: Vec<_> = cell.strategies.iter().map(row).collect();
    let shown = table(&unit, &columns, &rows);
    figure(caption, &html! {}, &|size| bars(caption, size, &chart), &shown)
}
