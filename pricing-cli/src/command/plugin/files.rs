//! Writes files completely or not at all.

use std::fs;
use std::io;
use std::path::Path;

use crate::error::CliError;
use crate::load;

/// Writes a temporary file, and then renames it to `path`.
pub(crate) fn write_whole(path: &Path, content: &[u8]) -> io::Result<()> {
    Ok(pricing_files::write_whole(path, |file| file.write_all(content))?)
}

/// Returns whether two paths lead to the same existing file.
pub(crate) fn is_same(one: &Path, other: &Path) -> bool {
    match (fs::canonicalize(one), fs::canonicalize(other)) {
        (Ok(one), Ok(other)) => one == other,
        _ => false,
    }
}

/// Returns the error for a file that could not be written.
pub(crate) fn unwritable(path: &Path, error: &io::Error) -> CliError {
    CliError::unwritable(load::name(path), error)
}
