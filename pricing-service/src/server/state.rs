//! What the service prices with, and how it changes.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use arc_swap::{ArcSwap, ArcSwapOption};
use pricing_core::reserve::{Scheduler, SearchBudget};
use pricing_host::compile::Compiler;
use tokio_util::sync::CancellationToken;
use tonic::Status;

use super::gate::{Gate, Load, Refused};
use super::plugin;
use crate::config::{self, ConfigError, Loaded};
use crate::feed::Feed;
use crate::inventory::{LiveInventory, Stock};
use crate::pricer::{self, Ask, Moment, Priced, Settings};

/// A configuration in use.
#[derive(Debug)]
pub struct Active {
    /// The configuration and the rates.
    pub loaded: Loaded,
    /// What orders are priced with.
    pub settings: Arc<Settings>,
}

/// What was decided, and all that it depended on.
#[derive(Debug)]
pub(super) struct Decided {
    pub(super) active: Arc<Active>,
    pub(super) moment: Moment,
    pub(super) ask: Ask,
    /// One a group.
    pub(super) priced: Vec<Priced>,
}

/// How often the configuration was taken and refused.
#[derive(Clone, Debug, Default)]
pub(super) struct Reloads {
    pub(super) taken: u64,
    pub(super) refused: u64,
    pub(super) problem: Option<String>,
}

/// The service. Cheap to clone; all clones are one service.
#[derive(Clone, Debug)]
pub struct Service {
    pub(super) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) path: PathBuf,
    pub(super) compiler: Compiler,
    pub(super) active: ArcSwap<Active>,
    pub(super) gate: Gate,
    /// Nothing new is begun any more.
    pub(super) stopping: CancellationToken,
    pub(super) feed: Feed,
    /// None while no inventory is configured.
    pub(super) inventory: ArcSwapOption<LiveInventory>,
    pub(super) reloads: Mutex<Reloads>,
    /// Keeps two reloads from crossing.
    pub(super) reloading: Mutex<()>,
    pub(super) started: Instant,
}

impl Service {
    /// Reads the configuration and starts what works in the background. To be called within a tokio runtime.
    ///
    /// # Errors
    /// When the configuration is bad.
    pub fn start(path: &Path, compiler: Compiler) -> Result<Self, ConfigError> {
        let loaded = config::load(path)?;
        let plugin = loaded.config.plugin.as_ref().map(|plugin| plugin::open(plugin, &compiler)).transpose()?;
        let gate = Gate::new(&loaded.config.limits);
        let feed = Feed::start(&loaded.config.feed)?;
        let inventory = LiveInventory::start(&loaded.config.inventory)?;
        let active = ArcSwap::from_pointee(Active::new(loaded, plugin));
        let inner = Inner {
            path: path.to_owned(),
            compiler,
            active,
            gate,
            stopping: CancellationToken::new(),
            feed,
            inventory: ArcSwapOption::new(inventory.map(Arc::new)),
            reloads: Mutex::default(),
            reloading: Mutex::default(),
            started: Instant::now(),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The configuration in use.
    #[must_use]
    pub fn active(&self) -> Arc<Active> {
        self.inner.active.load_full()
    }

    /// Does work such as pricing on a thread on which it may take its time, when it is its turn.
    ///
    /// # Errors
    /// When too much is asked at once, or the deadline passes first.
    pub(super) async fn in_turn<R: Send + 'static>(
        &self,
        deadline: Instant,
        work: impl FnOnce(&Self) -> Result<R, Status> + Send + 'static,
    ) -> Result<R, Status> {
        let service = self.clone();
        let limits = self.active().loaded.config.limits.clone();
        self.inner.gate.run(&limits, deadline, move || work(&service)).await?
    }

    /// Decides without a socket in between, for a daemon that has the service linked in; under the same limits.
    ///
    /// # Errors
    /// When too much is asked at once, or the deadline passes first.
    pub async fn price(&self, ask: Ask, deadline: Instant) -> Result<Vec<Priced>, Refused> {
        let service = self.clone();
        let limits = self.active().loaded.config.limits.clone();
        self.inner.gate.run(&limits, deadline, move || service.decide(ask).priced).await
    }

    /// How much is going on, and what became of the orders so far.
    #[must_use]
    pub fn load(&self) -> Load {
        self.inner.gate.load()
    }

    /// Decides. This takes its time.
    pub(super) fn decide(&self, ask: Ask) -> Decided {
        let active = self.active();
        let settings = &active.settings;
        let now = Instant::now();
        let usd_per_akt = self.inner.feed.usd_per_akt(now);
        let decide = |stock: &Stock| {
            let moment = Moment { stock: stock.clone(), usd_per_akt };
            let priced = pricer::price(settings, &moment, &ask);
            let taken = pricer::taken(settings, &ask, &priced);
            ((moment, priced), taken)
        };
        let (moment, priced) = match self.inner.inventory.load().as_deref() {
            None => decide(&Stock::NotAsked).0,
            Some(inventory) => inventory.with_stock(now, ask.name.as_ref(), decide),
        };
        Decided { active, moment, ask, priced }
    }

    pub(super) fn reloads(&self) -> Reloads {
        self.inner.reloads.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Active {
    pub(super) fn new(loaded: Loaded, plugin: Option<pricing_host::Plugin>) -> Self {
        let reserve = &loaded.config.reserve;
        let settings = Settings {
            rates: loaded.rates.clone(),
            plugin,
            scheduler: match reserve.scheduler {
                config::Scheduler::Sound => Scheduler::Sound,
                config::Scheduler::Provider => Scheduler::Provider,
            },
            budget: SearchBudget { steps: reserve.search_steps },
        };
        Self { loaded, settings: Arc::new(settings) }
    }
}
