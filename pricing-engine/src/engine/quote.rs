//! Prices orders: at once, or first for a moment and then, if that was not enough, from the beginning.
//!
//! A thread that must not be kept, such as one that serves connections, prices a small order itself with
//! [`Engine::quote_within`]. Nothing remains of an attempt that takes too long: it holds no capacity, and it is neither
//! counted nor logged. So an order has one decision, whoever prices it.

use std::sync::Arc;
use std::time::Instant;

use pricing_core::budget::{Budget, Spent};
use tracing::Span;

use super::recording::Effort;
use super::{Active, Answer, Engine, observation};
use crate::decision::{self, LiveState, OrderRequest, PricedGroup};
use crate::inventory::{Availability, Turn};
use crate::metrics::Call;

/// An order that is not priced yet, with the configuration that was in use when it came.
#[derive(Debug)]
pub struct Unfinished {
    call: Call,
    request: OrderRequest,
    active: Arc<Active>,
    /// The order has one span, however often it is tried.
    span: Span,
}

/// The decisions on an order, before anybody knows of them.
struct Decided {
    live: LiveState,
    priced: Vec<PricedGroup>,
    effort: Effort,
    out_of_time: bool,
}

impl Engine {
    /// Prices an order on the calling thread. The search stops at the deadline.
    ///
    /// An order that cannot be priced in time is a fault, not an error, so that the bid log records every answer.
    #[must_use]
    pub fn quote(&self, request: OrderRequest, deadline: Instant) -> Answer<Vec<PricedGroup>> {
        self.quote_as(Call::Quote, request, deadline)
    }

    /// Prices an order as [`Engine::quote`] does, and records it in the metrics and the bid log as `call`.
    #[must_use]
    pub fn quote_as(&self, call: Call, request: OrderRequest, deadline: Instant) -> Answer<Vec<PricedGroup>> {
        self.finish(self.unfinished(call, request), deadline)
    }

    /// Prices an order as [`Engine::quote_as`] does, if that takes no longer than until `patience`. A plugin has a deadline
    /// of its own and does not look at this one.
    ///
    /// # Errors
    /// The order, if it takes longer, or if it would have to wait for another one. [`Engine::finish`] prices it from the
    /// beginning.
    pub fn quote_within(
        &self,
        call: Call,
        request: OrderRequest,
        patience: Instant,
    ) -> Result<Answer<Vec<PricedGroup>>, Box<Unfinished>> {
        let (began, order) = (Instant::now(), self.unfinished(call, request));
        let inventory = self.inner.inventory.load();
        let decided = match inventory.as_deref() {
            None => Some(self.decide(&order, None, began, patience)),
            Some(inventory) => {
                let turn = inventory.turn_if_free(order.request.name.as_ref());
                turn.map(|turn| self.decide(&order, Some(turn), began, patience))
            }
        };
        match decided {
            Some(decided) if !decided.out_of_time => Ok(self.answer(order, decided)),
            _ => Err(Box::new(order)),
        }
    }

    /// Prices an order that was not priced in time.
    #[must_use]
    pub fn finish(&self, order: Unfinished, deadline: Instant) -> Answer<Vec<PricedGroup>> {
        let (began, inventory) = (Instant::now(), self.inner.inventory.load());
        let turn = inventory.as_deref().map(|inventory| inventory.turn(order.request.name.as_ref()));
        let decided = self.decide(&order, turn, began, deadline);
        self.answer(order, decided)
    }

    fn unfinished(&self, call: Call, request: OrderRequest) -> Unfinished {
        let active = self.active();
        let span = observation::span(call, &request, &active.settings.rates);
        Unfinished { call, request, active, span }
    }

    /// Decides on an order, and holds capacity for its bids.
    fn decide(&self, order: &Unfinished, turn: Option<Turn<'_>>, began: Instant, until: Instant) -> Decided {
        let Unfinished { request, active, span, .. } = order;
        let _entered = span.enter();
        let settings = &active.settings;
        let usd_per_akt = self.inner.feed.usd_per_akt(began);
        let is_late = || Instant::now() >= until;
        let budget = Budget::new(settings.budget).until(&is_late);
        let is_out_of_time = || budget.spent() == Some(Spent::Time);
        let decide = |availability: &Availability| {
            let live = LiveState { availability: availability.clone(), usd_per_akt };
            let priced = decision::price(settings, &live, request, &budget);
            // If pricing ran out of time, its caller has gone, so nothing is held.
            let to_hold = decision::capacity_to_hold(settings, request, &priced).filter(|_| !is_out_of_time());
            ((live, priced), to_hold)
        };
        let (live, priced) = match turn {
            None => decide(&Availability::NotConfigured).0,
            Some(turn) => turn.decide_and_hold(began, decide),
        };
        Decided { live, priced, effort: Effort::since(began, &budget), out_of_time: is_out_of_time() }
    }

    /// Counts, logs and records the decisions on an order.
    fn answer(&self, order: Unfinished, decided: Decided) -> Answer<Vec<PricedGroup>> {
        let Unfinished { call, request, active, span } = order;
        let Decided { live, priced, effort, .. } = decided;
        self.observe_quote((call, &request), &span, &priced, effort.took);
        self.record_quote(call, &active.settings, request, live, priced, effort)
    }
}
