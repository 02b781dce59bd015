//! When rates were changed last, across restarts.

use std::fs::OpenOptions;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::guard;
use crate::own_file::{own_file, write_own_file};

/// The name of the file, beside the one that keeps the accepted rate card.
const NAME: &str = "tune.state";
/// The most bytes of the file.
const MAX_BYTES: u64 = 4096;
/// The version of its form.
const SCHEMA: u32 = 1;
/// Rates are changed at most once a day.
pub(crate) const DAY: Duration = Duration::from_secs(24 * 3600);

/// Why the file cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StateError {
    /// It cannot be read or written.
    #[error("`{}` cannot be used: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is not one that this program writes.
    #[error("`{}` is damaged; remove it to let rates be changed again", .0.display())]
    Damaged(PathBuf),
}

/// When rates were changed last.
#[derive(Debug)]
pub(crate) struct TuneState {
    path: PathBuf,
    changed_at: Option<SystemTime>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    schema: u32,
    changed_at: String,
}

impl TuneState {
    /// Returns the path of the file. None if the configuration names no place for it.
    pub(crate) fn path_of(config: &Config) -> Option<PathBuf> {
        guard::path_of(config).map(|path| path.with_file_name(NAME))
    }

    /// Reads the file. One that is missing says that rates were never changed.
    ///
    /// # Errors
    /// When it cannot be used.
    pub(crate) fn read(path: &Path) -> Result<Self, StateError> {
        let failed = |source| StateError::Io { path: path.to_owned(), source };
        let file = match own_file(path, OpenOptions::new().read(true)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Self { path: path.to_owned(), changed_at: None });
            }
            Err(error) => return Err(failed(error)),
        };
        let mut text = String::new();
        file.take(MAX_BYTES).read_to_string(&mut text).map_err(failed)?;
        let content = serde_json::from_str::<Content>(&text).ok().filter(|content| content.schema == SCHEMA);
        let changed_at = content.and_then(|content| humantime::parse_rfc3339(&content.changed_at).ok());
        let changed_at = changed_at.ok_or_else(|| StateError::Damaged(path.to_owned()))?;
        Ok(Self { path: path.to_owned(), changed_at: Some(changed_at) })
    }

    /// Returns when rates were changed last.
    pub(crate) fn changed_at(&self) -> Option<SystemTime> {
        self.changed_at
    }

    /// Checks that a day has passed since then. A time in the future means that a clock was wrong, so nothing is known.
    ///
    /// # Errors
    /// When it has not passed, with the time.
    pub(crate) fn may_change(&self, now: SystemTime) -> Result<(), String> {
        let Some(changed_at) = self.changed_at else { return Ok(()) };
        let at = humantime::format_rfc3339_seconds(changed_at);
        match now.duration_since(changed_at) {
            Ok(since) if since >= DAY => Ok(()),
            Ok(_) => Err(format!("rates were last changed at {at}; they change at most once a day")),
            Err(_) => Err(format!(
                "rates were last changed at {at}, which is in the future: a clock is or was wrong. If this one is right, \
                 remove `{}`",
                self.path.display()
            )),
        }
    }

    /// Writes that rates are changed now.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(crate) fn change(&mut self, now: SystemTime) -> Result<(), StateError> {
        let content = Content { schema: SCHEMA, changed_at: humantime::format_rfc3339_seconds(now).to_string() };
        self.write(&content).map_err(|source| StateError::Io { path: self.path.clone(), source })?;
        self.changed_at = Some(now);
        Ok(())
    }

    fn write(&self, content: &Content) -> io::Result<()> {
        write_own_file(&self.path, serde_json::to_string(content)?.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_lies_between_two_changes_also_over_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(NAME);
        let now = SystemTime::UNIX_EPOCH + 400 * DAY;
        let mut state = TuneState::read(&path).unwrap();
        assert_eq!(state.may_change(now), Ok(()));
        state.change(now).unwrap();
        let kept = TuneState::read(&path).unwrap();
        assert_eq!(kept.changed_at(), Some(now));
        let second = Duration::from_secs(1);
        let may = |after: Duration| kept.may_change(now + after).is_ok();
        assert_eq!([may(second), may(DAY - second), may(DAY)], [false, false, true]);
        let set_back = kept.may_change(now - second).unwrap_err();
        assert!(set_back.contains("in the future") && set_back.contains(&format!("remove `{}`", path.display())));
    }

    #[test]
    fn a_damaged_file_lets_nothing_be_changed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(NAME);
        TuneState::read(&path).unwrap().change(SystemTime::UNIX_EPOCH).unwrap();
        for text in
            ["", "{}", "{\"schema\":2,\"changed_at\":\"2026-01-01T00:00:00Z\"}", "{\"schema\":1,\"changed_at\":\"x\"}"]
        {
            std::fs::write(&path, text).unwrap();
            assert!(matches!(TuneState::read(&path), Err(StateError::Damaged(_))), "{text}");
        }
    }
}
