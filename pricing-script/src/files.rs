//! Reads whole files, up to a size limit.

use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::SystemTime;

use pricing_files::{FileError, Kind};

use crate::settings::shown;

/// The mode bits that let group and others write.
const WRITTEN_BY_OTHERS: u32 = 0o022;

/// Reads a text file. The error names the file.
pub(crate) fn read_text(path: &Path, limit: usize) -> Result<String, String> {
    let text = pricing_files::open(path).map_err(not_opened).and_then(|file| read(&file, limit));
    text.map_err(|error| format!("`{}` {error}", shown(path)))
}

/// Reads a file that only this user can have written, with its modification time. Others may be able to read it.
///
/// All checks are made on the open file, so it cannot be replaced between check and use.
pub(crate) fn read_trusted(path: &Path, limit: usize) -> Result<(String, SystemTime), String> {
    let file = pricing_files::open_no_link(path).map_err(not_opened)?;
    let metadata = file.metadata().map_err(|error| format!("cannot be examined: {error}"))?;
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err("belongs to another user".to_owned());
    }
    if metadata.mode() & WRITTEN_BY_OTHERS != 0 {
        return Err("may be written by others than its owner (chmod go-w)".to_owned());
    }
    let modified = metadata.modified().map_err(|error| format!("has no time: {error}"))?;
    Ok((read(&file, limit)?, modified))
}

fn read(file: &File, limit: usize) -> Result<String, String> {
    let limit = u64::try_from(limit).unwrap_or(u64::MAX);
    pricing_files::read_file(file, limit).and_then(pricing_files::text).map_err(|error| match error {
        FileError::TooLarge(most) => format!("has more than {most} bytes"),
        FileError::NotText => "is not UTF-8".to_owned(),
        FileError::Utf16 => "is UTF-16 text; save it as UTF-8".to_owned(),
        error => format!("cannot be read: {error}"),
    })
}

fn not_opened(error: FileError) -> String {
    match error {
        FileError::NotPlain(Kind::Link) => "is a symbolic link".to_owned(),
        FileError::NotPlain(_) => "is not a regular file".to_owned(),
        error => format!("cannot be opened: {error}"),
    }
}
