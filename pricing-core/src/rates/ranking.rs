//! Kinds of cards in the order of their rates, for a scheduler that may not know money.

use core::cmp::Ordering;

use super::{Pricing, UnlistedGpu};
use crate::gpu::GpuKind;
use crate::money::Usd;
use crate::reserve::KindOrder;

impl KindOrder for Pricing {
    /// The cheaper kind comes first. Kinds without a rate come last: an order that gets one is declined.
    fn compare(&self, one: &GpuKind, other: &GpuKind) -> Ordering {
        rank(self, one).cmp(&rank(self, other))
    }
}

/// Where a kind stands: whether it has no rate, and its rate. If its RAM or interface is not known, the dearest card
/// that it may be counts.
fn rank(pricing: &Pricing, kind: &GpuKind) -> (bool, Option<Usd>) {
    let rate = |card: &GpuKind| match (pricing.rates.gpu.lookup(card), pricing.policy.unlisted_gpu) {
        (Some(rate), _) => Some(rate.usd()),
        (None, UnlistedGpu::Price(usd)) => Some(usd),
        (None, UnlistedGpu::Decline) => None,
    };
    let cards = pricing.rates.gpu.cards_of(kind);
    let ranks = cards.iter().map(rate).map(|rate| (rate.is_none(), rate));
    ranks.max().unwrap_or((true, None))
}
