//! What leases pay, against what the strategy's rates ask for the cards that their pods were handed.

use std::collections::BTreeMap;
use std::sync::Arc;

use pricing_core::money::{ArithmeticOverflow, Usd};

use super::leased_usd;
use super::meter::{MAX_GROUPS, OTHER_CARDS};
use crate::result::{CardCharge, Charge, Decided, StrategyRun};
use crate::time::Millis;

/// The sums so far.
#[derive(Debug, Default)]
pub(super) struct Charges {
    over: Charge,
    under: Charge,
    by_card: BTreeMap<Arc<str>, CardCharge>,
}

impl Charges {
    /// Adds a lease. One whose cards the rates do not price is left out.
    pub(super) fn add(&mut self, decided: &Decided) -> Result<(), ArithmeticOverflow> {
        let (Some(paid), Some(own)) = (decided.usd_per_month, decided.own_usd_per_month) else { return Ok(()) };
        if paid > own {
            add(&mut self.over, paid.checked_sub(own)?, decided.lease_ms)?;
        } else if paid < own {
            add(&mut self.under, own.checked_sub(paid)?, decided.lease_ms)?;
        }
        if decided.gpu.is_empty() {
            return Ok(());
        }
        let is_full = self.by_card.len() >= MAX_GROUPS && !self.by_card.contains_key(&decided.gpu);
        let gpu = if is_full { Arc::from(OTHER_CARDS) } else { Arc::clone(&decided.gpu) };
        let charge = self.by_card.entry(gpu).or_default();
        charge.leases = charge.leases.saturating_add(1);
        charge.paid = charge.paid.checked_add(decided.revenue)?;
        charge.own = charge.own.checked_add(leased_usd(own, decided.lease_ms)?)?;
        Ok(())
    }

    /// Writes the sums into a run.
    pub(super) fn finish(self, run: &mut StrategyRun) {
        let by_card = self.by_card.into_iter().map(|(gpu, charge)| CardCharge { gpu: gpu.to_string(), ..charge });
        (run.overcharge, run.undercharge, run.by_card) = (self.over, self.under, by_card.collect());
    }
}

fn add(charge: &mut Charge, usd_per_month: Usd, lease_ms: Millis) -> Result<(), ArithmeticOverflow> {
    charge.orders = charge.orders.saturating_add(1);
    charge.usd_per_month = charge.usd_per_month.checked_add(usd_per_month)?;
    charge.usd = charge.usd.checked_add(leased_usd(usd_per_month, lease_ms)?)?;
    Ok(())
}
