//! The file of the accepted configuration.
//!
//! It has a line `bidprice accepted VERSION DIGEST`, then the JSON that the digest is of. It is written to a temporary
//! file, which is then renamed, so that it is always complete. A lock file beside it lets only one service use it.

use std::fs::OpenOptions;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::{Accepted, OtherSettings};
use crate::config::{Config, ConfigError, LoadedRates};
use crate::digest::Digest;
use crate::own_file::{OwnLock, own_file, write_own_file};

/// The start of the first line, and the version of the format.
const MAGIC: &str = "bidprice accepted ";
const VERSION: u32 = 1;
/// The file's name in the bid log's folder.
const NAME: &str = "reload.state";
/// The most bytes of the file. It has two rate cards, and JSON may escape each of their bytes.
const MAX_BYTES: u64 = 16 << 20;

/// Why the file cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileError {
    #[error("`{}`: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error(
        "`{}` cannot be read ({source}): it has to be an ordinary file of the service's own user with mode 600; make it \
         that, or look at the rate card that is configured, and remove the file to have it accepted at the next start",
        path.display()
    )]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("another service uses `{}`; give each its own `reload.state`", .0.display())]
    Busy(PathBuf),
    #[error(
        "`{}` is damaged ({why}), so it is not known which rate card was accepted last; look at the one that is \
         configured, and remove the file to have it accepted at the next start", path.display()
    )]
    Damaged { path: PathBuf, why: String },
    #[error(
        "`{}` is of version {found}, and this program writes {VERSION}; start the program that wrote it, or look at the \
         rate card that is configured, and remove the file to have it accepted at the next start", path.display()
    )]
    Version { path: PathBuf, found: String },
}

impl From<FileError> for ConfigError {
    fn from(error: FileError) -> Self {
        Self::unusable("reload.state", error)
    }
}

/// The JSON of the file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    /// When it was accepted. Nothing depends on it.
    accepted_at: String,
    rates: String,
    card: Option<String>,
    beside: OtherSettings,
}

/// Returns the path of the file; `None` if nothing is persisted.
pub(crate) fn path_of(config: &Config) -> Option<PathBuf> {
    let beside_log = || config.bid_log.as_ref().map(|log| log.folder.join(NAME));
    config.reload.state.clone().or_else(beside_log)
}

/// The file, locked against other services.
#[derive(Debug)]
pub(crate) struct AcceptedFile {
    path: PathBuf,
    _lock: OwnLock,
}

impl AcceptedFile {
    /// Locks the file.
    ///
    /// # Errors
    /// When another service uses the file, or its folder cannot be written.
    pub(crate) fn open(path: &Path) -> Result<Self, FileError> {
        let mut name = path.as_os_str().to_owned();
        name.push(".lock");
        let at = PathBuf::from(name);
        let lock = OwnLock::take(&at).map_err(|source| FileError::Io { path: at, source })?;
        let lock = lock.ok_or_else(|| FileError::Busy(path.to_owned()))?;
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    /// Reads the accepted configuration; `None` if the file does not exist.
    ///
    /// # Errors
    /// When the file cannot be used.
    pub(crate) fn read(&self) -> Result<Option<Accepted>, FileError> {
        read(&self.path)
    }

    /// Writes the accepted configuration atomically.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn write(&self, accepted: &Accepted, now: SystemTime) -> Result<(), FileError> {
        let failed = |source: io::Error| FileError::Io { path: self.path.clone(), source };
        let text = text(accepted, now).map_err(|error| failed(error.into()))?;
        write_own_file(&self.path, text.as_bytes()).map_err(failed)
    }
}

/// Reads the accepted configuration; `None` if the file does not exist.
///
/// # Errors
/// When the file cannot be used.
pub(crate) fn read(path: &Path) -> Result<Option<Accepted>, FileError> {
    let failed = |source| FileError::Unreadable { path: path.to_owned(), source };
    let file = match own_file(path, OpenOptions::new().read(true)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let mut bytes = Vec::new();
    file.take(MAX_BYTES).read_to_end(&mut bytes).map_err(failed)?;
    parse(path, &bytes).map(Some)
}

fn text(accepted: &Accepted, now: SystemTime) -> serde_json::Result<String> {
    let content = Content {
        accepted_at: humantime::format_rfc3339_seconds(now).to_string(),
        rates: accepted.rates.text.to_string(),
        card: accepted.card.as_deref().map(str::to_owned),
        beside: accepted.beside.clone(),
    };
    let json = serde_json::to_string(&content)?;
    Ok(format!("{MAGIC}{VERSION} {}\n{json}\n", Digest::of(&json)))
}

fn parse(path: &Path, bytes: &[u8]) -> Result<Accepted, FileError> {
    let damaged = |why: String| FileError::Damaged { path: path.to_owned(), why };
    let text = std::str::from_utf8(bytes).map_err(|_| damaged("it is not text".to_owned()))?;
    let head = || damaged("its first line is not one that this program writes".to_owned());
    let (line, rest) = text.split_once('\n').ok_or_else(head)?;
    let (version, digest) = line.strip_prefix(MAGIC).and_then(|line| line.split_once(' ')).ok_or_else(head)?;
    if version != VERSION.to_string() {
        let is_number = !version.is_empty() && version.len() < 10 && version.bytes().all(|byte| byte.is_ascii_digit());
        return Err(match is_number {
            true => FileError::Version { path: path.to_owned(), found: version.to_owned() },
            false => head(),
        });
    }
    let json = rest.strip_suffix('\n').filter(|json| Digest::parse(digest) == Some(Digest::of(json)));
    let json = json.ok_or_else(|| damaged("it was truncated or changed".to_owned()))?;
    let content: Content = serde_json::from_str(json).map_err(|error| damaged(error.to_string()))?;
    let rates =
        LoadedRates::recorded(content.rates).map_err(|error| damaged(format!("the rate card in it: {error}")))?;
    Ok(Accepted { rates, card: content.card.map(Arc::from), beside: content.beside })
}
