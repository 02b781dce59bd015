//! Proposes rates now and then, and applies them where the configuration says so.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use pricing_core::rates;
use pricing_panics::catch;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::{Active, Engine};
use crate::bid_log::TuneRecord;
use crate::config::{ConfigError, Loaded, LoadedRates};
use crate::tune::{Proposal, Reading, Step, TuneDecision, TuneState, TuneTask, Tuner, steps};

/// How long after its start an engine proposes rates for the first time. Starting has priority.
const FIRST: Duration = Duration::from_secs(60);
/// How often it is checked whether rates are due. The interval may change with a reload.
const CHECK: Duration = Duration::from_secs(30);
/// How long stopping waits for a proposal that is being worked out.
const LAST_WAIT: Duration = Duration::from_secs(1);

/// Checks the section `tune` of a configuration.
///
/// # Errors
/// When this program has nothing that proposes rates, or the section does not fit the scenario or the rate card.
pub(super) fn check(loaded: &Loaded, tuner: Option<&Arc<dyn Tuner>>) -> Result<(), ConfigError> {
    let (Some(config), Some(card)) = (&loaded.config.tune, &loaded.config.rates.file) else { return Ok(()) };
    let missing = || ConfigError::unusable("tune", "this program was built without the simulation, which it needs");
    let task = TuneTask { config, card, pricing: &loaded.rates.pricing };
    tuner.ok_or_else(missing)?.check(&task).map_err(|problem| ConfigError::unusable("tune.scenario", problem))
}

