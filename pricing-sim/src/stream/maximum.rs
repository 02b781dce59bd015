//! The maximum prices of tenants, if the orders do not set them: the price of an order by a rate card, times a random
//! factor.

use std::collections::BTreeMap;
use std::sync::Arc;

use pricing_core::money::{Price, Usd, UsdPerAkt, per_block, scaled_usd};
use pricing_core::order::Order;
use pricing_core::rates::{CoinValue, Owners};
use rust_decimal::Decimal;

use super::check::{factor, sigma, wrong};
use super::{Arrival, StreamError};
use crate::files::Files;
use crate::market::{self, Tariff, Unpriced};
use crate::random::{Draws, Purpose};
use crate::result::Starred;
use crate::scenario::{self, OrdersEntry};

/// The rule for maximum prices.
#[derive(Clone, Debug)]
pub(super) struct Maximum {
    tariff: Tariff,
    factor: Decimal,
    spread: f64,
    replaces: bool,
    usd_per_akt: Option<UsdPerAkt>,
}

/// The prices of orders that were already seen. Orders of the same shape share one allocation, whose address is the
/// key. None for orders that only the `*` of the rate card could price.
#[derive(Clone, Debug, Default)]
pub(super) struct MaximumCache(BTreeMap<usize, (Arc<Order>, Option<Usd>)>);

impl Maximum {
    /// The rule that a scenario sets for its orders, if any.
    pub(super) fn new(
        entry: &OrdersEntry,
        files: &Files,
        usd_per_akt: Option<UsdPerAkt>,
    ) -> Result<Option<Self>, StreamError> {
        let Some(maximum) = &entry.maximum else {
            if entry.replace_maximum {
                return Err(wrong("`orders.replace_maximum` needs [orders.maximum]"));
            }
            return Ok(None);
        };
        let pricing = scenario::pricing(&maximum.rates, files);
        let mut pricing = pricing.map_err(|error| wrong(format!("orders.maximum: {error}")))?;
        // The owners that a provider serves, and its minimum, say nothing about what a tenant would pay.
        pricing.policy.owners = Owners::default();
        pricing.policy.minimum_usd_per_month = Usd::ZERO;
        let factor = factor("orders.maximum.factor", maximum.factor)?;
        let spread = sigma("orders.maximum.spread", maximum.spread)?;
        let tariff = Tariff::new(pricing, maximum.wildcard);
        Ok(Some(Self { tariff, factor, spread, replaces: entry.replace_maximum, usd_per_akt }))
    }

    /// Prices an order that will need a maximum, once for all seeds.
    pub(super) fn learn(&self, arrival: &Arrival, worths: &mut MaximumCache) -> Result<(), StreamError> {
        if arrival.has_maximum && !self.replaces {
            return Ok(());
        }
        self.worth(arrival, worths).map(|_| ())
    }

    /// Sets the maximum of an order. One that only the `*` of the rate card could price stays as it is, and is counted.
    pub(super) fn give(
        &self,
        arrival: &mut Arrival,
        order: usize,
        draws: &Draws,
        worths: &mut MaximumCache,
        unpriced: &mut Starred,
    ) -> Result<(), StreamError> {
        if arrival.has_maximum && !self.replaces {
            return Ok(());
        }
        let Some(usd) = self.worth(arrival, worths)? else {
            unpriced.add(&arrival.order);
            return Ok(());
        };
        let luck = market::factor(&mut draws.of(Purpose::Maximum, order), self.spread);
        let too_much = |_| wrong(format!("orders.maximum: `{}` costs more than can be counted", arrival.id));
        let usd = scaled_usd(usd, self.factor).and_then(|usd| scaled_usd(usd, luck)).map_err(too_much)?;
        let maximum = self.in_denom(arrival, usd)?;
        Arc::make_mut(&mut arrival.order).max_price = Some(maximum);
        arrival.has_maximum = true;
        Ok(())
    }

    fn worth(&self, arrival: &Arrival, worths: &mut MaximumCache) -> Result<Option<Usd>, StreamError> {
        let place = Arc::as_ptr(&arrival.order).addr();
        if let Some((_, usd)) = worths.0.get(&place) {
            return Ok(*usd);
        }
        // The tenant's denom comes first: if it has no rate, that alone is the reason.
        self.in_denom(arrival, Usd::ZERO)?;
        let usd = match self.tariff.cost(&arrival.order, arrival.owner.as_deref(), self.usd_per_akt) {
            Ok(usd) => Some(usd),
            Err(Unpriced::OnlyStar) => None,
            Err(Unpriced::Reason(reason)) => {
                let message =
                    format!("orders.maximum: its rate card cannot price the order `{}`: {reason}", arrival.id);
                return Err(wrong(message));
            }
        };
        worths.0.insert(place, (Arc::clone(&arrival.order), usd));
        Ok(usd)
    }

    /// Converts USD per month to a price per block in the order's denom, with the precision of bids, so that a bid for
    /// the same amount does not exceed it.
    fn in_denom(&self, arrival: &Arrival, usd: Usd) -> Result<Price, StreamError> {
        let cannot = |why: String| wrong(format!("orders.maximum: the order `{}`: {why}", arrival.id));
        let denom = arrival.order.max_price.as_ref().map(Price::denom);
        let denom = denom.ok_or_else(|| cannot("it names no denom".to_owned()))?;
        let chain = &self.tariff.pricing().chain;
        let token =
            chain.denoms.get(denom).ok_or_else(|| cannot(format!("`{denom}` is not a denom of the rate card")))?;
        let coin = match (&token.value, self.usd_per_akt) {
            (CoinValue::Fixed(usd), _) => usd.decimal(),
            (CoinValue::Feed(_), Some(usd)) => usd.get(),
            (CoinValue::Feed(_), None) => {
                return Err(cannot(format!("the value of `{denom}` is not known; set `usd_per_akt` in the scenario")));
            }
        };
        let decimals = arrival.order.price_precision;
        let amount = per_block(usd, chain.blocks_per_month, coin, token.exponent, decimals);
        let amount = amount.map_err(|_| cannot("its maximum is more than can be counted".to_owned()))?;
        Price::new(denom.clone(), amount).map_err(|error| cannot(error.to_string()))
    }
}
