//! Sends what a quote predicts of its pods to what checks it.

use std::time::Instant;

use pricing_core::order::Order;
use pricing_core::reserve::PodRequest;

use super::Engine;
use crate::bid_log::Pending;
use crate::bid_log::entry::Group;
use crate::decision::{LiveState, OrderRequest, PricedGroup, Settings};
use crate::inventory::{Availability, LiveInventory, Snapshot};
use crate::order_name::OrderName;
use crate::placements::{PredictedOrder, UnitRequest};

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
            // Without a bid there is no lease.
            let placements = priced.quote.price().and(priced.quote.pods.shared_placements());
            let Some(placements) = placements else { continue };
            let units = unit_requests(settings, order, snapshot);
            let order = predicted_order(name, (index, order), decision, at);
            self.inner.placements.quoted(order, units, placements, snapshot);
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

/// What the pods of an order's units request.
fn unit_requests(settings: &Settings, order: &Order, snapshot: &Snapshot) -> Vec<UnitRequest> {
    let committed = settings.rates.pricing.commit.for_order(order).units(&order.group, settings.scheduler);
    let units = order.group.resources().iter().zip(&committed);
    let request = |(unit, committed)| PodRequest::new(unit, committed, &snapshot.running);
    units.map(|units| UnitRequest::new(units.0.id, units.0.count, &request(units))).collect()
}
