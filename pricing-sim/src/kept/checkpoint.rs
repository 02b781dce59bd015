//! Checkpoints: finished runs are written as they finish, so that an interrupted sweep can be resumed.
//!
//! A checkpoint is an append-only file of JSON lines: a header with the identity, then one line per finished run. A
//! process that is killed may leave an incomplete last line, which is dropped on the next start.

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::io::{BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use pricing_files::FileError;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::inputs::hex;
use super::{Identity, KeptError, SCHEMA, to_line};
use crate::result::RunResult;
use crate::sweep::Sweep;

/// The name of the file's kind in messages.
const WHAT: &str = "checkpoint of `bidprice simulate`";
/// The kind of file, as in its first line.
const KIND: &str = "bidprice simulate checkpoint";
/// The interval between syncs to the disk: a power loss costs at most this much work.
const SYNC_EVERY: Duration = Duration::from_secs(5);

/// The first line.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    kind: String,
    schema: u32,
    digest: String,
    runs: usize,
    identity: Identity,
}

/// Any further line: a finished run with a checksum.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    /// The SHA-256 of the result's JSON text.
    sha256: String,
    result: Box<RawValue>,
}

fn digest(result: &RawValue) -> String {
    hex(&Sha256::digest(result.get().as_bytes()))
}

/// The part of the first line that all versions share.
#[derive(Deserialize)]
struct AnyHeader {
    kind: String,
    schema: u32,
}

/// A file of finished runs that is locked for this process.
#[derive(Debug)]
pub struct Checkpoint {
    path: PathBuf,
    writer: Mutex<Writer>,
    results: Vec<RunResult>,
    dropped: bool,
}

#[derive(Debug)]
struct Writer {
    file: File,
    /// The end of the last complete line.
    end: u64,
    synced: Instant,
}

impl Checkpoint {
    /// Opens a checkpoint, or starts one if there is no file or an empty one.
    ///
    /// # Errors
    /// When the file is of another kind, belongs to another simulation, is broken, or is in use by another process.
    pub fn open(path: &Path, identity: Identity, sweep: &Sweep) -> Result<Self, KeptError> {
        let file = pricing_files::open_or_create(path).map_err(|error| match error {
            FileError::NotPlain(_) => KeptError::Stranger { path: path.to_owned(), what: WHAT },
            error => KeptError::io(path, error),
        })?;
        file.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => KeptError::Busy(path.to_owned()),
            TryLockError::Error(error) => KeptError::io(path, error),
        })?;
        let header =
            Header { kind: KIND.to_owned(), schema: SCHEMA, digest: identity.digest(), runs: sweep.len(), identity };
        let begin = to_line(&header, path)?;
        let read = read(path, &file, &header, &begin, sweep)?;
        let mut writer = Writer { file, end: read.end, synced: Instant::now() };
        writer.cut().map_err(|error| KeptError::io(path, error))?;
        if read.end == 0 {
            writer.append(&begin).map_err(|error| unwritable(path, &error))?;
        }
        let results = read.results.into_values().collect();
        Ok(Self { path: path.to_owned(), writer: Mutex::new(writer), results, dropped: read.dropped })
    }

    /// The runs that were already finished, by index.
    #[must_use]
    pub fn results(&self) -> &[RunResult] {
        &self.results
    }

    /// Whether an incomplete last line was dropped.
    #[must_use]
    pub fn dropped(&self) -> bool {
        self.dropped
    }

    /// The path of the file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Adds a finished run.
    ///
    /// # Errors
    /// When it cannot be written. Earlier runs are still there.
    pub fn keep(&self, result: &RunResult) -> Result<(), KeptError> {
        let result = serde_json::value::to_raw_value(result).map_err(|error| KeptError::io(&self.path, error))?;
        let line = to_line(&Line { sha256: digest(&result), result }, &self.path)?;
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        writer.append(&line).map_err(|error| unwritable(&self.path, &error))
    }

    /// Syncs everything to the disk.
    ///
    /// # Errors
    /// When that fails.
    pub fn sync(&self) -> Result<(), KeptError> {
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        writer.file.sync_data().map_err(|error| unwritable(&self.path, &error))
    }
}

