//! Prices like the network's generic bid price script, quirks included, for the drop-in that replaces it.
//!
//! Where the script bids, the price is the script's. Where it prints a price that the provider refuses (0, or less),
//! the answer is a refusal with the reason, because an operator can act on a reason and not on a 0.
//!
//! [`CompatRates`] is prepared once; [`price`] prices a request. The arithmetic is the script's: amounts are summed
//! over all resources, memory and storage are rounded to 12 decimals of a GiB, quotients are truncated to 20 decimals,
//! and endpoints and leased IPs are plain sums that `count` does not multiply.

mod amounts;
mod cards;
mod fixed;
mod mappings;
mod rates;
mod restore;
#[cfg(test)]
mod tests;
mod total;
mod written;

use core::fmt;

use ethnum::I256;
use rust_decimal::Decimal;

use crate::address::AddressError;
use crate::money::{ArithmeticOverflow, Denom, UsdPerAkt};
use crate::order::script_request::{LEGACY_DENOM, ScriptRequest};
use crate::quote::{Candidate, Reason};
use crate::rates::CoinValue;
use crate::text::Untrusted;

pub use fixed::CompatPrice;
pub use rates::CompatRates;
pub use restore::restore;

use amounts::Amounts;
use fixed::{divide, multiply, power_of_ten};

/// The decimals to which the script rounds a legacy answer before it rounds it to a whole number.
const LEGACY_DECIMALS: u32 = 6;

/// What a price depends on in addition to the request and the rates.
#[derive(Clone, Copy, Debug, Default)]
pub struct Terms<'a> {
    /// The price of an AKT in USD, if it is known.
    pub usd_per_akt: Option<UsdPerAkt>,
    /// The owner of the order. Matters if the rate card lists owners.
    pub owner: Untrusted<&'a str>,
    /// The kinds of card in the inventory, weighted by their number, in use or free. Empty without an inventory.
    pub cards: &'a [Candidate],
}

/// The answer to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CompatAnswer {
    /// A price per block, above 0.
    Price(CompatPrice),
    /// No bid.
    Refused(Refusal),
}

/// The reason why there is no bid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The price is above the tenant's maximum.
    #[error("requested rate is too low. min expected {0}{1}")]
    PriceAboveMax(CompatPrice, Denom),
    /// A rate cannot be parsed. The script prints a price of 0.
    #[error("`{0}` is not a number that the price script can read; write a plain decimal such as `1.60`")]
    UnreadableRate(&'static str),
    /// The request lacks an amount that the script needs. The script prints a price of 0.
    #[error("the request has {0}, so there is nothing to price")]
    Incomplete(&'static str),
    /// The price is not above 0 as it would be printed.
    #[error(
        "below-minimum: the price comes to {0} {1} a block, and the provider refuses a bid that is not above 0; check \
         the rates"
    )]
    NotAboveZero(CompatPrice, Denom),
    /// The denom needs a feed, which is missing. The script prints a price of 0.
    #[error("rate-unavailable: what an AKT is worth is not known")]
    RateUnavailable,
    /// The denom is not supported.
    #[error("denom in not supported: {0}")]
    UnsupportedDenom(Denom),
    /// The owner is on the rate card's deny list.
    #[error("owner-denied: `{0}` is denied by the rate card")]
    OwnerDenied(Untrusted),
    /// The rate card has a deny list, and the owner is not an address that could be compared with it.
    #[error("owner-denied: {0}, so it cannot be held against the rate card's deny list")]
    OwnerUnreadable(AddressError),
    /// The owner is not on the rate card's allow list.
    #[error("owner-not-allowed: `{0}` is not among the owners that the rate card allows")]
    OwnerNotAllowed(Untrusted),
    /// The rate card's policy declines the cards.
    #[error("{0}")]
    Policy(Reason),
    /// The rate card has no rate for a storage class.
    #[error("unsupported-storage-class: the rate card has no rate for `{0}`")]
    UnsupportedStorageClass(Untrusted),
    /// The order costs less than the rate card's minimum.
    #[error("below-minimum: the order costs less than the rate card's minimum of {0} USD a month")]
    BelowMinimum(String),
    /// A rate is an arithmetic expression, which the script's calculator would evaluate.
    #[error(
        "{0}: `{1}` is arithmetic, which the price script works out and this program does not; write what it comes to"
    )]
    Arithmetic(&'static str, Untrusted),
    /// A number is too large for the arithmetic.
    #[error("arithmetic-overflow: {0}")]
    ArithmeticOverflow(#[from] ArithmeticOverflow),
}

impl fmt::Display for CompatAnswer {
    /// Writes the price, or the reason why there is none.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Price(price) => fmt::Display::fmt(price, f),
            Self::Refused(refusal) => fmt::Display::fmt(refusal, f),
        }
    }
}

