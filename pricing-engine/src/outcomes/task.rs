//! The thread: pulls, writes outcomes to the bid log, and counts them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use pricing_core::money::UsdPerAkt;
use pricing_core::text::excerpt;
use pricing_market::chain::id::OrderId;
use pricing_market::history::{HistoryError, HistoryOrder, MANIFEST_FILE, Manifest, Orders};
use pricing_market::outcome::{BidResult, Outcome, own_bid};
use pricing_market::rest::{Wanted, pull};
use pricing_panics::catch;
use rust_decimal::prelude::ToPrimitive;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use super::counts::Counter;
use super::join::{ChainBid, Joined};
use super::recorded::{Noted, Recorded, digest};
use super::schedule::Schedule;
use super::{Plan, Shared};
use crate::bid_log::entry::BidOutcome;
use crate::bid_log::{self, BidLog, Pending};
use crate::metrics::Metrics;
use crate::order_name::OrderName;

/// The most lines in the log's queue at once.
const BATCH: usize = 32;
/// How often a failure is logged, and how often what the nodes do.
const TELL: Duration = Duration::from_secs(600);

/// Tells what an AKT is worth.
pub(super) type UsdPerAktNow = Box<dyn Fn() -> Option<UsdPerAkt> + Send>;

/// The thread's state.
pub(super) struct Worker {
    shared: Arc<Shared>,
    log: Option<BidLog>,
    recorded: Option<Recorded>,
    metrics: Arc<Metrics>,
    usd_per_akt: UsdPerAktNow,
    stop: CancellationToken,
    /// Orders whose distance to the winner is counted in the histogram.
    measured: BTreeSet<String>,
    /// When a failure was last logged.
    told: Option<Instant>,
}

/// A line that waits to be written.
struct Line {
    order: String,
    noted: Noted,
    pending: Pending,
}

impl Worker {
    pub(super) fn new(
        shared: Arc<Shared>,
        log: Option<BidLog>,
        metrics: Arc<Metrics>,
        usd_per_akt: UsdPerAktNow,
        stop: CancellationToken,
    ) -> Self {
        Self { shared, log, recorded: None, metrics, usd_per_akt, stop, measured: BTreeSet::new(), told: None }
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
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => return self.failed(format!("no runtime: {error}")),
        };
        self.recorded = self.log.as_ref().map(|log| Recorded::open(log.folder()));
        self.shared.lock().complete_at = last_pull(self.plan());
        self.refresh_and_tell();
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
        let mut tell = |what: &str| tracing::debug!(what, "a pull of outcomes");
        let pulled =
            runtime.block_on(self.stop.run_until_cancelled(pull(&plan.folder, &wanted, &plan.nodes, &mut tell)));
        match pulled? {
            Ok(pulled) => {
                tracing::debug!(height = pulled.height, requests = pulled.requests, "outcomes were pulled");
                self.refresh_and_tell();
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
            tracing::warn!(problem = excerpt(&problem), "outcomes could not be pulled; quotes do not depend on them");
        }
        let mut state = self.shared.lock();
        state.failed = state.failed.saturating_add(1);
        state.pull_problem = Some(problem);
    }

    /// Reads the history anew, and says what is wrong with it or with the log.
    fn refresh_and_tell(&mut self) {
        let problem = self.refresh().err();
        if let Some(problem) = &problem {
            tracing::warn!(problem = excerpt(problem), "not all outcomes are told");
        }
        self.shared.lock().record_problem = problem;
    }

    /// Counts the outcomes of the history, and writes those that are new to the bid log.
    fn refresh(&mut self) -> Result<(), String> {
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
        let written = self.go_through(&plan)?;
        let saved = self.recorded.as_mut().map(Recorded::save).transpose();
        saved.map_err(|error| format!("what the bid log has of outcomes cannot be saved: {error}"))?;
        written
    }

