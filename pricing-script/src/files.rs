//! Files, read whole and never beyond a limit.

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::time::SystemTime;

use rustix::fs::OFlags;

/// The mode bits of group and others.
const OPEN_TO_OTHERS: u32 = 0o077;

/// Reads a text file. The error names the file.
pub(crate) fn read_text(path: &str, limit: usize) -> Result<String, String> {
    let file = File::open(path).map_err(|error| format!("cannot open `{path}`: {error}"))?;
    read(file, limit).map_err(|error| format!("`{path}` {error}"))
}

/// Reads a file that nobody else can have written, and when it was.
///
/// Every check is made on the opened file, so that it cannot be exchanged between check and use.
pub(crate) fn read_trusted(path: &str, limit: usize) -> Result<(String, SystemTime), String> {
    // Without `NONBLOCK`, opening a named pipe would wait for a writer.
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits();
    let flags = i32::try_from(flags).map_err(|error| error.to_string())?;
    let opened = OpenOptions::new().read(true).custom_flags(flags).open(path);
    let file = opened.map_err(|error| match error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) {
        true => "is a symbolic link".to_owned(),
        false => format!("cannot be opened: {error}"),
    })?;
    let metadata = file.metadata().map_err(|error| format!("cannot be examined: {error}"))?;
    if !metadata.is_file() {
        return Err("is not a regular file".to_owned());
    }
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err("belongs to another user".to_owned());
    }
    if metadata.mode() & OPEN_TO_OTHERS != 0 {
        return Err("is open to others; only its owner may read and write it (chmod 600)".to_owned());
    }
    let modified = metadata.modified().map_err(|error| format!("has no time: {error}"))?;
    Ok((read(file, limit)?, modified))
}

fn read(file: File, limit: usize) -> Result<String, String> {
    let mut bytes = Vec::new();
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    file.take(most).read_to_end(&mut bytes).map_err(|error| format!("cannot be read: {error}"))?;
    if bytes.len() > limit {
        return Err(format!("has more than {limit} bytes"));
    }
    String::from_utf8(bytes).map_err(|_| "is not UTF-8".to_owned())
}
