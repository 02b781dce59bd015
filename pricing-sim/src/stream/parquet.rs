//! Orders as Parquet: [`super::row`]'s columns, and an order a row.
//!
//! Columns are of any type that can be read as text: texts (also dictionaries of them, and bytes that are UTF-8), whole
//! numbers, floats, decimals. `at` and `until` may be timestamps and dates, `lifetime` a duration; timestamps count in
//! UTC, whatever time zone they are shown in.
//!
//! A file may be damaged, or made to do harm. What it says of itself is bounded before it is believed, texts are kept
//! once however often they are repeated, and a decoder that gives up is an error like any other.

use std::borrow::Cow;
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_cast::{CastOptions, cast_with_options};
use arrow_schema::{ArrowError, DataType, Field, Schema, TimeUnit};
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::errors::ParquetError;
use pricing_core::input::InputError;
use pricing_core::text::excerpt;
use rust_decimal::Decimal;

use super::row::{Columns, Defaults};
use super::{Arrival, Collected, MAX_ORDERS};

/// Rows that are unpacked at a time.
const BATCH: usize = 1024;
/// The most bytes of all texts together, and of a column's unpacked pages.
const MAX_TEXT: u64 = crate::files::MAX_BYTES;

/// The orders of a file.
///
/// # Errors
/// When the file is no Parquet, its columns are not those of orders, or a row is no order; the error names the row.
pub fn read(file: File, defaults: &Defaults<'_>) -> Result<Vec<Arrival>, InputError> {
    let read = AssertUnwindSafe(|| orders(file, defaults));
    // The decoder is not ours: what it cannot stand must not end a program that has more to do.
    catch_unwind(read).unwrap_or_else(|_| Err(InputError::new("the file is damaged: it could not be unpacked")))
}

fn orders(file: File, defaults: &Defaults<'_>) -> Result<Vec<Arrival>, InputError> {
    let found = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new()).map_err(damaged)?;
    bounded(&found)?;
    let schema = found.schema();
    let columns = Columns::new(schema.fields().iter().map(|field| field.name().as_str()))?;
    let fields = schema.fields().iter().map(|field| readable(field)).collect::<Result<Vec<_>, _>>()?;
    let options = ArrowReaderOptions::new().with_schema(Arc::new(Schema::new(fields)));
    let metadata = ArrowReaderMetadata::try_new(Arc::clone(found.metadata()), options).map_err(damaged)?;
    let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata).with_batch_size(BATCH);
    let mut orders = Collected::default();
    let mut text: u64 = 0;
    for batch in reader.build().map_err(damaged)? {
        let batch = batch.map_err(unreadable)?;
        rows(&batch, &mut text, &columns, &mut orders, defaults)?;
    }
    Ok(orders.arrivals)
}

/// Refuses a file that says itself that it is too large.
fn bounded(found: &ArrowReaderMetadata) -> Result<(), InputError> {
    let metadata = found.metadata();
    let rows = u64::try_from(metadata.file_metadata().num_rows()).unwrap_or(u64::MAX);
    if usize::try_from(rows).map_or(true, |rows| rows > MAX_ORDERS) {
        let message = format!("the file has {rows} rows; there may be {MAX_ORDERS} orders");
        return Err(InputError::new(message).hint("split the file, and simulate its parts"));
    }
    let chunks = metadata.row_groups().iter().flat_map(|group| group.columns());
    let sizes = chunks.map(|chunk| u64::try_from(chunk.uncompressed_size()).unwrap_or(u64::MAX));
    if sizes.fold(0_u64, u64::saturating_add) > MAX_TEXT {
        return Err(InputError::new(format_args!("the file unpacks to more than {MAX_TEXT} bytes")));
    }
    Ok(())
}

/// A column as it is unpacked: texts as views, which share what is repeated.
fn readable(field: &Field) -> Result<Field, InputError> {
    let name = field.name().trim();
    let (is_time, is_length) = (matches!(name, "at" | "until"), name == "lifetime");
    let data_type = match plain(field.data_type()) {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => DataType::Utf8View,
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => DataType::Utf8View,
        number if number.is_numeric() => number.clone(),
        DataType::Null => DataType::Null,
        time @ (DataType::Timestamp(..) | DataType::Date32 | DataType::Date64) if is_time => time.clone(),
        length @ DataType::Duration(_) if is_length => length.clone(),
        other => {
            let message = format!("the column has the type {}", excerpt(&other.to_string()));
            let hint = "write texts, numbers, timestamps for times and durations for lengths of time";
            return Err(InputError::new(message).at(name).hint(hint));
        }
    };
    Ok(field.clone().with_data_type(data_type))
}

