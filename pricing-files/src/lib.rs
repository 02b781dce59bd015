//! Plain files: opened without waiting for anybody, read whole and never beyond a bound, written whole or not at all.
//!
//! A path may name anything: a pipe (FIFO) that nobody writes to, a device that never ends, a socket, a folder, or a link
//! to one of them. Opening a pipe waits for its other end, and opening a device may do something. So what a path names is
//! looked at before it is opened, opened so that nothing is waited for, and looked at again once it is open: only plain
//! files pass. What has no end of its own, such as a file of `/proc` that says it is empty, is read no further than the
//! bound.
//!
//! This is how every program of the workspace opens what a user, a configuration or a scenario names. Standard input is
//! not such a file: [`read_from`] reads it within the same bounds.

mod output;

use std::error::Error;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use rustix::fs::{CWD, FileType, Mode, OFlags, Stat};

pub use output::{Output, write_whole};

/// Why a file cannot be used. Its messages are written out: the drop-in has this crate, so it depends on little.
#[derive(Debug)]
pub enum FileError {
    /// The system does not let it be opened, read or written.
    Io(io::Error),
    /// It is something else.
    NotPlain(Kind),
    /// It is larger than it may be.
    TooLarge(u64),
    /// It is not text.
    NotText,
    /// It is text of another encoding.
    Utf16,
    /// It is where this process's own output goes.
    OwnOutput(&'static str),
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::NotPlain(kind) => write!(f, "it is {kind}, not a plain file"),
            Self::TooLarge(most) => write!(f, "it has more than {most} bytes"),
            Self::NotText => f.write_str("it is not UTF-8 text"),
            Self::Utf16 => f.write_str("it is UTF-16 text; save it as UTF-8"),
            Self::OwnOutput(output) => write!(f, "{output} goes there; name another file"),
        }
    }
}

impl Error for FileError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Io(error) => error.source(),
            _ => None,
        }
    }
}

impl From<io::Error> for FileError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl FileError {
    /// Whether there is no such file.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Io(error) if error.kind() == io::ErrorKind::NotFound)
    }
}

impl From<FileError> for io::Error {
    fn from(error: FileError) -> Self {
        let kind = match error {
            FileError::Io(error) => return error,
            FileError::NotPlain(_) | FileError::OwnOutput(_) => io::ErrorKind::InvalidInput,
            FileError::TooLarge(_) => io::ErrorKind::FileTooLarge,
            FileError::NotText | FileError::Utf16 => io::ErrorKind::InvalidData,
        };
        Self::new(kind, error)
    }
}

impl From<rustix::io::Errno> for FileError {
    fn from(error: rustix::io::Errno) -> Self {
        Self::Io(error.into())
    }
}

/// What something is that is not a plain file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A folder.
    Folder,
    /// A pipe, with a name or without.
    Pipe,
    /// A socket.
    Socket,
    /// A device: a terminal, a disk, `/dev/null`.
    Device,
    /// A symbolic link, where none is followed.
    Link,
    /// Something else.
    Other,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Folder => "a folder",
            Self::Pipe => "a pipe",
            Self::Socket => "a socket",
            Self::Device => "a device",
            Self::Link => "a symbolic link",
            Self::Other => "something else",
        })
    }
}

/// Refuses what is not a plain file.
fn plain(stat: &Stat) -> Result<(), FileError> {
    Err(FileError::NotPlain(match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => return Ok(()),
        FileType::Directory => Kind::Folder,
        FileType::Fifo => Kind::Pipe,
        FileType::Socket => Kind::Socket,
        FileType::CharacterDevice | FileType::BlockDevice => Kind::Device,
        FileType::Symlink => Kind::Link,
        FileType::Unknown => Kind::Other,
    }))
}

/// What is said to the system whenever a file is opened: wait for nobody, take no terminal, and give it to no other
/// program.
const NEVER_WAIT: OFlags = OFlags::NONBLOCK.union(OFlags::NOCTTY).union(OFlags::CLOEXEC);

