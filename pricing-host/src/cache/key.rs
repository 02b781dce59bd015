//! The secret key that authenticates entries: a file in the folder, which is created once.

use core::fmt;
use std::io::{self, Read, Write};
use std::path::Path;

use hmac::KeyInit;

use super::folder::{Folder, random};
use super::{CacheError, Keyed};

const NAME: &str = "key";
const BYTES: usize = 32;
/// The permission bits that a key must not have.
const OPEN_TO_OTHERS: u32 = 0o077;

/// The block size of the digest, in bytes. HMAC pads a shorter key with zeros.
const BLOCK_BYTES: usize = 64;

/// The key of a cache.
pub(super) struct Key([u8; BLOCK_BYTES]);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key")
    }
}

impl Key {
    /// Reads the folder's key, or creates one.
    ///
    /// Processes may do so at the same time. The first file stays, and each of them then reads it, so that all agree. A
    /// key that others could read would let them forge entries of the cache.
    pub(super) fn of(folder: &Folder, path: &Path) -> Result<Self, CacheError> {
        let failed = |source: io::Error| CacheError::Io { path: path.to_owned(), source };
        let bad = |problem| CacheError::Untrusted { path: path.to_owned(), problem };
        let file = match folder.open_with_mode(NAME, OPEN_TO_OTHERS) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let fresh = random::<BYTES>().map_err(failed)?;
                let write = |file: &mut std::fs::File| {
                    file.write_all(&fresh)?;
                    file.sync_all()
                };
                folder.write_first(NAME, write).map_err(failed)?;
                folder.open_with_mode(NAME, OPEN_TO_OTHERS)
            }
            other => other,
        };
        let (mut file, size) =
            file.map_err(|_| bad("its file `key` is not an ordinary file that only you can read; remove the folder"))?;
        let mut key = [0; BYTES];
        if size != BYTES as u64 || file.read_exact(&mut key).is_err() {
            return Err(bad("its file `key` is damaged; remove the folder"));
        }
        let mut block = [0; BLOCK_BYTES];
        block.iter_mut().zip(key).for_each(|(slot, byte)| *slot = byte);
        Ok(Self(block))
    }

    /// An HMAC with this key.
    pub(super) fn keyed(&self) -> Keyed {
        Keyed::new(&self.0.into())
    }
}
