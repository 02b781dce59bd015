//! What a cell says of its cluster before any lease begins.

use pricing_core::gpu::GpuKind;
use pricing_core::inventory::ledger::Ledger;
use pricing_core::money::Usd;
use pricing_core::quote::Quote;
use pricing_core::text::Untrusted;

use super::Prepared;
use crate::strategy::Ask;
use crate::stream::Arrival;

impl Prepared {
    /// How many cards the cluster has: of some kinds of card `VENDOR/MODEL`, separated by `|`, or of all. A model `*` is any.
    #[must_use]
    pub fn cards(&self, kinds: Option<&str>) -> u64 {
        let is = |kind: &str, card: &GpuKind| {
            kind.split_once('/')
                .is_some_and(|(vendor, model)| vendor == card.vendor() && ["*", card.model()].contains(&model))
        };
        let wanted = |card: &GpuKind| kinds.is_none_or(|kinds| kinds.split('|').any(|kind| is(kind, card)));
        let cards =
            self.cluster.nodes().iter().flat_map(|node| &node.cards).filter_map(|card| self.cluster.card(*card));
        let count = cards.filter(|card| wanted(&card.kind)).count();
        u64::try_from(count).unwrap_or(u64::MAX)
    }

    /// What the first strategy charges for each order in USD a month, on the cluster without any leases. None where it comes
    /// to no price. A price may be above the tenant's maximum.
    pub fn prices_without_leases<'a>(&self, arrivals: impl Iterator<Item = &'a Arrival>) -> Vec<Option<Usd>> {
        self.quotes_without_leases(arrivals, |quote| quote.usd_per_month)
    }

    /// The same of the orders that it bids on. None for the others.
    pub(crate) fn bids_without_leases<'a>(&self, arrivals: impl Iterator<Item = &'a Arrival>) -> Vec<Option<Usd>> {
        self.quotes_without_leases(arrivals, |quote| quote.price().and(quote.usd_per_month))
    }

    fn quotes_without_leases<'a, R>(
        &self,
        arrivals: impl Iterator<Item = &'a Arrival>,
        of: impl Fn(&Quote) -> Option<R>,
    ) -> Vec<Option<R>> {
        let ledger = Ledger::new((*self.cluster).clone());
        let quoted = |arrival: &Arrival| {
            let ask = Ask {
                order: &arrival.order,
                owner: arrival.owner.as_deref().map(Untrusted::new),
                ledger: &ledger,
                scheduler: self.scheduler,
                prefer: self.prefer,
                predict: self.predicted(),
                budget: self.budget,
                usd_per_akt: self.usd_per_akt,
            };
            self.strategies.first().and_then(|strategy| of(&strategy.price(&ask).quote))
        };
        arrivals.map(quoted).collect()
    }
}
