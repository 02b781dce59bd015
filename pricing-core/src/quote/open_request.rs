//! Requests whose cards are not known, and every way in which they can be resolved.

use std::borrow::Cow;

use super::cards::{CardGroup, QuotedTarget};
use super::reason::Reason;
use super::tariff::{GpuTariff, candidates};
use crate::budget::Budget;
use crate::gpu::{GpuKind, GpuRequest, GpuSelector};
use crate::order::{Order, ResourceUnit};
use crate::rates::Pricing;

/// The most combinations of an unplaced order that are priced.
const MAX_CHOICES: usize = 256;

/// The targets of an unplaced order for every way in which its open requests can be resolved: one kind per group of
/// cards. This is the Cartesian product, cut off at [`MAX_CHOICES`]; the answer says whether it is complete.
pub(super) fn every_choice(
    targets: &[QuotedTarget],
    order: &Order,
    pricing: &Pricing,
    budget: &Budget<'_>,
) -> Result<(Vec<Vec<QuotedTarget>>, bool), Reason> {
    let mut choices: Vec<Vec<QuotedTarget>> = vec![Vec::new()];
    let mut complete = true;
    // The cost of copying one choice made so far.
    let mut size: usize = 1;
    for (target, unit) in targets.iter().zip(order.group.resources()) {
        let mut ways: Vec<Vec<CardGroup>> = vec![Vec::new()];
        for group in &target.cards {
            let more = ways_of(group, unit, pricing, budget)?;
            complete &= extend(&mut ways, &more, target.cards.len().saturating_mul(32), budget)?;
        }
        budget.take(ways.len().saturating_mul(target.size()))?;
        let ways: Vec<QuotedTarget> = ways.into_iter().map(|cards| target.with_cards(cards)).collect();
        size = size.saturating_add(target.size());
        complete &= extend(&mut choices, &ways, size, budget)?;
    }
    Ok((choices, complete))
}

/// The request that a group of cards leaves open without an inventory: the order's own, or the narrower one that the
/// daemon named.
pub(super) fn open_request<'a>(group: &CardGroup, unit: &'a ResourceUnit) -> Cow<'a, GpuRequest> {
    if group.kinds == unit.gpu.named_kinds() || group.kinds.iter().any(|kind| kind.vendor() == "*") {
        return Cow::Borrowed(&unit.gpu);
    }
    let selector = |kind: &GpuKind| GpuSelector::new(kind.vendor(), kind.model(), kind.ram(), kind.interface());
    Cow::Owned(GpuRequest { alternatives: group.kinds.iter().map(selector).collect(), ..unit.gpu.clone() })
}

/// The cards of one group, once for each kind that it may be. The group itself if no kind is known, or none has a price:
/// pricing then says why.
fn ways_of(
    group: &CardGroup,
    unit: &ResourceUnit,
    pricing: &Pricing,
    budget: &Budget<'_>,
) -> Result<Vec<CardGroup>, Reason> {
    let kinds = if group.known {
        group.kinds.clone()
    } else {
        let kinds = candidates(GpuTariff::of(pricing), &open_request(group, unit), |steps| budget.take(steps));
        match kinds {
            Err(reason) if budget.spent().is_some() => return Err(reason),
            kinds => kinds.unwrap_or_default(),
        }
    };
    let mut ways: Vec<CardGroup> = Vec::new();
    for kind in kinds {
        budget.take(ways.len().saturating_add(16))?;
        let way = CardGroup { kinds: vec![kind], known: true, candidates: Vec::new(), ..group.clone() };
        // A daemon can name a kind twice.
        if !ways.contains(&way) {
            ways.push(way);
        }
    }
    Ok(if ways.is_empty() { vec![group.clone()] } else { ways })
}

/// Extends every choice by each of the ways, at `size` steps per copy. False if the result was cut off.
fn extend<T: Clone>(choices: &mut Vec<Vec<T>>, ways: &[T], size: usize, budget: &Budget<'_>) -> Result<bool, Reason> {
    let number = choices.len().saturating_mul(ways.len());
    budget.take(number.min(MAX_CHOICES).saturating_mul(size))?;
    let extended =
        choices.iter().flat_map(|chosen| ways.iter().map(|way| chosen.iter().chain([way]).cloned().collect()));
    *choices = extended.take(MAX_CHOICES).collect();
    Ok(number <= MAX_CHOICES)
}
