//! The thread: takes events, and writes verdicts to the bid log.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use pricing_panics::catch;

use super::queue::{Event, Received, Stopped};
use super::recent::{COUNTED, Recent};
use super::watch::Watch;
use super::{PlacementResult, PredictedQuote, Prediction, Reading, lock};
use crate::bid_log::BidLog;
use crate::bid_log::entry::{Entry, PlacedPod, is_of_kind};
use crate::bid_log::read::Log;

/// How often predictions are looked at whose time may be over.
const LOOK: Duration = Duration::from_secs(1);
/// The most lines in the log's queue at once, and how long these may take to be written. So decisions do not wait behind
/// them when the disk is slow.
const BATCH: usize = 32;
const BATCH_PATIENCE: Duration = Duration::from_secs(5);

/// The most bytes of the log that a start reads, besides its newest file.
const MAX_BYTES: u64 = 128 << 20;

/// The thread's state.
#[derive(Debug)]
pub(super) struct Worker {
    watch: Watch,
    log: Option<BidLog>,
    shared: Arc<Mutex<Reading>>,
    /// Whether it was said that predictions are mostly wrong.
    has_warned: bool,
}

impl Worker {
    pub(super) fn new(watch: Watch, log: Option<BidLog>, shared: Arc<Mutex<Reading>>) -> Self {
        Self { watch, log, shared, has_warned: false }
    }

    /// Works until the engine stops. A panic ends this and nothing else.
    pub(super) fn run(mut self, events: &Received) {
        if let Err(panic) = catch(|| self.work(events)) {
            tracing::error!(%panic, "predicted placements are not checked any more; this is a bug");
        }
    }

    /// Works until the engine stops.
    fn work(&mut self, events: &Received) -> Result<(), Stopped> {
        // On Linux the priority is that of the calling thread. Comparing large inventories must not delay a quote.
        let _ = rustix::process::nice(19);
        if let Some(log) = &self.log {
            lock(&self.shared).recent = recent_of(log.folder());
        }
        self.warn();
        let mut looked = Instant::now();
        loop {
            let mut event = events.next(LOOK)?;
            // What waits is older than the moment at which predictions are judged.
            while let Some(next) = event {
                self.take(next);
                event = events.next(Duration::ZERO)?;
            }
            if looked.elapsed() >= LOOK {
                looked = Instant::now();
                self.judge(looked);
            }
        }
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Quoted(quote) => {
                let PredictedQuote { order, units, placements, snapshot } = *quote;
                let dropped = self.watch.predicted(Prediction::new(order, &units, &placements, &snapshot.running));
                self.tell(dropped);
            }
            Event::Predicted(prediction) => {
                let dropped = self.watch.predicted(*prediction);
                self.tell(dropped);
            }
            Event::TooLarge(prediction) => {
                let refused = self.watch.too_large(&prediction);
                self.tell(refused);
            }
            Event::Snapshot { snapshot, is_first, now } => {
                self.watch.snapshot(&snapshot.running, is_first, now);
                let mut reading = lock(&self.shared);
                reading.snapshots = reading.snapshots.saturating_add(1);
            }
            Event::Pulled { began, fates } => {
                let late = self.watch.pulled(began, &fates);
                self.tell(late);
            }
            Event::Judge { now } => self.judge(now),
            Event::Stop => {}
        }
        self.count_open();
    }

    fn judge(&mut self, now: Instant) {
        let lines = self.watch.due(now);
        self.tell(lines);
        self.count_open();
    }

    fn count_open(&self) {
        lock(&self.shared).open = u64::try_from(self.watch.open()).unwrap_or(u64::MAX);
    }

    /// Counts verdicts, and writes them to the bid log.
    fn tell(&mut self, lines: Vec<PlacedPod>) {
        for batch in lines.chunks(BATCH) {
            let mut pending = None;
            for line in batch {
                lock(&self.shared).count(line.result, line.pods);
                tracing::debug!(
                    order = %line.order_id, resource_id = line.resource_id, replica = line.replica,
                    pods = line.pods, result = line.result.name(), "a predicted placement was checked"
                );
                let line = PlacedPod { time: now(), ..line.clone() };
                pending = self.log.as_ref().map(|log| log.record_placement(&line));
            }
            if let Some(last) = pending {
                // The log itself counts lines that are late or lost.
                let _ = last.wait_at_most(BATCH_PATIENCE);
            }
        }
        if !lines.is_empty() {
            self.warn();
        }
    }

    /// Warns when predictions are mostly wrong, once until they are right again.
    fn warn(&mut self) {
        let problem = lock(&self.shared).recent.problem();
        match &problem {
            Some(problem) if !self.has_warned => tracing::warn!("{problem}"),
            None if self.has_warned => tracing::info!("pods start on the predicted nodes again"),
            Some(_) | None => {}
        }
        self.has_warned = problem.is_some();
    }
}

/// The last verifiable predictions of a log, of which the newest files are read. A log may have none of them and be
/// large, and events wait meanwhile.
fn recent_of(folder: &Path) -> Recent {
    let mut newest: Vec<PlacementResult> = Vec::new();
    let mut bytes: u64 = 0;
    let files = Log::open(folder).map(|log| log.files().to_vec()).unwrap_or_default();
    for file in files.iter().rev() {
        bytes = bytes.saturating_add(file.metadata().map_or(0, |file| file.len()));
        if newest.len() >= COUNTED || (bytes > MAX_BYTES && Some(file) != files.last()) {
            break;
        }
        let Ok(log) = Log::open(file) else { continue };
        let mut results: Vec<PlacementResult> = log.texts().filter_map(|(_, line)| verifiable(&line.ok()?)).collect();
        results.append(&mut newest);
        newest = results;
    }
    let mut recent = Recent::default();
    newest.into_iter().for_each(|result| recent.add(result));
    recent
}

fn verifiable(line: &[u8]) -> Option<PlacementResult> {
    if !is_of_kind(line, "placement") {
        return None;
    }
    match Entry::read(line) {
        Ok(Entry::Placed(placed)) => Some(placed.result).filter(|result| *result != PlacementResult::Unknown),
        _ => None,
    }
}

fn now() -> String {
    humantime::format_rfc3339_millis(SystemTime::now()).to_string()
}
