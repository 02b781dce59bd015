//! Converts the engine's status into the message of the `Status` call.

use std::time::{Duration, SystemTime};

use pricing_engine::engine;
use pricing_engine::guard::Difference;
use pricing_engine::outcomes::{self, BidResult};
use pricing_engine::placements::{self, PlacementResult};
use pricing_engine::{bid_log, feed, inventory, tune};
use pricing_proto::bidprice::v1::{
    BidLogStatus, Change, FeedSourceStatus, FeedStatus, InventoryStatus, OutcomesStatus, PendingReload,
    PlacementStatus, PluginLoading, PluginStatus, RatesStatus, ReloadStatus, SchedulerStatus, ShadowStatus,
    StatusResponse, TuneGain, TuneRate, TuneStatus,
};

/// The most changes that are listed for a configuration that waits to be accepted.
const CHANGES: usize = 100;

/// Converts the engine's status. The service adds the certificate, which the engine does not know.
#[must_use]
pub fn status(status: engine::Status) -> StatusResponse {
    let engine::Status {
        uptime,
        rates_digest,
        rate_findings,
        scheduler,
        plugin,
        inventory,
        feed,
        shadow,
        bid_log,
        outcomes,
        placements,
        reload,
        loading,
        tune,
    } = status;
    StatusResponse {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        uptime_seconds: uptime.as_secs(),
        rates: Some(RatesStatus { digest: rates_digest.to_string(), findings: rate_findings }),
        plugin: plugin.map(self::plugin),
        inventory: inventory.map(self::inventory),
        feed: Some(self::feed(feed)),
        shadow: shadow.map(self::shadow),
        bid_log: bid_log.map(self::bid_log),
        certificate: None,
        outcomes: outcomes.map(self::outcomes),
        tune: tune.map(self::tune),
        placements: placements.as_ref().map(self::placements),
        kubernetes: Some(self::scheduler(scheduler)),
        reload: Some(self::reload(reload)),
        loading: loading.into_iter().map(self::loading).collect(),
    }
}

fn scheduler(scheduler: engine::SchedulerStatus) -> SchedulerStatus {
    let engine::SchedulerStatus { predict, version, strategy, pods_without_requests, file, warnings } = scheduler;
    let (file, digest) = file.map(|(file, digest)| (file, digest.to_string())).unzip();
    SchedulerStatus {
        predict,
        version: version.to_owned(),
        strategy: strategy.to_owned(),
        pods_without_requests,
        file,
        digest,
        warnings,
    }
}

fn plugin(plugin: engine::PluginStatus) -> PluginStatus {
    let engine::PluginStatus { name, digest, breaker, problem } = plugin;
    PluginStatus { name, digest, breaker: breaker.to_owned(), problem }
}

fn loading(loading: engine::PluginLoading) -> PluginLoading {
    PluginLoading { file: loading.file, seconds: loading.age.as_secs_f64() }
}

fn reload(reload: engine::ReloadStatus) -> ReloadStatus {
    ReloadStatus {
        taken: reload.taken,
        refused: reload.refused,
        pending: pending(&reload),
        problem: reload.problem,
        state_problem: reload.state_problem,
    }
}

/// Returns what is in the files but not in use.
fn pending(reload: &engine::ReloadStatus) -> Option<PendingReload> {
    if reload.is_settling {
        return Some(PendingReload { state: "settling".to_owned(), ..PendingReload::default() });
    }
    let refusal = reload.unaccepted.as_deref()?;
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

fn shadow(shadow: engine::ShadowStatus) -> ShadowStatus {
    ShadowStatus {
        rates_digest: shadow.rates_digest.to_string(),
        plugin: shadow.plugin.map(plugin),
        compared: shadow.reading.compared(),
        different: shadow.reading.different(),
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

fn outcomes(reading: outcomes::Reading) -> OutcomesStatus {
    let counts = reading.counts.as_deref();
    let with = |result| counts.map_or(0, |counts| counts.with(result));
    OutcomesStatus {
        provider: reading.provider,
        folder: reading.folder.display().to_string(),
        age_seconds: seconds(reading.age),
        complete: reading.complete,
        failed: reading.failed,
        problem: reading.problem,
        won: with(BidResult::Won),
        lost: with(BidResult::Lost),
        open: with(BidResult::Open),
        leases: counts.map_or(0, |counts| counts.leases.running),
        leases_without_usd: counts.map_or(0, |counts| counts.leases.without_usd),
    }
}

fn placements(reading: &placements::Reading) -> PlacementStatus {
    let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    PlacementStatus {
        open: reading.open,
        right: reading.with(PlacementResult::Right),
        same_kind: reading.with(PlacementResult::SameKind),
        wrong: reading.with(PlacementResult::Wrong),
        unknown: reading.with(PlacementResult::Unknown),
        recent: number(reading.recent.verifiable()),
        recent_right: number(reading.recent.right()),
        problem: reading.recent.problem(),
    }
}

fn tune(reading: tune::Reading) -> TuneStatus {
    let at = |time: SystemTime| humantime::format_rfc3339_seconds(time).to_string();
    let tune::Reading { apply, running, proposal, proposed_at, changed_at, problem, .. } = reading;
    let status = TuneStatus {
        apply,
        running,
        problem,
        proposed_at: proposed_at.map(at),
        changed_at: changed_at.map(at),
        ..TuneStatus::default()
    };
    let Some(proposal) = proposal else { return status };
    TuneStatus {
        decision: proposal.decision.name().to_owned(),
        rates: proposal.rates.into_iter().map(tuned_rate).collect(),
        gain_usd: Some(gain(proposal.gain_usd)),
        gain_percent: proposal.gain_percent.map(gain),
        days: proposal.days,
        orders: proposal.orders,
        warnings: proposal.warnings,
        ..status
    }
}

fn tuned_rate(rate: tune::ProposedRate) -> TuneRate {
    let (current, proposal) = (rate.current.normalize().to_string(), rate.proposal.normalize().to_string());
    TuneRate { key: rate.key, current, proposal }
}

fn gain(gain: tune::Gain) -> TuneGain {
    let tune::Gain { mean, low, high } = gain;
    TuneGain { mean, low, high }
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