/// The denom of the answer to a request.
#[must_use]
pub fn denom(request: &ScriptRequest<'_>) -> Denom {
    Denom::new(request.price.as_ref().map_or(LEGACY_DENOM, |price| price.denom.exact()))
}

/// Prices a request as the script does.
#[must_use]
pub fn price(request: &ScriptRequest<'_>, rates: &CompatRates, terms: &Terms<'_>) -> CompatAnswer {
    match bid(request, rates, terms) {
        Ok(price) => CompatAnswer::Price(price),
        Err(refusal) => CompatAnswer::Refused(refusal),
    }
}

/// The script's calculation, step by step.
///
/// The script compares the tenant's maximum with the rounded price for dollar denoms, and with the unrounded one for
/// AKT. Both are repeated.
fn bid(request: &ScriptRequest<'_>, rates: &CompatRates, terms: &Terms<'_>) -> Result<CompatPrice, Refusal> {
    rates.check_owner(terms.owner)?;
    rates.check_arithmetic()?;
    let denom = denom(request);
    let token = rates.token(&denom).ok_or_else(|| Refusal::UnsupportedDenom(denom.clone()))?;
    let amounts = Amounts::of(request)?;
    let usd = rates.usd_per_month(request, &amounts, terms)?;
    let (amount, rounds_first) = match &token.value {
        CoinValue::Fixed(usd_per_coin) if usd_per_coin.decimal() == Decimal::ONE => {
            (dollars_per_block(usd, rates.blocks_per_month(), token.exponent), true)
        }
        CoinValue::Fixed(usd_per_coin) => {
            (coins_per_block(usd, usd_per_coin.decimal(), rates.blocks_per_month(), token.exponent), true)
        }
        CoinValue::Feed(_) => {
            let usd_per_akt = terms.usd_per_akt.ok_or(Refusal::RateUnavailable)?;
            (coins_per_block(usd, usd_per_akt.get(), rates.blocks_per_month(), token.exponent), false)
        }
    };
    let amount = amount.ok_or(ArithmeticOverflow)?;
    let Some(price) = &request.price else {
        return above_zero(CompatPrice::round(amount, LEGACY_DECIMALS)?.to_whole()?, denom);
    };
    let rounded = CompatPrice::round(amount, request.price_precision)?;
    let compared = if rounds_first { rounded.exact().ok_or(ArithmeticOverflow)? } else { amount };
    if compared > fixed::parse_amount(price.amount.exact()).ok_or(ArithmeticOverflow)? {
        return Err(Refusal::PriceAboveMax(rounded, denom));
    }
    above_zero(rounded, denom)
}

/// Refuses a price that the script would print and the provider would not take.
fn above_zero(price: CompatPrice, denom: Denom) -> Result<CompatPrice, Refusal> {
    if price.units() > 0 { Ok(price) } else { Err(Refusal::NotAboveZero(price, denom)) }
}

/// Dollars per month to units of a dollar coin per block. Divides first, as the script does: it truncates at each step,
/// so the order changes the result.
fn dollars_per_block(usd: I256, blocks: Decimal, exponent: u32) -> Option<I256> {
    multiply(over(usd, blocks)?, power_of_ten(exponent)?)
}

/// Dollars per month to units of a coin per block: first to coins, then to units, then to a block's share, in the
/// script's order.
fn coins_per_block(usd: I256, usd_per_coin: Decimal, blocks: Decimal, exponent: u32) -> Option<I256> {
    over(multiply(over(usd, usd_per_coin)?, power_of_ten(exponent)?)?, blocks)
}

/// Divides a number of units of 10^-20 by a decimal, truncating.
fn over(value: I256, divisor: Decimal) -> Option<I256> {
    let value = match divisor.scale() {
        0 => value,
        scale => multiply(value, power_of_ten(scale)?)?,
    };
    divide(value, I256::from(divisor.mantissa()))
}
