//! The cost of a request's cards and, with a rate card, of its volumes.

use std::collections::BTreeMap;

use ethnum::I256;

use super::amounts::{add, gib};
use super::fixed::{Fixed, multiply};
use super::mappings::{Key, Mappings};
use super::rates::{CompatRates, Source, fixed, readable};
use super::{Refusal, Terms};
use crate::gpu::GpuRequest;
use crate::money::ArithmeticOverflow;
use crate::order::StorageClass;
use crate::order::script_request::{GpuDetails, Object, Resource, ScriptRequest};
use crate::quote::candidates::Candidate;
use crate::quote::choice;
use crate::quote::tariff::{self, GpuTariff};
use crate::rates::{Policy, RateCard};

impl CompatRates {
    /// The cost of the cards per month, in units of 10^-20 dollars.
    pub(super) fn gpu_usd(&self, request: &ScriptRequest<'_>, terms: &Terms<'_>) -> Result<I256, Refusal> {
        let mut sum = I256::ZERO;
        for resource in &request.resources {
            let rate = match self.source() {
                Source::Script(script) => script_rate(resource, &script.gpu, terms.cards)?,
                Source::Card(_) if resource.gpu_units() == 0 => Fixed::ZERO,
                Source::Card(card) => card_rate(&resource.gpu_request(), card, terms.cards)?,
            };
            let cards = u128::from(resource.count.0).checked_mul(u128::from(resource.gpu_units()));
            let cards = cards.and_then(|cards| i128::try_from(cards).ok()).ok_or(ArithmeticOverflow)?;
            if cards != 0 {
                let cost = multiply(I256::from(cards), rate.units());
                sum = cost.and_then(|cost| sum.checked_add(cost)).ok_or(ArithmeticOverflow)?;
            }
        }
        Ok(sum)
    }
}

/// The rate of a resource's cards by the script's rules. If the request leaves the card open and an inventory is known,
/// the most expensive of its matching cards counts.
fn script_rate(resource: &Resource<'_>, mappings: &Mappings, cards: &[Candidate]) -> Result<Fixed, Refusal> {
    let vendors = resource.vendors();
    let details = |vendor| vendors.and_then(|vendors| vendors.get(vendor));
    if !cards.is_empty() && resource.gpu_units() > 0 && leaves_open(resource) {
        let request = resource.gpu_request();
        let matching = cards.iter().map(|card| &card.kind).filter(|kind| request.allows(kind));
        let matching = matching.flat_map(|kind| mappings.cards_of(kind));
        let rates = matching.map(|kind| readable(mappings.card(&kind))).collect::<Result<Vec<_>, _>>()?;
        if let Some(dearest) = rates.into_iter().max() {
            return Ok(dearest);
        }
    }
    if resource.gpu_units() == 0 && mappings.are_readable() {
        return Ok(Fixed::ZERO);
    }
    readable(mappings.requested(&Key::new(details("nvidia"), details("amd"))))
}

/// Whether a request leaves the model, RAM or interface to the provider.
fn leaves_open(resource: &Resource<'_>) -> bool {
    let open = |details: &GpuDetails<'_>| {
        let named = |text: &str| !text.is_empty() && text != "*";
        let parts = [&details.model, &details.ram, &details.interface];
        !parts.into_iter().all(|text| text.as_ref().is_some_and(|text| named(text.exact())))
    };
    let mut vendors = resource.vendors().into_iter().flat_map(|vendors| vendors.iter());
    match vendors.next() {
        None => true,
        Some((_, details)) => open(details) || vendors.next().is_some(),
    }
}

/// The rate of cards by a rate card: among the kinds that may be allocated, by the inventory or else by the rate card
/// itself.
fn card_rate(request: &GpuRequest, card: &(RateCard, Policy), known: &[Candidate]) -> Result<Fixed, Refusal> {
    let (rates, policy) = card;
    let tariff = GpuTariff { gpu: &rates.gpu, unlisted: policy.unlisted_gpu };
    let sized = |card: &Candidate| Candidate { kind: rates.gpu.sized(&card.kind).into_owned(), ..card.clone() };
    let matching: Vec<Candidate> = known.iter().map(sized).filter(|card| request.allows(&card.kind)).collect();
    let chosen = if matching.is_empty() {
        // This is one request of bounded size in a process of its own, so there is no budget.
        tariff::candidates(tariff, request, |_| Ok(()))
            .and_then(|kinds| choice::choose_suggested(tariff, policy.ambiguous_gpu, &kinds))
    } else {
        choice::choose_known(tariff, policy.ambiguous_gpu, &matching)
    };
    let usd = chosen.map_err(Refusal::Policy)?.usd_per_card()?;
    Ok(fixed(usd)?)
}

/// The volumes of a request in units of 10^-12 GiB, with the rates of a rate card.
pub(super) fn volumes(request: &ScriptRequest<'_>, card: &RateCard) -> Result<Vec<(i128, Fixed)>, Refusal> {
    let mut bytes: BTreeMap<&str, u128> = BTreeMap::new();
    for resource in &request.resources {
        for Object(volume) in resource.storage() {
            add(bytes.entry(volume.class.exact()).or_default(), volume.size.0, resource.count.0)?;
        }
    }
    let priced = bytes.into_iter().map(|(class, bytes)| {
        let rate = card.storage(&StorageClass::from_name(class));
        let (usd, _) = rate.ok_or_else(|| Refusal::UnsupportedStorageClass(class.into()))?;
        Ok((gib(bytes)?, fixed(usd)?))
    });
    priced.collect()
}
