//! Pricing by a plugin: the built-in quote that it starts from, and what its answer makes of that quote.
//!
//! The plugin is run elsewhere; this module only sees its answer. The same policy applies to an answer as to a built-in
//! price: the minimum, the tenant's maximum, and no bid of 0.

use rust_decimal::Decimal;

use super::alternatives::target_sets;
use super::lines::{Bill, Item, Line};
use super::reason::{Reason, ReasonCode};
use super::{Decision, Quote, QuoteRequest, accept, convert, lines, quote_targets, screen, targets, usd_per_coin};
use crate::money::{self, ArithmeticOverflow, Price, Usd, parse_decimal, scaled_usd, unit_usd};
use crate::order::Order;
use crate::rates::Pricing;
use crate::text::{Untrusted, counted};

/// The most that a plugin may bid per block, in units of the denom.
const MAX_PRICE: i64 = 10_000_000_000;
/// The most decimals that a plugin's price may have, not counting trailing zeros.
const MAX_PRICE_DECIMALS: u32 = 18;
/// The `rate` of lines that a plugin changed.
const RATE: &str = "plugin";

/// The built-in quote of an order that a plugin is to price.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Draft {
    /// The plugin is not asked: the owner is not served, the denom is unknown, the order does not fit or would hang, or
    /// a number overflowed.
    Settled(Quote),
    /// The plugin may price it, even if the built-in pricer has no rate or price for it.
    Open(Quote),
}

impl Draft {
    /// A plugin can make up for a missing exchange rate, but not for any other fault of the built-in pricer, and not for
    /// a missing node.
    fn of(quote: Quote) -> Self {
        match quote.reason() {
            Some(reason) if reason.code == ReasonCode::Pending => Self::Settled(quote),
            Some(reason) if reason.code.is_fault() && reason.code != ReasonCode::RateUnavailable => {
                Self::Settled(quote)
            }
            _ => Self::Open(quote),
        }
    }

    /// The built-in quote.
    #[must_use]
    pub fn quote(&self) -> &Quote {
        match self {
            Self::Settled(quote) | Self::Open(quote) => quote,
        }
    }
}

/// A change to the built-in quote. Each change applies to the result of the ones before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Multiplies the total.
    Multiply(Decimal),
    /// Adds USD per month; may be negative.
    Add(Usd),
    /// Raises the total to at least this many USD per month.
    Floor(Usd),
    /// Replaces the amount of a line. The owner's discount and the minimum are recomputed from the new charges.
    ReplaceLine {
        /// The line, counted from 0.
        line: usize,
        /// Its new amount.
        usd_per_month: Usd,
    },
}

/// The answer of a plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The bid, in units of the order's denom per block.
    Price(Decimal),
    /// No bid, for this reason.
    Decline(String),
    /// The built-in quote with changes.
    Change(Vec<Change>),
}

/// The plugin that was asked for a quote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PluginUse {
    /// Its name.
    pub name: String,
    /// The SHA-256 digest of its file.
    pub digest: String,
    /// The fuel that it used. None if it was not called, or was stopped by the clock, since that differs from run to
    /// run.
    pub fuel: Option<u64>,
    /// What priced the order instead, as configured, if the plugin failed.
    pub fallback: Option<Fallback>,
}

/// What priced an order after its plugin failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fallback {
    /// What priced it.
    pub by: FallbackBy,
    /// Why the plugin did not.
    pub fault: Reason,
}

/// What prices an order if its plugin fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FallbackBy {
    /// The built-in pricer.
    Builtin,
    /// The version of the plugin that was loaded before.
    LastPlugin,
}

impl FallbackBy {
    /// The fallback as settings name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Builtin => "builtin",
            Self::LastPlugin => "last-plugin",
        }
    }
}

