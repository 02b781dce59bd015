//! The lines of outcomes in the bid log.

use std::time::{Duration, SystemTime};

use pricing_market::chain::id::OrderId;
use pricing_market::chain::state::OrderState;
use pricing_market::history::Orders;
use pricing_market::outcome::Outcome;
use tokio::runtime::Runtime;

use super::Worker;
use crate::bid_log::entry::BidOutcome;
use crate::bid_log::{self, Pending};
use crate::order_name::OrderName;
use crate::outcomes::Plan;
use crate::outcomes::recorded::{News, WrittenOutcome, digest, sync_log};
use crate::outcomes::survey::Survey;

/// The most lines in the log's queue at once.
const BATCH: usize = 32;
/// How long the lines in the queue may take to be written. A disk that stalls for longer is told of, and the next pull
/// goes on.
const PATIENCE: Duration = Duration::from_secs(5);
/// Lines of orders that are new to the log may fill one part in so many of it with each pull. So the first pull of a long
/// history does not rotate the decisions away.
const SHARE_OF_LOG: u64 = 4;

/// A line that waits to be written.
struct Line {
    order: String,
    noted: WrittenOutcome,
    pending: Pending,
}

impl Worker {
    /// Writes what the bid log lacks. Which old orders are passed over is saved first, so that a service that is killed
    /// meanwhile does not begin with them anew.
    pub(super) fn write_news(&mut self, plan: &Plan, survey: &Survey, runtime: &Runtime) -> Result<(), String> {
        let (Some(log), Some(recorded)) = (&self.log, &mut self.recorded) else { return Ok(()) };
        let most_bytes = log.capacity().checked_div(SHARE_OF_LOG).unwrap_or(0);
        recorded.read_on().map_err(|error| format!("the bid log cannot be read: {error}"))?;
        let mut news = recorded.news(survey, self.height, most_bytes);
        if !news.passed_over.is_empty() {
            let number = news.passed_over.len();
            tracing::info!(number, "outcomes of old orders are left out of the bid log, which would be too full");
            std::mem::take(&mut news.passed_over).into_iter().for_each(|(order, noted)| recorded.written(order, noted));
            self.save()?;
        }
        self.write_lines(plan, &news, runtime)?;
        self.write_gone(survey, runtime)
    }

    fn write_lines(&mut self, plan: &Plan, news: &News, runtime: &Runtime) -> Result<(), String> {
        if news.lines.is_empty() {
            return Ok(());
        }
        let mut lines = Vec::new();
        for order in Orders::open(&plan.folder).map_err(|error| error.to_string())? {
            let order = order.map_err(|error| error.to_string())?;
            let Some(noted) = news.lines.get(&order.order_id) else { continue };
            let Some(outcome) = Outcome::of(&order, plan.provider.as_str()) else { continue };
            lines.extend(self.line(&order.order_id, *noted, outcome));
            if lines.len() >= BATCH {
                self.await_written(&mut lines, runtime)?;
            }
        }
        self.await_written(&mut lines, runtime)
    }

    /// Writes that orders were reorganised away: those that have a line, and that the history does not have. If the folder
    /// was pulled anew, it lacks others, too: what is before its first order, what had ended and was pruned by the nodes, and
    /// what is another provider's.
    fn write_gone(&mut self, survey: &Survey, runtime: &Runtime) -> Result<(), String> {
        let (Some(recorded), Some(first)) = (&mut self.recorded, survey.first) else { return Ok(()) };
        let mut missing = recorded.missing(survey);
        if missing.is_empty() {
            return Ok(());
        }
        let last = recorded.last_lines(&missing).map_err(|error| format!("the bid log cannot be read: {error}"))?;
        let provider = self.shared.plan.provider.as_str();
        let is_gone = |line: &BidOutcome| {
            let had_not_ended = line.outcome.order_state.is_some_and(|state| state != OrderState::Closed);
            line.provider == provider && line.outcome.height >= first && had_not_ended
        };
        let gone: Vec<BidOutcome> = last.into_iter().filter(is_gone).collect();
        missing.retain(|order| gone.iter().all(|line| line.order_id.exact() != *order));
        recorded.leave(missing);
        let mut lines = Vec::new();
        for line in gone {
            let (order, outcome) = (line.order_id.exact(), line.outcome.gone());
            let Some(digest) = digest(&outcome) else { continue };
            lines.extend(self.line(&order, WrittenOutcome { digest, decision: line.decision, gone: true }, outcome));
            if lines.len() >= BATCH {
                self.await_written(&mut lines, runtime)?;
            }
        }
        self.await_written(&mut lines, runtime)
    }

    /// Queues the line of an outcome.
    fn line(&self, order: &str, noted: WrittenOutcome, outcome: Outcome) -> Option<Line> {
        let id: OrderId = order.parse().ok()?;
        let order_id = OrderName { owner: (&*id.owner).into(), dseq: id.dseq, gseq: id.gseq, oseq: id.oseq };
        let (provider, decision) = (self.plan().provider.to_string(), noted.decision);
        let line = BidOutcome { sequence: 0, time: now(), order_id, provider, decision, outcome };
        Some(Line { order: order.to_owned(), noted, pending: self.log.as_ref()?.record_outcome(&line) })
    }

    /// Waits until lines are written, for a bounded time. Later ones are only queued if these were, so that decisions do not
    /// wait behind outcomes when the disk is slow.
    fn await_written(&mut self, lines: &mut Vec<Line>, runtime: &Runtime) -> Result<(), String> {
        let Some(recorded) = &mut self.recorded else { return Ok(()) };
        let mut problem = None;
        let until = tokio::time::Instant::now() + PATIENCE;
        for Line { order, noted, pending } in lines.drain(..) {
            let written = self.stop.run_until_cancelled(pending.written_in_background(until));
            match runtime.block_on(written).unwrap_or(bid_log::Outcome::Late) {
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

    pub(super) fn save(&mut self) -> Result<(), String> {
        let saved = self.recorded.as_mut().map(|recorded| recorded.save(sync_log)).transpose();
        saved.map(|_| ()).map_err(|error| format!("what the bid log has of outcomes cannot be saved: {error}"))
    }
}

fn now() -> String {
    humantime::format_rfc3339_millis(SystemTime::now()).to_string()
}
