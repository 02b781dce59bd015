//! Files, read whole and never beyond a limit.

use std::fs::{File, Metadata, OpenOptions};
use std::io::Read;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::SystemTime;

use rustix::fs::OFlags;

use crate::settings::shown;

/// The mode bits that let group and others write.
const WRITTEN_BY_OTHERS: u32 = 0o022;

/// Reads a text file. The error names the file.
pub(crate) fn read_text(path: &Path, limit: usize) -> Result<String, String> {
    let read = || read(open(path, OFlags::empty())?.0, limit);
    read().map_err(|error| format!("`{}` {error}", shown(path)))
}

/// Reads a file that nobody else can have written, and when it was. Others may read it.
///
/// Every check is made on the opened file, so that it cannot be exchanged between check and use.
pub(crate) fn read_trusted(path: &Path, limit: usize) -> Result<(String, SystemTime), String> {
    let (file, metadata) = open(path, OFlags::NOFOLLOW)?;
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err("belongs to another user".to_owned());
    }
    if metadata.mode() & WRITTEN_BY_OTHERS != 0 {
        return Err("may be written by others than its owner (chmod go-w)".to_owned());
    }
    let modified = metadata.modified().map_err(|error| format!("has no time: {error}"))?;
    Ok((read(file, limit)?, modified))
}

/// Opens a file, and nothing else that a path may name.
fn open(path: &Path, more: OFlags) -> Result<(File, Metadata), String> {
    // Without `NONBLOCK`, opening a named pipe would wait for a writer.
    let flags = (OFlags::NONBLOCK | more).bits();
    let flags = i32::try_from(flags).map_err(|error| error.to_string())?;
    let opened = OpenOptions::new().read(true).custom_flags(flags).open(path);
    let file = opened.map_err(|error| match error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) {
        true => "is a symbolic link".to_owned(),
        false => format!("cannot be opened: {error}"),
    })?;
    let metadata = file.metadata().map_err(|error| format!("cannot be examined: {error}"))?;
    match metadata.is_file() {
        true => Ok((file, metadata)),
        false => Err("is not a regular file".to_owned()),
    }
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
