//! A cache of verdicts on files and of compiled plugins, in a folder that only its owner can write to.
//!
//! A compiled plugin is machine code, so nothing may be loaded that this program did not write. Each entry carries an
//! HMAC over its name and its bytes, and the key is a random file in the folder that only the owner can read. An entry
//! that does not verify is removed and compiled again, never trusted. Any number of processes can share a cache:
//! entries appear under their names completely or not at all.

mod folder;
mod key;
mod prune;

use std::hash::{Hash, Hasher};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use hmac::{Hmac, Mac};
use rustix::io::Errno;
use sha2::{Digest as _, Sha256};
use wasmtime::Engine;

use crate::SizeClass;
use crate::inspect::{Digest, RULES};

use folder::Folder;

/// The magic bytes of an entry, with the version of the format.
const MAGIC: &[u8; 16] = b"bidprice-aot-02\n";
/// The size of the HMAC, which follows, in bytes.
const DIGEST_BYTES: usize = 32;
const HEADER_BYTES: usize = MAGIC.len() + DIGEST_BYTES;
/// The default limit for the size of all entries, in bytes.
const CACHE_BYTES: u64 = 512 << 20;

type Keyed = Hmac<Sha256>;

/// Why a folder cannot be a cache.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// The folder cannot be created or opened.
    #[error("the cache folder `{}` cannot be used: {source}", path.display())]
    Io {
        /// The folder.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// Other users could write code that would be executed.
    #[error("the cache folder `{}` cannot be trusted: {problem}", path.display())]
    Untrusted {
        /// The folder.
        path: PathBuf,
        /// What is wrong with it, and what to do about it.
        problem: &'static str,
    },
}

/// What went wrong while an entry was written. The plugin still runs, and is compiled again next time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the compiled plugin was not written to the cache: {0}")]
pub struct CacheWarning(String);

/// The key of an entry: a digest of everything that the artefact depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CacheKey(Digest);

impl CacheKey {
    /// The key for a file and an engine. It covers the inspection rules and limits, the wasmtime version, its settings,
    /// and the processor's features.
    #[must_use]
    pub fn new(file: &Digest, engine: &Engine, class: SizeClass) -> Self {
        /// Adapts `Hash`, which is meant for hash tables, to a cryptographic digest.
        struct Into(Sha256);
        impl Hasher for Into {
            fn write(&mut self, bytes: &[u8]) {
                self.0.update(bytes);
            }
            fn finish(&self) -> u64 {
                0
            }
        }
        let mut hasher = Into(Sha256::new());
        hasher.0.update(file.as_bytes());
        (class.name(), class.load_limits(), RULES, env!("CARGO_PKG_VERSION")).hash(&mut hasher);
        engine.precompile_compatibility_hash().hash(&mut hasher);
        Self(Digest::from_bytes(hasher.0.finalize().into()))
    }

    /// The name of the entry's file.
    fn file_name(&self) -> String {
        let digest = self.0.to_string();
        format!("{}{}", digest.trim_start_matches("sha256:"), prune::ENTRY_ENDING)
    }
}

/// A folder of compiled plugins.
#[derive(Debug)]
pub struct Cache {
    folder: Folder,
    key: key::Key,
    limit_bytes: u64,
}

impl Cache {
    /// Opens a folder as a cache, creating it if it does not exist.
    ///
    /// # Errors
    /// When it cannot be created or opened, is a symbolic link, or other users own it or can write to it.
    pub fn open(path: &Path) -> Result<Self, CacheError> {
        let folder = Folder::open(path)?;
        let key = key::Key::of(&folder, path)?;
        Ok(Self { folder, key, limit_bytes: CACHE_BYTES })
    }

    /// Sets the limit for the size of all entries, in bytes; 512 MiB by default.
    #[must_use]
    pub fn with_limit(mut self, bytes: u64) -> Self {
        self.limit_bytes = bytes;
        self
    }

    /// The HMAC of the bytes under this name.
    fn digest(&self, name: &str, payload: &[u8]) -> Keyed {
        let mut keyed = self.key.keyed();
        keyed.update(MAGIC);
        keyed.update(name.as_bytes());
        keyed.update(payload);
        keyed
    }

    /// The artefact for this key, if there is one that verifies. One that does not verify is removed.
    ///
    /// A compiled artefact is executed without further checks, so nothing of an entry is used before its HMAC is verified.
    /// The HMAC covers the name too, so an entry cannot be passed off as another.
    #[must_use]
    pub fn get(&self, key: &CacheKey) -> Option<Vec<u8>> {
        let name = key.file_name();
        let (mut file, size) = match self.folder.open_own(&name) {
            Ok(found) => found?,
            Err(error) => {
                // If it cannot be opened for lack of resources, the entry itself may be fine.
                let is_foreign = error.kind() == ErrorKind::PermissionDenied
                    || error.raw_os_error() == Some(Errno::LOOP.raw_os_error());
                if is_foreign {
                    self.folder.remove(&name);
                }
                return None;
            }
        };
        let mut read = || {
            let payload_bytes = size.checked_sub(HEADER_BYTES as u64).filter(|_| size <= self.limit_bytes)?;
            let mut header = [0; HEADER_BYTES];
            file.read_exact(&mut header).ok()?;
            let (magic, digest) = header.split_first_chunk::<{ MAGIC.len() }>()?;
            let mut payload = Vec::with_capacity(usize::try_from(payload_bytes).ok()?);
            (&mut file).take(payload_bytes).read_to_end(&mut payload).ok()?;
            (magic == MAGIC).then_some(())?;
            self.digest(&name, &payload).verify_slice(digest).ok()?;
            Some(payload)
        };
        let payload = read();
        if payload.is_none() {
            self.folder.remove(&name);
        } else {
            // Marks the entry as used, so that it is not pruned. It does not matter if the folder has become read-only.
            let _ = folder::touch(&file);
        }
        payload
    }

    /// Stores an artefact, and removes the least recently used ones if there are too many bytes.
    ///
    /// # Errors
    /// A warning. A full disk, or a folder that has become read-only, is no reason not to price.
    pub fn put(&self, key: &CacheKey, artefact: &[u8]) -> Result<(), CacheWarning> {
        let name = key.file_name();
        let bytes = u64::try_from(artefact.len()).unwrap_or(u64::MAX).saturating_add(HEADER_BYTES as u64);
        if bytes > self.limit_bytes {
            return Err(CacheWarning("it is larger than the cache may be".to_owned()));
        }
        let digest = self.digest(&name, artefact).finalize().into_bytes();
        // Not synced: an entry that a crash leaves incomplete does not verify.
        self.folder
            .write_whole(&name, |file| {
                file.write_all(MAGIC)?;
                file.write_all(&digest)?;
                file.write_all(artefact)
            })
            .map_err(|error| CacheWarning(error.to_string()))?;
        prune::prune(&self.folder, self.limit_bytes, &name);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
