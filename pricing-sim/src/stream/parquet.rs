//! Orders as Parquet: the columns of [`super::row`], with one order per row.
//!
//! Columns can have any type that can be converted to text: strings (also dictionaries of them, and bytes in UTF-8),
//! integers, floats, decimals. `at` and `until` can be timestamps and dates, and `lifetime` a duration; timestamps are
//! taken in UTC, regardless of their display zone.
//!
//! A file may be damaged or malicious. So the sizes that it declares are checked before they are used, repeated texts
//! are stored once, and a panic of the decoder becomes an error.

use std::borrow::Cow;
use std::fs::File;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{DataType, Field, Schema};
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::basic::ConvertedType;
use parquet::errors::ParquetError;
use parquet::schema::types::ColumnDescriptor;
use pricing_core::input::InputError;
use pricing_core::text::excerpt;
use pricing_panics::catch;

use super::arrow::{Texts, bounded_message, unreadable};
use super::row::{Columns, Defaults};
use super::{Arrival, Collected, MAX_ORDERS, OnBadRow};

/// The number of rows that are decoded at a time.
const BATCH: usize = 1024;
/// The maximum size of all texts together, and of a column's decoded pages, in bytes.
const MAX_TEXT: u64 = crate::files::MAX_BYTES;

/// The orders of a file.
///
/// # Errors
/// When the file is not Parquet, its columns are not those of orders, or a row is not an order. The error names the
/// row.
pub fn read(file: File, defaults: &Defaults<'_>) -> Result<Vec<Arrival>, InputError> {
    read_with(file, defaults, &mut Err)
}

/// Like [`read`], but asks what to do about a row that is not an order.
///
/// # Errors
/// When the file is not Parquet, its columns are not those of orders, `on_bad_row` returns an error, or there are too
/// many orders.
pub fn read_with(
    file: File,
    defaults: &Defaults<'_>,
    on_bad_row: &mut OnBadRow<'_>,
) -> Result<Vec<Arrival>, InputError> {
    unpacked(|| orders(file, defaults, Collected::default(), on_bad_row))
}

/// Runs the decoder, which is not our code, and turns a panic into an error: a bad file must not end a program that has
/// more to do.
fn unpacked<T>(read: impl FnOnce() -> Result<T, InputError>) -> Result<T, InputError> {
    catch(read).unwrap_or_else(|panic| {
        Err(InputError::new(format_args!("the file is damaged: it could not be unpacked ({panic})")))
    })
}

fn orders(
    file: File,
    defaults: &Defaults<'_>,
    mut orders: Collected,
    on_bad_row: &mut OnBadRow<'_>,
) -> Result<Vec<Arrival>, InputError> {
    let found = metadata(&file)?;
    let columns = Columns::new(found.schema().fields().iter().map(|field| field.name().as_str()))?;
    let mut text = Text::default();
    for batch in reader(file, &found)? {
        let batch = batch.map_err(unreadable)?;
        rows(&batch, &mut text, &columns, &mut orders, defaults, on_bad_row)?;
    }
    Ok(orders.arrivals)
}

/// The metadata of a file, after checking it.
fn metadata(file: &File) -> Result<ArrowReaderMetadata, InputError> {
    let found = ArrowReaderMetadata::load(file, ArrowReaderOptions::new()).map_err(damaged)?;
    bounded(&found)?;
    Ok(found)
}

/// The rows of a file, with its columns as [`readable`] has them.
fn reader(file: File, found: &ArrowReaderMetadata) -> Result<ParquetRecordBatchReader, InputError> {
    let schema = found.schema();
    let leaves = found.parquet_schema().columns();
    if let Some(nested) = schema.fields().iter().find(|field| field.data_type().is_nested()) {
        let error = InputError::new("the column has columns or lists within it").at(nested.name());
        return Err(error.hint("write `order` as JSON text"));
    }
    if leaves.len() != schema.fields().len() {
        return Err(InputError::new("the file is damaged: two columns have the same name"));
    }
    let fields = schema.fields().iter().zip(leaves).map(|(field, leaf)| readable(field, leaf));
    let fields = fields.collect::<Result<Vec<_>, _>>()?;
    let options = ArrowReaderOptions::new().with_schema(Arc::new(Schema::new(fields)));
    let metadata = ArrowReaderMetadata::try_new(Arc::clone(found.metadata()), options).map_err(damaged)?;
    let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata).with_batch_size(BATCH);
    reader.build().map_err(damaged)
}

