//! What the service prices with, and how it changes.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Instant;

use arc_swap::{ArcSwap, ArcSwapOption};
use pricing_core::budget::{Budget, SearchBudget, Spent};
use pricing_core::reserve::Scheduler;
use pricing_host::compile::Compiler;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tonic::Status;

use super::gate::{Charge, Gate, Load, Payer, Refused};
use super::intake::Intake;
use super::kept::{Answer, Effort};
use super::listen::Validity;
use super::plugin::{Opened, Opening, Role};
use super::reload::{Remembered, settled};
use crate::bid_log::BidLog;
use crate::config::{self, ConfigError, Files, Loaded, Source};
use crate::connections::Table;
use crate::feed::Feed;
use crate::guard::Refusal;
use crate::inventory::{LiveInventory, Plan, Stock};
use crate::metrics::{Call, Metrics};
use crate::pricer::{self, Ask, Moment, Priced, Settings};
use crate::shadow::Shadow;

/// A configuration in use.
#[derive(Debug)]
pub struct Active {
    /// The configuration and the rates.
    pub loaded: Loaded,
    /// What orders are priced with.
    pub settings: Arc<Settings>,
    /// The plugin that prices.
    pub plugin: Option<Opened>,
    /// What prices every order a second time.
    pub shadow: Option<Shadowing>,
}

/// What prices every order a second time.
#[derive(Debug)]
pub struct Shadowing {
    /// What it prices with.
    pub settings: Arc<Settings>,
    /// Its plugin.
    pub plugin: Option<Opened>,
}

/// How often the configuration was taken and refused, and what waits.
#[derive(Clone, Debug, Default)]
pub(super) struct Reloads {
    pub(super) taken: u64,
    pub(super) refused: u64,
    pub(super) problem: Option<String>,
    /// Files changed, and have not settled.
    pub(super) settling: bool,
    /// What was refused and can be accepted.
    pub(super) unaccepted: Option<Arc<Refusal>>,
    /// The files that were refused last; none when the files were taken since.
    pub(super) refused_files: Option<Files>,
}

impl Reloads {
    /// Counts a configuration that was refused, and tells why. `files`: what it was read from, when that had settled.
    pub(super) fn refuse(&mut self, files: Option<Files>, error: &ConfigError) {
        self.refused_files = files;
        self.refused = self.refused.saturating_add(1);
        self.problem = Some(error.to_string());
        self.unaccepted = match error {
            ConfigError::Unaccepted(refusal) => Some(Arc::new(Refusal::clone(refusal))),
            _ => None,
        };
        match &self.unaccepted {
            Some(refusal) => tracing::warn!(
                digest = %refusal.digest,
                changes = refusal.listed(),
                accept = refusal.command,
                "the configuration has to be accepted first; the one before stays in use"
            ),
            None => tracing::error!(%error, "the configuration was refused; the one before stays in use"),
        }
    }
}

/// The service. Cheap to clone; all clones are one service.
#[derive(Clone, Debug)]
pub struct Service {
    pub(super) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) path: PathBuf,
    pub(super) opening: Opening,
    pub(super) active: ArcSwap<Active>,
    pub(super) gate: Gate,
    pub(super) intake: Intake,
    /// When its own certificate can be used, once it listens with one.
    pub(super) certificate: OnceLock<Validity>,
    /// The connections, once it listens.
    pub(super) connections: OnceLock<Arc<Table>>,
    /// Nothing new is begun any more.
    pub(super) stopping: CancellationToken,
    pub(super) metrics: Arc<Metrics>,
    pub(super) feed: Feed,
    /// None while no inventory is configured.
    pub(super) inventory: ArcSwapOption<LiveInventory>,
    /// None where no log is configured.
    pub(super) bid_log: Option<BidLog>,
    pub(super) shadow: Shadow,
    pub(super) reloads: Mutex<Reloads>,
    /// Who may ask for a reload now: one has it done, one waits.
    pub(super) reloaders: Arc<Semaphore>,
    /// Keeps two reloads from crossing.
    pub(super) reloading: Mutex<()>,
    pub(super) remembered: Mutex<Remembered>,
    pub(super) started: Instant,
}

