//! Files that nobody but the service's own user can have written.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};

use std::path::Path;

use rustix::fs::OFlags;

/// What is open to group and others.
const OPEN_TO_OTHERS: u32 = 0o077;

/// Opens an ordinary file of the owner's own, following no link and waiting for no pipe.
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
