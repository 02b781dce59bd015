//! What the service prices with, and how it changes.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use arc_swap::ArcSwap;
use pricing_core::reserve::{Scheduler, SearchBudget};
use pricing_host::compile::Compiler;
use tonic::Status;

use super::gate::Gate;
use super::plugin;
use crate::config::{self, ConfigError, Loaded};
use crate::feed::Feed;
use crate::inventory::Stock;
use crate::pricer::{self, Ask, Moment, Priced, Settings};

/// A configuration in use.
#[derive(Debug)]
pub struct Active {
    /// The configuration and the rates.
    pub loaded: Loaded,
    /// What orders are priced with.
    pub settings: Arc<Settings>,
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
    pub(super) feed: Feed,
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
        let active = ArcSwap::from_pointee(Active::new(loaded, plugin));
        let inner = Inner {
            path: path.to_owned(),
            compiler,
            active,
            gate,
            feed,
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

    /// What is known at this moment.
    fn moment(&self) -> Moment {
        Moment { stock: Stock::NotAsked, usd_per_akt: self.inner.feed.usd_per_akt(Instant::now()) }
    }

    /// Decides, on a thread on which it may take its time, when it is the order's turn.
    ///
    /// # Errors
    /// When too much is asked at once, or the deadline passes first.
    pub(super) async fn decide(&self, ask: Ask, deadline: Instant) -> Result<Vec<Priced>, Status> {
        let service = self.clone();
        self.inner
            .gate
            .run(deadline, move || {
                let active = service.active();
                let moment = service.moment();
                pricer::price(&active.settings, &moment, &ask)
            })
            .await
            .map_err(Status::from)
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
