//! Compares two answers to the same order.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use pricing_core::money::{Price, Usd, parse_decimal};
use pricing_core::quote::{DecisionKind, Quote};
use pricing_core::text::Untrusted;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// The summary of an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// What was decided.
    pub decision: DecisionKind,
    /// The code of the reason, if there is no bid.
    #[serde(default)]
    pub code: Option<String>,
    /// The price of the bid.
    #[serde(default)]
    pub price: Option<Money>,
    /// The price in USD a month.
    #[serde(default)]
    pub usd_per_month: Option<String>,
}

/// An amount of a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Money {
    /// The token's denom.
    pub denom: Untrusted,
    /// The amount, as a decimal number.
    pub amount: String,
}

/// What a quote would have been without exploration, as JSON has it.
#[derive(Clone, Debug, Deserialize)]
pub struct Base {
    /// The price.
    pub base_price: Money,
    /// The price in USD a month.
    pub base_usd_per_month: String,
}

impl Money {
    fn of(price: &Price) -> Self {
        Self { denom: price.denom().as_str().into(), amount: price.amount().to_string() }
    }
}

impl Outcome {
    /// Summarises a quote, without exploration: a comparison is between strategies, not between draws.
    #[must_use]
    pub fn of(quote: &Quote) -> Self {
        let base = quote.explored.as_ref().map(|explored| Base {
            base_price: Money::of(&explored.base_price),
            base_usd_per_month: explored.base_usd_per_month.to_string(),
        });
        let answered = Self {
            decision: quote.decision_kind(),
            code: quote.reason().map(|reason| reason.code.name().to_owned()),
            price: quote.price().map(Money::of),
            usd_per_month: quote.usd_per_month.map(|usd| usd.to_string()),
        };
        answered.without_exploration(base)
    }

    /// Replaces an explored price by the one that it was varied from.
    #[must_use]
    pub fn without_exploration(self, base: Option<Base>) -> Self {
        match base {
            Some(Base { base_price, base_usd_per_month }) => {
                Self { price: Some(base_price), usd_per_month: Some(base_usd_per_month), ..self }
            }
            None => self,
        }
    }

    /// Summarises a screening, which declines for a reason or passes the order.
    #[must_use]
    pub fn of_screening(code: Option<String>) -> Self {
        let decision = if code.is_some() { DecisionKind::Decline } else { DecisionKind::Pass };
        Self { decision, code, price: None, usd_per_month: None }
    }

    /// Whether it is a bid.
    #[must_use]
    pub fn is_bid(&self) -> bool {
        self.decision == DecisionKind::Bid
    }

    /// Whether it is a fault.
    #[must_use]
    pub fn is_fault(&self) -> bool {
        self.decision == DecisionKind::Fault
    }

    fn amount(&self) -> Option<Decimal> {
        self.price.as_ref().and_then(|price| parse_decimal(&price.amount).ok())
    }

    /// Compares a second bid with this one. Bids in different denoms are compared in USD.
    fn order(&self, after: &Self) -> Option<Ordering> {
        let denom = |outcome: &Self| outcome.price.as_ref().map(|price| price.denom.clone());
        if denom(self) == denom(after) {
            return Some(after.amount()?.cmp(&self.amount()?));
        }
        Some(after.bid_usd()?.cmp(&self.bid_usd()?))
    }

    /// Returns the USD a month of a bid, if they are known.
    #[must_use]
    pub fn bid_usd(&self) -> Option<Usd> {
        let usd = self.usd_per_month.as_deref().filter(|_| self.is_bid())?;
        parse_decimal(usd).ok().map(Usd::from_decimal)
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.decision.name())?;
        match (&self.price, &self.code) {
            (Some(price), _) => write!(f, " {} {}", price.amount, price.denom),
            (None, Some(code)) => write!(f, " {code}"),
            (None, None) => Ok(()),
        }
    }
}

