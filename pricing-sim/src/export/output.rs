//! Files that are there whole or not at all.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// A file that takes its name when it is complete. One that is no plain file, such as a pipe, is written at once.
#[derive(Debug)]
pub struct Output {
    file: File,
    /// Where it is written, and where it goes; none once it is there, or for what is no plain file.
    names: Option<(PathBuf, PathBuf)>,
}

impl Output {
    /// Begins a file beside the place where it goes.
    ///
    /// # Errors
    /// When there can be no such file.
    pub fn create(path: &Path) -> io::Result<Self> {
        // The file behind a link is meant, and never the link itself.
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        match fs::metadata(&path) {
            Ok(there) if there.is_dir() => return Err(io::Error::other("it is a folder; name a file")),
            Ok(there) if !there.is_file() => {
                return Ok(Self { file: OpenOptions::new().write(true).open(&path)?, names: None });
            }
            _ => {}
        }
        let name = path.file_name().ok_or_else(|| io::Error::other("it names no file"))?;
        let mut hidden = OsString::from(".");
        hidden.push(name);
        hidden.push(format!(".{}.part", std::process::id()));
        let part = path.with_file_name(hidden);
        let file = match OpenOptions::new().write(true).create_new(true).open(&part) {
            // Left by a process that was killed and had the same number.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                fs::remove_file(&part)?;
                OpenOptions::new().write(true).create_new(true).open(&part)?
            }
            opened => opened?,
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
