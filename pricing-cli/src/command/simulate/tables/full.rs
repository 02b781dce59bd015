//! Everything about a few combinations of cell and strategy.

use std::fmt::Write as _;

use comfy_table::Table;
use pricing_core::text::printable;
use pricing_sim::result::OrderOutcome;
use pricing_sim::summary::{ChargeSummary, Comparison, Figures, Percent, Summary};
use rust_decimal::Decimal;

use super::number::{self, interval, percent, places, signed, usd};
use super::{Labels, NAME_CHARS};
use crate::answered::Decided;
use crate::colours::paint;
use crate::table::{table, text};
use crate::wording::{cut, plural};

/// The most changed orders of a comparison that are shown.
const SHOWN_FLIPS: usize = 5;
/// The most characters of an order's ID in a table.
const ID_CHARS: usize = 18;

/// The most characters of an order's cards in a table.
const CARDS_CHARS: usize = 32;

/// The tables.
pub(super) fn tables(summary: &Summary, labels: &Labels) -> String {
    let mut shown = labels.legend(|_| true);
    shown.push('\n');
    shown.push_str(&orders_table(summary, labels));
    shown.push('\n');
    shown.push_str(&use_table(summary, labels));
    let charges = charge_table(summary, labels);
    if !charges.is_empty() {
        shown.push('\n');
        shown.push_str(&charges);
        shown.push_str(&card_table(summary, labels));
    }
    shown.push_str(&lost_table(summary, labels));
    shown.push_str(&paired_table(summary, labels));
    shown.push_str(&comparisons(summary, labels));
    shown
}

/// The paired differences between any two of the combinations.
fn paired_table(summary: &Summary, labels: &Labels) -> String {
    if summary.paired.is_empty() {
        return String::new();
    }
    let mut table = table(&[labels.header(), "less", "USD of a run", "orders won"], &[2, 3]);
    for pair in &summary.paired {
        let (of, against) = (labels.label(&pair.axes, &pair.of), labels.label(&pair.against_axes, &pair.against));
        table.add_row([of, against, number::difference(pair.revenue_usd), interval(pair.won, 2)]);
    }
    format!("\nDifferences, paired by seed:\n\n{}", text(&table))
}

fn orders_table(summary: &Summary, labels: &Labels) -> String {
    let seeds = summary.seeds.len() > 1;
    let header = [labels.header(), "orders", "won", "won %", "revenue USD", "USD of a run"];
    let columns = if seeds { 6 } else { 5 };
    let mut table = table(header.get(..columns).unwrap_or(&header), &[1, 2, 3, 4, 5]);
    for entry in &summary.strategies {
        let figures = &entry.figures;
        let mut row = vec![
            labels.label(&entry.axes, &entry.name),
            figures.orders.to_string(),
            figures.won.to_string(),
            percent(figures.win_rate_percent),
            usd(figures.revenue_usd),
        ];
        if seeds {
            row.push(interval(entry.per_run.as_ref().and_then(|run| run.revenue_usd), 2));
        }
        table.add_row(row);
    }
    text(&table)
}

fn use_table(summary: &Summary, labels: &Labels) -> String {
    let header =
        [labels.header(), "GPU %", "CPU %", "mem %", "idle GPU USD", "idle CPU USD", "idle mem USD", "fragm. %"];
    let mut table = table(&header, &[1, 2, 3, 4, 5, 6, 7]);
    for entry in &summary.strategies {
        let figures = &entry.figures;
        table.add_row([
            labels.label(&entry.axes, &entry.name),
            percent(figures.gpu_utilisation_percent),
            percent(figures.cpu_utilisation_percent),
            percent(figures.memory_utilisation_percent),
            usd(figures.idle_usd.gpu),
            usd(figures.idle_usd.cpu),
            usd(figures.idle_usd.memory),
            percent(figures.fragmentation_percent),
        ]);
    }
    text(&table)
}

