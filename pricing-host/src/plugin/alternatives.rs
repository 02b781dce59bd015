//! Every way in which an order's cards could fall, priced by a plugin.

use pricing_core::inventory::utilisation::Utilisation;
use pricing_core::order::Order;
use pricing_core::quote::plugin::{Answer, drafts_of_alternatives};
use pricing_core::quote::{Alternative, Alternatives, FallbackBy, Reason, Supply, Terms};
use pricing_core::rates::Pricing;

use super::Plugin;
use crate::request::Request;

impl Plugin {
    /// Prices every distinct set of GPU kinds that an order could be allocated, cheapest first.
    ///
    /// # Errors
    /// When no plugin is asked, the search for placements was given up, or the plugin failed and no fallback is named.
    pub fn alternatives(
        &self,
        order: &Order,
        pricing: &Pricing,
        supply: Supply<'_>,
        utilisation: Option<&Utilisation>,
        terms: &Terms<'_>,
    ) -> Result<Alternatives, Reason> {
        let fallback = self.settings().fallback;
        let (drafts, complete) = drafts_of_alternatives(order, pricing, supply, terms)?;
        let mut list = Vec::new();
        for draft in &drafts {
            let called = self.call(&Request { order, pricing, draft, utilisation, terms });
            // No change is the built-in price.
            let answer = match (called.answer, called.result) {
                (Some(answer), Ok(_)) => answer,
                (_, Err(_)) if fallback == Some(FallbackBy::Builtin) => Answer::Change(Vec::new()),
                (_, Err(fault)) => return Err(fault.into()),
                (None, Ok(_)) => continue,
            };
            list.extend(Alternative::by_plugin(order, pricing, draft, &answer, terms));
        }
        Ok(Alternatives::cheapest_first(list, complete))
    }
}
