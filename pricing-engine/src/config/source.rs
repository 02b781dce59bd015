//! Where a configuration comes from.

use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where a configuration comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConfigSource {
    /// A file. A reload reads it again.
    File(PathBuf),
    /// A text in the memory of the program that starts the engine. It stays as it is: a reload reads only the files that
    /// it names.
    Text {
        /// The configuration, in TOML.
        text: Arc<str>,
        /// The folder that relative paths in it start from.
        folder: PathBuf,
    },
}

/// How messages name a configuration that is in no file.
const UNNAMED: &str = "configuration text";

impl ConfigSource {
    /// The path that messages name. Its folder is the one that relative paths start from.
    pub(crate) fn path(&self) -> PathBuf {
        match self {
            Self::File(path) => path.clone(),
            Self::Text { folder, .. } => folder.join(UNNAMED),
        }
    }
}

impl From<&Path> for ConfigSource {
    fn from(path: &Path) -> Self {
        Self::File(path.to_owned())
    }
}

impl From<PathBuf> for ConfigSource {
    fn from(path: PathBuf) -> Self {
        Self::File(path)
    }
}

impl From<&PathBuf> for ConfigSource {
    fn from(path: &PathBuf) -> Self {
        Self::File(path.clone())
    }
}
