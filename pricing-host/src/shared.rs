//! What all plugins of a host share.

use std::sync::{Arc, Mutex, PoisonError};

use pricing_core::text::printable;

use crate::cache::Cache;
use crate::compile::Examination;
use crate::fault::Fault;
use crate::inspect::Digest;
use crate::limits::SizeClass;
use crate::load::Loader;
use crate::metrics::Metrics;
use crate::sandbox::{Sandbox, SandboxError};
use crate::settings::{HostSettings, PluginSettings};
use crate::version::Version;
use crate::workers::Workers;

/// The cache, the threads and the sandboxes of a host.
pub(crate) struct Shared {
    settings: HostSettings,
    cache: Option<Cache>,
    pub(crate) metrics: Arc<dyn Metrics>,
    pub(crate) workers: Workers,
    /// Created when the first plugin of its class is loaded.
    sandboxes: Mutex<Vec<Arc<Sandbox>>>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Shared {
    pub(crate) fn new(settings: HostSettings, metrics: Arc<dyn Metrics>) -> Self {
        let cache = settings.cache.as_deref().and_then(|folder| Cache::open(folder).ok());
        let workers = Workers::new(settings.concurrency);
        Self { settings, cache, metrics, workers, sandboxes: Mutex::default() }
    }

    /// Why the cache folder is not used, if it was configured.
    pub(crate) fn cache_problem(&self) -> Option<String> {
        let folder = self.settings.cache.as_deref()?;
        if self.cache.is_some() {
            return None;
        }
        Cache::open(folder).err().map(|error| error.to_string())
    }

    /// Checks, compiles (or takes from the cache) and links a plugin. `source` identifies a load that takes long.
    pub(crate) fn load(
        &self,
        name: &str,
        source: &str,
        file: &[u8],
        settings: &PluginSettings,
    ) -> Result<Version, Fault> {
        settings.check()?;
        let sandbox = self.sandbox(settings.class).map_err(|error| Fault::rejected(error.to_string()))?;
        let (loader, digest) = (self.loader(&sandbox), Digest::of(file));
        let loaded = loader.remembered(&digest).unwrap_or_else(|| {
            let _under_way = self.settings.loads.begin(&printable(source));
            loader.load_anew(file, &digest)
        })?;
        Version::new(name, file, loaded, sandbox, settings)
    }

    /// Links a plugin that was already examined and compiled.
    pub(crate) fn link(
        &self,
        name: &str,
        file: &[u8],
        examined: &Examination,
        settings: &PluginSettings,
    ) -> Result<Version, Fault> {
        settings.check()?;
        let sandbox = self.sandbox(settings.class).map_err(|error| Fault::rejected(error.to_string()))?;
        let loaded = self.loader(&sandbox).link(examined)?;
        Version::new(name, file, loaded, sandbox, settings)
    }

    fn loader<'a>(&'a self, sandbox: &'a Sandbox) -> Loader<'a> {
        Loader {
            engine: sandbox.engine(),
            class: sandbox.class(),
            compiler: &self.settings.compiler,
            cache: self.cache.as_ref(),
        }
    }

    fn sandbox(&self, class: SizeClass) -> Result<Arc<Sandbox>, SandboxError> {
        let mut sandboxes = self.sandboxes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sandbox) = sandboxes.iter().find(|sandbox| sandbox.class() == class) {
            return Ok(Arc::clone(sandbox));
        }
        let sandbox = Arc::new(Sandbox::new(class, self.settings.concurrency, self.settings.backtraces)?);
        sandboxes.push(Arc::clone(&sandbox));
        Ok(sandbox)
    }
}
