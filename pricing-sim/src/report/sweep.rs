//! The sections of a sweep: revenue and win rate along each axis, and all cells in a table.

use maud::{Markup, html};
use rust_decimal::Decimal;

use super::chart::{Caption, HorizontalAxis, Line, Lines, Point, count, lines};
use super::label;
use super::money::names;
use super::number::{self, NONE, money, share, whole};
use super::parts::{Column, clean, figure, numbers, small, table, text};
use super::view::{self, Cell, Pick};
use crate::summary::{AxesValues, Axis, AxisValue, StrategySummary, Summary};

/// The most charts of one figure along one axis.
const PANELS: usize = 6;
/// Charts begin at 0 unless everything is above this share of the highest value.
const UPPER_PART: f64 = 0.5;
/// The most rows in the table of all cells.
const ROWS: usize = 2000;

/// A figure along an axis.
struct FigureByAxis {
    name: &'static str,
    unit: &'static str,
    pick: Pick,
    format: fn(f64, usize) -> String,
    text: fn(Decimal) -> String,
}

const FIGURES: [FigureByAxis; 2] = [
    FigureByAxis { name: "Revenue", unit: "USD", pick: view::revenue, format: number::axis, text: money },
    FigureByAxis {
        name: "Win rate",
        unit: "won by arrived",
        pick: view::win_rate,
        format: number::axis_percent,
        text: share,
    },
];

