//! The keys of a `[[strategy]]`.

use std::collections::BTreeMap;
use std::time::Duration;

use pricing_core::quote::GpuRule;
use serde::Deserialize;

/// A strategy that prices the orders.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct StrategyEntry {
    /// The name in answers.
    pub name: String,
    /// The rate card file; without one the default card.
    #[serde(default)]
    pub rates: Option<String>,
    /// Changes to the rate card, with its own sections and keys.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::scenario::schema::table"))]
    pub set: toml::Table,
    /// The card at which a request that leaves the model open is priced.
    #[serde(default)]
    pub gpu: GpuRule,
    /// A plugin that prices instead of the rate card.
    #[serde(default)]
    pub plugin: Option<String>,
    /// The fuel that a call of the plugin may burn.
    #[serde(default)]
    pub fuel: Option<u64>,
    /// Whether the plugin is of the engine class, as JavaScript and Python need it.
    #[serde(default)]
    pub engine: bool,
    /// A bid price script that prices instead of the rate card.
    #[serde(default)]
    pub script: Option<String>,
    /// Whether the daemon's scale pricing prices instead of the rate card. It takes `AKASH_BID_PRICE_*_SCALE` from `env` or,
    /// where `env` is empty, from the environment of the simulation.
    #[serde(default)]
    pub scale: bool,
    /// The variables that the script sees in addition to `AKASH_OWNER` and `AKASH_DENOM`, or the scales.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// The time that the script may take; 10 s by default.
    #[serde(default, deserialize_with = "super::optional_duration")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::scenario::schema::duration"))]
    pub timeout: Option<Duration>,
    /// What the script is told about an order; `allocated` by default.
    #[serde(default)]
    pub request: Option<ScriptRequestName>,
}

/// What a script is told about an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(serde::Serialize, schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ScriptRequestName {
    /// What the daemon tells since 2024: amounts after commit levels, and the model that was allocated.
    Allocated,
    /// Amounts and cards as the tenant wrote them.
    Written,
}
