//! The file that persists the last value: the number as text. The age of the value is the time since the file's last
//! change.
//!
//! `bidprice-script` reads the same file as `BIDPRICE_RATE_CACHE`. A file that others can have written is not read,
//! since its content would become a price. The file is only written for a value that was just fetched and accepted,
//! since writing it resets its age.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use pricing_core::money::parse_decimal;
use pricing_files::{FileError, Kind};
use rust_decimal::Decimal;

use super::number;
use crate::clock::FORGIVEN as CLOCK_SKEW;

/// The most bytes of the file that are read.
const MAX_BYTES: u64 = 4096;
/// The mode bits that let group and others write.
const WRITTEN_BY_OTHERS: u32 = 0o022;

/// A value from the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cached {
    /// The value of an AKT in USD.
    pub usd_per_akt: Decimal,
    /// Its age.
    pub age: Duration,
}

/// Why the cache cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// The file does not exist.
    #[error("there is no file")]
    Absent,
    /// It cannot be read or written.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// Others than its owner can have written it.
    #[error("{0}")]
    Untrusted(&'static str),
    /// It is too old.
    #[error("it is {} s old, and {} s is the limit", age.as_secs(), limit.as_secs())]
    Old {
        /// Its age.
        age: Duration,
        /// The most that is accepted.
        limit: Duration,
    },
    /// Its time is in the future.
    #[error("its time is {} s in the future", .0.as_secs())]
    Future(Duration),
    /// It does not contain a value.
    #[error("it does not contain a number above 0 and at most 1000000")]
    Malformed,
}

/// Reads the value, if the file can be trusted and is at most `max_age` old at `now`.
///
/// # Errors
/// When it cannot be used.
pub fn read_cache(path: &Path, max_age: Duration, now: SystemTime) -> Result<Cached, CacheError> {
    let file = open(path)?;
    // Every check uses the opened file, so that it cannot be replaced between check and use.
    let metadata = file.metadata()?;
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err(CacheError::Untrusted("it belongs to another user"));
    }
    if metadata.mode() & WRITTEN_BY_OTHERS != 0 {
        return Err(CacheError::Untrusted("others than its owner may write it (chmod go-w)"));
    }
    let age = age(metadata.modified()?, now)?;
    if age > max_age {
        return Err(CacheError::Old { age, limit: max_age });
    }
    let mut text = String::new();
    file.take(MAX_BYTES).read_to_string(&mut text)?;
    let value = parse_decimal(text.trim()).ok().and_then(number::bounded);
    Ok(Cached { usd_per_akt: value.ok_or(CacheError::Malformed)?, age })
}

fn open(path: &Path) -> Result<File, CacheError> {
    pricing_files::open_no_link(path).map_err(|error| match error {
        FileError::NotPlain(Kind::Link) => CacheError::Untrusted("it is a symbolic link"),
        FileError::NotPlain(_) => CacheError::Untrusted("it is not a regular file"),
        error if error.is_not_found() => CacheError::Absent,
        error => CacheError::Io(error.into()),
    })
}

fn age(written: SystemTime, now: SystemTime) -> Result<Duration, CacheError> {
    match now.duration_since(written) {
        Ok(age) => Ok(age),
        Err(ahead) if ahead.duration() > CLOCK_SKEW => Err(CacheError::Future(ahead.duration())),
        Err(_) => Ok(Duration::ZERO),
    }
}

