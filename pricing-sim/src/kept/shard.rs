//! The results of a shard, and how those of all shards are merged.
//!
//! A shard's file consists of lines: a header that says which shard of which plan it is, its runs, and a last line that
//! proves it complete. It is written at the end and at once, so a shard that was killed leaves nothing behind.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::inputs::hex;
use super::{KeptError, Loaded, SCHEMA, VERSION, to_line, write_whole};
use crate::result::RunResult;
use pricing_core::text::counted;

/// The name of the file's kind in messages.
const WHAT: &str = "result of `bidprice simulate run`";
/// The kind of file, as in its first line.
const KIND: &str = "bidprice simulate shard";
/// The most shards that a message names.
const MOST_NAMED: usize = 10;

/// The first line of a file: which part of a plan it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    kind: String,
    schema: u32,
    version: String,
    digest: String,
    /// The shard's number, from 0.
    pub shard: usize,
    /// How many shards there are.
    pub shards: usize,
    /// Its first run.
    pub from: usize,
    /// The run after its last one.
    pub to: usize,
}

/// The last line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct End {
    runs: usize,
    sha256: String,
}

/// Writes the results of a shard, completely or not at all.
///
/// # Errors
/// When the file cannot be written.
pub fn write_part(
    path: &Path,
    loaded: &Loaded,
    (shard, shards): (usize, usize),
    results: &[RunResult],
) -> Result<(), KeptError> {
    let Range { start, end } = loaded.plan.range(shard, shards)?;
    if !results.iter().map(|result| result.run).eq(start..end) {
        return Err(KeptError::Unusable(format!("shard {shard} of {shards} does not have all of its runs")));
    }
    let part = Part {
        kind: KIND.to_owned(),
        schema: SCHEMA,
        version: VERSION.to_owned(),
        digest: loaded.plan.digest.clone(),
        shard,
        shards,
        from: start,
        to: end,
    };
    let lines: Vec<Vec<u8>> = std::iter::once(to_line(&part, path))
        .chain(results.iter().map(|result| to_line(result, path)))
        .collect::<Result<_, _>>()?;
    let mut digest = Sha256::new();
    lines.iter().for_each(|line| digest.update(line));
    let end = to_line(&End { runs: results.len(), sha256: hex(&digest.finalize()) }, path)?;
    write_whole(path, |file| lines.iter().chain([&end]).try_for_each(|line| file.write_all(line)))
}

/// Merges the results of all shards of a plan, by run.
///
/// # Errors
/// When a shard is missing, duplicated, incomplete or of another plan. The error names its file.
pub fn merge(loaded: &Loaded, paths: &[PathBuf]) -> Result<Vec<RunResult>, KeptError> {
    let mut known: BTreeMap<usize, &PathBuf> = BTreeMap::new();
    let mut results = BTreeMap::new();
    let mut shards: Option<(usize, &PathBuf)> = None;
    for path in paths {
        let (part, runs) = read_part(path, loaded)?;
        if let Some((shards, first)) = shards.filter(|(shards, _)| *shards != part.shards) {
            return Err(KeptError::Unusable(format!(
                "`{}` is one of {} shards and `{}` one of {shards}: give the files of one split",
                path.display(),
                part.shards,
                first.display(),
            )));
        }
        shards = Some((part.shards, path));
        if let Some(first) = known.insert(part.shard, path) {
            let (first, path) = (first.display(), path.display());
            return Err(KeptError::Unusable(format!("shard {} is there twice: `{first}` and `{path}`", part.shard)));
        }
        results.extend(runs.into_iter().map(|result| (result.run, result)));
    }
    let count = shards.map_or(0, |(shards, _)| shards);
    let missing: Vec<usize> = (0..count).filter(|shard| !known.contains_key(shard)).collect();
    if !missing.is_empty() {
        let mut named: Vec<String> = missing.iter().take(MOST_NAMED).map(usize::to_string).collect();
        if missing.len() > named.len() {
            named.push(format!("{} more", missing.len().saturating_sub(named.len())));
        }
        return Err(KeptError::Unusable(format!("of {count} shards these are missing: {}", named.join(", "))));
    }
    if results.len() != loaded.plan.runs {
        let (found, runs) = (results.len(), loaded.plan.runs);
        return Err(KeptError::Unusable(format!("the shards have {found} of {}", counted(runs, "run"))));
    }
    Ok(results.into_values().collect())
}

/// Reads a shard's file. Every run must be at its place, and the last line must match the number of runs and the digest
/// of all lines before it.
fn read_part(path: &Path, loaded: &Loaded) -> Result<(Part, Vec<RunResult>), KeptError> {
    let stranger = || KeptError::Stranger { path: path.to_owned(), what: WHAT };
    let mut reader = BufReader::new(pricing_files::open(path).map_err(|error| KeptError::io(path, error))?);
    let mut line = Vec::new();
    let mut next = |line: &mut Vec<u8>| {
        line.clear();
        reader.read_until(b'\n', line).map_err(|error| KeptError::io(path, error))
    };
    next(&mut line)?;
    let part: Part = serde_json::from_slice(&line).map_err(|_| stranger())?;
    check_part(path, &part, loaded)?;
    let mut digest = Sha256::new();
    digest.update(&line);
    let mut results = Vec::new();
    let count = part.to.saturating_sub(part.from);
    let torn = || KeptError::Io {
        path: path.to_owned(),
        problem: format!("the file is not complete; run shard {} of {} again", part.shard, part.shards),
    };
    for run in part.from..part.to {
        next(&mut line)?;
        let result: RunResult = serde_json::from_slice(&line).map_err(|_| torn())?;
        let place = loaded.sweep.run(run).filter(|place| (place.cell, place.seed) == (result.cell, result.seed));
        if result.run != run || place.is_none() {
            return Err(torn());
        }
        digest.update(&line);
        results.push(result);
    }
    next(&mut line)?;
    let end: End = serde_json::from_slice(&line).map_err(|_| torn())?;
    let more = next(&mut line)? > 0;
    if more || end.runs != count || end.sha256 != hex(&digest.finalize()) {
        return Err(torn());
    }
    Ok((part, results))
}

fn check_part(path: &Path, part: &Part, loaded: &Loaded) -> Result<(), KeptError> {
    if part.kind != KIND {
        return Err(KeptError::Stranger { path: path.to_owned(), what: WHAT });
    }
    let mut differences = Vec::new();
    if part.version != VERSION || part.schema != SCHEMA {
        differences.push(format!("it was written by version {}, and this is {VERSION}", part.version));
    }
    if part.digest != loaded.plan.digest {
        differences.push("it was run from another plan, or from one with other files".to_owned());
    }
    if loaded.plan.range(part.shard, part.shards).ok() != Some(part.from..part.to) {
        differences.push("its runs are not those of its shard".to_owned());
    }
    if differences.is_empty() {
        return Ok(());
    }
    Err(KeptError::Differs { path: path.to_owned(), differences })
}
