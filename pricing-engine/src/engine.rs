//! The engine: the active configuration, the live state, and the calls that a daemon makes.

mod active;
pub mod check;
mod observation;
mod plugin;
mod prediction;
mod quote;
mod recording;
mod reload;
mod status;
mod tuning;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use arc_swap::{ArcSwap, ArcSwapOption};
use pricing_core::budget::Budget;
use pricing_core::money::UsdPerAkt;
use pricing_host::compile::Compiler;

use crate::bid_log::BidLog;
use crate::config::{self, ConfigError, ConfigSource, Files};
use crate::decision::{self, LiveState, OrderRequest, ScreenedGroup};
use crate::feed::Feed;
use crate::inventory::{Availability, LiveInventory, Plan};
use crate::metrics::Metrics;
use crate::order_name::OrderName;
use crate::outcomes::{self, Outcomes};
use crate::placements::{AwaitedBids, Placements};
use crate::shadow::Shadow;
use crate::tune::{self, Tuner};

pub use active::{Active, ActiveShadow};
pub use plugin::OpenPlugin;
pub use quote::Unfinished;
pub use recording::Answer;
pub use status::{PluginLoading, PluginStatus, ReloadStatus, SchedulerStatus, ShadowStatus, Status};

use plugin::PluginOpener;
use recording::Effort;
use reload::{LastAccepted, Reloads, settled};

/// A running engine. Clones are cheap handles to the same engine.
#[derive(Clone, Debug)]
pub struct Engine {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    source: ConfigSource,
    opening: PluginOpener,
    active: ArcSwap<Active>,
    metrics: Arc<Metrics>,
    feed: Feed,
    /// `None` while no inventory is configured.
    inventory: ArcSwapOption<LiveInventory>,
    /// `None` if no log is configured.
    bid_log: Option<BidLog>,
    shadow: Shadow,
    /// `None` if outcomes are not configured.
    outcomes: Option<Outcomes>,
    placements: Placements,
    reloads: Mutex<Reloads>,
    /// Serialises reloads.
    reloading: Mutex<()>,
    last_accepted: Mutex<LastAccepted>,
    /// What proposes rates. `None` in a program without it.
    tuner: Option<Arc<dyn Tuner>>,
    tuning: Mutex<tune::Reading>,
    /// Why no rates can be proposed with the configuration in use.
    tune_problem: Mutex<Option<String>>,
    /// When this process last changed rates by itself.
    rates_changed: Mutex<Option<Instant>>,
    /// The runtime of the start, for reloads on other threads.
    runtime: tokio::runtime::Handle,
    started: Instant,
}

impl Engine {
    /// Reads the configuration, and starts the feed, the inventory, the bid log and the shadow. Must be called within a
    /// Tokio runtime. Blocks until the files have settled, up to five seconds, and while the plugins compile.
    ///
    /// # Errors
    /// When the configuration cannot be used, or when it changes something besides the rate card that has to be
    /// accepted first. A rate card that has to be accepted is not an error: the engine starts with the one that was
    /// accepted last.
    pub fn start(source: impl Into<ConfigSource>, compiler: Compiler) -> Result<Self, ConfigError> {
        Self::start_with(source, compiler, None)
    }

    /// Starts as [`Engine::start`] does, with something that can propose rates for the section `tune`.
    ///
    /// # Errors
    /// Those of [`Engine::start`].
    pub fn start_with(
        source: impl Into<ConfigSource>,
        compiler: Compiler,
        tuner: Option<Arc<dyn Tuner>>,
    ) -> Result<Self, ConfigError> {
        let source = source.into();
        let files = settled(&source)?;
        let mut loaded = config::load_files(&files)?;
        let tune_problem = tuning::check(&loaded, tuner.as_ref())?;
        let metrics = Arc::new(Metrics::new());
        let feed = Feed::start(&loaded.config.feed)?;
        let bid_log = loaded.config.bid_log.as_ref().map(BidLog::open).transpose()?;
        let placements = start_placements(&loaded.config, bid_log.as_ref())?;
        let inventory = LiveInventory::start(&loaded.config.inventory, Some(&placements))?;
        let (last_accepted, refused) = LastAccepted::at_start(&mut loaded)?;
        let opening = PluginOpener::new(compiler, Arc::clone(&metrics));
        let active = Active::open(loaded, None, &opening)?;
        let shadow = Shadow::start(active.shadow_settings(), bid_log.clone())
            .map_err(|error| ConfigError::unusable("shadow", error))?;
        let outcomes = start_outcomes(&active, &feed, bid_log.as_ref(), (&metrics, &placements))?;
        let inner = Inner {
            source,
            opening,
            active: ArcSwap::from_pointee(active),
            metrics,
            feed,
            inventory: ArcSwapOption::new(inventory.map(Arc::new)),
            bid_log,
            shadow,
            outcomes,
            placements,
            reloads: Mutex::default(),
            reloading: Mutex::default(),
            last_accepted: Mutex::new(last_accepted),
            tuner,
            tuning: Mutex::default(),
            tune_problem: Mutex::default(),
            rates_changed: Mutex::default(),
            runtime: tokio::runtime::Handle::current(),
            started: Instant::now(),
        };
        let engine = Self { inner: Arc::new(inner) };
        engine.keep_tune_problem(tune_problem);
        engine.report_start(files, refused.as_ref());
        Ok(engine)
    }

