//! The host, which loads and calls plugins.

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use pricing_core::quote::plugin::Draft;
use pricing_core::quote::{FallbackBy, PluginUse, Quote};
use pricing_core::text::printable;

use crate::cache::Cache;
use crate::compile::{Compiler, Examination};
use crate::fault::Fault;
use crate::inspect::Digest;
use crate::limits::SizeClass;
use crate::load::Loader;
use crate::loads::Loads;
use crate::metrics::{Metrics, NoMetrics};
use crate::plugin::{self, FileMetadata, Plugin, PluginSettings, Version};
use crate::sandbox::{Sandbox, SandboxError};
use crate::workers::Workers;

/// The settings of a host.
#[derive(Clone, Debug)]
pub struct HostSettings {
    /// The number of simultaneous calls for each size class, at least 1. Further calls wait.
    pub concurrency: u32,
    /// How plugins are compiled.
    pub compiler: Compiler,
    /// The folder for verdicts and compiled plugins, which only its owner may write to. None disables the cache.
    pub cache: Option<PathBuf>,
    /// The list of files that are being inspected and compiled.
    pub loads: Loads,
    /// Whether faults have backtraces. Costs time at each trap, so it is meant for plugin authors.
    pub backtraces: bool,
}

impl HostSettings {
    /// Default settings: twice as many simultaneous calls as the machine has cores, and no cache.
    #[must_use]
    pub fn new(compiler: Compiler) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let concurrency = u32::try_from(cores.saturating_mul(2)).unwrap_or(u32::MAX).clamp(4, 256);
        Self { concurrency, compiler, cache: None, loads: Loads::default(), backtraces: false }
    }
}

/// Why a plugin could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file cannot be read.
    #[error("the file cannot be read: {0}")]
    Unreadable(#[from] io::Error),
    /// The file is not a plugin that may run here.
    #[error(transparent)]
    Rejected(#[from] Rejected),
}

/// A file that was not loaded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{fault}")]
pub struct Rejected {
    /// The name that the plugin would have.
    pub name: String,
    /// The digest of the file.
    pub digest: String,
    /// Why it was not loaded.
    pub fault: Fault,
}

impl Rejected {
    /// The quote for an order that the plugin should have priced: a fault, or the result of the fallback.
    #[must_use]
    pub fn quote(&self, draft: Draft, fallback: Option<FallbackBy>) -> Quote {
        let plugin = PluginUse { name: self.name.clone(), digest: self.digest.clone(), fuel: None, fallback: None };
        match draft {
            Draft::Settled(quote) => Quote { plugin: Some(plugin), ..quote },
            Draft::Open(draft) => {
                let stand_in = fallback.filter(|by| *by == FallbackBy::Builtin).map(|by| (by, draft.clone()));
                plugin::fall_back(&draft, plugin, self.fault.clone().into(), stand_in)
            }
        }
    }
}

/// Loads plugins and runs them. Cheap to clone; all clones share one host.
#[derive(Clone, Debug)]
pub struct PluginHost {
    shared: Arc<Shared>,
}

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
        let cache = settings.cache.as_deref().and_then(|folder| Cache::open(folder).ok());
        let workers = Workers::new(settings.concurrency);
        Self { shared: Arc::new(Shared { settings, cache, metrics, workers, sandboxes: Mutex::default() }) }
    }

    /// Why the cache folder is not used, if it was configured.
    #[must_use]
    pub fn cache_problem(&self) -> Option<String> {
        let folder = self.shared.settings.cache.as_deref()?;
        if self.shared.cache.is_some() {
            return None;
        }
        Cache::open(folder).err().map(|error| error.to_string())
    }

    /// Loads a plugin from a file, which may be replaced later: see [`Plugin::refresh`]. The plugin is named after the
    /// file.
    ///
    /// # Errors
    /// When the file cannot be read, or is not a plugin that may run here.
    pub fn open(&self, path: &Path, settings: PluginSettings) -> Result<Plugin, OpenError> {
        let seen = FileMetadata::of(path);
        let file = read(path, settings.class)?;
        let name = path.file_stem().map_or_else(|| "plugin".into(), |stem| stem.to_string_lossy());
        let name = printable(&name);
        let version = self.shared.load(&name, &path.to_string_lossy(), &file, &settings).map_err(|fault| Rejected {
            digest: digest(path, &file),
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
        settings.check()?;
        let sandbox = self.shared.sandbox(settings.class).map_err(|error| Fault::rejected(error.to_string()))?;
        let loaded = self.shared.loader(&sandbox).link(examined)?;
        let version = Version::new(name, file, loaded, sandbox, &settings)?;
        Ok(Plugin::new(Arc::clone(&self.shared), version, settings, None))
    }
}

impl Shared {
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

/// The digest of a file of which perhaps only the start was read.
pub(crate) fn digest(path: &Path, read: &[u8]) -> String {
    let whole =
        u64::try_from(read.len()).is_ok_and(|read| std::fs::metadata(path).is_ok_and(|file| file.len() <= read));
    if whole { Digest::of(read).to_string() } else { TOO_LARGE.to_owned() }
}

/// Stands for the digest of a file that is too large to be read.
const TOO_LARGE: &str = "too-large";

/// Reads a plugin's file, if it is a plain file. If it is longer than allowed, only enough of it is read to show that.
///
/// # Errors
/// When it cannot be read, or is a folder, pipe or device.
pub fn read(path: &Path, class: SizeClass) -> io::Result<Vec<u8>> {
    let file = pricing_files::open(path)?;
    let limit = class.load_limits().module_bytes;
    let mut content = Vec::new();
    file.take(limit.saturating_add(1)).read_to_end(&mut content)?;
    Ok(content)
}
