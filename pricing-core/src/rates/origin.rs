//! The origin of each value of a rate card.

use std::collections::BTreeMap;

/// The origin of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The documented default.
    Default,
    /// The rate card file.
    File,
    /// This environment variable.
    Environment(String),
    /// This command-line option.
    Option(String),
}

/// The origin of every value that is not a default, by its key in the rate card, such as `rates.cpu` or
/// `rates.gpu."a100.80Gi"`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origins(BTreeMap<String, Origin>);

impl Origins {
    /// Records the origin of a value.
    pub fn set(&mut self, key: impl Into<String>, origin: Origin) {
        self.0.insert(key.into(), origin);
    }

    /// The origin of a value.
    #[must_use]
    pub fn get(&self, key: &str) -> &Origin {
        self.0.get(key).unwrap_or(&Origin::Default)
    }
}

/// The key of an entry in a section, quoted where TOML needs it: `rates.gpu` and `a100.80Gi` make
/// `rates.gpu."a100.80Gi"`.
#[must_use]
pub fn entry_key(section: &str, key: &str) -> String {
    let bare = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    let dot = if section.is_empty() { "" } else { "." };
    let quote = if bare { "" } else { "\"" };
    let key = if bare { key.to_owned() } else { crate::text::excerpt(key) };
    format!("{section}{dot}{quote}{key}{quote}")
}
