//! Plain files: opened without blocking, read completely but never beyond a limit, written completely or not at all.
//!
//! A path can name anything: a pipe (FIFO) that nobody writes to, an endless device, a socket, a folder, or a link to
//! one of these. Opening a pipe blocks until its other end is opened, and opening a device can have effects. So a path
//! is inspected before it is opened, opened without blocking, and the open file is inspected again: only plain files
//! pass. A file that does not report its size, such as one in `/proc` that claims to be empty, is read up to the limit
//! and no further.
//!
//! Every program of the workspace opens the files that a user, a configuration or a scenario names in this way.
//! Standard input is not such a file: [`read_from`] reads it within the same limits.

mod output;

use std::error::Error;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use rustix::fs::{CWD, FileType, Mode, OFlags, Stat};

pub use output::{Output, write_whole};

/// Why a file cannot be used. `Display` is written by hand: the drop-in links this crate, which therefore has few
/// dependencies.
#[derive(Debug)]
pub enum FileError {
    /// It cannot be opened, read or written.
    Io(io::Error),
    /// It is not a plain file.
    NotPlain(Kind),
    /// It exceeds the limit, in bytes.
    TooLarge(u64),
    /// It is not UTF-8.
    NotText,
    /// It is UTF-16.
    Utf16,
    /// It is the target of this process's own output.
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
    /// Returns whether the file does not exist.
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

/// The kind of something that is not a plain file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A folder.
    Folder,
    /// A pipe, named or unnamed.
    Pipe,
    /// A socket.
    Socket,
    /// A device: a terminal, a disk, `/dev/null`.
    Device,
    /// A symbolic link, if links are not followed.
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

/// Rejects everything but plain files.
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

/// The flags for opening any file: do not block, do not acquire a controlling terminal, do not pass the file on to
/// other programs.
const NEVER_WAIT: OFlags = OFlags::NONBLOCK.union(OFlags::NOCTTY).union(OFlags::CLOEXEC);

/// Opens a plain file for reading. Links are followed.
///
/// # Errors
/// When it cannot be opened, or is not a plain file.
pub fn open(path: &Path) -> Result<File, FileError> {
    plain(&rustix::fs::stat(path)?)?;
    opened(path, OFlags::RDONLY)
}

/// Opens a plain file for reading without following a link at the end of the path.
///
/// # Errors
/// When it cannot be opened, or is not a plain file.
pub fn open_no_link(path: &Path) -> Result<File, FileError> {
    plain(&rustix::fs::lstat(path)?)?;
    opened(path, OFlags::RDONLY | OFlags::NOFOLLOW)
}

/// Opens a plain file for reading and writing without truncating it, or creates an empty one.
///
/// # Errors
/// When it cannot be opened or created, or is not a plain file.
pub fn open_or_create(path: &Path) -> Result<File, FileError> {
    match rustix::fs::stat(path) {
        Ok(stat) => plain(&stat)?,
        Err(rustix::io::Errno::NOENT) => {}
        Err(error) => return Err(error.into()),
    }
    opened(path, OFlags::RDWR | OFlags::CREATE)
}

/// Opens a path, and checks that the open file is a plain file: the path may name something else by now.
fn opened(path: &Path, how: OFlags) -> Result<File, FileError> {
    // The user's umask restricts the mode of a new file.
    let mode = Mode::from_raw_mode(0o666);
    let file = match rustix::fs::openat(CWD, path, how | NEVER_WAIT, mode) {
        Ok(file) => file,
        Err(rustix::io::Errno::LOOP) if how.contains(OFlags::NOFOLLOW) => return Err(FileError::NotPlain(Kind::Link)),
        Err(error) => return Err(error.into()),
    };
    plain(&rustix::fs::fstat(&file)?)?;
    Ok(File::from(file))
}

/// Reads the bytes of a plain file.
///
/// # Errors
/// When it cannot be read, is not a plain file, or exceeds the limit.
pub fn read(path: &Path, most: u64) -> Result<Vec<u8>, FileError> {
    read_file(&open(path)?, most)
}

/// Reads the text of a plain file, without a byte order mark.
///
/// # Errors
/// When it cannot be read, is not a plain file, exceeds the limit, or is not UTF-8.
pub fn read_text(path: &Path, most: u64) -> Result<String, FileError> {
    text(read(path, most)?)
}

/// Reads the bytes of an open file, from its current position.
///
/// # Errors
/// When it cannot be read, or exceeds the limit.
pub fn read_file(file: &File, most: u64) -> Result<Vec<u8>, FileError> {
    // A file that reports too large a size need not be read. One that reports no size must be.
    if file.metadata()?.len() > most {
        return Err(FileError::TooLarge(most));
    }
    read_from(file, most)
}

/// Reads bytes from a stream, such as standard input, up to its end or one byte past the limit.
///
/// # Errors
/// When it cannot be read, or exceeds the limit.
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

/// Converts bytes to text, without a byte order mark.
///
/// # Errors
/// When they are not UTF-8.
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
