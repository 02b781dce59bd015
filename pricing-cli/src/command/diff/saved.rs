//! Reads saved decisions: a file of `bidprice simulate --decisions`, or a bid log.

use std::collections::BTreeSet;
use std::path::Path;

use pricing_core::input::InputError;
use pricing_core::money::parse_decimal;
use pricing_core::quote::DecisionKind;
use pricing_core::text::excerpt;
use pricing_engine::comparison::{Money, Outcome};
use pricing_sim::result::OrderOutcome;
use serde::Deserialize;
use serde_json::Value;

use super::orders;
use super::skipped::Skipped;
use crate::command::simulate::bid_log;
use crate::error::CliError;
#[cfg(not(feature = "parquet"))]
use crate::left_out::PARQUET;
use crate::load::{self, Document};

/// The most bytes that such a file may have.
const MAX_BYTES: usize = 1 << 30;

/// A decision.
#[derive(Clone, Debug)]
pub(super) struct Row {
    /// The run, and the order's number in it.
    pub(super) key: (u64, u64),
    /// The order's name.
    pub(super) id: String,
    /// The decision.
    pub(super) outcome: Outcome,
    /// The cards: their kinds, joined with `+`, or `none`.
    pub(super) gpu: String,
}

/// The strategy and the run whose decisions are compared.
#[derive(Clone, Copy, Debug)]
pub(super) struct Choice<'a> {
    pub(super) strategy: Option<&'a str>,
    pub(super) strategy_option: &'static str,
    pub(super) run: Option<u64>,
}

/// The chosen decisions of a file or log, sorted by run and order.
pub(super) fn read(path: &Path, choice: Choice<'_>, skipped: &mut Skipped) -> Result<Vec<Row>, CliError> {
    if path.is_dir() || orders::is_bid_log(path) {
        return log(path, skipped);
    }
    let rows = match path.extension().and_then(|ending| ending.to_str()) {
        Some("jsonl") => lines(&Document::read(path, MAX_BYTES)?)?,
        Some("csv") => table(&Document::read(path, MAX_BYTES)?)?,
        Some("parquet") => parquet(path)?,
        _ => {
            let message =
                "a saved run is a bid log, or a `.jsonl`, `.csv` or `.parquet` file of `bidprice simulate --decisions`";
            return Err(CliError::unreadable(load::name(path), message));
        }
    };
    chosen(path, rows, choice)
}

fn log(path: &Path, skipped: &mut Skipped) -> Result<Vec<Row>, CliError> {
    let answered = bid_log::answered(path, &mut |place, problem| skipped.line(path, place, problem));
    let answered = answered.map_err(|problem| CliError::unreadable(load::name(path), problem))?;
    let row = |(number, answered): (u64, bid_log::Answered)| Row {
        key: (0, number),
        id: answered.arrival.id.to_string(),
        outcome: answered.outcome,
        gpu: answered.gpu,
    };
    Ok((0..).zip(answered).map(row).collect())
}

/// The columns that a comparison needs, in JSON lines or as a table.
#[derive(Debug, Deserialize)]
struct Decision<Amount> {
    run: u64,
    strategy: String,
    order: u64,
    id: String,
    outcome: String,
    #[serde(default)]
    price: Option<Amount>,
    #[serde(default)]
    denom: Option<String>,
    #[serde(default)]
    usd_per_month: Option<Amount>,
    #[serde(default)]
    gpu: Option<String>,
}

fn lines(document: &Document) -> Result<Vec<(String, Row)>, CliError> {
    let mut rows = Vec::new();
    for (number, line) in (1..).zip(document.text.lines()) {
        if line.trim().is_empty() {
            continue;
        }
        let wrong = |error: InputError| document.malformed(error.position(number, 1));
        let decision: Decision<Value> = serde_json::from_str(line).map_err(|error| wrong(of_json(&error)))?;
        rows.push(decision.row().map_err(wrong)?);
    }
    Ok(rows)
}

