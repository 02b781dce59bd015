//! What the bid log has: a digest of the facts of each order that has an outcome, and the bids among its decisions.

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};

use pricing_files::{FileError, write_whole};
use pricing_market::outcome::Outcome;
use serde::{Deserialize, Serialize};

use super::join::{ChainBid, Joined, LoggedBid, match_bids_to_decisions};
use crate::bid_log::entry::{BidOutcome, Entry, sequence_of};
use crate::bid_log::read::Log;
use crate::digest::Digest;

/// The file in the bid log's folder.
const FILE: &str = "outcomes.json";
/// The most bytes of the file: that of a few million orders.
const MAX_BYTES: u64 = 1 << 30;
/// The version of the file.
const SCHEMA: u32 = 1;
/// How lines go on after their schema.
const OUTCOME: &[u8] = b"\"kind\":\"outcome\"";
const DECISION: &[u8] = b"\"kind\":\"decision\"";
/// The most bids that wait for the chain's answer. Each is on the chain within minutes.
const MAX_BIDS: usize = 50_000;

/// The file.
#[derive(Debug, Deserialize, Serialize)]
struct Kept {
    schema: u32,
    /// What was written, by order id.
    orders: BTreeMap<String, Noted>,
}

/// What was written of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(super) struct Noted {
    /// The digest of the facts.
    pub(super) digest: Digest,
    /// The decision that the bid is of.
    pub(super) decision: Option<u64>,
}

/// What the bid log has.
#[derive(Debug)]
pub(super) struct Recorded {
    /// The log's folder.
    folder: PathBuf,
    /// Those outcomes whose lines are in the log's files.
    written: BTreeMap<String, Noted>,
    /// Those whose lines are in the log's queue, as far as is known.
    queued: BTreeMap<String, Noted>,
    is_changed: bool,
    /// The newest bids among the decisions.
    bids: VecDeque<LoggedBid>,
    /// The last file that was read, and the last sequence number.
    read: (String, u64),
}

/// A digest of what the chain says.
pub(super) fn digest(outcome: &Outcome) -> Option<Digest> {
    serde_json::to_vec(&outcome.facts()).ok().map(Digest::of)
}

impl Recorded {
    /// Reads the file in a log's folder, and then the log itself, of which the newest line of an order counts. If the
    /// file cannot be read, the log alone counts, and outcomes of lines that were rotated away are written again.
    pub(super) fn open(folder: &Path) -> Self {
        let path = folder.join(FILE);
        let written = read(&path).unwrap_or_else(|problem| {
            tracing::warn!(file = %path.display(), problem, "outcomes may be written to the bid log again");
            BTreeMap::new()
        });
        let mut recorded = Self {
            folder: folder.to_owned(),
            written,
            queued: BTreeMap::new(),
            is_changed: false,
            bids: VecDeque::new(),
            read: (String::new(), 0),
        };
        recorded.read_on();
        recorded
    }

    /// Reads the lines of the log that were not read yet. Only the last file that was read, and later ones, are opened.
    pub(super) fn read_on(&mut self) {
        let Ok(log) = Log::open(&self.folder) else { return };
        let log = log.from_file(&self.read.0);
        for (place, line) in log.texts() {
            // A line without its end is read again once it is whole.
            let Ok(line) = line else { continue };
            let Some(sequence) = sequence_of(&line).filter(|sequence| *sequence > self.read.1) else { continue };
            self.read = (place.file, sequence);
            if begins_with(&line, OUTCOME) || begins_with(&line, DECISION) {
                self.take(&line);
            }
        }
    }

    fn take(&mut self, line: &[u8]) {
        match Entry::read(line) {
            Ok(Entry::Outcome(found)) => {
                let BidOutcome { order_id, decision, outcome, .. } = *found;
                let Some(digest) = digest(&outcome) else { return };
                let noted = Noted { digest, decision };
                self.is_changed |= self.written.insert(order_id.exact(), noted) != Some(noted);
            }
            Ok(Entry::Decision(decision)) => {
                self.bids.extend(LoggedBid::of(&decision));
                if self.bids.len() > MAX_BIDS {
                    self.bids.pop_front();
                }
            }
            Ok(Entry::Shadow(_) | Entry::Other(_)) | Err(_) => {}
        }
    }

    /// The decisions that bids are of, in their order.
    pub(super) fn join(&mut self, bids: &[ChainBid]) -> Vec<Joined> {
        match_bids_to_decisions(bids, self.bids.make_contiguous())
    }

    /// What was written last of an order.
    pub(super) fn of(&self, order: &str) -> Option<Noted> {
        self.queued.get(order).or_else(|| self.written.get(order)).copied()
    }

    /// Notes a line in the log's queue. It is not written to the file, since a crash would lose the line.
    pub(super) fn queued(&mut self, order: String, noted: Noted) {
        self.queued.insert(order, noted);
    }

    /// Notes a line that is in the log's files.
    pub(super) fn written(&mut self, order: String, noted: Noted) {
        self.queued.remove(&order);
        self.written.insert(order, noted);
        self.is_changed = true;
    }

    /// Writes the file, if something has changed.
    ///
    /// # Errors
    /// When it cannot be written. The log itself still tells what it has.
    pub(super) fn save(&mut self) -> Result<(), FileError> {
        if !self.is_changed {
            return Ok(());
        }
        let kept = Kept { schema: SCHEMA, orders: std::mem::take(&mut self.written) };
        let result = write_whole(&self.folder.join(FILE), |out| serde_json::to_writer(out, &kept).map_err(Into::into));
        self.written = kept.orders;
        self.is_changed = result.is_err();
        result
    }
}

fn read(path: &Path) -> Result<BTreeMap<String, Noted>, String> {
    let text = match pricing_files::read_text(path, MAX_BYTES) {
        Ok(text) => text,
        Err(error) if error.is_not_found() => return Ok(BTreeMap::new()),
        Err(error) => return Err(error.to_string()),
    };
    match serde_json::from_str::<Kept>(&text).map_err(|error| error.to_string())? {
        Kept { schema: SCHEMA, orders } => Ok(orders),
        Kept { schema, .. } => Err(format!("schema {schema} is not known here")),
    }
}

/// Whether a line is of a kind, without parsing it.
fn begins_with(line: &[u8], mark: &[u8]) -> bool {
    let start = line.get(..line.len().min(64)).unwrap_or_default();
    start.windows(mark.len()).any(|window| window == mark)
}
