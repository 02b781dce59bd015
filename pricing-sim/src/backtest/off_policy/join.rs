//! Explored bids, and which order of a history each belongs to.

use std::collections::BTreeMap;

use pricing_core::money::{Usd, scaled_usd};
use pricing_core::quote::Spread;
use rust_decimal::Decimal;

use crate::history::MarketHistory;
use crate::number::float;

/// A bid whose price was varied, as a bid log has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExploredBid {
    /// The order's name: `OWNER/DSEQ/GSEQ/OSEQ`.
    pub(super) order: String,
    /// The bid per block, in the denom of the order.
    pub(super) amount: Decimal,
    /// The price without exploration, in USD a month.
    pub(super) base: Usd,
    /// The factor that was drawn.
    pub(super) factor: Decimal,
    /// The factors that could have been drawn, from the lowest to the highest.
    pub(super) factors: Vec<Decimal>,
    /// The band.
    pub(super) spread: Spread,
}

/// Why an explored bid cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExploredBidError {
    /// The factors are not a list of different positive numbers in order.
    #[error("the factors of an explored price are not in order")]
    Factors,
    /// The factor is not one of them.
    #[error("the factor of an explored price is not among its factors")]
    Factor,
    /// The price before exploration is 0.
    #[error("the price before exploration is 0")]
    Base,
}

impl ExploredBid {
    /// A bid on an order, at so much per block in the order's denom: `base` USD a month times a factor.
    ///
    /// # Errors
    /// When the factors make no sense.
    pub fn new(
        order: impl Into<String>,
        amount: Decimal,
        base: Usd,
        (factor, factors): (Decimal, Vec<Decimal>),
        spread: Spread,
    ) -> Result<Self, ExploredBidError> {
        let is_sorted = factors.is_sorted_by(|one, next| one < next);
        if !is_sorted || factors.first().is_none_or(|first| *first <= Decimal::ZERO) {
            return Err(ExploredBidError::Factors);
        }
        if !factors.contains(&factor) {
            return Err(ExploredBidError::Factor);
        }
        if base <= Usd::ZERO {
            return Err(ExploredBidError::Base);
        }
        Ok(Self { order: order.into(), amount, base, factor, factors, spread })
    }

    /// The price at a factor, in USD a month.
    pub(super) fn at(&self, factor: Decimal) -> Usd {
        scaled_usd(self.base, factor).unwrap_or(self.base)
    }

    /// The factor whose price is nearest to a price, by the logarithm. None if the price is outside of the band.
    pub(super) fn nearest(&self, price: Usd) -> Option<Decimal> {
        let relative = libm::log(float(price.decimal()) / float(self.base.decimal()));
        // Half of the distance between two levels, which are half of the spread apart.
        let reach = libm::log(1.0 + float(self.spread.share()) / 4.0);
        let (lowest, highest) = (self.factors.first()?, self.factors.last()?);
        let within = relative >= libm::log(float(*lowest)) - reach && relative <= libm::log(float(*highest)) + reach;
        let away = |factor: &&Decimal| (libm::log(float(**factor)) - relative).abs();
        let nearest = self.factors.iter().min_by(|one, other| away(one).total_cmp(&away(other)));
        nearest.copied().filter(|_| within)
    }
}

/// Explored bids by the order of the history that they are on.
#[derive(Debug)]
pub(super) struct Joined<'a> {
    /// The bids by the order's place in the stream.
    pub(super) bids: BTreeMap<usize, &'a ExploredBid>,
    /// The different orders of the explored bids.
    pub(super) orders: usize,
    /// Those on which the history has no bid of ours.
    pub(super) not_in_history: usize,
    /// Those whose bid in the history has another price than any in the log.
    pub(super) other_price: usize,
}

impl<'a> Joined<'a> {
    /// Joins by the order's name and the exact price per block. An order that was asked for several times has several
    /// bids in the log; only one of them reached the chain.
    pub(super) fn new(bids: &'a [ExploredBid], history: &MarketHistory) -> Self {
        let mut of_order: BTreeMap<&str, Vec<&ExploredBid>> = BTreeMap::new();
        for bid in bids {
            of_order.entry(bid.order.as_str()).or_default().push(bid);
        }
        let orders = of_order.len();
        let (mut joined, mut known, mut other_price) = (BTreeMap::new(), 0_usize, 0_usize);
        for (place, (arrival, facts)) in history.stream.arrivals.iter().zip(&history.facts).enumerate() {
            let (Some(found), Some(amount)) = (of_order.get(&*arrival.id), facts.own_amount) else { continue };
            known = known.saturating_add(1);
            match found.iter().rev().find(|bid| bid.amount == amount) {
                Some(bid) => {
                    joined.insert(place, *bid);
                }
                None => other_price = other_price.saturating_add(1),
            }
        }
        Self { bids: joined, orders, not_in_history: orders.saturating_sub(known), other_price }
    }
}
