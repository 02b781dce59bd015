//! The host, which loads and calls plugins.

use std::path::Path;
use std::sync::Arc;

use pricing_core::text::printable;

use crate::compile::Examination;
use crate::fault::Fault;
use crate::file;
use crate::metrics::{Metrics, NoMetrics};
use crate::plugin::{FileMetadata, Plugin};
use crate::rejected::{OpenError, Rejected};
use crate::settings::{HostSettings, PluginSettings};
use crate::shared::Shared;

/// Loads plugins and runs them. Cheap to clone; all clones share one host.
#[derive(Clone, Debug)]
pub struct PluginHost {
    shared: Arc<Shared>,
}

impl PluginHost {
    /// Creates a host without metrics.
    ///
    /// A cache folder that cannot be used is not an error: plugins are then compiled each time, and
    /// [`Self::cache_problem`] says why.
    #[must_use]
    pub fn new(settings: HostSettings) -> Self {
        Self::with_metrics(settings, Arc::new(NoMetrics))
    }

    /// Creates a host that reports every call to `metrics`.
    #[must_use]
    pub fn with_metrics(settings: HostSettings, metrics: Arc<dyn Metrics>) -> Self {
        Self { shared: Arc::new(Shared::new(settings, metrics)) }
    }

    /// Why the cache folder is not used, if it was configured.
    #[must_use]
    pub fn cache_problem(&self) -> Option<String> {
        self.shared.cache_problem()
    }

    /// Loads a plugin from a file, which may be replaced later: see [`Plugin::refresh`]. The plugin is named after the
    /// file.
    ///
    /// # Errors
    /// When the file cannot be read, or is not a plugin that may run here.
    pub fn open(&self, path: &Path, settings: PluginSettings) -> Result<Plugin, OpenError> {
        let seen = FileMetadata::of(path);
        let file = file::read(path, settings.class)?;
        let name = path.file_stem().map_or_else(|| "plugin".into(), |stem| stem.to_string_lossy());
        let name = printable(&name);
        let version = self.shared.load(&name, &path.to_string_lossy(), &file, &settings).map_err(|fault| Rejected {
            digest: file::digest(path, &file),
            name,
            fault,
        })?;
        Ok(Plugin::new(Arc::clone(&self.shared), version, settings, Some((path.to_owned(), seen))))
    }

    /// Loads a plugin from memory.
    ///
    /// # Errors
    /// When it is not a plugin that may run here: the fault `load-rejected`.
    pub fn load(&self, name: &str, file: &[u8], settings: PluginSettings) -> Result<Plugin, Fault> {
        let version = self.shared.load(name, name, file, &settings)?;
        Ok(Plugin::new(Arc::clone(&self.shared), version, settings, None))
    }

    /// Loads a plugin from memory that was already examined and compiled. The cache is not used.
    ///
    /// # Errors
    /// When it is not a plugin that may run here: the fault `load-rejected`.
    pub fn load_examined(
        &self,
        name: &str,
        file: &[u8],
        examined: &Examination,
        settings: PluginSettings,
    ) -> Result<Plugin, Fault> {
        let version = self.shared.link(name, file, examined, &settings)?;
        Ok(Plugin::new(Arc::clone(&self.shared), version, settings, None))
    }
}
