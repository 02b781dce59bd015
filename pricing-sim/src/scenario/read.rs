//! Parses a scenario, and sets its keys.

use pricing_core::input::InputError;
use toml::{Table, Value};

use super::Scenario;
use crate::files::FileError;
use crate::stream::StreamError;

/// Why a scenario cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// A file cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// A file is malformed.
    #[error("{name}: {problem}")]
    Malformed {
        /// The file.
        name: String,
        /// What is wrong, and where.
        problem: InputError,
    },
    /// The orders or the inventory cannot be loaded.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// The scenario makes no sense.
    #[error("{0}")]
    Meaning(String),
    /// A cell of a sweep cannot be run.
    #[error("in the cell {cell}: {error}")]
    Cell {
        /// The values of its axes.
        cell: String,
        /// Why.
        #[source]
        error: Box<Self>,
    },
    /// The simulation could not go on.
    #[error("{0}")]
    Run(String),
}

/// Parses a scenario's text into tables, and checks that every key is known.
///
/// # Errors
/// When the text is not a scenario. The error says where.
pub fn parse(text: &str) -> Result<Table, InputError> {
    let located = |error: toml::de::Error| {
        let input = InputError::new(error.message().trim_end_matches('.'));
        match error.span() {
            Some(span) => input.offset(text, span.start),
            None => input,
        }
    };
    let table: Table = text.parse().map_err(located)?;
    let _: Scenario = toml::from_str(text).map_err(located)?;
    Ok(table)
}

/// Converts tables, whose keys may have been changed, to a scenario.
///
/// # Errors
/// When a key is unknown or malformed. The error names it.
pub fn of_table(table: Table) -> Result<Scenario, InputError> {
    serde_path_to_error::deserialize(Value::Table(table)).map_err(|error| {
        let path = error.path().to_string();
        InputError::new(error.into_inner().message().trim_end_matches('.')).at(path)
    })
}

/// Sets a key of a scenario, such as `orders.generate.wildcard_share` or `strategy.card.set.rates.gpu."nvidia/h100"`.
///
/// Entries of a list are addressed by their `name`, or their index from 0. Missing tables on the way are created.
///
/// # Errors
/// When the key cannot be parsed, or leads through something that is not a table.
pub fn set(table: &mut Table, key: &str, value: Value) -> Result<(), InputError> {
    let malformed = || {
        InputError::new(format_args!("`{}` is not a key of a scenario", pricing_core::text::excerpt(key)))
            .hint("separate keys with dots, and quote a key that contains dots")
    };
    // A key has the syntax of a TOML key, so TOML's parser handles quoting.
    let parsed: Table = format!("{key} = 0").parse().map_err(|_| malformed())?;
    let mut names = Vec::new();
    let mut inner = &parsed;
    loop {
        let (name, value) = inner.iter().next().ok_or_else(malformed)?;
        names.push(name.as_str());
        match value {
            Value::Table(next) => inner = next,
            _ => break,
        }
    }
    let (last, path) = names.split_last().ok_or_else(malformed)?;
    let mut at = table;
    let mut path = path.iter();
    while let Some(name) = path.next() {
        let entry = at.entry((*name).to_owned()).or_insert_with(|| Value::Table(Table::new()));
        at = match entry {
            Value::Table(next) => next,
            Value::Array(list) => {
                let wanted = path.next().ok_or_else(malformed)?;
                let names: Vec<String> = list.iter().filter_map(name_of).map(str::to_owned).collect();
                let place = list
                    .iter()
                    .position(|entry| name_of(entry) == Some(wanted))
                    .or_else(|| wanted.parse::<usize>().ok().filter(|place| *place < list.len()));
                let entry = place.and_then(|place| list.get_mut(place)).and_then(Value::as_table_mut);
                entry.ok_or_else(|| {
                    InputError::new(format_args!("`{key}`: there is no `{wanted}` in `{name}`"))
                        .hint(format!("there are `{}`", names.join("`, `")))
                })?
            }
            _ => return Err(InputError::new(format_args!("`{key}`: `{name}` is not a table"))),
        };
    }
    at.insert((*last).to_owned(), value);
    Ok(())
}

fn name_of(entry: &Value) -> Option<&str> {
    entry.get("name").and_then(Value::as_str)
}
