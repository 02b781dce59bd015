//! Charts of orders and cards: utilisation over time, win rate by price, lost orders by reason.

use std::collections::BTreeMap;

use maud::{Markup, html};
use rust_decimal::Decimal;

use super::chart::{Bar, Bars, Caption, Line, Lines, Point, StackedRow, bars, lines, stacked};
use super::money::names;
use super::number::{self, NONE, share, whole};
use super::parts::{figure, legend, numbers, small, table, text};
use super::view::Cell;
use super::when::Times;
use super::words;
use crate::result::OrderOutcome;
use crate::summary::{GpuUtilisation, Percent, PriceRange, StrategySummary};
use pricing_core::text::plural;

/// The most kinds of card with a chart of their own.
const KINDS: usize = 12;
/// The most reasons with a colour of their own.
const REASONS: usize = 7;
/// The most ranges of prices that a chart shows: those with the most bids.
const PRICES: usize = 24;
/// The looks of reasons, in another order than those of strategies.
const REASON_LOOKS: [usize; 8] = [6, 5, 4, 7, 3, 2, 1, 0];

/// Cards in use by kind over time.
pub(super) fn utilisation(cell: &Cell<'_>, id: &str) -> Markup {
    let first = cell.strategies.first().map(|it| it.figures.gpu_utilisation.as_slice()).unwrap_or_default();
    let mut kinds: Vec<(usize, &GpuUtilisation)> = first.iter().enumerate().collect();
    // Stable: kinds with equally many cards stay sorted by name.
    kinds.sort_by_key(|(_, kind)| std::cmp::Reverse(kind.cards));
    let shown = kinds.len().min(KINDS);
    let most = most_in_use(cell);
    html! {
        section {
            h2 { "Cards in use" }
            @if kinds.is_empty() {
                p { "The inventory has no cards." }
            } @else {
                p class="note" {
                    "By kind of card, over time: cards in use by cards that there are. All kinds have the same axis."
                    @if cell.means() { " Over all seeds together." }
                    @if shown < kinds.len() {
                        " Charts are of the " (shown) " kinds with the most cards; the other " (kinds.len() - shown) " are in the table."
                    }
                }
                (names(cell))
                div class="panels" {
                    @for (place, kind) in kinds.iter().take(KINDS) { (of_kind(cell, *place, kind, most, id)) }
                }
                (whole_window(cell, &kinds))
            }
        }
    }
}

/// The highest utilisation of any kind, in percent: the range that all charts share.
fn most_in_use(cell: &Cell<'_>) -> f64 {
    let parts = cell.strategies.iter().flat_map(|it| &it.figures.over_time).flat_map(|part| &part.gpu);
    parts.filter_map(|kind| kind.percent).max().map_or(1.0, |percent| number::float(percent.decimal()))
}

fn of_kind(cell: &Cell<'_>, kind: usize, of: &GpuUtilisation, most: f64, id: &str) -> Markup {
    let times = Times::of(cell);
    let percent = |it: &StrategySummary, place: usize| -> Option<Percent> {
        it.figures.over_time.get(place)?.gpu.iter().find(|there| there.kind == of.kind)?.percent
    };
    let line = |(series, it): (usize, &StrategySummary)| {
        let point = |place: usize| {
            let y = number::float(percent(it, place)?.decimal());
            Some(Point { x: times.middle(place), y, whisker: None })
        };
        Line { series, points: (0..it.figures.over_time.len()).filter_map(point).collect() }
    };
    let all: Vec<Line> = cell.strategies.iter().enumerate().map(line).collect();
    let cards = plural(of.cards, "card", "cards");
    let title = format!("{} · {} {cards}", of.kind, whole(of.cards));
    let means = cell.strategies.iter().map(|it| format!("{}: {} on average", it.name, in_use(it, &of.kind)));
    let description = means.collect::<Vec<_>>().join("; ");
    let id = format!("{id}-cards-{kind}");
    let caption = Caption { id: &id, title: &title, unit: "", description: &description };
    let chart = Lines { lines: &all, across: times.across(), format: number::axis_percent, at_least: (0.0, most) };
    let shown = times.table(cell, &title, &|it, place| number::percent(percent(it, place)));
    small(caption, &|size| lines(caption, size, &chart), &shown)
}