/// How the second answer differs from the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Difference {
    /// The decision, the price and the reason's code are the same.
    Same,
    /// Both bid, and the second bid is lower.
    Cheaper,
    /// Both bid, and the second bid is higher.
    Dearer,
    /// Only the second bids.
    Won,
    /// Only the first bids; the second declines.
    Lost,
    /// The second is a fault, and the first is not.
    Fault,
    /// Neither bids, for different reasons.
    Reason,
}

impl Difference {
    /// All differences.
    pub const ALL: [Self; 7] =
        [Self::Same, Self::Cheaper, Self::Dearer, Self::Won, Self::Lost, Self::Fault, Self::Reason];

    /// Compares two answers.
    #[must_use]
    pub fn between(before: &Outcome, after: &Outcome) -> Self {
        match (before.is_bid(), after.is_bid()) {
            (true, true) => match before.order(after) {
                Some(Ordering::Less) => Self::Cheaper,
                Some(Ordering::Greater) => Self::Dearer,
                _ => Self::Same,
            },
            (false, true) => Self::Won,
            _ if after.is_fault() && !before.is_fault() => Self::Fault,
            (true, false) => Self::Lost,
            (false, false) if before.code == after.code => Self::Same,
            (false, false) => Self::Reason,
        }
    }

    /// Returns the name as the logs and the metrics have it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Cheaper => "cheaper",
            Self::Dearer => "dearer",
            Self::Won => "won",
            Self::Lost => "lost",
            Self::Fault => "fault",
            Self::Reason => "reason",
        }
    }
}

/// Counts and sums of pairs of answers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// All pairs.
    pub orders: u64,
    /// Pairs without a difference.
    pub same: u64,
    /// Pairs of bids of which the second is lower.
    pub cheaper: u64,
    /// Pairs of bids of which the second is higher.
    pub dearer: u64,
    /// Pairs of which only the second is a bid.
    pub won: u64,
    /// Pairs of a bid and a decline.
    pub lost: u64,
    /// Pairs of which only the second is a fault.
    pub fault: u64,
    /// Pairs without a bid, for different reasons.
    pub reason: u64,
    /// Of `lost`, those that are now above the tenant's maximum.
    pub now_above_max: u64,
    /// Of `won`, those that were above the tenant's maximum.
    pub no_longer_above_max: u64,
    /// The USD a month of all first bids.
    #[serde(serialize_with = "usd")]
    pub usd_before: Usd,
    /// The USD a month of all second bids.
    #[serde(serialize_with = "usd")]
    pub usd_after: Usd,
    /// Bids whose USD are not known. They are in neither sum.
    pub without_usd: u64,
    /// Of the lower bids, those by less than a cent a month. For people; answers for scripts are exact.
    #[serde(skip)]
    pub cheaper_below_cent: u64,
    /// Of the higher bids, those by less than a cent a month.
    #[serde(skip)]
    pub dearer_below_cent: u64,
}

/// What people do not call a difference: less than a cent a month.
#[must_use]
pub fn is_below_cent(usd: Usd) -> bool {
    usd.decimal().abs() < Decimal::new(1, 2)
}

fn usd<S: serde::Serializer>(usd: &Usd, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(usd)
}

/// Returns the USD a month of a pair's bids. Equal prices have equal USD, those of the first: the USD of a script are
/// computed back from its rounded price, and would differ by the rounding.
fn usd_of(before: &Outcome, after: &Outcome) -> (Option<Usd>, Option<Usd>) {
    let (usd_before, usd_after) = (before.bid_usd(), after.bid_usd());
    match (usd_before, usd_after) {
        (Some(usd), Some(_)) if before.price.is_some() && before.price == after.price => (Some(usd), Some(usd)),
        both => both,
    }
}

const ABOVE_MAX: &str = "price-above-max";

