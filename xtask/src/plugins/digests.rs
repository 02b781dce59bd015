//! Records what the plugins in the repository were built from. A rebuild takes minutes and needs its own toolchain, so
//! a check rebuilds only after a change.
//!
//! The record is `built/digests.txt`, beside the plugins. Its first line is the digest of all sources: the kit, the WIT
//! package, the examples, and the code that builds them. The compiler is not part of it, because its output is compared
//! by behaviour and not by bytes.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::{EXAMPLES, Error, Example, Folders, read, write};
use crate::tools::hex;

const FILE: &str = "digests.txt";

/// The files and folders that plugins are built from, relative to the repository's root.
const SOURCES: [&str; 10] = [
    "examples-plugins/Cargo.toml",
    "examples-plugins/Cargo.lock",
    "examples-plugins/owner-specials",
    "examples-plugins/ratio-guard",
    "examples-plugins/utilisation",
    "pricing-guest/Cargo.toml",
    "pricing-guest/src",
    "pricing-host/wit",
    "xtask/src/plugins/c.rs",
    "xtask/src/plugins/rust.rs",
];

/// Returns whether the plugins in the repository were built from the current sources.
pub(super) fn are_current(folders: &Folders) -> Result<bool, Error> {
    let path = folders.built().join(FILE);
    if !path.exists() || !kept().all(|example| folders.built().join(example.file()).exists()) {
        return Ok(false);
    }
    Ok(read(&path)? == current(folders)?.into_bytes())
}

/// Records what the plugins in the repository were built from.
pub(super) fn record(folders: &Folders) -> Result<(), Error> {
    write(&folders.built().join(FILE), current(folders)?.as_bytes())
}

/// Returns the examples whose plugins are kept in the repository.
pub(super) fn kept() -> impl Iterator<Item = Example> {
    EXAMPLES.into_iter().filter(|example| !example.has_engine())
}

/// Computes the current record.
fn current(folders: &Folders) -> Result<String, Error> {
    let mut sources = Sha256::new();
    for source in SOURCES {
        for file in files(&folders.top.join(source))? {
            let name = file.strip_prefix(&folders.top).unwrap_or(&file);
            sources.update(name.to_string_lossy().as_bytes());
            sources.update([0]);
            sources.update(Sha256::digest(read(&file)?));
        }
    }
    let mut text = format!("{} sources\n", hex(&sources.finalize()));
    for example in kept() {
        let plugin = read(&folders.built().join(example.file()))?;
        let _ = writeln!(text, "{} {}", hex(&Sha256::digest(plugin)), example.file());
    }
    Ok(text)
}

/// Returns a file, or all files of a folder, sorted. Leaves out build output, and cases, which are run every time.
fn files(path: &Path) -> Result<Vec<PathBuf>, Error> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let failed = |error| Error::File { path: path.to_owned(), error };
    let mut entries = Vec::new();
    for entry in fs::read_dir(path).map_err(failed)? {
        entries.push(entry.map_err(failed)?.path());
    }
    entries.retain(|entry| !entry.ends_with("target") && !entry.ends_with("cases"));
    entries.sort();
    let mut all = Vec::new();
    for entry in entries {
        all.extend(files(&entry)?);
    }
    Ok(all)
}
