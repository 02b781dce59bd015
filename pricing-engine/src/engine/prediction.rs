//! Sends what a quote predicts of its pods to what checks it.

use std::sync::Arc;
use std::time::Instant;

use pricing_core::order::Order;
use pricing_core::reserve::PodRequest;

use super::Engine;
use crate::bid_log::Pending;
use crate::bid_log::entry::Group;
use crate::decision::{LiveState, OrderRequest, PricedGroup, Settings};
use crate::inventory::{Availability, LiveInventory, Snapshot};
use crate::order_name::OrderName;
use crate::placements::{PredictedOrder, PredictedQuote, UnitRequest};

impl Engine {
    /// Sends the predictions for the bids on an order. Without its name, nobody can tell which lease is of the bid. Without
    /// outcomes, only bids count for which capacity is held.
    pub(super) fn send_predictions(
        &self,
        settings: &Settings,
        (request, priced): (&OrderRequest, &[PricedGroup]),
        live: &LiveState,
        (at, lines): (Instant, &[Pending]),
    ) {
        let (Some(name), Availability::Known(snapshot)) = (&request.name, &live.availability) else { return };
        let is_late = priced.iter().any(|priced| priced.remaining_budget.out_of_time);
        if is_late || !self.is_awaited() {
            return;
        }
        for (index, (order, priced)) in request.orders.iter().zip(priced).enumerate() {
            let decision = lines.get(index).and_then(Pending::sequence);
            let order_of = || predicted_order(name, (index, order), decision, at);
            if let Some(quote) = predicted_quote(settings, order, priced, snapshot, order_of) {
                self.inner.placements.quoted(quote);
            }
        }
    }

    fn is_awaited(&self) -> bool {
        let is_holding = || self.inner.inventory.load().as_deref().is_some_and(LiveInventory::is_holding);
        self.inner.outcomes.is_some() || is_holding()
    }
}

fn predicted_order(
    name: &OrderName,
    (index, order): (usize, &Order),
    decision: Option<u64>,
    at: Instant,
) -> PredictedOrder {
    PredictedOrder { name: name.clone(), group: Group { index, name: order.group.name().owned() }, decision, at }
}

/// What a bid predicts of its pods. `None` if there is no bid, or nothing is predicted.
fn predicted_quote(
    settings: &Settings,
    order: &Order,
    priced: &PricedGroup,
    snapshot: &Arc<Snapshot>,
    predicted_order: impl FnOnce() -> PredictedOrder,
) -> Option<PredictedQuote> {
    priced.quote.price()?;
    let placements = priced.quote.pods.placements()?.clone();
    let committed = settings.rates.pricing.commit.for_order(order).units(&order.group, settings.scheduler);
    let units = order.group.resources().iter().zip(&committed);
    let units = units.map(|(unit, committed)| {
        UnitRequest::new(unit.id, unit.count, &PodRequest::new(unit, committed, &snapshot.running))
    });
    Some(PredictedQuote {
        order: predicted_order(),
        units: units.collect(),
        placements,
        snapshot: Arc::clone(snapshot),
    })
}