/// Opens a plain file for reading. Links are followed.
///
/// # Errors
/// When it cannot be opened, or is not a plain file.
pub fn open(path: &Path) -> Result<File, FileError> {
    plain(&rustix::fs::stat(path)?)?;
    opened(path, OFlags::RDONLY)
}

/// Opens a plain file for reading that the path itself names, not a link to one.
///
/// # Errors
/// When it cannot be opened, or is not a plain file.
pub fn open_no_link(path: &Path) -> Result<File, FileError> {
    plain(&rustix::fs::lstat(path)?)?;
    opened(path, OFlags::RDONLY | OFlags::NOFOLLOW)
}

/// Opens a plain file for reading and writing as it is, or makes an empty one where there is none.
///
/// # Errors
/// When it cannot be opened or made, or is not a plain file.
pub fn open_or_create(path: &Path) -> Result<File, FileError> {
    match rustix::fs::stat(path) {
        Ok(stat) => plain(&stat)?,
        Err(rustix::io::Errno::NOENT) => {}
        Err(error) => return Err(error.into()),
    }
    opened(path, OFlags::RDWR | OFlags::CREATE)
}

/// Opens, and makes sure that what is open now is a plain file: the path may name something else by now.
fn opened(path: &Path, how: OFlags) -> Result<File, FileError> {
    // The mode of a new file is for the user's umask to narrow.
    let mode = Mode::from_raw_mode(0o666);
    let file = match rustix::fs::openat(CWD, path, how | NEVER_WAIT, mode) {
        Ok(file) => file,
        Err(rustix::io::Errno::LOOP) if how.contains(OFlags::NOFOLLOW) => return Err(FileError::NotPlain(Kind::Link)),
        Err(error) => return Err(error.into()),
    };
    plain(&rustix::fs::fstat(&file)?)?;
    Ok(File::from(file))
}

/// The bytes of a plain file.
///
/// # Errors
/// When it cannot be read, is not a plain file, or has more bytes than it may have.
pub fn read(path: &Path, most: u64) -> Result<Vec<u8>, FileError> {
    read_file(&open(path)?, most)
}

/// The text of a plain file, without a byte order mark.
///
/// # Errors
/// When it cannot be read, is not a plain file, has more bytes than it may have, or is not text.
pub fn read_text(path: &Path, most: u64) -> Result<String, FileError> {
    text(read(path, most)?)
}

/// The bytes of an open file, from where it is.
///
/// # Errors
/// When it cannot be read, or has more bytes than it may have.
pub fn read_file(file: &File, most: u64) -> Result<Vec<u8>, FileError> {
    // What says itself that it is too large need not be read. What says that it is empty may not be.
    if file.metadata()?.len() > most {
        return Err(FileError::TooLarge(most));
    }
    read_from(file, most)
}

/// The bytes of what is read in turn, such as standard input: up to its end, and one beyond the bound at most.
///
/// # Errors
/// When it cannot be read, or has more bytes than it may have.
pub fn read_from(from: impl Read, most: u64) -> Result<Vec<u8>, FileError> {
    let mut bytes = Vec::new();
    from.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length <= most) {
        Ok(bytes)
    } else {
        Err(FileError::TooLarge(most))
    }
}

/// The byte order mark in UTF-8.
const MARK: &[u8] = b"\xef\xbb\xbf";
/// The byte order marks of UTF-16.
const MARKS_OF_UTF16: [&[u8]; 2] = [b"\xff\xfe", b"\xfe\xff"];

/// Bytes as text, without a byte order mark.
///
/// # Errors
/// When they are not text.
pub fn text(mut bytes: Vec<u8>) -> Result<String, FileError> {
    if MARKS_OF_UTF16.iter().any(|mark| bytes.starts_with(mark)) {
        return Err(FileError::Utf16);
    }
    if bytes.starts_with(MARK) {
        bytes.drain(..MARK.len());
    }
    String::from_utf8(bytes).map_err(|_| FileError::NotText)
}

#[cfg(test)]
mod tests;
