//! Changes that the command line makes to a scenario.

use pricing_core::input::InputError;
use toml::{Table, Value};

use super::{of_table, set};

/// Changes to a scenario.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// Keys and their values, applied in order.
    pub set: Vec<(String, Value)>,
    /// The first seed.
    pub seed: Option<u64>,
    /// The number of seeds, starting with the first.
    pub seeds: Option<u32>,
}

/// Why a change is rejected.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// It would have no effect, or is out of range.
    #[error("{0}")]
    Usage(String),
    /// The result would not be a scenario.
    #[error("{0}")]
    Malformed(InputError),
}

impl Changes {
    /// Applies the changes to a scenario.
    ///
    /// # Errors
    /// When a key is unknown, or is an axis of the scenario, which sets it in every cell, or a value is invalid for its
    /// key.
    pub fn apply(&self, table: &mut Table) -> Result<(), ChangeError> {
        for (key, value) in &self.set {
            change(table, key, value.clone())?;
        }
        let listed = table.get("sweep").and_then(|sweep| sweep.get("seeds")).is_some_and(Value::is_array);
        if let Some(seed) = self.seed {
            if listed && self.seeds.is_none() {
                let message = "the scenario lists its seeds under `sweep.seeds`, so another first seed would change \
                               nothing: give the number of seeds, too, or set `sweep.seeds` itself";
                return Err(ChangeError::Usage(message.to_owned()));
            }
            let most = || ChangeError::Usage(format!("a seed is at most {}", i64::MAX));
            change(table, "seed", Value::Integer(i64::try_from(seed).map_err(|_| most())?))?;
        }
        if let Some(seeds) = self.seeds {
            change(table, "sweep.seeds", Value::Integer(i64::from(seeds)))?;
        }
        of_table(table.clone()).map(|_| ()).map_err(ChangeError::Malformed)
    }
}

/// The name of a scenario in reports: its own, or that of its file.
#[must_use]
pub fn name(table: &Table, file_stem: &str) -> String {
    table.get("name").and_then(Value::as_str).unwrap_or(file_stem).to_owned()
}

/// Sets a key, which must not be set by an axis too.
fn change(table: &mut Table, key: &str, value: Value) -> Result<(), ChangeError> {
    let axes = table.get("sweep").and_then(|sweep| sweep.get("axes")).and_then(Value::as_table);
    if axes.is_some_and(|axes| axes.keys().any(|axis| same_key(axis, key))) {
        let message = format!("`{key}` is an axis of the scenario, which sets it in every cell");
        return Err(ChangeError::Usage(message));
    }
    set(table, key, value).map_err(ChangeError::Malformed)
}

/// Whether two keys are the same key, regardless of quoting.
fn same_key(one: &str, other: &str) -> bool {
    let parsed = |key: &str| format!("{key} = 0").parse::<Table>().ok();
    one == other || parsed(one).is_some_and(|one| Some(one) == parsed(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_one_key_however_they_are_quoted() {
        assert!(same_key("a.\"b\"", "a.b") && !same_key("a.b", "a.c"));
    }

    #[test]
    fn a_change_that_would_change_nothing_is_refused() {
        let text = "orders = {}\ninventory = {}\nstrategy = [{ name = 'card' }]\n[sweep]\nseeds = [1, 2]\naxes = { 'orders.limit' = [1, 2] }\n";
        let applied = |changes: Changes| changes.apply(&mut text.parse().unwrap()).map_err(|error| error.to_string());
        let set = |key: &str| vec![(key.to_owned(), Value::Integer(3))];
        assert!(
            applied(Changes { set: set("orders.limit"), ..Changes::default() }).unwrap_err().contains("is an axis")
        );
        assert!(applied(Changes { set: set("orders.limt"), ..Changes::default() }).unwrap_err().contains("limt"));
        assert!(applied(Changes { seed: Some(3), ..Changes::default() }).unwrap_err().contains("lists its seeds"));
        assert_eq!(applied(Changes { seed: Some(3), seeds: Some(2), ..Changes::default() }), Ok(()));
    }
}
