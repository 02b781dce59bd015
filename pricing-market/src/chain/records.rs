//! The facts of many answers, each once.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use super::answer::Answer;
use super::clock::{Clock, ClockError};
use super::counts::Counts;
use super::entry::{Bid, BidKey, Entry, FactPrice, Lease, MAX_PER_ORDER, OrderFact, When, merge};
use super::id::{Names, OrderId};
use super::price::WireCoin;
use super::wire::{WireBid, WireBidId, WireLease, WireOrder};

/// The most contradictions that are named. Further ones are counted.
const MAX_NAMED: usize = 1_000;
/// What the chain writes as the reason of a lease that is open.
pub(super) const NO_REASON: &str = "lease_closed_invalid";

/// Why an answer cannot be believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// A block contradicts another one.
    #[error(transparent)]
    Clock(#[from] ClockError),
    /// An order has more bids or leases than any has.
    #[error("order {0} has more than {MAX_PER_ORDER} bids or leases")]
    TooMany(OrderId),
}

/// The facts of many answers.
#[derive(Clone, Debug, Default)]
pub struct Records {
    pub(super) entries: BTreeMap<OrderId, Entry>,
    pub(super) clock: Clock,
    pub(super) contradictions: Contradictions,
    pub(super) read: Counts,
    pub(super) repeated: Counts,
    names: Names,
}

/// Facts that contradict each other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Contradictions {
    named: BTreeSet<String>,
    more: u64,
}

impl Contradictions {
    pub(super) fn add(&mut self, what: &impl fmt::Display) {
        if self.named.len() < MAX_NAMED {
            self.named.insert(what.to_string());
        } else {
            self.more = self.more.saturating_add(1);
        }
    }

    /// The contradictions that are named, in alphabetical order, and the number of further ones.
    pub(super) fn into_parts(self) -> (Vec<String>, u64) {
        (self.named.into_iter().collect(), self.more)
    }
}

impl Records {
    /// Adds what an answer says. `seen_at` is the height of the chain when it was asked, or 0 where that is not known.
    ///
    /// # Errors
    /// When a block contradicts another one, or an order has too many bids.
    pub fn add(&mut self, answer: Answer<'_>, seen_at: u64) -> Result<(), RecordError> {
        if let Some((height, millis)) = answer.block() {
            self.clock.add(height, millis)?;
        }
        let answer = answer.0;
        for order in answer.orders.into_iter().flatten() {
            self.add_order(order, seen_at);
        }
        for item in answer.bids.into_iter().flatten() {
            self.add_bid(item.bid, seen_at)?;
        }
        for item in answer.leases.into_iter().flatten() {
            self.add_lease(item.lease, seen_at)?;
        }
        Ok(())
    }

    /// Times of heights.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// How many bids, leases and orders were read, each as often as it was.
    #[must_use]
    pub fn read(&self) -> Counts {
        self.read
    }

    /// How many of them had been read before.
    #[must_use]
    pub fn repeated(&self) -> Counts {
        self.repeated
    }

    /// Adds the time of a block, in milliseconds since 1970.
    ///
    /// # Errors
    /// When it contradicts another one.
    pub fn add_block(&mut self, height: u64, millis: u64) -> Result<(), ClockError> {
        self.clock.add(height, millis)
    }

    fn add_order(&mut self, order: WireOrder<'_>, seen_at: u64) {
        let WireOrder { id, state, spec, created_at } = order;
        let owner = self.names.shared(&id.owner);
        let id = OrderId { owner, dseq: id.dseq.0, gseq: id.gseq.0, oseq: id.oseq.0 };
        let fact = OrderFact { when: When { created_at: created_at.0, seen_at }, state, spec };
        count(&mut self.read.orders);
        let entry = self.entries.entry(id.clone()).or_default();
        match &mut entry.order {
            None => entry.order = Some(fact),
            Some(known) => {
                count(&mut self.repeated.orders);
                if let Some(conflict) = merge(known, fact) {
                    self.contradictions.add(&format_args!("order {id} has {conflict}"));
                }
            }
        }
    }

    fn add_bid(&mut self, bid: WireBid<'_>, seen_at: u64) -> Result<(), RecordError> {
        let WireBid { id, state, price, created_at } = bid;
        let (id, key) = self.ids(&id);
        let price = self.price(price);
        let bid = Bid { key: key.clone(), when: When { created_at: created_at.0, seen_at }, state, price };
        count(&mut self.read.bids);
        let bids = &mut self.entries.entry(id.clone()).or_default().bids;
        match bids.binary_search_by(|bid| bid.key.cmp(&key)) {
            Err(_) if bids.len() >= MAX_PER_ORDER => return Err(RecordError::TooMany(id)),
            Err(place) => bids.insert(place, bid),
            Ok(place) => {
                count(&mut self.repeated.bids);
                if let Some(conflict) = bids.get_mut(place).and_then(|known| merge(known, bid)) {
                    self.contradictions.add(&format_args!("the bid of {} on order {id} has {conflict}", key.0));
                }
            }
        }
        Ok(())
    }

    fn add_lease(&mut self, lease: WireLease<'_>, seen_at: u64) -> Result<(), RecordError> {
        let WireLease { id, state, price, created_at, closed_on, reason } = lease;
        let (id, key) = self.ids(&id);
        let price = self.price(price);
        let reason = reason.filter(|reason| reason.0 != NO_REASON).map(|reason| self.names.shared(&reason.0));
        let when = When { created_at: created_at.0, seen_at };
        let closed_on = closed_on.unwrap_or_default().0;
        let lease = Lease { key: key.clone(), when, state, closed_on, price, reason };
        count(&mut self.read.leases);
        let leases = &mut self.entries.entry(id.clone()).or_default().leases;
        match leases.binary_search_by(|lease| lease.key.cmp(&key)) {
            Err(_) if leases.len() >= MAX_PER_ORDER => return Err(RecordError::TooMany(id)),
            Err(place) => leases.insert(place, lease),
            Ok(place) => {
                count(&mut self.repeated.leases);
                if let Some(conflict) = leases.get_mut(place).and_then(|known| merge(known, lease)) {
                    self.contradictions.add(&format_args!("the lease of {} on order {id} has {conflict}", key.0));
                }
            }
        }
        Ok(())
    }

    fn ids(&mut self, id: &WireBidId<'_>) -> (OrderId, BidKey) {
        let owner = self.names.shared(&id.owner);
        let order = OrderId { owner, dseq: id.dseq.0, gseq: id.gseq.0, oseq: id.oseq.0 };
        (order, (self.names.shared(&id.provider), id.bseq.0))
    }

    fn price(&mut self, coin: WireCoin<'_>) -> FactPrice {
        FactPrice { amount: coin.amount.0, denom: self.shared(&coin.denom) }
    }

    fn shared(&mut self, text: &str) -> Arc<str> {
        self.names.shared(text)
    }
}

fn count(number: &mut u64) {
    *number = number.saturating_add(1);
}