fn of_json(error: &serde_json::Error) -> InputError {
    let full = error.to_string();
    let message = full.rsplit_once(" at line ").map_or(full.as_str(), |(message, _)| message);
    InputError::new(excerpt(message)).hint("expected the rows of `bidprice simulate --decisions`")
}

/// The rows of a CSV file. A column that is there twice would leave open which of them counts.
fn table(document: &Document) -> Result<Vec<(String, Row)>, CliError> {
    let mut reader = csv::ReaderBuilder::new().from_reader(document.text.as_bytes());
    let wrong = |error: csv::Error| {
        let place = error.position().and_then(|place| usize::try_from(place.line()).ok());
        let error =
            InputError::new(excerpt(&error.to_string())).hint("expected the rows of `bidprice simulate --decisions`");
        document.malformed(match place {
            Some(line) if line > 0 => error.position(line, 1),
            _ => error,
        })
    };
    let headers = reader.headers().map_err(wrong)?.clone();
    let distinct: BTreeSet<&str> = headers.iter().collect();
    if distinct.len() < headers.len() {
        return Err(document.malformed(InputError::new("a column is there twice").position(1, 1)));
    }
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(wrong)?;
        let line = record.position().and_then(|place| usize::try_from(place.line()).ok()).unwrap_or(1);
        let decision: Decision<String> = record.deserialize(Some(&headers)).map_err(wrong)?;
        rows.push(decision.with_values().row().map_err(|error| document.malformed(error.position(line, 1)))?);
    }
    Ok(rows)
}

/// The rows of a Parquet file, read like those of a table.
#[cfg(feature = "parquet")]
fn parquet(path: &Path) -> Result<Vec<(String, Row)>, CliError> {
    use std::borrow::Cow;

    use pricing_sim::stream::parquet::each_row;

    let file = pricing_files::open(path).map_err(|error| CliError::unreadable(load::name(path), error))?;
    let wrong = |error: InputError| CliError::malformed(load::name(path), error);
    let mut rows: Vec<(String, Row)> = Vec::new();
    let mut headers: Option<csv::StringRecord> = None;
    let mut take = |names: &[String], cells: &[Option<Cow<'_, str>>]| {
        let number = rows.len().saturating_add(1);
        let headers = headers.get_or_insert_with(|| csv::StringRecord::from(names.to_vec()));
        let record: csv::StringRecord = cells.iter().map(|cell| cell.as_deref().unwrap_or_default()).collect();
        let decision = record.deserialize::<Decision<String>>(Some(&*headers)).map_err(InputError::new);
        let row = decision.and_then(|decision| decision.with_values().row());
        rows.push(row.map_err(|error| InputError::new(format_args!("row {number}: {}", error.message())))?);
        Ok(())
    };
    each_row(file, &mut take).map_err(wrong)?;
    Ok(rows)
}

#[cfg(not(feature = "parquet"))]
fn parquet(path: &Path) -> Result<Vec<(String, Row)>, CliError> {
    Err(CliError::unreadable(load::name(path), PARQUET.refusal()))
}

impl Decision<String> {
    /// The same with JSON values. Without types, the CSV reader would read an amount as a float.
    fn with_values(self) -> Decision<Value> {
        let Self { run, strategy, order, id, outcome, price, denom, usd_per_month, gpu } = self;
        let (price, usd_per_month) = (price.map(Value::String), usd_per_month.map(Value::String));
        Decision { run, strategy, order, id, outcome, price, denom, usd_per_month, gpu }
    }
}

