//! What an order costs by the cards that it was actually handed.

use super::candidates::alike;
use super::choice;
use super::lines::{self, add_cards, bill_cards, times};
use super::tariff::{GpuTariff, unlisted};
use super::{Reason, Terms};
use crate::gpu::GpuKind;
use crate::money::Usd;
use crate::order::Order;
use crate::rates::{AmbiguousGpu, Pricing};

/// What an order costs in USD per month, including discount and minimum, by the cards that its units were handed: one
/// list per unit, in their order, with one entry per billed card.
///
/// # Errors
/// When the rate card has no entry for a card or a storage class, the number of a unit's cards differs from what it is
/// billed for, or a sum overflows the exact decimals.
pub fn usd_of_allocated_cards(
    order: &Order,
    pricing: &Pricing,
    allocated: &[Vec<GpuKind>],
    terms: &Terms<'_>,
) -> Result<Usd, Reason> {
    let mut allocated = allocated.iter();
    let mut bill = bill_cards(order, pricing, terms, |unit| {
        let mut priced = Vec::new();
        let allocated = allocated.next().map_or(&[] as &[GpuKind], Vec::as_slice);
        // Missing cards are not free.
        if u128::try_from(allocated.len()).ok() != Some(times(unit.gpu.units, unit.count)?) {
            return Err(unlisted(&unit.gpu));
        }
        for kind in allocated {
            let card = alike(std::slice::from_ref(kind));
            let card = choice::choose_known(GpuTariff::of(pricing), AmbiguousGpu::Highest, &card)?;
            add_cards(&mut priced, card, 1)?;
        }
        Ok(priced)
    })?;
    lines::adjust(&mut bill, order, terms.owner, pricing)?;
    Ok(bill.total)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::order::detect;
    use crate::rates;

    #[test]
    fn the_cards_that_were_handed_out_are_billed_each_by_itself_and_none_is_free() {
        let text = r#"{"resources":[{"memory":1073741824,"cpu":1000,"gpu":{"units":2,"attributes":{"vendor":{"nvidia":
            {"model":"a100"}}}},"storage":[],"count":1,"endpoint_quantity":0,"ip_lease_quantity":0}],
            "price":{"denom":"uact","amount":"1000000"},"price_precision":6}"#;
        let order = detect::read(text, None).unwrap().remove(0);
        let pricing = rates::toml::read("[rates.gpu]\n\"a100.40Gi\" = \"600\"\n\"a100.80Gi\" = \"1000\"\n").unwrap();
        let kind = |ram: &str| GpuKind::new("nvidia", "a100", ram, "sxm");
        let usd = |allocated: Vec<GpuKind>| usd_of_allocated_cards(&order, &pricing, &[allocated], &Terms::default());
        // A thread at 1.60 and a GiB at 0.80, in addition to the cards.
        assert_eq!(usd(vec![kind("40Gi"), kind("80Gi")]).unwrap().to_string(), "1602.4");
        assert!(usd(vec![kind("40Gi")]).is_err(), "a card is missing");
        assert!(usd(vec![kind("40Gi"), kind("16Gi")]).is_err(), "a card has no rate");
        assert!(usd_of_allocated_cards(&order, &pricing, &[], &Terms::default()).is_err());
    }
}
