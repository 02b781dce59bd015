//! A cache of what files were found to be, and of compiled plugins, in a folder that only its owner can write.
//!
//! A compiled plugin is machine code: what is loaded must be what this program wrote. Each entry carries a keyed digest
//! over its name and its bytes, and the key is a random file in the folder that nobody else can read. What does not
//! verify is removed and compiled again, never trusted. Any number of processes can share a cache: entries appear under
//! their names whole, or not at all.

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

/// What an entry starts with. The number is the format's.
const MAGIC: &[u8; 16] = b"bidprice-aot-02\n";
/// Bytes of the keyed digest, which follows.
const DIGEST_BYTES: usize = 32;
const HEADER_BYTES: usize = MAGIC.len() + DIGEST_BYTES;
/// Bytes of all entries together, unless it is set.
const CACHE_BYTES: u64 = 512 << 20;

type Keyed = Hmac<Sha256>;

/// Why a folder cannot be a cache.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// The folder cannot be made or opened.
    #[error("the cache folder `{}` cannot be used: {source}", path.display())]
    Io {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// Somebody else could write what would be run.
    #[error("the cache folder `{}` cannot be trusted: {problem}", path.display())]
    Untrusted {
        /// The folder.
        path: PathBuf,
        /// What is wrong with it, and what to do.
        problem: &'static str,
    },
}

/// What went wrong while an entry was written. The plugin runs all the same, and is compiled again next time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the compiled plugin was not kept in the cache: {0}")]
pub struct CacheWarning(String);

/// The name of an entry: a digest of everything that the artefact depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CacheKey(Digest);

impl CacheKey {
    /// The key of a file that is inspected and compiled for this engine: the rules and limits, the wasmtime version, its
    /// settings and the processor's features are in it.
    #[must_use]
    pub fn new(file: &Digest, engine: &Engine, class: SizeClass) -> Self {
        /// Takes what is hashed for a hash table into a cryptographic digest.
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
    /// Opens a folder as a cache; makes it when it is not there.
    ///
    /// # Errors
    /// When it cannot be made or opened, when it is a symbolic link, or when others own it or can write it.
    pub fn open(path: &Path) -> Result<Self, CacheError> {
        let folder = Folder::open(path)?;
        let key = key::Key::of(&folder, path)?;
        Ok(Self { folder, key, limit_bytes: CACHE_BYTES })
    }

    /// Sets how many bytes all entries together may have; 512 MiB otherwise.
    #[must_use]
    pub fn with_limit(mut self, bytes: u64) -> Self {
        self.limit_bytes = bytes;
        self
    }

    /// Whether the keyed digest is that of the bytes under this name.
    fn digest(&self, name: &str, payload: &[u8]) -> Keyed {
        let mut keyed = self.key.keyed();
        keyed.update(MAGIC);
        keyed.update(name.as_bytes());
        keyed.update(payload);
        keyed
    }

    /// The artefact of this key, when there is one that verifies. One that does not is removed.
    #[must_use]
    pub fn get(&self, key: &CacheKey) -> Option<Vec<u8>> {
        let name = key.file_name();
        let (mut file, size) = match self.folder.open_own(&name) {
            Ok(found) => found?,
            Err(error) => {
                // Without room to open it, what is there may be good.
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
            // So that what is used is not what is pruned. A folder that is read-only now is as good.
            let _ = folder::touch(&file);
        }
        payload
    }

    /// Keeps an artefact, and removes the oldest ones when there is too much.
    ///
    /// # Errors
    /// A warning: a full disk or a folder that is read-only now is no reason not to price.
    pub fn put(&self, key: &CacheKey, artefact: &[u8]) -> Result<(), CacheWarning> {
        let name = key.file_name();
        let bytes = u64::try_from(artefact.len()).unwrap_or(u64::MAX).saturating_add(HEADER_BYTES as u64);
        if bytes > self.limit_bytes {
            return Err(CacheWarning("it is larger than the cache may be".to_owned()));
        }
        let digest = self.digest(&name, artefact).finalize().into_bytes();
        // Not synced: what a crash leaves half-written does not verify.
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