impl Service {
    /// Reads the configuration and starts what works in the background. To be called within a tokio runtime, which it
    /// blocks for a moment.
    ///
    /// # Errors
    /// When the configuration is bad, or changes more of what was accepted last than its rate card.
    pub fn start(path: &Path, compiler: Compiler) -> Result<Self, ConfigError> {
        let files = settled(path)?;
        let mut loaded = config::load_files(&files)?;
        let metrics = Arc::new(Metrics::new());
        let gate = Gate::new(&loaded.config.limits);
        let feed = Feed::start(&loaded.config.feed)?;
        let inventory = LiveInventory::start(&loaded.config.inventory)?;
        let bid_log = loaded.config.bid_log.as_ref().map(BidLog::open).transpose()?;
        let (remembered, refused) = Remembered::at_start(&mut loaded)?;
        let opening = Opening::new(compiler, Arc::clone(&metrics));
        let active = Active::open(loaded, None, &opening)?;
        let shadow = Shadow::start(active.shadow_settings(), bid_log.clone())
            .map_err(|error| ConfigError::unusable("shadow", error))?;
        let inner = Inner {
            path: path.to_owned(),
            opening,
            active: ArcSwap::from_pointee(active),
            gate,
            intake: Intake::default(),
            certificate: OnceLock::new(),
            connections: OnceLock::new(),
            stopping: CancellationToken::new(),
            metrics,
            feed,
            inventory: ArcSwapOption::new(inventory.map(Arc::new)),
            bid_log,
            shadow,
            reloads: Mutex::default(),
            reloaders: Arc::new(Semaphore::new(2)),
            reloading: Mutex::default(),
            remembered: Mutex::new(remembered),
            started: Instant::now(),
        };
        let service = Self { inner: Arc::new(inner) };
        service.begin(files, refused.as_ref());
        Ok(service)
    }

    /// Remembers what a start has accepted, and tells what it has refused.
    fn begin(&self, files: Files, refused: Option<&ConfigError>) {
        self.write_accepted();
        if let Some(error) = refused {
            self.inner.metrics.reloaded(false);
            self.inner.reloads.lock().unwrap_or_else(PoisonError::into_inner).refuse(Some(files), error);
        }
    }

    /// The configuration in use.
    #[must_use]
    pub fn active(&self) -> Arc<Active> {
        self.inner.active.load_full()
    }

    /// What a request of so many bytes is charged.
    pub(super) fn charge(&self, payer: Payer, bytes: usize, every_set: bool) -> Charge {
        let nodes = self.inner.inventory.load().as_deref().map_or(0, LiveInventory::nodes);
        Charge::of(payer, bytes, nodes, every_set, self.active().settings.budget.steps)
    }

