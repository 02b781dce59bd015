//! What an order costs by the cards that were handed out to it, once that is known.

use super::cards::{self, GpuTariff};
use super::lines::{self, add_cards, bill_cards};
use super::{Reason, Terms};
use crate::gpu::GpuKind;
use crate::money::Usd;
use crate::order::Order;
use crate::rates::{AmbiguousGpu, Pricing};

/// What an order costs a month, discount and minimum included, by the very cards that its units were handed out: one
/// list a unit, in their order, with an entry for each card that is billed.
///
/// # Errors
/// When the rate card has no entry for a card or a storage class, or the sum outgrows the exact decimals.
pub fn usd_of_cards(
    order: &Order,
    pricing: &Pricing,
    handed: &[Vec<GpuKind>],
    terms: &Terms<'_>,
) -> Result<Usd, Reason> {
    let mut handed = handed.iter();
    let mut bill = bill_cards(order, pricing, |_| {
        let mut priced = Vec::new();
        for kind in handed.next().into_iter().flatten() {
            let card = cards::choose(GpuTariff::of(pricing), AmbiguousGpu::Highest, std::slice::from_ref(kind))?;
            add_cards(&mut priced, card, 1)?;
        }
        Ok(priced)
    })?;
    lines::adjust(&mut bill, order, terms.owner, pricing)?;
    Ok(bill.total)
}
