//! Rows of a record batch as orders.

use arrow_array::RecordBatch;
use pricing_core::input::InputError;
use pricing_sim::stream::Arrival;
use pricing_sim::stream::arrow::Texts;
use pricing_sim::stream::row::{Columns, Defaults};

/// The orders of each row of a batch, or why a row is none. Rows count from 1, as in files.
///
/// # Errors
/// When the columns are not those of orders.
pub(crate) fn orders(batch: &RecordBatch, denom: &str) -> Result<Vec<Result<Vec<Arrival>, String>>, String> {
    let shown = |error: InputError| error.to_string();
    let schema = batch.schema();
    let columns = Columns::new(schema.fields().iter().map(|field| field.name().as_str())).map_err(shown)?;
    let texts = Texts::of(batch).map_err(shown)?;
    let rows = texts.rows().map_err(shown)?;
    // When an order arrives does not change its price.
    let defaults = Defaults { denom, owner: None, at: Some(0) };
    let read = |place: usize| {
        let number = place.saturating_add(1);
        let order = rows.row(place).and_then(|row| {
            let cells: Vec<Option<&str>> = row.iter().map(Option::as_deref).collect();
            columns.arrivals(&cells, number, &defaults)
        });
        order.map_err(|error| format!("row {number}: {error}"))
    };
    Ok((0..texts.len()).map(read).collect())
}
