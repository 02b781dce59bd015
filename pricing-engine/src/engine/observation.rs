//! Counts and logs each decision, and collects the readings for the metrics.

use std::time::{Duration, Instant};

use pricing_core::quote::{DecisionKind, Quote, Reason};

use super::Engine;
use super::reload::Reloads;
use crate::config::LoadedRates;
use crate::decision::{OrderRequest, PricedGroup, ScreenedGroup};
use crate::guard::Refusal;
use crate::metrics::{BidLogReading, Call, FeedReading, InventoryReading, Readings, ReloadReading};
use crate::{bid_log, guard, inventory};

impl Engine {
    /// Collects the readings of all parts of the engine, for the metrics. The caller adds those of its sockets.
    #[must_use]
    pub fn readings(&self) -> Readings {
        let live = self.inner.inventory.load().as_deref().map(|live| live.reading(Instant::now()));
        let shadow = self.inner.shadow.reading();
        Readings {
            feed: self.feed_reading(),
            inventory: live.as_ref().map(inventory),
            held_orders: live.as_ref().map_or(0, |reading| reading.held.into()),
            shadow: shadow.counts,
            shadow_dropped: shadow.dropped,
            bid_log: self.inner.bid_log.as_ref().map(|log| bid_log(&log.reading())).unwrap_or_default(),
            outcomes: self.inner.outcomes.as_ref().map(|outcomes| outcomes.reading(Instant::now())),
            placements: self.inner.placements.reading(),
            reload: reload(&self.reloads()),
            tune: self.tune_reading(),
            breakers: self.active().plugins().map(super::plugin::OpenPlugin::reading).collect(),
            ..Readings::default()
        }
    }

    fn feed_reading(&self) -> FeedReading {
        let reading = self.inner.feed.reading(Instant::now());
        let counters = self.inner.feed.counters();
        let fetches = counters.sources.iter().flat_map(|source| {
            let taken = source.fetches.saturating_sub(source.failures);
            [("taken", taken), ("failed", source.failures)]
                .map(|(outcome, count)| (source.name.clone(), outcome.to_owned(), count))
        });
        FeedReading {
            age: reading.age,
            usd_per_akt: reading.usd_per_akt,
            fetches: fetches.collect(),
            refused: counters.refused_jumps.saturating_add(counters.disagreements),
        }
    }

    /// Counts and logs the decision for each group of an order.
    pub(super) fn observe_quote(
        &self,
        (call, request): (Call, &OrderRequest),
        span: &tracing::Span,
        priced: &[PricedGroup],
        took: Duration,
    ) {
        let _entered = span.enter();
        self.inner.metrics.priced(took);
        let took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        for (order, PricedGroup { quote, .. }) in request.orders.iter().zip(priced) {
            self.inner.metrics.decided(call, order, quote);
            tell(quote, took_us);
        }
        if let [PricedGroup { quote, .. }] = priced {
            // With a single group, the decision is also put on the span, where trace collectors can search for it.
            let (decision, code) = quote.reason().map_or((DecisionKind::Bid.name(), ""), decision);
            span.record("group", tracing::field::display(&quote.group))
                .record("decision", decision)
                .record("code", code);
            if let Some(price) = quote.price() {
                span.record("price", tracing::field::display(price.amount()));
            }
        }
        span.record("took_us", took_us);
    }

    /// Counts and logs the result of screening each group.
    pub(super) fn observe_screening(&self, request: &OrderRequest, screened: &[ScreenedGroup]) {
        let active = self.active();
        let span = span(Call::Screen, request, &active.settings.rates);
        let _entered = span.enter();
        for (order, ScreenedGroup { outcome, .. }) in request.orders.iter().zip(screened) {
            self.inner.metrics.screened(Call::Screen, outcome.as_ref().copied());
            let (decision, code) = outcome.as_ref().err().map_or((DecisionKind::Pass.name(), ""), decision);
            tracing::info!(group = %order.group.name(), decision, code, "screened");
        }
    }
}

fn inventory(reading: &inventory::Reading) -> InventoryReading {
    InventoryReading {
        age: reading.age,
        state: reading.state.name().to_owned(),
        nodes: reading.nodes.into(),
        missing_nodes: u64::try_from(reading.missing_nodes.len()).unwrap_or(u64::MAX),
        findings: reading.findings.into(),
        refused: reading.counters.refused.iter().map(|(reason, count)| ((*reason).to_owned(), *count)).collect(),
        // The first connection is not a reconnection.
        reconnects: reading.counters.opened.saturating_sub(1),
    }
}

fn reload(reloads: &Reloads) -> ReloadReading {
    let refusal = reloads.unaccepted.as_deref().filter(|_| !reloads.settling);
    let count = |concern: &'static str| {
        let found = refusal.into_iter().flat_map(Refusal::concerns);
        let count = found.filter(|difference| difference.concern == Some(concern)).count();
        (concern, u64::try_from(count).unwrap_or(u64::MAX))
    };
    ReloadReading {
        settling: reloads.settling,
        refused: refusal.is_some(),
        changes: guard::concerns().map(count).collect(),
    }
}

fn bid_log(reading: &bid_log::Reading) -> BidLogReading {
    let bid_log::Reading { written, waiting, lost, objects_lost, .. } = *reading;
    BidLogReading { written, waiting, lost, objects_lost }
}

/// The span of a request. Its fields are made only if somebody takes spans.
pub(super) fn span(call: Call, request: &OrderRequest, rates: &LoadedRates) -> tracing::Span {
    use tracing::field::Empty;

    tracing::info_span!(
        "request",
        call = call.name(),
        order = request.name.as_ref().map(ToString::to_string).unwrap_or_default(),
        rates = rates.digest.to_string().chars().take("sha256:".len().saturating_add(12)).collect::<String>(),
        group = Empty,
        decision = Empty,
        code = Empty,
        price = Empty,
        took_us = Empty,
    )
}

/// Logs a decision.
fn tell(quote: &Quote, took_us: u64) {
    let group = &quote.group;
    match (quote.price(), quote.reason()) {
        (Some(price), _) => {
            let decision = DecisionKind::Bid.name();
            let price = || format!("{} {}", price.amount(), price.denom());
            tracing::info!(%group, decision, price = price(), took_us, "decided");
        }
        (None, Some(reason)) => {
            let (decision, code) = decision(reason);
            if reason.code.is_fault() {
                tracing::warn!(%group, decision, code, reason = reason.message, took_us, "decided");
            } else {
                tracing::info!(%group, decision, code, reason = reason.message, took_us, "decided");
            }
        }
        (None, None) => {}
    }
}

fn decision(reason: &Reason) -> (&'static str, &'static str) {
    (reason.code.decision().name(), reason.code.name())
}