/// Places and prices an order as far as that is possible without the plugin.
#[must_use]
pub fn draft(request: &QuoteRequest<'_>) -> Draft {
    request.within_budget(|request, budget| {
        let screened = budget.check().map_err(Reason::from).and_then(|()| screen::screen_admission(request));
        let placed = screened
            .and_then(|()| screen::token(request.order, request.pricing))
            .and_then(|_| targets(request, budget));
        match placed {
            Ok(placed) => Draft::of(quote_targets(request, placed)),
            Err(reason) => Draft::Settled(Quote::no_bid(request.order, reason)),
        }
    })
}

/// The built-in quote for every distinct set of GPU kinds that an order could be allocated, and whether the list is
/// complete.
///
/// # Errors
/// When the plugin is not asked, or the budget was used up before the first quote was made.
pub fn drafts_of_alternatives(request: &QuoteRequest<'_>) -> Result<(Vec<Quote>, bool), Reason> {
    request.within_budget(|request, budget| {
        budget.check()?;
        screen::screen_admission(request)?;
        screen::token(request.order, request.pricing)?;
        let (sets, mut complete) = target_sets(request, budget)?;
        let mut open = Vec::new();
        for placed in sets {
            let draft = Draft::of(quote_targets(request, placed));
            match (draft, budget.spent()) {
                // Once the budget is spent, this set and the ones after it cannot be told from sets without a price.
                (Draft::Settled(_), Some(spent)) if open.is_empty() => return Err(spent.into()),
                (Draft::Settled(_), Some(_)) => {
                    complete = false;
                    break;
                }
                (Draft::Settled(_), None) => {}
                (Draft::Open(quote), _) => open.push(quote),
            }
        }
        Ok((open, complete))
    })
}

/// Parses a price that a plugin wrote: a plain decimal above 0, at most 10000000000, with at most 18 decimals.
///
/// # Errors
/// The fault `invalid-output`, with what is wrong.
pub fn read_price(text: &str) -> Result<Decimal, Reason> {
    let invalid = |message: String| Reason::new(ReasonCode::InvalidOutput, message);
    let price = parse_decimal(text).map_err(|error| invalid(format!("the plugin's price cannot be read: {error}")))?;
    check_price(price)?;
    Ok(price)
}

fn check_price(price: Decimal) -> Result<(), Reason> {
    let problem = if price <= Decimal::ZERO {
        "it must be above 0"
    } else if price > Decimal::from(MAX_PRICE) {
        "it may be 10000000000 at most"
    } else if price.normalize().scale() > MAX_PRICE_DECIMALS {
        "it may have 18 decimals at most"
    } else {
        return Ok(());
    };
    Err(Reason::new(ReasonCode::InvalidOutput, format!("the plugin's price is `{price}`; {problem}")))
}

/// The result of an answer: the bill, if it is known in dollars, and the price or the reason why there is none.
struct Outcome {
    bill: Option<Bill>,
    price: Result<Price, Reason>,
}

/// Applies a plugin's answer to an open draft.
#[must_use]
pub fn decide(request: &QuoteRequest<'_>, draft: &Quote, answer: &Answer) -> Quote {
    let outcome = match answer {
        Answer::Price(price) => by_price(request, draft, *price),
        Answer::Decline(message) => {
            let reason = Reason::new(ReasonCode::PluginDeclined, message);
            Ok(Outcome { bill: draft.usd_per_month.map(|_| bill_of(draft)), price: Err(reason) })
        }
        // There is nothing to change, so the built-in decline stands.
        Answer::Change(_) if draft.usd_per_month.is_none() => return draft.clone(),
        Answer::Change(changes) => by_change(request, draft, changes),
    };
    match outcome {
        Ok(outcome) => finish(request, draft, outcome),
        Err(reason) => fault(draft, reason),
    }
}

/// The quote of an order that could not be priced.
#[must_use]
pub fn fault(draft: &Quote, reason: Reason) -> Quote {
    Quote {
        decision: Decision::NoBid(reason),
        usd_per_month: None,
        lines: Vec::new(),
        offer_prices: Vec::new(),
        ..draft.clone()
    }
}

