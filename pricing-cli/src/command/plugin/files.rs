//! Files that appear under their names whole, or not at all.

use std::fs;
use std::io;
use std::path::Path;

use crate::error::CliError;
use crate::load;

/// Writes a file beside its place, then moves it there.
pub(crate) fn write_whole(path: &Path, content: &[u8]) -> io::Result<()> {
    Ok(pricing_files::write_whole(path, |file| file.write_all(content))?)
}

/// Whether two names lead to one file that is there.
pub(crate) fn is_same(one: &Path, other: &Path) -> bool {
    match (fs::canonicalize(one), fs::canonicalize(other)) {
        (Ok(one), Ok(other)) => one == other,
        _ => false,
    }
}

/// A file that could not be written, as the user sees it.
pub(crate) fn unwritable(path: &Path, error: &io::Error) -> CliError {
    CliError::unwritable(load::name(path), error)
}
