//! The files of a configuration, with their content at one moment.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pricing_core::rates;
use pricing_core::reserve::kubernetes::configuration;
use pricing_files::FileError;
use toml::Table;

use super::{ConfigError, ConfigSource};
use crate::digest::Digest;

/// The most bytes of a configuration.
const MAX_BYTES: usize = 1 << 20;

/// A configuration with the rate cards and the scheduler's configuration that it names, with their content and metadata
/// at one moment. If two values are equal, the files are the same, and were not written to in between.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    pub(super) config: TextFile,
    pub(super) rates: Option<TextFile>,
    pub(super) shadow_rates: Option<TextFile>,
    pub(super) scheduler: Option<TextFile>,
}

/// A text file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TextFile {
    pub(super) path: PathBuf,
    stamp: Option<Stamp>,
    /// The text, or why it cannot be read.
    text: Result<Arc<str>, String>,
}

/// The metadata of a file, by which a change is noticed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    inode: (u64, u64),
    modified: (i64, i64),
    changed: (i64, i64),
    length: u64,
}

impl Files {
    /// Reads a configuration, and the files that it names here, if it can be parsed.
    #[must_use]
    pub fn read(source: &ConfigSource) -> Self {
        let path = source.path();
        let config = match source {
            ConfigSource::File(_) => TextFile::read(path.clone(), MAX_BYTES),
            ConfigSource::Text { text, .. } => TextFile::of_text(path.clone(), text, MAX_BYTES),
        };
        let table = config.text.as_ref().ok().and_then(|text| text.parse::<Table>().ok()).unwrap_or_default();
        let folder = path.parent().unwrap_or(Path::new(""));
        let named = |section: &str, key: &str, limit: usize| {
            let file = table.get(section)?.get(key)?.as_str()?;
            Some(TextFile::read(folder.join(file), limit))
        };
        Self {
            rates: named("rates", "file", rates::toml::MAX_INPUT_BYTES),
            shadow_rates: named("shadow", "rates", rates::toml::MAX_INPUT_BYTES),
            scheduler: named("kubernetes", "scheduler_config", configuration::MAX_INPUT_BYTES),
            config,
        }
    }

    /// Returns the path and the digest of each file; the digest is `None` if the file cannot be read.
    pub fn digests(&self) -> impl Iterator<Item = (&Path, Option<Digest>)> {
        let files = [Some(&self.config), self.rates.as_ref(), self.shadow_rates.as_ref(), self.scheduler.as_ref()];
        files.into_iter().flatten().map(|file| (file.path.as_path(), file.digest()))
    }
}

impl TextFile {
    fn read(path: PathBuf, limit: usize) -> Self {
        let (stamp, text) = match read_text(&path, limit) {
            Ok((stamp, text)) => (Some(stamp), Ok(Arc::from(text))),
            Err(error) => (None, Err(error.to_string())),
        };
        Self { path, stamp, text }
    }

    /// A text that is in no file.
    fn of_text(path: PathBuf, text: &Arc<str>, limit: usize) -> Self {
        let text = if text.len() > limit {
            Err(FileError::TooLarge(u64::try_from(limit).unwrap_or(u64::MAX)).to_string())
        } else {
            Ok(Arc::clone(text))
        };
        Self { path, stamp: None, text }
    }

    /// Returns the text.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub(super) fn text(&self) -> Result<&Arc<str>, ConfigError> {
        let unreadable =
            |message: &String| ConfigError::Unreadable { file: self.path.clone(), message: message.clone() };
        self.text.as_ref().map_err(unreadable)
    }

    fn digest(&self) -> Option<Digest> {
        self.text.as_ref().ok().map(|text| Digest::of(text.as_bytes()))
    }
}

impl Stamp {
    /// Returns the stamp of a file; `None` if it does not exist.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        std::fs::metadata(path).ok().map(|found| Self::from(&found))
    }
}

impl From<&Metadata> for Stamp {
    fn from(found: &Metadata) -> Self {
        Self {
            inode: (found.dev(), found.ino()),
            modified: (found.mtime(), found.mtime_nsec()),
            changed: (found.ctime(), found.ctime_nsec()),
            length: found.len(),
        }
    }
}

/// Reads a plain file of at most `limit` bytes, and then its stamp.
fn read_text(path: &Path, limit: usize) -> Result<(Stamp, String), FileError> {
    let file = pricing_files::open(path)?;
    let bytes = pricing_files::read_file(&file, u64::try_from(limit).unwrap_or(u64::MAX))?;
    Ok((Stamp::from(&file.metadata()?), pricing_files::text(bytes)?))
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};

    use super::*;

    #[test]
    fn a_look_sees_what_a_configuration_names_and_every_change_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let config = "[rates]\nfile = \"rates.toml\"\n[shadow]\nrates = \"absent.toml\"\n";
        fs::write(at("bidprice.toml"), config).unwrap();
        fs::write(at("rates.toml"), "[rates]\ncpu = 1\n").unwrap();
        let first = Files::read(&at("bidprice.toml").into());
        let digests: Vec<_> = first.digests().map(|(path, digest)| (path.to_owned(), digest)).collect();
        let expected = [
            (at("bidprice.toml"), Some(Digest::of(config))),
            (at("rates.toml"), Some(Digest::of("[rates]\ncpu = 1\n"))),
            (at("absent.toml"), None),
        ];
        assert_eq!(digests, expected);
        assert_eq!(Files::read(&at("bidprice.toml").into()), first);
        // Another file with the same content.
        fs::write(at("new"), "[rates]\ncpu = 1\n").unwrap();
        fs::rename(at("new"), at("rates.toml")).unwrap();
        let second = Files::read(&at("bidprice.toml").into());
        assert_ne!(second, first);
        assert!(second.digests().eq(first.digests()));
        // The same file of the same size with the same time.
        let modified = fs::metadata(at("rates.toml")).unwrap().modified().unwrap();
        fs::write(at("rates.toml"), "[rates]\ncpu = 2\n").unwrap();
        File::options().append(true).open(at("rates.toml")).unwrap().set_modified(modified).unwrap();
        assert_ne!(Files::read(&at("bidprice.toml").into()), second);
    }

    #[test]
    fn what_is_not_a_text_file_is_never_waited_for_and_never_a_text() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("folder")).unwrap();
        std::os::unix::fs::symlink(at("nowhere"), at("link")).unwrap();
        fs::write(at("bytes"), [0xff, 0xff]).unwrap();
        fs::write(at("utf-16"), [0xff, 0xfe]).unwrap();
        fs::write(at("long"), " ".repeat(MAX_BYTES + 1)).unwrap();
        let made = std::process::Command::new("mkfifo").arg(at("pipe")).status().unwrap();
        assert!(made.success());
        for (path, message) in [
            (at("folder"), "it is a folder, not a plain file"),
            (at("pipe"), "it is a pipe, not a plain file"),
            (PathBuf::from("/dev/null"), "it is a device, not a plain file"),
            (at("link"), "No such file"),
            (at("bytes"), "it is not UTF-8 text"),
            (at("utf-16"), "it is UTF-16 text"),
            (at("long"), "it has more than 1048576 bytes"),
        ] {
            let file = TextFile::read(path.clone(), MAX_BYTES);
            let error = file.text().unwrap_err().to_string();
            assert!(error.contains(message), "{}: {error}", path.display());
        }
    }
}
