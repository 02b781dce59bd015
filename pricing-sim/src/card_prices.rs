//! What a card costs in the market: the prices of single cards in the bids of a history.
//!
//! A bid is for the whole order. The price of a card is what is left of the bid after the rest of the order (threads,
//! memory, storage, endpoints) was priced by a rate card, divided by the number of cards. Only orders that take one kind
//! of card count. A bid that leaves nothing for the cards says that its provider prices the rest otherwise; it is left
//! out and counted.

use std::collections::BTreeMap;

use pricing_core::gpu::{GpuKind, GpuRequest, GpuSelector};
use pricing_core::money::{Usd, UsdPerAkt, line_usd};
use pricing_core::order::{GroupSpec, Order, ResourceUnit};
use pricing_core::rates::{Owners, Pricing};

use crate::history::{MarketHistory, OrderFacts, Taker};
use crate::market::cost;

/// The prices of cards by kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CardPrices {
    /// The kinds that orders named, sorted.
    pub kinds: Vec<KindPrices>,
    /// Orders that take cards, but of several kinds or of any model.
    pub other_orders: usize,
    /// Bids that leave nothing for the cards.
    pub other_bids: usize,
}

/// The prices of one kind of card, in USD a month for a card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KindPrices {
    /// The kind, as orders name it.
    pub kind: GpuKind,
    /// The bids of others.
    pub rivals: Option<Quantiles>,
    /// The bids that became leases, ours among them.
    pub won: Option<Quantiles>,
}

/// Quantiles of some prices, by the nearest rank: each is one of the prices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quantiles {
    /// The number of prices.
    pub bids: usize,
    /// At least a tenth of them are at most this.
    pub p10: Usd,
    /// At least half of them are at most this.
    pub p50: Usd,
    /// At least nine tenths of them are at most this.
    pub p90: Usd,
}

/// The prices of a kind, while they are collected.
#[derive(Debug, Default)]
struct Prices {
    rivals: Vec<Usd>,
    won: Vec<Usd>,
}

/// The prices of cards in a history, where the rest of an order is priced by `pricing`.
#[must_use]
pub fn card_prices(history: &MarketHistory, pricing: &Pricing, usd_per_akt: Option<UsdPerAkt>) -> CardPrices {
    // Whom a provider serves, and its minimum, say nothing about what the rest of an order costs.
    let mut pricing = pricing.clone();
    pricing.policy.owners = Owners::default();
    pricing.policy.minimum_usd_per_month = Usd::ZERO;
    let mut found = CardPrices::default();
    let mut by_kind: BTreeMap<GpuSelector, Prices> = BTreeMap::new();
    for (arrival, facts) in history.stream.arrivals.iter().zip(&history.facts) {
        let units = arrival.order.group.resources();
        if units.iter().all(|unit| unit.gpu.units == 0) {
            continue;
        }
        let Some((kind, cards)) = only_kind(units) else {
            found.other_orders = found.other_orders.saturating_add(1);
            continue;
        };
        let rest =
            without_cards(&arrival.order).map_or(Some(Usd::ZERO), |rest| cost(&rest, None, &pricing, usd_per_akt).ok());
        let prices = by_kind.entry(kind.clone()).or_default();
        for (usd, ours, won) in bids(facts) {
            let Some(price) = rest.and_then(|rest| of_card(usd, rest, cards)) else {
                found.other_bids = found.other_bids.saturating_add(1);
                continue;
            };
            prices.rivals.extend((!ours).then_some(price));
            prices.won.extend(won.then_some(price));
        }
    }
    found.kinds = by_kind.into_iter().filter_map(|(kind, prices)| kind_prices(&kind, prices)).collect();
    found
}

/// The bids on an order: what it is, whether it is ours, and whether it became the lease.
fn bids(facts: &OrderFacts) -> impl Iterator<Item = (Usd, bool, bool)> + '_ {
    let own = facts.own.map(|usd| (usd, true, facts.taker == Taker::Us));
    let won = |provider| matches!(&facts.taker, Taker::Rival(winner) if winner == provider);
    facts.rivals.iter().map(move |bid| (bid.usd, false, won(&bid.provider))).chain(own)
}

/// The kind of card that an order takes, and how many. None if there are several kinds, or any model will do.
fn only_kind(units: &[ResourceUnit]) -> Option<(&GpuSelector, u64)> {
    let (mut kind, mut cards) = (None, 0_u64);
    for unit in units.iter().filter(|unit| unit.gpu.units > 0) {
        let [only] = unit.gpu.alternatives.as_slice() else { return None };
        if only.model().is_none() || kind.is_some_and(|known| known != only) {
            return None;
        }
        kind = Some(only);
        cards = cards.checked_add(unit.gpu.units.checked_mul(u64::from(unit.count))?)?;
    }
    kind.map(|kind| (kind, cards))
}

/// An order without its cards. None if nothing is left.
fn without_cards(order: &Order) -> Option<Order> {
    let units = order.group.resources().iter();
    let units = units.map(|unit| ResourceUnit { gpu: GpuRequest::default(), ..unit.clone() }).collect();
    let group =
        GroupSpec::new(order.group.name().exact().to_owned(), order.group.requirements().clone(), units).ok()?;
    Some(Order { group, ..order.clone() })
}

/// What a bid leaves for each card. None if it leaves nothing.
fn of_card(usd: Usd, rest: Usd, cards: u64) -> Option<Usd> {
    let left = (usd > rest).then(|| usd.checked_sub(rest).ok()).flatten()?;
    line_usd(1, cards, left).ok().filter(|price| !price.is_zero())
}

fn kind_prices(kind: &GpuSelector, prices: Prices) -> Option<KindPrices> {
    let kind = GpuKind::new(kind.vendor(), kind.model()?, kind.ram().unwrap_or(""), kind.interface().unwrap_or(""));
    Some(KindPrices { kind, rivals: Quantiles::of(prices.rivals), won: Quantiles::of(prices.won) })
}

impl Quantiles {
    /// The quantiles of some prices. None without any.
    #[must_use]
    pub fn of(mut prices: Vec<Usd>) -> Option<Self> {
        prices.sort_unstable();
        let rank = |percent: usize| {
            let rank = prices.len().saturating_mul(percent).div_ceil(100).saturating_sub(1);
            prices.get(rank).copied()
        };
        Some(Self { bids: prices.len(), p10: rank(10)?, p50: rank(50)?, p90: rank(90)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_prices_that_were_bid() {
        let prices = |count: i64| (1..=count).map(|usd| Usd::from_decimal(usd.into())).collect::<Vec<_>>();
        let of = |count| Quantiles::of(prices(count)).map(|q| [q.p10, q.p50, q.p90].map(|usd| usd.to_string()));
        assert_eq!(of(0), None);
        assert_eq!(of(1), Some(["1", "1", "1"].map(str::to_owned)));
        assert_eq!(of(10), Some(["1", "5", "9"].map(str::to_owned)));
        assert_eq!(of(100), Some(["10", "50", "90"].map(str::to_owned)));
    }
}
