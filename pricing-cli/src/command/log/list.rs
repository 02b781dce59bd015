//! `bidprice log list`: one line a decision.

use std::collections::VecDeque;

use pricing_core::quote::DecisionKind;
use pricing_core::quote::wire::SCHEMA;
use pricing_core::text::{Untrusted, excerpt};
use pricing_engine::comparison::{Money, Outcome};
use pricing_engine::order_name::OrderName;
use serde::Serialize;

use super::Selection;
use super::decisions::{Found, Health};
use super::filter;
use crate::args::{Output, OutputArgs};
use crate::colours::paint;
use crate::error::{CliError, Exit};
use crate::outcome_words::{self, short_name};
use crate::{output, table};

/// How many rows are aligned with each other and printed at once.
const BATCH: usize = 500;

const EXAMPLE: &str = "Example, the last 20 faults of two hours:
  bidprice log list LOG --decision fault --since 2h --limit 20";

/// Arguments of `bidprice log list`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub(super) struct Args {
    #[command(flatten)]
    selection: Selection,
    /// Only the newest N of them [default: all]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    limit: Option<u32>,
    #[command(flatten)]
    output: OutputArgs,
}

/// A decision in short.
#[derive(Debug, Serialize)]
struct Row {
    sequence: u64,
    time: String,
    call: String,
    order_id: Option<String>,
    owner: Option<String>,
    group: Untrusted,
    decision: DecisionKind,
    reason: Option<String>,
    price: Option<Money>,
    usd_per_month: Option<String>,
    gpu: String,
    took_us: u64,
}

pub(super) fn run(args: &Args) -> Result<Exit, CliError> {
    let mut decisions = args.selection.decisions()?;
    let mut printer = Printer::new(args.output.output);
    let printed = match args.limit {
        None => printer.rows(decisions.by_ref().map(Row::of))?,
        Some(limit) => {
            let newest = newest(decisions.by_ref().map(Row::of), usize::try_from(limit).unwrap_or(usize::MAX));
            printer.rows(newest.into_iter())?
        }
    };
    if !printed {
        // The reader has closed the pipe. The rest of the log need not be read.
        return Ok(Exit::Success);
    }
    printer.end(&decisions.health)?;
    Ok(decisions.health.exit())
}

/// The last so many.
fn newest(rows: impl Iterator<Item = Row>, number: usize) -> VecDeque<Row> {
    let mut newest = VecDeque::new();
    for row in rows {
        if newest.len() >= number {
            newest.pop_front();
        }
        newest.push_back(row);
    }
    newest
}

impl Row {
    fn of(found: Found) -> Self {
        let (decision, outcome) = (*found.decision, found.outcome);
        let owner = filter::owner(&decision).map(str::to_owned);
        let Outcome { decision: decided, code, price, usd_per_month } = outcome;
        Self {
            sequence: decision.sequence,
            order_id: decision.order_id.as_ref().map(OrderName::exact),
            owner,
            decision: decided,
            reason: code,
            price,
            usd_per_month,
            time: decision.time,
            call: decision.call,
            group: decision.group.name,
            gpu: decision.gpu,
            took_us: decision.took_us,
        }
    }

    fn outcome(&self) -> Outcome {
        let (decision, code) = (self.decision, self.reason.clone());
        Outcome { decision, code, price: self.price.clone(), usd_per_month: None }
    }

    /// A line of the table. An order without a name has that of its group.
    fn cells(&self) -> [String; 5] {
        [
            self.sequence.to_string(),
            to_the_second(&self.time),
            self.order_id.as_deref().map_or_else(|| self.group.to_string(), short_name),
            outcome_words::outcome(&self.outcome()),
            self.gpu.clone(),
        ]
    }

    /// A line of the table in the colour of its decision.
    fn painted(&self, line: &str) -> String {
        let outcome = self.outcome();
        let words = outcome_words::outcome(&outcome);
        // Only the cards follow the decision, and an order's name could read like one.
        match (outcome_words::decided(&outcome), line.rsplit_once(&words)) {
            (Some(decided), Some((before, after))) => format!("{before}{}{after}", paint(decided, &words)),
            _ => line.to_owned(),
        }
    }
}

/// Prints rows while they are found.
struct Printer {
    output: Output,
    printed: u64,
}

impl Printer {
    fn new(output: Output) -> Self {
        Self { output, printed: 0 }
    }

    /// Prints rows. Returns whether there is still a reader.
    fn rows(&mut self, mut rows: impl Iterator<Item = Row>) -> Result<bool, CliError> {
        loop {
            let batch: Vec<Row> = rows.by_ref().take(BATCH).collect();
            if batch.is_empty() {
                return Ok(true);
            }
            let text = match self.output {
                Output::Table => self.table(&batch),
                Output::Json => self.json(&batch)?,
            };
            self.printed = self.printed.saturating_add(u64::try_from(batch.len()).unwrap_or(u64::MAX));
            if !output::print_part(&text)? {
                return Ok(false);
            }
        }
    }

    fn table(&self, batch: &[Row]) -> String {
        let header = ["number", "time", "order or group", "decision", "cards"];
        let mut rows = table::table(if self.printed == 0 { &header } else { &[] }, &[]);
        rows.add_rows(batch.iter().map(Row::cells));
        if let Some(numbers) = rows.column_mut(0) {
            numbers.set_cell_alignment(comfy_table::CellAlignment::Right);
        }
        painted(&table::text(&rows), batch)
    }

    /// The rows of the array that `end` closes, each on a line of its own.
    fn json(&self, batch: &[Row]) -> Result<String, CliError> {
        let mut text = String::new();
        for (place, row) in batch.iter().enumerate() {
            text.push_str(&if place == 0 && self.printed == 0 { head() } else { ",".to_owned() });
            text.push_str("\n    ");
            text.push_str(&compact(row)?);
        }
        Ok(text)
    }

    fn end(&self, health: &Health) -> Result<(), CliError> {
        match self.output {
            Output::Table => {
                if self.printed == 0 {
                    output::print(&health.none_matches())?;
                }
                health.tell();
                Ok(())
            }
            Output::Json => {
                let mut text = if self.printed == 0 { head() } else { "\n  ".to_owned() };
                text.push(']');
                for (name, value) in health.json().as_object().into_iter().flatten() {
                    text.push_str(&format!(",\n  \"{name}\": {}", compact(value)?));
                }
                text.push_str("\n}\n");
                output::print(&text)
            }
        }
    }
}

/// The text of a table with the decisions in their colours. Rows and lines belong together from the last one on, since
/// only the first rows have a header.
fn painted(text: &str, batch: &[Row]) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let head = lines.len().saturating_sub(batch.len());
    let (header, rows) = lines.split_at_checked(head).unwrap_or_default();
    let mut shown: Vec<String> = header.iter().map(|line| (*line).to_owned()).collect();
    shown.extend(rows.iter().zip(batch).map(|(line, row)| row.painted(line)));
    shown.join("\n") + "\n"
}

/// A time without the fractions of its second, such as `2026-11-30 03:00:00`.
fn to_the_second(time: &str) -> String {
    let whole = time.split_once('.').map_or(time, |(whole, _)| whole);
    excerpt(&whole.trim_end_matches('Z').replacen('T', " ", 1))
}

/// How the answer for scripts begins.
fn head() -> String {
    format!("{{\n  \"schema\": {SCHEMA},\n  \"decisions\": [")
}

fn compact(value: &impl Serialize) -> Result<String, CliError> {
    serde_json::to_string(value)
        .map_err(|error| CliError::internal(format!("the answer could not be written as JSON: {error}")))
}
