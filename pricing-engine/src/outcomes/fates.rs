//! Which bids were won and which were not, for the predictions of where their pods start.

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime};

use pricing_market::outcome::{BidResult, Outcome};

use crate::placements::{Fate, PATIENCE};

/// What became of the bids on orders of the last day or so. Older ones are not awaited any more.
#[derive(Clone, Debug)]
pub(super) struct Fates {
    fates: BTreeMap<String, Fate>,
    now: (SystemTime, Instant),
}

impl Fates {
    /// Without any bid. The two clocks are read together, so that times of the chain become moments.
    pub(super) fn new(now: (SystemTime, Instant)) -> Self {
        Self { fates: BTreeMap::new(), now }
    }

    /// Adds what became of a bid.
    pub(super) fn add(&mut self, order_id: &str, outcome: &Outcome) {
        let fate = match outcome.result {
            BidResult::Won => outcome.lease.as_ref().and_then(|lease| self.moment(&lease.from)).map(Fate::Won),
            BidResult::Lost | BidResult::NoLease | BidResult::Withdrawn | BidResult::Gone => {
                self.moment(&outcome.at).map(|_| Fate::NotWon)
            }
            BidResult::Open | BidResult::Unknown => None,
        };
        if let Some(fate) = fate {
            self.fates.insert(order_id.to_owned(), fate);
        }
    }

    /// The moment of a time of the chain. One in the future is now, and one that is too long ago is `None`.
    fn moment(&self, time: &str) -> Option<Instant> {
        let (wall, now) = self.now;
        let age = wall.duration_since(humantime::parse_rfc3339(time).ok()?).unwrap_or(Duration::ZERO);
        if age > PATIENCE.saturating_mul(2) { None } else { now.checked_sub(age) }
    }

    pub(super) fn into_map(self) -> BTreeMap<String, Fate> {
        self.fates
    }
}
