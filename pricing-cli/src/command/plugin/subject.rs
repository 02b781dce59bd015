//! The plugin that a command is about: its file, and how it is loaded.

use std::path::{Path, PathBuf};

use pricing_core::text::printable;
use pricing_host::inspect::Digest;
use pricing_host::{Fault, Plugin, PluginHost, PluginSettings, SizeClass, read_file};
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
    /// Reads the file. What is too long for its class is read as well, to tell more of it.
    pub(crate) fn read(path: &Path) -> Result<Self, CliError> {
        let file = read_file(path, SizeClass::Engine).map_err(|error| CliError::unreadable(load::name(path), error))?;
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