impl Tally {
    /// Adds a pair.
    ///
    /// Bids in different denoms can only be summed in USD. A bid without an amount in USD is counted apart, so that the
    /// sums never silently leave one out.
    pub fn add(&mut self, before: &Outcome, after: &Outcome) {
        let difference = Difference::between(before, after);
        let count = |counter: &mut u64| *counter = counter.saturating_add(1);
        count(&mut self.orders);
        count(match difference {
            Difference::Same => &mut self.same,
            Difference::Cheaper => &mut self.cheaper,
            Difference::Dearer => &mut self.dearer,
            Difference::Won => &mut self.won,
            Difference::Lost => &mut self.lost,
            Difference::Fault => &mut self.fault,
            Difference::Reason => &mut self.reason,
        });
        let above_max = |outcome: &Outcome| outcome.code.as_deref() == Some(ABOVE_MAX);
        match difference {
            Difference::Lost if above_max(after) => count(&mut self.now_above_max),
            Difference::Won if above_max(before) => count(&mut self.no_longer_above_max),
            _ => {}
        }
        let usd = usd_of(before, after);
        let apart = usd.0.zip(usd.1).and_then(|(before, after)| after.checked_sub(before).ok());
        match difference {
            Difference::Cheaper if apart.is_some_and(is_below_cent) => count(&mut self.cheaper_below_cent),
            Difference::Dearer if apart.is_some_and(is_below_cent) => count(&mut self.dearer_below_cent),
            _ => {}
        }
        for ((outcome, usd), sum) in
            [(before, usd.0), (after, usd.1)].into_iter().zip([&mut self.usd_before, &mut self.usd_after])
        {
            let added = usd.and_then(|usd| sum.checked_add(usd).ok());
            match added {
                Some(added) => *sum = added,
                None if outcome.is_bid() => self.without_usd = self.without_usd.saturating_add(1),
                None => {}
            }
        }
    }
}

/// A pair of answers that differ in USD a month.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Pair {
    /// The sequence number of the decision.
    pub sequence: Option<u64>,
    /// The order's name.
    pub order_id: Option<String>,
    /// The group's name.
    pub group: Untrusted,
    /// The cards.
    pub gpu: String,
    /// The first answer.
    pub before: Outcome,
    /// The second answer.
    pub after: Outcome,
    /// The difference in USD a month, above 0.
    #[serde(serialize_with = "usd")]
    pub usd: Usd,
}

/// A summary of pairs of answers: tallies by GPU label, and the largest differences.
#[derive(Clone, Debug)]
pub struct Summary {
    /// The tallies by GPU label.
    pub kinds: BTreeMap<String, Tally>,
    /// The tally of all pairs.
    pub total: Tally,
    /// The largest differences, largest first.
    pub largest: Vec<Pair>,
    /// The largest difference, also if `largest` has room for none.
    pub widest: Usd,
    /// The capacity of `largest`.
    kept: usize,
}

/// The default capacity of `largest`.
const LARGEST: usize = 10;
/// The most GPU labels with a tally of their own.
const MAX_KINDS: usize = 500;

impl Default for Summary {
    fn default() -> Self {
        Self::keeping(LARGEST)
    }
}

impl Summary {
    /// Makes an empty summary that lists this many of the largest differences.
    #[must_use]
    pub fn keeping(kept: usize) -> Self {
        Self { kinds: BTreeMap::new(), total: Tally::default(), largest: Vec::new(), widest: Usd::ZERO, kept }
    }

