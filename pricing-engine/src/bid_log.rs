//! The bid log: every decision as one line of JSON, with all of its inputs, and what became of the bids.
//!
//! The folder has the files `bids-<time>-<number>.jsonl`, whose names sort by age, and the folder `objects/`. An
//! *object* is a rate card, a snapshot, a plugin or a long order, which lines name by its digest; each is stored once.
//! A line is written after the objects that it names.
//!
//! [`BidLog::record`] never blocks: it serialises the line and queues it for the writer's thread. [`Pending::written`]
//! waits until the line is written to the file (with `fsync = "each"`: to the disk), so that a crash of the service
//! does not lose it. The wait is bounded by a fraction of a second, since pricing must not depend on a disk. Lines that
//! cannot be written stay in a bounded queue, in order, and are tried again every second.
//!
//! [`read`] reads a log, and [`replay`] prices its decisions again.

pub mod entry;
mod folder;
mod objects;
mod queue;
pub mod read;
mod rebuild;
mod record;
pub mod replay;
mod scan;
mod tail;
mod tune;
mod writer;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::oneshot::error::TryRecvError;

use crate::config::{self, ConfigError};
use crate::decision::Settings;
use folder::{FileName, Folder, FolderError, OBJECTS};
use queue::{Pushed, Queue};
use tail::Tail;
use writer::{Kept, Scanned, Writer};

pub use objects::{ObjectError, Objects};
pub use rebuild::RebuildError;
pub use record::{Decided, Record};
pub(crate) use tune::{TuneRecord, TuneStage};

/// How long a caller waits for its lines to be written.
const PATIENCE: Duration = Duration::from_millis(200);
/// How often [`Pending::wait_at_most`] looks.
const POLL: Duration = Duration::from_millis(5);
/// How long [`BidLog::close`] waits for the writer.
const CLOSE: Duration = Duration::from_secs(5);
/// The smallest value of `bid_log.file_bytes`.
const MIN_FILE_BYTES: u64 = 4096;
/// The most files that wait to be synced.
const SYNCS: usize = 8;

/// A log that is being written. Clones are cheap handles to the same log, which is closed when the last handle is
/// dropped.
#[derive(Clone, Debug)]
pub struct BidLog {
    handle: Arc<Handle>,
}

#[derive(Debug)]
struct Handle {
    queue: Arc<Queue>,
    folder: PathBuf,
    /// About how many bytes of lines it keeps.
    capacity: u64,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.queue.close();
    }
}

/// The state of a log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// Its folder.
    pub folder: PathBuf,
    /// Lines written since the service started.
    pub written: u64,
    /// Lines in the queue.
    pub waiting: u64,
    /// Lines that will never be written.
    pub lost: u64,
    /// Answers that were sent before their line was written.
    pub late: u64,
    /// Objects that another program has removed.
    pub objects_lost: u64,
    /// Why nothing can be written at the moment, or what was removed.
    pub problem: Option<String>,
}

/// Returns the moment until which a caller that begins to wait now waits for its lines.
pub(crate) fn patience() -> tokio::time::Instant {
    tokio::time::Instant::now() + PATIENCE
}

/// The outcome of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is written.
    Written,
    /// It is still in the queue: the disk is slow, full or broken.
    Late,
    /// It will never be written.
    Lost,
}

/// A line in the queue.
#[derive(Debug)]
pub struct Pending {
    sequence: Option<u64>,
    queue: Arc<Queue>,
    pushed: Pushed,
}

impl Pending {
    /// Returns the line's sequence number; `None` if the line could not be serialised or the log was closed.
    #[must_use]
    pub fn sequence(&self) -> Option<u64> {
        self.sequence
    }

    /// Waits until the line is written, for a bounded time. Must be called within a Tokio runtime.
    pub async fn written(self) -> Outcome {
        self.written_until(patience()).await
    }

    /// Waits as [`Self::written`] does, until `until`.
    pub(crate) async fn written_until(self, until: tokio::time::Instant) -> Outcome {
        let acked = match self.pushed {
            Pushed::Waits(acked) => acked,
            Pushed::Stalled => {
                self.queue.late(false);
                return Outcome::Late;
            }
            Pushed::Lost => return Outcome::Lost,
        };
        match tokio::time::timeout_at(until, acked).await {
            Ok(acked) => acked.unwrap_or(Outcome::Lost),
            Err(_) => {
                self.queue.late(true);
                Outcome::Late
            }
        }
    }

    /// Waits until the line is written, for at most so long. Blocks, also on a thread of a runtime.
    pub(crate) fn wait_at_most(self, most: Duration) -> Outcome {
        let mut acked = match self.pushed {
            Pushed::Waits(acked) => acked,
            Pushed::Stalled => return Outcome::Late,
            Pushed::Lost => return Outcome::Lost,
        };
        let begun = Instant::now();
        loop {
            match acked.try_recv() {
                Ok(outcome) => return outcome,
                Err(TryRecvError::Closed) => return Outcome::Lost,
                Err(TryRecvError::Empty) if begun.elapsed() >= most => return Outcome::Late,
                Err(TryRecvError::Empty) => std::thread::sleep(POLL),
            }
        }
    }

