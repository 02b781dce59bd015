//! Strategies compared with the first one, order by order.

use std::collections::BTreeSet;

use maud::{Markup, html};
use pricing_core::text::plural;
use rust_decimal::Decimal;

use super::number::{self, NONE, whole};
use super::parts::{clean, numbers, table, text};
use super::view::Cell;
use super::words;
use crate::result::OrderOutcome;
use crate::summary::{Comparison, LargestFlip};

/// Each strategy compared with the first. Empty if there is only one.
pub(super) fn section(cell: &Cell<'_>) -> Markup {
    html! {
        @if !cell.comparisons.is_empty() {
            section {
                h2 { "Which orders flipped, and why" }
                p class="note" {
                    "The same orders under two strategies, with the same random numbers: an order flipped if it came to something else."
                    @if cell.means() { " Counts are of all " (cell.runs) " seeds together." }
                }
                @for comparison in cell.comparisons { (one(comparison, cell.means())) }
                (glossary(cell))
            }
        }
    }
}

fn one(of: &Comparison, seeds: bool) -> Markup {
    html! {
        h3 { (clean(&of.strategy)) " against " (clean(&of.against)) }
        p { (clean(&totals(of))) }
        @if of.flips.is_empty() {
            p { "No order came to something else." }
        } @else {
            (matrix(of))
            @if !of.largest.is_empty() { (largest(of, seeds)) }
        }
    }
}

/// Summarises a comparison in words.
fn totals(of: &Comparison) -> String {
    let flipped = of.flips.iter().fold(0_u64, |sum, flip| sum.saturating_add(flip.orders));
    let won = match of.won {
        0 => "as many orders".to_owned(),
        more if more > 0 => format!("{} more {}", whole(more), plural(more, "order", "orders")),
        fewer => format!("{} fewer {}", whole(fewer.unsigned_abs()), plural(fewer.unsigned_abs(), "order", "orders")),
    };
    let mut text = format!(
        "{} flipped. “{}” won {won} and {} “{}”. Both won {}",
        orders(flipped),
        of.strategy,
        earned(of.revenue_usd.decimal()),
        of.against,
        orders(of.both_won)
    );
    let same = of.both_won.saturating_sub(of.cheaper).saturating_sub(of.dearer);
    if of.both_won > 0 {
        text.push_str(&format!(
            ": {} at a lower price under “{}”, {} at a higher one, {} at the same",
            whole(of.cheaper),
            of.strategy,
            whole(of.dearer),
            whole(same)
        ));
    }
    text.push('.');
    if let Some(difference) = of.per_run.as_ref().and_then(|run| run.revenue_usd) {
        text.push_str(&format!(
            " Seed by seed the difference in revenue is {} USD on average (95% interval {} to {}).",
            number::change(difference.mean),
            number::change(difference.low),
            number::change(difference.high)
        ));
    }
    text
}

/// How much more it earned than the first.
fn earned(usd: Decimal) -> String {
    let size = number::money(usd.abs());
    match usd.cmp(&Decimal::ZERO) {
        std::cmp::Ordering::Less => format!("earned {size} USD less than"),
        std::cmp::Ordering::Equal => "earned the same as".to_owned(),
        std::cmp::Ordering::Greater => format!("earned {size} USD more than"),
    }
}

fn orders(count: u64) -> String {
    format!("{} {}", whole(count), plural(count, "order", "orders"))
}

/// The matrix of outcomes, with counts.
fn matrix(of: &Comparison) -> Markup {
    let from: BTreeSet<OrderOutcome> = of.flips.iter().map(|flip| flip.from).collect();
    let to: BTreeSet<OrderOutcome> = of.flips.iter().map(|flip| flip.to).collect();
    let count = |from: OrderOutcome, to: OrderOutcome| {
        let found = of.flips.iter().filter(|flip| flip.from == from && flip.to == to);
        found.fold(0_u64, |sum, flip| sum.saturating_add(flip.orders))
    };
    let columns = std::iter::once(text(format!("Under {}", of.against)));
    let columns: Vec<_> = columns
        .chain(to.iter().map(|to| numbers(format!("{} under {}", words::outcome(*to).0, of.strategy))))
        .collect();
    let row = |from: &OrderOutcome| {
        let counts = to.iter().map(|to| match count(*from, *to) {
            0 => NONE.to_owned(),
            orders => whole(orders),
        });
        std::iter::once(words::outcome(*from).0.to_owned()).chain(counts).collect::<Vec<_>>()
    };
    let rows: Vec<_> = from.iter().map(row).collect();
    table("Orders that flipped: from (rows) to (columns)", &columns, &rows)
}

/// The flipped orders that change revenue most.
fn largest(of: &Comparison, seeds: bool) -> Markup {
    let mut columns = vec![text("Order")];
    if seeds {
        columns.push(numbers("Seed"));
    }
    columns.extend([
        text(format!("Under {}", of.against)),
        text(format!("Under {}", of.strategy)),
        numbers("Revenue, USD"),
        text("Why"),
    ]);
    let row = |flip: &LargestFlip| {
        let mut row = vec![if flip.id.is_empty() { format!("no. {}", whole(flip.order)) } else { flip.id.clone() }];
        if seeds {
            row.push(flip.seed.to_string());
        }
        row.push(side(flip.from, &flip.gpu_from, flip.usd_per_month_from.as_deref()));
        row.push(side(flip.to, &flip.gpu_to, flip.usd_per_month_to.as_deref()));
        row.push(number::change(flip.revenue_usd.decimal()));
        row.push(words::why(flip));
        row
    };
    let rows: Vec<_> = of.largest.iter().map(row).collect();
    let caption = format!("The {} flipped orders that change revenue most; prices in USD a month", whole(rows.len()));
    table(&caption, &columns, &rows)
}

/// An order under one of the two strategies: its outcome, cards and price.
fn side(outcome: OrderOutcome, cards: &str, usd: Option<&str>) -> String {
    let mut parts = vec![words::outcome(outcome).0.to_owned()];
    if !cards.is_empty() {
        parts.push(cards.to_owned());
    }
    if let Some(usd) = usd {
        let shown = Decimal::from_str_exact(usd).map_or_else(|_| usd.to_owned(), number::money);
        parts.push(format!("{shown} USD"));
    }
    parts.join(" · ")
}

/// A glossary of the outcomes.
fn glossary(cell: &Cell<'_>) -> Markup {
    let flips = cell.comparisons.iter().flat_map(|comparison| &comparison.flips);
    let outcomes: BTreeSet<OrderOutcome> = flips.flat_map(|flip| [flip.from, flip.to]).collect();
    html! {
        @if !outcomes.is_empty() {
            h3 { "What the outcomes mean" }
            dl class="words" {
                @for outcome in outcomes {
                    @let (short, meaning) = words::outcome(outcome);
                    dt { (clean(short)) }
                    dd { (meaning) }
                }
            }
        }
    }
}
