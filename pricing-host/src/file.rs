//! The files of plugins: reading them, within the limit of a size class.

use std::io::{self, Read};
use std::path::Path;

use crate::inspect::Digest;
use crate::limits::SizeClass;

/// The digest of a file of which perhaps only the start was read.
pub(crate) fn digest(path: &Path, read: &[u8]) -> String {
    let whole =
        u64::try_from(read.len()).is_ok_and(|read| std::fs::metadata(path).is_ok_and(|file| file.len() <= read));
    if whole { Digest::of(read).to_string() } else { TOO_LARGE.to_owned() }
}

/// Stands for the digest of a file that is too large to be read.
const TOO_LARGE: &str = "too-large";

/// Reads a plugin's file, if it is a plain file. If it is longer than allowed, only enough of it is read to show that.
///
/// # Errors
/// When it cannot be read, or is a folder, pipe or device.
pub fn read(path: &Path, class: SizeClass) -> io::Result<Vec<u8>> {
    let file = pricing_files::open(path)?;
    let limit = class.load_limits().module_bytes;
    let mut content = Vec::new();
    file.take(limit.saturating_add(1)).read_to_end(&mut content)?;
    Ok(content)
}