fn bill_of(draft: &Quote) -> Bill {
    Bill { lines: draft.lines.clone(), total: draft.usd_per_month.unwrap_or_default() }
}

/// A price in the denom. It is converted back to dollars, so that lines and the minimum can be computed.
fn by_price(request: &QuoteRequest<'_>, draft: &Quote, price: Decimal) -> Result<Outcome, Reason> {
    check_price(price)?;
    let QuoteRequest { order, pricing, terms, .. } = *request;
    let (denom, token) = screen::token(order, pricing)?;
    let amount = money::rounded(price, order.price_precision)?;
    let price = Price::new(denom, amount).map_err(|_| ArithmeticOverflow)?;
    let usd_per_coin = match usd_per_coin(price.denom(), token, &terms) {
        Ok(usd) => usd,
        // A price in the denom needs no feed. Only a minimum in dollars could not be compared with it.
        Err(_) if pricing.policy.minimum_usd_per_month.is_zero() => {
            return Ok(Outcome { bill: None, price: Ok(price) });
        }
        Err(reason) => return Err(reason),
    };
    let total = money::per_month(amount, pricing.chain.blocks_per_month, usd_per_coin, token.exponent)?;
    let mut bill = bill_of(draft);
    adjust(&mut bill, order, total)?;
    if raise(&mut bill, order, pricing)? {
        return Ok(priced(request, bill));
    }
    let price = screen::check_minimum(pricing, bill.total, "").map(|()| price);
    Ok(Outcome { bill: Some(bill), price })
}

/// Changes to the bill, in dollars. They apply to the total; the difference to the lines becomes a line of its own.
fn by_change(request: &QuoteRequest<'_>, draft: &Quote, changes: &[Change]) -> Result<Outcome, Reason> {
    let QuoteRequest { order, pricing, terms, .. } = *request;
    let mut bill = bill_of(draft);
    let mut total = bill.total;
    for change in changes {
        terms.take(bill.lines.len().saturating_add(16))?;
        total = apply(change, &mut bill, total, pricing, terms.owner)?;
        if total < Usd::default() {
            let message = format!("the plugin's changes come to {total} USD a month; the total may not be negative");
            return Err(Reason::new(ReasonCode::InvalidOutput, message));
        }
    }
    adjust(&mut bill, order, total)?;
    raise(&mut bill, order, pricing)?;
    Ok(priced(request, bill))
}

/// Applies a change and returns the new total. The total may differ from the sum of the lines, because only
/// `ReplaceLine` changes lines.
fn apply(
    change: &Change,
    bill: &mut Bill,
    total: Usd,
    pricing: &Pricing,
    owner: Option<Untrusted<&str>>,
) -> Result<Usd, Reason> {
    let invalid = |message: String| Reason::new(ReasonCode::InvalidOutput, message);
    Ok(match change {
        Change::Multiply(factor) if factor.is_sign_negative() => {
            return Err(invalid(format!("the plugin multiplies by `{factor}`; a factor may not be negative")));
        }
        Change::Multiply(factor) => scaled_usd(total, *factor)?,
        Change::Add(usd) => total.checked_add(money::line_rounded(*usd)?)?,
        Change::Floor(usd) if *usd < Usd::default() => {
            return Err(invalid(format!("the plugin's floor is {usd} USD a month; it may not be negative")));
        }
        Change::Floor(usd) => total.max(money::line_rounded(*usd)?),
        Change::ReplaceLine { line: index, usd_per_month } => {
            let count = bill.lines.len();
            let Some(line) = bill.lines.get_mut(*index) else {
                return Err(invalid(format!(
                    "the plugin replaces line {index} of a quote of {}",
                    counted(count, "line")
                )));
            };
            let before = bill.total;
            let is_charge = line.item.unit().is_some();
            replace(line, money::line_rounded(*usd_per_month)?)?;
            if is_charge {
                follow(bill, pricing, owner)?;
            }
            bill.total = bill.lines.iter().try_fold(Usd::ZERO, |sum, line| sum.checked_add(line.usd_per_month))?;
            total.checked_add(bill.total.checked_sub(before)?)?
        }
    })
}

