//! The plugin that a command is about: its file, and how it is loaded.

use std::path::{Path, PathBuf};

use pricing_host::inspect::Digest;
use pricing_host::{Fault, Plugin, PluginHost, PluginSettings, SizeClass, printable, read_file};
use serde_json::{Value, json};

use crate::error::CliError;
use crate::{load, plugin};

/// A plugin's file.
#[derive(Debug)]
pub(crate) struct Subject {
    pub(crate) name: String,
    pub(crate) file: Vec<u8>,
    pub(crate) digest: Digest,
}

impl Subject {
    /// Reads the file as far as a plugin of the class may be long.
    pub(crate) fn read(path: &Path, class: SizeClass) -> Result<Self, CliError> {
        let file = read_file(path, class).map_err(|error| CliError::unreadable(load::name(path), error))?;
        let name = path.file_stem().map_or_else(|| "plugin".into(), |stem| stem.to_string_lossy());
        let digest = Digest::of(&file);
        Ok(Self { name: printable(&name), file, digest })
    }

    /// Loads it.
    pub(crate) fn load(&self, host: &PluginHost, settings: PluginSettings) -> Result<Plugin, Fault> {
        let plugin = host.load(&self.name, &self.file, settings)?;
        plugin::warn(host, &plugin);
        Ok(plugin)
    }

    pub(crate) fn to_json(&self) -> Value {
        json!({ "name": self.name, "digest": self.digest.to_string(), "file_bytes": self.file.len() })
    }
}

/// A host for authors: it tells where faults happened.
pub(crate) fn host(cache: Option<PathBuf>) -> Result<PluginHost, CliError> {
    plugin::host(cache, true)
}
