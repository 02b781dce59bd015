//! What became of the bids of a period, summed up, and how many of them the bid log has a decision on.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::SystemTime;

use pricing_market::history::{HistoryError, Manifest, Orders};
use pricing_market::outcome::{BidResult, Distance, Outcome};
use rust_decimal::Decimal;

use super::counts::count;
use super::join::{ChainBid, ChainJoin, LoggedBid, Unmatched, match_bids_to_decisions};
use crate::bid_log::entry::{Entry, PlacedPod};
use crate::bid_log::read::Log;
use crate::placements::calibration::Calibration;

pub use super::counts::Leases;

/// What became of the bids of a period.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The provider whose bids are meant.
    pub provider: String,
    /// When the first and the last of the orders were made, as RFC 3339 in UTC.
    pub period: Option<(String, String)>,
    /// Whether the history's times are only right relative to each other.
    pub has_relative_times: bool,
    /// All bids.
    pub all: Summary,
    /// The bids by kind of card and class of the number of cards.
    pub by_cards: BTreeMap<(String, &'static str), Summary>,
    /// Leases.
    pub leases: Leases,
    /// How many bids the log has a decision on. `None` without a log.
    pub joined: Option<JoinedCounts>,
    /// How predictions of where pods start turned out. `None` without a log.
    pub placements: Option<Calibration>,
    /// The orders of the history, of any time.
    pub orders: u64,
    /// When the newest bid was made that is left out because it is older than the period.
    pub newest_before: Option<String>,
}

/// Some bids, summed up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    results: BTreeMap<BidResult, u64>,
    relative: Vec<Decimal>,
    usd: Vec<Decimal>,
}

/// How many bids were joined with a decision.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JoinedCounts {
    /// By the order's id.
    pub by_order_id: u64,
    /// By tenant, exact price and time.
    pub by_price: u64,
    /// Not at all, by reason.
    pub unmatched: BTreeMap<Unmatched, u64>,
}

/// What a log says of the bids of a period.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Logged {
    /// The bids among its decisions, of any time.
    pub bids: Vec<LoggedBid>,
    /// Where pods started in the period.
    pub placements: Calibration,
    /// Lines that could not be read.
    pub damaged: u64,
}

impl Summary {
    fn add(&mut self, outcome: &Outcome) {
        count(self.results.entry(outcome.result).or_default());
        if let Some(Distance { relative, usd_per_month }) = outcome.distance() {
            self.relative.push(relative);
            self.usd.extend(usd_per_month);
        }
    }

    /// The number of bids.
    #[must_use]
    pub fn bids(&self) -> u64 {
        self.results.values().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// The number of bids with a result.
    #[must_use]
    pub fn with(&self, result: BidResult) -> u64 {
        self.results.get(&result).copied().unwrap_or_default()
    }

    /// The part of the bids that were won, of those between which tenants chose. `None` without any.
    #[must_use]
    pub fn win_rate(&self) -> Option<Decimal> {
        let won = self.with(BidResult::Won);
        let decided = won.saturating_add(self.with(BidResult::Lost));
        Decimal::from(won).checked_div(Decimal::from(decided))
    }

    /// The number of lost bids whose distance to the winner is known.
    #[must_use]
    pub fn measured(&self) -> usize {
        self.relative.len()
    }

    /// The median of the distances of lost bids to the winner's price, as a part of it.
    #[must_use]
    pub fn median_distance(&self) -> Option<Decimal> {
        median(&self.relative)
    }

    /// The same in USD a month, of the bids for which it is known.
    #[must_use]
    pub fn median_usd(&self) -> Option<Decimal> {
        median(&self.usd)
    }
}

impl JoinedCounts {
    fn of<'a>(joined: impl Iterator<Item = &'a ChainJoin>) -> Self {
        let mut counts = Self::default();
        for joined in joined {
            count(match joined {
                ChainJoin::ByOrderId(_) => &mut counts.by_order_id,
                ChainJoin::ByPrice(_) => &mut counts.by_price,
                ChainJoin::Not(why) => counts.unmatched.entry(*why).or_default(),
            });
        }
        counts
    }

    /// The part of the bids with a decision. `None` without any bid.
    #[must_use]
    pub fn share(&self) -> Option<Decimal> {
        let others = self.unmatched.values().fold(0, |sum: u64, count| sum.saturating_add(*count));
        let all = self.matched().saturating_add(others);
        Decimal::from(self.matched()).checked_div(Decimal::from(all))
    }

