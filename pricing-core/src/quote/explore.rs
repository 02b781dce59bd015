//! Exploration: a bid whose price is varied by chance within a narrow band, with a known probability (the propensity).
//!
//! What another price would have brought can only be estimated without a model of the tenants if other prices were really
//! bid, and if it is known how likely each of them was. So a price is multiplied by one of a few factors around 1, all of
//! them equally likely:
//!
//! - **The factors** are 1, and 1 less or more half of the spread and the whole spread. They are few, so that each is bid
//!   often (the variance of an estimate grows with their number), and halves of a decimal are exact.
//! - **A factor counts** only if its price would still be a bid: not below the operator's minimum, not above the tenant's
//!   maximum, and not rounded to 0. So exploring never turns a bid into a decline. The factor 1 always counts.
//! - **One of those that count is drawn** with a number that the caller gives, for example a hash of the order's name. The
//!   propensity is 1 over their number.
//!
//! Some prices are never varied, since they are promises or somebody else's decision: those of an owner with a discount,
//! and those of a plugin (also of what stood in for one).

use core::fmt;

use rust_decimal::Decimal;
use rust_decimal::RoundingStrategy::MidpointNearestEven;

use super::lines::{Bill, Item};
use super::{Decision, Quote, QuoteRequest, check_price, convert, offer, screen};
use crate::money::{Price, Usd, parse_decimal, scaled_usd};

/// The largest spread, in percent.
const MAX_PERCENT: i64 = 20;
/// The most decimals of a percentage.
const PERCENT_DECIMALS: u32 = 4;
/// The levels, in halves of the spread, from the lowest to the highest.
const HALVES: [i64; 5] = [-2, -1, 0, 1, 2];

/// How far a price is varied down and up: above 0 and at most 20 %.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spread {
    percent: Decimal,
}

/// Why a text is not a spread.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a spread; expected a percentage above `0%` and at most `20%` with at most 4 decimals, such as `3%`"
)]
pub struct SpreadError(String);

impl Spread {
    /// Parses `3%`.
    ///
    /// # Errors
    /// When the text is anything else than a percentage above 0 and at most 20.
    pub fn parse(text: &str) -> Result<Self, SpreadError> {
        let error = || SpreadError(crate::text::excerpt(text));
        let number = text.strip_suffix('%').ok_or_else(error)?;
        let percent = parse_decimal(number).map_err(|_| error())?.normalize();
        let allowed =
            percent > Decimal::ZERO && percent <= Decimal::from(MAX_PERCENT) && percent.scale() <= PERCENT_DECIMALS;
        if allowed { Ok(Self { percent }) } else { Err(error()) }
    }

    /// The spread as a share: 0.03 for `3%`.
    #[must_use]
    pub fn share(self) -> Decimal {
        self.percent.checked_div(Decimal::ONE_HUNDRED).unwrap_or_default()
    }

    /// The factors of a price, from the lowest to the highest. They are exact.
    fn factors(self) -> impl Iterator<Item = Decimal> {
        HALVES.into_iter().filter_map(move |halves| {
            // A percentage as a share, divided by 2: 5 thousandths of it for each half.
            let part = self.percent.checked_mul(Decimal::new(5, 3))?.checked_mul(Decimal::from(halves))?;
            Decimal::ONE.checked_add(part).map(|factor| factor.normalize())
        })
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", self.percent)
    }
}

/// How a bid is to be explored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exploration {
    /// The band.
    pub spread: Spread,
    /// The number that draws the factor, evenly distributed over all `u64`. The bias of its remainder is below 10^-18.
    pub draw: u64,
}

/// How a bid was explored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explored {
    /// The factor that was drawn.
    pub factor: Decimal,
    /// The bid without exploration.
    pub base_price: Price,
    /// The sum of the lines without exploration.
    pub base_usd_per_month: Usd,
    /// The factors that counted, from the lowest to the highest.
    pub factors: Vec<Decimal>,
}

impl Explored {
    /// The probability with which this price was bid, rounded to 6 decimals: 1 over the number of factors that counted.
    #[must_use]
    pub fn propensity(&self) -> Decimal {
        let count = u64::try_from(self.factors.len()).map_or(Decimal::ONE, Decimal::from).max(Decimal::ONE);
        Decimal::ONE
            .checked_div(count)
            .unwrap_or(Decimal::ONE)
            .round_dp_with_strategy(6, MidpointNearestEven)
            .normalize()
    }
}

/// A factor, and the price with it.
struct Level {
    factor: Decimal,
    total: Usd,
    price: Price,
}

/// Varies the price of a bid. What is not a bid, or may not be varied, is returned as it is.
#[must_use]
pub fn explore(request: &QuoteRequest<'_>, quote: Quote, exploration: &Exploration) -> Quote {
    if quote.plugin.is_some() || has_discount(request) {
        return quote;
    }
    match varied(request, &quote, exploration) {
        Some((explored, bill, decision, offer_prices)) => Quote {
            decision,
            usd_per_month: Some(bill.total),
            lines: bill.lines,
            offer_prices,
            explored: Some(explored),
            ..quote
        },
        None => quote,
    }
}

/// Whether the owner has a price of its own.
fn has_discount(request: &QuoteRequest<'_>) -> bool {
    let discounts = &request.pricing.policy.owners.discount;
    request.terms.owner.is_some_and(|owner| discounts.contains_key(owner.exact()))
}

/// The varied bid. None if there is no bid to vary, or it cannot be computed, which leaves the bid as it is.
fn varied(
    request: &QuoteRequest<'_>,
    quote: &Quote,
    exploration: &Exploration,
) -> Option<(Explored, Bill, Decision, Vec<super::OfferPrices>)> {
    let (base_price, base) = (quote.price()?.clone(), quote.usd_per_month?);
    let mut levels: Vec<Level> =
        exploration.spread.factors().filter_map(|factor| level(request, base, factor)).collect();
    let factors = levels.iter().map(|level| level.factor).collect();
    let drawn = exploration.draw.checked_rem(u64::try_from(levels.len()).ok()?)?;
    let Level { factor, total, price } = levels.swap_remove(usize::try_from(drawn).ok()?);
    let mut bill = Bill { lines: quote.lines.clone(), total: base };
    let difference = total.checked_sub(base).ok()?;
    if let Some(first) = request.order.group.resources().first().filter(|_| !difference.is_zero()) {
        bill.adjust(first.id, Item::Explore, difference, "explore.spread".to_owned()).ok()?;
    }
    let offer_prices = offer::split(request.order, &bill, &price, &request.terms).ok()?;
    let explored = Explored { factor, base_price, base_usd_per_month: base, factors };
    Some((explored, bill, Decision::Bid(price), offer_prices))
}

/// The price with a factor. None if it would not be a bid.
fn level(request: &QuoteRequest<'_>, base: Usd, factor: Decimal) -> Option<Level> {
    let total = scaled_usd(base, factor).ok()?;
    screen::check_minimum(request.pricing, total, "").ok()?;
    let price = convert(request, total).ok()?;
    check_price(request.order, &price).ok()?;
    Some(Level { factor, total, price })
}

#[cfg(test)]
mod tests;
