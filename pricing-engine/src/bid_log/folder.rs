//! The folder of a log. Only its owner has access, only one service uses it at a time, and the names of its files sort
//! by age.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::own_file::{OwnLock, own_file};

/// The mode bits of the group and of others.
const OPEN_TO_OTHERS: u32 = 0o077;
/// The lock file.
const LOCK: &str = "lock";
/// The folder of the objects.
pub(super) const OBJECTS: &str = "objects";

/// Why a folder cannot be used for a log.
#[derive(Debug, thiserror::Error)]
pub(super) enum FolderError {
    #[error("`{}`: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("`{}` {problem}", path.display())]
    Untrusted { path: PathBuf, problem: &'static str },
    #[error("another service writes to `{}`; give each its own folder", .0.display())]
    Busy(PathBuf),
}

/// A locked folder.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    _lock: OwnLock,
}

impl Folder {
    pub(super) fn open(path: &Path) -> Result<Self, FolderError> {
        // Rebuilding the path from its components drops a trailing slash, which would make the system follow a link.
        let path = path.components().as_path();
        own_folder(path)?;
        own_folder(&path.join(OBJECTS))?;
        let at = path.join(LOCK);
        let lock = OwnLock::take(&at).map_err(|source| FolderError::Io { path: at, source })?;
        let lock = lock.ok_or_else(|| FolderError::Busy(path.to_owned()))?;
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn file(&self, name: &FileName) -> PathBuf {
        self.path.join(name.to_string())
    }

    pub(super) fn objects(&self) -> PathBuf {
        self.path.join(OBJECTS)
    }

    /// Creates the folder of the objects if it is missing.
    pub(super) fn make_objects(&self) -> Result<(), FolderError> {
        let path = self.objects();
        match DirBuilder::new().mode(0o700).create(&path) {
            Err(source) if source.kind() != io::ErrorKind::AlreadyExists => Err(FolderError::Io { path, source }),
            _ => check(&path),
        }
    }

    /// Creates a new file.
    pub(super) fn create(&self, name: &FileName) -> io::Result<File> {
        own_file(&self.file(name), OpenOptions::new().append(true).read(true).create_new(true))
    }

    /// Opens an existing file to append to it.
    pub(super) fn reopen(&self, name: &FileName) -> io::Result<File> {
        own_file(&self.file(name), OpenOptions::new().append(true).read(true))
    }
}

fn own_folder(path: &Path) -> Result<(), FolderError> {
    let failed = |source: io::Error| FolderError::Io { path: path.to_owned(), source };
    match path.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed)?;
        }
        Err(error) => return Err(failed(error)),
        Ok(_) => {}
    }
    check(path)
}

/// Checks that an existing folder can be used for a log.
pub(super) fn check(path: &Path) -> Result<(), FolderError> {
    let untrusted = |problem| Err(FolderError::Untrusted { path: path.to_owned(), problem });
    let metadata = path.symlink_metadata().map_err(|source| FolderError::Io { path: path.to_owned(), source })?;
    if metadata.is_symlink() {
        return untrusted("is a symbolic link; name the folder itself");
    }
    if !metadata.is_dir() {
        return untrusted("is not a folder");
    }
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return untrusted("belongs to another user; name a folder of the service's own");
    }
    if metadata.mode() & OPEN_TO_OTHERS != 0 {
        return untrusted("can be read by others, and the log contains orders and prices; run `chmod 700` on it");
    }
    Ok(())
}

/// The name of a file: when it was created, and a number that only grows. Names sort by age, even if the clock was set
/// back.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct FileName {
    /// `20261121T131903Z`.
    time: String,
    number: u64,
}

impl FileName {
    /// Returns the name of the file after `last`. Its time is never earlier than that of `last`.
    pub(super) fn after(last: Option<&Self>, now: SystemTime) -> Self {
        let now: String = humantime::format_rfc3339_seconds(now).to_string();
        let now: String = now.chars().filter(|c| !matches!(c, '-' | ':')).collect();
        match last {
            None => Self { time: now, number: 1 },
            Some(last) => Self { time: now.max(last.time.clone()), number: last.number.saturating_add(1) },
        }
    }

    pub(super) fn parse(name: &str) -> Option<Self> {
        let (time, number) = name.strip_prefix("bids-")?.strip_suffix(".jsonl")?.split_once('-')?;
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let (day, clock) = time.strip_suffix('Z')?.split_once('T')?;
        let is_name = day.len() == 8 && clock.len() == 6 && number.len() >= 8;
        let is_name = is_name && digits(day) && digits(clock) && digits(number);
        is_name.then(|| Some(Self { time: time.to_owned(), number: number.parse().ok()? })).flatten()
    }

    /// Lists the log's files in a folder, oldest first.
    pub(super) fn list(folder: &Path) -> io::Result<Vec<Self>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(folder)? {
            names.extend(entry?.file_name().to_str().and_then(Self::parse));
        }
        names.sort_unstable();
        Ok(names)
    }
}

impl std::fmt::Display for FileName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "bids-{}-{:08}.jsonl", self.time, self.number)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    #[test]
    fn names_sort_by_age_although_the_clock_jumps_backwards() {
        let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
        let first = FileName::after(None, at(2_000_000_000));
        assert_eq!(first.to_string(), "bids-20330518T033320Z-00000001.jsonl");
        let second = FileName::after(Some(&first), at(1_000_000_000));
        let third = FileName::after(Some(&second), at(2_000_000_001));
        let names = [&first, &second, &third].map(ToString::to_string);
        assert!(names.is_sorted(), "{names:?}");
        assert_eq!(names.each_ref().map(|name| FileName::parse(name)), [Some(first), Some(second), Some(third)]);
    }

    #[test]
    fn other_files_are_not_the_logs() {
        for name in ["lock", "bids-.jsonl", "bids-20330518T033320Z-1.jsonl", "bids-20330518T033320Z-00000001.jsonl.gz"]
        {
            assert_eq!(FileName::parse(name), None, "{name}");
        }
    }
}
