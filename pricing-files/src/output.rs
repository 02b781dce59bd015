//! Files that are there whole or not at all.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::{FileError, plain};

/// A file that takes its name when it is complete. Until then what was there before stays.
///
/// Only plain files are written. A pipe would wait for its reader and a device may be anything, so they are refused, and
/// so is the file that this process's own output goes to: it would be replaced under the output's feet.
#[derive(Debug)]
pub struct Output {
    file: File,
    /// Where it is written, and where it goes; none once it is there.
    names: Option<(PathBuf, PathBuf)>,
}

impl Output {
    /// Begins a file beside the place where it goes.
    ///
    /// # Errors
    /// When there can be no such file.
    pub fn create(path: &Path) -> Result<Self, FileError> {
        // The file behind a link is meant, and never the link itself.
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        match rustix::fs::stat(&path) {
            Ok(there) => {
                plain(&there)?;
                not_own_output(&there)?;
            }
            Err(rustix::io::Errno::NOENT) => {}
            Err(error) => return Err(error.into()),
        }
        let name = path.file_name().ok_or_else(|| io::Error::other("it names no file"))?;
        let mut hidden = OsString::from(".");
        hidden.push(name);
        hidden.push(format!(".{}.part", std::process::id()));
        let part = path.with_file_name(hidden);
        let new = || OpenOptions::new().write(true).create_new(true).open(&part);
        let file = match new() {
            // Left by a process that was killed and had the same number.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                fs::remove_file(&part)?;
                new()?
            }
            made => made?,
        };
        Ok(Self { file, names: Some((part, path)) })
    }

    /// Gives the file its name, once everything is on the disk.
    ///
    /// # Errors
    /// When something cannot be written; nothing is left of the file then, once this is dropped.
    pub fn commit(&mut self) -> io::Result<()> {
        self.file.flush()?;
        let Some((part, path)) = &self.names else { return Ok(()) };
        self.file.sync_all()?;
        fs::rename(part, path)?;
        self.names = None;
        Ok(())
    }
}

/// Refuses the file that standard output or error goes to.
fn not_own_output(there: &rustix::fs::Stat) -> Result<(), FileError> {
    let is_there = |stat: rustix::io::Result<rustix::fs::Stat>| {
        stat.is_ok_and(|own| (own.st_dev, own.st_ino) == (there.st_dev, there.st_ino))
    };
    if is_there(rustix::fs::fstat(io::stdout())) {
        return Err(FileError::OwnOutput("standard output"));
    }
    if is_there(rustix::fs::fstat(io::stderr())) {
        return Err(FileError::OwnOutput("standard error"));
    }
    Ok(())
}

/// Writes a file so that it is there with all of its content or not at all.
///
/// # Errors
/// When there can be no such file, or it cannot be written.
pub fn write_whole(path: &Path, content: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), FileError> {
    let mut output = Output::create(path)?;
    let mut buffered = io::BufWriter::new(&mut output);
    content(&mut buffered)?;
    buffered.flush()?;
    drop(buffered);
    Ok(output.commit()?)
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        if let Some((part, _)) = &self.names {
            // What is left is no answer, and its name says so.
            let _ = fs::remove_file(part);
        }
    }
}
