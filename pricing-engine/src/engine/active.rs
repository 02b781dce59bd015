//! The active configuration, with its plugins opened.

use std::sync::Arc;

use pricing_core::budget::SearchBudget;

use super::plugin::{OpenPlugin, PluginOpener, Role};
use crate::config::{ConfigError, Loaded, LoadedRates};
use crate::decision::Settings;

/// The active configuration.
#[derive(Debug)]
pub struct Active {
    /// The configuration and the rates.
    pub loaded: Loaded,
    /// The settings that orders are priced with.
    pub settings: Arc<Settings>,
    /// The plugin that prices.
    pub plugin: Option<OpenPlugin>,
    /// The second pricing of every order.
    pub shadow: Option<ActiveShadow>,
}

/// The second pricing of every order.
#[derive(Debug)]
pub struct ActiveShadow {
    /// Its settings.
    pub settings: Arc<Settings>,
    /// Its plugin.
    pub plugin: Option<OpenPlugin>,
}

impl Active {
    /// Opens the plugins of a configuration, and reuses those of the previous one that have not changed. The plugin
    /// that prices comes last: a refreshed file takes over at once, so nothing may fail after it.
    pub(super) fn open(loaded: Loaded, before: Option<&Self>, opening: &PluginOpener) -> Result<Self, ConfigError> {
        let config = &loaded.config;
        let open = |plugin, role| OpenPlugin::open(plugin, &config.limits, role, opening);
        let shadow_plugin = config.shadow.as_ref().and_then(|shadow| shadow.plugin.as_ref());
        let open_shadow = before.and_then(|before| before.shadow.as_ref()?.plugin.as_ref());
        let shadow_plugin = match (shadow_plugin, open_shadow) {
            (Some(new), Some(opened)) if opened.is_as(new) && opened.is_the_file() => Some(opened.clone()),
            (Some(new), _) => Some(open(new, Role::Shadow)?),
            (None, _) => None,
        };
        let plugin = match (&config.plugin, before.and_then(|before| before.plugin.as_ref())) {
            (Some(new), Some(opened)) if opened.is_as(new) => {
                opened.refresh()?;
                Some(opened.clone())
            }
            (Some(new), _) => Some(open(new, Role::Pricing)?),
            (None, _) => None,
        };
        let priced = settings_of(&loaded, &loaded.rates, plugin.as_ref());
        let explore = config.explore.as_ref().map(Into::into);
        let settings = Arc::new(Settings { explore, ..priced });
        let shadow = config.shadow.as_ref().map(|_| {
            let rates = loaded.shadow_rates.as_ref().unwrap_or(&loaded.rates);
            ActiveShadow {
                settings: Arc::new(settings_of(&loaded, rates, shadow_plugin.as_ref())),
                plugin: shadow_plugin,
            }
        });
        let active = Self { settings, plugin, shadow, loaded };
        for warning in active.scheduler_warnings() {
            tracing::warn!(warning, "the scheduler's configuration is not understood entirely");
        }
        Ok(active)
    }

    /// What in the scheduler's configuration is not understood, with its file and place.
    #[must_use]
    pub fn scheduler_warnings(&self) -> Vec<String> {
        let file = self.loaded.config.kubernetes.scheduler_config.as_ref();
        file.map(|file| self.loaded.scheduler.told(file)).unwrap_or_default()
    }

    /// Returns the shadow's settings.
    pub(super) fn shadow_settings(&self) -> Option<Settings> {
        self.shadow.as_ref().map(|shadow| Settings::clone(&shadow.settings))
    }

    /// Returns the plugins in use: the one that prices, then the shadow's.
    pub(super) fn plugins(&self) -> impl Iterator<Item = &OpenPlugin> {
        self.plugin.iter().chain(self.shadow.as_ref().and_then(|shadow| shadow.plugin.as_ref()))
    }
}

/// The settings without exploration, which is for the prices that are answered.
fn settings_of(loaded: &Loaded, rates: &LoadedRates, plugin: Option<&OpenPlugin>) -> Settings {
    let reserve = &loaded.config.reserve;
    Settings {
        rates: rates.clone(),
        plugin: plugin.map(|opened| opened.plugin().clone()),
        scheduler: reserve.scheduler,
        prefer: reserve.prefer,
        budget: SearchBudget { steps: reserve.search_steps },
        kubernetes: loaded.scheduler.clone(),
        explore: None,
    }
}
