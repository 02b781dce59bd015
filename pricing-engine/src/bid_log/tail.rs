//! The file that is being written. It has complete lines only.

use std::collections::BTreeSet;
use std::fs::{File, Metadata};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

use super::folder::FileName;
use crate::digest::Digest;

/// The current file of the log.
#[derive(Debug)]
pub(super) struct Tail {
    pub(super) name: FileName,
    file: Arc<File>,
    /// The bytes of complete lines.
    length: u64,
    /// The bytes of the objects that the lines name.
    named_bytes: u64,
    /// The objects that the lines name.
    pub(super) names: BTreeSet<Digest>,
    /// Whether `names` is complete. The files of earlier runs are scanned in the background.
    pub(super) scanned: bool,
    /// Whether an incomplete last line could not be removed.
    broken: bool,
    /// Whether lines were written that are not synced yet.
    pub(super) dirty: bool,
}

impl Tail {
    pub(super) fn new(name: FileName, file: File, length: u64) -> Self {
        let names = BTreeSet::new();
        Self {
            name,
            file: Arc::new(file),
            length,
            named_bytes: 0,
            names,
            scanned: length == 0,
            broken: false,
            dirty: false,
        }
    }

    pub(super) fn file(&self) -> Arc<File> {
        Arc::clone(&self.file)
    }

    /// Returns the bytes of the lines and of the objects that they name.
    pub(super) fn size(&self) -> u64 {
        self.length.saturating_add(self.named_bytes)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Records an object that a line names which is about to be written.
    pub(super) fn name(&mut self, digest: Digest, bytes: u64) {
        if self.names.insert(digest) {
            self.named_bytes = self.named_bytes.saturating_add(bytes);
        }
    }

    /// Returns whether the file can no longer be used: it was removed or renamed, or has an incomplete line that could
    /// not be removed.
    pub(super) fn is_over(&self, path: &Path) -> bool {
        let identity = |found: Metadata| (found.dev(), found.ino());
        let elsewhere = match path.symlink_metadata() {
            Ok(there) => self.file.metadata().is_ok_and(|own| identity(own) != identity(there)),
            Err(error) => matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory),
        };
        self.broken || elsewhere
    }

    /// Appends complete lines: all of them or none.
    pub(super) fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        if lines.is_empty() {
            return Ok(());
        }
        match (&*self.file).write_all(lines) {
            Ok(()) => {
                self.length = self.length.saturating_add(u64::try_from(lines.len()).unwrap_or(0));
                self.dirty = true;
                Ok(())
            }
            Err(error) => {
                self.cut();
                Err(error)
            }
        }
    }

    /// Removes the lines of a write that failed half-way.
    fn cut(&mut self) {
        let longer = self.file.metadata().map(|metadata| metadata.len() > self.length);
        self.broken = match longer {
            Ok(true) => self.file.set_len(self.length).is_err(),
            Ok(false) => false,
            Err(_) => true,
        };
    }
}
