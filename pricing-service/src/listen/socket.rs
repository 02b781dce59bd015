//! The Unix socket: its file is the owner's alone from its first moment, and goes when the service does.

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
    /// The system says no.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// Something else has that name.
    #[error("there is something that is no socket; remove it, or name another path")]
    NoSocket,
    /// A service runs already.
    #[error("another service listens there; stop it first, or name another path")]
    InUse,
    /// Whoever asks there did not answer in time.
    #[error("another program keeps `{}` locked; stop it first", folder.display())]
    Locked {
        /// The folder.
        folder: PathBuf,
    },
    /// Others could put their own socket in its place.
    #[error(
        "others may change the folder `{}` and put a socket of their own there; make it this user's or root's, and \
         `chmod go-w` it", folder.display()
    )]
    OpenFolder {
        /// The folder.
        folder: PathBuf,
    },
    /// The path cannot be a socket's.
    #[error("the path has no file name; expected one such as `/run/bidprice/bidprice.sock`")]
    NoName,
}

/// A Unix socket that this process listens on.
pub(crate) struct Socket {
    pub(crate) listener: UnixListener,
    file: SocketFile,
}

/// The file of a socket, which goes with it as long as it is still the same.
struct SocketFile {
    path: PathBuf,
    identity: (u64, u64),
}

impl Socket {
    /// Listens where nobody else does. The file of a service that is no more is replaced.
    pub(crate) async fn bind(path: &Path) -> Result<Self, SocketError> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        path.file_name().ok_or(SocketError::NoName)?;
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let _lock = lock(folder).await?;
        vacant(path).await?;
        // In a folder that nobody else can enter, so that there is no moment at which others could connect.
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
        // First the file: who finds it must find somebody listening.
        drop(self.file);
        drop(self.listener);
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let same = |found: fs::Metadata| (found.dev(), found.ino()) == self.identity;
        // Another service may have put its own in its place.
        if fs::symlink_metadata(&self.path).is_ok_and(same) {
            // It may be gone already.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// A folder of this user that goes again.
struct Private(PathBuf);

impl Private {
    fn new(folder: &Path) -> io::Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let mut last = io::Error::from(io::ErrorKind::AlreadyExists);
        for _ in 0..100 {
            // Short, since the path of a socket may have 107 bytes only.
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

/// Whether nobody but this user and root can put another socket into a folder.
pub(crate) fn check(folder: &Path, found: &fs::Metadata) -> Result<(), SocketError> {
    let ours = found.uid() == geteuid().as_raw() || found.uid() == 0;
    let sticky = found.mode() & 0o1000 != 0;
    if !ours || (found.mode() & 0o022 != 0 && !sticky) {
        return Err(SocketError::OpenFolder { folder: folder.to_owned() });
    }
    Ok(())
}

/// Looks at the folder, and keeps other services from binding there at the same moment.
async fn lock(folder: &Path) -> Result<File, SocketError> {
    let file = File::open(folder)?;
    check(folder, &file.metadata()?)?;
    for _ in 0..100 {
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Err(rustix::io::Errno::WOULDBLOCK) => sleep(Duration::from_millis(50)).await,
            // Some file systems have no locks.
            Ok(()) | Err(_) => return Ok(file),
        }
    }
    Err(SocketError::Locked { folder: folder.to_owned() })
}

/// Makes sure that nobody listens there.
async fn vacant(path: &Path) -> Result<(), SocketError> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error.into()),
        Ok(found) if !found.file_type().is_socket() => return Err(SocketError::NoSocket),
        Ok(_) => {}
    }
    match timeout(Duration::from_secs(1), UnixStream::connect(path)).await {
        Ok(Err(error)) if matches!(error.kind(), io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound) => Ok(()),
        Ok(Err(error)) if error.kind() == io::ErrorKind::PermissionDenied => Err(error.into()),
        // Somebody listens, though they may be too busy to say so.
        _ => Err(SocketError::InUse),
    }
}
