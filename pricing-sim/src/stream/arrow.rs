//! Converts the rows of an Arrow record batch to the texts that [`super::row`] reads, for columns of any type.

use std::borrow::Cow;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_cast::{CastOptions, cast_with_options};
use arrow_schema::{ArrowError, DataType, TimeUnit};
use pricing_core::input::InputError;
use pricing_core::text::Untrusted;
use rust_decimal::Decimal;

/// A record batch whose times have been converted to texts.
#[derive(Debug)]
pub struct Texts {
    arrays: Vec<ArrayRef>,
    rows: usize,
}

impl Texts {
    /// Converts a record batch.
    ///
    /// # Errors
    /// When a time cannot be expressed in seconds.
    pub fn of(batch: &RecordBatch) -> Result<Self, InputError> {
        let arrays = batch.columns().iter().map(timeless).collect::<Result<_, _>>()?;
        Ok(Self { arrays, rows: batch.num_rows() })
    }

    /// The number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// The rows.
    ///
    /// # Errors
    /// When a column is neither text nor a number.
    pub fn rows(&self) -> Result<TextRows<'_>, InputError> {
        let options = FormatOptions::new().with_display_error(false);
        let cells = self.arrays.iter().map(|array| Cells::of(array, &options)).collect::<Result<_, _>>()?;
        Ok(TextRows { cells })
    }
}

/// The rows of a record batch.
pub struct TextRows<'a> {
    cells: Vec<Cells<'a>>,
}

impl std::fmt::Debug for TextRows<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TextRows").field("columns", &self.cells.len()).finish()
    }
}

impl<'a> TextRows<'a> {
    /// The cells of a row, in the order of the columns.
    ///
    /// # Errors
    /// When a text is not UTF-8.
    pub fn row(&self, row: usize) -> Result<Vec<Option<Cow<'a, str>>>, InputError> {
        self.cells.iter().map(|cells| cells.get(row)).collect()
    }
}

/// Converts times to exact seconds, in UTC regardless of their display zone. Other columns stay as they are.
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
    // By default, a value that cannot be converted would become null, and be taken for missing.
    let options = CastOptions { safe: false, ..CastOptions::default() };
    cast_with_options(array, to, &options).map_err(unreadable)
}

/// The cells of a column.
enum Cells<'a> {
    Texts(&'a arrow_array::StringViewArray),
    Bytes(&'a arrow_array::BinaryViewArray),
    Others(&'a ArrayRef, ArrayFormatter<'a>),
}

impl<'a> Cells<'a> {
    fn of(array: &'a ArrayRef, options: &FormatOptions<'a>) -> Result<Self, InputError> {
        if let Some(texts) = array.as_string_view_opt() {
            return Ok(Self::Texts(texts));
        }
        if let Some(bytes) = array.as_binary_view_opt() {
            return Ok(Self::Bytes(bytes));
        }
        ArrayFormatter::try_new(array, options).map(|formatter| Self::Others(array, formatter)).map_err(unreadable)
    }

    fn get(&self, row: usize) -> Result<Option<Cow<'a, str>>, InputError> {
        match self {
            Self::Texts(texts) => Ok(texts.is_valid(row).then(|| Cow::Borrowed(texts.value(row)))),
            Self::Bytes(bytes) if bytes.is_null(row) => Ok(None),
            Self::Bytes(bytes) => {
                let text = std::str::from_utf8(bytes.value(row)).map_err(|_| InputError::new("a text is not UTF-8"))?;
                Ok(Some(Cow::Borrowed(text)))
            }
            Self::Others(array, _) if array.is_null(row) => Ok(None),
            Self::Others(_, formatter) => {
                formatter.value(row).try_to_string().map(|text| Some(Cow::Owned(text))).map_err(unreadable)
            }
        }
    }
}

pub(super) fn unreadable(error: ArrowError) -> InputError {
    InputError::new(format_args!("the file cannot be unpacked: {}", bounded_message(&error.to_string())))
}

/// A library's message, bounded in length and safe to print.
pub(super) fn bounded_message(message: &str) -> String {
    format!("{:.300}", Untrusted::new(message))
}