/// Writes a value that was just fetched atomically: to a temporary file, which is then renamed.
pub(crate) fn write(path: &Path, value: Decimal) -> Result<(), CacheError> {
    let name = path.file_name().ok_or_else(|| io::Error::other("the path names no file"))?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.map_or_else(|| PathBuf::from("."), Path::to_owned);
    let prefix = format!(".{}.", name.to_string_lossy());
    // A new file with mode 600. It is removed if anything fails before it is renamed.
    let mut file = tempfile::Builder::new().prefix(&prefix).suffix(".tmp").tempfile_in(folder)?;
    writeln!(file, "{value}")?;
    // Without this, a power failure could leave an empty file.
    file.as_file().sync_data()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn value(text: &str) -> Decimal {
        parse_decimal(text).unwrap()
    }

    fn problem(path: &Path, now: SystemTime) -> String {
        read_cache(path, HOUR, now).unwrap_err().to_string()
    }

    #[test]
    fn what_is_written_is_read_again_and_nothing_else_is_left_in_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("feed.cache");
        write(&path, value("0.4")).unwrap();
        write(&path, value("0.512345678901234567")).unwrap();
        let cached = read_cache(&path, HOUR, SystemTime::now()).unwrap();
        assert_eq!(cached.usd_per_akt, value("0.512345678901234567"));
        assert_eq!(fs::read_to_string(&path).unwrap(), "0.512345678901234567\n");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn an_old_file_and_one_from_the_future_are_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("feed.cache");
        assert!(matches!(read_cache(&path, HOUR, SystemTime::now()), Err(CacheError::Absent)));
        write(&path, value("0.4")).unwrap();
        let written = fs::metadata(&path).unwrap().modified().unwrap();
        let age = |now| read_cache(&path, HOUR, now).map(|cached| cached.age);
        assert_eq!(age(written + HOUR).unwrap(), HOUR);
        assert_eq!(age(written - CLOCK_SKEW).unwrap(), Duration::ZERO);
        assert_eq!(
            problem(&path, written + HOUR + Duration::from_secs(1)),
            "it is 3601 s old, and 3600 s is the limit"
        );
        assert_eq!(problem(&path, written - Duration::from_secs(121)), "its time is 121 s in the future");
    }

    #[test]
    fn a_file_that_others_can_have_written_is_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("feed.cache");
        write(&path, value("0.4")).unwrap();
        let link = folder.path().join("link");
        symlink(&path, &link).unwrap();
        assert_eq!(problem(&link, SystemTime::now()), "it is a symbolic link");
        assert_eq!(problem(folder.path(), SystemTime::now()), "it is not a regular file");
        for mode in [0o666, 0o620, 0o602] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            assert!(problem(&path, SystemTime::now()).contains("others than its owner may write it"), "{mode:o}");
        }
        // Only root can give a file away.
        if rustix::process::geteuid().is_root() {
            let foreign = folder.path().join("foreign");
            write(&foreign, value("0.4")).unwrap();
            std::os::unix::fs::chown(&foreign, Some(65_534), None).unwrap();
            assert_eq!(problem(&foreign, SystemTime::now()), "it belongs to another user");
        }
        for mode in [0o644, 0o604, 0o400] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            assert!(read_cache(&path, HOUR, SystemTime::now()).is_ok(), "{mode:o}");
        }
    }

    #[test]
    fn two_that_write_at_once_never_leave_half_a_value() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("feed.cache");
        write(&path, value("0.4")).unwrap();
        std::thread::scope(|scope| {
            for text in ["0.4", "0.512345678901234567"] {
                let path = &path;
                scope.spawn(move || (0..50).for_each(|_| write(path, value(text)).unwrap()));
            }
            for _ in 0..200 {
                read_cache(&path, HOUR, SystemTime::now()).unwrap();
            }
        });
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_without_a_value_is_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("feed.cache");
        write(&path, value("0.4")).unwrap();
        for content in ["", "0", "-1", "1000001", "1e-1", "<html>", "0.5 0.5", &"1".repeat(5000)] {
            fs::write(&path, content).unwrap();
            assert_eq!(
                problem(&path, SystemTime::now()),
                "it does not contain a number above 0 and at most 1000000",
                "{content}"
            );
        }
        fs::write(&path, [0xff, 0xfe]).unwrap();
        assert!(read_cache(&path, HOUR, SystemTime::now()).is_err());
    }
}
