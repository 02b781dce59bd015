//! What was accepted last, which every new configuration is held against, and the file that keeps it.

use std::sync::PoisonError;
use std::time::{Instant, SystemTime};

use crate::config::{ConfigError, Loaded};
use crate::engine::Engine;
use crate::guard::{self, Accepted, AcceptedFile};

/// What was accepted last, and where that is kept.
#[derive(Debug)]
pub(in crate::engine) struct LastAccepted {
    accepted: Accepted,
    /// None where nothing is kept across a restart.
    file: Option<AcceptedFile>,
    is_written: bool,
    /// Why it is not.
    problem: Option<String>,
}

impl LastAccepted {
    /// What the file keeps, held against a configuration at the start. Where nothing but the card has to be accepted, the
    /// card of the file takes the configuration's place.
    ///
    /// # Errors
    /// When the file cannot be used, or more has to be accepted.
    pub(in crate::engine) fn at_start(loaded: &mut Loaded) -> Result<(Self, Option<ConfigError>), ConfigError> {
        let offered = Accepted::of(loaded);
        let Some(path) = guard::path_of(&loaded.config) else {
            tracing::warn!(
                "no rate card is kept for a restart to compare with: there is neither `reload.state` nor a bid log"
            );
            return Ok((Self { accepted: offered, file: None, is_written: true, problem: None }, None));
        };
        let file = AcceptedFile::open(&path)?;
        let mut remembered = Self { accepted: offered, file: None, is_written: false, problem: None };
        let mut refused = None;
        if let Some(kept) = file.read()? {
            match kept.admits(&remembered.accepted, &loaded.config.listen) {
                Ok(()) => remembered.is_written = kept == remembered.accepted,
                Err(refusal) if refusal.is_rates_alone => {
                    loaded.rates = kept.rates.clone();
                    // What is in the files is not what is in use.
                    loaded.files.clear();
                    let in_use = kept.clone().with_all_but_the_rates_of(&remembered.accepted);
                    remembered.is_written = kept == in_use;
                    remembered.accepted = in_use;
                    refused = Some(refusal.into());
                }
                Err(refusal) => {
                    let (listed, path) = (refusal.listed(), path.display());
                    let message = format!(
                        "the configuration changes {listed}, which nobody has accepted; put it back, or remove `{path}` \
                         to have it accepted at the next start"
                    );
                    return Err(ConfigError::unusable("reload.state", message));
                }
            }
        }
        remembered.file = Some(file);
        Ok((remembered, refused))
    }

    /// Writes what was accepted. What does not work is told once.
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
                        "the rate card that was accepted is not kept; a restart compares with an older one"
                    );
                }
                self.problem = Some(problem);
            }
        }
    }
}

impl Engine {
    /// What was accepted last. An AKT of which the configuration says nothing is worth what the feed says.
    pub(super) fn accepted(&self) -> Accepted {
        let remembered = self.inner.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        remembered.accepted.clone().where_unfixed(self.inner.feed.usd_per_akt(Instant::now()))
    }

    /// Remembers what was accepted, also across a restart.
    pub(super) fn remember(&self, accepted: Accepted) {
        let mut remembered = self.inner.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        if remembered.accepted != accepted || !remembered.is_written {
            remembered.accepted = accepted;
            remembered.is_written = false;
            remembered.write();
        }
    }

    /// Tries again what could not be written.
    pub(in crate::engine) fn write_accepted(&self) {
        let mut remembered = self.inner.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        if !remembered.is_written {
            remembered.write();
        }
    }

    /// Why what was accepted is not kept.
    pub(in crate::engine) fn state_problem(&self) -> Option<String> {
        self.inner.remembered.lock().unwrap_or_else(PoisonError::into_inner).problem.clone()
    }

    /// Lets another engine have the file of what was accepted.
    pub(in crate::engine) fn close_accepted(&self) {
        self.inner.remembered.lock().unwrap_or_else(PoisonError::into_inner).file = None;
    }
}
