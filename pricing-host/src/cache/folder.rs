//! The folder of a cache. It is opened once and everything goes through that descriptor, so that nobody can swap the
//! folder; links are not followed.

use std::fs::{DirBuilder, File};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, Stat, Timespec, Timestamps, UTIME_NOW, UTIME_OMIT};
use rustix::rand::{GetRandomFlags, getrandom};

use super::CacheError;

/// The prefix of files that are being written.
pub(super) const TEMPORARY: &str = ".tmp-";
/// The permission bits that let other users write.
const WRITABLE_BY_OTHERS: u32 = 0o022;

/// An open folder that only its owner can write.
#[derive(Debug)]
pub(super) struct Folder(OwnedFd);

/// Whether a file belongs to this user and has none of these permission bits.
pub(super) fn is_own(stat: &Stat, forbidden: u32) -> bool {
    stat.st_uid == rustix::process::geteuid().as_raw() && stat.st_mode & forbidden == 0
}

impl Folder {
    /// Opens or creates a folder, and checks the owner and the permissions of the open descriptor, not of the path,
    /// which could be swapped in between.
    pub(super) fn open(path: &Path) -> Result<Self, CacheError> {
        let failed = |source: io::Error| CacheError::Io { path: path.to_owned(), source };
        let untrusted = |problem| CacheError::Untrusted { path: path.to_owned(), problem };
        // Normalised, because a link with a trailing slash would be followed.
        let plain = path.components().as_path();
        if let Err(error) = plain.symlink_metadata() {
            if error.kind() != io::ErrorKind::NotFound {
                return Err(failed(error));
            }
            DirBuilder::new().recursive(true).mode(0o700).create(plain).map_err(failed)?;
        }
        let metadata = plain.symlink_metadata().map_err(failed)?;
        if metadata.is_symlink() {
            return Err(untrusted("it is a symbolic link; name the folder itself"));
        }
        if !metadata.is_dir() {
            return Err(untrusted("it is not a folder"));
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let folder = rustix::fs::openat(CWD, plain, flags, Mode::empty()).map_err(|error| failed(error.into()))?;
        let stat = rustix::fs::fstat(&folder).map_err(|error| failed(error.into()))?;
        if !is_own(&stat, 0) {
            return Err(untrusted("it belongs to another user; name a folder of your own"));
        }
        if !is_own(&stat, WRITABLE_BY_OTHERS) {
            return Err(untrusted("others can write to it; run `chmod go-w` on it, and empty it"));
        }
        Ok(Self(folder))
    }

    /// Opens a file and returns its size. None if it does not exist. Anything but a plain file of the owner's that
    /// nobody else can write to is an error.
    pub(super) fn open_own(&self, name: &str) -> io::Result<Option<(File, u64)>> {
        match self.open_with_mode(name, WRITABLE_BY_OTHERS) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            other => other.map(Some),
        }
    }

    /// Like [`Folder::open_own`], with the permission bits that it must not have.
    pub(super) fn open_with_mode(&self, name: &str, forbidden: u32) -> io::Result<(File, u64)> {
        // Without NONBLOCK, opening a named pipe would block.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&self.0, name, flags, Mode::empty())?;
        let stat = rustix::fs::fstat(&file)?;
        let ordinary = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
        if !(ordinary && is_own(&stat, forbidden)) {
            return Err(io::Error::new(
                io::ErrorKind::PermissionDenied,
                "not an ordinary file that only its owner can access",
            ));
        }
        Ok((File::from(file), u64::try_from(stat.st_size).unwrap_or(0)))
    }

    /// Writes a file that appears under its name completely, replacing an existing one.
    pub(super) fn write_whole(&self, name: &str, write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
        let temporary = self.write_temporary(write)?;
        rustix::fs::renameat(&self.0, temporary.as_str(), &self.0, name).map_err(|error| {
            self.remove(&temporary);
            error.into()
        })
    }

    /// Like [`Folder::write_whole`], but an existing file stays, which is not an error.
    pub(super) fn write_first(&self, name: &str, write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
        let temporary = self.write_temporary(write)?;
        let linked = rustix::fs::linkat(&self.0, temporary.as_str(), &self.0, name, AtFlags::empty());
        self.remove(&temporary);
        match linked {
            Ok(()) | Err(rustix::io::Errno::EXIST) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn write_temporary(&self, write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<String> {
        let name = format!("{TEMPORARY}{:032x}", u128::from_ne_bytes(random()?));
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut file = File::from(rustix::fs::openat(&self.0, name.as_str(), flags, Mode::RUSR | Mode::WUSR)?);
        match write(&mut file) {
            Ok(()) => Ok(name),
            Err(error) => {
                self.remove(&name);
                Err(error)
            }
        }
    }

    /// Removes a file. It does not matter if that fails, since the file is checked again before it is used.
    pub(super) fn remove(&self, name: &str) {
        let _ = rustix::fs::unlinkat(&self.0, name, AtFlags::empty());
    }

    /// The files of the folder with their metadata. Files that cannot be inspected are left out.
    pub(super) fn list(&self) -> Vec<(String, Stat)> {
        let Ok(folder) = rustix::fs::Dir::read_from(&self.0) else { return Vec::new() };
        folder
            .map_while(Result::ok)
            .filter_map(|entry| {
                let name = entry.file_name().to_str().ok()?.to_owned();
                let stat = rustix::fs::statat(&self.0, name.as_str(), AtFlags::SYMLINK_NOFOLLOW).ok()?;
                Some((name, stat))
            })
            .collect()
    }
}

/// Updates the time of a file's last use.
pub(super) fn touch(file: &File) -> rustix::io::Result<()> {
    let last_access = Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT };
    let last_modification = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
    rustix::fs::futimens(file, &Timestamps { last_access, last_modification })
}

/// Cryptographically random bytes.
pub(super) fn random<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    let mut filled = 0;
    while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        filled = filled.saturating_add(getrandom(rest, GetRandomFlags::empty())?);
    }
    Ok(bytes)
}
