//! What a pull has read so far, in the folder of its history.
//!
//! `pull.json` says where the pull is, and the files in `records` have what was read. Each file is written whole and
//! never changed. The order of writing makes a kill harmless at every moment: first what was read, then where the pull
//! is. What was written and not noted is asked for again, and counts once all the same. When a pull is complete, one
//! file with everything takes the place of the others, which are removed after it is there.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use pricing_core::address::Address;
use pricing_core::input::InputError;
use pricing_core::text::{Untrusted, excerpt};
use pricing_files::{FileError, write_whole};
use serde::{Deserialize, Serialize};

use super::PullError;
use super::query::List;
use super::segment::{self, Head};
use crate::chain::id::OrderId;
use crate::chain::records::Records;
use crate::history::{self, PULL_FILE};

/// The file that one pull at a time locks.
const LOCK_FILE: &str = "pull.lock";
/// The folder with what was read.
const RECORDS: &str = "records";
/// The most bytes of the state.
const MAX_STATE: u64 = 1 << 20;
/// The most bytes of a file with records: that of a history of some 300,000 orders.
const MAX_RECORDS: u64 = 2 << 30;

/// Where a list of the provider is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Progress {
    /// The key of the next page. None is the beginning.
    pub(super) next_key: Option<String>,
    pub(super) done: bool,
}

/// A pull that is not complete.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Round {
    /// The height of the chain when it began.
    pub(super) height: u64,
    /// The age in seconds up to which new orders are wanted.
    pub(super) since: Option<u64>,
    /// The height of that age.
    pub(super) since_height: u64,
    pub(super) bids: Progress,
    pub(super) leases: Progress,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct State {
    schema: u32,
    provider: String,
    /// The highest block that was seen.
    height: u64,
    round: Option<Round>,
}

/// What a pull has read so far.
#[derive(Debug)]
pub struct Store {
    folder: PathBuf,
    state: State,
    records: Records,
    /// The orders that were asked for, with the height of the chain then.
    asked: BTreeMap<OrderId, u64>,
    /// The number of the next file.
    next: u64,
    /// Holds the lock.
    _lock: File,
}

impl Store {
    /// Opens the folder of a provider's pull, or makes one.
    ///
    /// # Errors
    /// When it is another provider's, another pull writes to it, or a file cannot be read or is malformed.
    pub fn open(folder: &Path, provider: &Address) -> Result<Self, PullError> {
        let records = folder.join(RECORDS);
        fs::create_dir_all(&records).map_err(|error| file_error(&records, error.into()))?;
        let lock = lock(&folder.join(LOCK_FILE))?;
        // A history from saved answers has no state, and is not replaced by another provider's either.
        if let Some(there) = history::provider_of(folder)?.filter(|there| there != provider.as_str()) {
            return Err(PullError::OtherProvider { there: excerpt(&there), wanted: provider.to_string() });
        }
        let state = read_state(&folder.join(PULL_FILE), provider)?;
        let mut store = Self {
            folder: folder.to_owned(),
            state,
            records: Records::default(),
            asked: BTreeMap::new(),
            next: 0,
            _lock: lock,
        };
        for number in store.numbers()? {
            let path = store.path(number);
            let text = pricing_files::read_text(&path, MAX_RECORDS).map_err(|error| file_error(&path, error))?;
            store.read(&text).map_err(|error| malformed(&path, error))?;
            store.next = number.saturating_add(1);
        }
        store.records.forget_counts();
        Ok(store)
    }

    pub(super) fn records(&self) -> &Records {
        &self.records
    }

    /// The highest block that was seen.
    pub(super) fn height(&self) -> u64 {
        self.state.height
    }

    /// The height at which an order was asked for.
    pub(super) fn asked_at(&self, id: &OrderId) -> Option<u64> {
        self.asked.get(id).copied()
    }

    pub(super) fn round(&self) -> Option<&Round> {
        self.state.round.as_ref()
    }

    /// Begins a pull, or goes on with one.
    pub(super) fn set_round(&mut self, height: u64, round: Round) -> Result<(), PullError> {
        self.state.height = self.state.height.max(height);
        self.state.round = Some(round);
        self.write_state()
    }

    /// Notes where a list of the provider is.
    pub(super) fn set_progress(&mut self, list: List, progress: Progress) -> Result<(), PullError> {
        match (&mut self.state.round, list) {
            (Some(round), List::Bids) => round.bids = progress,
            (Some(round), List::Leases) => round.leases = progress,
            (_, List::Orders) | (None, _) => {}
        }
        self.write_state()
    }

    /// Writes what was read, and takes it over as a later pull would read it.
    pub(super) fn add(&mut self, head: &Head, part: &Records) -> Result<(), PullError> {
        let path = self.path(self.next);
        let text = segment::print(head, part).map_err(|error| file_error(&path, FileError::Io(error.into())))?;
        write(&path, &text)?;
        self.next = self.next.saturating_add(1);
        if let Err(error) = self.read(&text) {
            // Nodes contradict each other. What could not be read must not be there for the next pull.
            fs::remove_file(&path).map_err(|error| file_error(&path, error.into()))?;
            return Err(malformed(&path, error));
        }
        Ok(())
    }

