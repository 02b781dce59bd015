//! What became of the bids, counted for the metrics.

use std::collections::BTreeMap;

use pricing_core::text::excerpt;
use pricing_market::outcome::{BidResult, Outcome};
use rust_decimal::Decimal;

use crate::metrics::Bounded;

/// The most kinds of cards that are told apart. Tenants write their names.
const MAX_GPUS: usize = 100;
/// The most reasons for the end of a lease that are told apart.
const MAX_REASONS: usize = 30;

/// What became of the bids of a history.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Bids by kind of card, class of the number of cards, and result.
    pub bids: BTreeMap<(String, &'static str, BidResult), u64>,
    /// The provider's own leases.
    pub leases: Leases,
}

/// The provider's own leases.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Leases {
    /// Those that run.
    pub running: u64,
    /// Their prices in USD a month, as far as they are known.
    pub usd_per_month: Decimal,
    /// Those that run, and whose price in USD is not known.
    pub without_usd: u64,
    /// Those that ended, by reason.
    pub ended: BTreeMap<String, u64>,
}

impl Counts {
    /// The number of bids with a result.
    #[must_use]
    pub fn with(&self, result: BidResult) -> u64 {
        let counts = self.bids.iter().filter(|((_, _, found), _)| *found == result);
        counts.fold(0, |sum, (_, count)| sum.saturating_add(*count))
    }
}

impl Leases {
    /// Adds an outcome. A reason that a lease has ended for counts under the name that it is given.
    pub(super) fn add(&mut self, outcome: &Outcome, name: impl FnOnce(&str) -> String) {
        if outcome.has_running_lease() {
            count(&mut self.running);
            match outcome.usd_per_month().and_then(|usd| self.usd_per_month.checked_add(usd)) {
                Some(sum) => self.usd_per_month = sum,
                None => count(&mut self.without_usd),
            }
        }
        if let Some(reason) = outcome.end_reason() {
            count(self.ended.entry(name(reason)).or_default());
        }
    }
}

/// Counts the outcomes of a history from its beginning. Which kinds and reasons are told apart depends on their order
/// alone, so that a count is the same after a restart.
#[derive(Debug)]
pub(super) struct Counter {
    counts: Counts,
    gpus: Bounded,
    reasons: Bounded,
}

impl Default for Counter {
    fn default() -> Self {
        Self { counts: Counts::default(), gpus: Bounded::new(MAX_GPUS), reasons: Bounded::new(MAX_REASONS) }
    }
}

impl Counter {
    pub(super) fn add(&mut self, outcome: &Outcome) {
        let gpu = self.gpus.take(excerpt(&outcome.cards.gpu));
        count(self.counts.bids.entry((gpu, outcome.cards.class(), outcome.result)).or_default());
        self.counts.leases.add(outcome, |reason| self.reasons.take(excerpt(reason)));
    }

    pub(super) fn counts(self) -> Counts {
        self.counts
    }
}

pub(crate) fn count(number: &mut u64) {
    *number = number.saturating_add(1);
}
