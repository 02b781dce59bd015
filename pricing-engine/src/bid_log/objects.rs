//! The objects that lines name by digest: rate cards, snapshots, plugins and long orders. Each is stored once, as
//! `sha256-<digest>`: content-addressed storage.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

use crate::digest::Digest;

/// The prefix of an object's file name.
const PREFIX: &str = "sha256-";
/// The suffix of a compressed object.
const COMPRESSED: &str = ".gz";
/// The suffix of an object that is being written.
const TEMPORARY: &str = ".tmp";
/// The most bytes of an object that are read. Every valid input and plugin is smaller.
const MAX_BYTES: u64 = 256 << 20;

/// An object that a line names.
#[derive(Clone, Debug)]
pub(super) struct Object {
    pub(super) digest: Digest,
    pub(super) content: Content,
    /// Whether it counts towards the size of the file that names it. This is so for snapshots and orders, which are
    /// many.
    pub(super) counts: bool,
}

/// The content of an object, which is shared and not copied.
#[derive(Clone, Debug)]
pub(super) enum Content {
    Text(Arc<str>),
    /// Stored without compression: plugins are few and may be large.
    Bytes(Arc<[u8]>),
}

impl Content {
    /// Returns the memory that it takes while it is in the queue. A plugin's file is in memory anyway.
    pub(super) fn memory(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Bytes(_) => 0,
        }
    }
}

/// Why an object cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ObjectError {
    /// It is not stored.
    #[error("`{0}` is not among the log's objects")]
    Missing(Digest),
    /// It cannot be read, or its content does not match its digest.
    #[error("`{digest}` is damaged: {problem}")]
    Damaged {
        /// The object.
        digest: Digest,
        /// What is wrong.
        problem: String,
    },
}

/// The metadata of a folder of objects, by which a change is noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    identity: (u64, u64),
    changed: (i64, i64),
}

/// A folder of objects.
#[derive(Clone, Debug)]
pub struct Objects {
    folder: PathBuf,
}

impl Objects {
    /// Uses the objects in a folder, which need not exist.
    #[must_use]
    pub fn of(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// Returns the bytes of an object, after checking them against its digest.
    ///
    /// # Errors
    /// When it is missing or damaged.
    pub fn get(&self, digest: Digest) -> Result<Vec<u8>, ObjectError> {
        let damaged = |problem: String| ObjectError::Damaged { digest, problem };
        let read = |name: &str| match pricing_files::open(&self.folder.join(name)) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(damaged(error.to_string())),
        };
        let plain = name(digest, false);
        let bytes = match read(&format!("{plain}{COMPRESSED}"))? {
            Some(file) => read_bounded(GzDecoder::new(file)),
            None => match read(&plain)? {
                Some(file) => read_bounded(file),
                None => return Err(ObjectError::Missing(digest)),
            },
        };
        let bytes = bytes.map_err(|error| damaged(error.to_string()))?;
        if Digest::of(&bytes) == digest { Ok(bytes) } else { Err(damaged("its bytes have another digest".to_owned())) }
    }

    /// Returns the text of an object.
    ///
    /// # Errors
    /// The same as [`Self::get`], or when it is not text.
    pub fn text(&self, digest: Digest) -> Result<String, ObjectError> {
        let damaged = |_| ObjectError::Damaged { digest, problem: "it is not UTF-8 text".to_owned() };
        String::from_utf8(self.get(digest)?).map_err(damaged)
    }

    /// Stores an object, unless it is already stored undamaged. Returns its size on the disk, and its file if it was
    /// written. With `sync`, it is on the disk before this returns.
    pub(super) fn put(&self, object: &Object, sync: bool) -> io::Result<(u64, Option<File>)> {
        let compressed = matches!(object.content, Content::Text(_));
        let path = self.folder.join(name(object.digest, compressed));
        if self.get(object.digest).is_ok() {
            return Ok((path.metadata().map_or(0, |metadata| metadata.len()), None));
        }
        let temporary = self.folder.join(name(object.digest, false) + TEMPORARY);
        let written = write(&temporary, &object.content).and_then(|file| {
            if sync {
                file.sync_all()?;
            }
            std::fs::rename(&temporary, &path)?;
            if sync {
                File::open(&self.folder)?.sync_all()?;
            }
            Ok((file.metadata()?.len(), Some(file)))
        });
        if written.is_err() {
            // A leftover does no harm: the next attempt replaces it.
            let _ = std::fs::remove_file(&temporary);
        }
        written
    }

