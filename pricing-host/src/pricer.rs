//! Who prices an order: the built-in pricer, or a plugin.

use pricing_core::quote::plugin::draft;
use pricing_core::quote::{self, Alternatives, FallbackBy, Quote, QuoteRequest, Reason};

use crate::plugin::Plugin;
use crate::rejected::Rejected;

/// Who prices an order. The command line and the service ask one of these, whatever it is.
#[derive(Clone, Debug)]
pub enum Pricer {
    /// The rate card alone.
    Builtin,
    /// A plugin.
    Plugin(Plugin),
    /// A plugin that could not be loaded, and who stands in for it: without a fallback, every order is a fault.
    Rejected(Box<Rejected>, Option<FallbackBy>),
}

impl Pricer {
    /// Places and prices an order.
    #[must_use]
    pub fn quote(&self, request: &QuoteRequest<'_>) -> Quote {
        match self {
            Self::Builtin => quote::quote(request),
            Self::Plugin(plugin) => plugin.quote(request),
            Self::Rejected(rejected, fallback) => rejected.quote(draft(request), *fallback),
        }
    }

    /// Prices every distinct set of cards that an order could be allocated, cheapest first.
    ///
    /// # Errors
    /// When the order is declined, cannot be placed, or the plugin failed and nobody stands in for it.
    pub fn alternatives(&self, request: &QuoteRequest<'_>) -> Result<Alternatives, Reason> {
        match self {
            Self::Builtin | Self::Rejected(_, Some(FallbackBy::Builtin)) => quote::alternatives(request),
            Self::Plugin(plugin) => plugin.alternatives(request),
            Self::Rejected(rejected, _) => Err(rejected.fault.clone().into()),
        }
    }
}
