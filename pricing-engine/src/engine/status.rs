//! What the engine tells of itself.

use std::time::{Duration, Instant};

use pricing_core::rates::{Pricing, check};

use super::{Engine, OpenPlugin};
use crate::digest::Digest;
use crate::guard::Refusal;
use crate::inventory::Availability;
use crate::{bid_log, feed, inventory, shadow};

/// The most findings that are told of the rates.
const FINDINGS: usize = 100;

/// How the engine is.
#[derive(Clone, Debug)]
pub struct Status {
    /// How long it runs.
    pub uptime: Duration,
    /// The digest of the rates in use.
    pub rates_digest: Digest,
    /// What is odd about the rates, given the cards of the inventory.
    pub rate_findings: Vec<String>,
    /// The plugin that prices.
    pub plugin: Option<PluginStatus>,
    /// The inventory, where one is configured.
    pub inventory: Option<inventory::Reading>,
    /// The feed.
    pub feed: feed::Reading,
    /// What prices a second time.
    pub shadow: Option<ShadowStatus>,
    /// The bid log, where one is configured.
    pub bid_log: Option<bid_log::Reading>,
    /// How often the configuration was taken anew, and what waits.
    pub reload: ReloadStatus,
    /// Plugins that are being inspected and compiled.
    pub loading: Vec<PluginLoading>,
}

/// A plugin in use.
#[derive(Clone, Debug)]
pub struct PluginStatus {
    /// Its name.
    pub name: String,
    /// Its digest.
    pub digest: String,
    /// The state of its breaker, in a word.
    pub breaker: &'static str,
    /// Why the file that is there now is not in use.
    pub problem: Option<String>,
}

/// A plugin that is being inspected and compiled.
#[derive(Clone, Debug)]
pub struct PluginLoading {
    /// Its file.
    pub file: String,
    /// For how long already.
    pub age: Duration,
}

/// What prices a second time.
#[derive(Clone, Debug)]
pub struct ShadowStatus {
    /// The digest of its rates.
    pub rates_digest: Digest,
    /// Its plugin.
    pub plugin: Option<PluginStatus>,
    /// What it came to.
    pub reading: shadow::Reading,
}

/// How often the configuration was taken anew, and what waits.
#[derive(Clone, Debug)]
pub struct ReloadStatus {
    /// Configurations that were taken.
    pub taken: u64,
    /// Configurations that were refused.
    pub refused: u64,
    /// Files changed, and have not settled.
    pub is_settling: bool,
    /// What was refused and can be accepted.
    pub unaccepted: Option<std::sync::Arc<Refusal>>,
    /// Why the last configuration was refused.
    pub problem: Option<String>,
    /// Why what was accepted is not kept for a restart.
    pub state_problem: Option<String>,
}

impl Engine {
    /// How the engine is.
    #[must_use]
    pub fn status(&self) -> Status {
        let active = self.active();
        let reloads = self.reloads();
        let now = Instant::now();
        Status {
            uptime: self.inner.started.elapsed(),
            rates_digest: active.settings.rates.digest,
            rate_findings: self.rate_findings(&active.settings.rates.pricing, now),
            plugin: active.plugin.as_ref().map(OpenPlugin::status),
            inventory: self.inner.inventory.load().as_deref().map(|live| live.reading(now)),
            feed: self.inner.feed.reading(now),
            shadow: active.shadow.as_ref().map(|active| ShadowStatus {
                rates_digest: active.settings.rates.digest,
                plugin: active.plugin.as_ref().map(OpenPlugin::status),
                reading: self.inner.shadow.reading(),
            }),
            bid_log: self.inner.bid_log.as_ref().map(bid_log::BidLog::reading),
            reload: ReloadStatus {
                taken: reloads.taken,
                refused: reloads.refused,
                is_settling: reloads.settling,
                unaccepted: reloads.unaccepted,
                problem: reloads.problem,
                state_problem: self.state_problem(),
            },
            loading: self.inner.opening.loading(),
        }
    }

    /// What the rates say of the cards of the inventory in use, where there is one.
    fn rate_findings(&self, pricing: &Pricing, now: Instant) -> Vec<String> {
        let inventory = self.inner.inventory.load();
        let Some(Availability::Known(snapshot)) = inventory.as_deref().map(|live| live.availability(now, None)) else {
            return Vec::new();
        };
        let findings = check::check(pricing, &snapshot.cluster);
        findings.iter().take(FINDINGS).map(ToString::to_string).collect()
    }
}