impl Decision<Value> {
    fn row(self) -> Result<(String, Row), InputError> {
        let Self { run, strategy, order, id, outcome, price, denom, usd_per_month, gpu } = self;
        let (decision, code) = match OrderOutcome::from_name(&outcome) {
            Some(OrderOutcome::NoBid(code)) => (code.decision(), Some(outcome)),
            Some(_) => (DecisionKind::Bid, None),
            None => {
                let message = format!("`{}` is not an outcome of a decision", excerpt(&outcome));
                return Err(InputError::new(message).at("outcome"));
            }
        };
        let bid = code.is_none();
        let amount = decimal(price, "price")?;
        let price = match (amount, denom.filter(|denom| !denom.is_empty())) {
            (Some(amount), Some(denom)) => Some(Money { denom: denom.into(), amount }),
            (None, _) if !bid => None,
            _ => return Err(InputError::new("a bid needs a `price` and its `denom`").at("price")),
        };
        let usd_per_month = decimal(usd_per_month, "usd_per_month")?;
        let gpu = gpu.filter(|gpu| !gpu.is_empty()).unwrap_or_else(|| if bid { "none" } else { "unknown" }.to_owned());
        let outcome = Outcome { decision, code, price: price.filter(|_| bid), usd_per_month };
        Ok((strategy, Row { key: (run, order), id, outcome, gpu }))
    }
}

/// An exact decimal, or `None` for an empty cell.
fn decimal(value: Option<Value>, column: &str) -> Result<Option<String>, InputError> {
    let text = match value {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) => text,
        // Only integers: a float may have lost digits of the amount that was written.
        Some(Value::Number(number)) if number.is_u64() => number.to_string(),
        Some(other) => {
            let message = format!("`{}` is not a decimal in quotes", excerpt(&other.to_string()));
            return Err(InputError::new(message).at(column));
        }
    };
    if text.is_empty() {
        return Ok(None);
    }
    let value = parse_decimal(&text).map_err(|error| InputError::new(error).at(column))?;
    Ok(Some(value.normalize().to_string()))
}

/// The rows of one strategy and, with `--run`, of one run.
///
/// An order that is there twice would count twice, so it is an error. So is a strategy that is not named where there
/// are several.
fn chosen(path: &Path, rows: Vec<(String, Row)>, choice: Choice<'_>) -> Result<Vec<Row>, CliError> {
    let strategies: BTreeSet<String> = rows.iter().map(|(strategy, _)| strategy.clone()).collect();
    let names = || strategies.iter().map(|name| excerpt(name)).collect::<Vec<_>>().join("`, `");
    let wrong = |message: String| CliError::unreadable(load::name(path), message);
    let wanted = match (choice.strategy, strategies.first()) {
        (_, None) => return Err(wrong("there are no decisions".to_owned())),
        (Some(name), _) if strategies.contains(name) => name.to_owned(),
        (Some(name), _) => {
            return Err(wrong(format!("there is no strategy `{}`; there are `{}`", excerpt(name), names())));
        }
        (None, Some(only)) if strategies.len() == 1 => only.clone(),
        (None, _) => {
            let option = choice.strategy_option;
            return Err(wrong(format!("there are several strategies; name one with {option}: `{}`", names())));
        }
    };
    let of_run = |row: &Row| choice.run.is_none_or(|run| row.key.0 == run);
    let mut rows: Vec<Row> =
        rows.into_iter().filter(|(strategy, row)| *strategy == wanted && of_run(row)).map(|(_, row)| row).collect();
    rows.sort_by_key(|row| row.key);
    if let Some((run, order)) = rows.windows(2).find_map(|pair| match pair {
        [one, other] if one.key == other.key => Some(one.key),
        _ => None,
    }) {
        return Err(wrong(format!("order {order} of run {run} is there twice")));
    }
    match (rows.is_empty(), choice.run) {
        (true, Some(run)) => Err(wrong(format!("there is no run {run}"))),
        (false, Some(_)) => {
            // One run is compared with orders, or with one run of another file, which may have another number.
            rows.iter_mut().for_each(|row| row.key.0 = 0);
            Ok(rows)
        }
        _ => Ok(rows),
    }
}
