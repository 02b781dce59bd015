//! Applies a proposal: one step, once a day, and only if nothing has changed since the proposal was asked for.
//!
//! No other reload runs from the checks until the changed card is in use or refused. The bid log has a line of what is
//! about to change before the card is written, and a second one of what came of it.

use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use pricing_core::rates;
use pricing_files::Output;

use crate::bid_log::{Outcome, TuneRecord, TuneStage};
use crate::config::{Files, Loaded, LoadedRates};
use crate::digest::Digest;
use crate::engine::reload::{is_in_use, settled};
use crate::engine::{Active, Engine};
use crate::tune::{DAY, Proposal, Step, TuneState, Tuner, steps};

/// How long a change waits for its line in the bid log.
const LINE_WAIT: Duration = Duration::from_secs(5);

/// What a proposal was asked for, and when.
pub(super) struct Asked<'a> {
    /// The configuration then.
    pub(super) active: Arc<Active>,
    pub(super) now: SystemTime,
    /// The same moment on a clock that nobody sets.
    pub(super) since: Instant,
    /// Whether the service stops.
    pub(super) cancelled: &'a AtomicBool,
}

/// A change that is about to be made.
struct CardChange<'a> {
    active: &'a Active,
    card: &'a Path,
    /// The new text of the rate card.
    text: String,
    steps: Vec<Step>,
}

impl Engine {
    /// Changes the rate card towards a proposal by at most one step, and reloads it.
    pub(super) fn apply(&self, asked: &Asked<'_>, tuner: &dyn Tuner, proposal: &Proposal) -> Result<(), String> {
        let turn = self.inner.reloading.lock().unwrap_or_else(PoisonError::into_inner);
        let active = self.active();
        let refused = |why: String| format!("the proposal was not applied: {why}");
        self.check_unchanged(asked, &active).map_err(refused)?;
        proposal.too_old(asked.now).map_or(Ok(()), Err).map_err(refused)?;
        let loaded = &active.loaded;
        let config = loaded.config.tune.as_ref().ok_or("`[tune]` is gone")?;
        let card = loaded.config.rates.file.as_deref().ok_or("the rates are not in a file")?;
        let path = TuneState::path_of(&loaded.config).ok_or("there is no place to keep when rates were changed")?;
        let mut state = TuneState::read(&path).map_err(|error| error.to_string())?;
        state.may_change(asked.now).map_err(refused)?;
        self.check_day(asked.since).map_err(refused)?;
        let steps = steps(config, &proposal.rates)?;
        if steps.is_empty() {
            return Ok(());
        }
        let text = changed_card(loaded, card, tuner, &steps)?;
        if asked.cancelled.load(Ordering::Relaxed) {
            return Ok(());
        }
        let change = CardChange { active: &active, card, text, steps };
        self.change_card(&turn, asked, &change, &mut state, proposal)
    }

    /// Checks that nothing has changed since the proposal was asked for, and that no change of the operator waits.
    fn check_unchanged(&self, asked: &Asked<'_>, active: &Active) -> Result<(), String> {
        let (then, now) = (&asked.active.loaded, &active.loaded);
        if then.config.tune != now.config.tune || then.config.rates.file != now.config.rates.file {
            return Err("`[tune]` was changed while it was worked out".to_owned());
        }
        if then.rates.digest != now.rates.digest {
            return Err("the rates were changed while it was worked out".to_owned());
        }
        let files = Files::read(&self.inner.source);
        if !is_in_use(&files, active) {
            let changed = files.digests().find(|(path, digest)| {
                !now.files.iter().any(|(used, with)| used.as_path() == *path && Some(*with) == *digest)
            });
            let file = changed.map_or_else(|| self.inner.source.path(), |(path, _)| path.to_owned());
            return Err(format!("`{}` is not what is in use; reload it, or put it back", file.display()));
        }
        match self.reloads().problem {
            Some(problem) => Err(format!("the last reload was refused, and that comes first: {problem}")),
            None => Ok(()),
        }
    }

    /// Checks that this process has changed no rates for a day, by a clock that nobody sets.
    fn check_day(&self, since: Instant) -> Result<(), String> {
        let last = *self.inner.rates_changed.lock().unwrap_or_else(PoisonError::into_inner);
        match last {
            Some(last) if since.saturating_duration_since(last) < DAY => {
                Err("this service has changed rates less than a day ago; they change at most once a day".to_owned())
            }
            _ => Ok(()),
        }
    }

