//! Identities: what results belong to.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use toml::{Table, Value};

use super::inputs::hex;
use super::{Input, KeptError, VERSION, inputs};
use crate::files::Files;
use crate::sweep::Sweep;

/// The most differences that a message names.
const MOST_NAMED: usize = 5;

/// What results belong to: a program, a scenario and the files that it names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// The program's version.
    pub version: String,
    /// The scenario with all changes of the command line applied, as TOML with sorted keys.
    pub scenario: String,
    /// The files that it names.
    pub inputs: Vec<Input>,
}

impl Identity {
    /// Computes the identity of a scenario.
    ///
    /// # Errors
    /// When a file that it names cannot be read.
    pub fn of(table: &Table, sweep: &Sweep, files: &Files) -> Result<Self, KeptError> {
        Ok(Self { version: VERSION.to_owned(), scenario: text_of(table)?, inputs: inputs(sweep, files)? })
    }

    /// The SHA-256 digest of the identity.
    #[must_use]
    pub fn digest(&self) -> String {
        let mut digest = Sha256::new();
        let mut add = |text: &str| {
            // Each text is prefixed with its length, so that different lists of texts cannot be concatenated to the
            // same bytes.
            digest.update(u64::try_from(text.len()).unwrap_or(u64::MAX).to_le_bytes());
            digest.update(text);
        };
        add(&self.version);
        add(&self.scenario);
        for input in &self.inputs {
            add(&input.name);
            add(&input.files.len().to_string());
            for file in &input.files {
                add(&file.path);
                add(&file.sha256);
            }
        }
        hex(&digest.finalize())
    }

    /// The differences between this identity and a recorded one, for people.
    #[must_use]
    pub fn differences(&self, kept: &Self) -> Vec<String> {
        let mut found = Vec::new();
        if self.version != kept.version {
            found.push(format!("it was written by version {}, and this is {}", kept.version, self.version));
        }
        let (ours, theirs) = (values(&self.scenario), values(&kept.scenario));
        let shown = |value: Option<&String>| value.map_or_else(|| "missing".to_owned(), |value| quoted(value));
        for key in union(&ours, &theirs) {
            let (our, their) = (ours.get(key), theirs.get(key));
            if our != their {
                found.push(format!("`{key}` is {} there and {} here", shown(their), shown(our)));
            }
        }
        let by_name = |inputs: &[Input]| -> BTreeMap<String, _> {
            inputs.iter().map(|i| (i.name.clone(), i.files.clone())).collect()
        };
        let (ours, theirs) = (by_name(&self.inputs), by_name(&kept.inputs));
        for name in union(&ours, &theirs) {
            match (ours.get(name), theirs.get(name)) {
                (Some(our), Some(their)) if our != their => found.push(format!("`{name}` has changed since")),
                _ => {}
            }
        }
        let more = found.len().saturating_sub(MOST_NAMED);
        found.truncate(MOST_NAMED);
        if more > 0 {
            found.push(format!("and {more} more"));
        }
        found
    }
}

/// A scenario as TOML text.
pub(super) fn text_of(table: &Table) -> Result<String, KeptError> {
    toml::to_string(table).map_err(|error| KeptError::Unusable(format!("the scenario cannot be written: {error}")))
}

/// A value in a message.
fn quoted(text: &str) -> String {
    format!("`{}`", pricing_core::text::excerpt(text))
}

fn union<'a, T>(one: &'a BTreeMap<String, T>, other: &'a BTreeMap<String, T>) -> Vec<&'a String> {
    let mut keys: Vec<&String> = one.keys().chain(other.keys()).collect();
    keys.sort();
    keys.dedup();
    keys
}

/// All values of a scenario, by key.
fn values(text: &str) -> BTreeMap<String, String> {
    let mut values = BTreeMap::new();
    if let Ok(table) = text.parse::<Table>() {
        flatten("", &Value::Table(table), &mut values);
    }
    values
}

fn flatten(key: &str, value: &Value, into: &mut BTreeMap<String, String>) {
    let below = |name: &str| if key.is_empty() { name.to_owned() } else { format!("{key}.{name}") };
    match value {
        Value::Table(table) => table.iter().for_each(|(name, value)| flatten(&below(name), value, into)),
        Value::Array(list) if list.iter().any(Value::is_table) => {
            for (place, value) in list.iter().enumerate() {
                let name = value.get("name").and_then(Value::as_str).map_or_else(|| place.to_string(), str::to_owned);
                flatten(&below(&name), value, into);
            }
        }
        value => {
            into.insert(key.to_owned(), value.to_string());
        }
    }
}