impl Engine {
    /// Proposes rates at the interval of the configuration, until `stop` is cancelled. Each time a thread of its own with the
    /// lowest priority does the work.
    pub async fn tune(self, stop: CancellationToken) {
        let mut due = self.inner.started.checked_add(FIRST);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(CHECK) => {}
            }
            let interval = self.active().loaded.config.tune.as_ref().map(|tune| tune.interval.get());
            let Some(interval) = interval.filter(|_| due.is_none_or(|due| Instant::now() >= due)) else { continue };
            due = Instant::now().checked_add(interval);
            if self.propose_aside(&stop).await.is_err() {
                return;
            }
        }
    }

    /// Proposes rates on a thread of its own. `Err` if that was stopped.
    async fn propose_aside(&self, stop: &CancellationToken) -> Result<(), ()> {
        let cancelled = Arc::new(AtomicBool::new(false));
        let (done, mut ended) = oneshot::channel();
        let (engine, flag) = (self.clone(), Arc::clone(&cancelled));
        let work = move || {
            // On Linux the priority is that of the calling thread. Without it, pricing only shares the cores with this thread.
            let _ = rustix::process::nice(19);
            engine.propose(&flag, SystemTime::now());
            let _ = done.send(());
        };
        if let Err(error) = std::thread::Builder::new().name("tune".to_owned()).spawn(work) {
            self.tuning().problem = Some(format!("no thread could be started: {error}"));
            return Ok(());
        }
        tokio::select! {
            _ = &mut ended => return Ok(()),
            () = stop.cancelled() => {}
        }
        cancelled.store(true, Ordering::Relaxed);
        // What it works out is not waited for: it has changed nothing yet, or is about to say what it changed.
        let _ = tokio::time::timeout(LAST_WAIT, ended).await;
        Err(())
    }

    /// Proposes rates now, and applies them where the configuration says so. Blocks for as long as that takes.
    pub fn propose(&self, cancelled: &AtomicBool, now: SystemTime) {
        let active = self.active();
        let (Some(config), Some(card), Some(tuner)) =
            (&active.loaded.config.tune, &active.loaded.config.rates.file, &self.inner.tuner)
        else {
            return;
        };
        self.tuning().running = true;
        let task = TuneTask { config, card, pricing: &active.settings.rates.pricing };
        let proposed = catch(|| tuner.propose(&task, cancelled))
            .unwrap_or_else(|panic| Err(format!("it panicked, which is a bug: {panic}")));
        let is_cancelled = cancelled.load(Ordering::Relaxed);
        let applied = match proposed {
            Err(_) if is_cancelled => Ok(()),
            Err(problem) => Err(self.count_failure(&problem)),
            Ok(proposal) => {
                self.keep_proposal(&proposal, now);
                let applies = config.apply && proposal.decision == TuneDecision::Change && !is_cancelled;
                if applies { self.apply(&active, card, tuner.as_ref(), &proposal, now) } else { Ok(()) }
            }
        };
        let mut tuning = self.tuning();
        tuning.running = false;
        tuning.problem = applied.err();
        if let Some(problem) = &tuning.problem {
            tracing::warn!(problem, "the rates stay as they are");
        }
    }

    /// Counts that nothing was proposed, and says why.
    fn count_failure(&self, problem: &str) -> String {
        let mut tuning = self.tuning();
        tuning.failed = tuning.failed.saturating_add(1);
        format!("no rates were proposed: {problem}")
    }

    /// Stores and logs a proposal.
    fn keep_proposal(&self, proposal: &Proposal, now: SystemTime) {
        let percent = proposal.gain_percent.as_ref();
        tracing::info!(
            decision = proposal.decision.name(),
            rates = proposal.rates.iter().map(|rate| format!("{}: {} -> {}", rate.key, rate.current, rate.proposal)).collect::<Vec<_>>().join(", "),
            gain_usd = %format!("{} ({} to {})", proposal.gain_usd.mean, proposal.gain_usd.low, proposal.gain_usd.high),
            gain_percent = percent.map(|gain| format!("{} ({} to {})", gain.mean, gain.low, gain.high)),
            days = proposal.days,
            orders = proposal.orders,
            warnings = proposal.warnings.len(),
            "rates were proposed",
        );
        let mut tuning = self.tuning();
        tuning.proposed = tuning.proposed.saturating_add(1);
        tuning.proposed_at = Some(now);
        tuning.proposal = Some(proposal.clone());
    }

    /// Changes the rate card towards a proposal by at most one step, and reloads it.
    fn apply(
        &self,
        active: &Active,
        card: &Path,
        tuner: &dyn Tuner,
        proposal: &Proposal,
        now: SystemTime,
    ) -> Result<(), String> {
        let loaded = &active.loaded;
        let config = loaded.config.tune.as_ref().ok_or("`[tune]` is gone")?;
        let path = TuneState::path_of(&loaded.config).ok_or("there is no place to keep when rates were changed")?;
        let mut state = TuneState::read(&path).map_err(|error| error.to_string())?;
        if !state.may_change(now) {
            let at = state.changed_at().map(|at| humantime::format_rfc3339_seconds(at).to_string()).unwrap_or_default();
            return Err(format!("the proposal was not applied: rates were changed at {at}, and change once a day"));
        }
        let steps = steps(config, &proposal.rates)?;
        if steps.is_empty() {
            return Ok(());
        }
        let changed = changed_card(loaded, card, tuner, &steps)?;
        // From here on the day is used up, whatever happens.
        state.change(now).map_err(|error| error.to_string())?;
        pricing_files::write_whole(card, |file| file.write_all(changed.as_bytes()))
            .map_err(|error| format!("`{}` cannot be written: {error}", card.display()))?;
        {
            let mut tuning = self.tuning();
            tuning.changed = tuning.changed.saturating_add(1);
            tuning.changed_at = Some(now);
        }
        let reloaded = self.reload().map(|_| ()).map_err(|error| error.to_string());
        self.record_change(&steps, proposal, reloaded.as_ref().err());
        reloaded.map_err(|error| format!("the rate card was changed, and is not in use: {error}"))
    }

    /// Logs and records a change of the rate card.
    fn record_change(&self, steps: &[Step], proposal: &Proposal, refused: Option<&String>) {
        for step in steps {
            let Step { key, before, after, .. } = step;
            tracing::info!(key, %before, %after, refused, "a rate was changed");
        }
        if let Some(log) = &self.inner.bid_log {
            let settings = Arc::clone(&self.active().settings);
            let record = TuneRecord { steps, gain: proposal.gain_percent.as_ref(), refused, settings: &settings };
            // The line is written without waiting for it.
            drop(log.record_tune(&record));
        }
    }

    /// Returns what is known of tuning. `None` without the section.
    #[must_use]
    pub fn tune_reading(&self) -> Option<Reading> {
        let active = self.active();
        let config = active.loaded.config.tune.as_ref()?;
        let kept = || TuneState::read(&TuneState::path_of(&active.loaded.config)?).ok()?.changed_at();
        let mut reading = self.tuning().clone();
        reading.apply = config.apply;
        reading.changed_at = reading.changed_at.or_else(kept);
        Some(reading)
    }

    fn tuning(&self) -> MutexGuard<'_, Reading> {
        self.inner.tuning.lock().unwrap_or_else(PoisonError::into_inner)
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
