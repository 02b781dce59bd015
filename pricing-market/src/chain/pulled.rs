//! What a pull has to know of the facts that it has, and the facts as text.

use serde::Serialize;
use serde_json::value::RawValue;

use super::counts::Counts;
use super::entry::{Bid, Entry, FactPrice, Lease, OrderFact};
use super::id::OrderId;
use super::records::{NO_REASON, Records};
use super::state::{BidState, LeaseState, OrderState};

/// When a bid was made and last seen, as heights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OwnBid {
    pub(crate) created_at: u64,
    pub(crate) seen_at: u64,
}

impl Records {
    /// The orders that a provider bid on, by id, with its latest bid.
    pub(crate) fn bids_of<'a>(&'a self, provider: &'a str) -> impl Iterator<Item = (&'a OrderId, OwnBid)> {
        self.entries.iter().filter_map(move |(id, entry)| Some((id, entry.bid_of(provider)?)))
    }

    /// The provider's latest bid on an order.
    pub(crate) fn bid_of(&self, id: &OrderId, provider: &str) -> Option<OwnBid> {
        self.entries.get(id)?.bid_of(provider)
    }

    /// Whether the provider has a lease of an order, which was seen at a height.
    pub(crate) fn has_lease(&self, id: &OrderId, provider: &str, seen_at: u64) -> bool {
        let is_it = |lease: &Lease| &*lease.key.0 == provider && lease.when.seen_at == seen_at;
        self.entries.get(id).is_some_and(|entry| entry.leases.iter().any(is_it))
    }

    /// Whether anything is known of an order.
    pub(crate) fn has(&self, id: &OrderId) -> bool {
        self.entries.contains_key(id)
    }

    /// Whether nothing of an order can change any more.
    pub(crate) fn is_final(&self, id: &OrderId) -> bool {
        self.entries.get(id).is_some_and(Entry::is_final)
    }

    pub(crate) fn remove(&mut self, id: &OrderId) {
        self.entries.remove(id);
    }

    pub(crate) fn retain(&mut self, is_wanted: impl Fn(&OrderId) -> bool) {
        self.entries.retain(|id, _| is_wanted(id));
    }

    /// Takes over the facts about orders that are not known here yet. Those that are known stay as they are.
    pub(crate) fn append(&mut self, other: Self) {
        for (id, entry) in other.entries {
            self.entries.entry(id).or_insert(entry);
        }
    }

    /// Begins to count anew what is read.
    pub(crate) fn forget_counts(&mut self) {
        (self.read, self.repeated) = (Counts::default(), Counts::default());
    }

    /// The facts that were seen at a height as one answer of a node, on one line.
    pub(crate) fn answer(&self, seen_at: u64) -> serde_json::Result<String> {
        let mut answer = Answer { bids: Vec::new(), leases: Vec::new(), orders: Vec::new() };
        for (id, entry) in &self.entries {
            let bids = entry.bids.iter().filter(|bid| bid.when.seen_at == seen_at);
            answer.bids.extend(bids.map(|bid| BidItem { bid: print_bid(id, bid) }));
            let leases = entry.leases.iter().filter(|lease| lease.when.seen_at == seen_at);
            answer.leases.extend(leases.map(|lease| LeaseItem { lease: print_lease(id, lease) }));
            let order = entry.order.as_ref().filter(|order| order.when.seen_at == seen_at);
            answer.orders.extend(order.and_then(|order| print_order(id, order)));
        }
        serde_json::to_string(&answer)
    }

    /// The heights at which facts were seen, from the lowest.
    pub(crate) fn seen(&self) -> std::collections::BTreeSet<u64> {
        let of = |entry: &Entry| {
            let bids = entry.bids.iter().map(|bid| bid.when.seen_at);
            let leases = entry.leases.iter().map(|lease| lease.when.seen_at);
            let order = entry.order.iter().map(|order| order.when.seen_at);
            bids.chain(leases).chain(order).collect::<Vec<_>>()
        };
        self.entries.values().flat_map(of).collect()
    }
}

impl Entry {
    fn bid_of(&self, provider: &str) -> Option<OwnBid> {
        let own = self.bids.iter().filter(|bid| &*bid.key.0 == provider);
        own.map(|bid| OwnBid { created_at: bid.when.created_at, seen_at: bid.when.seen_at })
            .max_by_key(|own| own.created_at)
    }

    fn is_final(&self) -> bool {
        let bids = self.bids.iter().all(|bid| matches!(bid.state, BidState::Lost | BidState::Closed));
        // A node may not have it any more.
        let order = self.order.as_ref().is_none_or(|order| order.state == OrderState::Closed);
        let ended = |lease: &Lease| lease.state == LeaseState::Closed || lease.end().is_some();
        bids && order && self.leases.iter().all(ended)
    }
}

#[derive(Serialize)]
struct Answer<'a> {
    bids: Vec<BidItem<'a>>,
    leases: Vec<LeaseItem<'a>>,
    orders: Vec<PrintedOrder<'a>>,
}

#[derive(Serialize)]
struct BidItem<'a> {
    bid: PrintedBid<'a>,
}

#[derive(Serialize)]
struct LeaseItem<'a> {
    lease: PrintedLease<'a>,
}

#[derive(Serialize)]
struct PrintedId<'a> {
    owner: &'a str,
    dseq: u64,
    gseq: u32,
    oseq: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    provider: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bseq: Option<u32>,
}

#[derive(Serialize)]
struct PrintedPrice<'a> {
    denom: &'a str,
    amount: &'a str,
}

#[derive(Serialize)]
struct PrintedBid<'a> {
    id: PrintedId<'a>,
    state: BidState,
    price: PrintedPrice<'a>,
    created_at: u64,
}

#[derive(Serialize)]
struct PrintedLease<'a> {
    id: PrintedId<'a>,
    state: LeaseState,
    price: PrintedPrice<'a>,
    created_at: u64,
    closed_on: u64,
    reason: &'a str,
}

#[derive(Serialize)]
struct PrintedOrder<'a> {
    id: PrintedId<'a>,
    state: OrderState,
    spec: Box<RawValue>,
    created_at: u64,
}

fn print_id<'a>(id: &'a OrderId, key: Option<(&'a str, u32)>) -> PrintedId<'a> {
    let (provider, bseq) = key.unzip();
    PrintedId { owner: &id.owner, dseq: id.dseq, gseq: id.gseq, oseq: id.oseq, provider, bseq }
}

fn print_price(price: &FactPrice) -> PrintedPrice<'_> {
    PrintedPrice { denom: &price.denom, amount: &price.amount }
}

fn print_bid<'a>(id: &'a OrderId, bid: &'a Bid) -> PrintedBid<'a> {
    PrintedBid {
        id: print_id(id, Some((&bid.key.0, bid.key.1))),
        state: bid.state,
        price: print_price(&bid.price),
        created_at: bid.when.created_at,
    }
}

fn print_lease<'a>(id: &'a OrderId, lease: &'a Lease) -> PrintedLease<'a> {
    PrintedLease {
        id: print_id(id, Some((&lease.key.0, lease.key.1))),
        state: lease.state,
        price: print_price(&lease.price),
        created_at: lease.when.created_at,
        closed_on: lease.closed_on,
        reason: lease.reason.as_deref().unwrap_or(NO_REASON),
    }
}

fn print_order<'a>(id: &'a OrderId, order: &OrderFact) -> Option<PrintedOrder<'a>> {
    let spec = order.spec.raw()?;
    Some(PrintedOrder { id: print_id(id, None), state: order.state, spec, created_at: order.when.created_at })
}
