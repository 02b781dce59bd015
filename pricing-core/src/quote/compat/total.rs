//! What a request costs per month: the script's sum and, with a rate card, the owner's discount and the minimum.

use ethnum::I256;
use rust_decimal::Decimal;

use super::amounts::Amounts;
use super::cards;
use super::fixed::{Fixed, divide, multiply, power_of_ten};
use super::rates::{CompatRates, Source, fixed};
use super::{Refusal, Terms};
use crate::money::ArithmeticOverflow;
use crate::order::script_request::ScriptRequest;
use crate::rates::BelowMinimum;

impl CompatRates {
    /// The cost of the request per month, in units of 10^-20 dollars.
    ///
    /// The script's variables and a rate card are summed alike. Only a rate card has discounts and a minimum, which the
    /// script does not know.
    pub(super) fn usd_per_month(
        &self,
        request: &ScriptRequest<'_>,
        amounts: &Amounts,
        terms: &Terms<'_>,
    ) -> Result<I256, Refusal> {
        let gpu = self.gpu_usd(request, terms)?;
        match self.source() {
            Source::Script(script) => {
                if let Some(variable) = script.unreadable {
                    return Err(Refusal::UnreadableRate(variable));
                }
                let [ephemeral, beta1, beta2, beta3] = amounts.storage;
                let Amounts { cpu, memory, endpoints, ips, .. } = *amounts;
                let quantities = [cpu, memory, ephemeral, beta1, beta2, beta3, endpoints, ips];
                Ok(sum(quantities.into_iter().zip(script.rates), gpu)?)
            }
            Source::Card(card) => {
                let (card, policy) = card.as_ref();
                let Amounts { cpu, memory, endpoints, ips, .. } = *amounts;
                let mut priced = vec![
                    (cpu, fixed(card.cpu)?),
                    (memory, fixed(card.memory)?),
                    (endpoints, fixed(card.endpoint)?),
                    (ips, fixed(card.ip)?),
                ];
                priced.extend(cards::volumes(request, card)?);
                let usd = sum(priced.into_iter(), gpu)?;
                let usd = match policy.owners.discount.get(terms.owner.exact()) {
                    None => usd,
                    Some(factor) => discounted(usd, *factor).ok_or(ArithmeticOverflow)?,
                };
                self.at_least_minimum(usd)
            }
        }
    }

    /// Applies the rate card's minimum to dollars per month.
    fn at_least_minimum(&self, usd: I256) -> Result<I256, Refusal> {
        let Some(policy) = self.policy() else { return Ok(usd) };
        let minimum = policy.minimum_usd_per_month;
        let floor = fixed(minimum)?.units();
        match policy.below_minimum {
            _ if usd >= floor => Ok(usd),
            BelowMinimum::Raise => Ok(floor),
            BelowMinimum::Decline => Err(Refusal::BelowMinimum(minimum.to_string())),
        }
    }
}

/// The sum of quantities in units of 10^-12 times their rates, plus the cards. Sums that fit 128 bits, which is almost
/// always, take a shortcut.
fn sum(priced: impl Iterator<Item = (i128, Fixed)> + Clone, gpu: I256) -> Result<I256, ArithmeticOverflow> {
    let narrow = |sum: i128, (quantity, rate): (i128, Fixed)| match (quantity, rate) {
        (0, _) | (_, Fixed::ZERO) => Some(sum),
        _ => sum.checked_add(quantity.checked_mul(rate.narrow())?),
    };
    let wide =
        |sum: I256, (quantity, rate): (i128, Fixed)| sum.checked_add(I256::from(quantity).checked_mul(rate.units())?);
    let cut = |sum: i128| sum.checked_div(1_000_000_000_000).map(I256::from);
    priced
        .clone()
        .try_fold(0, narrow)
        .and_then(cut)
        .or_else(|| divide(priced.clone().try_fold(I256::ZERO, wide)?, power_of_ten(12)?))
        .and_then(|sum| sum.checked_add(gpu))
        .ok_or(ArithmeticOverflow)
}

fn discounted(usd: I256, factor: Decimal) -> Option<I256> {
    divide(multiply(usd, I256::from(factor.mantissa()))?, power_of_ten(factor.scale())?)
}
