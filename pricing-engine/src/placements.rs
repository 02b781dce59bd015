//! Where pods started, beside where they were predicted to start.
//!
//! A quote predicts on which nodes Kubernetes will start the order's pods
//! ([`pricing_core::reserve::kubernetes`]). The inventory shows later where the use of a node grew by exactly what such a
//! pod requests. So each prediction can be checked, and an operator is told if they are mostly wrong: then the cluster's
//! scheduler is another one than the configuration says.
//!
//! # What is checked
//! Where outcomes are pulled, the bids that were won; otherwise the bids for which capacity was held, of which most are
//! lost. A pod is awaited for 15 minutes, and its node is known only if every explanation of what grew names the same one
//! (`explain`). Everything else is `unknown`, and says nothing about the predictions.
//!
//! # How
//! Quotes, snapshots and pulls send what happened to a thread of this module, through a queue that is bounded in events
//! and in size (`queue`), and never wait for it. [`Watch`] decides, a state machine that is handed the time. Its memory is bounded. Each verdict is a line of the
//! kind `placement` in the bid log, and is counted.
//!
//! # After a restart
//! Predictions that were open are lost, since nobody saw what the inventory did in the meantime. The last verdicts are
//! read from the bid log again, so that the warning is not forgotten. Counters begin at 0.

pub mod calibration;
mod changes;
mod explain;
mod judge;
mod prediction;
mod queue;
mod recent;
mod watch;
mod worker;

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use pricing_core::reserve::kubernetes::PodPlacements;
use serde::{Deserialize, Serialize};

use crate::bid_log::BidLog;
use crate::inventory::Snapshot;

pub use prediction::{Kinds, PredictedNode, PredictedOrder, PredictedPod, Prediction, UnitRequest};
pub use recent::Recent;
pub use watch::{AwaitedBids, Fate, Watch};

use queue::{Event, Queue};

/// For how long after a bid a pull may tell of its lease.
pub(crate) const PATIENCE: Duration = watch::PATIENCE;
/// How long [`Placements::stop`] waits for the thread.
const STOP: Duration = Duration::from_secs(2);

/// How a prediction turned out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlacementResult {
    /// The pod started on the likeliest node, or on one of a tie.
    Right,
    /// It started on another node, which has the same kinds of card as the likeliest one.
    SameKind,
    /// It started on a node with other cards, or has no cards and started on another node.
    Wrong,
    /// It is not known where the pod started.
    Unknown,
}

impl PlacementResult {
    /// All results.
    pub const ALL: [Self; 4] = [Self::Right, Self::SameKind, Self::Wrong, Self::Unknown];

    /// The result's name, in the bid log and in the metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Right => "right",
            Self::SameKind => "same_kind",
            Self::Wrong => "wrong",
            Self::Unknown => "unknown",
        }
    }
}

/// Why it is not known where a pod started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnknownReason {
    /// No node grew by what the pod requests.
    NotSeen,
    /// There is more than one explanation.
    Ambiguous,
    /// The inventory's source changed, or there were too many changes.
    LostTrack,
    /// Too many predictions were open, or this one was too large.
    TooMany,
    /// The order was priced after its lease began, as it seems.
    AfterLease,
}

impl UnknownReason {
    /// The reason in words, for people.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::NotSeen => "no node's use grew by what the pod requests",
            Self::Ambiguous => "more than one node or order explains what grew, or too much grew to tell",
            Self::LostTrack => "the inventory's source changed, or it changed too often",
            Self::TooMany => "too many predictions were open, or this one was too large",
            Self::AfterLease => "the order was priced after its lease began, or this machine's clock is ahead",
        }
    }
}

/// A handle to the thread. Clones are handles to the same one, which ends when it is stopped.
#[derive(Clone, Debug)]
pub struct Placements {
    queue: Queue,
    shared: Arc<Mutex<Reading>>,
}

/// What is known of the predictions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// Predictions that are not judged yet.
    pub open: u64,
    /// Pods since the start, by result.
    pub results: [u64; PlacementResult::ALL.len()],
    /// The last verifiable predictions, also those before the start.
    pub recent: Recent,
    /// Snapshots of the inventory that were looked at.
    pub snapshots: u64,
    /// Events that there was no room for.
    pub dropped: u64,
}

