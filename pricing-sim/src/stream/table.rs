//! Orders as CSV: a header with the columns of [`super::row`], and one order per row.

use pricing_core::input::InputError;
use pricing_core::text::counted;

use super::row::{Columns, Defaults};
use super::{Arrival, Collected, OnBadRow};

/// The orders of a text.
///
/// # Errors
/// When the header does not name columns of orders, or a row is not an order. The error names the line.
pub fn read(text: &str, defaults: &Defaults<'_>) -> Result<Vec<Arrival>, InputError> {
    read_with(text, defaults, &mut Err)
}

/// Like [`read`], but asks what to do about a row that is not an order.
///
/// # Errors
/// When the header does not name columns of orders, `on_bad_row` returns an error, or there are too many orders.
pub fn read_with(
    text: &str,
    defaults: &Defaults<'_>,
    on_bad_row: &mut OnBadRow<'_>,
) -> Result<Vec<Arrival>, InputError> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header = reader.headers().map_err(|error| problem(&error, text))?.clone();
    if header.is_empty() {
        return Err(InputError::new("the file is empty").hint("its first line names the columns"));
    }
    let columns = Columns::new(&header).map_err(|error| error.position(1, 1))?;
    let mut orders = Collected::default();
    for record in reader.records() {
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                orders.bad_row(problem(&error, text), on_bad_row)?;
                continue;
            }
        };
        let line = record.position().map_or(0, |at| line(at, text));
        let row: Vec<Option<&str>> = record.iter().map(Some).collect();
        orders.row(&columns, &row, defaults, |error| error.position(line, 1), on_bad_row)?;
    }
    Ok(orders.arrivals)
}

/// What is wrong with a CSV file, and in which line.
pub(super) fn problem(error: &csv::Error, text: &str) -> InputError {
    let message = match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            let (cells, columns) = (counted(*len, "cell"), counted(*expected_len, "column"));
            format!("the row has {cells} where the header names {columns}")
        }
        csv::ErrorKind::Deserialize { err, .. } => match err.field() {
            Some(field) => format!("cell {}: {}", field.saturating_add(1), err.kind()),
            None => err.kind().to_string(),
        },
        _ => error.to_string(),
    };
    let wrong = InputError::new(message);
    match error.position() {
        Some(at) => wrong.position(line(at, text), 1),
        None => wrong,
    }
}

/// The line in which a row starts. The position of a record is before the empty lines that are skipped.
pub(super) fn line(at: &csv::Position, text: &str) -> usize {
    let rest = usize::try_from(at.byte()).ok().and_then(|byte| text.as_bytes().get(byte..)).unwrap_or_default();
    let empty = rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).filter(|byte| **byte == b'\n').count();
    usize::try_from(at.line()).unwrap_or(usize::MAX).saturating_add(empty)
}

#[cfg(test)]
mod tests;
