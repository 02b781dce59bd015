//! What the plugins in the repository were built from: a rebuild takes minutes and a toolchain of its own, so a check
//! builds again only what changed since.
//!
//! The file `built/digests.txt` is written beside the plugins. Its first line is the digest of all sources: the kit, the
//! WIT package, the examples, and the code that builds them. The compiler is not part of it, because what it makes is
//! compared by behaviour and not by bytes.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::{EXAMPLES, Error, Example, Folders, read, write};

const FILE: &str = "digests.txt";

/// Files and folders that a plugin is built from, from the top of the repository.
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

/// Whether the plugins in the repository are those that these sources were built to.
pub(super) fn are_current(folders: &Folders) -> Result<bool, Error> {
    let path = folders.built().join(FILE);
    if !path.exists() || !kept().all(|example| folders.built().join(example.file()).exists()) {
        return Ok(false);
    }
    Ok(read(&path)? == current(folders)?.into_bytes())
}

/// Writes down what the plugins in the repository were built from.
pub(super) fn record(folders: &Folders) -> Result<(), Error> {
    write(&folders.built().join(FILE), current(folders)?.as_bytes())
}

/// The examples whose plugins are in the repository.
pub(super) fn kept() -> impl Iterator<Item = Example> {
    EXAMPLES.into_iter().filter(|example| !example.has_engine())
}

/// The digests as they are now.
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

/// A file, or every file of a folder, in order, but for what builds leave behind and for cases, which are run each time.
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

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
