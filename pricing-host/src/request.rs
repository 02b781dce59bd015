//! The request to a plugin.

use pricing_core::inventory::utilisation::Utilisation;
use pricing_core::order::Order;
use pricing_core::quote::{Quote, Terms};
use pricing_core::rates::Pricing;

/// Everything that a plugin's price can depend on.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The order.
    pub order: &'a Order,
    /// The operator's rates and policy.
    pub pricing: &'a Pricing,
    /// The built-in quote, with the order's targets.
    pub draft: &'a Quote,
    /// The utilisation of the cluster, if an inventory is known.
    pub utilisation: Option<&'a Utilisation>,
    /// The owner, and the price of an AKT.
    pub terms: &'a Terms<'a>,
}
