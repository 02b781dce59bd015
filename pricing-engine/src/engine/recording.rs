//! What is recorded of a decision beside its answer: its lines in the bid log, and a second price to compare.

use std::sync::Arc;
use std::time::{Duration, Instant};

use pricing_core::budget::Budget;

use super::Engine;
use crate::bid_log::{self, Pending, Record};
use crate::decision::{LiveState, OrderRequest, PricedGroup, ScreenedGroup, Settings};
use crate::inventory::Availability;
use crate::metrics::Call;
use crate::shadow::Case;

/// What an answer took.
#[derive(Clone, Copy, Debug)]
pub(super) struct Effort {
    pub(super) took: Duration,
    pub(super) steps: u64,
}

impl Effort {
    /// What was spent since then.
    pub(super) fn since(began: Instant, budget: &Budget<'_>) -> Self {
        Self { took: began.elapsed(), steps: budget.allowed().saturating_sub(budget.left()) }
    }
}

/// An answer, and the lines that the bid log is still writing for it.
#[derive(Debug)]
pub struct Answer<R> {
    /// What was decided.
    pub value: R,
    /// The search steps that it took.
    pub steps: u64,
    lines: Vec<Pending>,
}

impl<R> Answer<R> {
    /// The answer, when its lines are with the kernel; a disk that does not take them is not waited for.
    pub async fn when_written(self) -> R {
        // One bound for all of them, however many groups an order has.
        let until = bid_log::patience();
        for line in self.lines {
            // What became of it is counted by the log.
            let _ = line.written_until(until).await;
        }
        self.value
    }

    /// An answer that no decision is behind.
    #[must_use]
    pub fn at_once(value: R) -> Self {
        Self { value, steps: 0, lines: Vec::new() }
    }

    /// Another answer with the same lines.
    #[must_use]
    pub fn map<T>(self, into: impl FnOnce(R) -> T) -> Answer<T> {
        Answer { value: into(self.value), steps: self.steps, lines: self.lines }
    }
}

impl Engine {
    /// Hands a quote to the bid log and to the shadow.
    pub(super) fn record_quote(
        &self,
        call: Call,
        settings: &Settings,
        request: OrderRequest,
        live: LiveState,
        priced: Vec<PricedGroup>,
        effort: Effort,
    ) -> Answer<Vec<PricedGroup>> {
        let Effort { took, steps } = effort;
        let record = |(group, priced)| Record {
            call,
            request: &request,
            group,
            settings,
            live: &live,
            decided: bid_log::Decided::Quote(priced),
            took,
        };
        let log = self.inner.bid_log.as_ref();
        let lines: Vec<Pending> = log
            .map(|log| priced.iter().enumerate().map(|group| log.record(&record(group))).collect())
            .unwrap_or_default();
        if self.inner.shadow.is_on() {
            let sequences = lines.iter().map(Pending::sequence).collect();
            self.inner.shadow.compare(Case { request: Arc::new(request), live, answered: priced.clone(), sequences });
        }
        Answer { value: priced, steps, lines }
    }

    /// Hands what screening came to to the bid log.
    pub(super) fn record_screening(
        &self,
        settings: &Settings,
        request: &OrderRequest,
        screened: Vec<ScreenedGroup>,
        effort: Effort,
    ) -> Answer<Vec<ScreenedGroup>> {
        let Effort { took, steps } = effort;
        // Neither cluster nor feed is asked.
        let live = LiveState { availability: Availability::NotConfigured, usd_per_akt: None };
        let record = |group, screened| {
            let decided = bid_log::Decided::Screen(screened);
            let record = Record { call: Call::Screen, request, group, settings, live: &live, decided, took };
            self.inner.bid_log.as_ref().map(|log| log.record(&record))
        };
        let lines = screened.iter().enumerate().filter_map(|(group, screened)| record(group, screened)).collect();
        Answer { value: screened, steps, lines }
    }

    /// Takes no more decisions into the log, and waits until those that wait are written. Blocks.
    pub(super) fn close_log(&self) {
        if let Some(log) = &self.inner.bid_log {
            let reading = log.close();
            if reading.lost > 0 {
                tracing::error!(lost = reading.lost, "decisions are in no bid log");
            }
        }
    }
}
