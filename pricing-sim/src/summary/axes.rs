//! The axes of a sweep.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

/// An axis of a sweep.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Axis {
    /// The key of the scenario.
    pub key: String,
    /// The values that it takes in turn.
    pub values: Vec<AxisValue>,
}

/// A value of an axis. A value that JSON cannot represent exactly is TOML text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(untagged)]
pub enum AxisValue {
    /// An integer.
    Integer(i64),
    /// A boolean.
    Boolean(bool),
    /// Anything else.
    Text(String),
}

impl fmt::Display for AxisValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(number) => number.fmt(f),
            Self::Boolean(yes) => yes.fmt(f),
            Self::Text(text) => f.write_str(text),
        }
    }
}

/// The values of the axes in a cell, by key.
pub type AxesValues = BTreeMap<String, AxisValue>;
