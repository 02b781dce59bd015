//! Texts of decisions, each in memory once.

use std::collections::BTreeSet;
use std::sync::Arc;

/// Texts that many orders share.
#[derive(Clone, Debug, Default)]
pub(super) struct Names(BTreeSet<Arc<str>>);

impl Names {
    /// The text, in the allocation that it has already.
    pub(super) fn shared(&mut self, text: String) -> Arc<str> {
        if let Some(known) = self.0.get(text.as_str()) {
            return Arc::clone(known);
        }
        let name: Arc<str> = Arc::from(text);
        self.0.insert(Arc::clone(&name));
        name
    }
}
