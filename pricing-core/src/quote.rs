//! Quotes: an order, where it goes, what that costs, and the decision.
//!
//! [`quote`] is the strict mode: it prices the card that is really allocated. [`screen()`] is the part of it that needs
//! no inventory. [`wire`] writes answers as the contract has them.

mod allocated_cards;
mod alternatives;
mod candidates;
mod card_price;
mod cards;
mod choice;
pub mod compat;
mod dearest;
mod eligibility;
pub mod explore;
mod given;
mod held_capacity;
mod lines;
mod offer;
mod open_request;
pub mod plugin;
mod prediction;
pub mod reason;
mod request;
#[cfg(feature = "scale")]
pub mod scale;
mod screen;
mod tariff;
mod terms;
pub mod wire;

use rust_decimal::Decimal;

use crate::budget::Budget;
use crate::inventory::Cluster;
use crate::money::{Denom, Price, Usd, per_block};
use crate::order::Order;
use crate::rates::{AmbiguousGpu, Token};
use crate::reserve::{self, CommittedUnit, Reservation};
use crate::text::Untrusted;

pub use crate::quantity::LineQuantity;
pub use allocated_cards::usd_of_allocated_cards;
pub use alternatives::{Alternative, Alternatives, alternatives};
pub use candidates::{Candidate, KindPlace};
pub use card_price::Weight;
pub use cards::{CardGroup, QuotedTarget};
pub use dearest::{highest_usd, old_rule_usd};
pub use explore::{Exploration, Explored, Spread};
pub use given::{GivenCards, GivenKind, GivenTarget, TargetError};
pub use lines::{Item, Line};
pub use offer::{EndpointPrice, OfferPrices, VolumePrice};
pub use plugin::{Fallback, FallbackBy, PluginUse};
pub use prediction::{GIVEN_UP, PodPrediction, Predict};
pub use reason::{DecisionKind, Reason, ReasonCode};
pub use request::{QuoteRequest, Supply};
pub use screen::screen;
pub use terms::{GpuRule, Terms};

use cards::{PlacedOn, PlacedUnit};
use lines::{Bill, Tariff};

/// What was decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// A bid, per block.
    Bid(Price),
    /// No bid, by choice or by fault.
    NoBid(Reason),
}

/// The answer to an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quote {
    /// The group's name.
    pub group: Untrusted,
    /// What was decided.
    pub decision: Decision,
    /// The tenant's maximum per block.
    pub max_price: Option<Price>,
    /// The sum of the lines; none when it did not come to lines.
    pub usd_per_month: Option<Usd>,
    /// Where each unit goes.
    pub targets: Vec<QuotedTarget>,
    /// Where Kubernetes will start the pods.
    pub pods: PodPrediction,
    /// What it costs.
    pub lines: Vec<Line>,
    /// The bid split up as the chain's `OfferPrices`, one entry a unit; empty without a bid.
    pub offer_prices: Vec<OfferPrices>,
    /// The plugin that was asked.
    pub plugin: Option<PluginUse>,
    /// How the price was varied, if it was.
    pub explored: Option<Explored>,
}

impl Quote {
    /// The reason why there is no bid.
    #[must_use]
    pub fn reason(&self) -> Option<&Reason> {
        match &self.decision {
            Decision::Bid(_) => None,
            Decision::NoBid(reason) => Some(reason),
        }
    }

    /// What was decided, in one word.
    #[must_use]
    pub fn decision_kind(&self) -> DecisionKind {
        self.reason().map_or(DecisionKind::Bid, |reason| reason.code.decision())
    }

    /// The bid.
    #[must_use]
    pub fn price(&self) -> Option<&Price> {
        match &self.decision {
            Decision::Bid(price) => Some(price),
            Decision::NoBid(_) => None,
        }
    }

    /// The answer to an order that came to no targets.
    #[must_use]
    pub fn no_bid(order: &Order, reason: Reason) -> Self {
        Self {
            group: order.group.name().owned(),
            decision: Decision::NoBid(reason),
            max_price: order.max_price.clone(),
            usd_per_month: None,
            targets: Vec::new(),
            pods: PodPrediction::None,
            lines: Vec::new(),
            offer_prices: Vec::new(),
            plugin: None,
            explored: None,
        }
    }
}

