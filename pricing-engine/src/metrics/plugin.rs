//! Counts the plugin host's events.

use std::fmt;
use std::sync::Arc;

use pricing_host::metrics::{CallEvent, Metrics as Hook, PluginEvent};

use super::Metrics;

/// Counts the calls of one plugin.
#[derive(Clone, Debug)]
pub struct PluginMetrics {
    metrics: Arc<Metrics>,
    shadow: bool,
}

impl PluginMetrics {
    /// Makes the metrics of the plugin that prices, or of the shadow's.
    #[must_use]
    pub fn new(metrics: Arc<Metrics>, shadow: bool) -> Self {
        Self { metrics, shadow }
    }

    /// Returns the label of a plugin: its name, with the prefix `shadow/` for the shadow's. A file name cannot have a
    /// slash, so labels do not collide.
    pub fn label(&self, name: impl fmt::Display) -> String {
        let shadow = if self.shadow { "shadow/" } else { "" };
        self.metrics.plugin_label(&format!("{shadow}{name}"))
    }
}

impl Hook for PluginMetrics {
    fn call(&self, event: &CallEvent<'_>) {
        let plugin = self.label(event.plugin);
        let metrics = &self.metrics;
        metrics.plugin_calls.get_or_create(&[("plugin", plugin.clone())]).inc();
        metrics.plugin_times.get_or_create(&[("plugin", plugin.clone())]).observe(event.time.as_secs_f64());
        if let Some(code) = event.fault {
            metrics.plugin_faults.get_or_create(&[("plugin", plugin), ("code", code.name().to_owned())]).inc();
        }
    }

    fn plugin(&self, plugin: &str, event: PluginEvent<'_>) {
        let shadow = self.shadow;
        let outcome = match event {
            PluginEvent::Swapped { from, to } => {
                tracing::info!(plugin, shadow, from, to, "a new file of the plugin is in use");
                "taken"
            }
            PluginEvent::SwapRefused { message } => {
                tracing::error!(
                    plugin,
                    shadow,
                    error = message,
                    "a new file of the plugin was refused; the old one stays in use"
                );
                "refused"
            }
            PluginEvent::BreakerOpened => {
                tracing::error!(plugin, shadow, "the plugin failed repeatedly, and is not called for a while");
                return;
            }
        };
        let labels = [("plugin", self.label(plugin)), ("outcome", outcome.to_owned())];
        self.metrics.plugin_swaps.get_or_create(&labels).inc();
    }
}
