//! What became of a provider's bids, as its history tells it.
//!
//! Every order that the provider bid on has one [`Outcome`]. It says who won, and how the lease of it ended. Until the
//! tenant has chosen, it is open, and a later reading of the history has another outcome for the same order.

mod cards;
#[cfg(test)]
mod tests;

use pricing_core::money::parse_decimal;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::chain::state::{BidState, OrderState};
use crate::history::{HistoryBid, HistoryLease, HistoryOrder};

pub use cards::Cards;

/// What became of a bid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BidResult {
    /// The tenant has not chosen yet.
    Open,
    /// The bid became the lease.
    Won,
    /// The tenant chose another provider's bid.
    Lost,
    /// The order ended without a lease.
    NoLease,
    /// The provider took the bid back before the tenant chose.
    Withdrawn,
    /// The history does not tell.
    Unknown,
    /// The chain does not have the order any more: its block was reorganised away. No history tells this of an order, but a
    /// bid log that had the order before.
    Gone,
}

impl BidResult {
    /// All results that a history tells, in the order in which they are listed.
    pub const ALL: [Self; 6] = [Self::Won, Self::Lost, Self::NoLease, Self::Open, Self::Withdrawn, Self::Unknown];

    /// The word for it in JSON and in labels.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Won => "won",
            Self::Lost => "lost",
            Self::NoLease => "no-lease",
            Self::Withdrawn => "withdrawn",
            Self::Unknown => "unknown",
            Self::Gone => "gone",
        }
    }

    /// Whether the chain cannot take it back.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Won | Self::Lost | Self::NoLease)
    }

    /// Whether a tenant chose between this bid and others. Only such bids count in a win rate.
    #[must_use]
    pub fn is_decided(self) -> bool {
        matches!(self, Self::Won | Self::Lost)
    }
}

/// What became of a provider's bid on an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// What became of the bid.
    pub result: BidResult,
    /// When the order was made, as RFC 3339 in UTC.
    pub at: String,
    /// The height of the block in which the order was made.
    pub height: u64,
    /// What became of the order. Null if the history does not tell.
    pub order_state: Option<OrderState>,
    /// The cards that the order asks for.
    #[serde(flatten)]
    pub cards: Cards,
    /// The provider's own bid.
    pub bid: HistoryBid,
    /// The bids of the other providers.
    pub others: Vec<HistoryBid>,
    /// The provider whose bid became the lease.
    pub winner: Option<String>,
    /// The lease of the order, whoever has it.
    pub lease: Option<HistoryLease>,
}

/// How far a lost bid was above the winner's. Negative if it was below, since tenants do not always take the cheapest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Distance {
    /// The difference as a part of the winner's price: 0.1 is 10 % above it.
    pub relative: Decimal,
    /// The difference in USD a month, if both prices are known in USD.
    pub usd_per_month: Option<Decimal>,
}

/// The provider's bid on an order. None if it did not bid.
///
/// Where the provider bid several times, the bid that won counts, or else the latest one.
#[must_use]
pub fn own_bid<'a>(order: &'a HistoryOrder, provider: &str) -> Option<&'a HistoryBid> {
    let own = order.bids.iter().filter(|bid| bid.provider == provider);
    own.max_by_key(|bid| (bid.won, bid.height))
}

impl Outcome {
    /// What became of the provider's bid on an order ([`own_bid`]). None if it did not bid.
    #[must_use]
    pub fn of(order: &HistoryOrder, provider: &str) -> Option<Self> {
        let bid = own_bid(order, provider)?;
        Some(Self {
            result: result(order, bid),
            at: order.at.clone(),
            height: order.height,
            order_state: order.state,
            cards: order.order.as_deref().map_or_else(Cards::unknown, Cards::of_spec),
            bid: bid.clone(),
            others: order.bids.iter().filter(|bid| bid.provider != provider).cloned().collect(),
            winner: order.winner.clone(),
            lease: order.lease.clone(),
        })
    }

