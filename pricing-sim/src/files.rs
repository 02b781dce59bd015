//! The files that a scenario names.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// The maximum size of a file in a scenario, in bytes.
pub const MAX_BYTES: u64 = 2 << 30;

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It cannot be read.
    #[error("`{name}` cannot be read: {problem}")]
    Unreadable {
        /// The file, as the scenario names it.
        name: String,
        /// Why.
        problem: String,
    },
    /// It is too large.
    #[error("`{name}` has more than {most} bytes")]
    TooLarge {
        /// The file, as the scenario names it.
        name: String,
        /// The maximum size, in bytes.
        most: u64,
    },
}

/// Locates the files that a scenario names: in its own folder, or where a plan put their copies.
#[derive(Clone, Debug, Default)]
pub struct Files {
    folder: PathBuf,
    copies: BTreeMap<String, PathBuf>,
}

impl Files {
    /// Files with names relative to a folder.
    #[must_use]
    pub fn in_folder(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), copies: BTreeMap::new() }
    }

    /// Files of a plan, whose copies are listed.
    #[must_use]
    pub fn copies(folder: impl Into<PathBuf>, copies: BTreeMap<String, PathBuf>) -> Self {
        Self { folder: folder.into(), copies }
    }

    /// The path of a file or folder.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.copies.get(name).map_or_else(|| self.folder.join(name), |copy| self.folder.join(copy))
    }

    /// Opens a file, to be read in parts.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open(&self, name: &str) -> Result<File, FileError> {
        pricing_files::open(&self.path(name)).map_err(|error| unreadable(name, error))
    }

    /// The bytes of a file.
    ///
    /// # Errors
    /// When it cannot be read, or is too large.
    pub fn bytes(&self, name: &str) -> Result<Vec<u8>, FileError> {
        read(&self.path(name), name)
    }

    /// The text of a file.
    ///
    /// # Errors
    /// The same as [`Self::bytes`], or when it is not UTF-8.
    pub fn text(&self, name: &str) -> Result<String, FileError> {
        pricing_files::text(self.bytes(name)?).map_err(|error| unreadable(name, error))
    }

    /// The names of the files in a folder with one of these extensions, sorted.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn list(&self, folder: &str, endings: &[&str]) -> Result<Vec<String>, FileError> {
        let unreadable = |error: std::io::Error| unreadable(folder, error);
        let mut names = Vec::new();
        for entry in fs::read_dir(self.path(folder)).map_err(unreadable)? {
            let name = entry.map_err(unreadable)?.file_name();
            let ending = Path::new(&name).extension().and_then(|ending| ending.to_str());
            if let (Some(name), Some(ending)) = (name.to_str(), ending)
                && endings.contains(&ending)
            {
                names.push(name.to_owned());
            }
        }
        names.sort();
        Ok(names)
    }

    /// Like [`Self::list`], including the files of the folder's subfolders as `inner/name`.
    ///
    /// # Errors
    /// The same as [`Self::list`].
    pub fn list_deep(&self, folder: &str, endings: &[&str]) -> Result<Vec<String>, FileError> {
        let unreadable = |error: std::io::Error| unreadable(folder, error);
        let path = self.path(folder);
        let mut names = self.list(folder, endings)?;
        names.retain(|name| !path.join(name).is_dir());
        for entry in fs::read_dir(&path).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            // Hidden folders belong to other programs.
            let Some(inner) = entry.file_name().to_str().map(str::to_owned).filter(|name| !name.starts_with('.'))
            else {
                continue;
            };
            if entry.path().is_dir() {
                let found = Self::in_folder(&path).list(&inner, endings)?;
                names.extend(found.into_iter().map(|name| format!("{inner}/{name}")));
            }
        }
        names.sort();
        Ok(names)
    }

    /// The text of a file in a folder.
    ///
    /// # Errors
    /// The same as [`Self::text`].
    pub fn text_in(&self, folder: &str, name: &str) -> Result<String, FileError> {
        let shown = format!("{folder}/{name}");
        let bytes = read(&self.path(folder).join(name), &shown)?;
        pricing_files::text(bytes).map_err(|error| unreadable(&shown, error))
    }
}

fn unreadable(name: &str, problem: impl ToString) -> FileError {
    FileError::Unreadable { name: name.to_owned(), problem: problem.to_string() }
}

fn read(path: &Path, name: &str) -> Result<Vec<u8>, FileError> {
    pricing_files::read(path, MAX_BYTES).map_err(|error| match error {
        pricing_files::FileError::TooLarge(most) => FileError::TooLarge { name: name.to_owned(), most },
        error => unreadable(name, error),
    })
}
