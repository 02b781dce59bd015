//! Files that are written completely or not at all.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use super::{FileError, plain};

/// A file that is renamed to its final name when it is complete. Until then, an existing file stays.
///
/// Only plain files are written. A pipe would block until somebody reads it and a device could be anything, so they are
/// rejected, as is the file that this process's own output goes to: the process would go on writing to the replaced
/// file.
#[derive(Debug)]
pub struct Output {
    file: File,
    /// The temporary and the final path. None once it has its final name.
    names: Option<(PathBuf, PathBuf)>,
}

impl Output {
    /// Creates a temporary file next to the final path.
    ///
    /// # Errors
    /// When there can be no such file.
    pub fn create(path: &Path) -> Result<Self, FileError> {
        // Resolves links, so that the file behind a link is replaced and not the link.
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let replaced = match rustix::fs::stat(&path) {
            Ok(there) => {
                plain(&there)?;
                not_own_output(&there)?;
                Some(there)
            }
            Err(rustix::io::Errno::NOENT) => None,
            Err(error) => return Err(error.into()),
        };
        let name = path.file_name().ok_or_else(|| io::Error::other("it names no file"))?;
        let mut hidden = OsString::from(".");
        hidden.push(name);
        hidden.push(format!(".{}.part", std::process::id()));
        let part = path.with_file_name(hidden);
        // What replaces a file is nobody else's until it has that file's mode. The user's umask restricts a new file's.
        let mode = if replaced.is_some() { 0o600 } else { 0o666 };
        let new = || OpenOptions::new().write(true).create_new(true).mode(mode).open(&part);
        let file = match new() {
            // Left by a process that was killed and had the same process ID.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                fs::remove_file(&part)?;
                new()?
            }
            made => made?,
        };
        let output = Self { file, names: Some((part, path)) };
        if let Some(replaced) = replaced {
            keep_owner_and_mode(&output.file, &replaced)?;
        }
        Ok(output)
    }

    /// Renames the file to its final name, after syncing it to the disk.
    ///
    /// # Errors
    /// When that fails. No file is left once this is dropped.
    pub fn commit(&mut self) -> io::Result<()> {
        self.file.flush()?;
        let Some((part, path)) = &self.names else { return Ok(()) };
        self.file.sync_all()?;
        fs::rename(part, path)?;
        self.names = None;
        Ok(())
    }
}

/// Gives a file the mode of the one that it replaces, and its owner and group as far as this process may. A group that
/// cannot be kept loses its rights, since they would be another group's.
fn keep_owner_and_mode(file: &File, replaced: &rustix::fs::Stat) -> io::Result<()> {
    let own = rustix::fs::fstat(file)?;
    let is_other_owner = own.st_uid != replaced.st_uid;
    let is_other_group = own.st_gid != replaced.st_gid;
    if is_other_owner {
        // Only a privileged process may.
        let _ = fchown(file, Some(replaced.st_uid), None);
    }
    let keeps_group = !is_other_group || fchown(file, None, Some(replaced.st_gid)).is_ok();
    let mode = replaced.st_mode & 0o777;
    // The group then has the rights of others.
    let mode = if keeps_group { mode } else { (mode & 0o707) | ((mode & 0o007) << 3) };
    // Not every file system has modes that can be set.
    if rustix::fs::fstat(file)?.st_mode & 0o777 == mode {
        return Ok(());
    }
    file.set_permissions(Permissions::from_mode(mode))
}

/// Rejects the file that standard output or error goes to.
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

/// Writes a file so that it exists with all of its content, or not at all.
///
/// # Errors
/// When it cannot be created or written.
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
            // An incomplete file is recognised by its name, so it does not matter if it cannot be removed.
            let _ = fs::remove_file(part);
        }
    }
}
