//! Follows a file that another program rewrites.
//!
//! The file is polled once a second, and read when it was replaced or changed. Its age is the time since its last
//! change. A change that is up to [`FORGIVEN`] in the future counts as now; a later one is an error. The age is computed
//! once, when the file is read, so that a clock that jumps later does not affect it.

use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use pricing_files::FileError;
use tokio::time::sleep;

use super::super::accepted::{MAX_BYTES, Refusal};
use super::super::plan::Pace;
use super::SnapshotSink;
use crate::clock::FORGIVEN;
use crate::digest::Digest;

/// A file whose change was seen this recently may have changed again within the resolution of its times.
const UNSETTLED: Duration = Duration::from_secs(2);

/// The metadata by which a change is noticed without reading the file.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    length: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            length: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

/// The result of polling a file.
#[derive(Debug)]
enum Look {
    /// It has not changed.
    Same,
    /// It changed while it was read.
    Busy,
    /// Its content.
    Read { stamp: Stamp, age: Duration, text: Result<String, Refusal> },
}

/// The last content that was read.
#[derive(Debug)]
struct Seen {
    stamp: Stamp,
    /// When the stamp was first seen. The file's own times may come from another clock.
    since: Instant,
    /// `None` if the content is not text.
    digest: Option<Digest>,
}

impl Seen {
    /// Returns the stamp, once it is old enough that a further change would show in it.
    fn settled(&self) -> Option<Stamp> {
        (self.since.elapsed() >= UNSETTLED).then(|| self.stamp.clone())
    }
}

/// Follows a file until the future is dropped.
pub(super) async fn follow(path: PathBuf, pace: Pace, sink: SnapshotSink) {
    let mut last: Option<Seen> = None;
    loop {
        let (file, known) = (path.clone(), last.as_ref().and_then(Seen::settled));
        let looked = tokio::task::spawn_blocking(move || look(&file, known.as_ref(), SystemTime::now())).await;
        match looked {
            Ok(Ok(Look::Same | Look::Busy)) => {}
            Ok(Ok(Look::Read { stamp, age, text })) => {
                let digest = text.as_ref().ok().map(Digest::of);
                let before = last.take().filter(|seen| seen.stamp == stamp);
                // The same content with the same times is not a new snapshot: the age of the accepted one stays.
                if before.as_ref().is_none_or(|seen| seen.digest != digest) {
                    sink.opened();
                    let snapshot = sink.accept(move || text).await;
                    sink.take(snapshot, age);
                }
                last = Some(Seen { stamp, since: before.map_or_else(Instant::now, |seen| seen.since), digest });
            }
            Ok(Err(error)) => {
                sink.lost(&format!("it cannot be read: {error}"));
                last = None;
            }
            Err(error) => sink.lost(&format!("it cannot be read: {error}")),
        }
        sleep(pace.look).await;
    }
}

/// Polls a file, and reads it unless it is unchanged. The metadata is read before and after the content, so that a file
/// that is being written is not used.
fn look(path: &Path, last: Option<&Stamp>, now: SystemTime) -> io::Result<Look> {
    if last.is_some() && fs::metadata(path).map(|metadata| Stamp::of(&metadata)).ok().as_ref() == last {
        return Ok(Look::Same);
    }
    let file = pricing_files::open(path)?;
    let before = file.metadata()?;
    let text = read(&file)?;
    let after = file.metadata()?;
    let stamp = Stamp::of(&after);
    if stamp != Stamp::of(&before) {
        return Ok(Look::Busy);
    }
    let age = match now.duration_since(after.modified()?) {
        Ok(age) => age,
        Err(ahead) if ahead.duration() <= FORGIVEN => Duration::ZERO,
        // If the clock is wrong, yesterday's file would look new.
        Err(ahead) => {
            let seconds = ahead.duration().as_secs();
            return Err(io::Error::other(format!(
                "it was changed {seconds} s in the future; set the clock, or write the file again"
            )));
        }
    };
    Ok(Look::Read { stamp, age, text })
}

fn read(file: &File) -> io::Result<Result<String, Refusal>> {
    let most = u64::try_from(MAX_BYTES).unwrap_or(u64::MAX);
    match pricing_files::read_file(file, most).and_then(pricing_files::text) {
        Ok(text) => Ok(Ok(text)),
        Err(FileError::TooLarge(most)) => Ok(Err(Refusal::TooLarge(format!("more than {most} bytes")))),
        Err(error @ (FileError::NotText | FileError::Utf16)) => Ok(Err(Refusal::Malformed(error.to_string()))),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_when_it_changed_and_ages_from_its_last_change() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("inventory.json");
        assert_eq!(look(&path, None, SystemTime::now()).unwrap_err().kind(), io::ErrorKind::NotFound);
        fs::write(&path, "one").unwrap();
        let now = SystemTime::now();
        let file = File::options().write(true).open(&path).unwrap();
        let seen = |last: Option<&Stamp>| match look(&path, last, now).unwrap() {
            Look::Read { stamp, age, text } => Some((stamp, age, text.unwrap())),
            Look::Same | Look::Busy => None,
        };
        file.set_modified(now - Duration::from_secs(90)).unwrap();
        let (stamp, age, text) = seen(None).unwrap();
        assert_eq!((age, text.as_str()), (Duration::from_secs(90), "one"));
        assert!(seen(Some(&stamp)).is_none());
        file.set_modified(now + Duration::from_secs(60)).unwrap();
        let (_, age, _) = seen(Some(&stamp)).unwrap();
        assert_eq!(age, Duration::ZERO);
        file.set_modified(now + Duration::from_secs(3600)).unwrap();
        let error = look(&path, Some(&stamp), now).unwrap_err();
        assert!(error.to_string().contains("3600 s in the future"), "{error}");
        // Another file in its place, with the times of the first.
        fs::write(folder.path().join("new"), "two").unwrap();
        fs::rename(folder.path().join("new"), &path).unwrap();
        assert_eq!(seen(Some(&stamp)).unwrap().2, "two");
    }

    #[test]
    fn what_is_no_file_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let error = look(folder.path(), None, SystemTime::now()).unwrap_err();
        assert!(error.to_string().contains("not a plain file"), "{error}");
        let pipe = folder.path().join("pipe");
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
        let error = look(&pipe, None, SystemTime::now()).unwrap_err();
        assert!(error.to_string().contains("not a plain file"), "{error}");
    }
}
