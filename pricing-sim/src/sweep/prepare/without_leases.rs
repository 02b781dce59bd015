//! What a cell says of its cluster before any lease begins.

use pricing_core::gpu::GpuKind;
use pricing_core::inventory::ledger::Ledger;
use pricing_core::money::Usd;
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
        let count = self.cluster.cards().iter().filter(|card| wanted(&card.kind)).count();
        u64::try_from(count).unwrap_or(u64::MAX)
    }

    /// What the first strategy charges for each order in USD a month, on the cluster without any leases. None where it does
    /// not bid.
    pub fn prices_without_leases<'a>(&self, arrivals: impl Iterator<Item = &'a Arrival>) -> Vec<Option<Usd>> {
        let ledger = Ledger::new((*self.cluster).clone());
        let price = |arrival: &Arrival| {
            let ask = Ask {
                order: &arrival.order,
                owner: arrival.owner.as_deref().map(Untrusted::new),
                ledger: &ledger,
                scheduler: self.scheduler,
                budget: self.budget,
                usd_per_akt: self.usd_per_akt,
            };
            self.strategies.first().and_then(|strategy| strategy.price(&ask).quote.usd_per_month)
        };
        arrivals.map(price).collect()
    }
}
