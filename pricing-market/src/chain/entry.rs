//! An order with its bids and leases, each fact once.
//!
//! Facts are read again and again: pages overlap, pulls are repeated, and a chain can be reorganised, so that a
//! transaction is in another block than before. Of two facts with one id and one height, the later state counts, since
//! states only move forward. Of two heights, that one counts which was seen later, and among files, which have no time
//! of reading, the higher one. So the result does not depend on the order in which files are read.

use std::cmp::Ordering;
use std::sync::Arc;

use super::spec::Spec;
use super::state::{BidState, LeaseState, OrderState};

/// The most bids or leases of an order. The chain allows 20 by default.
pub(super) const MAX_PER_ORDER: usize = 10_000;

/// The number of a bid on its order. A lease has that of its bid.
pub(super) type BidKey = (Arc<str>, u32);

/// A price per block.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct FactPrice {
    pub(super) amount: Box<str>,
    pub(super) denom: Arc<str>,
}

/// Heights of a fact: when it was made, and how high the chain was when it was read (0 for files).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct When {
    pub(super) created_at: u64,
    pub(super) seen_at: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Bid {
    pub(super) key: BidKey,
    pub(super) when: When,
    pub(super) state: BidState,
    pub(super) price: FactPrice,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Lease {
    pub(super) key: BidKey,
    pub(super) when: When,
    pub(super) state: LeaseState,
    /// 0 while it is open.
    pub(super) closed_on: u64,
    pub(super) price: FactPrice,
    pub(super) reason: Option<Arc<str>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OrderFact {
    pub(super) when: When,
    pub(super) state: OrderState,
    pub(super) spec: Spec,
}

/// What is known of an order. Bids and leases are sorted by provider and number.
#[derive(Clone, Debug, Default)]
pub(super) struct Entry {
    pub(super) order: Option<OrderFact>,
    pub(super) bids: Vec<Bid>,
    pub(super) leases: Vec<Lease>,
}

/// Something of which there can be several readings.
pub(super) trait Fact {
    fn when(&self) -> When;
    /// Compares two readings of one height. Equal means that nothing differs that counts.
    fn compare(&self, other: &Self) -> Ordering;
    /// What two readings of one height contradict each other in.
    fn conflict(&self, other: &Self) -> Option<&'static str>;
}

impl Fact for Bid {
    fn when(&self) -> When {
        self.when
    }

    fn compare(&self, other: &Self) -> Ordering {
        self.state.cmp(&other.state).then_with(|| self.price.cmp(&other.price))
    }

    fn conflict(&self, other: &Self) -> Option<&'static str> {
        let states = (self.state.min(other.state), self.state.max(other.state));
        match states {
            _ if self.price != other.price => Some("two prices"),
            (BidState::Lost, BidState::Active) => Some("two outcomes, `lost` and `active`"),
            _ => None,
        }
    }
}

impl Fact for Lease {
    fn when(&self) -> When {
        self.when
    }

    fn compare(&self, other: &Self) -> Ordering {
        let rank = |lease: &Self| (lease.state, lease.closed_on, lease.reason.clone());
        rank(self).cmp(&rank(other)).then_with(|| self.price.cmp(&other.price))
    }

    fn conflict(&self, other: &Self) -> Option<&'static str> {
        let both_ended = self.closed_on != 0 && other.closed_on != 0;
        match () {
            () if self.price != other.price => Some("two prices"),
            () if both_ended && self.closed_on != other.closed_on => Some("two ends"),
            () => None,
        }
    }
}

impl Fact for OrderFact {
    fn when(&self) -> When {
        self.when
    }

    fn compare(&self, other: &Self) -> Ordering {
        self.state.cmp(&other.state).then_with(|| self.spec.0.cmp(&other.spec.0))
    }

    fn conflict(&self, other: &Self) -> Option<&'static str> {
        (self.spec != other.spec).then_some("two group specs")
    }
}

/// Keeps the newer of two readings. Returns what they contradict each other in.
pub(super) fn merge<F: Fact>(old: &mut F, new: F) -> Option<String> {
    let (before, now) = (old.when(), new.when());
    let (conflict, is_newer) = if before.created_at == now.created_at {
        (old.conflict(&new).map(str::to_owned), new.compare(old).then(now.seen_at.cmp(&before.seen_at)))
    } else {
        let later = now.seen_at.cmp(&before.seen_at).then(now.created_at.cmp(&before.created_at));
        let heights = [before.created_at.min(now.created_at), before.created_at.max(now.created_at)];
        (Some(format!("two heights, {} and {}", heights[0], heights[1])), later)
    };
    if is_newer.is_gt() {
        *old = new;
    }
    conflict
}

impl Lease {
    /// The height at which it ended. None while it is open.
    pub(super) fn end(&self) -> Option<u64> {
        (self.closed_on != 0).then_some(self.closed_on)
    }
}

impl Entry {
    /// The height at which the order was made; where the order is not known, that of the first bid on it.
    pub(super) fn height(&self) -> Option<u64> {
        let order = self.order.as_ref().map(|order| order.when.created_at);
        order.or_else(|| self.bids.iter().map(|bid| bid.when.created_at).min())
    }

    /// Whether a fact of a height can belong to the order. Nothing precedes its order, except what was left behind when
    /// the chain was reorganised.
    pub(super) fn is_of(&self, when: When) -> bool {
        self.order.as_ref().is_none_or(|order| order.when.created_at <= when.created_at)
    }

    /// The lease that the order led to, and whether there is another one. An order has one lease at most.
    pub(super) fn lease(&self) -> (Option<&Lease>, bool) {
        let mut leases: Vec<&Lease> = self.leases.iter().filter(|lease| self.is_of(lease.when)).collect();
        leases.sort_by_key(|lease| (!self.is_lost(lease), lease.when.seen_at, lease.when.created_at));
        (leases.last().copied(), leases.len() > 1)
    }

    /// Whether the bid of a lease is called lost.
    fn is_lost(&self, lease: &Lease) -> bool {
        self.bid(&lease.key).is_some_and(|bid| bid.state == BidState::Lost)
    }

    pub(super) fn bid(&self, key: &BidKey) -> Option<&Bid> {
        let place = self.bids.binary_search_by(|bid| bid.key.cmp(key)).ok()?;
        self.bids.get(place)
    }
}