    /// Adds a pair. `pair` describes it, and is only called if it is among the largest.
    pub fn add(&mut self, gpu: &str, before: &Outcome, after: &Outcome, pair: impl FnOnce(Usd) -> Pair) {
        let gpu = if self.kinds.contains_key(gpu) || self.kinds.len() < MAX_KINDS { gpu } else { "other" };
        self.kinds.entry(gpu.to_owned()).or_default().add(before, after);
        self.total.add(before, after);
        let (usd_before, usd_after) = usd_of(before, after);
        let Ok(difference) = usd_after.unwrap_or_default().checked_sub(usd_before.unwrap_or_default()) else { return };
        let size = Usd::from_decimal(difference.decimal().abs());
        self.widest = self.widest.max(size);
        let place = self.largest.partition_point(|pair| pair.usd >= size);
        if size.is_zero() || place >= self.kept {
            return;
        }
        self.largest.insert(place, pair(size));
        self.largest.truncate(self.kept);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bid(amount: &str, usd: &str) -> Outcome {
        Outcome {
            decision: DecisionKind::Bid,
            code: None,
            price: Some(Money { denom: "uakt".into(), amount: amount.to_owned() }),
            usd_per_month: Some(usd.to_owned()),
        }
    }

    fn no_bid(decision: DecisionKind, code: &str) -> Outcome {
        Outcome { decision, code: Some(code.to_owned()), price: None, usd_per_month: None }
    }

    #[test]
    fn differences_have_a_direction() {
        let (low, high) = (bid("9.5", "9"), bid("10", "10"));
        let (decline, other) =
            (no_bid(DecisionKind::Decline, "price-above-max"), no_bid(DecisionKind::Decline, "owner-denied"));
        let fault = no_bid(DecisionKind::Fault, "trap");
        let between = |before, after| Difference::between(before, after).name();
        assert_eq!(between(&low, &low), "same");
        assert_eq!(between(&low, &high), "dearer");
        assert_eq!(between(&high, &low), "cheaper");
        assert_eq!(between(&decline, &low), "won");
        assert_eq!(between(&low, &decline), "lost");
        assert_eq!(between(&low, &fault), "fault");
        assert_eq!(between(&decline, &fault), "fault");
        assert_eq!(between(&decline, &other), "reason");
        assert_eq!(between(&fault, &decline), "reason");
        assert_eq!(between(&fault, &low), "won");
    }

    #[test]
    fn bids_in_two_tokens_are_held_against_each_other_in_dollars() {
        let uact = |usd: &str| Outcome {
            price: Some(Money { denom: "uact".into(), amount: "1".to_owned() }),
            ..bid("1", usd)
        };
        assert_eq!(Difference::between(&bid("5", "10"), &uact("20")), Difference::Dearer);
        assert_eq!(Difference::between(&bid("5", "10"), &uact("10")), Difference::Same);
    }

    #[test]
    fn differences_below_a_cent_are_counted_beside_the_exact_ones() {
        let mut tally = Tally::default();
        for (before, after) in [("10", "10.009"), ("10", "10.01"), ("10.005", "10"), ("10", "9")] {
            tally.add(&bid(before, before), &bid(after, after));
        }
        // Of the bids without USD nobody knows how far they are apart.
        let unknown = |amount: &str| Outcome { usd_per_month: None, ..bid(amount, "0") };
        tally.add(&unknown("1"), &unknown("1.001"));
        assert_eq!((tally.cheaper, tally.dearer, tally.same), (2, 3, 0));
        assert_eq!((tally.cheaper_below_cent, tally.dearer_below_cent), (1, 1));
        let exact = serde_json::to_value(tally).unwrap();
        assert!(exact.get("cheaper_below_cent").is_none() && exact["dearer"] == 3, "{exact}");
    }

    #[test]
    fn sums_are_of_bids_only() {
        let mut summary = Summary::default();
        let above_max =
            Outcome { usd_per_month: Some("500".to_owned()), ..no_bid(DecisionKind::Decline, "price-above-max") };
        let pairs = [(bid("1", "10"), bid("2", "20")), (bid("3", "30"), above_max.clone()), (above_max, bid("1", "7"))];
        for (before, after) in &pairs {
            summary.add("none", before, after, |usd| Pair {
                sequence: None,
                order_id: None,
                group: Untrusted::default(),
                gpu: String::new(),
                before: before.clone(),
                after: after.clone(),
                usd,
            });
        }
        let total = &summary.total;
        assert_eq!((total.orders, total.dearer, total.lost, total.won), (3, 1, 1, 1));
        assert_eq!((total.now_above_max, total.no_longer_above_max, total.without_usd), (1, 1, 0));
        assert_eq!([total.usd_before, total.usd_after].map(|usd| usd.to_string()), ["40", "27"]);
        let largest: Vec<String> = summary.largest.iter().map(|pair| pair.usd.to_string()).collect();
        assert_eq!(largest, ["30", "10", "7"]);
    }
}
