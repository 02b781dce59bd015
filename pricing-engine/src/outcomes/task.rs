//! The thread: pulls, counts outcomes, and writes them to the bid log.

mod lines;

use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use pricing_core::money::UsdPerAkt;
use pricing_core::text::{Untrusted, excerpt};
use pricing_market::history::{HistoryError, HistoryOrder, MANIFEST_FILE, Manifest, Orders};
use pricing_market::outcome::{BidResult, Outcome};
use pricing_market::rest::{Wanted, pull};
use pricing_panics::catch;
use rust_decimal::prelude::ToPrimitive;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use super::fates::Fates;
use super::recorded::LoggedOutcomes;
use super::schedule::Schedule;
use super::survey::Survey;
use super::{Plan, Shared};
use crate::bid_log::BidLog;
use crate::metrics::Metrics;
use crate::placements::Placements;

/// The most characters of a problem in the service's log.
const MOST_PROBLEM: usize = 500;
/// How often a failure is logged, and how often what the nodes do.
const TELL: Duration = Duration::from_secs(600);

/// Tells what an AKT is worth.
pub(super) type UsdPerAktNow = Box<dyn Fn() -> Option<UsdPerAkt> + Send>;

/// The thread's state.
pub(super) struct Worker {
    shared: Arc<Shared>,
    log: Option<BidLog>,
    recorded: Option<LoggedOutcomes>,
    metrics: Arc<Metrics>,
    placements: Option<Placements>,
    usd_per_akt: UsdPerAktNow,
    stop: CancellationToken,
    /// When the last complete pull of this process began.
    pull_began: Option<Instant>,
    /// The height up to which the history is complete. `None` until this process has pulled.
    height: Option<u64>,
    /// Orders whose distance to the winner is counted in the histogram.
    measured: BTreeSet<String>,
    /// When a failure was last logged.
    told: Option<Instant>,
}

impl Worker {
    pub(super) fn new(
        shared: Arc<Shared>,
        log: Option<BidLog>,
        (metrics, placements): (Arc<Metrics>, Option<Placements>),
        usd_per_akt: UsdPerAktNow,
        stop: CancellationToken,
    ) -> Self {
        Self {
            shared,
            log,
            recorded: None,
            metrics,
            placements,
            usd_per_akt,
            stop,
            pull_began: None,
            height: None,
            measured: BTreeSet::new(),
            told: None,
        }
    }

    fn plan(&self) -> &Plan {
        &self.shared.plan
    }

    /// Pulls until the engine stops. A panic ends the pulls and nothing else.
    pub(super) fn run(mut self) {
        if let Err(panic) = catch(|| self.work()) {
            tracing::error!(%panic, "outcomes are not pulled any more; this is a bug");
            self.shared.lock().pull_problem = Some(format!("the pull panicked: {panic}"));
        }
    }