/// Prices an order and decides.
#[must_use]
pub fn quote(request: &QuoteRequest<'_>) -> Quote {
    request.within_budget(|request, budget| {
        let screened = budget.check().map_err(Reason::from).and_then(|()| screen::screen_policy(request));
        match screened.and_then(|()| targets(request, budget)) {
            Ok(placed) => quote_targets(request, placed),
            Err(reason) => Quote::no_bid(request.order, reason),
        }
    })
}

/// Where the units of an order go, and where their pods will start.
#[derive(Clone, Debug)]
struct PlacedOrder {
    targets: Vec<QuotedTarget>,
    pods: PodPrediction,
}

impl From<Vec<QuotedTarget>> for PlacedOrder {
    /// An order for whose pods nothing is predicted.
    fn from(targets: Vec<QuotedTarget>) -> Self {
        Self { targets, pods: PodPrediction::None }
    }
}

/// Where the units of an order go. The budget is charged before the work, so that no supply can make it unbounded.
fn targets(request: &QuoteRequest<'_>, budget: &Budget<'_>) -> Result<PlacedOrder, Reason> {
    let QuoteRequest { order, pricing, supply, terms, .. } = *request;
    let units = order.group.resources();
    budget.take(reserve::listed(&order.group))?;
    match supply {
        Supply::Unknown => Ok(units.iter().map(QuotedTarget::unknown).collect::<Vec<_>>().into()),
        Supply::AlreadyReserved { cluster } => {
            usable(cluster)?;
            let held = units.iter().map(|unit| QuotedTarget::held(unit, cluster, &pricing.rates.gpu, budget));
            held.collect::<Result<Vec<_>, _>>().map(PlacedOrder::from)
        }
        Supply::Given { targets } => {
            budget.take(targets.iter().map(QuotedTarget::size).fold(0, usize::saturating_add))?;
            Ok(targets.to_vec().into())
        }
        Supply::Reserve { cluster, scheduler } => {
            usable(cluster)?;
            let commit = pricing.commit.for_order(order);
            let preference = terms.prefer.by(pricing);
            let reserved = reserve::reserve_by(&order.group, cluster, scheduler, &commit, preference, budget);
            let reservation = reserved.map_err(|error| match terms.brief {
                true => error,
                false => error.explained(&order.group, cluster, scheduler, &commit),
            })?;
            let committed = commit.units(&order.group, scheduler);
            let on = PlacedOn::new(cluster, scheduler, pricing, &terms);
            placed(order, &committed, &reservation, on, budget)
        }
    }
}

fn placed(
    order: &Order,
    committed: &[CommittedUnit],
    reservation: &Reservation,
    on: PlacedOn<'_>,
    budget: &Budget<'_>,
) -> Result<PlacedOrder, Reason> {
    let units = order.group.resources().iter().zip(committed).zip(&reservation.targets);
    let units = units.map(|((unit, committed), target)| PlacedUnit { unit, committed, target });
    let targets: Vec<QuotedTarget> =
        units.map(|unit| QuotedTarget::placed(unit, on, budget)).collect::<Result<_, _>>()?;
    let mut placed = PlacedOrder::from(targets);
    placed.pods = prediction::predict(&mut placed.targets, (&order.group, committed, reservation), on, budget);
    Ok(placed)
}

fn usable(cluster: &Cluster) -> Result<(), Reason> {
    if cluster.is_usable() {
        return Ok(());
    }
    let message = "the inventory has no usable node";
    Err(Reason::new(ReasonCode::InventoryUnusable, message))
}

/// Prices an order on the targets that it has, and decides.
///
/// The targets are in the order of the group's units, one for each.
fn quote_targets(request: &QuoteRequest<'_>, PlacedOrder { targets, pods }: PlacedOrder) -> Quote {
    let order = request.order;
    let not_pending = pods.check_pending(&request.pricing.policy);
    let bill = match not_pending.and_then(|()| price(request, &targets)) {
        Ok(bill) => bill,
        Err(reason) => return Quote { targets, pods, ..Quote::no_bid(order, reason) },
    };
    let decided = decide(request, &bill);
    let (decision, offer_prices) = match decided {
        Ok((price, offer_prices)) => (Decision::Bid(price), offer_prices),
        Err(reason) => (Decision::NoBid(reason), Vec::new()),
    };
    Quote {
        decision,
        targets,
        pods,
        usd_per_month: Some(bill.total),
        lines: bill.lines,
        offer_prices,
        group: order.group.name().owned(),
        max_price: order.max_price.clone(),
        plugin: None,
        explored: None,
    }
}

