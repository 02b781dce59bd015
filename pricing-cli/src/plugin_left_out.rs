//! Stands in for `plugin.rs` in a build without plugins, in which only the built-in pricer prices.

use std::path::Path;
use std::process::ExitCode;

use pricing_core::quote::{self, Alternatives, FallbackBy, Quote, QuoteRequest, Reason};

use crate::args::PluginArgs;
use crate::error::CliError;
use crate::left_out::QUOTE_PLUGIN;

/// Who prices an order: the rate card alone.
pub(crate) enum Pricer {
    Builtin,
}

impl Pricer {
    #[expect(clippy::unused_self, reason = "with plugins it matters who prices")]
    pub(crate) fn quote(&self, request: &QuoteRequest<'_>) -> Quote {
        quote::quote(request)
    }

    #[expect(clippy::unused_self, reason = "with plugins it matters who prices")]
    pub(crate) fn alternatives(&self, request: &QuoteRequest<'_>) -> Result<Alternatives, Reason> {
        quote::alternatives(request)
    }
}

/// Refuses: to price without the plugin that was asked for would be a wrong price.
pub(crate) fn open(_: &Path, _: &PluginArgs, _: Option<FallbackBy>) -> Result<Pricer, CliError> {
    Err(CliError::Usage(QUOTE_PLUGIN.refusal()))
}

/// What this process is to compile for another: nothing.
pub(crate) fn child() -> Option<ExitCode> {
    None
}