    /// Keeps the orders that were asked for, and puts everything into one file.
    pub(super) fn compact(&mut self) -> Result<(), PullError> {
        let old = self.numbers()?;
        let path = self.path(self.next);
        let text = self.print().map_err(|error| file_error(&path, FileError::Io(error.into())))?;
        write(&path, &text)?;
        self.next = self.next.saturating_add(1);
        self.state.round = None;
        self.write_state()?;
        for number in old {
            let path = self.path(number);
            fs::remove_file(&path).map_err(|error| file_error(&path, error.into()))?;
        }
        Ok(())
    }

    /// Leaves out what does not belong to an order that was asked for.
    pub(super) fn retain_asked(&mut self) {
        let asked = &self.asked;
        self.records.retain(|id| asked.contains_key(id));
    }

    fn print(&self) -> serde_json::Result<String> {
        let head = |seen_at| (seen_at, Head { seen_at, ..Head::default() });
        let heights = self.records.seen().into_iter().chain(self.asked.values().copied()).chain([self.state.height]);
        let mut heads: BTreeMap<u64, Head> = heights.map(head).collect();
        for (id, at) in &self.asked {
            heads.entry(*at).or_default().asked.push(id.to_string());
        }
        heads.entry(self.state.height).or_default().blocks = self.records.clock().samples().collect();
        heads.values().map(|head| segment::print(head, &self.records)).collect()
    }

    fn read(&mut self, text: &str) -> Result<(), InputError> {
        let asked_at = &mut self.asked;
        segment::read(text, &mut self.records, &mut |seen_at, asked, gone| {
            asked_at.retain(|id, _| !gone.contains(id));
            asked_at.extend(asked.into_iter().map(|id| (id, seen_at)));
        })
    }

    fn path(&self, number: u64) -> PathBuf {
        self.folder.join(RECORDS).join(format!("{number:08}.jsonl"))
    }

    /// The numbers of the files, from the lowest.
    fn numbers(&self) -> Result<Vec<u64>, PullError> {
        let folder = self.folder.join(RECORDS);
        let mut numbers = Vec::new();
        for entry in fs::read_dir(&folder).map_err(|error| file_error(&folder, error.into()))? {
            let entry = entry.map_err(|error| file_error(&folder, error.into()))?;
            let name = entry.file_name();
            // Others are what a pull that was killed left of a file.
            let number: Option<u64> = name.to_str().and_then(|name| name.strip_suffix(".jsonl")?.parse().ok());
            numbers.extend(number);
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    fn write_state(&self) -> Result<(), PullError> {
        let path = self.folder.join(PULL_FILE);
        let text = serde_json::to_string_pretty(&self.state);
        write(&path, &text.map_err(|error| file_error(&path, FileError::Io(error.into())))?)
    }
}

/// The folder of a file, for people.
fn shown_folder(path: &Path) -> String {
    path.parent().map(|folder| format!("{:.200}", Untrusted::new(folder.to_string_lossy()))).unwrap_or_default()
}

fn lock(path: &Path) -> Result<File, PullError> {
    let file = pricing_files::open_or_create(path).map_err(|error| file_error(path, error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => Err(PullError::Locked(shown_folder(path))),
        Err(fs::TryLockError::Error(error)) => Err(file_error(path, error.into())),
    }
}

fn read_state(path: &Path, provider: &Address) -> Result<State, PullError> {
    let text = match pricing_files::read_text(path, MAX_STATE) {
        Ok(text) => text,
        Err(error) if error.is_not_found() => {
            return Ok(State { schema: 1, provider: provider.to_string(), height: 0, round: None });
        }
        Err(error) => return Err(file_error(path, error)),
    };
    let state: State = serde_json::from_str(&text).map_err(|error| {
        malformed(path, InputError::new(&error).position(error.line().max(1), error.column().max(1)))
    })?;
    if state.schema != 1 {
        return Err(malformed(path, InputError::new(format_args!("schema {} is not known here", state.schema))));
    }
    if state.provider != provider.to_string() {
        return Err(PullError::OtherProvider { there: excerpt(&state.provider), wanted: provider.to_string() });
    }
    Ok(state)
}

fn write(path: &Path, text: &str) -> Result<(), PullError> {
    write_whole(path, |out| out.write_all(text.as_bytes())).map_err(|error| file_error(path, error))
}

fn file_error(path: &Path, error: FileError) -> PullError {
    PullError::File { file: excerpt(&path.to_string_lossy()), error }
}

fn malformed(path: &Path, error: InputError) -> PullError {
    PullError::Malformed { file: excerpt(&path.to_string_lossy()), error: Box::new(error) }
}
