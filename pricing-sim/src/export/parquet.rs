//! Writes rows as Parquet.

use std::sync::Arc;

use arrow_array::builder::{ArrayBuilder, Decimal128Builder, Int64Builder, StringBuilder};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use rust_decimal::Decimal;

use super::{Column, ExportError, Kind, Output, Value};

/// The digits of a decimal.
const PRECISION: u8 = 38;
/// Rows per record batch.
const BATCH: usize = 8 << 10;
/// Rows per row group, which are held in memory.
const GROUP: usize = 128 << 10;

/// The writer of a Parquet file.
pub(super) struct ParquetRows {
    writer: ArrowWriter<Output>,
    schema: Arc<Schema>,
    columns: Vec<Builder>,
}

enum Builder {
    Integer(Int64Builder),
    Text(StringBuilder),
    Decimal(Decimal128Builder),
}

impl ParquetRows {
    pub(super) fn new(output: Output, columns: &[Column]) -> Result<Self, ExportError> {
        let fields: Vec<Field> =
            columns.iter().map(|column| Field::new(&column.name, data_type(column.kind), true)).collect();
        let schema = Arc::new(Schema::new(fields));
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_max_row_group_row_count(Some(GROUP))
            .set_created_by("bidprice".to_owned())
            .build();
        let writer = ArrowWriter::try_new(output, Arc::clone(&schema), Some(properties)).map_err(failed)?;
        Ok(Self { writer, schema, columns: columns.iter().map(builder).collect() })
    }

    pub(super) fn write(&mut self, columns: &[Column], row: &[Value<'_>]) -> Result<(), ExportError> {
        for ((column, builder), value) in columns.iter().zip(&mut self.columns).zip(row) {
            append(column, builder, value)?;
        }
        if self.columns.first().is_some_and(|column| column.rows() >= BATCH) {
            self.hand_over()?;
        }
        Ok(())
    }

    fn hand_over(&mut self) -> Result<(), ExportError> {
        let arrays: Vec<ArrayRef> = self.columns.iter_mut().map(Builder::finish).collect();
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), arrays)
            .map_err(|error| ExportError::Format(error.to_string()))?;
        self.writer.write(&batch).map_err(failed)
    }

    pub(super) fn finish(&mut self) -> Result<(), ExportError> {
        self.hand_over()?;
        self.writer.finish().map_err(failed)?;
        Ok(self.writer.inner_mut().commit()?)
    }
}

impl Builder {
    fn rows(&self) -> usize {
        match self {
            Self::Integer(builder) => builder.len(),
            Self::Text(builder) => builder.len(),
            Self::Decimal(builder) => builder.len(),
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Integer(builder) => Arc::new(builder.finish()),
            Self::Text(builder) => Arc::new(builder.finish()),
            Self::Decimal(builder) => Arc::new(builder.finish()),
        }
    }
}

/// I/O errors are passed on unchanged.
fn failed(error: ParquetError) -> ExportError {
    match error {
        ParquetError::External(source) => match source.downcast::<std::io::Error>() {
            Ok(error) => ExportError::Write(*error),
            Err(source) => ExportError::Format(source.to_string()),
        },
        error => ExportError::Format(error.to_string()),
    }
}

fn data_type(kind: Kind) -> DataType {
    match kind {
        Kind::Integer => DataType::Int64,
        Kind::Text => DataType::Utf8,
        Kind::Decimal(scale) => DataType::Decimal128(PRECISION, i8::try_from(scale).unwrap_or(0)),
    }
}

fn builder(column: &Column) -> Builder {
    match column.kind {
        Kind::Integer => Builder::Integer(Int64Builder::new()),
        Kind::Text => Builder::Text(StringBuilder::new()),
        Kind::Decimal(_) => Builder::Decimal(Decimal128Builder::new().with_data_type(data_type(column.kind))),
    }
}

fn append(column: &Column, builder: &mut Builder, value: &Value<'_>) -> Result<(), ExportError> {
    let digits =
        |value: &dyn std::fmt::Display| ExportError::Digits { column: column.name.clone(), value: value.to_string() };
    match (builder, value) {
        (Builder::Integer(builder), Value::Missing) => builder.append_null(),
        (Builder::Text(builder), Value::Missing) => builder.append_null(),
        (Builder::Decimal(builder), Value::Missing) => builder.append_null(),
        (Builder::Integer(builder), Value::Integer(number)) => builder.append_value(*number),
        (Builder::Text(builder), Value::Text(text)) => builder.append_value(text),
        (Builder::Decimal(builder), Value::Decimal(decimal)) => {
            builder.append_value(units(column.kind, *decimal).ok_or_else(|| digits(decimal))?);
        }
        _ => return Err(ExportError::Format(format!("a value does not have the type of column `{}`", column.name))),
    }
    Ok(())
}

/// A decimal in units of the column's last place. None if it has more decimals or digits than the column.
fn units(kind: Kind, value: Decimal) -> Option<i128> {
    let Kind::Decimal(scale) = kind else { return None };
    let value = value.normalize();
    let missing = u32::from(scale).checked_sub(value.scale())?;
    let units = value.mantissa().checked_mul(10_i128.checked_pow(missing)?)?;
    (units.unsigned_abs() < 10_u128.checked_pow(u32::from(PRECISION))?).then_some(units)
}
