//! Files that only the service's own user can have written, and locks by which only one service uses them.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::Duration;

use rustix::fs::{FlockOperation, OFlags};

/// The mode bits of the group and of others.
const OPEN_TO_OTHERS: u32 = 0o077;
/// The number of attempts to lock, and the time between two of them.
const TRIES: u32 = 10;
const REST: Duration = Duration::from_millis(50);

/// Opens a regular file that only its owner, the current user, may use. Does not follow a link or wait for a pipe.
pub(crate) fn own_file(path: &Path, how: &mut OpenOptions) -> io::Result<File> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits();
    let flags = i32::try_from(flags).map_err(io::Error::other)?;
    let file = how.mode(0o600).custom_flags(flags).open(path)?;
    let metadata = file.metadata()?;
    let own = metadata.is_file() && metadata.uid() == rustix::process::geteuid().as_raw();
    if own && metadata.mode() & OPEN_TO_OTHERS == 0 {
        return Ok(file);
    }
    Err(io::Error::new(io::ErrorKind::PermissionDenied, "it is not an ordinary file that only its owner may use"))
}

/// Writes a file with mode 600 so that it exists with all of its content, or not at all, also after a power failure.
pub(crate) fn write_own_file(path: &Path, content: &[u8]) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut prefix = OsString::from(".");
    prefix.push(path.file_name().unwrap_or_default());
    // It is removed if anything fails before it is renamed.
    let mut file = tempfile::Builder::new().prefix(&prefix).suffix(".tmp").tempfile_in(folder)?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    // Without this, a power failure could restore the previous file.
    File::open(folder)?.sync_all()
}

/// A lock that no other service has. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct OwnLock(File);

impl OwnLock {
    /// Takes the lock of a lock file, which is created if it is missing. None if another service has it.
    pub(crate) fn take(path: &Path) -> io::Result<Option<Self>> {
        let file = own_file(path, OpenOptions::new().write(true).create(true))?;
        for _ in 0..TRIES {
            match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(Some(Self(file))),
                // A service that was just killed may not have exited yet.
                Err(rustix::io::Errno::WOULDBLOCK) => std::thread::sleep(REST),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(None)
    }
}

impl Drop for OwnLock {
    fn drop(&mut self) {
        // Closing it is not enough: a child process that was just forked shares the lock until its `exec`.
        let _ = rustix::fs::flock(&self.0, FlockOperation::Unlock);
    }
}
