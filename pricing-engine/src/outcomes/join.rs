//! Which decision of the bid log a bid on the chain is of.
//!
//! A decision that was asked for with the order's id is joined by it. A decision for the drop-in has no order id, since
//! the daemon does not tell its price script which order it asks for. Such a bid is joined by the tenant, the exact
//! price and the time: the daemon sends a bid as soon as it has the price, so the bid is in a block soon after the
//! decision. Where more than one decision fits a bid, or more than one bid a decision, nothing is guessed.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use pricing_core::money::parse_decimal;
use pricing_market::history::HistoryBid;
use rust_decimal::Decimal;

use crate::bid_log::entry::Decision;

/// How long after its decision a bid may be in a block. The daemon sends it at once, and tries again when the node does
/// not take it.
pub const AFTER: Duration = Duration::from_secs(300);
/// How long before its decision a bid may seem to be in a block: the times of blocks are computed from those of a few,
/// and clocks differ.
pub const BEFORE: Duration = Duration::from_secs(30);

/// A price per block. Two texts of one amount are equal.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct ExactPrice {
    denom: String,
    amount: Decimal,
}

/// A bid on the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainBid {
    order: String,
    owner: String,
    price: Option<ExactPrice>,
    at: Option<SystemTime>,
}

/// A decision of the bid log that is a bid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedBid {
    /// Its sequence number.
    pub sequence: u64,
    order: Option<String>,
    owner: Option<String>,
    price: ExactPrice,
    at: SystemTime,
}

/// Which decision a bid is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChainJoin {
    /// The newest decision on the order with the bid's price, by sequence number.
    ByOrderId(u64),
    /// The only decision that fits the tenant, the price and the time, by sequence number.
    ByPrice(u64),
    /// None, for this reason.
    Not(Unmatched),
}

/// Why a bid is joined with no decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unmatched {
    /// More than one decision fits the bid, or more than one bid fits the decision.
    Ambiguous,
    /// The log has decisions on the order, or for the tenant at that time, but with other prices.
    OtherPrice,
    /// The bid is older than the log.
    BeforeLog,
    /// The log has no decision that could be of the bid.
    NoDecision,
    /// The history does not tell when the bid was made. One that is pulled again does.
    NoTime,
}

impl Unmatched {
    /// All reasons, in the order in which they are listed.
    pub const ALL: [Self; 5] = [Self::Ambiguous, Self::OtherPrice, Self::BeforeLog, Self::NoDecision, Self::NoTime];

    /// The word for it in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ambiguous => "ambiguous",
            Self::OtherPrice => "other_price",
            Self::BeforeLog => "before_log",
            Self::NoDecision => "no_decision",
            Self::NoTime => "no_time",
        }
    }

    /// Says it for people, after a number of bids.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Ambiguous => "that fit several decisions, or share one with another bid",
            Self::OtherPrice => "with another price than the decisions on the order or for the tenant",
            Self::BeforeLog => "that are older than the log",
            Self::NoDecision => "of which the log knows nothing",
            Self::NoTime => "without a time in the history; pull it again",
        }
    }
}

impl ExactPrice {
    fn of(amount: &str, denom: &str) -> Option<Self> {
        Some(Self { denom: denom.to_owned(), amount: parse_decimal(amount).ok()? })
    }
}

impl ChainBid {
    /// A bid of a history on an order.
    #[must_use]
    pub fn of(order_id: &str, bid: &HistoryBid) -> Self {
        let owner = order_id.split('/').next().unwrap_or_default().to_owned();
        let at = bid.at.as_deref().and_then(|at| humantime::parse_rfc3339(at).ok());
        Self { order: order_id.to_owned(), owner, price: ExactPrice::of(&bid.price, &bid.denom), at }
    }
}

impl LoggedBid {
    /// A bid of the drop-in, in uact.
    #[cfg(test)]
    pub(super) fn sample(sequence: u64, owner: &str, amount: &str, at: &str) -> Self {
        Self {
            sequence,
            order: None,
            owner: Some(owner.to_owned()),
            price: ExactPrice::of(amount, "uact").unwrap(),
            at: humantime::parse_rfc3339(at).unwrap(),
        }
    }

