//! The configuration that was accepted last, in memory and in its file. Every new configuration is compared with it.

use std::sync::PoisonError;
use std::time::{Instant, SystemTime};

use crate::config::{ConfigError, Loaded};
use crate::engine::Engine;
use crate::guard::{self, Accepted, AcceptedFile};

/// The configuration that was accepted last, and its file.
#[derive(Debug)]
pub(in crate::engine) struct LastAccepted {
    accepted: Accepted,
    /// `None` if nothing is persisted.
    file: Option<AcceptedFile>,
    is_written: bool,
    /// Why it could not be written.
    problem: Option<String>,
}

impl LastAccepted {
    /// Compares the configuration of a start with the file. If only the rate card has to be accepted, the engine starts
    /// with the card of the file, and the refusal is returned beside it.
    ///
    /// # Errors
    /// When the file cannot be used, or when more than the rate card has to be accepted.
    pub(in crate::engine) fn at_start(loaded: &mut Loaded) -> Result<(Self, Option<ConfigError>), ConfigError> {
        let offered = Accepted::of(loaded);
        let Some(path) = guard::path_of(&loaded.config) else {
            tracing::warn!(
                "no rate card is saved that a restart could compare with: there is neither `reload.state` nor a bid log"
            );
            return Ok((Self { accepted: offered, file: None, is_written: true, problem: None }, None));
        };
        let file = AcceptedFile::open(&path)?;
        let mut last_accepted = Self { accepted: offered, file: None, is_written: false, problem: None };
        let mut refused = None;
        if let Some(kept) = file.read()? {
            match kept.admits(&last_accepted.accepted, &loaded.config.listen) {
                Ok(()) => last_accepted.is_written = kept == last_accepted.accepted,
                Err(refusal) if refusal.is_rates_alone && kept.admits_with_own_rates(&last_accepted.accepted) => {
                    loaded.rates = kept.rates.clone();
                    loaded.card = kept.card.clone();
                    // The files of the configuration are not what is in use now.
                    loaded.files.clear();
                    let in_use = kept.clone().with_all_but_the_rates_of(&last_accepted.accepted);
                    last_accepted.is_written = kept == in_use;
                    last_accepted.accepted = in_use;
                    refused = Some(refusal.into());
                }
                Err(refusal) => {
                    let (listed, path) = (refusal.listed(), path.display());
                    let message = format!(
                        "the configuration changes {listed}, which have not been accepted; put it back, or remove `{path}` \
                         to have it accepted at the next start"
                    );
                    return Err(ConfigError::unusable("reload.state", message));
                }
            }
        }
        last_accepted.file = Some(file);
        Ok((last_accepted, refused))
    }

    /// Writes the accepted configuration. A problem is logged once.
    fn write(&mut self) {
        let Some(file) = &self.file else {
            self.is_written = true;
            return;
        };
        match file.write(&self.accepted, SystemTime::now()) {
            Ok(()) => (self.is_written, self.problem) = (true, None),
            Err(error) => {
                let problem = error.to_string();
                if self.problem.as_ref() != Some(&problem) {
                    tracing::error!(
                        problem,
                        "the accepted rate card is not saved; a restart compares with an older one"
                    );
                }
                self.problem = Some(problem);
            }
        }
    }
}

impl Engine {
    /// Returns the configuration that was accepted last. Where it does not fix the value of an AKT, the feed's value is
    /// used.
    pub(super) fn accepted(&self) -> Accepted {
        let last_accepted = self.inner.last_accepted.lock().unwrap_or_else(PoisonError::into_inner);
        last_accepted.accepted.clone().where_unfixed(self.inner.feed.usd_per_akt(Instant::now()))
    }

    /// Stores the accepted configuration in memory and in its file.
    pub(super) fn remember(&self, accepted: Accepted) {
        let mut last_accepted = self.inner.last_accepted.lock().unwrap_or_else(PoisonError::into_inner);
        if last_accepted.accepted != accepted || !last_accepted.is_written {
            last_accepted.accepted = accepted;
            last_accepted.is_written = false;
            last_accepted.write();
        }
    }

    /// Writes the accepted configuration, if that failed before.
    pub(in crate::engine) fn write_accepted(&self) {
        let mut last_accepted = self.inner.last_accepted.lock().unwrap_or_else(PoisonError::into_inner);
        if !last_accepted.is_written {
            last_accepted.write();
        }
    }

    /// Returns why the accepted configuration could not be written.
    pub(in crate::engine) fn state_problem(&self) -> Option<String> {
        self.inner.last_accepted.lock().unwrap_or_else(PoisonError::into_inner).problem.clone()
    }

    /// Closes the file of the accepted configuration, which unlocks it for another engine.
    pub(in crate::engine) fn close_accepted(&self) {
        self.inner.last_accepted.lock().unwrap_or_else(PoisonError::into_inner).file = None;
    }
}
