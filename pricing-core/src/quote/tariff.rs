//! What a card costs, and the cards that a request may resolve to as far as the rate card knows.

use super::card_price::PricedCard;
use super::reason::{Reason, ReasonCode};
use crate::budget::Spent;
use crate::gpu::{GpuKind, GpuRequest};
use crate::rates::{GpuRate, GpuRates, Pricing, UnlistedGpu};

/// The settings that decide the price of a card.
#[derive(Clone, Copy, Debug)]
pub(super) struct GpuTariff<'a> {
    pub(super) gpu: &'a GpuRates,
    pub(super) unlisted: UnlistedGpu,
}

impl<'a> GpuTariff<'a> {
    pub(super) fn of(pricing: &'a Pricing) -> Self {
        Self { gpu: &pricing.rates.gpu, unlisted: pricing.policy.unlisted_gpu }
    }
}

/// The kinds that a request may resolve to as far as the rate card knows: for each alternative the cards that the rate
/// card names, and those that it does not name if they have a price.
///
/// An alternative that names a model without any price is a decline, since the order might get that card. `*`, and a
/// model that leaves RAM or interface open, resolve to whatever is priced.
pub(super) fn candidates(
    tariff: GpuTariff<'_>,
    request: &GpuRequest,
    take: impl Fn(usize) -> Result<(), Spent>,
) -> Result<Vec<GpuKind>, Reason> {
    let (gpu, entries) = (tariff.gpu, tariff.gpu.entries().len());
    let mut kinds: Vec<GpuKind> = Vec::new();
    let mut add = |cards: Vec<GpuKind>| -> Result<bool, Spent> {
        let mut any = false;
        for card in cards {
            // Each card is looked up, and compared with the known ones.
            take(entries.saturating_add(kinds.len()).saturating_add(16))?;
            if priced(tariff, &card).is_err() {
                continue;
            }
            any = true;
            if !kinds.contains(&card) {
                kinds.push(card);
            }
        }
        Ok(any)
    };
    for selector in &request.alternatives {
        take(entries.saturating_add(8))?;
        if !add(gpu.cards_within(selector))? && selector.model().is_some() {
            return Err(no_rate(selector));
        }
    }
    if request.alternatives.is_empty() {
        let named = gpu.entries().iter().map(GpuRate::card);
        add(named.chain(request.named_kinds()).collect())?;
    }
    if kinds.is_empty() { Err(unlisted(request)) } else { Ok(kinds) }
}

/// Whether any card that a request allows has a price.
pub(super) fn is_priceable(pricing: &Pricing, request: &GpuRequest) -> bool {
    let gpu = &pricing.rates.gpu;
    let listed = match request.alternatives.as_slice() {
        [] => !gpu.entries().is_empty(),
        alternatives => alternatives.iter().any(|selector| gpu.prices_some(selector)),
    };
    listed || pricing.policy.unlisted_gpu != UnlistedGpu::Decline
}

/// The rate of a card, or the reason why it has none.
pub(super) fn priced(tariff: GpuTariff<'_>, kind: &GpuKind) -> Result<PricedCard, Reason> {
    let priced = |usd, rate: &str| PricedCard { kind: kind.clone(), usd, rate: rate.to_owned() };
    match (tariff.gpu.lookup(kind), tariff.unlisted) {
        (Some(rate), _) => Ok(priced(rate.usd(), rate.key())),
        (None, UnlistedGpu::Price(usd)) => Ok(priced(usd, "unlisted_gpu")),
        (None, UnlistedGpu::Decline) => Err(no_rate(kind)),
    }
}

fn no_rate(what: impl core::fmt::Display) -> Reason {
    let message = format!(
        "the rate card has no entry for `{what}`; add one, or `\"*\"` under [rates.gpu], or a price for `unlisted_gpu`"
    );
    Reason::new(ReasonCode::UnlistedGpu, message)
}

/// The decline of a request for which no card has a rate.
pub(super) fn unlisted(request: &GpuRequest) -> Reason {
    let named: Vec<String> = request.named_kinds().iter().map(ToString::to_string).collect();
    no_rate(named.join("`, `"))
}