    /// Persists what the start accepted, and reports the rate card that it refused, if there is one. This is the last
    /// step, so that a configuration with which the engine cannot start is not persisted.
    fn report_start(&self, files: Files, refused: Option<&ConfigError>) {
        self.write_accepted();
        if let Some(error) = refused {
            self.inner.metrics.reloaded(false);
            self.inner.reloads.lock().unwrap_or_else(PoisonError::into_inner).refuse(Some(files), error);
        }
    }

    /// Returns the configuration in use.
    #[must_use]
    pub fn active(&self) -> Arc<Active> {
        self.inner.active.load_full()
    }

    /// Returns the metrics. A caller may count its own calls in them.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.inner.metrics
    }

    /// Returns what checks where pods start.
    #[must_use]
    pub fn placements(&self) -> &Placements {
        &self.inner.placements
    }

    /// Screens an order: declines each group that would be declined wherever it was placed. Stops at the deadline.
    #[must_use]
    pub fn screen(&self, request: &OrderRequest, deadline: Instant) -> Answer<Vec<ScreenedGroup>> {
        let active = self.active();
        let began = Instant::now();
        let is_late = || Instant::now() >= deadline;
        let budget = Budget::new(active.settings.budget).until(&is_late);
        let screened = decision::screen(&active.settings, None, request, &budget);
        self.observe_screening(request, &screened);
        self.record_screening(&active.settings, request, screened, Effort::since(began, &budget))
    }

    /// Returns the live state at `now`. Capacity that is held for orders is not free in it; nothing new is held.
    #[must_use]
    pub fn live(&self, now: Instant) -> LiveState {
        let availability = match self.inner.inventory.load().as_deref() {
            None => Availability::NotConfigured,
            Some(inventory) => inventory.availability(now, None),
        };
        LiveState { availability, usd_per_akt: self.usd_per_akt(now) }
    }

    /// Returns the value of an AKT in USD, if the feed has a usable one.
    #[must_use]
    pub fn usd_per_akt(&self, now: Instant) -> Option<UsdPerAkt> {
        self.inner.feed.usd_per_akt(now)
    }

    /// Returns the number of nodes of the last accepted snapshot; 0 without an inventory.
    #[must_use]
    pub fn nodes(&self) -> usize {
        self.inner.inventory.load().as_deref().map_or(0, LiveInventory::nodes)
    }

    /// Releases the capacity that is held for an order. Returns whether there was any.
    pub fn release(&self, name: &OrderName) -> bool {
        self.inner.inventory.load().as_deref().is_some_and(|inventory| inventory.release(name))
    }

    /// Switches to another inventory, or to none, which also ends all holds.
    fn switch_inventory(&self, plan: Option<Plan>) {
        let inventory = &self.inner.inventory;
        match (plan, inventory.load().as_deref()) {
            (Some(plan), Some(live)) => live.reconfigure(plan),
            (Some(plan), None) => {
                let live = LiveInventory::follow_for(plan, Some(self.inner.placements.clone()));
                inventory.store(Some(Arc::new(live)));
            }
            (None, _) => inventory.store(None),
        }
    }

    fn reloads(&self) -> Reloads {
        self.inner.reloads.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Stops the pull of outcomes and what follows placements, closes the bid log after it has written its queue, and
    /// unlocks the file of the accepted configuration for another engine. Blocks.
    pub fn shutdown(&self) {
        // They write to the log.
        if let Some(outcomes) = &self.inner.outcomes {
            outcomes.stop();
        }
        self.inner.placements.stop();
        self.close_log();
        self.close_accepted();
    }
}

/// Starts what checks predicted placements: those of bids that were won, where outcomes tell, and otherwise those of bids
/// for which capacity is held.
fn start_placements(config: &config::Config, log: Option<&BidLog>) -> Result<Placements, ConfigError> {
    let awaited = if config.outcomes.is_some() { AwaitedBids::Won } else { AwaitedBids::All };
    Placements::start(awaited, log.cloned()).map_err(|error| ConfigError::unusable("kubernetes", error))
}

/// Starts the pull of outcomes, if they are configured. Nothing else depends on it.
fn start_outcomes(
    active: &Active,
    feed: &Feed,
    log: Option<&BidLog>,
    (metrics, placements): (&Arc<Metrics>, &Placements),
) -> Result<Option<Outcomes>, ConfigError> {
    let Some(plan) = outcomes::Plan::of(&active.loaded.config)? else { return Ok(None) };
    let feed = feed.clone();
    let usd_per_akt = move || feed.usd_per_akt(Instant::now());
    let started = Outcomes::start(plan, log.cloned(), Arc::clone(metrics), Some(placements.clone()), usd_per_akt);
    started.map(Some).map_err(|error| ConfigError::unusable("outcomes", error))
}
