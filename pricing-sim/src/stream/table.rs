//! Orders as CSV: a header of [`super::row`]'s columns, and an order a row.

use pricing_core::input::InputError;

use super::row::{Columns, Defaults};
use super::{Arrival, Collected};

/// The orders of a text.
///
/// # Errors
/// When the header names no columns of orders, or a row is no order; the error names the line.
pub fn read(text: &str, defaults: &Defaults<'_>) -> Result<Vec<Arrival>, InputError> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header = reader.headers().map_err(|error| problem(&error))?.clone();
    if header.is_empty() {
        return Err(InputError::new("the file is empty").hint("its first line names the columns"));
    }
    let columns = Columns::new(&header).map_err(|error| error.position(1, 1))?;
    let mut orders = Collected::default();
    for record in reader.records() {
        let record = record.map_err(|error| problem(&error))?;
        let line = record.position().map_or(0, line);
        let row: Vec<Option<&str>> = record.iter().map(Some).collect();
        orders.row(&columns, &row, defaults).map_err(|error| error.position(line, 1))?;
    }
    Ok(orders.arrivals)
}

/// What is wrong with a CSV file, and in which line.
pub(super) fn problem(error: &csv::Error) -> InputError {
    let message = match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("the row has {len} cells where the header names {expected_len} columns")
        }
        csv::ErrorKind::Utf8 { err, .. } => format!("the row is not UTF-8 text: {err}"),
        csv::ErrorKind::Deserialize { err, .. } => match err.field() {
            Some(field) => format!("cell {}: {}", field.saturating_add(1), err.kind()),
            None => err.kind().to_string(),
        },
        _ => error.to_string(),
    };
    let wrong = InputError::new(message);
    match error.position() {
        Some(at) => wrong.position(line(at), 1),
        None => wrong,
    }
}

fn line(at: &csv::Position) -> usize {
    usize::try_from(at.line()).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests;