    /// Writes and loads a changed card, between two lines of the bid log.
    fn change_card(
        &self,
        turn: &MutexGuard<'_, ()>,
        asked: &Asked<'_>,
        change: &CardChange<'_>,
        state: &mut TuneState,
        proposal: &Proposal,
    ) -> Result<(), String> {
        let shown = change.card.display();
        let unwritable = |error: &dyn std::fmt::Display| format!("`{shown}` cannot be written: {error}");
        // A folder that cannot be written is found out before the day is used up.
        let mut output = Output::create(change.card).map_err(|error| unwritable(&error))?;
        output.write_all(change.text.as_bytes()).map_err(|error| unwritable(&error))?;
        self.log_change(TuneStage::Planned, change, proposal, None)?;
        let mut written = || {
            // From here on the day is used up, whatever happens.
            state.change(asked.now).map_err(|error| error.to_string())?;
            *self.inner.rates_changed.lock().unwrap_or_else(PoisonError::into_inner) = Some(asked.since);
            output.commit().map_err(|error| unwritable(&error))
        };
        let changed = written().and_then(|()| {
            self.count_change(asked.now);
            self.reload_card(turn, change)
                .map_err(|problem| format!("the rate card was changed, and is not in use: {problem}"))
        });
        let logged = self.log_change(TuneStage::Done, change, proposal, changed.as_ref().err());
        changed.and(logged)
    }

    fn count_change(&self, now: SystemTime) {
        let mut tuning = self.tuning();
        tuning.changed = tuning.changed.saturating_add(1);
        tuning.changed_at = Some(now);
    }

    /// Loads the configuration after its rate card alone was changed.
    fn reload_card(&self, turn: &MutexGuard<'_, ()>, change: &CardChange<'_>) -> Result<(), String> {
        let files = settled(&self.inner.source).map_err(|error| error.to_string())?;
        let new = Digest::of(change.text.as_bytes());
        let expected = change.active.loaded.files.iter().map(|(file, digest)| {
            let digest = if file == change.card { new } else { *digest };
            (file.as_path(), Some(digest))
        });
        // What the operator changes at this moment is for the ordinary reload.
        if !files.digests().eq(expected) {
            return Err("another file was changed at the same moment".to_owned());
        }
        self.reload_in_turn(turn, &files, None).map(|_| ()).map_err(|error| error.to_string())
    }

    /// Logs a change, and waits until the bid log has its line.
    fn log_change(
        &self,
        stage: TuneStage,
        change: &CardChange<'_>,
        proposal: &Proposal,
        refused: Option<&String>,
    ) -> Result<(), String> {
        for Step { key, before, after, .. } in &change.steps {
            match (stage, refused) {
                (TuneStage::Planned, _) => tracing::info!(key, %before, %after, "a rate is about to be changed"),
                (TuneStage::Done, None) => tracing::info!(key, %before, %after, "a rate was changed"),
                (TuneStage::Done, Some(why)) => {
                    tracing::warn!(key, %before, %after, why, "the changed rate is not in use")
                }
            }
        }
        let Some(log) = &self.inner.bid_log else { return Ok(()) };
        let settings = Arc::clone(&self.active().settings);
        let gain = proposal.gain_percent.as_ref();
        let record = TuneRecord { stage, steps: &change.steps, gain, refused, settings: &settings };
        match (log.record_tune(&record).wait_at_most(LINE_WAIT), stage) {
            (Outcome::Written, _) => Ok(()),
            (_, TuneStage::Planned) => Err("the proposal was not applied: the bid log cannot be written".to_owned()),
            (_, TuneStage::Done) => {
                Err("the rates were changed, and the bid log has no line of how it ended".to_owned())
            }
        }
    }
}

/// The text of the rate card with some changes. Its file must be what is in use.
fn changed_card(loaded: &Loaded, card: &Path, tuner: &dyn Tuner, steps: &[Step]) -> Result<String, String> {
    let most = u64::try_from(rates::toml::MAX_INPUT_BYTES).unwrap_or(u64::MAX);
    let text = pricing_files::read_text(card, most).map_err(|error| format!("`{}`: {error}", card.display()))?;
    if loaded.card.as_deref() != Some(text.as_str()) {
        return Err(format!("the proposal was not applied: `{}` is not what is in use", card.display()));
    }
    let values: Vec<_> = steps.iter().map(|step| (step.path.clone(), step.after)).collect();
    let changed = tuner.apply(&text, &values)?;
    // What is written can be read again.
    LoadedRates::read(changed.as_str()).map_err(|error| format!("the changed rate card is wrong: {error}"))?;
    Ok(changed)
}
