//! Prices as the network's generic bid price script does, quirks included, for the drop-in that stands in its place.
//!
//! [`CompatRates`] is prepared once; [`price`] answers a request. Its arithmetic is the script's: amounts are added up
//! over all resources, memory and storage are rounded to 12 decimals of a GiB, quotients are cut at 20 decimals, and
//! endpoints and leased IPs are plain sums that `count` does not multiply.

mod amounts;
mod cards;
mod fixed;
mod mappings;
mod rates;
mod restore;
#[cfg(test)]
mod tests;
mod written;

use core::fmt;

use ethnum::I256;
use rust_decimal::Decimal;

use crate::address::AddressError;
use crate::money::{ArithmeticOverflow, Denom};
use crate::order::script_request::ScriptRequest;
use crate::quote::{Candidate, Reason};
use crate::rates::{BelowMinimum, CoinValue};
use crate::text::Untrusted;

pub use fixed::CompatPrice;
pub use rates::CompatRates;
pub use restore::restore;

use amounts::Amounts;
use fixed::{divide, multiply, power_of_ten};

/// The denom that the legacy form is answered in.
const LEGACY_DENOM: &str = "uakt";
/// Decimals that the script rounds a legacy answer to before it rounds it to a whole number.
const LEGACY_DECIMALS: u32 = 6;

/// What a price depends on beside the request and the rates.
#[derive(Clone, Copy, Debug, Default)]
pub struct Terms<'a> {
    /// What an AKT is worth, when that is known.
    pub usd_per_akt: Option<Decimal>,
    /// Who asks. Counts when a rate card lists owners.
    pub owner: Untrusted<&'a str>,
    /// The kinds of card of the inventory, weighed by how many there are, used or free; empty without one.
    pub cards: &'a [Candidate],
}

/// The answer to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CompatAnswer {
    /// A price per block.
    Price(CompatPrice),
    /// A price of 0, which the provider refuses, because the script's calculator was left without a number.
    Nothing(CompatPrice, Doubt),
    /// No bid.
    Refused(Refusal),
}

/// Why a price came to 0.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Doubt {
    /// A rate cannot be read.
    #[error("`{0}` is no number that the price script can read, so the price is 0, which the provider refuses")]
    UnreadableRate(String),
    /// The request lacks what the script adds up.
    #[error("the request has {0}, so the price is 0, which the provider refuses")]
    Incomplete(&'static str),
}

/// Why there is no bid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The price is above the tenant's maximum.
    #[error("requested rate is too low. min expected {0}{1}")]
    PriceAboveMax(CompatPrice, Denom),
    /// The denom needs a feed that is not there. The script prints a price of 0.
    #[error("rate-unavailable: what an AKT is worth is not known")]
    RateUnavailable,
    /// The denom is not priced.
    #[error("denom in not supported: {0}")]
    UnsupportedDenom(Denom),
    /// The owner is on the rate card's deny list.
    #[error("owner-denied: `{0}` is denied by the rate card")]
    OwnerDenied(Untrusted),
    /// The rate card has a deny list, and the owner is not an address that could be held against it.
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
    /// A rate is arithmetic, which the script's calculator works out.
    #[error(
        "{0}: `{1}` is arithmetic, which the price script works out and this program does not; write what it comes to"
    )]
    Arithmetic(&'static str, Untrusted),
    /// The numbers outgrew the arithmetic.
    #[error("arithmetic-overflow: {0}")]
    ArithmeticOverflow(#[from] ArithmeticOverflow),
}

/// What stops a calculation.
enum Stop {
    Refused(Refusal),
    Doubt(Doubt),
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<ArithmeticOverflow> for Stop {
    fn from(overflow: ArithmeticOverflow) -> Self {
        Self::Refused(overflow.into())
    }
}

impl fmt::Display for CompatAnswer {
    /// Writes the price, or the reason why there is none.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Price(price) | Self::Nothing(price, _) => fmt::Display::fmt(price, f),
            Self::Refused(refusal) => fmt::Display::fmt(refusal, f),
        }
    }
}

/// The denom that a request is answered in.
#[must_use]
pub fn denom(request: &ScriptRequest<'_>) -> Denom {
    Denom::new(request.price.as_ref().map_or(LEGACY_DENOM, |price| price.denom.exact()))
}

/// Prices a request as the script does.
#[must_use]
pub fn price(request: &ScriptRequest<'_>, rates: &CompatRates, terms: &Terms<'_>) -> CompatAnswer {
    match bid(request, rates, terms) {
        Ok(price) => CompatAnswer::Price(price),
        Err(Stop::Refused(refusal)) => CompatAnswer::Refused(refusal),
        Err(Stop::Doubt(doubt)) => CompatAnswer::Nothing(CompatPrice::zero(request.price_precision), doubt),
    }
}

fn bid(request: &ScriptRequest<'_>, rates: &CompatRates, terms: &Terms<'_>) -> Result<CompatPrice, Stop> {
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
            (coins_per_block(usd, usd_per_akt, rates.blocks_per_month(), token.exponent), false)
        }
    };
    let amount = amount.ok_or(ArithmeticOverflow)?;
    let Some(price) = &request.price else {
        return Ok(CompatPrice::round(amount, LEGACY_DECIMALS)?.to_whole()?);
    };
    let rounded = CompatPrice::round(amount, request.price_precision)?;
    let compared = if rounds_first { rounded.exact().ok_or(ArithmeticOverflow)? } else { amount };
    if compared > fixed::parse_amount(price.amount.exact()).ok_or(ArithmeticOverflow)? {
        return Err(Refusal::PriceAboveMax(rounded, denom).into());
    }
    Ok(rounded)
}

/// A month's dollars per block, in units of a coin that is a dollar: divided first, as the script does.
fn dollars_per_block(usd: I256, blocks: Decimal, exponent: u32) -> Option<I256> {
    multiply(over(usd, blocks)?, power_of_ten(exponent)?)
}

/// A month's dollars per block, in units of a coin: coins first, then its units, then the share of a block.
fn coins_per_block(usd: I256, usd_per_coin: Decimal, blocks: Decimal, exponent: u32) -> Option<I256> {
    over(multiply(over(usd, usd_per_coin)?, power_of_ten(exponent)?)?, blocks)
}

/// A number of units of 10^-20 over a decimal, cut.
fn over(value: I256, divisor: Decimal) -> Option<I256> {
    let value = match divisor.scale() {
        0 => value,
        scale => multiply(value, power_of_ten(scale)?)?,
    };
    divide(value, I256::from(divisor.mantissa()))
}

impl CompatRates {
    /// The rate card's minimum, applied to a month's dollars.
    fn at_least_minimum(&self, usd: I256) -> Result<I256, Stop> {
        let Some(policy) = self.policy() else { return Ok(usd) };
        let minimum = policy.minimum_usd_per_month;
        let floor = fixed::Fixed::from_usd(minimum).ok_or(ArithmeticOverflow)?.units();
        match policy.below_minimum {
            _ if usd >= floor => Ok(usd),
            BelowMinimum::Raise => Ok(floor),
            BelowMinimum::Decline => Err(Refusal::BelowMinimum(minimum.to_string()).into()),
        }
    }
}
