//! The rate cards of a scenario, with changes applied.

use pricing_core::input::InputError;
use pricing_core::money::Usd;
use pricing_core::rates::{self, GpuRate, Pricing};
use toml::{Table, Value};

use super::{RatesEntry, ScenarioError};
use crate::files::Files;

/// The rates of a file, or the documented defaults, with changes applied.
///
/// # Errors
/// When the file or a change cannot be read. A change of a GPU entry that the card does not have is rejected: it would
/// add a second entry, and a more specific one would still win.
pub fn pricing(entry: &RatesEntry, files: &Files) -> Result<Pricing, ScenarioError> {
    let name = entry.rates.as_deref().unwrap_or("the default rate card");
    let text = entry.rates.as_deref().map(|name| files.text(name)).transpose()?.unwrap_or_default();
    let malformed = |problem| ScenarioError::Malformed { name: name.to_owned(), problem };
    // Without a file there is nothing that could have been truncated.
    let read = if entry.rates.is_some() { rates::toml::read } else { rates::toml::read_sections };
    let pricing = read(&text).map_err(malformed)?;
    if entry.set.is_empty() {
        return Ok(pricing);
    }
    let mut table: Table = text.parse().map_err(|error| malformed(InputError::new(error)))?;
    let malformed = |problem: InputError| ScenarioError::Malformed { name: format!("`set` over {name}"), problem };
    let changes = with_known_cards(&entry.set, &pricing).map_err(malformed)?;
    merge(&mut table, changes);
    let changed = toml::to_string(&table).map_err(|error| malformed(InputError::new(error)))?;
    rates::toml::read_sections(&changed).map_err(malformed)
}

/// Renames the changed GPU entries to the keys that the card uses for them.
fn with_known_cards(changes: &Table, pricing: &Pricing) -> Result<Table, InputError> {
    let mut changes = changes.clone();
    let gpu = changes.get_mut("rates").and_then(|rates| rates.get_mut("gpu")).and_then(Value::as_table_mut);
    let Some(gpu) = gpu else { return Ok(changes) };
    let mut renamed = Table::new();
    for (key, value) in std::mem::take(gpu) {
        let card = GpuRate::new(&key, Usd::ZERO).map_err(|error| InputError::new(error).at("set.rates.gpu"))?.card();
        let entries = pricing.rates.gpu.entries();
        let Some(known) = entries.iter().find(|entry| entry.card() == card) else {
            let keys: Vec<&str> = entries.iter().map(GpuRate::key).collect();
            let message = format!("the rate card has no GPU entry `{}` to change", pricing_core::text::excerpt(&key));
            let hint = match keys.as_slice() {
                [] => "it lists no GPUs; name a file that does in the strategy's `rates`".to_owned(),
                keys => format!("it has `{}`", keys.join("`, `")),
            };
            return Err(InputError::new(message).hint(hint));
        };
        renamed.insert(known.key().to_owned(), value);
    }
    *gpu = renamed;
    Ok(changes)
}

/// Merges changes into a table, recursively.
pub(super) fn merge(table: &mut Table, changes: Table) {
    for (key, change) in changes {
        match (table.get_mut(&key), change) {
            (Some(Value::Table(known)), Value::Table(change)) => merge(known, change),
            (_, change) => {
                table.insert(key, change);
            }
        }
    }
}
