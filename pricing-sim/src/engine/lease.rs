//! What leases pay, and what the cards that they were handed cost.

use pricing_core::gpu::GpuKind;
use pricing_core::inventory::Cluster;
use pricing_core::inventory::ledger::Lease;
use pricing_core::money::{ArithmeticOverflow, Price, Usd, UsdPerAkt, line_usd, per_month};
use pricing_core::order::{Order, ResourceUnit};
use pricing_core::quote::{QuotedTarget, Terms, usd_of_allocated_cards};
use pricing_core::rates::{Chain, CoinValue, Pricing};

use crate::result::{cards_of, kinds_joined};
use crate::stream::Arrival;
use crate::time::{Millis, SECONDS_PER_MONTH};

/// Converts USD per month to USD over a time, rounded half to even to 12 decimals.
///
/// # Errors
/// When it overflows the exact decimals.
pub fn leased_usd(usd_per_month: Usd, time: Millis) -> Result<Usd, ArithmeticOverflow> {
    line_usd(u128::from(time), SECONDS_PER_MONTH.saturating_mul(1000), usd_per_month)
}

/// A price per block in USD per month. None if the chain does not price its denom, or the denom has no value.
#[must_use]
pub fn usd_of_price(price: &Price, chain: &Chain, usd_per_akt: Option<UsdPerAkt>) -> Option<Usd> {
    let token = chain.denoms.get(price.denom())?;
    let usd_per_coin = match (&token.value, usd_per_akt) {
        (CoinValue::Fixed(usd), _) => usd.decimal(),
        (CoinValue::Feed(_), usd) => usd?.get(),
    };
    per_month(price.amount(), chain.blocks_per_month, usd_per_coin, token.exponent).ok()
}

/// The price of the cards that were handed out, in USD per month, by the strategy's own rates. None if these have no
/// price for one of the cards.
#[must_use]
pub fn own_usd(
    arrival: &Arrival,
    pricing: &Pricing,
    placed: &[QuotedTarget],
    lease: &Lease,
    cluster: &Cluster,
    terms: &Terms<'_>,
) -> Option<Usd> {
    let allocated = handed_out(&arrival.order, placed, lease, cluster);
    usd_of_allocated_cards(&arrival.order, pricing, &allocated, terms).ok()
}

/// The kinds of the cards that an order was handed, as [`kinds_joined`] writes them. Empty without cards.
#[must_use]
pub fn cards_handed_out(order: &Order, placed: &[QuotedTarget], lease: &Lease, cluster: &Cluster) -> String {
    if placed.iter().flat_map(|target| &target.cards).all(|group| group.kinds.len() == 1) {
        // Nothing else could be handed out.
        return cards_of(placed);
    }
    kinds_joined(handed_out(order, placed, lease, cluster).iter().flatten())
}

/// The cards that each unit was handed, as many as it is billed for.
fn handed_out(order: &Order, placed: &[QuotedTarget], lease: &Lease, cluster: &Cluster) -> Vec<Vec<GpuKind>> {
    let mut piles = Piles::new(lease, cluster);
    let units = order.group.resources().iter().zip(placed);
    units.map(|(unit, target)| of_unit(unit, target, &mut piles)).collect()
}

/// Deals cards to one unit, group by group.
fn of_unit(unit: &ResourceUnit, target: &QuotedTarget, piles: &mut Piles<'_>) -> Vec<GpuKind> {
    let mut allocated = Vec::new();
    for group in &target.cards {
        let kinds: Vec<String> = group.kinds.iter().map(ToString::to_string).collect();
        let billed = unit.gpu.units.saturating_mul(u64::from(group.replicas));
        for _ in 0..billed {
            let Some(card) = piles.next(group.node.as_deref().unwrap_or(""), &kinds) else { break };
            allocated.push(card.clone());
        }
    }
    allocated
}

/// The cards of a lease, to be dealt to its units. The ledger only records cards by node and accepted kinds, so units
/// with the same kinds on one node share a pile, and any way to divide it is equally right. If fewer cards were
/// reserved than are billed (overcommit), dealing starts over from the first card.
struct Piles<'a>(Vec<Pile<'a>>);

struct Pile<'a> {
    node: &'a str,
    kinds: &'a [String],
    cards: Vec<&'a GpuKind>,
    dealt: usize,
}

impl<'a> Piles<'a> {
    /// Makes one pile per node and list of accepted kinds.
    fn new(lease: &'a Lease, cluster: &'a Cluster) -> Self {
        let mut piles = Vec::new();
        for (id, taken) in lease.nodes() {
            let Some(node) = cluster.node(*id) else { continue };
            for allocated in &taken.allocated {
                let cards = allocated.cards.iter().filter_map(|id| cluster.card(*id)).map(|card| &card.kind);
                piles.push(Pile { node: &node.name, kinds: &allocated.kinds, cards: cards.collect(), dealt: 0 });
            }
        }
        Self(piles)
    }

    fn next(&mut self, node: &str, kinds: &[String]) -> Option<&'a GpuKind> {
        let pile = self.0.iter_mut().find(|pile| pile.node == node && pile.kinds == kinds)?;
        let card = pile.cards.get(pile.dealt.checked_rem(pile.cards.len())?).copied();
        pile.dealt = pile.dealt.saturating_add(1);
        card
    }
}