/// The sections of a sweep. Empty without axes.
pub(super) fn sections(summary: &Summary, cells: &[Cell<'_>]) -> Markup {
    html! {
        @for (place, axis) in summary.axes.iter().enumerate() {
            section {
                h2 { "Along " (clean(&label::axis(&axis.key))) }
                @if label::axis(&axis.key) != axis.key { p class="note" { (clean(&axis.key)) } }
                (along(summary, cells, axis, place))
            }
        }
        @if !summary.axes.is_empty() { (all(summary, cells)) }
    }
}

/// Groups the cells that only differ in one axis, by the values of the other axes.
fn families<'a>(cells: &'a [Cell<'a>], axis: &Axis) -> Vec<(AxesValues, Vec<&'a Cell<'a>>)> {
    let mut families: Vec<(AxesValues, Vec<&Cell<'_>>)> = Vec::new();
    for cell in cells {
        let mut others = cell.strategies.first().map(|it| it.axes.clone()).unwrap_or_default();
        others.remove(&axis.key);
        // Cells come in order. Those of further groups are only in the table.
        let full = families.len() >= PANELS;
        match families.iter_mut().find(|(known, _)| *known == others) {
            Some((_, family)) => family.push(cell),
            None if full => {}
            None => families.push((others, vec![cell])),
        }
    }
    families
}

/// The charts along one axis, one per figure and combination of the other axes. The charts of a figure share a scale,
/// so that they can be compared.
fn along(summary: &Summary, cells: &[Cell<'_>], axis: &Axis, place: usize) -> Markup {
    let families = families(cells, axis);
    let there = cells.len() / axis.values.len().max(1);
    html! {
        @if let Some(cell) = cells.first() { (names(cell)) }
        @if there > families.len() {
            p class="note" {
                "Charts are of the first " (families.len()) " of " (whole(there)) " combinations of the other axes; the table of all cells has the others."
            }
        }
        @for (figure, along) in FIGURES.iter().enumerate() {
            @let extent = extent(&families, along.pick);
            @if families.len() == 1 {
                @for (_, family) in &families { (chart(summary, axis, family, along, &Panel { id: &format!("axis-{place}-{figure}"), others: None, extent })) }
            } @else {
                h3 { (along.name) }
                div class="panels" {
                    @for (panel, (others, family)) in families.iter().enumerate() {
                        (chart(summary, axis, family, along, &Panel { id: &format!("axis-{place}-{figure}-{panel}"), others: Some(others), extent }))
                    }
                }
            }
        }
    }
}

/// A chart along an axis.
struct Panel<'a> {
    id: &'a str,
    /// The values of the other axes. None if it is the only chart.
    others: Option<&'a AxesValues>,
    /// The range that it must show.
    extent: (f64, f64),
}

/// One chart along an axis. The points are placed by the axis' values if these are numbers that are far enough apart,
/// and evenly otherwise.
fn chart(summary: &Summary, axis: &Axis, family: &[&Cell<'_>], along: &FigureByAxis, panel: &Panel<'_>) -> Markup {
    let Panel { id, others, .. } = panel;
    let numbers_across = axis.values.iter().map(value).collect::<Option<Vec<f64>>>().filter(|values| apart(values));
    let labels: Vec<String> = axis.values.iter().map(ToString::to_string).collect();
    let strategies = family.first().map_or(0, |cell| cell.strategies.len());
    let line = |series: usize| {
        let point = |cell: &&Cell<'_>| {
            let strategy = cell.strategies.get(series)?;
            let slot = axis.values.iter().position(|value| strategy.axes.get(&axis.key) == Some(value))?;
            let x = numbers_across.as_ref().map_or_else(|| Some(count(slot)), |values| values.get(slot).copied())?;
            let (y, whisker) = (along.pick)(strategy)?.floats();
            Some(Point { x, y, whisker })
        };
        let mut points: Vec<Point> = family.iter().filter_map(point).collect();
        points.sort_by(|one, other| one.x.total_cmp(&other.x));
        Line { series, points }
    };
    let all: Vec<Line> = (0..strategies).map(line).collect();
    let axis_label = label::axis(&axis.key);
    let across = match numbers_across {
        Some(_) => HorizontalAxis::Numbers { unit: &axis_label, format: number::axis, range: None },
        None => HorizontalAxis::Names { unit: &axis_label, names: &labels },
    };
    let unit = family.first().map_or_else(String::new, |cell| {
        let cut = if panel.extent.0 > 0.0 { "; the axis does not begin at 0" } else { "" };
        if cell.means() {
            format!("{}, mean of a run, 95% interval{cut}", along.unit)
        } else {
            format!("{}{cut}", along.unit)
        }
    });
    let chart = Lines { lines: &all, across, format: along.format, at_least: panel.extent };
    let title = match others {
        Some(others) => {
            let names = others.iter().map(|(key, value)| format!("{} = {value}", label::axis(key)));
            names.collect::<Vec<_>>().join("; ")
        }
        None => along.name.to_owned(),
    };
    let description = format!(
        "{} against {}, a line for each strategy. The numbers are in the table that follows.",
        along.name, axis_label
    );
    let caption = Caption { id, title: &title, unit: &unit, description: &description };
    let shown = values_table(summary, axis, family, along, &title);
    match others {
        Some(_) => small(caption, &|size| lines(caption, size, &chart), &shown),
        None => figure(caption, &html! {}, &|size| lines(caption, size, &chart), &shown),
    }
}

/// Whether numbers are far enough apart to be placed by their values.
fn apart(values: &[f64]) -> bool {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (Some(first), Some(last)) = (sorted.first(), sorted.last()) else { return false };
    sorted.windows(2).all(|pair| matches!(pair, [one, next] if next - one >= (last - first) * 0.06))
}

/// The range of a figure over all charts along an axis, so that they share a scale. It begins at 0 unless that would
/// hide the differences: where all of them are in the upper part.
fn extent(families: &[(AxesValues, Vec<&Cell<'_>>)], pick: Pick) -> (f64, f64) {
    let strategies = families.iter().flat_map(|(_, family)| family).flat_map(|cell| cell.strategies);
    let all = strategies.filter_map(pick).map(|measure| {
        let (value, whisker) = measure.floats();
        let (from, to) = whisker.unwrap_or((value, value));
        (from.min(value), to.max(value))
    });
    let range = all.reduce(|(low, high), (from, to)| (low.min(from), high.max(to)));
    let (low, high) = range.unwrap_or_default();
    if high > low && low > high * UPPER_PART { (low, high) } else { (low.min(0.0), high.max(0.0)) }
}

fn value(of: &AxisValue) -> Option<f64> {
    match of {
        AxisValue::Integer(number) => Some(number::float(Decimal::from(*number))),
        AxisValue::Text(text) => Decimal::from_str_exact(text).ok().map(number::float),
        AxisValue::Boolean(_) => None,
    }
}

fn values_table(summary: &Summary, axis: &Axis, family: &[&Cell<'_>], along: &FigureByAxis, title: &str) -> Markup {
    let strategies = family.first().map(|cell| cell.strategies).unwrap_or_default();
    let columns = std::iter::once(text(label::axis(&axis.key)));
    let columns: Vec<_> = columns.chain(strategies.iter().map(|it| numbers(&it.name))).collect();
    let row = |cell: &&Cell<'_>| {
        let value = cell.strategies.first().and_then(|it| it.axes.get(&axis.key)).map(ToString::to_string);
        let figures = cell.strategies.iter().map(|it| measure(it, along.pick, along.text));
        std::iter::once(value.unwrap_or_default()).chain(figures).collect::<Vec<_>>()
    };
    let rows: Vec<_> = family.iter().map(row).collect();
    let seeds = if summary.seeds.len() > 1 { ": means over the seeds, with their 95% intervals" } else { "" };
    table(&format!("{title}{seeds}"), &columns, &rows)
}

fn measure(strategy: &StrategySummary, pick: Pick, number: fn(Decimal) -> String) -> String {
    pick(strategy).map_or_else(|| NONE.to_owned(), |it| it.text(number))
}

/// The table of all cells.
fn all(summary: &Summary, cells: &[Cell<'_>]) -> Markup {
    let mut columns: Vec<Column> = vec![text("Cell")];
    columns.extend([text("Strategy"), numbers("Orders won"), numbers("Win rate"), numbers("Revenue, USD")]);
    columns.push(numbers("Cards in use"));
    let any = |charged: fn(&StrategySummary) -> u64| summary.strategies.iter().any(|it| charged(it) > 0);
    let (over, under) = (any(|it| it.figures.overcharge.orders), any(|it| it.figures.undercharge.orders));
    columns.extend(over.then(|| numbers("Overcharge, USD")));
    columns.extend(under.then(|| numbers("Undercharge, USD")));
    let strategies = cells.iter().flat_map(|cell| cell.strategies.iter().map(move |it| (cell, it)));
    let row = |(cell, it): (&Cell<'_>, &StrategySummary)| {
        let one_decimal: fn(Decimal) -> String = |number| number::decimals(number, 1);
        let won = if cell.means() { measure(it, view::won, one_decimal) } else { whole(it.figures.won) };
        let mut row = vec![
            cell.name(),
            it.name.clone(),
            won,
            measure(it, view::win_rate, share),
            measure(it, view::revenue, money),
            measure(it, view::gpu, share),
        ];
        row.extend(over.then(|| measure(it, view::overcharge, money)));
        row.extend(under.then(|| measure(it, view::undercharge, money)));
        row
    };
    let rows: Vec<_> = strategies.take(ROWS).map(row).collect();
    let there = summary.strategies.len();
    let caption = if summary.seeds.len() > 1 {
        "Means of one run over the seeds, with their 95% intervals"
    } else {
        "One run a cell"
    };
    html! {
        section {
            h2 { "All cells" }
            @if there > rows.len() {
                p class="note" { "The first " (whole(rows.len())) " of " (whole(there)) " rows; the answer as JSON or CSV has all." }
            }
            (table(caption, &columns, &rows))
        }
    }
}