    /// Does work such as pricing on a thread on which it may take its time, when it is its turn.
    ///
    /// # Errors
    /// When too much is asked at once, or the deadline passes first.
    pub(super) async fn in_turn<R: Send + 'static>(
        &self,
        call: Call,
        deadline: Instant,
        charge: Charge,
        work: impl FnOnce(&Self) -> Result<Answer<R>, Status> + Send + 'static,
    ) -> Result<R, Status> {
        let asked = Instant::now();
        let service = self.clone();
        let limits = self.active().loaded.config.limits.clone();
        let work = move || {
            let answer = work(&service);
            let steps = answer.as_ref().map_or(0, |answer| answer.steps);
            (answer, steps)
        };
        let answered = self.inner.gate.run(&limits, deadline, charge, work).await;
        let answered = match answered.map_err(Status::from).flatten() {
            Ok(answer) => Ok(answer.when_written().await),
            Err(status) => Err(status),
        };
        self.watch_request(call, asked, answered)
    }

    /// Decides without a socket in between, for a daemon that has the service linked in; under the same limits.
    ///
    /// # Errors
    /// When too much is asked at once, or the deadline passes first.
    pub async fn price(&self, ask: Ask, deadline: Instant) -> Result<Vec<Priced>, Refused> {
        let service = self.clone();
        let limits = self.active().loaded.config.limits.clone();
        let charge = self.charge(Payer::Inside, ask.text.len(), ask.alternatives);
        let work = move || {
            let answer = service.decide(Call::Quote, ask, deadline);
            let steps = answer.steps;
            (answer, steps)
        };
        let decided = self.inner.gate.run(&limits, deadline, charge, work).await?;
        Ok(decided.when_written().await)
    }

    /// How much is going on, and what became of the orders so far.
    #[must_use]
    pub fn load(&self) -> Load {
        self.inner.gate.load()
    }

    /// Decides, with what may be spent on a request, until the deadline. This takes its time.
    pub(super) fn decide(&self, call: Call, ask: Ask, deadline: Instant) -> Answer<Vec<Priced>> {
        let active = self.active();
        let settings = &active.settings;
        let now = Instant::now();
        let usd_per_akt = self.inner.feed.usd_per_akt(now);
        let is_late = || Instant::now() >= deadline;
        let budget = Budget::new(settings.budget).until(&is_late);
        let decide = |stock: &Stock| {
            let moment = Moment { stock: stock.clone(), usd_per_akt };
            let priced = pricer::price(settings, &moment, &ask, &budget);
            // Past the deadline nobody hears of the bids.
            let heard = budget.spent() != Some(Spent::Time);
            let taken = pricer::taken(settings, &ask, &priced).filter(|_| heard);
            ((moment, priced), taken)
        };
        let (moment, priced) =
            self.watch_decision(call, &ask, settings, || match self.inner.inventory.load().as_deref() {
                None => decide(&Stock::NotAsked).0,
                Some(inventory) => inventory.with_stock(now, ask.name.as_ref(), decide),
            });
        self.keep(call, settings, ask, moment, priced, Effort::since(now, &budget))
    }

    /// Goes over to another inventory, or to none.
    pub(super) fn follow(&self, plan: Option<Plan>) {
        let inventory = &self.inner.inventory;
        match (plan, inventory.load().as_deref()) {
            (Some(plan), Some(live)) => live.reconfigure(plan),
            (Some(plan), None) => inventory.store(Some(Arc::new(LiveInventory::follow(plan)))),
            (None, _) => inventory.store(None),
        }
    }

    pub(super) fn reloads(&self) -> Reloads {
        self.inner.reloads.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Active {
    /// Opens what a configuration names, or keeps what the one before has open. The plugin that prices comes last,
    /// since its file takes over at once when it is good: nothing may fail after that.
    pub(super) fn open(loaded: Loaded, before: Option<&Self>, opening: &Opening) -> Result<Self, ConfigError> {
        let config = &loaded.config;
        let open = |plugin, role| Opened::open(plugin, &config.limits, role, opening);
        let shadow_plugin = config.shadow.as_ref().and_then(|shadow| shadow.plugin.as_ref());
        let open_shadow = before.and_then(|before| before.shadow.as_ref()?.plugin.as_ref());
        let shadow_plugin = match (shadow_plugin, open_shadow) {
            (Some(new), Some(opened)) if opened.is_as(new) && opened.is_the_file() => Some(opened.clone()),
            (Some(new), _) => Some(open(new, Role::Shadow)?),
            (None, _) => None,
        };
        let plugin = match (&config.plugin, before.and_then(|before| before.plugin.as_ref())) {
            (Some(new), Some(opened)) if opened.is_as(new) => {
                opened.refresh()?;
                Some(opened.clone())
            }
            (Some(new), _) => Some(open(new, Role::Pricing)?),
            (None, _) => None,
        };
        let settings = settings_of(&loaded, &loaded.rates, plugin.as_ref());
        let shadow = config.shadow.as_ref().map(|_| {
            let rates = loaded.shadow_rates.as_ref().unwrap_or(&loaded.rates);
            Shadowing { settings: settings_of(&loaded, rates, shadow_plugin.as_ref()), plugin: shadow_plugin }
        });
        Ok(Self { settings, plugin, shadow, loaded })
    }

    /// What the shadow prices with.
    pub(super) fn shadow_settings(&self) -> Option<Settings> {
        self.shadow.as_ref().map(|shadow| Settings::clone(&shadow.settings))
    }

    /// The plugins in use: the one that prices, and the shadow's.
    pub(super) fn plugins(&self) -> impl Iterator<Item = &Opened> {
        self.plugin.iter().chain(self.shadow.as_ref().and_then(|shadow| shadow.plugin.as_ref()))
    }
}

fn settings_of(loaded: &Loaded, rates: &Source, plugin: Option<&Opened>) -> Arc<Settings> {
    let reserve = &loaded.config.reserve;
    Arc::new(Settings {
        rates: rates.clone(),
        plugin: plugin.map(|opened| opened.plugin().clone()),
        scheduler: match reserve.scheduler {
            config::Scheduler::Sound => Scheduler::Sound,
            config::Scheduler::Provider => Scheduler::Provider,
        },
        budget: SearchBudget { steps: reserve.search_steps },
    })
}
