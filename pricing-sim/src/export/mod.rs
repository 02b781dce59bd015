//! Runs and decisions as rows of a file: CSV, JSON lines or Parquet.

mod decisions;
#[cfg(feature = "parquet")]
mod parquet;
mod results;
mod rows;
#[cfg(test)]
mod tests;

use rust_decimal::Decimal;

pub use decisions::DecisionsFile;
pub use pricing_files::Output;
pub use results::ResultsFile;
pub use rows::{Format, RowsFile};

/// Why a file could not be written.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The file's name does not say what it is.
    #[error("name it with the ending .csv, .jsonl or .parquet: that says how it is written")]
    Ending,
    /// This build writes no such file.
    #[error(
        "this program was built without Parquet: build it with the feature `parquet`, or name the file .csv or .jsonl"
    )]
    NoParquet,
    /// The disk is full, the reader is gone, or the like.
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
    /// A row cannot be put into the file's format.
    #[error("{0}")]
    Format(String),
    /// A run's figures cannot be told.
    #[error(transparent)]
    Summary(#[from] crate::summary::SummaryError),
}

impl From<pricing_files::FileError> for ExportError {
    fn from(error: pricing_files::FileError) -> Self {
        Self::Write(error.into())
    }
}

/// What the values of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Whole numbers of 64 bits.
    Integer,
    /// Texts.
    Text,
    /// Exact decimals with 38 digits, of which so many are decimals.
    Decimal(u8),
}

/// A column. Any value of it may be missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// What its values are.
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
    /// None.
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

/// Decimals of money.
const USD: Kind = Kind::Decimal(12);
/// Decimals of prices on chain.
const PRICE: Kind = Kind::Decimal(18);
/// Decimals of percentages and hours.
const PERCENT: Kind = Kind::Decimal(4);
