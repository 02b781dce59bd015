//! Which outcomes the bid log has: a digest of the facts of each order.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use pricing_files::{FileError, write_whole};
use pricing_market::outcome::Outcome;
use serde::{Deserialize, Serialize};

use crate::bid_log::entry::{BidOutcome, Entry};
use crate::bid_log::read::Log;
use crate::digest::Digest;

/// The file in the bid log's folder.
const FILE: &str = "outcomes.json";
/// The most bytes of the file: that of a few million orders.
const MAX_BYTES: u64 = 1 << 30;
/// The version of the file.
const SCHEMA: u32 = 1;
/// How the line of an outcome goes on after its schema.
const MARK: &[u8] = b"\"kind\":\"outcome\"";

/// The file.
#[derive(Debug, Deserialize, Serialize)]
struct Kept {
    schema: u32,
    /// Digests by order id.
    orders: BTreeMap<String, Digest>,
}

/// The outcomes that the bid log has.
#[derive(Debug, Default)]
pub(super) struct Recorded {
    path: PathBuf,
    /// Those whose lines are in the log's files.
    written: BTreeMap<String, Digest>,
    /// Those whose lines are in the log's queue, as far as is known.
    queued: BTreeMap<String, Digest>,
    is_changed: bool,
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
        let mut recorded = Self { path, written, queued: BTreeMap::new(), is_changed: false };
        recorded.scan(folder);
        recorded
    }

    /// Adds the outcomes of the log's lines.
    fn scan(&mut self, folder: &Path) {
        let Ok(log) = Log::open(folder) else { return };
        let lines = log.texts().filter_map(|(_, line)| line.ok()).filter(|line| is_outcome(line));
        for line in lines {
            let Ok(Entry::Outcome(found)) = Entry::read(&line) else { continue };
            let BidOutcome { order_id, outcome, .. } = *found;
            if let Some(digest) = digest(&outcome) {
                let before = self.written.insert(order_id.exact(), digest);
                self.is_changed |= before != Some(digest);
            }
        }
    }

    /// Whether the log has these facts of an order as the newest.
    pub(super) fn has(&self, order: &str, digest: Digest) -> bool {
        self.queued.get(order).or_else(|| self.written.get(order)) == Some(&digest)
    }

    /// Notes a line in the log's queue. It is not written to the file, since a crash would lose the line.
    pub(super) fn queued(&mut self, order: String, digest: Digest) {
        self.queued.insert(order, digest);
    }

    /// Notes a line that is in the log's files.
    pub(super) fn written(&mut self, order: String, digest: Digest) {
        self.queued.remove(&order);
        self.written.insert(order, digest);
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
        let result = write_whole(&self.path, |out| serde_json::to_writer(out, &kept).map_err(Into::into));
        self.written = kept.orders;
        self.is_changed = result.is_err();
        result
    }
}

fn read(path: &Path) -> Result<BTreeMap<String, Digest>, String> {
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

/// Whether a line is of an outcome, without parsing the others.
fn is_outcome(line: &[u8]) -> bool {
    let start = line.get(..line.len().min(64)).unwrap_or_default();
    start.windows(MARK.len()).any(|window| window == MARK)
}