/// The utilisation of a kind over the whole window.
fn in_use(it: &StrategySummary, kind: &str) -> String {
    let found = it.figures.gpu_utilisation.iter().find(|gpu| gpu.kind == kind);
    let per_run = it.per_run.as_ref().and_then(|run| run.gpu_utilisation.iter().find(|gpu| gpu.kind == kind)?.percent);
    match per_run {
        Some(interval) => number::interval(&interval, share),
        None => found.map_or_else(|| NONE.to_owned(), |gpu| number::percent(gpu.percent)),
    }
}

fn whole_window(cell: &Cell<'_>, kinds: &[(usize, &GpuUtilisation)]) -> Markup {
    let columns = [text("Kind"), numbers("Cards")].into_iter();
    let columns: Vec<_> = columns.chain(cell.strategies.iter().map(|it| numbers(&it.name))).collect();
    let row = |(_, kind): &(usize, &GpuUtilisation)| {
        let head = [kind.kind.clone(), whole(kind.cards)].into_iter();
        head.chain(cell.strategies.iter().map(|it| in_use(it, &kind.kind))).collect::<Vec<_>>()
    };
    let rows: Vec<_> = kinds.iter().map(row).collect();
    let caption = if cell.means() {
        "In use over the whole window: mean over the seeds, with its 95% interval"
    } else {
        "In use over the whole window"
    };
    table(caption, &columns, &rows)
}

/// The win rate by price.
pub(super) fn by_price(cell: &Cell<'_>, id: &str) -> Markup {
    html! {
        section {
            h2 { "Win rate by price" }
            p class="note" {
                "Bids by the number and kind of the order's cards and by what they ask, in USD a month, and how many of them were won. An order that got no bid is not in here."
                @if cell.means() { " All seeds together." }
            }
            div class="panels" {
                @for (series, strategy) in cell.strategies.iter().enumerate() { (prices_of(strategy, series, id)) }
            }
        }
    }
}

/// The chart of one strategy's win rate by price.
fn prices_of(strategy: &StrategySummary, series: usize, id: &str) -> Markup {
    let ranges = &strategy.figures.win_by_price;
    let rate = |range: &PriceRange| Percent::of(u128::from(range.won), u128::from(range.bids)).ok().flatten();
    let bar = |range: &PriceRange| Bar {
        label: name(range),
        value: rate(range).map(|percent| number::float(percent.decimal())),
        whisker: None,
        note: format!("{} of {}", whole(range.won), whole(range.bids)),
        series,
    };
    let all: Vec<Bar> = most_bid(ranges).into_iter().map(bar).collect();
    let description =
        all.iter().map(|bar| format!("{} USD: {} won", bar.label, bar.note)).collect::<Vec<_>>().join("; ");
    let id = format!("{id}-price-{series}");
    let caption =
        Caption { id: &id, title: &strategy.name, unit: "won, by USD a month asked", description: &description };
    let chart = Bars { bars: &all, format: number::axis_percent, at_least: (0.0, 100.0) };
    let columns = [text("Cards: USD a month"), numbers("Bids"), numbers("Won"), numbers("Win rate")];
    let row = |range: &PriceRange| vec![name(range), whole(range.bids), whole(range.won), number::percent(rate(range))];
    let rows: Vec<_> = ranges.iter().map(row).collect();
    if ranges.is_empty() {
        return html! { div { h3 { (super::parts::clean(&strategy.name)) } p { "It made no bid." } } };
    }
    small(caption, &|size| bars(caption, size, &chart), &table(&strategy.name, &columns, &rows))
}

/// The ranges with the most bids, in their order.
fn most_bid(ranges: &[PriceRange]) -> Vec<&PriceRange> {
    let mut most: Vec<(usize, &PriceRange)> = ranges.iter().enumerate().collect();
    most.sort_by_key(|(_, range)| std::cmp::Reverse(range.bids));
    most.truncate(PRICES);
    most.sort_by_key(|(place, _)| *place);
    most.into_iter().map(|(_, range)| range).collect()
}

