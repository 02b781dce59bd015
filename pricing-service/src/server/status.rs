//! What the service tells of itself.

use std::time::{Duration, Instant};

use pricing_core::rates::{Pricing, check};
use pricing_proto::bidprice::v1::{
    BidLogStatus, CertificateStatus, Change, FeedSourceStatus, FeedStatus, InventoryStatus, PendingReload, RatesStatus,
    ReloadStatus, ShadowStatus, StatusResponse,
};

use super::listen::Validity;
use super::plugin::Opened;
use super::state::{Reloads, Service, Shadowing};
use crate::guard::Difference;
use crate::inventory::Stock;
use crate::{bid_log, feed, inventory, shadow};

/// The most changes that are told of a configuration that waits.
const CHANGES: usize = 100;

/// The most findings that are told of the rates.
const FINDINGS: usize = 100;

impl Service {
    pub(super) fn status(&self) -> StatusResponse {
        let active = self.active();
        let reloads = self.reloads();
        let now = Instant::now();
        StatusResponse {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            uptime_seconds: self.inner.started.elapsed().as_secs(),
            rates: Some(RatesStatus {
                digest: active.settings.rates.digest.to_string(),
                findings: self.rate_findings(&active.settings.rates.pricing, now),
            }),
            plugin: active.plugin.as_ref().map(Opened::status),
            inventory: self.inner.inventory.load().as_deref().map(|live| inventory(live.reading(now))),
            feed: Some(feed(self.inner.feed.reading(now))),
            shadow: active.shadow.as_ref().map(|active| shadow(active, &self.inner.shadow.reading())),
            bid_log: self.inner.bid_log.as_ref().map(|log| bid_log(log.reading())),
            certificate: self.inner.certificate.get().copied().map(certificate),
            reload: Some(ReloadStatus {
                taken: reloads.taken,
                refused: reloads.refused,
                pending: pending(&reloads),
                problem: reloads.problem,
                state_problem: self.state_problem(),
            }),
            loading: self.inner.opening.loading(),
        }
    }
}

impl Service {
    /// What the rates say of the cards of the inventory in use, where there is one.
    fn rate_findings(&self, pricing: &Pricing, now: Instant) -> Vec<String> {
        let inventory = self.inner.inventory.load();
        let Some(Stock::Known(known)) = inventory.as_deref().map(|live| live.stock(now, None)) else {
            return Vec::new();
        };
        let findings = check::check(pricing, &known.cluster);
        findings.iter().take(FINDINGS).map(ToString::to_string).collect()
    }
}

/// What is in the files and is not in use.
fn pending(reloads: &Reloads) -> Option<PendingReload> {
    if reloads.settling {
        return Some(PendingReload { state: "settling".to_owned(), ..PendingReload::default() });
    }
    let refusal = reloads.unaccepted.as_deref()?;
    let left_out = refusal.differences.len().saturating_sub(CHANGES);
    Some(PendingReload {
        state: "refused".to_owned(),
        digest: refusal.digest.to_string(),
        changes: refusal.differences.iter().take(CHANGES).map(change).collect(),
        changes_left_out: u32::try_from(left_out).unwrap_or(u32::MAX),
        command: refusal.command.clone(),
    })
}

fn change(difference: &Difference) -> Change {
    let Difference { key, before, after, percent_lower, concern } = difference.clone();
    Change { key, before, after, percent_lower, concern: concern.map(str::to_owned) }
}

fn certificate(certificate: Validity) -> CertificateStatus {
    CertificateStatus {
        not_before: certificate.from(),
        not_after: certificate.until(),
        days_left: certificate.days_left(),
        problem: certificate.problem(),
    }
}

fn shadow(shadow: &Shadowing, reading: &shadow::Reading) -> ShadowStatus {
    ShadowStatus {
        rates_digest: shadow.settings.rates.digest.to_string(),
        plugin: shadow.plugin.as_ref().map(Opened::status),
        compared: reading.compared(),
        different: reading.different(),
    }
}

fn bid_log(reading: bid_log::Reading) -> BidLogStatus {
    BidLogStatus {
        path: reading.folder.display().to_string(),
        written: reading.written,
        waiting: reading.waiting,
        lost: reading.lost,
        late: reading.late,
        problem: reading.problem,
    }
}

fn seconds(age: Option<Duration>) -> Option<f64> {
    age.map(|age| age.as_secs_f64())
}

fn inventory(reading: inventory::Reading) -> InventoryStatus {
    InventoryStatus {
        source: reading.source,
        state: reading.state.name().to_owned(),
        age_seconds: seconds(reading.age),
        digest: reading.digest.map(|digest| digest.to_string()).unwrap_or_default(),
        nodes: reading.nodes,
        findings: reading.findings,
        missing_nodes: reading.missing_nodes,
        problem: reading.problem,
        held: reading.held,
    }
}

fn feed(reading: feed::Reading) -> FeedStatus {
    let source = |source: feed::SourceReading| FeedSourceStatus {
        name: source.name,
        usd_per_akt: source.usd_per_akt.map(|usd| usd.to_string()),
        age_seconds: seconds(source.age),
        problem: source.problem,
    };
    FeedStatus {
        usd_per_akt: reading.usd_per_akt.map(|usd| usd.to_string()),
        age_seconds: seconds(reading.age),
        sources: reading.sources.into_iter().map(source).collect(),
        problem: reading.problem,
    }
}
