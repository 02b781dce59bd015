//! What the bid log has: a digest of the facts of each order that has an outcome, and the bids among its decisions.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use pricing_files::{FileError, write_whole};
use pricing_market::outcome::{BidResult, Outcome};
use serde::{Deserialize, Serialize};

use super::join::{ChainJoin, LoggedBid, match_bids_to_decisions};
use super::survey::Survey;
use crate::bid_log::entry::{BidOutcome, Damage, Entry, is_of_kind, sequence_of};
use crate::bid_log::read::Log;
use crate::digest::Digest;

/// The file in the bid log's folder.
const FILE: &str = "outcomes.json";
/// The most bytes of the file: that of a few million orders.
const MAX_BYTES: u64 = 1 << 30;
/// The version of the file.
const SCHEMA: u32 = 1;
/// The kinds of the lines that count.
const OUTCOME: &str = "outcome";
const DECISION: &str = "decision";
/// The most bids that wait for the chain's answer. Each is on the chain within minutes.
const MAX_BIDS: usize = 50_000;

/// The file.
#[derive(Debug, Deserialize, Serialize)]
struct OutcomesFile {
    schema: u32,
    /// What was written, by order id.
    orders: BTreeMap<String, WrittenOutcome>,
}

/// What was written of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(super) struct WrittenOutcome {
    /// The digest of the facts.
    pub(super) digest: Digest,
    /// The decision that the bid is of.
    pub(super) decision: Option<u64>,
    /// Whether the order was reorganised away.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) gone: bool,
}

/// What the bid log lacks.
#[derive(Debug, Default)]
pub(super) struct News {
    /// The orders that get a line.
    pub(super) lines: BTreeMap<String, WrittenOutcome>,
    /// Older orders, of which the log would be too full.
    pub(super) passed_over: Vec<(String, WrittenOutcome)>,
}

/// What the bid log has.
#[derive(Debug)]
pub(super) struct LoggedOutcomes {
    /// The log's folder.
    folder: PathBuf,
    /// Those outcomes whose lines are in the log's files.
    written: BTreeMap<String, WrittenOutcome>,
    /// Those whose lines are in the log's queue, as far as is known.
    queued: BTreeMap<String, WrittenOutcome>,
    is_changed: bool,
    /// The newest bids among the decisions.
    bids: VecDeque<LoggedBid>,
    /// The last file that was read, and the last sequence number.
    read: (String, u64),
    /// The first file with lines that may not be synced.
    unsynced: String,
    /// Orders that are not in the history, for another reason than a reorganisation.
    elsewhere: BTreeSet<String>,
}

/// A digest of what makes a new line when it changes. While the order is open, the bids of others do not.
pub(super) fn digest(outcome: &Outcome) -> Option<Digest> {
    let mut facts = outcome.facts();
    if facts.result == BidResult::Open {
        facts.others.clear();
    }
    serde_json::to_vec(&facts).ok().map(Digest::of)
}

