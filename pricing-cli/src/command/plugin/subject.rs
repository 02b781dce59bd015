//! The plugin of a command: its file, and how to load it.

use std::path::{Path, PathBuf};

use pricing_core::text::printable;
use pricing_host::inspect::Digest;
use pricing_host::{Fault, Plugin, PluginHost, PluginSettings, SizeClass, read_file};
use serde_json::{Value, json};

use crate::error::CliError;
use crate::{load, plugin};

/// The file of a plugin.
#[derive(Debug)]
pub(crate) struct Subject {
    pub(crate) name: String,
    pub(crate) file: Vec<u8>,
    pub(crate) digest: Digest,
}

impl Subject {
    /// Reads the file. A file that is too large for its class is read, too, so that a command can say more about it.
    pub(crate) fn read(path: &Path) -> Result<Self, CliError> {
        let file = read_file(path, SizeClass::Engine).map_err(|error| CliError::unreadable(load::name(path), error))?;
        let name = path.file_stem().map_or_else(|| "plugin".into(), |stem| stem.to_string_lossy());
        let digest = Digest::of(&file);
        Ok(Self { name: printable(&name), file, digest })
    }

    /// Loads the plugin, and prints warnings about the cache.
    pub(crate) fn load(&self, host: &PluginHost, settings: PluginSettings) -> Result<Plugin, Fault> {
        let plugin = host.load(&self.name, &self.file, settings)?;
        plugin::warn(host, &plugin);
        Ok(plugin)
    }

    pub(crate) fn to_json(&self) -> Value {
        json!({ "name": self.name, "digest": self.digest.to_string(), "file_bytes": self.file.len() })
    }
}

/// Returns a host for plugin authors, which reports where faults happened.
pub(crate) fn host(cache: Option<PathBuf>) -> Result<PluginHost, CliError> {
    plugin::host(cache, true)
}
