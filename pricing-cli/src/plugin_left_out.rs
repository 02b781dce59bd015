//! Stands in for `plugin.rs` in a build without plugins, in which only the built-in pricer prices.

use std::path::Path;
use std::process::ExitCode;

use pricing_core::inventory::utilisation::Utilisation;
use pricing_core::order::Order;
use pricing_core::quote::{Alternatives, FallbackBy, Quote, Reason, Supply, Terms};
use pricing_core::rates::Pricing;

use crate::args::PluginArgs;
use crate::error::CliError;
use crate::left_out::QUOTE_PLUGIN;

/// A plugin that may price: there is none.
pub(crate) enum Pricer {}

impl Pricer {
    /// Refuses: to price without the plugin that was asked for would be a wrong price.
    pub(crate) fn open(_: &Path, _: &PluginArgs, _: Option<FallbackBy>) -> Result<Self, CliError> {
        Err(CliError::Usage(QUOTE_PLUGIN.refusal()))
    }

    pub(crate) fn quote(&self, _: &Order, _: &Pricing, _: Supply<'_>, _: Option<&Utilisation>, _: &Terms<'_>) -> Quote {
        match *self {}
    }

    pub(crate) fn alternatives(
        &self,
        _: &Order,
        _: &Pricing,
        _: Supply<'_>,
        _: Option<&Utilisation>,
        _: &Terms<'_>,
    ) -> Result<Alternatives, Reason> {
        match *self {}
    }
}

/// What this process is to compile for another: nothing.
pub(crate) fn child() -> Option<ExitCode> {
    None
}