/// Syncs the log's files from one on, by its name, so that a power cut does not take away lines that are noted.
pub(super) fn sync_log(folder: &Path, first: &str) -> io::Result<()> {
    let log = match Log::open(folder) {
        Ok(log) => log.from_file(first),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    for file in log.files() {
        match File::open(file).and_then(|file| file.sync_all()) {
            // It was rotated away.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            synced => synced?,
        }
    }
    File::open(folder)?.sync_all()
}

impl LoggedOutcomes {
    /// Reads the file in a log's folder, and then the log itself, of which the newest line of an order counts. If the
    /// file cannot be read, the log alone counts, and outcomes of lines that were rotated away are written again.
    pub(super) fn open(folder: &Path) -> Self {
        let path = folder.join(FILE);
        let written = read(&path).unwrap_or_else(|problem| {
            tracing::warn!(file = %path.display(), problem, "outcomes may be written to the bid log again");
            BTreeMap::new()
        });
        Self {
            folder: folder.to_owned(),
            written,
            queued: BTreeMap::new(),
            is_changed: false,
            bids: VecDeque::new(),
            read: (String::new(), 0),
            unsynced: String::new(),
            elsewhere: BTreeSet::new(),
        }
    }

    /// Reads the lines of the log that were not read yet. Only the last file that was read, and later ones, are opened.
    ///
    /// # Errors
    /// When a file cannot be read. The next call reads it again.
    pub(super) fn read_on(&mut self) -> io::Result<()> {
        let log = match Log::open(&self.folder) {
            Ok(log) => log.from_file(&self.read.0),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        for (place, line) in log.texts() {
            let line = match line {
                Ok(line) => line,
                Err(Damage::File(problem)) => return Err(io::Error::other(format!("`{}`: {problem}", place.file))),
                // A line without its end is read again once it is whole.
                Err(Damage::Cut | Damage::Unreadable(_)) => continue,
            };
            let Some(sequence) = sequence_of(&line).filter(|sequence| *sequence > self.read.1) else { continue };
            self.read = (place.file, sequence);
            if is_of_kind(&line, OUTCOME) || is_of_kind(&line, DECISION) {
                self.take(&line);
            }
        }
        Ok(())
    }

    fn take(&mut self, line: &[u8]) {
        match Entry::read(line) {
            Ok(Entry::Outcome(found)) => {
                let BidOutcome { order_id, decision, outcome, .. } = *found;
                let Some(digest) = digest(&outcome) else { return };
                let noted = WrittenOutcome { digest, decision, gone: outcome.result == BidResult::Gone };
                let order = order_id.exact();
                // A later line of the order may still be in the queue.
                if self.queued.get(&order) == Some(&noted) {
                    self.queued.remove(&order);
                }
                self.is_changed |= self.written.insert(order, noted) != Some(noted);
            }
            Ok(Entry::Decision(decision)) => {
                self.bids.extend(LoggedBid::of(&decision));
                if self.bids.len() > MAX_BIDS {
                    self.bids.pop_front();
                }
            }
            Ok(Entry::Shadow(_) | Entry::Placed(_) | Entry::Tuned(_) | Entry::Other(_)) | Err(_) => {}
        }
    }

    /// What the log lacks of a history that is complete up to a height. Lines of orders that it never had are about
    /// `most_bytes` long in all: those of the newest orders.
    ///
    /// A decision that is found by the price counts once the history has every bid that could be of it, since one that
    /// seems to be the only one may not stay so. Until then, and until a decision is found, it is looked for again.
    pub(super) fn news(&mut self, survey: &Survey, height: Option<u64>, most_bytes: u64) -> News {
        let joined = match_bids_to_decisions(&survey.bids, self.bids.make_contiguous());
        let (mut news, mut left) = (News::default(), most_bytes);
        for (found, joined) in survey.orders.iter().zip(joined).rev() {
            let decision = match joined {
                ChainJoin::ByOrderId(sequence) => Some(sequence),
                ChainJoin::ByPrice(sequence) => Some(sequence).filter(|_| found.is_settled(height)),
                ChainJoin::Not(_) => None,
            };
            let before = self.of(&found.order);
            let decision = before.and_then(|noted| noted.decision).or(decision);
            let noted = WrittenOutcome { digest: found.digest, decision, gone: false };
            if before == Some(noted) {
                continue;
            }
            if before.is_none() {
                let Some(rest) = left.checked_sub(found.bytes) else {
                    left = 0;
                    news.passed_over.push((found.order.clone(), noted));
                    continue;
                };
                left = rest;
            }
            news.lines.insert(found.order.clone(), noted);
        }
        news
    }

    /// The orders that have a line, and that the history does not have.
    pub(super) fn missing(&self, survey: &Survey) -> BTreeSet<String> {
        let there = survey.names();
        let noted = self.written.iter().filter(|(order, noted)| !noted.gone && !there.contains(order.as_str()));
        noted.map(|(order, _)| order).filter(|order| !self.elsewhere.contains(*order)).cloned().collect()
    }

    /// The log's last lines of some orders.
    pub(super) fn last_lines(&self, orders: &BTreeSet<String>) -> io::Result<Vec<BidOutcome>> {
        let mut last = BTreeMap::new();
        for (_, line) in Log::open(&self.folder)?.texts() {
            let Some(line) = line.ok().filter(|line| is_of_kind(line, OUTCOME)) else { continue };
            if let Ok(Entry::Outcome(found)) = Entry::read(&line) {
                let order = found.order_id.exact();
                if orders.contains(&order) {
                    last.insert(order, *found);
                }
            }
        }
        Ok(last.into_values().collect())
    }

    /// Notes that orders are not in the history, and were not reorganised away.
    pub(super) fn leave(&mut self, orders: impl IntoIterator<Item = String>) {
        self.elsewhere.extend(orders);
    }

    /// What was written last of an order.
    pub(super) fn of(&self, order: &str) -> Option<WrittenOutcome> {
        self.queued.get(order).or_else(|| self.written.get(order)).copied()
    }

    /// Notes a line in the log's queue. It is not written to the file, since a crash would lose the line.
    pub(super) fn queued(&mut self, order: String, noted: WrittenOutcome) {
        self.queued.insert(order, noted);
    }

    /// Notes a line that is in the log's files.
    pub(super) fn written(&mut self, order: String, noted: WrittenOutcome) {
        self.queued.remove(&order);
        self.written.insert(order, noted);
        self.is_changed = true;
    }

    /// Writes the file, if something has changed, after `sync` has synced the log's files from one on. Otherwise a power
    /// cut could leave the note of a line without the line.
    ///
    /// # Errors
    /// When the log cannot be synced, or the file not be written. The log itself still tells what it has.
    pub(super) fn save(&mut self, sync: impl FnOnce(&Path, &str) -> io::Result<()>) -> Result<(), FileError> {
        if !self.is_changed {
            return Ok(());
        }
        sync(&self.folder, &self.unsynced).map_err(FileError::from)?;
        let kept = OutcomesFile { schema: SCHEMA, orders: std::mem::take(&mut self.written) };
        let result = write_whole(&self.folder.join(FILE), |out| serde_json::to_writer(out, &kept).map_err(Into::into));
        self.written = kept.orders;
        self.is_changed = result.is_err();
        if result.is_ok() {
            self.unsynced.clone_from(&self.read.0);
        }
        result
    }
}

fn read(path: &Path) -> Result<BTreeMap<String, WrittenOutcome>, String> {
    let text = match pricing_files::read_text(path, MAX_BYTES) {
        Ok(text) => text,
        Err(error) if error.is_not_found() => return Ok(BTreeMap::new()),
        Err(error) => return Err(error.to_string()),
    };
    match serde_json::from_str::<OutcomesFile>(&text).map_err(|error| error.to_string())? {
        OutcomesFile { schema: SCHEMA, orders } => Ok(orders),
        OutcomesFile { schema, .. } => Err(format!("schema {schema} is not known here")),
    }
}