/// Recomputes the owner's discount and the minimum after charges were replaced, since both are derived from the
/// charges.
fn follow(bill: &mut Bill, pricing: &Pricing, owner: Option<Untrusted<&str>>) -> Result<(), Reason> {
    let charges = bill.lines.iter().filter(|line| line.item.unit().is_some());
    let charged = charges.map(|line| line.usd_per_month).try_fold(Usd::ZERO, Usd::checked_add)?;
    let factor = owner.and_then(|owner| pricing.policy.owners.discount.get(owner.exact()));
    let discounted = factor.map_or(Ok(charged), |factor| scaled_usd(charged, *factor))?;
    let missing = pricing.policy.minimum_usd_per_month.checked_sub(discounted)?.max(Usd::ZERO);
    for line in &mut bill.lines {
        let usd = match line.item {
            Item::Discount => discounted.checked_sub(charged)?,
            Item::Minimum => missing,
            _ => continue,
        };
        line.usd_per_month = usd;
        line.usd_per_unit_month = usd;
    }
    Ok(())
}

fn replace(line: &mut Line, usd: Usd) -> Result<(), Reason> {
    if usd < Usd::default() && line.item.unit().is_some() {
        let message =
            format!("the plugin makes a line of {} {usd} USD a month; it may not be negative", line.item.name());
        return Err(Reason::new(ReasonCode::InvalidOutput, message));
    }
    line.usd_per_month = usd;
    line.usd_per_unit_month = unit_usd(usd, line.quantity.count(), line.quantity.divisor())?;
    RATE.clone_into(&mut line.rate);
    line.weights.clear();
    Ok(())
}

/// Brings a bill to a total by adding one line with the difference.
fn adjust(bill: &mut Bill, order: &Order, total: Usd) -> Result<(), Reason> {
    let difference = total.checked_sub(bill.total)?;
    if let Some(first) = order.group.resources().first().filter(|_| !difference.is_zero()) {
        bill.adjust(first.id, Item::Plugin, difference, RATE.to_owned())?;
    }
    Ok(())
}

/// Raises a bill to the minimum if the policy says so. True if it did.
fn raise(bill: &mut Bill, order: &Order, pricing: &Pricing) -> Result<bool, Reason> {
    let before = bill.total;
    lines::raise(bill, order, &pricing.policy)?;
    Ok(bill.total != before)
}

/// Checks a bill against the minimum, and converts it to a price.
fn priced(request: &QuoteRequest<'_>, bill: Bill) -> Outcome {
    let checked = screen::check_minimum(request.pricing, bill.total, "");
    let price = checked.and_then(|()| convert(request, bill.total));
    Outcome { bill: Some(bill), price }
}

/// The quote of an outcome, after comparing it with the tenant's maximum.
fn finish(request: &QuoteRequest<'_>, draft: &Quote, outcome: Outcome) -> Quote {
    let Outcome { bill, price } = outcome;
    let accepted = price.and_then(|price| match &bill {
        Some(bill) => accept(request, bill, price),
        // Without an amount in dollars, the built-in lines still say how to split the price.
        None => accept(request, &bill_of(draft), price),
    });
    let (decision, offer_prices) = match accepted {
        Ok((price, offer_prices)) => (Decision::Bid(price), offer_prices),
        Err(reason) => (Decision::NoBid(reason), Vec::new()),
    };
    let usd_per_month = bill.as_ref().map(|bill| bill.total);
    Quote {
        decision,
        usd_per_month,
        lines: bill.map(|bill| bill.lines).unwrap_or_default(),
        offer_prices,
        ..draft.clone()
    }
}
