//! Many combinations of cell and strategy, with a row for each.

use std::collections::{BTreeMap, BTreeSet};

use pricing_core::text::printable;
use pricing_sim::result::OrderOutcome;
use pricing_sim::summary::{AxesValues, Interval, Pairs, StrategySummary, Summary};
use rust_decimal::Decimal;

use super::number::{difference, interval, percent, usd};
use super::{Labels, wrapped};
use crate::table::{table, text};
use crate::wording::count;

/// The most rows of a table and lines of the legend together.
const MAX_LINES: usize = 42;
/// The most rows for which the reasons of losses are shown.
const MAX_LOST: usize = 16;
/// The most reasons that have a column of their own.
const MAX_REASONS: usize = 4;

/// The tables.
pub(super) fn tables(summary: &Summary, labels: &Labels) -> String {
    let best = best(summary);
    let rows = rows(summary);
    let cells: BTreeSet<&AxesValues> = rows.iter().map(|entry| &entry.axes).collect();
    let mut shown = labels.legend(|axes| cells.contains(axes));
    shown.push('\n');
    shown.push_str(&main_table(summary, labels, &rows, best));
    let left_out = summary.strategies.len().saturating_sub(rows.len());
    if left_out > 0 {
        let left_out = count(u64::try_from(left_out).unwrap_or(u64::MAX), "combination");
        shown.push_str(&format!("{left_out} that earned less: see --output json or --results\n"));
    }
    if let Some(best) = best {
        shown.push('\n');
        shown.push_str(&wrapped(&said(summary, labels, best)));
    }
    if rows.len() <= MAX_LOST {
        shown.push('\n');
        shown.push_str(&lost_table(labels, &rows));
    }
    shown
}

/// The combination that earned most; of equal ones the first.
fn best(summary: &Summary) -> Option<&StrategySummary> {
    let earned = |entry: &StrategySummary| entry.figures.revenue_usd;
    summary.strategies.iter().reduce(|best, next| if earned(next) > earned(best) { next } else { best })
}

/// The combinations that are shown, in the order of the cells: all, or else the first and those that earned most.
fn rows(summary: &Summary) -> Vec<&StrategySummary> {
    let mut by_revenue: Vec<(usize, &StrategySummary)> = summary.strategies.iter().enumerate().collect();
    by_revenue.sort_by_key(|(place, entry)| (*place > 0, std::cmp::Reverse(entry.figures.revenue_usd)));
    let (mut cells, mut rows) = (BTreeSet::new(), Vec::new());
    for (place, entry) in by_revenue {
        cells.insert(&entry.axes);
        if rows.len().saturating_add(cells.len()) >= MAX_LINES {
            break;
        }
        rows.push((place, entry));
    }
    rows.sort_by_key(|(place, _)| *place);
    rows.into_iter().map(|(_, entry)| entry).collect()
}

fn main_table(summary: &Summary, labels: &Labels, rows: &[&StrategySummary], best: Option<&StrategySummary>) -> String {
    let seeds = summary.seeds.len() > 1;
    let revenue = if seeds { "USD of a run" } else { "revenue USD" };
    let against = if seeds { "less the best, paired" } else { "less the best" };
    let header = [labels.header(), "won", "won %", revenue, against, "GPU %"];
    let mut table = table(&header, &[1, 2, 3, 4, 5]);
    for entry in rows {
        let figures = &entry.figures;
        let run = entry.per_run.as_ref().and_then(|run| run.revenue_usd);
        table.add_row([
            labels.label(&entry.axes, &entry.name),
            figures.won.to_string(),
            percent(figures.win_rate_percent),
            if seeds { interval(run, 2) } else { usd(figures.revenue_usd) },
            best.map_or_else(String::new, |best| less(summary, entry, best)),
            percent(figures.gpu_utilisation_percent),
        ]);
    }
    text(&table)
}

/// The revenue of a combination less that of the best.
fn less(summary: &Summary, entry: &StrategySummary, best: &StrategySummary) -> String {
    if std::ptr::eq(entry, best) {
        return "best".to_owned();
    }
    if summary.seeds.len() > 1 {
        return difference(of_pair(summary, entry, best));
    }
    let less = entry.figures.revenue_usd.checked_sub(best.figures.revenue_usd);
    less.map_or_else(|_| "-".to_owned(), usd)
}

fn of_pair(summary: &Summary, of: &StrategySummary, against: &StrategySummary) -> Option<Interval> {
    Pairs::new(&summary.paired).revenue(of, against)
}

/// Which combination earned most, and how many cannot be told from it.
fn said(summary: &Summary, labels: &Labels, best: &StrategySummary) -> String {
    let label = labels.label(&best.axes, &best.name);
    let name = if best.axes.is_empty() { label } else { format!("cell {label}") };
    let mut said = format!("{} earned most.", printable(&name));
    if summary.seeds.len() > 1 {
        let unclear = |entry: &&StrategySummary| {
            !std::ptr::eq(*entry, best)
                && of_pair(summary, entry, best).is_none_or(|interval| interval.high >= Decimal::ZERO)
        };
        let others = u64::try_from(summary.strategies.iter().filter(unclear).count()).unwrap_or(u64::MAX);
        said.push_str(&match others {
            0 => " These seeds show that it earns more than each of the others.".to_owned(),
            _ => format!(" {} cannot be told from it by these seeds.", count(others, "other")),
        });
    }
    said
}

/// The lost orders, with a column for each of the most frequent reasons.
fn lost_table(labels: &Labels, rows: &[&StrategySummary]) -> String {
    let mut sums: BTreeMap<OrderOutcome, u64> = BTreeMap::new();
    for (reason, orders) in rows.iter().flat_map(|entry| &entry.figures.lost) {
        let sum = sums.entry(*reason).or_default();
        *sum = sum.saturating_add(*orders);
    }
    let mut reasons: Vec<(OrderOutcome, u64)> = sums.into_iter().collect();
    reasons.sort_by_key(|(_, orders)| std::cmp::Reverse(*orders));
    let others = reasons.len() > MAX_REASONS;
    let named: Vec<OrderOutcome> = reasons.into_iter().take(MAX_REASONS).map(|(reason, _)| reason).collect();
    if named.is_empty() {
        return "No order was lost.\n".to_owned();
    }
    let header: Vec<&str> = std::iter::once("orders lost")
        .chain(named.iter().map(|reason| reason.name()))
        .chain(others.then_some("others"))
        .collect();
    let mut table = table(&header, &[1, 2, 3, 4, 5]);
    for entry in rows {
        let lost = |reason: &OrderOutcome| entry.figures.lost.get(reason).copied().unwrap_or(0);
        let rest = entry.figures.lost.iter().filter(|(reason, _)| !named.contains(reason));
        let rest = rest.fold(0_u64, |sum, (_, orders)| sum.saturating_add(*orders));
        let mut row = vec![labels.label(&entry.axes, &entry.name)];
        row.extend(named.iter().map(|reason| lost(reason).to_string()));
        row.extend(others.then(|| rest.to_string()));
        table.add_row(row);
    }
    text(&table)
}
