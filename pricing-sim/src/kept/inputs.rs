//! The files that a scenario names, with their digests.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::Path;

use pricing_market::history::{MANIFEST_FILE, ORDERS_FILE};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::KeptError;
use crate::files::Files;
use crate::scenario::{self, InputKind, ScenarioError};
use crate::stream::sdl_dir::ENDINGS;
use crate::sweep::Sweep;

/// The maximum depth of a bid log's folders.
const MAX_DEPTH: usize = 8;

/// A file or folder that a scenario names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// The name in the scenario.
    pub name: String,
    /// The file itself, or the files of the folder by path.
    pub files: Vec<InputFile>,
}

/// A file's digest and size.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputFile {
    /// Where it is in the folder; empty where the input is a file itself.
    pub path: String,
    /// Its SHA-256.
    pub sha256: String,
    /// How long it is.
    pub bytes: u64,
}

/// Everything that the cells of a sweep read, by name.
///
/// # Errors
/// When any of it cannot be read.
pub fn inputs(sweep: &Sweep, files: &Files) -> Result<Vec<Input>, KeptError> {
    let mut names = BTreeMap::new();
    for cell in &sweep.cells {
        let malformed = |problem| ScenarioError::Malformed { name: "scenario".to_owned(), problem };
        names.extend(scenario::inputs(&scenario::of_table(cell.table.clone()).map_err(malformed)?));
    }
    names.into_iter().map(|(name, kind)| read(name, kind, files)).collect()
}

fn read(name: String, kind: InputKind, files: &Files) -> Result<Input, KeptError> {
    let path = files.path(&name);
    let mut found = Vec::new();
    let failed = |error: std::io::Error| KeptError::Io { path: name.clone().into(), problem: error.to_string() };
    if path.is_dir() && kind != InputKind::File {
        let wanted = |name: &Path| match kind {
            InputKind::Sdls => {
                name.extension().and_then(|ending| ending.to_str()).is_some_and(|ending| ENDINGS.contains(&ending))
            }
            InputKind::History => name.to_str().is_some_and(|name| [MANIFEST_FILE, ORDERS_FILE].contains(&name)),
            _ => true,
        };
        let depth = match kind {
            InputKind::Sdls => 1,
            InputKind::History => 0,
            InputKind::File | InputKind::Log => MAX_DEPTH,
        };
        walk(&path, "", depth, &wanted, &mut found).map_err(failed)?;
    } else {
        found.push(describe(&path, String::new()).map_err(failed)?);
    }
    Ok(Input { name, files: found })
}

fn walk(
    folder: &Path,
    prefix: &str,
    depth: usize,
    wanted: &dyn Fn(&Path) -> bool,
    found: &mut Vec<InputFile>,
) -> std::io::Result<()> {
    let mut names: Vec<_> =
        fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.file_name())).collect::<Result<_, _>>()?;
    names.sort();
    for name in names {
        let path = folder.join(&name);
        let shown = name.to_str().ok_or_else(|| std::io::Error::other("a file's name is not UTF-8 text"))?;
        let shown = format!("{prefix}{shown}");
        let kind = fs::metadata(&path)?;
        if kind.is_dir() && depth > 0 {
            walk(&path, &format!("{shown}/"), depth.saturating_sub(1), wanted, found)?;
        } else if kind.is_file() && wanted(&path) {
            found.push(describe(&path, shown)?);
        }
    }
    Ok(())
}

/// Computes the digest and size of a file.
pub(super) fn describe(path: &Path, shown: String) -> std::io::Result<InputFile> {
    let mut file = pricing_files::open(path)?;
    let (mut digest, mut bytes) = (Sha256::new(), 0_u64);
    let mut buffer = vec![0; 1 << 16];
    loop {
        let read = file.read(&mut buffer)?;
        let Some(part) = buffer.get(..read).filter(|part| !part.is_empty()) else { break };
        digest.update(part);
        bytes = bytes.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
    }
    Ok(InputFile { path: shown, sha256: hex(&digest.finalize()), bytes })
}

/// Formats bytes in hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
