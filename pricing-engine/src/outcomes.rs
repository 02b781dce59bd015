//! What became of our bids: a pull of the provider's market in the background, and what the engine tells of it.
//!
//! Everybody's bids and leases are public on the chain. This module keeps a history of the provider's orders up to date
//! ([`pricing_market::rest`]), writes what became of each bid to the bid log, and counts it for the metrics. A quote
//! never waits for it and never depends on it.
//!
//! # When the nodes are asked
//! One thread of its own pulls, with a runtime of its own, so that neither the requests nor the work on a large history
//! take a worker from the calls. The first pull begins shortly after the start, and the next one `interval` after the
//! last one has ended. A pull asks at most `requests_per_second` and tries the other nodes when one fails. After a pull
//! that failed, the next one waits a minute, then twice as long each time, up to `interval`. What a failed pull has read
//! is kept, and the next one goes on from there; so does a pull after `kill -9`.
//!
//! A node that cannot be reached, or cannot be believed, changes nothing but the age of what is told: in
//! [`Reading::problem`], in the log (at most once in ten minutes), and in the metrics.
//!
//! # What is written to the bid log
//! One line of the kind `outcome` for each order that the provider bid on, when it is first seen and again whenever a
//! fact has changed: the state of the own bid, the winner, the end of a lease. What others bid while the order is open comes
//! with the next line. The newest line of an order counts. Times and amounts in USD are estimates that each pull computes
//! anew, so they alone do not make a new line. Lines of orders that are new to the log fill a quarter of it at most, and the
//! newest orders come first, so that the first pull of a long history does not rotate the decisions away.
//!
//! A line names the decision that the bid is of ([`join`]). One that is found by the price counts once the history has
//! every bid that could be of it; the order then has another line. An order that a reorganisation took away has a last line
//! that says so.
//!
//! The file `outcomes.json` in the bid log's folder has a digest of the facts of each order that was written. It is
//! written after the lines were synced. At a start the lines of the log itself count, too, so that a kill between the two
//! writes nothing twice. Lines are written a few at a time, and only when the log keeps up, so that decisions never wait
//! behind them.
//!
//! # What is counted
//! The metrics are worked out from the whole history after each pull, and at the start from what is on the disk. So a
//! counter has the same value after a restart, and nothing is counted twice.

mod counts;
mod fates;
pub mod join;
mod nodes;
mod plan;
mod recorded;
pub mod report;
mod schedule;
mod survey;
mod task;

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::{Duration, Instant};

use pricing_core::money::UsdPerAkt;
use tokio_util::sync::{CancellationToken, DropGuard};

pub use pricing_market::chain::state::BidState;
pub use pricing_market::history::{HistoryBid, HistoryError, provider_of};
pub use pricing_market::outcome::{BidResult, Outcome};
pub use pricing_market::rest::Settings as Nodes;

pub use counts::Counts;
pub(crate) use counts::count;
pub use nodes::{NodeReading, look_at_nodes};
pub use plan::{Plan, folder_of};

use crate::bid_log::BidLog;
use crate::metrics::Metrics;
use crate::placements::Placements;
use task::Worker;

/// How long [`Outcomes::stop`] waits for the thread.
const STOP: Duration = Duration::from_secs(2);

/// A handle to the pulls. Clones are cheap; the thread ends when the last one is dropped.
#[derive(Clone, Debug)]
pub struct Outcomes {
    shared: Arc<Shared>,
    end: Arc<DropGuard>,
    /// Disconnected once the thread has ended.
    ended: Arc<Mutex<mpsc::Receiver<()>>>,
}

/// What the thread and the handles share. It is locked for moments only, never while something is read or asked.
#[derive(Debug)]
struct Shared {
    plan: Plan,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    complete_at: Option<Instant>,
    complete: u64,
    failed: u64,
    pull_problem: Option<String>,
    record_problem: Option<String>,
    counts: Option<Arc<Counts>>,
}

/// The state of the pulls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The provider whose bids are meant.
    pub provider: String,
    /// The folder of the history.
    pub folder: PathBuf,
    /// The time since the last complete pull.
    pub age: Option<Duration>,
    /// Complete pulls since the start.
    pub complete: u64,
    /// Pulls since the start that ended early.
    pub failed: u64,
    /// What is wrong at the moment.
    pub problem: Option<String>,
    /// What became of the bids. `None` until a history was read.
    pub counts: Option<Arc<Counts>>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Outcomes {
    /// Starts the thread. `usd_per_akt` tells what an AKT is worth when a pull begins. Without a log, outcomes are only
    /// counted. After each complete pull, `placements` is told which bids were won.
    ///
    /// # Errors
    /// When there can be no thread.
    pub fn start(
        plan: Plan,
        log: Option<BidLog>,
        metrics: Arc<Metrics>,
        placements: Option<Placements>,
        usd_per_akt: impl Fn() -> Option<UsdPerAkt> + Send + 'static,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared { plan, state: Mutex::default() });
        let stop = CancellationToken::new();
        let (running, ended) = mpsc::channel();
        let worker = Worker::new(Arc::clone(&shared), log, (metrics, placements), Box::new(usd_per_akt), stop.clone());
        std::thread::Builder::new().name("outcomes".to_owned()).spawn(move || {
            worker.run();
            drop(running);
        })?;
        Ok(Self { shared, end: Arc::new(stop.drop_guard()), ended: Arc::new(Mutex::new(ended)) })
    }

    /// Returns the state of the pulls.
    #[must_use]
    pub fn reading(&self, now: Instant) -> Reading {
        let state = self.shared.lock();
        let problems: Vec<String> =
            [&state.pull_problem, &state.record_problem].into_iter().flatten().cloned().collect();
        Reading {
            provider: self.shared.plan.provider.to_string(),
            folder: self.shared.plan.folder.clone(),
            age: state.complete_at.map(|at| now.saturating_duration_since(at)),
            complete: state.complete,
            failed: state.failed,
            problem: (!problems.is_empty()).then(|| problems.join("; ")),
            counts: state.counts.clone(),
        }
    }

    /// Stops the thread, and waits until it has ended, for a bounded time. Blocks. A pull that is cut short goes on
    /// after the next start.
    pub fn stop(&self) {
        self.end.token().cancel();
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        if ended.recv_timeout(STOP) == Err(mpsc::RecvTimeoutError::Timeout) {
            tracing::warn!("the pull of outcomes has not ended in time; the next start goes on with it");
        }
    }
}