fn unwritable(path: &Path, error: &std::io::Error) -> KeptError {
    let what = "it cannot be written";
    KeptError::io(
        path,
        format_args!("{what}: {error}; the runs in it are safe: make room and run the same command again"),
    )
}

impl Writer {
    /// Appends a line, completely or not at all.
    fn append(&mut self, line: &[u8]) -> std::io::Result<()> {
        if let Err(error) = self.file.write_all(line) {
            // If the rest cannot be removed now, the next process drops it.
            let _ = self.cut();
            return Err(error);
        }
        self.end = self.end.saturating_add(u64::try_from(line.len()).unwrap_or(u64::MAX));
        if self.synced.elapsed() > SYNC_EVERY {
            self.file.sync_data()?;
            self.synced = Instant::now();
        }
        Ok(())
    }

    /// Truncates the file after the last complete line.
    fn cut(&mut self) -> std::io::Result<()> {
        if self.file.metadata()?.len() > self.end {
            self.file.set_len(self.end)?;
        }
        self.file.seek(SeekFrom::Start(self.end)).map(|_| ())
    }
}

/// The content of a checkpoint.
#[derive(Default)]
struct Read {
    results: BTreeMap<usize, RunResult>,
    end: u64,
    dropped: bool,
}

/// Reads a checkpoint up to the last complete line. An incomplete line in any other place is damage, and an error.
fn read(path: &Path, file: &File, header: &Header, begin: &[u8], sweep: &Sweep) -> Result<Read, KeptError> {
    let mut reader = BufReader::new(file);
    let mut found = Read::default();
    let mut line = Vec::new();
    let mut number: usize = 0;
    loop {
        line.clear();
        number = number.saturating_add(1);
        let length = reader.read_until(b'\n', &mut line).map_err(|error| KeptError::io(path, error))?;
        if length == 0 {
            return Ok(found);
        }
        let whole = line.ends_with(b"\n");
        if number == 1 {
            // The process that started the file may have been killed in the middle of the first line.
            if !whole && begin.starts_with(&line) {
                found.dropped = true;
                return Ok(found);
            }
            check_header(path, &line, header)?;
        } else if whole {
            add(path, number, &line, sweep, &mut found)?;
        } else {
            found.dropped = true;
            return Ok(found);
        }
        found.end = found.end.saturating_add(u64::try_from(length).unwrap_or(u64::MAX));
    }
}

fn check_header(path: &Path, line: &[u8], header: &Header) -> Result<(), KeptError> {
    let stranger = || KeptError::Stranger { path: path.to_owned(), what: WHAT };
    let any: AnyHeader = serde_json::from_slice(line).map_err(|_| stranger())?;
    if any.kind != KIND {
        return Err(stranger());
    }
    let differs = |differences| Err(KeptError::Differs { path: path.to_owned(), differences });
    if any.schema != SCHEMA {
        return differs(vec![format!("it has version {} of its format, and this program writes {SCHEMA}", any.schema)]);
    }
    let kept: Header = serde_json::from_slice(line).map_err(|error| KeptError::broken(path, 1, error))?;
    if kept.digest != header.digest || kept.runs != header.runs || kept.identity != header.identity {
        return differs(header.identity.differences(&kept.identity));
    }
    Ok(())
}

/// Adds the run of a line, after checking its checksum and its place in the sweep. A run that is there twice must be
/// the same both times.
fn add(path: &Path, number: usize, line: &[u8], sweep: &Sweep, found: &mut Read) -> Result<(), KeptError> {
    let hint = "delete the line or the file";
    let broken = |problem: String| KeptError::broken(path, number, format_args!("{problem}; {hint}"));
    let line: Line = serde_json::from_slice(line).map_err(|error| broken(error.to_string()))?;
    if digest(&line.result) != line.sha256 {
        return Err(broken("the line is not as it was written".to_owned()));
    }
    let result: RunResult = serde_json::from_str(line.result.get()).map_err(|error| broken(error.to_string()))?;
    let place = sweep.run(result.run).filter(|place| (place.cell, place.seed) == (result.cell, result.seed));
    let place = place.ok_or_else(|| broken("it is not a run of this sweep".to_owned()))?;
    match found.results.get(&place.run) {
        Some(known) if *known != result => Err(broken(format!("run {} is there twice and differs", place.run))),
        _ => {
            found.results.insert(place.run, result);
            Ok(())
        }
    }
}
