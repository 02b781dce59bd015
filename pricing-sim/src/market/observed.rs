//! The bids that others really made on the orders of a history.

use std::sync::Arc;

use pricing_core::money::{Usd, scaled_usd};

use super::millionths;
use super::offers::{Limit, Offer};
use crate::history::{Alternatives, Fitted, MarketHistory};
use crate::random::{Draw, Draws, Purpose};
use crate::result::OrderOutcome;

/// A multiple of the reference above which the price of a bid does not matter.
const HIGHEST: f64 = 1e9;

/// The bids of a history, and which of them a tenant takes.
#[derive(Clone, Debug)]
pub struct Observed {
    history: Arc<MarketHistory>,
    choice: TenantChoice,
}

/// Which bid a tenant takes.
#[derive(Clone, Debug)]
enum TenantChoice {
    Cheapest,
    /// The fitted model, and what each order of the history offers besides our bid.
    Fitted(Arc<Fitted>, Arc<[Alternatives]>),
}

impl Observed {
    /// A market in which the cheapest bid wins, or ours at the same price. An order of which no bid became a lease cannot be
    /// won.
    #[must_use]
    pub fn cheapest(history: Arc<MarketHistory>) -> Self {
        Self { history, choice: TenantChoice::Cheapest }
    }

    /// A market in which tenants choose by a fitted model.
    #[must_use]
    pub fn fitted(history: Arc<MarketHistory>, fitted: Arc<Fitted>) -> Self {
        let alternatives = history.facts.iter().map(|facts| fitted.alternatives(facts, None)).collect();
        Self { history, choice: TenantChoice::Fitted(fitted, alternatives) }
    }

    /// The same market with the model fitted again to some orders of the history, such as those that a resample drew: then
    /// resamples differ by how well the model is known, too. None where there is no model, or the orders cannot be fitted.
    #[must_use]
    pub fn refitted(&self, orders: &[usize]) -> Option<Self> {
        let TenantChoice::Fitted(..) = &self.choice else { return None };
        let drawn = orders.iter().filter_map(|order| self.history.facts(*order));
        let fitted = Fitted::to(drawn).ok()?;
        Some(Self::fitted(Arc::clone(&self.history), Arc::new(fitted)))
    }

    /// The competition for an order that repeats one of the history, where others bid `more` in addition. `order` is its
    /// number in the run, by which the tenant's luck is drawn.
    #[must_use]
    pub fn offer(&self, origin: usize, order: usize, more: Option<Usd>, draws: &Draws) -> Offer {
        let Some(facts) = self.history.facts(origin) else { return Offer::cheapest(more) };
        let best = facts.lowest().into_iter().chain(more).min();
        match (&self.choice, more) {
            (TenantChoice::Cheapest, _) if facts.is_taken() => Offer::cheapest(best),
            // The tenant had all of these bids and took none.
            (TenantChoice::Cheapest, _) => Offer { best, limit: Limit::Never },
            (TenantChoice::Fitted(fitted, known), None) => {
                let known = known.get(origin).copied().unwrap_or_else(|| fitted.alternatives(facts, None));
                Offer { best, limit: limit(fitted, &known, &mut draws.of(Purpose::Tenant, order)) }
            }
            (TenantChoice::Fitted(fitted, _), Some(_)) => {
                let alternatives = fitted.alternatives(facts, more);
                Offer { best, limit: limit(fitted, &alternatives, &mut draws.of(Purpose::Tenant, order)) }
            }
        }
    }
}

/// Which bids win an order, by the luck of its tenant.
fn limit(fitted: &Fitted, alternatives: &Alternatives, draw: &mut Draw) -> Limit {
    let (luck, other) = (draw.unit(), draw.unit());
    let reason = if other < alternatives.none { OrderOutcome::NotTaken } else { OrderOutcome::Outbid };
    let (highest, wins) = fitted.highest(alternatives, luck);
    match (highest, alternatives.reference) {
        (Some(highest), Some(reference)) if highest < HIGHEST => {
            scaled_usd(reference, millionths(highest, 0)).map_or(Limit::Open, |limit| Limit::AtMost(limit, reason))
        }
        _ if wins => Limit::Open,
        _ => Limit::Never,
    }
}
