//! The capacity that is held for orders that were bid on: a state machine that is handed the time.
//!
//! Every hold ends: when it is released or replaced, when it expires, when the inventory shows the order's pods (it is
//! *seen*), or when there are more than [`MAX_ORDERS`] and it is the one that would expire first.
//!
//! The inventory does not name orders. An order counts as seen once the use of every node in its hold has grown by at
//! least what is held there. Growth is attributed to one hold only. If other pods start on the same nodes, a hold may
//! end too early. If other pods end there at the same time, or the order's pods run elsewhere, the hold is not seen and
//! expires.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use pricing_core::inventory::Cluster;
use pricing_core::inventory::held_capacity::HeldCapacity;

use super::reading::HoldCounters;
use super::snapshot::Snapshot;
use super::used::{Used, used_by_node};
use crate::order_name::OrderName;

/// The most orders with a hold.
const MAX_ORDERS: usize = 10_000;

/// The capacity that is held for one order.
#[derive(Clone, Debug)]
struct Hold {
    held: Vec<HeldCapacity>,
    until: Instant,
    /// The use of each node of `held` when the hold was made; `None` for an unknown node.
    before: Vec<Option<Used>>,
}

/// The last result of [`Holds::less`], valid until a hold or the snapshot changes.
#[derive(Debug)]
struct Cached {
    of: Arc<Snapshot>,
    less: Arc<Snapshot>,
}

/// All holds.
#[derive(Debug)]
pub(super) struct Holds {
    length: Duration,
    orders: BTreeMap<OrderName, Hold>,
    by_end: BTreeSet<(Instant, OrderName)>,
    cached: Option<Cached>,
    pub(super) counters: HoldCounters,
}

impl Holds {
    pub(super) fn new(length: Duration) -> Self {
        Self {
            length,
            orders: BTreeMap::new(),
            by_end: BTreeSet::new(),
            cached: None,
            counters: HoldCounters::default(),
        }
    }

    /// Returns the number of orders with a hold.
    pub(super) fn orders(&self) -> usize {
        self.orders.len()
    }

    /// Sets the length of holds, and shortens existing ones to it. With a length of 0 nothing is held.
    pub(super) fn set_length(&mut self, length: Duration, now: Instant) {
        self.length = length;
        let Some(latest) = now.checked_add(length) else { return };
        for hold in self.orders.values_mut() {
            hold.until = hold.until.min(latest);
        }
        self.by_end = self.orders.iter().map(|(order, hold)| (hold.until, order.clone())).collect();
    }

    /// Holds capacity for an order, in place of its earlier hold.
    pub(super) fn hold(&mut self, order: OrderName, held: Vec<HeldCapacity>, cluster: Option<&Cluster>, now: Instant) {
        if self.remove(&order) {
            up(&mut self.counters.replaced);
        }
        let Some(until) = now.checked_add(self.length) else { return };
        if held.is_empty() || self.length.is_zero() {
            return;
        }
        let used = cluster.map(used_by_node).unwrap_or_default();
        let before = held.iter().map(|held| used.get(held.node.as_str()).copied()).collect();
        self.by_end.insert((until, order.clone()));
        self.orders.insert(order, Hold { held, until, before });
        self.cached = None;
        up(&mut self.counters.made);
        while self.orders.len() > MAX_ORDERS {
            let Some((_, oldest)) = self.by_end.first().cloned() else { break };
            self.remove(&oldest);
            up(&mut self.counters.dropped);
        }
    }

    /// Releases an order's hold. Returns whether there was one.
    pub(super) fn release(&mut self, order: &OrderName) -> bool {
        let released = self.remove(order);
        if released {
            up(&mut self.counters.released);
        }
        released
    }

    fn remove(&mut self, order: &OrderName) -> bool {
        let Some(hold) = self.orders.remove(order) else { return false };
        self.by_end.remove(&(hold.until, order.clone()));
        self.cached = None;
        true
    }

    /// Ends the holds that have expired.
    pub(super) fn expire(&mut self, now: Instant) {
        while let Some((_, order)) = self.by_end.first().filter(|(until, _)| *until <= now).cloned() {
            self.remove(&order);
            up(&mut self.counters.expired);
        }
    }

    /// Ends the holds whose orders are seen in a new snapshot.
    pub(super) fn observe(&mut self, cluster: &Cluster) {
        if self.orders.is_empty() {
            return;
        }
        let used = used_by_node(cluster);
        // The one that expires first comes first: its order is the likeliest to have started.
        let orders: Vec<OrderName> = self.by_end.iter().map(|(_, order)| order.clone()).collect();
        for order in orders {
            let Some(seen) = self.orders.get(&order).filter(|hold| hold.is_seen(&used)).cloned() else { continue };
            self.remove(&order);
            up(&mut self.counters.seen);
            self.set_against(&seen);
        }
    }

    /// Adds what this order uses to the base of the other holds, so that it does not count for them, too.
    fn set_against(&mut self, seen: &Hold) {
        for hold in self.orders.values_mut() {
            for (held, before) in hold.held.iter().zip(&mut hold.before) {
                let same = seen.held.iter().find(|seen| seen.node == held.node);
                if let (Some(same), Some(before)) = (same, before) {
                    *before = before.plus(Used::held(same));
                }
            }
        }
    }

    /// Returns a snapshot less what is held for all orders, or for all but one.
    pub(super) fn less(&mut self, snapshot: &Arc<Snapshot>, except: Option<&OrderName>) -> Arc<Snapshot> {
        let except = except.filter(|order| self.orders.contains_key(*order));
        if self.orders.len() == usize::from(except.is_some()) {
            return Arc::clone(snapshot);
        }
        if let Some(cached) =
            self.cached.as_ref().filter(|cached| except.is_none() && Arc::ptr_eq(&cached.of, snapshot))
        {
            return Arc::clone(&cached.less);
        }
        let others = self.orders.iter().filter(|(order, _)| Some(*order) != except);
        let held = HeldCapacity::merge(others.flat_map(|(_, hold)| hold.held.iter().cloned()));
        let less = Arc::new(snapshot.with(held));
        if except.is_none() {
            self.cached = Some(Cached { of: Arc::clone(snapshot), less: Arc::clone(&less) });
        }
        less
    }
}

impl Hold {
    /// Returns whether the use of every node has grown by at least what is held there. A hold with neither CPU nor
    /// memory on one of its nodes is never seen.
    fn is_seen(&self, used: &BTreeMap<&str, Used>) -> bool {
        self.held.iter().zip(&self.before).all(|(held, before)| {
            let (Some(before), Some(now)) = (before, used.get(held.node.as_str())) else { return false };
            (held.cpu > 0 || held.memory > 0) && now.covers(before.plus(Used::held(held)))
        })
    }
}

fn up(counter: &mut u64) {
    *counter = counter.saturating_add(1);
}

#[cfg(test)]
mod tests;
