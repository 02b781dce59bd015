//! Opens the plugins of the configuration, and replaces them when their files change.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use pricing_core::quote::ReasonCode;
use pricing_host::compile::Compiler;
use pricing_host::{BreakerState, HostSettings, Loads, Plugin, PluginHost, Refresh};

use super::status::{PluginLoading, PluginStatus};
use crate::config::{self, ConfigError};
use crate::digest::Digest;
use crate::metrics::{Metrics, PluginMetrics};

/// The most probes of a new plugin. Only a missed deadline is tried again, since the machine may be busy.
const PROBES: u32 = 3;

/// What a plugin is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// It prices.
    Pricing,
    /// It prices a second time, for the comparison only.
    Shadow,
}

impl Role {
    fn key(self) -> &'static str {
        match self {
            Self::Pricing => "plugin",
            Self::Shadow => "shadow.plugin",
        }
    }
}

/// Opens plugins with the engine's compiler and metrics.
#[derive(Clone, Debug)]
pub(super) struct PluginOpener {
    /// The compiler, which also inspects them.
    pub(super) compiler: Compiler,
    /// Where their calls are counted.
    pub(super) metrics: Arc<Metrics>,
    /// The plugins that are being inspected and compiled.
    pub(super) loads: Loads,
}

impl PluginOpener {
    pub(super) fn new(compiler: Compiler, metrics: Arc<Metrics>) -> Self {
        Self { compiler, metrics, loads: Loads::default() }
    }

    /// Returns the files that are being inspected and compiled.
    pub(super) fn loading(&self) -> Vec<PluginLoading> {
        let told = |load: pricing_host::Load| PluginLoading { file: load.file, age: load.since.elapsed() };
        self.loads.in_progress().into_iter().map(told).collect()
    }
}

/// A plugin in use.
#[derive(Clone, Debug)]
pub struct OpenPlugin {
    plugin: Plugin,
    config: config::Plugin,
    role: Role,
    label: PluginMetrics,
    /// Why the present content of the file is not in use.
    problem: Arc<Mutex<Option<String>>>,
}

impl OpenPlugin {
    /// Opens a plugin, and probes it with a small order.
    ///
    /// # Errors
    /// When the file cannot be read, is not a plugin that may run here, or does not answer the probe.
    pub(super) fn open(
        config: &config::Plugin,
        limits: &config::Limits,
        role: Role,
        opening: &PluginOpener,
    ) -> Result<Self, ConfigError> {
        let key = || format!("{}.file", role.key());
        let failed = |why: &dyn fmt::Display| ConfigError::unusable(key(), format!("{}: {why}", config.file.display()));
        let settings = config
            .settings()
            .map_err(|message| ConfigError::unusable(format!("{}.memory_limit", role.key()), message))?;
        let mut host = HostSettings {
            cache: config.cache.clone(),
            loads: opening.loads.clone(),
            ..HostSettings::new(opening.compiler.clone())
        };
        if let Some(places) = limits.concurrency {
            host.concurrency = u32::try_from(places).unwrap_or(u32::MAX).clamp(1, 1024);
        }
        let label = PluginMetrics::new(Arc::clone(&opening.metrics), role == Role::Shadow);
        let host = PluginHost::with_metrics(host, Arc::new(label.clone()));
        let plugin = host.open(&config.file, settings).map_err(|error| failed(&error))?;
        if let Some(problem) = host.cache_problem() {
            tracing::warn!(key = role.key(), problem, "compiled plugins are not cached");
        }
        probe(&plugin).map_err(|fault| failed(&format_args!("the probe failed: {fault}")))?;
        Ok(Self { plugin, config: config.clone(), role, label, problem: Arc::default() })
    }

    /// The plugin.
    #[must_use]
    pub fn plugin(&self) -> &Plugin {
        &self.plugin
    }

    /// Its file.
    pub(super) fn file(&self) -> &Path {
        &self.config.file
    }

    /// Returns whether it was opened with this configuration. A changed `limits.concurrency` does not count: it takes
    /// effect when the plugin is opened again.
    pub(super) fn is_as(&self, config: &config::Plugin) -> bool {
        self.config == *config
    }

    /// Replaces the plugin if its file has changed and passes the probe.
    ///
    /// # Errors
    /// When the new file is refused. The previous one stays in use.
    pub(super) fn refresh(&self) -> Result<(), ConfigError> {
        let refresh = self.plugin.refresh();
        let mut problem = self.problem.lock().unwrap_or_else(PoisonError::into_inner);
        match refresh {
            Refresh::Refused(error) => {
                let error = format!("{}: {error}", self.config.file.display());
                *problem = Some(error.clone());
                Err(ConfigError::unusable(format!("{}.file", self.role.key()), error))
            }
            Refresh::Swapped { .. } => {
                *problem = None;
                Ok(())
            }
            Refresh::Unchanged => {
                // The file may have been refused, and then restored to what is in use.
                if problem.is_some() && self.is_the_file() {
                    *problem = None;
                }
                match &*problem {
                    Some(problem) => Err(ConfigError::unusable(format!("{}.file", self.role.key()), problem)),
                    None => Ok(()),
                }
            }
        }
    }

    /// Returns whether the present content of its file is in use.
    pub(super) fn is_the_file(&self) -> bool {
        let file = pricing_host::read_file(&self.config.file, self.plugin.settings().class);
        file.is_ok_and(|file| Digest::of(file).to_string() == self.plugin.digest())
    }

    /// Returns its status.
    pub(super) fn status(&self) -> PluginStatus {
        PluginStatus {
            name: self.plugin.name(),
            digest: self.plugin.digest(),
            breaker: self.breaker(),
            problem: self.problem.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }

    /// Returns its label in the metrics, and the state of its breaker.
    pub(super) fn reading(&self) -> (String, &'static str) {
        (self.label.label(self.plugin.name()), self.breaker())
    }

    fn breaker(&self) -> &'static str {
        match self.plugin.breaker() {
            BreakerState::Closed { .. } => "closed",
            BreakerState::Open { .. } => "open",
            BreakerState::Trying => "half-open",
        }
    }
}

/// Probes a plugin, and tries again when it missed the deadline.
fn probe(plugin: &Plugin) -> Result<(), pricing_host::Fault> {
    let mut left = PROBES;
    loop {
        left = left.saturating_sub(1);
        match plugin.probe() {
            Err(fault) if fault.code == ReasonCode::DeadlineExceeded && left > 0 => {}
            probed => return probed,
        }
    }
}
