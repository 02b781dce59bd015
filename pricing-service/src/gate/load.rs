//! What the gate counts.

use std::time::Duration;

use super::admission::Refused;

/// The current load, and counts of what became of the orders so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Load {
    /// Orders that are being priced.
    pub busy: usize,
    /// Orders that wait.
    pub waiting: usize,
    /// Calls in flight that price one order.
    pub calls: usize,
    /// The average time to price an order.
    pub mean: Duration,
    /// How often an order was priced. One that was tried first counts twice.
    pub priced: u64,
    /// The time that this took, in total.
    pub took: Duration,
    /// Orders that were admitted.
    pub taken: u64,
    /// Orders that were refused because of overload.
    pub overloaded: u64,
    /// Orders that were refused because of `limits.rate`.
    pub over_rate: u64,
    /// Orders that were admitted, but not answered before their deadline.
    pub late: u64,
    /// Orders whose pricing panicked.
    pub lost: u64,
    /// Calls that were evicted while they waited for their peer.
    pub evicted: u64,
}

impl Load {
    /// Counts an order that was priced.
    pub(super) fn count_priced(&mut self, took: Duration) {
        self.priced = self.priced.saturating_add(1);
        self.took = self.took.saturating_add(took);
    }

    /// Counts a refusal. A call that arrived after its deadline is not counted: it could never have been answered.
    pub(super) fn count_refused(&mut self, refused: Refused) {
        if refused != Refused::Deadline {
            self.count(refused);
        }
    }

    /// Counts what became of an admitted order that has no answer.
    pub(super) fn count(&mut self, refused: Refused) {
        let counter = match refused {
            Refused::Full { .. } | Refused::Heavy { .. } | Refused::Calls { .. } | Refused::Late { .. } => {
                &mut self.overloaded
            }
            // The intake counts these.
            Refused::Streams { .. } | Refused::Bytes { .. } => return,
            Refused::Rate { .. } => &mut self.over_rate,
            Refused::Deadline => &mut self.late,
            Refused::Lost => &mut self.lost,
        };
        *counter = counter.saturating_add(1);
    }
}