/// What a dictionary is of; any other type is itself.
fn plain(data_type: &DataType) -> &DataType {
    match data_type {
        DataType::Dictionary(_, values) => values,
        other => other,
    }
}

fn rows(
    batch: &RecordBatch,
    text: &mut u64,
    columns: &Columns,
    orders: &mut Collected,
    defaults: &Defaults<'_>,
) -> Result<(), InputError> {
    let arrays = batch.columns().iter().map(timeless).collect::<Result<Vec<_>, _>>()?;
    let options = FormatOptions::new().with_display_error(false);
    let cells = arrays.iter().map(|array| Cells::of(array, &options)).collect::<Result<Vec<_>, _>>()?;
    for row in 0..batch.num_rows() {
        let number = orders.rows.saturating_add(1);
        let numbered = |error: InputError| {
            let message = format!("row {number}: {}", error.message());
            let mut told = InputError::new(message);
            if let Some(path) = error.path() {
                told = told.at(path);
            }
            match error.hint_text() {
                Some(hint) => told.hint(hint),
                None => told,
            }
        };
        let owned = cells.iter().map(|cells| cells.get(row)).collect::<Result<Vec<_>, _>>().map_err(numbered)?;
        let row: Vec<Option<&str>> = owned.iter().map(Option::as_deref).collect();
        let bytes: usize = row.iter().flatten().map(|cell| cell.len()).fold(0, usize::saturating_add);
        *text = text.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
        if *text > MAX_TEXT {
            return Err(InputError::new(format_args!("the orders have more than {MAX_TEXT} bytes")));
        }
        orders.row(columns, &row, defaults).map_err(numbered)?;
    }
    Ok(())
}

/// Times as seconds: exact, and in UTC whatever zone they are shown in. Everything else stays.
fn timeless(array: &ArrayRef) -> Result<ArrayRef, InputError> {
    let (unit, array) = match array.data_type() {
        DataType::Timestamp(unit, _) | DataType::Duration(unit) => (*unit, Arc::clone(array)),
        DataType::Date32 | DataType::Date64 => {
            let millis = DataType::Timestamp(TimeUnit::Millisecond, None);
            (TimeUnit::Millisecond, cast(array, &millis)?)
        }
        _ => return Ok(Arc::clone(array)),
    };
    let scale = match unit {
        TimeUnit::Second => 0,
        TimeUnit::Millisecond => 3,
        TimeUnit::Microsecond => 6,
        TimeUnit::Nanosecond => 9,
    };
    let whole = cast(&array, &DataType::Int64)?;
    let whole = whole.as_primitive::<arrow_array::types::Int64Type>();
    let seconds = whole.iter().map(|value| Some(Decimal::new(value?, scale).normalize().to_string()));
    Ok(Arc::new(seconds.collect::<arrow_array::StringViewArray>()))
}

fn cast(array: &ArrayRef, to: &DataType) -> Result<ArrayRef, InputError> {
    // Otherwise what cannot be had would become null, and so not be there.
    let options = CastOptions { safe: false, ..CastOptions::default() };
    cast_with_options(array, to, &options).map_err(unreadable)
}

/// The cells of a column.
enum Cells<'a> {
    Texts(&'a arrow_array::StringViewArray),
    Others(&'a ArrayRef, ArrayFormatter<'a>),
}

impl<'a> Cells<'a> {
    fn of(array: &'a ArrayRef, options: &FormatOptions<'a>) -> Result<Self, InputError> {
        Ok(match array.as_string_view_opt() {
            Some(texts) => Self::Texts(texts),
            None => Self::Others(array, ArrayFormatter::try_new(array, options).map_err(unreadable)?),
        })
    }

    fn get(&self, row: usize) -> Result<Option<Cow<'a, str>>, InputError> {
        match self {
            Self::Texts(texts) => Ok(texts.is_valid(row).then(|| Cow::Borrowed(texts.value(row)))),
            Self::Others(array, _) if array.is_null(row) => Ok(None),
            Self::Others(_, formatter) => {
                formatter.value(row).try_to_string().map(|text| Some(Cow::Owned(text))).map_err(unreadable)
            }
        }
    }
}

fn damaged(error: ParquetError) -> InputError {
    InputError::new(format_args!("the file cannot be read as Parquet: {}", excerpt_long(&error.to_string())))
}

fn unreadable(error: ArrowError) -> InputError {
    InputError::new(format_args!("the file cannot be unpacked: {}", excerpt_long(&error.to_string())))
}

/// A library's message, bounded and printable.
fn excerpt_long(message: &str) -> String {
    message.chars().take(300).map(|c| if pricing_core::text::drives_terminal(c) { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests;
