//! Exports runs, decisions and orders as rows: CSV, JSON lines or Parquet.

mod decisions;
mod orders;
#[cfg(feature = "parquet")]
mod parquet;
mod results;
mod rows;
#[cfg(test)]
mod tests;

use rust_decimal::Decimal;

pub use decisions::DecisionsFile;
pub use orders::OrdersFile;
pub use pricing_files::Output;
pub use results::ResultsFile;
pub use rows::{Format, RowsFile};

/// Why a file could not be written.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The file's extension is unknown.
    #[error("name it with the ending .csv, .jsonl or .parquet: that says how it is written")]
    Ending,
    /// This build cannot write such a file.
    #[error(
        "this program was built without Parquet: build it with the feature `parquet`, or name the file .csv or .jsonl"
    )]
    NoParquet,
    /// The disk is full, the reader is gone, or something similar.
    #[error("{0}")]
    Write(#[from] std::io::Error),
    /// A number has more digits than its column.
    #[error("`{value}` does not fit column `{column}`")]
    Digits {
        /// The column.
        column: String,
        /// The value.
        value: String,
    },
    /// A row cannot be represented in the file's format.
    #[error("{0}")]
    Format(String),
    /// A run's figures cannot be computed.
    #[error(transparent)]
    Summary(#[from] crate::summary::SummaryError),
}

impl From<pricing_files::FileError> for ExportError {
    fn from(error: pricing_files::FileError) -> Self {
        Self::Write(error.into())
    }
}

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// 64-bit integers.
    Integer,
    /// Texts.
    Text,
    /// Exact decimals with 38 digits, of which this many are decimals.
    Decimal(u8),
}

/// A column. Any of its values can be missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type.
    pub kind: Kind,
}

impl Column {
    fn new(name: impl Into<String>, kind: Kind) -> Self {
        Self { name: name.into(), kind }
    }
}

/// A value of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// No value.
    Missing,
    /// Of [`Kind::Integer`].
    Integer(i64),
    /// Of [`Kind::Text`].
    Text(&'a str),
    /// Of [`Kind::Decimal`].
    Decimal(Decimal),
}

impl Value<'_> {
    /// A count.
    fn count(column: &str, count: impl TryInto<i64> + Copy + std::fmt::Display) -> Result<Self, ExportError> {
        let too_large = |_| ExportError::Digits { column: column.to_owned(), value: count.to_string() };
        count.try_into().map_err(too_large).map(Self::Integer)
    }

    fn decimal(value: Option<Decimal>) -> Self {
        value.map_or(Self::Missing, Self::Decimal)
    }
}

/// The type of money.
const USD: Kind = Kind::Decimal(12);
/// The type of prices on the chain.
const PRICE: Kind = Kind::Decimal(18);
/// The type of percentages and hours.
const PERCENT: Kind = Kind::Decimal(4);
