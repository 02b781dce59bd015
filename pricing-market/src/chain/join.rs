//! Joins bids and leases by order.
//!
//! A bid won if and only if there is a lease with its id. A closed bid alone does not tell: it is closed when its lease
//! ends, and also when the order ends without one.

use std::collections::BTreeMap;
use std::sync::Arc;

use pricing_core::money::{Denom, UsdPerAkt, parse_decimal, per_month};
use pricing_core::rates::Pricing;
use rust_decimal::Decimal;
use serde::Serialize;

use super::clock::Clock;
use super::counts::Counts;
use super::entry::{Bid, Entry, FactPrice, Lease};
use super::id::OrderId;
use super::records::{Contradictions, Records};
use super::state::{BidState, LeaseState};
use crate::history::{HistoryBid, HistoryLease, HistoryOrder};

/// Why something could not be joined, or only in part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unjoined {
    /// Bids of which the order was not read. The history has them, with `order` null.
    BidWithoutOrder,
    /// Bids and leases that are older than their order: what a reorganisation of the chain left behind. The history has
    /// none of them.
    OlderThanOrder,
    /// Leases of which the bid was not read. The history has them, without the bid.
    LeaseWithoutBid,
    /// Leases of which neither the order nor any bid on it was read. The history has none of them.
    LeaseAlone,
    /// Orders on which no bid was read. The history has them, without bids.
    OrderWithoutBids,
    /// Orders of which the group spec cannot be priced here. The history has them, with `max_price` null.
    SpecNotUnderstood,
    /// Bids whose price has no worth in USD that is known. The history has them, with `usd_per_month` null.
    UsdUnknown,
}

impl Unjoined {
    /// Says it for people, before a number.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::BidWithoutOrder => "bids whose order was not read",
            Self::OlderThanOrder => "bids or leases left out that are older than their order, from a reorganised block",
            Self::LeaseWithoutBid => "leases whose bid was not read",
            Self::LeaseAlone => "leases left out of which neither the order nor a bid was read",
            Self::OrderWithoutBids => "orders on which no bid was read",
            Self::SpecNotUnderstood => "orders whose group spec was not understood",
            Self::UsdUnknown => "bids whose price in USD is not known",
        }
    }
}

/// What was read and joined.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// The orders of the history.
    pub orders: u64,
    /// The orders on which the history's own provider bid. 0 until they are written as its history.
    pub own_bids: u64,
    /// What was read, as often as it was.
    pub read: Counts,
    /// What of it had been read before.
    pub repeated: Counts,
    /// Bids with their order, leases with their bid, and orders with a bid.
    pub joined: Counts,
    /// What could not be joined, and why.
    pub unjoined: BTreeMap<Unjoined, u64>,
    /// Facts that contradict each other, in alphabetical order: the first 1,000.
    pub contradictions: Vec<String>,
    /// How many further contradictions there are.
    pub more_contradictions: u64,
    /// Whether times are only right relative to each other.
    pub relative_times: bool,
}

/// Joins the facts, and hands over one order after another, by height and then by id.
///
/// # Errors
/// When `each` fails.
pub fn join<E>(
    records: &Records,
    usd_per_akt: Option<UsdPerAkt>,
    mut each: impl FnMut(HistoryOrder) -> Result<(), E>,
) -> Result<Summary, E> {
    let mut joiner = Joiner::new(records, usd_per_akt);
    let mut heights: Vec<(u64, &OrderId, &Entry)> = Vec::with_capacity(records.entries.len());
    for (id, entry) in &records.entries {
        match entry.height() {
            Some(height) => heights.push((height, id, entry)),
            None => joiner.add(Unjoined::LeaseAlone, entry.leases.len()),
        }
    }
    heights.sort_by_key(|(height, id, _)| (*height, *id));
    for (height, id, entry) in heights {
        each(joiner.order(height, id, entry))?;
    }
    Ok(joiner.summary())
}

struct Joiner<'a> {
    records: &'a Records,
    dollars: Dollars,
    summary: Summary,
    contradictions: Contradictions,
}

impl<'a> Joiner<'a> {
    fn new(records: &'a Records, usd_per_akt: Option<UsdPerAkt>) -> Self {
        let summary = Summary {
            read: records.read(),
            repeated: records.repeated(),
            relative_times: records.clock.is_relative(),
            ..Summary::default()
        };
        Self { records, dollars: Dollars::new(usd_per_akt), summary, contradictions: records.contradictions.clone() }
    }

