//! Proposes rates now and then, and applies them where the configuration says so.

mod apply;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use pricing_panics::catch;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::Engine;
use crate::config::{ConfigError, Loaded};
use crate::tune::{Proposal, Reading, TuneDecision, TuneState, TuneTask, Tuner};
use apply::Asked;

/// How long after its start an engine proposes rates for the first time. Starting has priority.
const FIRST: Duration = Duration::from_secs(60);
/// How often it is checked whether rates are due. The interval may change with a reload.
const CHECK: Duration = Duration::from_secs(30);
/// How long stopping waits for a proposal that is being worked out.
const LAST_WAIT: Duration = Duration::from_secs(1);

/// Checks the section `tune` of a configuration. A section that only proposes never keeps the service from bidding: if it
/// does not fit the scenario or the rate card, that is returned as a problem.
///
/// # Errors
/// When this program has nothing that proposes rates; with `tune.apply`, also when the section does not fit.
pub(super) fn check(loaded: &Loaded, tuner: Option<&Arc<dyn Tuner>>) -> Result<Option<String>, ConfigError> {
    let (Some(config), Some(card)) = (&loaded.config.tune, &loaded.config.rates.file) else { return Ok(None) };
    let missing = || ConfigError::unusable("tune", "this program was built without the simulation, which it needs");
    let task = TuneTask { config, card, pricing: &loaded.rates.pricing };
    match tuner.ok_or_else(missing)?.check(&task) {
        Ok(()) => Ok(None),
        Err(problem) if config.apply => Err(ConfigError::unusable("tune.scenario", problem)),
        Err(problem) => Ok(Some(problem)),
    }
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
        // What it works out is not waited for: it has changed nothing yet, or the bid log says what it is about to change.
        let _ = tokio::time::timeout(LAST_WAIT, ended).await;
        Err(())
    }

    /// Proposes rates now, and applies them where the configuration says so. Blocks for as long as that takes.
    pub fn propose(&self, cancelled: &AtomicBool, now: SystemTime) {
        let asked = Asked { active: self.active(), now, since: Instant::now(), cancelled };
        let (Some(config), Some(card), Some(tuner)) =
            (&asked.active.loaded.config.tune, &asked.active.loaded.config.rates.file, &self.inner.tuner)
        else {
            return;
        };
        self.tuning().running = true;
        let task = TuneTask { config, card, pricing: &asked.active.settings.rates.pricing };
        let is_cancelled = || cancelled.load(Ordering::Relaxed);
        let proposed = caught(|| tuner.propose(&task, cancelled));
        let applied = match proposed {
            Err(_) if is_cancelled() => Ok(()),
            Err(problem) => Err(self.count_failure(&problem)),
            Ok(mut proposal) => {
                proposal.warnings.extend(proposal.too_old(now));
                self.keep_proposal(&proposal, now);
                let applies = config.apply && proposal.decision == TuneDecision::Change && !is_cancelled();
                if applies { caught(|| self.apply(&asked, tuner.as_ref(), &proposal)) } else { Ok(()) }
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

    /// Returns what is known of tuning. `None` without the section.
    #[must_use]
    pub fn tune_reading(&self) -> Option<Reading> {
        let active = self.active();
        let config = active.loaded.config.tune.as_ref()?;
        let kept = || TuneState::read(&TuneState::path_of(&active.loaded.config)?).ok()?.changed_at();
        let unusable = self.inner.tune_problem.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut reading = self.tuning().clone();
        reading.problem = unusable.map(|problem| format!("no rates can be proposed: {problem}")).or(reading.problem);
        reading.apply = config.apply;
        reading.changed_at = reading.changed_at.or_else(kept);
        Some(reading)
    }

    /// Stores and logs why no rates can be proposed with the configuration in use.
    pub(super) fn keep_tune_problem(&self, problem: Option<String>) {
        if let Some(problem) = &problem {
            tracing::warn!(problem, "no rates can be proposed");
        }
        *self.inner.tune_problem.lock().unwrap_or_else(PoisonError::into_inner) = problem;
    }

    fn tuning(&self) -> MutexGuard<'_, Reading> {
        self.inner.tuning.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs some work. A panic is an error like any other, so that a later proposal is tried all the same.
fn caught<R>(work: impl FnOnce() -> Result<R, String>) -> Result<R, String> {
    catch(work).unwrap_or_else(|panic| Err(format!("it panicked, which is a bug: {panic}")))
}
