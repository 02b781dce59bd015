//! Every way in which an order's cards could fall, and what each of them costs.

use rust_decimal::Decimal;

use super::cards::{PlacedOn, QuotedTarget};
use super::{
    Decision, PlacedOrder, Quote, QuoteRequest, Reason, Supply, convert, open_request, placed, plugin, price, screen,
    targets, usable,
};
use crate::budget::Budget;
use crate::money::{Price, Usd};
use crate::order::Order;
use crate::rates::Placement;
use crate::reserve::alternatives::PodsOfOrder;
use crate::reserve::{self, PodRequest, Scheduler};

/// Another way in which an order's cards could fall.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alternative {
    /// Where each unit goes.
    pub targets: Vec<QuotedTarget>,
    /// The bid for it, whether or not the tenant would pay it.
    pub price: Price,
    /// The sum of its lines; none where a plugin priced it in a denom whose rate is not known.
    pub usd_per_month: Option<Usd>,
}

/// Every way in which an order's cards could fall.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Alternatives {
    /// One for each distinct set of GPU kinds that could be allocated, cheapest first.
    pub list: Vec<Alternative>,
    /// Whether these are all; otherwise the listing was given up.
    pub complete: bool,
}

/// Prices every distinct set of GPU kinds that an order could be allocated, cheapest first.
///
/// Sets that the rate card cannot price are left out. Where the budget is used up the listing ends.
///
/// # Errors
/// When the order is declined by [`screen()`], cannot be placed, or the budget was used up before the first of them was
/// priced.
pub fn alternatives(request: &QuoteRequest<'_>) -> Result<Alternatives, Reason> {
    request.within_budget(|request, budget| {
        budget.check()?;
        screen::screen_policy(request)?;
        let (sets, mut complete) = target_sets(request, budget)?;
        let mut list = Vec::new();
        for placed in sets {
            let not_pending = placed.pods.check_pending(&request.pricing.policy);
            match not_pending.and_then(|()| alternative(request, placed.targets)) {
                Ok(alternative) => list.push(alternative),
                Err(_) if budget.spent().is_some() && !list.is_empty() => {
                    complete = false;
                    break;
                }
                Err(reason) if reason.code.is_fault() => return Err(reason),
                Err(_) => {}
            }
        }
        Ok(Alternatives::cheapest_first(list, complete))
    })
}

impl Alternative {
    /// What a plugin's answer makes of a set of cards; none where it declines or has nothing to change.
    #[must_use]
    pub fn by_plugin(request: &QuoteRequest<'_>, draft: &Quote, answer: &plugin::Answer) -> Option<Self> {
        let maximum = request.order.max_price.as_ref();
        // The bid is listed whether or not the tenant would pay it.
        let max_price = maximum.and_then(|max| Price::new(max.denom().clone(), Decimal::MAX).ok());
        let order = Order { max_price, ..request.order.clone() };
        let quote = plugin::decide(&QuoteRequest { order: &order, ..*request }, draft, answer);
        match quote.decision {
            Decision::Bid(price) => Some(Self { targets: quote.targets, price, usd_per_month: quote.usd_per_month }),
            Decision::NoBid(_) => None,
        }
    }
}

impl Alternatives {
    /// Alternatives in the order of what they cost.
    #[must_use]
    pub fn cheapest_first(mut list: Vec<Alternative>, complete: bool) -> Self {
        list.sort_by_key(|alternative| (alternative.usd_per_month, alternative.price.amount()));
        Self { list, complete }
    }
}

/// Every distinct set of GPU kinds that an order could be allocated, and whether these are all.
///
/// Only the sound scheduler searches for other placements. The daemon's algorithm has one result, and without a
/// placement the sets are the combinations of the cards that are known. A set that the budget no longer allows ends the
/// list, which then counts as incomplete: a partial answer is better than none, once there is a first set.
pub(super) fn target_sets(request: &QuoteRequest<'_>, budget: &Budget<'_>) -> Result<(Vec<PlacedOrder>, bool), Reason> {
    let QuoteRequest { order, pricing, .. } = *request;
    Ok(match request.supply {
        Supply::Reserve { cluster, scheduler: Scheduler::Sound } => {
            usable(cluster)?;
            budget.take(reserve::listed(&order.group))?;
            let on = PlacedOn::new(cluster, Scheduler::Sound, pricing, &request.terms);
            let units = pricing.commit.for_order(order).units(&order.group, Scheduler::Sound);
            let preference = request.terms.prefer.by(pricing);
            let reserve::alternatives::Alternatives { reservations, mut complete } = match pricing.policy.placement {
                Placement::Kubernetes => {
                    let pods = order.group.resources().iter().zip(&units);
                    let requests: Vec<PodRequest> =
                        pods.map(|(unit, committed)| PodRequest::new(unit, committed, on.running)).collect();
                    let pods = PodsOfOrder { requests: &requests, running: on.running };
                    reserve::alternatives::wherever_pods_start(&units, pods, cluster, preference, budget)?
                }
                Placement::Pinned => reserve::alternatives::alternatives(&units, cluster, preference, budget)?,
            };
            let mut sets = Vec::with_capacity(reservations.len());
            for reservation in &reservations {
                match placed(order, &units, reservation, on, budget) {
                    Ok(placed) => sets.push(placed),
                    Err(reason) if sets.is_empty() => return Err(reason),
                    Err(_) => {
                        complete = false;
                        break;
                    }
                }
            }
            (sets, complete)
        }
        Supply::Reserve { .. } => (vec![targets(request, budget)?], true),
        Supply::Unknown | Supply::AlreadyReserved { .. } | Supply::Given { .. } => {
            let PlacedOrder { targets, .. } = targets(request, budget)?;
            let (sets, complete) = open_request::every_choice(&targets, order, pricing, budget)?;
            (sets.into_iter().map(PlacedOrder::from).collect(), complete)
        }
    })
}

fn alternative(request: &QuoteRequest<'_>, targets: Vec<QuotedTarget>) -> Result<Alternative, Reason> {
    let bill = price(request, &targets)?;
    Ok(Alternative { targets, price: convert(request, bill.total)?, usd_per_month: Some(bill.total) })
}