    /// The outcome with what the chain says alone: without times and worths in USD, which each pull computes anew. Two
    /// readings of the same facts are equal.
    #[must_use]
    pub fn facts(&self) -> Self {
        let bare = |bid: &HistoryBid| HistoryBid { usd_per_month: None, at: None, ..bid.clone() };
        let lease = self.lease.clone().map(|lease| HistoryLease { from: String::new(), until: None, ..lease });
        Self {
            at: String::new(),
            bid: bare(&self.bid),
            others: self.others.iter().map(bare).collect(),
            lease,
            ..self.clone()
        }
    }

    /// The outcome of an order that the chain does not have any more: nobody has won it, and there is no lease.
    #[must_use]
    pub fn gone(&self) -> Self {
        let lost = |bid: &HistoryBid| HistoryBid { won: false, ..bid.clone() };
        Self {
            result: BidResult::Gone,
            order_state: None,
            bid: lost(&self.bid),
            others: self.others.iter().map(lost).collect(),
            winner: None,
            lease: None,
            ..self.clone()
        }
    }

    /// The bid that became the lease.
    #[must_use]
    pub fn winning_bid(&self) -> Option<&HistoryBid> {
        std::iter::once(&self.bid).chain(&self.others).find(|bid| bid.won)
    }

    /// How far the bid was above the winner's. None unless it was lost to a bid that is known.
    #[must_use]
    pub fn distance(&self) -> Option<Distance> {
        if self.result != BidResult::Lost {
            return None;
        }
        let winner = self.winning_bid()?;
        let usd = |bid: &HistoryBid| decimal(bid.usd_per_month.as_deref()?);
        let in_usd = usd(&self.bid).zip(usd(winner));
        let (own, other) =
            if self.bid.denom == winner.denom { (decimal(&self.bid.price)?, decimal(&winner.price)?) } else { in_usd? };
        let relative = own.checked_sub(other)?.checked_div(other)?;
        let usd_per_month = in_usd.and_then(|(own, other)| own.checked_sub(other));
        Some(Distance { relative, usd_per_month })
    }

    /// Whether the provider has a lease of the order that runs.
    #[must_use]
    pub fn has_running_lease(&self) -> bool {
        self.result == BidResult::Won && self.lease.as_ref().is_some_and(|lease| lease.until.is_none())
    }

    /// The price of the provider's bid in USD a month, if it is known.
    #[must_use]
    pub fn usd_per_month(&self) -> Option<Decimal> {
        self.bid.usd_per_month.as_deref().and_then(decimal)
    }

    /// Why the provider's own lease ended, in the chain's words. None if it has none, or if it runs.
    #[must_use]
    pub fn end_reason(&self) -> Option<&str> {
        let lease = self.lease.as_ref().filter(|lease| lease.until.is_some())?;
        (self.result == BidResult::Won).then(|| lease.reason.as_deref().unwrap_or("unknown"))
    }
}

fn decimal(text: &str) -> Option<Decimal> {
    parse_decimal(text).ok()
}

/// A bid won if there is a lease of it, or of another bid of the same provider that was not read. The states only tell
/// what is open, and what was taken back: the chain leaves a bid that lost in the state `lost`, so one that is closed
/// although another provider has the lease was closed by its provider, as the daemon does after some minutes.
fn result(order: &HistoryOrder, bid: &HistoryBid) -> BidResult {
    match (bid.state, order.state) {
        _ if bid.won || order.winner.as_ref() == Some(&bid.provider) => BidResult::Won,
        (Some(BidState::Closed), _) if order.winner.is_some() => BidResult::Withdrawn,
        _ if order.winner.is_some() => BidResult::Lost,
        (Some(BidState::Lost), _) => BidResult::Lost,
        (Some(BidState::Closed), Some(OrderState::Open)) => BidResult::Withdrawn,
        (Some(BidState::Closed), _) | (_, Some(OrderState::Closed)) => BidResult::NoLease,
        (Some(BidState::Open), _) | (_, Some(OrderState::Open)) => BidResult::Open,
        // The order or the bid has a lease, which was not read.
        (Some(BidState::Active), _) | (None, Some(OrderState::Active) | None) => BidResult::Unknown,
    }
}