impl Reading {
    /// The number of pods with a result since the start.
    #[must_use]
    pub fn with(&self, result: PlacementResult) -> u64 {
        let counts = PlacementResult::ALL.into_iter().zip(self.results);
        counts.filter(|(other, _)| *other == result).fold(0, |sum, (_, count)| sum.saturating_add(count))
    }

    /// Whether there is anything to tell.
    #[must_use]
    pub fn is_used(&self) -> bool {
        self.open > 0 || self.results.iter().any(|count| *count > 0) || self.recent.verifiable() > 0
    }

    /// Counts pods with the same result.
    fn count(&mut self, result: PlacementResult, pods: u32) {
        let counts = PlacementResult::ALL.into_iter().zip(&mut self.results);
        for (_, count) in counts.filter(|(other, _)| *other == result) {
            *count = count.saturating_add(u64::from(pods));
        }
        self.recent.add(result);
    }
}

/// A quote whose pods are predicted.
#[derive(Clone, Debug)]
struct PredictedQuote {
    /// The order.
    order: PredictedOrder,
    /// What the pods of its units request.
    units: Vec<UnitRequest>,
    /// Where they are predicted to start, on the nodes of `snapshot`.
    placements: Arc<PodPlacements>,
    /// The snapshot that the order was priced with.
    snapshot: Arc<Snapshot>,
}

impl Placements {
    /// Starts the thread. Without a log, placements are only counted.
    ///
    /// # Errors
    /// When there can be no thread.
    pub fn start(awaited: AwaitedBids, log: Option<BidLog>) -> io::Result<Self> {
        let (queue, received) = queue::queue();
        let shared = Arc::new(Mutex::new(Reading::default()));
        let worker = worker::Worker::new(Watch::new(awaited), log, Arc::clone(&shared));
        std::thread::Builder::new().name("placements".to_owned()).spawn(move || worker.run(&received))?;
        Ok(Self { queue, shared })
    }

    /// Sends an event to the thread. Never blocks: without room, the event is dropped.
    fn send(&self, event: Event) {
        if !self.queue.send(event) {
            let mut reading = lock(&self.shared);
            reading.dropped = reading.dropped.saturating_add(1);
        }
    }

    /// Takes what a quote predicts.
    pub(crate) fn quoted(
        &self,
        order: PredictedOrder,
        units: Vec<UnitRequest>,
        placements: &Arc<PodPlacements>,
        snapshot: &Arc<Snapshot>,
    ) {
        if Prediction::size_of(placements) > watch::MAX_ONE {
            self.send(Event::TooLarge(Box::new(Prediction::without_nodes(order, &units, placements.approximate))));
            return;
        }
        let (placements, snapshot) = (Arc::clone(placements), Arc::clone(snapshot));
        self.send(Event::Quoted(Box::new(PredictedQuote { order, units, placements, snapshot })));
    }

    /// Takes a prediction.
    pub fn predicted(&self, prediction: Prediction) {
        self.send(Event::Predicted(Box::new(prediction)));
    }

    /// Takes a snapshot of the inventory. `is_first` says that it is the first one of its source.
    pub fn snapshot(&self, snapshot: Arc<Snapshot>, is_first: bool, now: Instant) {
        self.send(Event::Snapshot { snapshot, is_first, now });
    }

    /// Takes what a complete pull of outcomes that began at a moment tells of bids, by the names of their orders.
    pub fn pulled(&self, began: Instant, fates: BTreeMap<String, Fate>) {
        self.send(Event::Pulled { began, fates });
    }

    /// Judges the predictions that are due at a moment. The thread does so by itself, every second.
    pub fn judge(&self, now: Instant) {
        self.send(Event::Judge { now });
    }

    /// Returns what is known of the predictions.
    #[must_use]
    pub fn reading(&self) -> Reading {
        lock(&self.shared).clone()
    }

    /// Stops the thread, and waits until it has ended, for a bounded time. Blocks.
    pub fn stop(&self) {
        self.queue.stop(STOP);
    }
}

fn lock(shared: &Mutex<Reading>) -> MutexGuard<'_, Reading> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
