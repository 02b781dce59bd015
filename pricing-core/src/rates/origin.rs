//! Where each value of a rate card came from.

use std::collections::BTreeMap;

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The documented default.
    Default,
    /// The rate card file.
    File,
    /// This variable of the environment.
    Environment(String),
    /// This option of the command line.
    Option(String),
}

/// The origin of every value that is not a default, by its key in the rate card, such as `rates.cpu` or
/// `rates.gpu."a100.80Gi"`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origins(BTreeMap<String, Origin>);

impl Origins {
    /// Says where a value came from.
    pub fn set(&mut self, key: impl Into<String>, origin: Origin) {
        self.0.insert(key.into(), origin);
    }

    /// Where a value came from.
    #[must_use]
    pub fn get(&self, key: &str) -> &Origin {
        self.0.get(key).unwrap_or(&Origin::Default)
    }
}