    /// A decision, if it is a bid whose line tells its price and its time.
    #[must_use]
    pub fn of(decision: &Decision) -> Option<Self> {
        let outcome = decision.outcome().ok().filter(|outcome| outcome.is_bid())?;
        let price = outcome.price?;
        Some(Self {
            sequence: decision.sequence,
            order: decision.order_id.as_ref().map(crate::order_name::OrderName::exact),
            owner: decision.owner.clone(),
            price: ExactPrice::of(&price.amount, price.denom.exact())?,
            at: humantime::parse_rfc3339(&decision.time).ok()?,
        })
    }
}

/// What decisions without an order id are looked up by.
type Key<'a> = (&'a str, &'a ExactPrice);

/// The decisions of a log, to be looked up.
struct Decisions<'a> {
    by_order: BTreeMap<&'a str, Vec<&'a LoggedBid>>,
    /// Those without an order id, by time.
    by_price: BTreeMap<Key<'a>, Vec<&'a LoggedBid>>,
    /// The times of those without an order id.
    by_owner: BTreeMap<&'a str, Vec<SystemTime>>,
    first: Option<SystemTime>,
}

/// Says for each bid on the chain which decision of a log it is of, in the order of the bids.
#[must_use]
pub fn match_bids_to_decisions(bids: &[ChainBid], logged: &[LoggedBid]) -> Vec<ChainJoin> {
    let decisions = Decisions::new(logged);
    let by_order: Vec<Option<ChainJoin>> = bids.iter().map(|bid| decisions.by_order_id(bid)).collect();
    // A bid that its order's id joins does not compete for other decisions.
    let others = bids.iter().zip(&by_order).filter(|(_, joined)| joined.is_none()).map(|(bid, _)| bid);
    let claims = claims(others);
    let joined = bids.iter().zip(by_order);
    joined.map(|(bid, joined)| joined.unwrap_or_else(|| decisions.by_owner_price_and_time(bid, &claims))).collect()
}

/// The times of bids, by tenant and price.
fn claims<'a>(bids: impl Iterator<Item = &'a ChainBid>) -> BTreeMap<Key<'a>, Vec<SystemTime>> {
    let mut claims: BTreeMap<Key<'_>, Vec<SystemTime>> = BTreeMap::new();
    for bid in bids {
        if let (Some(price), Some(at)) = (&bid.price, bid.at) {
            claims.entry((&bid.owner, price)).or_default().push(at);
        }
    }
    claims.values_mut().for_each(|times| times.sort_unstable());
    claims
}

impl<'a> Decisions<'a> {
    fn new(logged: &'a [LoggedBid]) -> Self {
        let mut found = Self {
            by_order: BTreeMap::new(),
            by_price: BTreeMap::new(),
            by_owner: BTreeMap::new(),
            first: logged.iter().map(|decision| decision.at).min(),
        };
        for decision in logged {
            match (&decision.order, &decision.owner) {
                (Some(order), _) => found.by_order.entry(order).or_default().push(decision),
                (None, Some(owner)) => {
                    found.by_price.entry((owner, &decision.price)).or_default().push(decision);
                    found.by_owner.entry(owner).or_default().push(decision.at);
                }
                (None, None) => {}
            }
        }
        found.by_price.values_mut().for_each(|decisions| decisions.sort_by_key(|decision| decision.at));
        found.by_owner.values_mut().for_each(|times| times.sort_unstable());
        found
    }

    /// Joins a bid by its order's id. `None` if the log has no decision with that id.
    fn by_order_id(&self, bid: &ChainBid) -> Option<ChainJoin> {
        let decisions = self.by_order.get(bid.order.as_str())?;
        let same = decisions.iter().filter(|decision| Some(&decision.price) == bid.price.as_ref());
        let newest = same.map(|decision| decision.sequence).max();
        Some(newest.map_or(ChainJoin::Not(Unmatched::OtherPrice), ChainJoin::ByOrderId))
    }

