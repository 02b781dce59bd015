//! The status of the engine.

use std::time::{Duration, Instant};

use pricing_core::rates::{Pricing, check};

use super::{Active, Engine, OpenPlugin};
use crate::config::LoadedScheduler;
use crate::digest::Digest;
use crate::guard::Refusal;
use crate::inventory::Availability;
use crate::{bid_log, feed, inventory, outcomes, placements, shadow, tune};

/// The most findings about the rates that a status lists.
const FINDINGS: usize = 100;

/// The status of the engine.
#[derive(Clone, Debug)]
pub struct Status {
    /// The time since the start.
    pub uptime: Duration,
    /// The digest of the rates in use.
    pub rates_digest: Digest,
    /// The findings about the rates, given the cards of the inventory.
    pub rate_findings: Vec<String>,
    /// What predicts where pods start.
    pub scheduler: SchedulerStatus,
    /// The plugin that prices.
    pub plugin: Option<PluginStatus>,
    /// The inventory, if one is configured.
    pub inventory: Option<inventory::Reading>,
    /// The feed.
    pub feed: feed::Reading,
    /// The second pricing of every order.
    pub shadow: Option<ShadowStatus>,
    /// The bid log, if one is configured.
    pub bid_log: Option<bid_log::Reading>,
    /// The pull of outcomes, if it is configured.
    pub outcomes: Option<outcomes::Reading>,
    /// How predictions of where pods start turned out. `None` until there was one.
    pub placements: Option<placements::Reading>,
    /// How many reloads succeeded and failed, and what is pending.
    pub reload: ReloadStatus,
    /// Plugins that are being inspected and compiled.
    pub loading: Vec<PluginLoading>,
    /// The rates that are proposed, if the configuration says so.
    pub tune: Option<tune::Reading>,
}

/// The kube-scheduler that predictions repeat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchedulerStatus {
    /// Whether anything is predicted.
    pub predict: bool,
    /// The release of Kubernetes.
    pub version: &'static str,
    /// The scoring strategy of NodeResourcesFit.
    pub strategy: &'static str,
    /// How many pods without requests are taken to run on each node.
    pub pods_without_requests: u32,
    /// The file of its configuration, and the digest of its content, if it has one.
    pub file: Option<(String, Digest)>,
    /// What in the file is not understood, with its place.
    pub warnings: Vec<String>,
}

impl SchedulerStatus {
    fn of(active: &Active) -> Self {
        let LoadedScheduler { predict, scheduler, text, .. } = &active.loaded.scheduler;
        let file = active.loaded.config.kubernetes.scheduler_config.as_ref().map(|file| file.display().to_string());
        Self {
            predict: *predict,
            version: scheduler.version.name(),
            strategy: scheduler.profile.scoring_strategy.strategy_type().name(),
            pods_without_requests: scheduler.pods_without_requests,
            file: file.zip(text.as_ref().map(|(digest, _)| *digest)),
            warnings: active.scheduler_warnings(),
        }
    }
}

/// A plugin in use.
#[derive(Clone, Debug)]
pub struct PluginStatus {
    /// Its name.
    pub name: String,
    /// Its digest.
    pub digest: String,
    /// The state of its breaker: `closed`, `open` or `half-open`.
    pub breaker: &'static str,
    /// Why the present content of the file is not in use.
    pub problem: Option<String>,
}

/// A plugin that is being inspected and compiled.
#[derive(Clone, Debug)]
pub struct PluginLoading {
    /// Its file.
    pub file: String,
    /// The time since that began.
    pub age: Duration,
}

/// The second pricing of every order.
#[derive(Clone, Debug)]
pub struct ShadowStatus {
    /// The digest of its rates.
    pub rates_digest: Digest,
    /// Its plugin.
    pub plugin: Option<PluginStatus>,
    /// The comparison so far.
    pub reading: shadow::Reading,
}

/// How many reloads succeeded and failed, and what is pending.
#[derive(Clone, Debug)]
pub struct ReloadStatus {
    /// Configurations that were applied.
    pub taken: u64,
    /// Configurations that were refused.
    pub refused: u64,
    /// Whether files have changed and not settled yet.
    pub is_settling: bool,
    /// The changes that were refused and can be accepted.
    pub unaccepted: Option<std::sync::Arc<Refusal>>,
    /// Why the last configuration was refused.
    pub problem: Option<String>,
    /// Why the accepted configuration could not be persisted.
    pub state_problem: Option<String>,
}

impl Engine {
    /// Returns the status of the engine.
    #[must_use]
    pub fn status(&self) -> Status {
        let active = self.active();
        let reloads = self.reloads();
        let now = Instant::now();
        Status {
            uptime: self.inner.started.elapsed(),
            rates_digest: active.settings.rates.digest,
            rate_findings: self.rate_findings(&active.settings.rates.pricing, now),
            scheduler: SchedulerStatus::of(&active),
            plugin: active.plugin.as_ref().map(OpenPlugin::status),
            inventory: self.inner.inventory.load().as_deref().map(|live| live.reading(now)),
            feed: self.inner.feed.reading(now),
            shadow: active.shadow.as_ref().map(|active| ShadowStatus {
                rates_digest: active.settings.rates.digest,
                plugin: active.plugin.as_ref().map(OpenPlugin::status),
                reading: self.inner.shadow.reading(),
            }),
            bid_log: self.inner.bid_log.as_ref().map(bid_log::BidLog::reading),
            outcomes: self.inner.outcomes.as_ref().map(|outcomes| outcomes.reading(now)),
            placements: Some(self.inner.placements.reading()).filter(placements::Reading::is_used),
            reload: ReloadStatus {
                taken: reloads.taken,
                refused: reloads.refused,
                is_settling: reloads.settling,
                unaccepted: reloads.unaccepted,
                problem: reloads.problem,
                state_problem: self.state_problem(),
            },
            loading: self.inner.opening.loading(),
            tune: self.tune_reading(),
        }
    }

    /// Checks the rates against the cards of the inventory in use. Returns nothing without an inventory.
    fn rate_findings(&self, pricing: &Pricing, now: Instant) -> Vec<String> {
        let inventory = self.inner.inventory.load();
        let Some(Availability::Known(snapshot)) = inventory.as_deref().map(|live| live.availability(now, None)) else {
            return Vec::new();
        };
        let findings = check::check(pricing, &snapshot.cluster);
        findings.iter().take(FINDINGS).map(ToString::to_string).collect()
    }
}
