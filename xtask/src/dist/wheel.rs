//! The Python package, for this machine.

use std::fs;
use std::io;
use std::path::PathBuf;

use super::Work;

/// Builds the wheel. maturin chooses the oldest manylinux that the library's symbols allow.
pub(super) fn make(work: &Work) -> io::Result<PathBuf> {
    let folder = work.empty("wheel")?;
    crate::wheel::build(work.profile.name(), &folder, Some(&work.epoch))?;
    let mut built = fs::read_dir(&folder)?.filter_map(Result::ok).map(|entry| entry.path());
    match (built.next(), built.next()) {
        (Some(wheel), None) => Ok(wheel),
        _ => Err(io::Error::other("maturin has not written one wheel")),
    }
}
