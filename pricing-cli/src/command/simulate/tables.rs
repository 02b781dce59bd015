//! Shows the results of a simulation as tables.

use std::fmt::Write as _;

use comfy_table::Table;
use pricing_core::money::Usd;
use pricing_core::quote::ReasonCode;
use pricing_core::text::printable;
use pricing_sim::summary::{AxesValues, Comparison, Interval, Percent, StrategySummary, Summary};
use rust_decimal::{Decimal, RoundingStrategy};

use crate::table::{table, text};

/// The most entries for which losses and comparisons are shown. Larger sweeps have too many.
const MAX_DETAILED: usize = 24;
/// The most changed orders of a comparison that are shown.
const SHOWN_FLIPS: usize = 5;
/// The most characters of a name in a table.
const NAME_CHARS: usize = 24;
/// The most characters of an order's ID in a table.
const ID_CHARS: usize = 18;

/// Shows the results in at most 100 columns.
pub(super) fn summary(summary: &Summary) -> String {
    let labels = Labels::of(summary);
    let mut shown = headline(summary);
    shown.push_str(&labels.legend());
    shown.push('\n');
    shown.push_str(&orders_table(summary, &labels));
    shown.push('\n');
    shown.push_str(&use_table(summary, &labels));
    let charges = charge_table(summary, &labels);
    if !charges.is_empty() {
        shown.push('\n');
        shown.push_str(&charges);
    }
    if summary.strategies.len() <= MAX_DETAILED {
        shown.push_str(&lost_table(summary, &labels));
        shown.push_str(&comparisons(summary, &labels));
    } else {
        shown.push_str(
            "\nReasons and comparisons are in the JSON answer and in the files of --results and --decisions.\n",
        );
    }
    shown.push_str(&notes(summary));
    shown
}

fn headline(summary: &Summary) -> String {
    let cells = summary.axes.iter().fold(1_usize, |cells, axis| cells.saturating_mul(axis.values.len()));
    let count = |count: usize, one: &str| if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") };
    let mut line = printable(&summary.name);
    let _ = write!(line, ": {}", count(summary.runs, "run"));
    if summary.runs > 1 {
        let _ = write!(line, " ({}, {})", count(cells, "cell"), count(summary.seeds.len(), "seed"));
    }
    if let Some(window) = &summary.window {
        let length = window.end_s.decimal().checked_sub(window.start_s.decimal()).unwrap_or_default();
        let hours = length.checked_div(Decimal::from(3600)).unwrap_or_default();
        let _ = write!(line, " of {} hours", places(hours, 2));
    }
    line.push('\n');
    if summary.seeds.len() > 1 {
        line.push_str("Totals and percentages are over all seeds; ± is the 95% interval of the mean of a run.\n");
    }
    line
}

/// The labels of rows: the strategy, after the number of the cell if there are several.
struct Labels {
    cells: Vec<AxesValues>,
}

impl Labels {
    fn of(summary: &Summary) -> Self {
        let mut cells: Vec<AxesValues> = Vec::new();
        for entry in &summary.strategies {
            if !entry.axes.is_empty() && !cells.contains(&entry.axes) {
                cells.push(entry.axes.clone());
            }
        }
        Self { cells }
    }

    /// Lists the values of each cell.
    fn legend(&self) -> String {
        let mut shown = String::new();
        for (number, axes) in self.cells.iter().enumerate() {
            let values: Vec<String> = axes.iter().map(|(key, value)| format!("{key} = {value}")).collect();
            shown.push_str(if number == 0 { "\n" } else { "" });
            shown.push_str(&printable(&format!("  cell {}: {}", number.saturating_add(1), values.join(", "))));
            shown.push('\n');
        }
        shown
    }

    fn label(&self, axes: &AxesValues, strategy: &str) -> String {
        let name = cut(strategy, NAME_CHARS);
        match self.cells.iter().position(|cell| cell == axes) {
            Some(place) => format!("{}  {name}", place.saturating_add(1)),
            None => name,
        }
    }

    fn header(&self) -> &'static str {
        if self.cells.is_empty() { "strategy" } else { "cell, strategy" }
    }
}

fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
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

