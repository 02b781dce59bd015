//! The settings of a host and of its plugins.

use std::path::PathBuf;

use pricing_core::quote::FallbackBy;

use crate::breaker::BreakerSettings;
use crate::compile::Compiler;
use crate::fault::Fault;
use crate::limits::{CallLimits, SizeClass};
use crate::loads::Loads;

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

/// The settings of a plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PluginSettings {
    /// Its size class.
    pub class: SizeClass,
    /// The limits for a call.
    pub limits: CallLimits,
    /// What prices orders if it fails. Default: nothing.
    pub fallback: Option<FallbackBy>,
    /// When it is paused.
    pub breaker: BreakerSettings,
}

impl PluginSettings {
    /// The defaults of a size class.
    #[must_use]
    pub fn new(class: SizeClass) -> Self {
        Self { class, limits: class.call_limits(), fallback: None, breaker: BreakerSettings::default() }
    }

    /// Rejects limits that exceed those of the class.
    pub(crate) fn check(&self) -> Result<(), Fault> {
        let (wanted, most) = (self.limits.memory_bytes, self.class.load_limits().memory_bytes);
        if wanted > most {
            let class = self.class.name();
            let message = format!("a memory limit of {wanted} bytes is more than the {most} of size class `{class}`");
            return Err(Fault::rejected(message));
        }
        Ok(())
    }
}

impl Default for PluginSettings {
    fn default() -> Self {
        Self::new(SizeClass::Standard)
    }
}
