//! What leases pay, and what the cards that they were handed cost.

use std::collections::BTreeMap;

use pricing_core::gpu::GpuKind;
use pricing_core::inventory::NodeId;
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
/// The cards of a replica's group on a node cost the mean of what the cards that were handed out there would each make
/// the group cost: a group that was handed a T4 and an A100 costs as much as one of each.
#[must_use]
pub fn own_usd(
    arrival: &Arrival,
    pricing: &Pricing,
    placed: &Quote,
    lease: &Lease,
    ledger: &Ledger,
    setup: &Setup<'_>,
) -> Option<Usd> {
    let terms = Terms { owner: arrival.owner.as_deref(), usd_per_akt: setup.usd_per_akt, ..Terms::default() };
    let price =
        |targets: &[QuotedTarget]| quote(&arrival.order, pricing, Supply::Given { targets }, &terms).usd_per_month;
    let mut targets = placed.targets.clone();
    let mut mixed: Vec<((usize, usize), BTreeMap<GpuKind, u64>)> = Vec::new();
    for (unit, target) in targets.iter_mut().enumerate() {
        for (place, group) in target.cards.iter_mut().enumerate() {
            let handed = handed(group, lease, ledger);
            // The others are set beside the first.
            if let Some(first) = handed.keys().next().cloned() {
                group.kinds = vec![first];
                mixed.push(((unit, place), handed));
            }
        }
    }
    let first = price(&targets)?;
    let mut own = first;
    for ((unit, place), handed) in mixed.iter().filter(|(_, handed)| handed.len() > 1) {
        let count = handed.values().fold(0_u64, |sum, more| sum.saturating_add(*more));
        for (kind, cards) in handed.iter().skip(1) {
            let mut other = targets.clone();
            let group = other.get_mut(*unit).and_then(|target| target.cards.get_mut(*place))?;
            group.kinds = vec![kind.clone()];
            let more = price(&other)?.checked_sub(first).ok()?;
            own = own.checked_add(line_usd(u128::from(*cards), count, more).ok()?).ok()?;
        }
    }
    Some(own)
}

/// How many cards of each kind that a group may have were handed out on its node.
fn handed(group: &CardGroup, lease: &Lease, ledger: &Ledger) -> BTreeMap<GpuKind, u64> {
    let cluster = ledger.cluster();
    let is_its = |id: &NodeId| cluster.node(*id).is_some_and(|node| Some(&*node.name) == group.node.as_deref());
    let nodes = lease.nodes().iter().filter(|(id, _)| is_its(id));
    let cards = nodes.flat_map(|(_, taken)| &taken.cards).filter_map(|id| cluster.card(*id)).map(|card| &card.kind);
    let mut kinds = BTreeMap::new();
    for kind in cards.filter(|kind| group.kinds.contains(kind)) {
        let count: &mut u64 = kinds.entry(kind.clone()).or_default();
        *count = count.saturating_add(1);
    }
    kinds
}