    fn by_owner_price_and_time(&self, bid: &ChainBid, claims: &BTreeMap<Key<'a>, Vec<SystemTime>>) -> ChainJoin {
        let (Some(price), Some(at)) = (&bid.price, bid.at) else { return ChainJoin::Not(Unmatched::NoTime) };
        let key = (bid.owner.as_str(), price);
        let alike = self.by_price.get(&key).map_or(&[][..], Vec::as_slice);
        let fitting = within(alike, |decision| decision.at, earlier(at, AFTER), later(at, BEFORE));
        match fitting {
            [] => ChainJoin::Not(self.why_none(&bid.owner, at)),
            [only] => {
                let rivals = claims.get(&key).map_or(&[][..], Vec::as_slice);
                let rivals = within(rivals, |at| *at, earlier(only.at, BEFORE), later(only.at, AFTER));
                if rivals.len() == 1 { ChainJoin::ByPrice(only.sequence) } else { ChainJoin::Not(Unmatched::Ambiguous) }
            }
            _ => ChainJoin::Not(Unmatched::Ambiguous),
        }
    }

    /// Why no decision fits a bid of a moment.
    fn why_none(&self, owner: &str, at: SystemTime) -> Unmatched {
        let times = self.by_owner.get(owner).map_or(&[][..], Vec::as_slice);
        if !within(times, |at| *at, earlier(at, AFTER), later(at, BEFORE)).is_empty() {
            return Unmatched::OtherPrice;
        }
        let is_before = self.first.is_some_and(|first| later(at, BEFORE) < first);
        if is_before { Unmatched::BeforeLog } else { Unmatched::NoDecision }
    }
}

fn earlier(at: SystemTime, by: Duration) -> SystemTime {
    at.checked_sub(by).unwrap_or(at)
}

fn later(at: SystemTime, by: Duration) -> SystemTime {
    at.checked_add(by).unwrap_or(at)
}