    /// Goes through the history once. The inner result is that of writing to the bid log, which does not keep the
    /// outcomes from being counted.
    fn go_through(&mut self, plan: &Plan) -> Result<Result<(), String>, String> {
        let (mut counter, mut lines, mut written) = (Counter::default(), Vec::new(), Ok(()));
        let decisions = self.decisions(plan)?;
        for order in Orders::open(&plan.folder).map_err(|error| error.to_string())? {
            if self.stop.is_cancelled() {
                return Ok(Ok(()));
            }
            let order = order.map_err(|error| error.to_string())?;
            let Some(outcome) = Outcome::of(&order, plan.provider.as_str()) else { continue };
            counter.add(&outcome);
            self.measure(&order, &outcome);
            if written.is_ok() {
                lines.extend(self.line(&order, outcome, &decisions));
                if lines.len() >= BATCH {
                    written = self.await_written(&mut lines);
                }
            }
        }
        self.shared.lock().counts = Some(Arc::new(counter.counts()));
        Ok(written.and_then(|()| self.await_written(&mut lines)))
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

    /// The decisions that the bids on new orders are of, by order. All bids compete for decisions, but what was written
    /// once is not changed.
    fn decisions(&mut self, plan: &Plan) -> Result<BTreeMap<String, u64>, String> {
        let Some(recorded) = &mut self.recorded else { return Ok(BTreeMap::new()) };
        let (mut ids, mut bids) = (Vec::new(), Vec::new());
        for order in Orders::open(&plan.folder).map_err(|error| error.to_string())? {
            let order = order.map_err(|error| error.to_string())?;
            if let Some(bid) = own_bid(&order, plan.provider.as_str()) {
                bids.push(ChainBid::of(&order.order_id, bid));
                ids.push(order.order_id);
            }
        }
        if ids.iter().all(|id| recorded.of(id).is_some()) {
            return Ok(BTreeMap::new());
        }
        recorded.read_on();
        let joined = ids.into_iter().zip(recorded.join(&bids));
        let decision = |joined| match joined {
            Joined::ByOrderId(sequence) | Joined::ByPrice(sequence) => Some(sequence),
            Joined::Not(_) => None,
        };
        Ok(joined.filter_map(|(id, joined)| Some((id, decision(joined)?))).collect())
    }

    /// Queues the line of an outcome, if the log does not have its facts.
    fn line(&self, order: &HistoryOrder, outcome: Outcome, decisions: &BTreeMap<String, u64>) -> Option<Line> {
        let (log, recorded) = (self.log.as_ref()?, self.recorded.as_ref()?);
        let digest = digest(&outcome)?;
        let before = recorded.of(&order.order_id);
        if before.is_some_and(|noted| noted.digest == digest) {
            return None;
        }
        let decision = before.map_or_else(|| decisions.get(&order.order_id).copied(), |noted| noted.decision);
        let id: OrderId = order.order_id.parse().ok()?;
        let order_id = OrderName { owner: (&*id.owner).into(), dseq: id.dseq, gseq: id.gseq, oseq: id.oseq };
        let provider = self.plan().provider.to_string();
        let pending =
            log.record_outcome(&BidOutcome { sequence: 0, time: now(), order_id, provider, decision, outcome });
        Some(Line { order: order.order_id.clone(), noted: Noted { digest, decision }, pending })
    }

    /// Waits until lines are written. Later ones are only queued if these were, so that decisions do not wait behind
    /// outcomes when the disk is slow.
    fn await_written(&mut self, lines: &mut Vec<Line>) -> Result<(), String> {
        let Some(recorded) = &mut self.recorded else { return Ok(()) };
        let mut problem = None;
        for Line { order, noted, pending } in lines.drain(..) {
            match pending.wait() {
                bid_log::Outcome::Written => recorded.written(order, noted),
                bid_log::Outcome::Late => {
                    recorded.queued(order, noted);
                    problem = Some("the bid log is not written at the moment; outcomes wait for the next pull");
                }
                bid_log::Outcome::Lost => problem = Some("the bid log takes no lines"),
            }
        }
        problem.map_or(Ok(()), |problem| Err(problem.to_owned()))
    }
}

fn now() -> String {
    humantime::format_rfc3339_millis(SystemTime::now()).to_string()
}

/// When the last pull before this start was complete, as the history's file tells. A time in the future tells nothing.
fn last_pull(plan: &Plan) -> Option<Instant> {
    let written = fs::metadata(plan.folder.join(MANIFEST_FILE)).and_then(|found| found.modified()).ok()?;
    let age = SystemTime::now().duration_since(written).ok()?;
    Instant::now().checked_sub(age)
}
