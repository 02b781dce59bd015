//! Records a decision in the bid log, and passes it to the shadow.

use std::sync::Arc;
use std::time::{Duration, Instant};

use pricing_core::budget::Budget;

use super::Engine;
use crate::bid_log::{self, Pending, Record};
use crate::decision::{LiveState, OrderRequest, PricedGroup, ScreenedGroup, Settings};
use crate::inventory::Availability;
use crate::metrics::Call;
use crate::shadow::Case;

/// The time and the search steps that an answer took.
#[derive(Clone, Copy, Debug)]
pub(super) struct Effort {
    pub(super) began: Instant,
    pub(super) took: Duration,
    pub(super) steps: u64,
}

impl Effort {
    /// Returns the time since `began` and the steps used of `budget`.
    pub(super) fn since(began: Instant, budget: &Budget<'_>) -> Self {
        Self { began, took: began.elapsed(), steps: budget.allowed().saturating_sub(budget.left()) }
    }
}

/// An answer, and the bid log's entries for it that may not be written yet.
#[derive(Debug)]
pub struct Answer<R> {
    /// The decisions.
    pub value: R,
    /// The search steps that it took.
    pub steps: u64,
    lines: Vec<Pending>,
}

impl<R> Answer<R> {
    /// Returns the answer once its entries are written to the file, or after a bounded wait if the disk is too slow.
    pub async fn when_written(self) -> R {
        // One bound for all entries, however many groups the order has.
        let until = bid_log::patience();
        for line in self.lines {
            // The log itself counts entries that are late or lost.
            let _ = line.written_until(until).await;
        }
        self.value
    }

    /// Returns an answer without entries in the log.
    #[must_use]
    pub fn at_once(value: R) -> Self {
        Self { value, steps: 0, lines: Vec::new() }
    }

    /// Converts the value, and keeps the entries.
    #[must_use]
    pub fn map<T>(self, into: impl FnOnce(R) -> T) -> Answer<T> {
        Answer { value: into(self.value), steps: self.steps, lines: self.lines }
    }
}

impl Engine {
    /// Records a quote in the bid log, and passes it to the shadow.
    ///
    /// The log comes first, because the shadow names the log's lines. Neither may delay the answer: both only queue
    /// work.
    pub(super) fn record_quote(
        &self,
        call: Call,
        settings: &Settings,
        request: OrderRequest,
        live: LiveState,
        priced: Vec<PricedGroup>,
        effort: Effort,
    ) -> Answer<Vec<PricedGroup>> {
        let Effort { began, took, steps } = effort;
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
        self.send_predictions(settings, (&request, &priced), &live, (began, &lines));
        if self.inner.shadow.is_on() {
            let sequences = lines.iter().map(Pending::sequence).collect();
            self.inner.shadow.compare(Case { request: Arc::new(request), live, answered: priced.clone(), sequences });
        }
        Answer { value: priced, steps, lines }
    }

    /// Records a screening in the bid log.
    pub(super) fn record_screening(
        &self,
        settings: &Settings,
        request: &OrderRequest,
        screened: Vec<ScreenedGroup>,
        effort: Effort,
    ) -> Answer<Vec<ScreenedGroup>> {
        let Effort { took, steps, .. } = effort;
        // Screening uses neither the inventory nor the feed.
        let live = LiveState { availability: Availability::NotConfigured, usd_per_akt: None };
        let record = |group, screened| {
            let decided = bid_log::Decided::Screen(screened);
            let record = Record { call: Call::Screen, request, group, settings, live: &live, decided, took };
            self.inner.bid_log.as_ref().map(|log| log.record(&record))
        };
        let lines = screened.iter().enumerate().filter_map(|(group, screened)| record(group, screened)).collect();
        Answer { value: screened, steps, lines }
    }

    /// Closes the bid log after it has written its queue. Blocks.
    pub(super) fn close_log(&self) {
        if let Some(log) = &self.inner.bid_log {
            let reading = log.close();
            if reading.lost > 0 {
                tracing::error!(lost = reading.lost, "lines are in no bid log");
            }
        }
    }
}