/// What is between two moments, of a list that is sorted by time. Both moments count.
fn within<T>(sorted: &[T], at: impl Fn(&T) -> SystemTime, from: SystemTime, to: SystemTime) -> &[T] {
    let start = sorted.partition_point(|item| at(item) < from);
    let end = sorted.partition_point(|item| at(item) <= to);
    sorted.get(start..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWNER: &str = "akash1owner";

    fn moment(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_790_000_000 + seconds)
    }

    fn price(text: &str) -> ExactPrice {
        let (amount, denom) = text.split_once(' ').unwrap();
        ExactPrice::of(amount, denom).unwrap()
    }

    /// `DSEQ OWNER AMOUNT DENOM SECONDS`.
    fn chain(text: &str) -> ChainBid {
        let [dseq, owner, amount, denom, seconds] = text.split(' ').collect::<Vec<_>>().try_into().unwrap();
        ChainBid {
            order: format!("{owner}/{dseq}/1/1"),
            owner: owner.to_owned(),
            price: Some(price(&format!("{amount} {denom}"))),
            at: seconds.parse().ok().map(moment),
        }
    }

    /// `SEQUENCE DSEQ-or-'-' OWNER AMOUNT DENOM SECONDS`.
    fn logged(text: &str) -> LoggedBid {
        let [sequence, dseq, owner, amount, denom, seconds] = text.split(' ').collect::<Vec<_>>().try_into().unwrap();
        LoggedBid {
            sequence: sequence.parse().unwrap(),
            order: (dseq != "-").then(|| format!("{owner}/{dseq}/1/1")),
            owner: Some(owner.to_owned()),
            price: price(&format!("{amount} {denom}")),
            at: moment(seconds.parse().unwrap()),
        }
    }

    fn joined(bids: &[&str], decisions: &[&str]) -> Vec<ChainJoin> {
        let bids: Vec<ChainBid> = bids.iter().map(|text| chain(text)).collect();
        let decisions: Vec<LoggedBid> = decisions.iter().map(|text| logged(text)).collect();
        match_bids_to_decisions(&bids, &decisions)
    }

    #[test]
    fn a_bid_is_joined_or_not_for_a_reason() {
        use ChainJoin::{ByOrderId, ByPrice, Not};
        use Unmatched::{Ambiguous, BeforeLog, NoDecision, NoTime, OtherPrice};
        let a = |rest: &str| rest.replace('A', OWNER);
        let cases: &[(&[&str], &[&str], &[ChainJoin])] = &[
            // By the order's id, at any time, and only with the same price.
            (&["1 A 1.5 uact 1000"], &["7 1 A 1.500000 uact 10"], &[ByOrderId(7)]),
            (&["1 A 1.5 uact 1000"], &["7 1 A 1.5 uact 10", "9 1 A 1.5 uact 20"], &[ByOrderId(9)]),
            (&["1 A 1.5 uact 1000"], &["7 1 A 1.6 uact 990"], &[Not(OtherPrice)]),
            (&["1 A 1.5 uact 1000"], &["7 1 A 1.5 uakt 990"], &[Not(OtherPrice)]),
            // Without an id: tenant, exact price and time.
            (&["1 A 1.5 uact 1000"], &["7 - A 1.500 uact 990"], &[ByPrice(7)]),
            (&["1 A 1.5 uact 1000"], &["7 - A 1.500001 uact 990"], &[Not(OtherPrice)]),
            (&["1 A 1.5 uact 1000"], &["7 - A 1.5 uakt 990"], &[Not(OtherPrice)]),
            (&["1 A 1.5 uact 1000"], &["7 - akash1other 1.5 uact 990"], &[Not(NoDecision)]),
            (&["1 A 1.5 uact 1000"], &[], &[Not(NoDecision)]),
            (&["1 A 1.5 uact -"], &["7 - A 1.5 uact 990"], &[Not(NoTime)]),
            // The ends of the window.
            (&["1 A 1.5 uact 1000"], &["7 - A 1.5 uact 700"], &[ByPrice(7)]),
            (&["1 A 1.5 uact 1000"], &["7 - A 1.5 uact 699"], &[Not(NoDecision)]),
            (&["1 A 1.5 uact 1000"], &["7 - A 1.5 uact 1030"], &[ByPrice(7)]),
            (&["1 A 1.5 uact 1000"], &["7 - A 1.5 uact 1031"], &[Not(BeforeLog)]),
            // Two orders of one tenant at one price.
            (
                &["1 A 1.5 uact 1000", "2 A 1.5 uact 1060"],
                &["7 - A 1.5 uact 990", "8 - A 1.5 uact 1050"],
                &[Not(Ambiguous), Not(Ambiguous)],
            ),
            // Two bids and one decision: either could be of it.
            (&["1 A 1.5 uact 1000", "2 A 1.5 uact 1060"], &["7 - A 1.5 uact 990"], &[Not(Ambiguous), Not(Ambiguous)]),
            // Two decisions and one bid.
            (&["1 A 1.5 uact 1000"], &["7 - A 1.5 uact 990", "8 - A 1.5 uact 995"], &[Not(Ambiguous)]),
            // Far enough from each other.
            (
                &["1 A 1.5 uact 1000", "2 A 1.5 uact 2000"],
                &["7 - A 1.5 uact 990", "8 - A 1.5 uact 1990"],
                &[ByPrice(7), ByPrice(8)],
            ),
            // A bid with an id does not compete, nor does its decision.
            (
                &["1 A 1.5 uact 1000", "2 A 1.5 uact 1010"],
                &["7 1 A 1.5 uact 990", "8 - A 1.5 uact 1005"],
                &[ByOrderId(7), ByPrice(8)],
            ),
        ];
        for (bids, decisions, expected) in cases {
            let bids: Vec<String> = bids.iter().map(|text| a(text)).collect();
            let decisions: Vec<String> = decisions.iter().map(|text| a(text)).collect();
            let texts = |list: &[String]| list.iter().map(|text| text.clone().leak() as &str).collect::<Vec<_>>();
            assert_eq!(joined(&texts(&bids), &texts(&decisions)), *expected, "{bids:?} {decisions:?}");
        }
    }

    #[test]
    fn the_order_of_bids_and_decisions_does_not_matter() {
        let bids = ["1 a 1 uact 100", "2 a 2 uact 105", "3 b 1 uact 110", "4 a 1 uact 900"];
        let decisions = ["1 - a 1 uact 95", "2 - a 2 uact 100", "3 - b 1 uact 100", "4 - a 1 uact 890"];
        let forwards = joined(&bids, &decisions);
        assert!(forwards.iter().all(|joined| matches!(joined, ChainJoin::ByPrice(_))), "{forwards:?}");
        let reversed = |texts: &[&'static str]| texts.iter().rev().copied().collect::<Vec<_>>();
        let mut backwards = joined(&reversed(&bids), &reversed(&decisions));
        backwards.reverse();
        assert_eq!(forwards, backwards);
    }
}