    /// Returns whether an object exists, without reading it.
    pub(super) fn has(&self, digest: Digest) -> bool {
        let is_file =
            |compressed| self.folder.join(name(digest, compressed)).metadata().is_ok_and(|found| found.is_file());
        is_file(true) || is_file(false)
    }

    /// Returns the stamp of the folder, which changes when objects are added or removed.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub(super) fn stamp(&self) -> io::Result<Stamp> {
        let found = self.folder.symlink_metadata()?;
        Ok(Stamp { identity: (found.dev(), found.ino()), changed: (found.mtime(), found.mtime_nsec()) })
    }

    /// Removes the objects that are not to stay, and those that were never completely written.
    pub(super) fn retain(&self, stays: impl Fn(Digest) -> bool) {
        let Ok(folder) = std::fs::read_dir(&self.folder) else { return };
        for entry in folder.flatten() {
            let name = entry.file_name();
            let Some(name) = name.to_str() else { continue };
            let left_over = name.starts_with(PREFIX) && name.ends_with(TEMPORARY);
            if left_over || digest_of(name).is_some_and(|digest| !stays(digest)) {
                // If this fails, it is tried again when the next file is started.
                let _ = std::fs::remove_file(entry.path());
            }
        }
    }
}

fn name(digest: Digest, compressed: bool) -> String {
    format!("{PREFIX}{}{}", digest.hex(), if compressed { COMPRESSED } else { "" })
}

fn digest_of(name: &str) -> Option<Digest> {
    let hex = name.strip_prefix(PREFIX)?;
    Digest::from_hex(hex.strip_suffix(COMPRESSED).unwrap_or(hex).as_bytes())
}

fn write(path: &Path, content: &Content) -> io::Result<File> {
    let new = || OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let mut file = match new() {
        // The leftover of a run that was killed. It may be anything, so it is replaced and not written to.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            std::fs::remove_file(path)?;
            new()?
        }
        made => made?,
    };
    match content {
        Content::Bytes(bytes) => file.write_all(bytes)?,
        Content::Text(text) => {
            let mut encoder = GzEncoder::new(file, Compression::fast());
            encoder.write_all(text.as_bytes())?;
            file = encoder.finish()?;
        }
    }
    Ok(file)
}

fn read_bounded(from: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(MAX_BYTES.saturating_add(1)).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length <= MAX_BYTES) {
        return Ok(bytes);
    }
    Err(io::Error::new(io::ErrorKind::InvalidData, format!("it has more than {MAX_BYTES} bytes")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Object {
        Object { digest: Digest::of(text), content: Content::Text(text.into()), counts: true }
    }

    #[test]
    fn an_object_is_kept_once_and_a_damaged_one_is_written_anew() {
        let folder = tempfile::tempdir().unwrap();
        let objects = Objects::of(folder.path());
        let object = text("a snapshot");
        assert_eq!(objects.get(object.digest), Err(ObjectError::Missing(object.digest)));
        assert!(objects.put(&object, true).unwrap().1.is_some());
        assert!(objects.put(&object, false).unwrap().1.is_none());
        assert_eq!(objects.text(object.digest).unwrap(), "a snapshot");
        let file = folder.path().join(name(object.digest, true));
        std::fs::write(&file, "").unwrap();
        assert!(matches!(objects.get(object.digest), Err(ObjectError::Damaged { .. })));
        assert!(objects.put(&object, false).unwrap().1.is_some());
        assert_eq!(objects.text(object.digest).unwrap(), "a snapshot");
    }

    #[test]
    fn only_what_is_named_stays() {
        let folder = tempfile::tempdir().unwrap();
        let objects = Objects::of(folder.path());
        let (kept, other) = (text("kept"), text("other"));
        for object in [&kept, &other] {
            objects.put(object, false).unwrap();
        }
        std::fs::write(folder.path().join("sha256-00.tmp"), "half").unwrap();
        std::fs::write(folder.path().join("not ours"), "").unwrap();
        objects.retain(|digest| digest == kept.digest);
        assert!(objects.get(kept.digest).is_ok());
        assert_eq!(objects.get(other.digest), Err(ObjectError::Missing(other.digest)));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    }
}
