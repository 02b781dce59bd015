//! Files that were not loaded, and what becomes of the orders that they should have priced.

use std::io;

use pricing_core::quote::plugin::Draft;
use pricing_core::quote::{FallbackBy, PluginUse, Quote};

use crate::fallback::fall_back;
use crate::fault::Fault;

/// Why a plugin could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file cannot be read.
    #[error("the file cannot be read: {0}")]
    Unreadable(#[from] io::Error),
    /// The file is not a plugin that may run here.
    #[error(transparent)]
    Rejected(#[from] Rejected),
}

/// A file that was not loaded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{fault}")]
pub struct Rejected {
    /// The name that the plugin would have.
    pub name: String,
    /// The digest of the file.
    pub digest: String,
    /// Why it was not loaded.
    pub fault: Fault,
}

impl Rejected {
    /// The quote for an order that the plugin should have priced: a fault, or the result of the fallback.
    #[must_use]
    pub fn quote(&self, draft: Draft, fallback: Option<FallbackBy>) -> Quote {
        let plugin = PluginUse { name: self.name.clone(), digest: self.digest.clone(), fuel: None, fallback: None };
        match draft {
            Draft::Settled(quote) => Quote { plugin: Some(plugin), ..quote },
            Draft::Open(draft) => {
                let stand_in = fallback.filter(|by| *by == FallbackBy::Builtin).map(|by| (by, draft.clone()));
                fall_back(&draft, plugin, self.fault.clone().into(), stand_in)
            }
        }
    }
}
