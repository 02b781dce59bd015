//! What leases pay, and what the cards that they were handed cost.

use pricing_core::gpu::GpuKind;
use pricing_core::inventory::ledger::{Lease, Ledger};
use pricing_core::money::{ArithmeticOverflow, Usd, line_usd};
use pricing_core::quote::{CardGroup, Quote, QuotedTarget, Supply, Terms, quote};
use pricing_core::rates::Pricing;

use super::Setup;
use crate::stream::Arrival;
use crate::time::{Millis, SECONDS_PER_MONTH};

/// What USD a month come to over a time, rounded half-even to 12 decimals.
///
/// # Errors
/// When it outgrows the exact decimals.
pub fn leased_usd(usd_per_month: Usd, time: Millis) -> Result<Usd, ArithmeticOverflow> {
    line_usd(u128::from(time), SECONDS_PER_MONTH.saturating_mul(1000), usd_per_month)
}

/// What the strategy's own rates make of the cards that were handed out. None where they price one of them not at all.
///
/// Each card is billed by itself: the mean over the cards of a replica's group is what the group's cards cost.
#[must_use]
pub fn own_usd(
    arrival: &Arrival,
    pricing: &Pricing,
    placed: &Quote,
    lease: &Lease,
    ledger: &Ledger,
    setup: &Setup<'_>,
) -> Option<Usd> {
    let _ = (arrival, pricing, placed, lease, ledger, setup);
    let terms = Terms { owner: arrival.owner.as_deref(), usd_per_akt: setup.usd_per_akt, ..Terms::default() };
    let targets = handed_targets(placed, lease, ledger);
    quote(&arrival.order, pricing, Supply::Given { targets: &targets }, &terms).usd_per_month
}

/// The targets with the cards that were handed out.
fn handed_targets(placed: &Quote, lease: &Lease, ledger: &Ledger) -> Vec<QuotedTarget> {
    let cluster = ledger.cluster();
    let mut targets = placed.targets.clone();
    for target in &mut targets {
        for group in &mut target.cards {
            let node = lease.nodes().iter().find(|(id, _)| {
                cluster.node(*id).is_some_and(|node| Some(&*node.name) == group.node.as_deref())
            });
            let Some((_, taken)) = node else { continue };
            let handed = taken.cards.iter().filter_map(|id| cluster.card(*id)).map(|card| &card.kind);
            let first: Option<&GpuKind> = handed.into_iter().find(|kind| group.kinds.contains(kind));
            if let Some(kind) = first.cloned() {
                *group = CardGroup { kinds: vec![kind], ..group.clone() };
            }
        }
    }
    targets
}