/// Called with the names of the columns and the cells of a row.
type TakeRow<'a> = dyn FnMut(&[String], &[Option<Cow<'_, str>>]) -> Result<(), InputError> + 'a;

/// Calls `take` for each row of any Parquet file, with the cells as text and the names of the columns. For tables that
/// this program wrote itself. An empty cell is None.
///
/// # Errors
/// When the file is not Parquet, is too large, or has columns that are neither text nor numbers; and the errors of
/// `take`.
pub fn each_row(file: File, take: &mut TakeRow<'_>) -> Result<(), InputError> {
    unpacked(|| hand_over(file, take))
}

fn hand_over(file: File, take: &mut TakeRow<'_>) -> Result<(), InputError> {
    let found = metadata(&file)?;
    let names: Vec<String> = found.schema().fields().iter().map(|field| field.name().clone()).collect();
    let mut text = Text::default();
    for batch in reader(file, &found)? {
        let texts = Texts::of(&batch.map_err(unreadable)?)?;
        let rows = texts.rows()?;
        for row in 0..texts.len() {
            let cells = rows.row(row)?;
            text.add(cells.iter().flatten().map(|cell| cell.len()))?;
            take(&names, &cells)?;
        }
    }
    Ok(())
}

/// Counts the text of the rows so far. A repeated text is decoded once, but counts each time, because the caller stores
/// every row.
#[derive(Debug, Default)]
struct Text(u64);

impl Text {
    fn add(&mut self, cells: impl Iterator<Item = usize>) -> Result<(), InputError> {
        let bytes = cells.fold(0, usize::saturating_add);
        self.0 = self.0.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
        if self.0 > MAX_TEXT {
            return Err(InputError::new(format_args!("the rows have more than {MAX_TEXT} bytes of text")));
        }
        Ok(())
    }
}

/// Rejects a file whose metadata declares it too large.
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

/// The type that a column is decoded to: texts as views, which share repeated ones.
///
/// The decoder only validates UTF-8 if Parquet's own type says that a column is text. All other columns are taken as
/// bytes, whatever Arrow schema the file declares, and validated here.
fn readable(field: &Field, leaf: &ColumnDescriptor) -> Result<Field, InputError> {
    let name = field.name().trim();
    let (is_time, is_length) = (matches!(name, "at" | "until"), name == "lifetime");
    let data_type = match plain(field.data_type()) {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View if leaf.converted_type() == ConvertedType::UTF8 => {
            DataType::Utf8View
        }
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View if leaf.converted_type() == ConvertedType::JSON => {
            let error = InputError::new("the column has Parquet's type JSON").at(name);
            return Err(error.hint("write it as text"));
        }
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => DataType::BinaryView,
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => DataType::BinaryView,
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

/// The value type of a dictionary; any other type itself.
fn plain(data_type: &DataType) -> &DataType {
    match data_type {
        DataType::Dictionary(_, values) => values,
        other => other,
    }
}

/// Converts the rows of a batch to orders. Errors get the number of the row.
fn rows(
    batch: &RecordBatch,
    text: &mut Text,
    columns: &Columns,
    orders: &mut Collected,
    defaults: &Defaults<'_>,
    on_bad_row: &mut OnBadRow<'_>,
) -> Result<(), InputError> {
    let texts = Texts::of(batch)?;
    let cells = texts.rows()?;
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
        let owned = cells.row(row).map_err(numbered)?;
        let row: Vec<Option<&str>> = owned.iter().map(Option::as_deref).collect();
        text.add(row.iter().flatten().map(|cell| cell.len()))?;
        orders.row(columns, &row, defaults, numbered, on_bad_row)?;
    }
    Ok(())
}

fn damaged(error: ParquetError) -> InputError {
    InputError::new(format_args!("the file cannot be read as Parquet: {}", bounded_message(&error.to_string())))
}

#[cfg(test)]
mod tests;
