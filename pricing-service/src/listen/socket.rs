//! The Unix socket. Only its owner can ever access its file, and the file is removed when the service stops.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rustix::fs::FlockOperation;
use rustix::process::geteuid;
use tokio::net::{UnixListener, UnixStream};
use tokio::time::{sleep, timeout};

/// Why there is no socket.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SocketError {
    /// The system refused an operation.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// Another kind of file has that path.
    #[error("there is something that is not a socket; remove it, or name another path")]
    NoSocket,
    /// Another service is running.
    #[error("another service listens there; stop it first, or name another path")]
    InUse,
    /// Another process has not released the folder's lock in time.
    #[error("another program keeps `{}` locked; stop it first", folder.display())]
    Locked {
        /// The folder.
        folder: PathBuf,
    },
    /// Other users could replace the socket with their own.
    #[error(
        "others may change the folder `{}` and put a socket of their own there; make it this user's or root's, and \
         `chmod go-w` it", folder.display()
    )]
    OpenFolder {
        /// The folder.
        folder: PathBuf,
    },
    /// The path cannot name a socket.
    #[error("the path has no file name; expected one such as `/run/bidprice/bidprice.sock`")]
    NoName,
}

/// A Unix socket that this process listens on.
pub(crate) struct Socket {
    pub(crate) listener: UnixListener,
    file: SocketFile,
}

/// The file of a socket. Dropping it removes the file, unless it was replaced.
struct SocketFile {
    path: PathBuf,
    identity: (u64, u64),
}

impl Socket {
    /// Listens at a path on which nobody else does. The file of a service that is no longer running is replaced.
    ///
    /// The socket is bound in a private folder, restricted to its owner, and then renamed. Other users cannot connect
    /// at any time in between.
    pub(crate) async fn bind(path: &Path) -> Result<Self, SocketError> {
        let folder = or_here(path.parent().unwrap_or(Path::new("")));
        path.file_name().ok_or(SocketError::NoName)?;
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let _lock = lock(folder).await?;
        vacant(path).await?;
        // Nobody else can enter this folder, so nobody else can connect before the mode is set.
        let private = Private::new(folder)?;
        let bound = private.0.join("s");
        let listener = UnixListener::bind(&bound)?;
        fs::set_permissions(&bound, fs::Permissions::from_mode(0o600))?;
        let found = fs::symlink_metadata(&bound)?;
        fs::rename(&bound, path)?;
        let file = SocketFile { path: path.to_owned(), identity: (found.dev(), found.ino()) };
        Ok(Self { listener, file })
    }

    /// Stops listening and removes the file.
    pub(crate) fn close(self) {
        // The file is removed first: a client that finds it must find a listener, too.
        drop(self.file);
        drop(self.listener);
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let same = |found: fs::Metadata| (found.dev(), found.ino()) == self.identity;
        // Another service may have replaced the file.
        if fs::symlink_metadata(&self.path).is_ok_and(same) {
            // It may have been removed already.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// A temporary folder that only this user can enter.
struct Private(PathBuf);

impl Private {
    fn new(folder: &Path) -> io::Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let mut last = io::Error::from(io::ErrorKind::AlreadyExists);
        for _ in 0..100 {
            // The name is short because the path of a socket has at most 107 bytes.
            let name = format!(".{:x}.{:x}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
            let path = folder.join(name);
            match DirBuilder::new().mode(0o700).create(&path) {
                Ok(()) => return Ok(Self(path)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => last = error,
                Err(error) => return Err(error),
            }
        }
        Err(last)
    }
}

impl Drop for Private {
    fn drop(&mut self) {
        let _ = fs::remove_file(self.0.join("s"));
        let _ = fs::remove_dir(&self.0);
    }
}

/// The folder of a path without any is the one of this process.
pub(crate) fn or_here(folder: &Path) -> &Path {
    if folder.as_os_str().is_empty() { Path::new(".") } else { folder }
}

/// Checks that only this user and root can put another socket into a folder.
pub(crate) fn check(folder: &Path, found: &fs::Metadata) -> Result<(), SocketError> {
    let ours = found.uid() == geteuid().as_raw() || found.uid() == 0;
    let sticky = found.mode() & 0o1000 != 0;
    if !ours || (found.mode() & 0o022 != 0 && !sticky) {
        return Err(SocketError::OpenFolder { folder: folder.to_owned() });
    }
    Ok(())
}

/// Checks the folder, and locks it so that other services cannot bind there at the same time.
async fn lock(folder: &Path) -> Result<File, SocketError> {
    let file = File::open(folder)?;
    check(folder, &file.metadata()?)?;
    for _ in 0..100 {
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Err(rustix::io::Errno::WOULDBLOCK) => sleep(Duration::from_millis(50)).await,
            // Some file systems do not support locks.
            Ok(()) | Err(_) => return Ok(file),
        }
    }
    Err(SocketError::Locked { folder: folder.to_owned() })
}

/// Checks that nobody listens at a path.
pub(crate) async fn vacant(path: &Path) -> Result<(), SocketError> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error.into()),
        Ok(found) if !found.file_type().is_socket() => return Err(SocketError::NoSocket),
        Ok(_) => {}
    }
    match timeout(Duration::from_secs(1), UnixStream::connect(path)).await {
        Ok(Err(error)) if matches!(error.kind(), io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound) => Ok(()),
        Ok(Err(error)) if error.kind() == io::ErrorKind::PermissionDenied => Err(error.into()),
        // Somebody listens, though it may be too busy to accept.
        _ => Err(SocketError::InUse),
    }
}