/// What an order costs on its targets, discount and minimum included.
fn price(request: &QuoteRequest<'_>, targets: &[QuotedTarget]) -> Result<Bill, Reason> {
    price_by(request, targets, request.pricing.policy.ambiguous_gpu)
}

/// What an order costs on its targets, where one that is not certain is priced by this rule.
fn price_by(request: &QuoteRequest<'_>, targets: &[QuotedTarget], ambiguous: AmbiguousGpu) -> Result<Bill, Reason> {
    let QuoteRequest { order, pricing, terms, .. } = *request;
    let mut bill = lines::bill(order, targets, Tariff { pricing, ambiguous, terms: &terms })?;
    lines::adjust(&mut bill, order, terms.owner, pricing)?;
    Ok(bill)
}

/// Converts a total, holds it against minimum and maximum, and splits it up.
fn decide(request: &QuoteRequest<'_>, bill: &Bill) -> Result<(Price, Vec<OfferPrices>), Reason> {
    screen::check_minimum(request.pricing, bill.total, "")?;
    accept(request, bill, convert(request, bill.total)?)
}

/// Holds a price against 0 and the tenant's maximum, and splits it up.
fn accept(request: &QuoteRequest<'_>, bill: &Bill, price: Price) -> Result<(Price, Vec<OfferPrices>), Reason> {
    let order = request.order;
    check_price(order, &price)?;
    let offer_prices = offer::split(order, bill, &price, &request.terms)?;
    Ok((price, offer_prices))
}

/// Declines a price of 0, and one above the tenant's maximum.
fn check_price(order: &Order, price: &Price) -> Result<(), Reason> {
    if price.amount().is_zero() {
        let decimals = order.price_precision;
        let message = format!("the price rounds to a bid of 0 at {decimals} decimals, which the chain refuses");
        return Err(Reason::new(ReasonCode::BelowMinimum, message));
    }
    if let Some(max) = order.max_price.as_ref().filter(|max| price.amount() > max.amount()) {
        let (amount, denom) = (price.amount(), price.denom());
        let message =
            format!("the price of {amount} {denom} a block is above the tenant's maximum of {}", max.amount());
        return Err(Reason::new(ReasonCode::PriceAboveMax, message));
    }
    Ok(())
}

/// The one conversion of a quote: dollars a month to the denom's units per block.
fn convert(request: &QuoteRequest<'_>, total: Usd) -> Result<Price, Reason> {
    let QuoteRequest { order, pricing, terms, .. } = *request;
    let (denom, token) = screen::token(order, pricing)?;
    let usd_per_coin = usd_per_coin(&denom, token, &terms)?;
    let blocks = pricing.chain.blocks_per_month;
    let amount = per_block(total, blocks, usd_per_coin, token.exponent, order.price_precision)?;
    Price::new(denom, amount).map_err(|error| Reason::new(ReasonCode::ArithmeticOverflow, error.to_string()))
}

/// What a whole coin is worth.
fn usd_per_coin(denom: &Denom, token: &Token, terms: &Terms<'_>) -> Result<Decimal, Reason> {
    token.usd_per_coin(terms.usd_per_akt).ok_or_else(|| Reason::rate_unavailable(denom))
}

/// The price of an order that is declined because the tenant would not pay it; none where it came to no price.
#[must_use]
pub fn price_above_max(request: &QuoteRequest<'_>, quote: &Quote) -> Option<Price> {
    quote.reason().filter(|reason| reason.code == ReasonCode::PriceAboveMax)?;
    convert(request, quote.usd_per_month?).ok()
}

/// The token that an order is answered in: its denom, what a coin is worth where that is known, and its exponent.
///
/// # Errors
/// When the rate card does not know the denom.
pub fn token(request: &QuoteRequest<'_>) -> Result<(Denom, Option<Decimal>, u32), Reason> {
    let (denom, token) = screen::token(request.order, request.pricing)?;
    let usd = usd_per_coin(&denom, token, &request.terms).ok();
    Ok((denom, usd, token.exponent))
}
