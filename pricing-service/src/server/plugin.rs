//! Opens the plugins that the configuration names.

use pricing_core::quantity::Quantity;
use pricing_core::quote::FallbackBy;
use pricing_host::compile::Compiler;
use pricing_host::{HostSettings, Plugin, PluginHost, PluginSettings, SizeClass};

use crate::config::{self, ConfigError};

/// Opens a plugin.
///
/// # Errors
/// When its file cannot be read or is no plugin that may run here, or its limits make no sense.
pub(super) fn open(config: &config::Plugin, compiler: &Compiler) -> Result<Plugin, ConfigError> {
    let settings = settings(config)?;
    let host = HostSettings { cache: config.cache.clone(), ..HostSettings::new(compiler.clone()) };
    let opened = PluginHost::new(host).open(&config.file, settings);
    opened.map_err(|error| ConfigError::unusable("plugin.file", format!("{}: {error}", config.file.display())))
}

fn settings(config: &config::Plugin) -> Result<PluginSettings, ConfigError> {
    let class = match config.class {
        config::PluginClass::Standard => SizeClass::Standard,
        config::PluginClass::Engine => SizeClass::Engine,
    };
    let mut settings = PluginSettings::new(class);
    settings.fallback = config.fallback.map(|fallback| match fallback {
        config::Fallback::Builtin => FallbackBy::Builtin,
        config::Fallback::LastPlugin => FallbackBy::LastPlugin,
    });
    let limits = &mut settings.limits;
    limits.deadline = config.deadline.map_or(limits.deadline, config::Span::get);
    limits.fuel = config.fuel.unwrap_or(limits.fuel);
    if let Some(text) = &config.memory_limit {
        let parsed = Quantity::parse(text.strip_suffix('B').unwrap_or(text)).ok().and_then(Quantity::whole);
        let expected = || ConfigError::unusable("plugin.memory_limit", "expected a size such as `16Mi`");
        limits.memory_bytes = parsed.filter(|bytes| *bytes > 0).ok_or_else(expected)?;
    }
    Ok(settings)
}