fn name(range: &PriceRange) -> String {
    let cards = match (range.gpu.as_str(), range.cards) {
        ("", _) => "no cards".to_owned(),
        (kinds, 0) => kinds.to_owned(),
        (kinds, cards) => format!("{} × {kinds}", whole(cards)),
    };
    match range.to_usd {
        Some(to) => format!("{cards}: {} to {}", whole(range.from_usd), whole(to)),
        None => format!("{cards}: {} and more", whole(range.from_usd)),
    }
}

/// Lost orders, by reason.
pub(super) fn lost(cell: &Cell<'_>, id: &str) -> Markup {
    let reasons = reasons(cell);
    html! {
        section {
            h2 { "Lost orders by reason" }
            @if reasons.is_empty() {
                p { "No order was lost." }
            } @else {
                (lost_chart(cell, &reasons, id))
                dl class="words" {
                    @for (reason, _) in &reasons {
                        @let (short, meaning) = words::outcome(*reason);
                        dt { (super::parts::clean(short)) }
                        dd { (meaning) }
                    }
                }
            }
        }
    }
}

/// The reasons with their numbers of orders over all strategies, the most frequent first.
fn reasons(cell: &Cell<'_>) -> Vec<(OrderOutcome, u64)> {
    let mut sums: BTreeMap<OrderOutcome, u64> = BTreeMap::new();
    for (reason, orders) in cell.strategies.iter().flat_map(|it| &it.figures.lost) {
        let sum = sums.entry(*reason).or_default();
        *sum = sum.saturating_add(*orders);
    }
    let mut reasons: Vec<(OrderOutcome, u64)> = sums.into_iter().filter(|(_, orders)| *orders > 0).collect();
    reasons.sort_by_key(|(_, orders)| std::cmp::Reverse(*orders));
    reasons
}

/// The stacked bars of lost orders. The reasons beyond [`REASONS`] share one part.
fn lost_chart(cell: &Cell<'_>, reasons: &[(OrderOutcome, u64)], id: &str) -> Markup {
    let look = |place: usize| REASON_LOOKS.get(place.min(REASONS)).copied().unwrap_or(0);
    let lost = |it: &StrategySummary, reason: OrderOutcome| it.figures.lost.get(&reason).copied().unwrap_or(0);
    let row = |it: &StrategySummary| {
        let of = |place: usize, orders: u64| (look(place), number::float(Decimal::from(orders)), whole(orders));
        let mut parts: Vec<_> =
            reasons.iter().take(REASONS).enumerate().map(|(place, (reason, _))| of(place, lost(it, *reason))).collect();
        let others = reasons.iter().skip(REASONS).fold(0_u64, |sum, (reason, _)| sum.saturating_add(lost(it, *reason)));
        parts.push(of(REASONS, others));
        let all = it.figures.lost.values().fold(0_u64, |sum, orders| sum.saturating_add(*orders));
        StackedRow { label: format!("{}: {} lost", it.name, whole(all)), parts }
    };
    let rows: Vec<StackedRow> = cell.strategies.iter().map(row).collect();
    let mut key: Vec<_> = (reasons.iter().take(REASONS).enumerate())
        .map(|(place, (reason, _))| (look(place), words::outcome(*reason).0.to_owned()))
        .collect();
    if reasons.len() > REASONS {
        key.push((look(REASONS), format!("{} other reasons", reasons.len() - REASONS)));
    }
    let unit = if cell.means() { "orders, all seeds together" } else { "orders" };
    let description = rows.iter().map(|row| row.label.clone()).collect::<Vec<_>>().join("; ");
    let id = format!("{id}-lost");
    let caption = Caption { id: &id, title: "Orders that were not won", unit, description: &description };
    let columns = std::iter::once(text("Reason")).chain(cell.strategies.iter().map(|it| numbers(&it.name)));
    let columns: Vec<_> = columns.collect();
    let cells = reasons.iter().map(|(reason, _)| {
        let counts = cell.strategies.iter().map(|it| whole(lost(it, *reason)));
        std::iter::once(words::outcome(*reason).0.to_owned()).chain(counts).collect::<Vec<_>>()
    });
    let cells: Vec<_> = cells.collect();
    figure(caption, &legend(&key), &|size| stacked(caption, size, &rows, number::axis), &table(unit, &columns, &cells))
}