    /// Waits until the line is written, until `until` at most. It is for work in the background: nobody is kept from an
    /// answer, so the line does not count as late, and callers go on waiting for theirs.
    pub(crate) async fn written_in_background(self, until: tokio::time::Instant) -> Outcome {
        match self.pushed {
            Pushed::Waits(acked) => tokio::time::timeout_at(until, acked)
                .await
                .map_or(Outcome::Late, |acked| acked.unwrap_or(Outcome::Lost)),
            Pushed::Stalled => Outcome::Late,
            Pushed::Lost => Outcome::Lost,
        }
    }

    /// Waits until the line is written, without a bound. Blocks.
    #[must_use]
    pub fn wait(self) -> Outcome {
        match self.pushed {
            Pushed::Waits(acked) => acked.blocking_recv().unwrap_or(Outcome::Lost),
            Pushed::Stalled => Outcome::Late,
            Pushed::Lost => Outcome::Lost,
        }
    }
}

impl BidLog {
    /// Opens the log in a folder, and continues it.
    ///
    /// If a crash has left an incomplete last line, it is removed.
    ///
    /// # Errors
    /// When the folder cannot be used: it is open to others, used by another service, or cannot be written.
    pub fn open(config: &config::BidLog) -> Result<Self, ConfigError> {
        if config.file_bytes < MIN_FILE_BYTES {
            let message = format!("expected at least {MIN_FILE_BYTES} bytes a file");
            return Err(ConfigError::unusable("bid_log.file_bytes", message));
        }
        if config.files == 0 {
            return Err(ConfigError::unusable("bid_log.files", "expected at least 1 file"));
        }
        let unusable = |error: FolderError| ConfigError::unusable("bid_log.folder", error);
        let folder = Folder::open(&config.folder).map_err(unusable)?;
        let failed = |error: io::Error| {
            ConfigError::unusable("bid_log.folder", format!("`{}`: {error}", config.folder.display()))
        };
        let queue = start(folder, config).map_err(failed)?;
        let capacity = config.file_bytes.saturating_mul(config.files.into());
        Ok(Self { handle: Arc::new(Handle { queue, folder: config.folder.clone(), capacity }) })
    }

    /// Checks whether an existing folder can be a log's. Nothing is created or opened.
    ///
    /// # Errors
    /// When it cannot.
    pub fn check(folder: &Path) -> Result<(), ConfigError> {
        folder::check(folder).map_err(|error| ConfigError::unusable("bid_log.folder", error))
    }

    /// Queues a decision. Never blocks.
    #[must_use]
    pub fn record(&self, record: &Record<'_>) -> Pending {
        self.push(record.line(SystemTime::now()))
    }

    /// Queues the shadow's result for a decision.
    pub(crate) fn record_shadow(&self, shadowed: &entry::Shadowed, settings: &Settings) -> Pending {
        self.push(record::shadow_line(shadowed, settings))
    }

    /// Queues what became of a bid.
    pub(crate) fn record_outcome(&self, outcome: &entry::BidOutcome) -> Pending {
        self.push(record::outcome_line(outcome))
    }

    /// Queues where a pod was predicted to start, and where it did.
    pub(crate) fn record_placement(&self, placed: &entry::PlacedPod) -> Pending {
        self.push(record::placement_line(placed))
    }

    /// Returns the log's folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.handle.folder
    }

    /// Returns about how many bytes of lines the log keeps.
    pub(crate) fn capacity(&self) -> u64 {
        self.handle.capacity
    }

    /// Queues a change of the rate card.
    pub(crate) fn record_tune(&self, record: &TuneRecord<'_>) -> Pending {
        self.push(tune::line(record, SystemTime::now()))
    }

    fn push(&self, line: serde_json::Result<record::Line>) -> Pending {
        let queue = Arc::clone(&self.handle.queue);
        match line {
            Ok(line) => {
                let (sequence, pushed) = queue.push(line);
                let sequence = (!matches!(pushed, Pushed::Lost)).then_some(sequence);
                Pending { sequence, queue, pushed }
            }
            Err(error) => {
                tracing::error!(%error, "a decision could not be written as JSON; this is a bug");
                queue.lose();
                Pending { sequence: None, queue, pushed: Pushed::Lost }
            }
        }
    }

    /// Returns the state of the log.
    #[must_use]
    pub fn reading(&self) -> Reading {
        let queue::Counts { written, waiting, lost, late, objects_lost, problem } = self.handle.queue.counts();
        Reading { folder: self.handle.folder.clone(), written, waiting, lost, late, objects_lost, problem }
    }

    /// Closes the log, and waits until its queue is written, for at most five seconds. Blocks.
    pub fn close(&self) -> Reading {
        self.handle.queue.close();
        if !self.handle.queue.wait_for_end(CLOSE) {
            tracing::error!("the bid log's disk does not respond; the waiting lines are lost");
        }
        self.reading()
    }
}