    fn clock(&self) -> &'a Clock {
        &self.records.clock
    }

    fn order(&mut self, height: u64, id: &OrderId, entry: &Entry) -> HistoryOrder {
        let lease = self.lease(id, entry);
        let mut bids: Vec<&Bid> = entry.bids.iter().filter(|bid| entry.is_of(bid.when)).collect();
        self.add(Unjoined::OlderThanOrder, entry.bids.len().saturating_sub(bids.len()));
        bids.sort_by_key(|bid| (bid.when.created_at, &bid.key));
        self.count(entry, bids.len());
        let spec = entry.order.as_ref().map(|order| &order.spec);
        let max_price = spec.and_then(|spec| spec.max_price());
        if spec.is_some() && max_price.is_none() {
            self.add(Unjoined::SpecNotUnderstood, 1);
        }
        HistoryOrder {
            order_id: id.to_string(),
            at: self.clock().time(height),
            height,
            order: spec.and_then(|spec| spec.raw()),
            max_price,
            state: entry.order.as_ref().map(|order| order.state),
            bids: bids.into_iter().map(|bid| self.bid(bid, lease)).collect(),
            winner: lease.map(|lease| lease.key.0.to_string()),
            lease: lease.map(|lease| self.history_lease(lease)),
        }
    }

    fn count(&mut self, entry: &Entry, bids: usize) {
        self.summary.orders = self.summary.orders.saturating_add(1);
        let bids_read = u64::try_from(bids).unwrap_or(u64::MAX);
        match &entry.order {
            None => self.add(Unjoined::BidWithoutOrder, bids),
            Some(_) if bids == 0 => self.add(Unjoined::OrderWithoutBids, 1),
            Some(_) => {
                self.summary.joined.orders = self.summary.joined.orders.saturating_add(1);
                self.summary.joined.bids = self.summary.joined.bids.saturating_add(bids_read);
            }
        }
    }

    /// The lease of an order. Names what does not fit to it.
    fn lease<'e>(&mut self, id: &OrderId, entry: &'e Entry) -> Option<&'e Lease> {
        let older = entry.leases.iter().filter(|lease| !entry.is_of(lease.when)).count();
        self.add(Unjoined::OlderThanOrder, older);
        let (lease, has_others) = entry.lease();
        let lease = lease?;
        let winner = &lease.key.0;
        if has_others {
            self.contradictions.add(&format_args!("order {id} has several leases; that of {winner} counts"));
        }
        if lease.end().is_some_and(|end| end < lease.when.created_at) {
            self.contradictions.add(&format_args!("the lease of {winner} on order {id} ends before it begins"));
        }
        match entry.bid(&lease.key).filter(|bid| entry.is_of(bid.when)) {
            None => self.add(Unjoined::LeaseWithoutBid, 1),
            Some(bid) => {
                self.summary.joined.leases = self.summary.joined.leases.saturating_add(1);
                self.compare(id, bid, lease);
            }
        }
        Some(lease)
    }

    fn compare(&mut self, id: &OrderId, bid: &Bid, lease: &Lease) {
        let winner = &lease.key.0;
        if bid.price != lease.price {
            self.contradictions
                .add(&format_args!("the lease of {winner} on order {id} has another price than its bid"));
        }
        if bid.state == BidState::Lost {
            self.contradictions.add(&format_args!("the bid of {winner} on order {id} is `lost` and has a lease"));
        }
    }

    fn bid(&mut self, bid: &Bid, lease: Option<&Lease>) -> HistoryBid {
        let usd_per_month = self.dollars.per_month(&bid.price);
        if usd_per_month.is_none() {
            self.add(Unjoined::UsdUnknown, 1);
        }
        HistoryBid {
            provider: bid.key.0.to_string(),
            price: bid.price.amount.to_string(),
            denom: bid.price.denom.to_string(),
            usd_per_month,
            won: lease.is_some_and(|lease| lease.key == bid.key),
            at: Some(self.clock().time(bid.when.created_at)),
            height: Some(bid.when.created_at),
            state: Some(bid.state),
        }
    }

    fn history_lease(&self, lease: &Lease) -> HistoryLease {
        let begin = lease.when.created_at;
        let ran_dry = (lease.state == LeaseState::InsufficientFunds).then_some("insufficient_funds");
        let reason = || lease.reason.as_deref().or(ran_dry).map(str::to_owned);
        HistoryLease {
            from: self.clock().time(begin),
            until: lease.end().map(|end| self.clock().time(end.max(begin))),
            reason: lease.end().and_then(|_| reason()),
            from_height: Some(begin),
            until_height: lease.end().map(|end| end.max(begin)),
        }
    }

    fn add(&mut self, why: Unjoined, number: usize) {
        if number > 0 {
            let count = self.summary.unjoined.entry(why).or_default();
            *count = count.saturating_add(u64::try_from(number).unwrap_or(u64::MAX));
        }
    }

    fn summary(self) -> Summary {
        let (contradictions, more_contradictions) = self.contradictions.into_parts();
        Summary { contradictions, more_contradictions, ..self.summary }
    }
}

/// The worth of prices in USD per month, with the denoms of the default rate card.
struct Dollars {
    pricing: Pricing,
    usd_per_akt: Option<UsdPerAkt>,
    /// The worth of a coin of a denom and its exponent, where they are known.
    coins: BTreeMap<Arc<str>, Option<(Decimal, u32)>>,
}

impl Dollars {
    fn new(usd_per_akt: Option<UsdPerAkt>) -> Self {
        Self { pricing: Pricing::default(), usd_per_akt, coins: BTreeMap::new() }
    }

    fn per_month(&mut self, price: &FactPrice) -> Option<String> {
        let (usd_per_coin, exponent) = self.coin(&price.denom)?;
        let amount = parse_decimal(&price.amount).ok()?;
        let usd = per_month(amount, self.pricing.chain.blocks_per_month, usd_per_coin, exponent).ok()?;
        Some(usd.to_string())
    }

    fn coin(&mut self, denom: &Arc<str>) -> Option<(Decimal, u32)> {
        if let Some(known) = self.coins.get(denom) {
            return *known;
        }
        let token = self.pricing.chain.denoms.get(&Denom::new(&**denom));
        let coin = token.and_then(|token| Some((token.usd_per_coin(self.usd_per_akt)?, token.exponent)));
        self.coins.insert(Arc::clone(denom), coin);
        coin
    }
}

#[cfg(test)]
mod tests;
