//! Replaces `plugin.rs` in a build without plugins. Only the built-in pricer can price.

use std::path::Path;

use pricing_core::quote::{self, Alternatives, FallbackBy, Quote, QuoteRequest, Reason};

use crate::args::PluginArgs;
use crate::error::CliError;
use crate::left_out::QUOTE_PLUGIN;

/// What prices an order: only the rate card.
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

/// Refuses to price. A price without the requested plugin would be wrong.
pub(crate) fn open(_: &Path, _: &PluginArgs, _: Option<FallbackBy>) -> Result<Pricer, CliError> {
    Err(CliError::Usage(QUOTE_PLUGIN.refusal()))
}
