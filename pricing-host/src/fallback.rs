//! What prices an order instead of a plugin that failed.

use pricing_core::quote::{Fallback, FallbackBy, PluginUse, Quote, Reason, plugin};

/// The quote after a plugin failed: that of the fallback, which is named in it, or the fault.
pub(crate) fn fall_back(
    draft: &Quote,
    plugin: PluginUse,
    fault: Reason,
    stand_in: Option<(FallbackBy, Quote)>,
) -> Quote {
    match stand_in {
        Some((by, quote)) => {
            Quote { plugin: Some(PluginUse { fallback: Some(Fallback { by, fault }), ..plugin }), ..quote }
        }
        None => Quote { plugin: Some(plugin), ..plugin::fault(draft, fault) },
    }
}