    /// The number of bids with a decision.
    #[must_use]
    pub fn matched(&self) -> u64 {
        self.by_order_id.saturating_add(self.by_price)
    }
}

impl Report {
    /// Sums up the bids of a history since a moment. `logged` is what a log says of the same period.
    ///
    /// # Errors
    /// When the history cannot be read.
    pub fn of(folder: &Path, since: Option<SystemTime>, logged: Option<&Logged>) -> Result<Self, HistoryError> {
        let manifest = Manifest::read(folder)?;
        let mut report =
            Self { has_relative_times: manifest.relative_times, provider: manifest.provider, ..Self::default() };
        // Bids from before the period compete for decisions, too.
        let (mut bids, mut is_in_period) = (Vec::new(), Vec::new());
        for order in Orders::open(folder)? {
            let order = order?;
            count(&mut report.orders);
            let Some(outcome) = Outcome::of(&order, &report.provider) else { continue };
            let at = outcome.bid.at.as_deref().unwrap_or(&outcome.at);
            let is_before = |since| humantime::parse_rfc3339(at).is_ok_and(|at| at < since);
            is_in_period.push(!since.is_some_and(is_before));
            if is_in_period.last() == Some(&true) {
                report.add(&outcome);
            } else {
                report.newest_before = report.newest_before.take().max(Some(at.to_owned()));
            }
            bids.push(ChainBid::of(&order.order_id, &outcome.bid));
        }
        report.joined = logged.map(|logged| {
            let joined = match_bids_to_decisions(&bids, &logged.bids);
            JoinedCounts::of(joined.iter().zip(is_in_period).filter(|(_, counts)| *counts).map(|(joined, _)| joined))
        });
        report.placements = logged.map(|logged| logged.placements.clone());
        Ok(report)
    }

    fn add(&mut self, outcome: &Outcome) {
        self.all.add(outcome);
        let cards = (outcome.cards.gpu.clone(), outcome.cards.class());
        self.by_cards.entry(cards).or_default().add(outcome);
        self.leases.add(outcome, str::to_owned);
        let (first, last) = self.period.get_or_insert_with(|| (outcome.at.clone(), outcome.at.clone()));
        // Times in UTC with equally many digits are ordered as texts are.
        if outcome.at < *first {
            first.clone_from(&outcome.at);
        }
        if outcome.at > *last {
            last.clone_from(&outcome.at);
        }
    }
}

impl Logged {
    /// Reads a log. Placements count since a moment; bids from before it compete for decisions, too.
    #[must_use]
    pub fn read(log: &Log, since: Option<SystemTime>) -> Self {
        let is_before = |placed: &PlacedPod, since| humantime::parse_rfc3339(&placed.time).is_ok_and(|at| at < since);
        let mut logged = Self::default();
        for (_, entry) in log.lines() {
            match entry {
                Ok(Entry::Decision(decision)) => logged.bids.extend(LoggedBid::of(&decision)),
                Ok(Entry::Placed(placed)) if !since.is_some_and(|since| is_before(&placed, since)) => {
                    logged.placements.add(&placed);
                }
                Ok(Entry::Shadow(_) | Entry::Outcome(_) | Entry::Placed(_) | Entry::Tuned(_) | Entry::Other(_)) => {}
                Err(_) => count(&mut logged.damaged),
            }
        }
        logged
    }
}

/// The middle of some numbers, or the mean of the two in the middle.
fn median(numbers: &[Decimal]) -> Option<Decimal> {
    let mut sorted = numbers.to_vec();
    sorted.sort_unstable();
    let upper = sorted.len().checked_div(2)?;
    let high = *sorted.get(upper)?;
    if sorted.len() % 2 == 1 {
        return Some(high);
    }
    let low = *sorted.get(upper.checked_sub(1)?)?;
    low.checked_add(high)?.checked_div(Decimal::TWO)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_is_in_the_middle() {
        let median = |numbers: &[i64]| median(&numbers.iter().map(|n| Decimal::from(*n)).collect::<Vec<_>>());
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3]), Some(Decimal::from(3)));
        assert_eq!(median(&[9, -1, 2]), Some(Decimal::TWO));
        assert_eq!(median(&[4, 1, 2, 3]), Some(Decimal::new(25, 1)));
    }
}