/// One side of the charges: its name, and where its figures are.
type Side = (&'static str, fn(&Figures) -> &ChargeSummary);

/// Shows the leases that do not pay what their own cards cost: those that pay more, those that pay less, or both, but
/// nothing that does not occur.
fn charge_table(summary: &Summary, labels: &Labels) -> String {
    let sides: [Side; 2] =
        [("overcharged", |figures| &figures.overcharge), ("undercharged", |figures| &figures.undercharge)];
    let occurs = |side: &Side| summary.strategies.iter().any(|entry| (side.1)(&entry.figures).orders > 0);
    let sides: Vec<_> = sides.into_iter().filter(occurs).collect();
    if sides.is_empty() {
        return String::new();
    }
    let columns = sides.iter().flat_map(|(side, _)| [*side, "USD a month", "USD"]);
    let header: Vec<&str> = std::iter::once(labels.header()).chain(columns).collect();
    let numbers: Vec<usize> = (1..header.len()).collect();
    let mut table = table(&header, &numbers);
    for entry in &summary.strategies {
        let cells = sides.iter().flat_map(|(_, of)| {
            let charge = of(&entry.figures);
            [charge.orders.to_string(), usd(charge.usd_per_month), usd(charge.usd)]
        });
        table.add_row(std::iter::once(labels.label(&entry.axes, &entry.name)).chain(cells));
    }
    text(&table)
}

/// Shows what leases pay by the cards that they were handed, and what the rates ask for these cards. Nothing where every
/// lease of every strategy pays just that.
fn card_table(summary: &Summary, labels: &Labels) -> String {
    let mut cards = summary.strategies.iter().flat_map(|entry| &entry.figures.by_card);
    if cards.all(|card| card.paid_usd == card.own_usd) {
        return String::new();
    }
    let header = [labels.header(), "handed out", "leases", "paid USD", "by rates USD"];
    let mut table = table(&header, &[2, 3, 4]);
    for entry in &summary.strategies {
        for card in &entry.figures.by_card {
            let label = labels.label(&entry.axes, &entry.name);
            let (paid, own) = (usd(card.paid_usd), usd(card.own_usd));
            table.add_row([label, cut(&card.gpu, CARDS_CHARS), card.leases.to_string(), paid, own]);
        }
    }
    format!("\n{}", text(&table))
}

fn lost_table(summary: &Summary, labels: &Labels) -> String {
    let mut table = table(&[labels.header(), "lost by", "orders", "%"], &[2, 3]);
    let mut reasons: Vec<OrderOutcome> = Vec::new();
    for entry in &summary.strategies {
        let mut lost: Vec<(&OrderOutcome, &u64)> = entry.figures.lost.iter().collect();
        lost.sort_by_key(|(_, orders)| std::cmp::Reverse(**orders));
        for (reason, orders) in lost {
            reasons.push(*reason);
            let share = Percent::of(u128::from(*orders), u128::from(entry.figures.orders)).unwrap_or_default();
            let label = labels.label(&entry.axes, &entry.name);
            table.add_row([label, reason.to_string(), orders.to_string(), percent(share)]);
        }
    }
    if reasons.is_empty() {
        return "\nNo order was lost.\n".to_owned();
    }
    format!("\n{}", painted(&text(&table), &reasons, |reason, text| paint(decided(reason), text)))
}

/// The rows of a table, which come last in it, with the reason of each in its colour. Only numbers follow the reason,
/// but a strategy's name before it could read like one.
fn painted(table: &str, reasons: &[OrderOutcome], paint: impl Fn(OrderOutcome, &str) -> String) -> String {
    let head = table.lines().count().saturating_sub(reasons.len());
    let mut painted = String::new();
    for (place, line) in table.lines().enumerate() {
        let reason = place.checked_sub(head).and_then(|row| reasons.get(row));
        match reason.and_then(|reason| Some((*reason, line.rsplit_once(reason.name())?))) {
            Some((reason, (before, after))) => {
                painted.push_str(before);
                painted.push_str(&paint(reason, reason.name()));
                painted.push_str(after);
            }
            None => painted.push_str(line),
        }
        painted.push('\n');
    }
    painted
}

/// The decision whose colour an outcome has. A lease that cannot run or start is as bad as a fault.
fn decided(outcome: OrderOutcome) -> Decided {
    match outcome {
        OrderOutcome::Won => Decided::Bid,
        OrderOutcome::CannotRun | OrderOutcome::PodPending => Decided::Fault,
        OrderOutcome::NoBid(code) if code.is_fault() => Decided::Fault,
        OrderOutcome::Outbid | OrderOutcome::NotTaken | OrderOutcome::NoBid(_) => Decided::Decline,
    }
}

fn comparisons(summary: &Summary, labels: &Labels) -> String {
    let mut shown = String::new();
    for comparison in &summary.comparisons {
        shown.push('\n');
        shown.push_str(&compared(comparison, labels));
    }
    shown
}

/// Shows how the results of a strategy differ from those of the one that it is compared with.
fn compared(comparison: &Comparison, labels: &Labels) -> String {
    let flipped = comparison.flips.iter().fold(0_u64, |sum, flip| sum.saturating_add(flip.orders));
    let label = labels.label(&comparison.axes, &comparison.strategy);
    let mut shown = printable(&format!("{label} against {}", cut(&comparison.against, NAME_CHARS)));
    let _ = write!(shown, ": {} USD of revenue", signed(comparison.revenue_usd.decimal()));
    if let Some(difference) = comparison.per_run.as_ref().and_then(|run| run.revenue_usd) {
        let _ = write!(shown, ", {} in a run", number::difference(Some(difference)));
    }
    let _ = writeln!(
        shown,
        "; {:+} {} won.\nBoth won {}, of which {} {} less and {} more; {flipped} came to something else.",
        comparison.won,
        plural(comparison.won.unsigned_abs(), "order", "orders"),
        comparison.both_won,
        comparison.cheaper,
        plural(comparison.cheaper, "pays", "pay"),
        comparison.dearer
    );
    if !comparison.flips.is_empty() {
        let mut flips = table(&["before", "now", "orders"], &[2]);
        for flip in &comparison.flips {
            flips.add_row([flip.from.to_string(), flip.to.to_string(), flip.orders.to_string()]);
        }
        shown.push('\n');
        shown.push_str(&text(&flips));
        shown.push('\n');
        shown.push_str(&text(&largest(comparison)));
    }
    shown
}

fn largest(comparison: &Comparison) -> Table {
    let header = ["changes most", "before", "now", "USD a month", "now", "revenue USD"];
    let mut table = table(&header, &[3, 4, 5]);
    for flip in comparison.largest.iter().take(SHOWN_FLIPS) {
        let month = |usd: &Option<String>| {
            let usd = usd.as_deref().and_then(|usd| Decimal::from_str_exact(usd).ok());
            usd.map_or("-".to_owned(), |usd| places(usd, 2))
        };
        table.add_row([
            cut(&flip.id, ID_CHARS),
            flip.from.to_string(),
            flip.to.to_string(),
            month(&flip.usd_per_month_from),
            month(&flip.usd_per_month_to),
            signed(flip.revenue_usd.decimal()),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use pricing_core::quote::ReasonCode;

    use super::*;

    #[test]
    fn each_reason_has_its_colour_and_a_name_that_reads_like_one_has_none() {
        let table = "strategy  lost by\noutbid  outbid  3\nb  cannot-run  1\n";
        let marked = |reason, text: &str| format!("<{:?} {text}>", decided(reason));
        let painted = painted(table, &[OrderOutcome::Outbid, OrderOutcome::CannotRun], marked);
        assert_eq!(painted, "strategy  lost by\noutbid  <Decline outbid>  3\nb  <Fault cannot-run>  1\n");
        assert_eq!(decided(OrderOutcome::NoBid(ReasonCode::Trap)), Decided::Fault);
        assert_eq!(decided(OrderOutcome::NoBid(ReasonCode::PriceAboveMax)), Decided::Decline);
    }
}
