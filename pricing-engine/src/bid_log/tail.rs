//! The file that is being written: whole lines, and nothing behind the last of them.

use std::collections::BTreeSet;
use std::fs::{File, Metadata};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

use super::folder::FileName;
use crate::digest::Digest;

/// A file and what is in it.
#[derive(Debug)]
pub(super) struct Tail {
    pub(super) name: FileName,
    file: Arc<File>,
    /// Bytes of whole lines.
    length: u64,
    /// Bytes of what the lines name.
    named_bytes: u64,
    /// What the lines name.
    pub(super) names: BTreeSet<Digest>,
    /// Whether these are all: an earlier run's lines are looked through in the background.
    pub(super) scanned: bool,
    /// Whether what stands behind the last whole line could not be cut off.
    broken: bool,
    /// Whether lines were written that may not survive a power cut.
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

    /// Bytes of lines, and of what they name.
    pub(super) fn size(&self) -> u64 {
        self.length.saturating_add(self.named_bytes)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Notes what lines name that are about to be written.
    pub(super) fn name(&mut self, digest: Digest, bytes: u64) {
        if self.names.insert(digest) {
            self.named_bytes = self.named_bytes.saturating_add(bytes);
        }
    }

    /// Whether nothing more can be written: it was removed or renamed, or has a cut line that could not be taken off.
    pub(super) fn is_over(&self, path: &Path) -> bool {
        let identity = |found: Metadata| (found.dev(), found.ino());
        let elsewhere = match path.symlink_metadata() {
            Ok(there) => self.file.metadata().is_ok_and(|own| identity(own) != identity(there)),
            Err(error) => matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory),
        };
        self.broken || elsewhere
    }

    /// Appends whole lines: all of them or none.
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

    /// Cuts off what was written of lines that did not fit.
    fn cut(&mut self) {
        let longer = self.file.metadata().map(|metadata| metadata.len() > self.length);
        self.broken = match longer {
            Ok(true) => self.file.set_len(self.length).is_err(),
            Ok(false) => false,
            Err(_) => true,
        };
    }
}