/// Shows the leases that do not pay what their own cards cost, or nothing if there are none.
fn charge_table(summary: &Summary, labels: &Labels) -> String {
    let header = [labels.header(), "overcharged", "USD a month", "USD", "undercharged", "USD a month", "USD"];
    let mut table = table(&header, &[1, 2, 3, 4, 5, 6]);
    let mut any = false;
    for entry in &summary.strategies {
        let (over, under) = (&entry.figures.overcharge, &entry.figures.undercharge);
        any |= over.orders > 0 || under.orders > 0;
        table.add_row([
            labels.label(&entry.axes, &entry.name),
            over.orders.to_string(),
            usd(over.usd_per_month),
            usd(over.usd),
            under.orders.to_string(),
            usd(under.usd_per_month),
            usd(under.usd),
        ]);
    }
    if any { text(&table) } else { String::new() }
}

fn lost_table(summary: &Summary, labels: &Labels) -> String {
    let mut table = table(&[labels.header(), "lost by", "orders", "%"], &[2, 3]);
    let mut any = false;
    for entry in &summary.strategies {
        let mut lost: Vec<(&String, &u64)> = entry.figures.lost.iter().collect();
        lost.sort_by_key(|(_, orders)| std::cmp::Reverse(**orders));
        for (reason, orders) in lost {
            any = true;
            let share = Percent::of(u128::from(*orders), u128::from(entry.figures.orders)).unwrap_or_default();
            let label = labels.label(&entry.axes, &entry.name);
            table.add_row([label, reason.clone(), orders.to_string(), percent(share)]);
        }
    }
    if any { format!("\n{}", text(&table)) } else { "\nNo order was lost.\n".to_owned() }
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
        let _ = write!(shown, ", {} in a run", interval(Some(difference), 2));
    }
    let _ = writeln!(
        shown,
        "; {:+} orders won.\nBoth won {}, of which {} pay less and {} more; {flipped} came to something else.",
        comparison.won, comparison.both_won, comparison.cheaper, comparison.dearer
    );
    if !comparison.flips.is_empty() {
        let mut flips = table(&["before", "now", "orders"], &[2]);
        for flip in &comparison.flips {
            flips.add_row([flip.from.clone(), flip.to.clone(), flip.orders.to_string()]);
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
            flip.from.clone(),
            flip.to.clone(),
            month(&flip.usd_per_month_from),
            month(&flip.usd_per_month_to),
            signed(flip.revenue_usd.decimal()),
        ]);
    }
    table
}

/// Lists what must be known to interpret the figures.
fn notes(summary: &Summary) -> String {
    let of = |entry: &StrategySummary, what: String| printable(&format!("note: {}: {what}", entry.name)) + "\n";
    let mut notes = String::new();
    for entry in &summary.strategies {
        let figures = &entry.figures;
        if let Some(orders) = figures.lost.get(ReasonCode::RateUnavailable.name()) {
            let lack = if *orders == 1 { "order lacks" } else { "orders lack" };
            let what = format!("{orders} {lack} what an AKT is worth; set `usd_per_akt` in the scenario");
            notes.push_str(&of(entry, what));
        }
        if figures.by_clock > 0 {
            let what = format!("{} quotes ran out of time; another run may come to something else", figures.by_clock);
            notes.push_str(&of(entry, what));
        }
        let unpriced = figures.idle_usd.unpriced_card_hours.decimal();
        if !unpriced.is_zero() {
            let what =
                format!("{} hours of idle cards have no rate under [idle] and count as nothing", places(unpriced, 2));
            notes.push_str(&of(entry, what));
        }
    }
    if notes.is_empty() { notes } else { format!("\n{notes}") }
}

/// Rounds a decimal half-even for display.
fn places(value: Decimal, places: u32) -> String {
    let mut value = value.round_dp_with_strategy(places, RoundingStrategy::MidpointNearestEven);
    value.rescale(places);
    value.to_string()
}

fn signed(value: Decimal) -> String {
    let text = places(value, 2);
    if value.is_sign_negative() { text } else { format!("+{text}") }
}

fn usd(usd: Usd) -> String {
    places(usd.decimal(), 2)
}

fn percent(percent: Option<Percent>) -> String {
    percent.map_or("-".to_owned(), |percent| places(percent.decimal(), 2))
}

fn interval(interval: Option<Interval>, decimals: u32) -> String {
    interval.map_or("-".to_owned(), |interval| {
        format!("{} ± {}", places(interval.mean, decimals), places(interval.half(), decimals))
    })
}