/// Finds the end of the log, and starts its three threads: the writer, the scan of earlier files, and the one that
/// syncs.
fn start(folder: Folder, config: &config::BidLog) -> io::Result<Arc<Queue>> {
    let names = FileName::list(folder.path())?;
    let (tail, last) = resume(&folder, &names)?;
    let queue = Arc::new(Queue::new(last.map_or(1, |last| last.saturating_add(1))));
    let (found, scanned) = mpsc::channel();
    let (syncer, to_sync) = mpsc::sync_channel(SYNCS);
    let earlier = names.iter().filter(|name| tail.as_ref().is_none_or(|tail| tail.name != **name));
    let files: VecDeque<Kept> =
        earlier.map(|name| Kept { name: name.clone(), names: BTreeSet::new(), scanned: false }).collect();
    let paths: Vec<_> = names.iter().map(|name| (name.clone(), folder.file(name))).collect();
    spawn("bid-log-scan", move || scan(paths, &found))?;
    spawn("bid-log-sync", move || writer::sync_all(&to_sync))?;
    let objects = Objects::of(&folder.objects());
    let stamp = objects.stamp().ok();
    let writer = Writer {
        queue: Arc::clone(&queue),
        objects,
        folder,
        config: config.clone(),
        files,
        tail,
        scanned,
        syncer,
        unsynced: VecDeque::new(),
        sizes: BTreeMap::new(),
        told: None,
        looked: Instant::now(),
        stamp,
    };
    spawn("bid-log", move || writer.run())?;
    Ok(queue)
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<()> {
    std::thread::Builder::new().name(name.to_owned()).spawn(run).map(|_| ())
}

/// Returns the last file, less an incomplete last line, and the last sequence number. The number may be in an earlier
/// file, if the last one has no line yet.
fn resume(folder: &Folder, names: &[FileName]) -> io::Result<(Option<Tail>, Option<u64>)> {
    let mut tail = None;
    for name in names.iter().rev() {
        let file = folder.reopen(name)?;
        let is_last = tail.is_none();
        let whole = scan::end_of_lines(&file)?;
        let cut = file.metadata()?.len().saturating_sub(whole);
        if is_last && cut > 0 {
            tracing::warn!(file = %name, bytes = cut, "the bid log ended in the middle of a line, which was cut off");
            file.set_len(whole)?;
        }
        let last = scan::last_sequence(&file, whole)?;
        if is_last {
            tail = Some(Tail::new(name.clone(), file, whole));
        }
        if last.is_some() {
            return Ok((tail, last));
        }
    }
    Ok((tail, None))
}

/// Finds the objects that the files of earlier runs name, so that they are stored for as long as these files.
fn scan(files: Vec<(FileName, PathBuf)>, found: &mpsc::Sender<Scanned>) {
    for (name, path) in files {
        let look = || {
            let file = pricing_files::open(&path).map_err(io::Error::from)?;
            let length = file.metadata()?.len();
            scan::names(file, length)
        };
        match look() {
            Ok(names) => {
                // The writer has ended.
                let Ok(()) = found.send((name, names)) else { return };
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                // The file's objects are unknown, so that no object at all is removed.
                tracing::warn!(%error, file = %name, "a file of the bid log cannot be read");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_disk_that_hangs_keeps_the_first_caller_for_a_moment_and_the_others_not_at_all() {
        // There is no writer.
        let queue = Arc::new(Queue::new(1));
        let log =
            BidLog { handle: Arc::new(Handle { queue: Arc::clone(&queue), folder: PathBuf::new(), capacity: 0 }) };
        let line = || record::Line { kind: "decision", body: b"}".to_vec(), objects: Vec::new() };
        assert_eq!(log.push(Ok(line())).written().await, Outcome::Late);
        for _ in 0..100 {
            let pending = log.push(Ok(line()));
            // It does not wait.
            assert!(matches!(pending.pushed, Pushed::Stalled));
            assert_eq!(pending.written().await, Outcome::Late);
        }
        assert_eq!((log.reading().late, log.reading().waiting), (101, 101));
        // Work in the background waits for a bounded time, and keeps nobody else from waiting.
        let counts = log.reading().late;
        let background = log.push(Ok(line()));
        assert_eq!(background.written_in_background(tokio::time::Instant::now()).await, Outcome::Late);
        assert_eq!(log.reading().late, counts);
        // Once the disk works again, callers wait again.
        let written = queue.take(Some(Duration::ZERO), false);
        queue.settle(&written, VecDeque::new(), None);
        let waits = log.push(Ok(line()));
        assert!(matches!(waits.pushed, Pushed::Waits(_)));
        assert_eq!(waits.written_in_background(tokio::time::Instant::now()).await, Outcome::Late);
        assert!(matches!(log.push(Ok(line())).pushed, Pushed::Waits(_)));
    }
}
