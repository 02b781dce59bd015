//! The strategies of a scenario, with their plugins and scripts loaded.

use pricing_core::quote::scale::Scales;
use pricing_host::{Plugin, PluginHost, SizeClass};

use super::SimulationEnvironment;
use crate::files::Files;
use crate::scenario::{self, RatesEntry, ScenarioError, ScriptRequestName, StrategyEntry};
use crate::strategy::{Pricer, Script, ScriptOrder, Strategy, plugin_settings};
use crate::sweep::shared::Shared;

/// Loads a strategy. Cells share plugins and scripts that have the same settings.
pub(super) fn strategy(
    entry: &StrategyEntry,
    files: &Files,
    host: &dyn SimulationEnvironment,
    shared: &mut Shared,
) -> Result<Strategy, ScenarioError> {
    let rates = RatesEntry { rates: entry.rates.clone(), set: entry.set.clone() };
    let pricer = match (&entry.plugin, &entry.script) {
        (Some(name), _) => {
            let key = format!("{:?}", (name, entry.engine, entry.fuel));
            Pricer::Plugin(shared.plugin(key, host, |host| plugin(name, entry, files, host))?)
        }
        (_, Some(name)) => {
            let key = format!("{:?}", (name, &entry.env, entry.timeout, entry.request));
            Pricer::Script(shared.script(key, || script(entry, name, files))?)
        }
        _ if entry.scale => Pricer::Scale(scales(entry)?),
        _ => Pricer::Builtin(entry.gpu),
    };
    Ok(Strategy { name: entry.name.clone(), pricing: scenario::pricing(&rates, files)?, pricer })
}

/// The scales of a strategy, checked as the daemon does.
fn scales(entry: &StrategyEntry) -> Result<Scales, ScenarioError> {
    let wrong = |error| ScenarioError::Run(format!("strategy `{}`: {error}", entry.name));
    Scales::check_names(entry.env.keys().map(String::as_str)).map_err(wrong)?;
    Scales::read(|name| entry.env.get(name).cloned()).map_err(wrong)
}

/// Checks that a script starts. Otherwise every order would be a fault, and nobody would notice before the end.
fn script(entry: &StrategyEntry, name: &str, files: &Files) -> Result<Script, ScenarioError> {
    let timeout = entry.timeout.unwrap_or(crate::strategy::SCRIPT_TIMEOUT);
    let mut script = Script::new(files.path(name), entry.env.clone(), timeout);
    script.order = match entry.request {
        None | Some(ScriptRequestName::Allocated) => ScriptOrder::Allocated,
        Some(ScriptRequestName::Written) => ScriptOrder::Written,
    };
    let wrong = |error| ScenarioError::Run(format!("strategy `{}`: {error}", entry.name));
    script.check().map_err(wrong)?;
    Ok(script)
}

fn plugin(name: &str, entry: &StrategyEntry, files: &Files, host: &PluginHost) -> Result<Plugin, ScenarioError> {
    let class = if entry.engine { SizeClass::Engine } else { SizeClass::Standard };
    let settings = plugin_settings(class, entry.fuel);
    host.open(&files.path(name), settings).map_err(|error| ScenarioError::Run(format!("plugin `{name}`: {error}")))
}
