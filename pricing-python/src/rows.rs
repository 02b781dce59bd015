//! Reads the rows of a record batch as orders.

use arrow_array::RecordBatch;
use pricing_core::input::InputError;
use pricing_sim::stream::Arrival;
use pricing_sim::stream::arrow::Texts;
use pricing_sim::stream::row::{Columns, Defaults};

/// Calls `take` with the number of each row and its orders, or the error in it. Rows count from 1, as in files. Rows
/// are read one at a time: a batch can refer to one long text many times, so its orders together can be far larger than
/// the batch.
///
/// # Errors
/// When the columns are not those of orders, or `take` returns an error.
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
    // The price of an order does not depend on its arrival time.
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
