//! Screening: the part of a decision that needs no inventory, so that it can be made before anything is reserved.

use super::QuoteRequest;
use super::cards::QuotedTarget;
use super::eligibility;
use super::lines::{self, Tariff};
use super::reason::{Reason, ReasonCode};
use super::tariff;
use crate::money::{Denom, Usd};
use crate::order::Order;
use crate::order::script_request::LEGACY_DENOM;
use crate::rates::{AmbiguousGpu, BelowMinimum, NotServed, Pricing, Token};
use crate::text::Untrusted;

/// Declines an order that would be declined regardless of the cards that it gets: because of its owner, what it asks of
/// the provider, its denom, its storage classes, a card without a price, or a price that cannot reach the minimum.
///
/// `Ok` is not a promise: [`super::quote`] still checks capacity, the tenant's maximum and the feed.
///
/// # Errors
/// The reason for the decline, or a fault if the order cannot be priced at all.
pub fn screen(request: &QuoteRequest<'_>) -> Result<(), Reason> {
    request.within_budget(|request, budget| {
        budget.check()?;
        screen_policy(request)?;
        let pricing = request.pricing;
        let policy = &pricing.policy;
        if policy.below_minimum == BelowMinimum::Decline && !policy.minimum_usd_per_month.is_zero() {
            match dearest_total(request) {
                Ok(most) => check_minimum(pricing, most, "at most ")?,
                Err(reason) if budget.spent().is_some() => return Err(reason),
                // If the most that it could cost is unknown, that is no reason to decline.
                Err(_) => {}
            }
        }
        Ok(())
    })
}

/// The part of screening that does not depend on the price. A quote compares the price itself with the minimum.
pub(super) fn screen_policy(request: &QuoteRequest<'_>) -> Result<(), Reason> {
    screen_admission(request)?;
    let QuoteRequest { order, pricing, terms, .. } = *request;
    token(order, pricing)?;
    let entries = pricing.rates.gpu.entries().len();
    for unit in order.group.resources() {
        // Each alternative may be compared with every entry of the rate card.
        let alternatives = unit.gpu.alternatives.len().saturating_mul(entries.saturating_add(1));
        terms.take(alternatives.saturating_add(unit.storage.len().saturating_mul(8)).saturating_add(8))?;
        for volume in &unit.storage {
            lines::storage_rate(pricing, &volume.class)?;
        }
        if unit.gpu.units > 0 && !tariff::is_priceable(pricing, &unit.gpu) {
            return Err(tariff::unlisted(&unit.gpu));
        }
    }
    Ok(())
}

/// Whether the owner is served, and the order is meant for this provider.
pub(super) fn screen_admission(request: &QuoteRequest<'_>) -> Result<(), Reason> {
    let QuoteRequest { order, pricing, terms, .. } = *request;
    screen_owner(pricing, terms.owner)?;
    let Some(provider) = &pricing.provider else { return Ok(()) };
    terms.take(eligibility::steps(order, provider))?;
    eligibility::check(order, provider)
}

/// Whether the owner is served.
fn screen_owner(pricing: &Pricing, owner: Option<Untrusted<&str>>) -> Result<(), Reason> {
    let named = || owner.map_or_else(|| "no owner was named, and".to_owned(), |owner| format!("`{owner}`"));
    let admitted = pricing.policy.owners.admit(owner.as_ref().map(Untrusted::exact), &pricing.chain.address_prefix);
    admitted.map_err(|refused| match refused {
        NotServed::Denied => Reason::new(ReasonCode::OwnerDenied, format!("{} is on the deny list", named())),
        NotServed::Unreadable(error) => {
            let message = format!("{error}, so it cannot be checked against the deny list");
            Reason::new(ReasonCode::OwnerDenied, message)
        }
        NotServed::NotAllowed => {
            let what = if owner.is_some() { "is not on the allow list" } else { "there is an allow list" };
            Reason::new(ReasonCode::OwnerNotAllowed, format!("{} {what}", named()))
        }
    })
}

/// The denom in which an order is answered.
pub(super) fn denom(order: &Order) -> Denom {
    order.max_price.as_ref().map_or_else(|| Denom::new(LEGACY_DENOM), |price| price.denom().clone())
}

/// The denom in which an order is answered, and its token.
pub(super) fn token<'a>(order: &Order, pricing: &'a Pricing) -> Result<(Denom, &'a Token), Reason> {
    let denom = denom(order);
    match pricing.chain.denoms.get(&denom) {
        Some(token) => Ok((denom, token)),
        None => {
            let message = format!("`{denom}` is not among the denoms of [chain.denoms]");
            Err(Reason::new(ReasonCode::UnsupportedDenom, message))
        }
    }
}

/// The most that an order could cost per month, whichever cards it gets.
fn dearest_total(request: &QuoteRequest<'_>) -> Result<Usd, Reason> {
    let QuoteRequest { order, pricing, terms, .. } = *request;
    let targets: Vec<QuotedTarget> = order.group.resources().iter().map(QuotedTarget::unknown).collect();
    let tariff = Tariff { pricing, ambiguous: AmbiguousGpu::Highest, terms: &terms };
    let mut bill = lines::bill(order, &targets, tariff)?;
    lines::adjust(&mut bill, order, terms.owner, pricing)?;
    Ok(bill.total)
}

/// Declines a total that is below the minimum.
pub(super) fn check_minimum(pricing: &Pricing, total: Usd, how_much: &str) -> Result<(), Reason> {
    let minimum = pricing.policy.minimum_usd_per_month;
    if total < minimum {
        let message = format!("the order costs {how_much}{total} USD a month, less than the minimum of {minimum}");
        return Err(Reason::new(ReasonCode::BelowMinimum, message));
    }
    Ok(())
}
