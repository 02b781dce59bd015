//! Opens files that only the service's own user can have written.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};

use std::path::Path;

use rustix::fs::OFlags;

/// The mode bits of the group and of others.
const OPEN_TO_OTHERS: u32 = 0o077;

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