    fn work(&mut self) {
        // On Linux the priority is that of the calling thread. Going through a long history must not delay a quote.
        let _ = rustix::process::nice(19);
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => return self.failed(format!("no runtime: {error}")),
        };
        self.recorded = self.log.as_ref().map(|log| LoggedOutcomes::open(log.folder()));
        self.shared.lock().complete_at = last_pull(self.plan());
        self.refresh_and_tell(&runtime);
        let Plan { interval, retry, first_wait, .. } = *self.plan();
        let now = Instant::now();
        let mut schedule = Schedule::new(interval, retry, now.checked_add(first_wait).unwrap_or(now));
        while self.waited(&runtime, &schedule) {
            let Some(is_complete) = self.pull(&runtime) else { return };
            schedule.ended(is_complete, Instant::now());
        }
    }

    /// Waits for the next pull. Returns false if the engine stops.
    fn waited(&self, runtime: &Runtime, schedule: &Schedule) -> bool {
        let wait = schedule.wait(Instant::now());
        // A timer is made within the runtime.
        let sleep = async { tokio::time::sleep(wait).await };
        runtime.block_on(self.stop.run_until_cancelled(sleep)).is_some()
    }

    /// Pulls once. Returns whether the pull is complete, or `None` if the engine stops.
    fn pull(&mut self, runtime: &Runtime) -> Option<bool> {
        let plan = self.plan().clone();
        let wanted =
            Wanted { provider: plan.provider.clone(), since: Some(plan.since), usd_per_akt: (self.usd_per_akt)() };
        let began = Instant::now();
        let mut tell = |what: &str| tracing::debug!(what, "a pull of outcomes");
        let pulled =
            runtime.block_on(self.stop.run_until_cancelled(pull(&plan.folder, &wanted, &plan.nodes, &mut tell)));
        match pulled? {
            Ok(pulled) => {
                tracing::debug!(height = pulled.height, requests = pulled.requests, "outcomes were pulled");
                self.height = Some(pulled.height);
                self.pull_began = Some(began);
                self.refresh_and_tell(runtime);
                self.complete();
                Some(true)
            }
            Err(error) => {
                self.failed(error.to_string());
                Some(false)
            }
        }
    }

    fn complete(&mut self) {
        let mut state = self.shared.lock();
        state.complete = state.complete.saturating_add(1);
        state.complete_at = Some(Instant::now());
        state.pull_problem = None;
        drop(state);
        if self.told.take().is_some() {
            tracing::info!("outcomes are pulled again");
        }
    }

    fn failed(&mut self, problem: String) {
        if self.told.is_none_or(|told| told.elapsed() >= TELL) {
            self.told = Some(Instant::now());
            tracing::warn!(problem = shown(&problem), "outcomes could not be pulled; quotes do not depend on them");
        }
        let mut state = self.shared.lock();
        state.failed = state.failed.saturating_add(1);
        state.pull_problem = Some(problem);
    }

    /// Reads the history anew, and says what is wrong with it or with the log.
    fn refresh_and_tell(&mut self, runtime: &Runtime) {
        let problem = self.refresh(runtime).err();
        if let Some(problem) = &problem {
            tracing::warn!(problem = shown(problem), "not all outcomes are told");
        }
        self.shared.lock().record_problem = problem;
    }

    /// Counts the outcomes of the history, and then writes those that are new to the bid log. A log that cannot be written
    /// does not keep the outcomes from being counted.
    fn refresh(&mut self, runtime: &Runtime) -> Result<(), String> {
        let plan = self.plan().clone();
        let manifest = match Manifest::read(&plan.folder) {
            Ok(manifest) => manifest,
            // There was no complete pull yet.
            Err(HistoryError::File { error, .. }) if error.is_not_found() => return Ok(()),
            Err(error) => return Err(error.to_string()),
        };
        let provider = plan.provider.as_str();
        if manifest.provider != provider {
            return Err(format!("the folder has the market of {}; name another folder", excerpt(&manifest.provider)));
        }
        let Some(mut survey) = self.survey(&plan)? else { return Ok(()) };
        self.shared.lock().counts = Some(Arc::new(std::mem::take(&mut survey.counter).counts()));
        let written = self.write_news(&plan, &survey, runtime);
        self.save()?;
        written
    }

    /// Goes through the history. `None` if the engine stops.
    fn survey(&mut self, plan: &Plan) -> Result<Option<Survey>, String> {
        let (mut survey, is_logged) = (Survey::default(), self.recorded.is_some());
        let mut fates = Fates::new((SystemTime::now(), Instant::now()));
        for order in Orders::open(&plan.folder).map_err(|error| error.to_string())? {
            if self.stop.is_cancelled() {
                return Ok(None);
            }
            let order = order.map_err(|error| error.to_string())?;
            let Some(outcome) = Outcome::of(&order, plan.provider.as_str()) else { continue };
            self.measure(&order, &outcome);
            fates.add(&order.order_id, &outcome);
            survey.add(order, &outcome, is_logged);
        }
        if let (Some(placements), Some(began)) = (&self.placements, self.pull_began) {
            placements.pulled(began, fates.into_map());
        }
        Ok(Some(survey))
    }

    /// Counts the distance of a lost bid to the winner's, once.
    fn measure(&mut self, order: &HistoryOrder, outcome: &Outcome) {
        if outcome.result != BidResult::Lost || self.measured.contains(&order.order_id) {
            return;
        }
        if let Some(relative) = outcome.distance().and_then(|distance| distance.relative.to_f64()) {
            self.metrics.lost_by(relative);
            self.measured.insert(order.order_id.clone());
        }
    }
}

/// A problem as the service's log has it. Texts of others in it are bounded already; the bound is for many nodes.
fn shown(problem: &str) -> String {
    format!("{:.MOST_PROBLEM$}", Untrusted::new(problem))
}

/// When the last pull before this start was complete, as the history's file tells. A time in the future tells nothing.
fn last_pull(plan: &Plan) -> Option<Instant> {
    let written = fs::metadata(plan.folder.join(MANIFEST_FILE)).and_then(|found| found.modified()).ok()?;
    let age = SystemTime::now().duration_since(written).ok()?;
    Instant::now().checked_sub(age)
}
