//! What a quote is asked for.

use super::{QuotedTarget, Terms};
use crate::budget::Budget;
use crate::inventory::Cluster;
use crate::inventory::utilisation::Utilisation;
use crate::order::Order;
use crate::rates::Pricing;
use crate::reserve::Scheduler;

/// What is known of the cluster that the order would run on.
#[derive(Clone, Copy, Debug)]
pub enum Supply<'a> {
    /// Nothing. Capacity is not checked, and a wildcard can be any GPU that the rate card lists.
    Unknown,
    /// An inventory, on which the order is placed.
    Reserve {
        /// The inventory.
        cluster: &'a Cluster,
        /// Who places.
        scheduler: Scheduler,
    },
    /// The daemon has reserved already: capacity is not asked again, and the inventory only says which cards there are.
    AlreadyReserved {
        /// The inventory.
        cluster: &'a Cluster,
    },
    /// The daemon says where the order goes and what it gets: see [`QuotedTarget::given`].
    Given {
        /// One target a unit, in their order.
        targets: &'a [QuotedTarget],
    },
}

/// Everything that a quote depends on.
#[derive(Clone, Copy, Debug)]
pub struct QuoteRequest<'a> {
    /// The order.
    pub order: &'a Order,
    /// The operator's rates and policy.
    pub pricing: &'a Pricing,
    /// What is known of the cluster.
    pub supply: Supply<'a>,
    /// How full that cluster is, which only plugins ask. It is computed once for each snapshot, so that it is not part
    /// of `supply`.
    pub utilisation: Option<&'a Utilisation>,
    /// Who ordered, what an AKT is worth, and what may be spent on the request.
    pub terms: Terms<'a>,
}

impl<'a> QuoteRequest<'a> {
    /// A request without a utilisation.
    #[must_use]
    pub fn new(order: &'a Order, pricing: &'a Pricing, supply: Supply<'a>, terms: &Terms<'a>) -> Self {
        Self { order, pricing, supply, utilisation: None, terms: *terms }
    }

    /// Does work on a budget: the request's, or one of its own.
    pub(super) fn within_budget<R>(&self, work: impl FnOnce(&QuoteRequest<'_>, &Budget<'_>) -> R) -> R {
        self.terms.within_budget(|terms, budget| work(&QuoteRequest { terms: *terms, ..*self }, budget))
    }
}
