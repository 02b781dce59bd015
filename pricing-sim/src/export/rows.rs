//! Writes rows in the format of a file's extension.

use std::io::{BufWriter, Write};
use std::path::Path;

use rust_decimal::Decimal;
use serde::ser::{Serialize, SerializeMap, Serializer};

#[cfg(feature = "parquet")]
use super::parquet::ParquetRows;
use super::{Column, ExportError, Kind, Output, Value};

/// The format of a file of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// CSV with a header line. Missing values are empty.
    Csv,
    /// One JSON object per line. Missing values are null, and decimals are text.
    Jsonl,
    /// Apache Parquet. Decimals are `DECIMAL(38, n)`.
    Parquet,
}

impl Format {
    /// The format of a file's extension.
    ///
    /// # Errors
    /// When the extension is unknown.
    pub fn of(path: &Path) -> Result<Self, ExportError> {
        let ending = path.extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase);
        match ending.as_deref() {
            Some("csv") => Ok(Self::Csv),
            Some("jsonl") => Ok(Self::Jsonl),
            Some("parquet") if cfg!(feature = "parquet") => Ok(Self::Parquet),
            Some("parquet") => Err(ExportError::NoParquet),
            _ => Err(ExportError::Ending),
        }
    }
}

/// A file of rows. It only appears under its name once it is finished.
pub struct RowsFile {
    columns: Vec<Column>,
    writer: Writer,
}

enum Writer {
    Csv(Box<csv::Writer<Output>>),
    Jsonl(BufWriter<Output>),
    #[cfg(feature = "parquet")]
    Parquet(Box<ParquetRows>),
}

impl std::fmt::Debug for RowsFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RowsFile").field("columns", &self.columns).finish_non_exhaustive()
    }
}

impl RowsFile {
    /// Creates a file with columns.
    ///
    /// # Errors
    /// When the file cannot be created.
    pub fn create(path: &Path, columns: Vec<Column>) -> Result<Self, ExportError> {
        Self::begin(Format::of(path)?, Output::create(path)?, columns)
    }

    pub(super) fn begin(format: Format, output: Output, columns: Vec<Column>) -> Result<Self, ExportError> {
        let writer = match format {
            Format::Csv => {
                let mut writer = csv::WriterBuilder::new().buffer_capacity(1 << 16).from_writer(output);
                writer.write_record(columns.iter().map(|column| &column.name)).map_err(csv_error)?;
                Writer::Csv(Box::new(writer))
            }
            Format::Jsonl => Writer::Jsonl(BufWriter::with_capacity(1 << 16, output)),
            #[cfg(feature = "parquet")]
            Format::Parquet => Writer::Parquet(Box::new(ParquetRows::new(output, &columns)?)),
            #[cfg(not(feature = "parquet"))]
            Format::Parquet => return Err(ExportError::NoParquet),
        };
        Ok(Self { columns, writer })
    }

    /// Adds a row with one value per column.
    ///
    /// # Errors
    /// When it cannot be written, or a value does not fit its column.
    pub fn write(&mut self, row: &[Value<'_>]) -> Result<(), ExportError> {
        if row.len() != self.columns.len() {
            return Err(ExportError::Format("a row does not have a value for each column".to_owned()));
        }
        match &mut self.writer {
            Writer::Csv(writer) => {
                for (column, value) in self.columns.iter().zip(row) {
                    match value {
                        Value::Missing => writer.write_field(""),
                        Value::Integer(number) => writer.write_field(number.to_string()),
                        Value::Text(text) => writer.write_field(text),
                        Value::Decimal(decimal) => writer.write_field(decimal_text(column, *decimal)?),
                    }
                    .map_err(csv_error)?;
                }
                writer.write_record(None::<&[u8]>).map_err(csv_error)
            }
            Writer::Jsonl(writer) => {
                let line = serde_json::to_string(&JsonRow { columns: &self.columns, row })
                    .map_err(|error| ExportError::Format(error.to_string()))?;
                writer.write_all(line.as_bytes()).and_then(|()| writer.write_all(b"\n")).map_err(ExportError::from)
            }
            #[cfg(feature = "parquet")]
            Writer::Parquet(writer) => writer.write(&self.columns, row),
        }
    }

    /// Completes the file.
    ///
    /// # Errors
    /// When any of it cannot be written. In that case no file is left.
    pub fn finish(self) -> Result<(), ExportError> {
        let mut output = match self.writer {
            Writer::Csv(writer) => writer.into_inner().map_err(|error| ExportError::Write(error.into_error()))?,
            Writer::Jsonl(writer) => writer.into_inner().map_err(|error| ExportError::Write(error.into_error()))?,
            #[cfg(feature = "parquet")]
            Writer::Parquet(mut writer) => return writer.finish(),
        };
        Ok(output.commit()?)
    }
}

/// A row as a JSON object, with keys in the order of the columns.
struct JsonRow<'a> {
    columns: &'a [Column],
    row: &'a [Value<'a>],
}

impl Serialize for JsonRow<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.row.len()))?;
        for (column, value) in self.columns.iter().zip(self.row) {
            match value {
                Value::Missing => map.serialize_entry(&column.name, &())?,
                Value::Integer(number) => map.serialize_entry(&column.name, number)?,
                Value::Text(text) => map.serialize_entry(&column.name, text)?,
                Value::Decimal(decimal) => {
                    let text = decimal_text(column, *decimal).map_err(serde::ser::Error::custom)?;
                    map.serialize_entry(&column.name, &text)?;
                }
            }
        }
        map.end()
    }
}

fn csv_error(error: csv::Error) -> ExportError {
    let text = error.to_string();
    match error.into_kind() {
        csv::ErrorKind::Io(error) => ExportError::Write(error),
        _ => ExportError::Format(text),
    }
}

/// A decimal as text, if it fits its column. All formats accept the same values.
fn decimal_text(column: &Column, value: Decimal) -> Result<String, ExportError> {
    match column.kind {
        Kind::Decimal(scale) if value.normalize().scale() <= u32::from(scale) => Ok(value.to_string()),
        _ => Err(ExportError::Digits { column: column.name.clone(), value: value.to_string() }),
    }
}
