//! Rows of a record batch as orders.

use arrow_array::RecordBatch;
use pricing_core::input::InputError;
use pricing_sim::stream::Arrival;
use pricing_sim::stream::arrow::Texts;
use pricing_sim::stream::row::{Columns, Defaults};

/// Hands over the orders of each row of a batch, or why a row is none, with the row's number. Rows count from 1, as in
/// files. One row after the other is read: a batch that repeats one long text holds orders that together are far larger.
///
/// # Errors
/// When the columns are not those of orders; and what `take` says.
pub(crate) fn each(
    batch: &RecordBatch,
    denom: &str,
    mut take: impl FnMut(usize, Result<Vec<Arrival>, String>) -> Result<(), String>,
) -> Result<(), String> {
    let shown = |error: InputError| error.to_string();
    let schema = batch.schema();
    let columns = Columns::new(schema.fields().iter().map(|field| field.name().as_str())).map_err(shown)?;
    let texts = Texts::of(batch).map_err(shown)?;
    let rows = texts.rows().map_err(shown)?;
    // When an order arrives does not change its price.
    let defaults = Defaults { denom, owner: None, at: Some(0) };
    for (place, number) in (0..texts.len()).zip(1..) {
        let orders = rows.row(place).and_then(|row| {
            let cells: Vec<Option<&str>> = row.iter().map(Option::as_deref).collect();
            columns.arrivals(&cells, number, &defaults)
        });
        take(number, orders.map_err(|error| format!("row {number}: {error}")))?;
    }
    Ok(())
}
