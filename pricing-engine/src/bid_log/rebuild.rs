//! Rebuilds the inputs of a recorded decision.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use pricing_core::budget::{Budget, SearchBudget};
use pricing_core::inventory::held_capacity::HeldCapacity;
use pricing_core::inventory::utilisation::Utilisation;
use pricing_core::inventory::{read, validate};
use pricing_core::money::UsdPerAkt;
use pricing_core::quote::{FallbackBy, Spread};
use pricing_core::reserve::{Prefer, Scheduler};
use pricing_host::{BreakerSettings, Plugin, PluginHost, PluginSettings, SizeClass};
use rust_decimal::Decimal;

use super::entry::{Decision, ExploreEntry, InventoryEntry, KubernetesEntry, PluginEntry};
use super::objects::{ObjectError, Objects};
use crate::config::{LoadedRates, LoadedScheduler};
use crate::decision::{LiveState, OrderRequest, Settings};
use crate::digest::Digest;
use crate::explore::{DrawSource, Explore};
use crate::inventory::{Availability, Snapshot, SnapshotText};

/// The most cached rate cards.
const RATES: usize = 64;
/// The most cached snapshots. Neighbouring decisions name the same ones.
const SNAPSHOTS: usize = 4;
/// The most cached plugins.
const PLUGINS: usize = 4;
/// The shortest deadline of a plugin's call. Fuel bounds the call. A slower machine than the one that made the bid must
/// not change the result.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why a decision cannot be replayed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RebuildError {
    /// An object is missing or damaged.
    #[error(transparent)]
    Object(#[from] ObjectError),
    /// The plugin's file was not stored.
    #[error("the plugin `{name}` was not recorded: {why}")]
    NotKept {
        /// Its name.
        name: String,
        /// What is wrong.
        why: String,
    },
    /// A part of it cannot be read.
    #[error("its {what} cannot be read: {problem}")]
    Unreadable {
        /// The part.
        what: &'static str,
        /// What is wrong.
        problem: String,
    },
}

fn unreadable(what: &'static str, problem: impl ToString) -> RebuildError {
    RebuildError::Unreadable { what, problem: problem.to_string() }
}

/// The inputs of a decision.
#[derive(Debug)]
pub(super) struct Rebuilt {
    /// The request, with the decision's group only.
    pub(super) request: OrderRequest,
    pub(super) settings: Settings,
    pub(super) live: LiveState,
    /// The search steps that were left for the group.
    steps_left: u64,
    /// The steps that were left for predicting where its pods start.
    left_for_predictions: u64,
}

impl Rebuilt {
    /// Returns the budget of the group. It has no deadline: a decision that was out of time is made to its end.
    pub(super) fn budget(&self) -> Budget<'static> {
        Budget::resumed(self.settings.budget, self.steps_left).with_left_for_predictions(self.left_for_predictions)
    }
}

/// What replaces the recorded inputs.
#[derive(Clone, Debug, Default)]
pub struct WhatIf {
    /// Other rates.
    pub rates: Option<LoadedRates>,
    /// Another plugin.
    pub plugin: Option<Plugin>,
}

impl WhatIf {
    /// Returns whether anything is replaced.
    #[must_use]
    pub fn any(&self) -> bool {
        self.rates.is_some() || self.plugin.is_some()
    }
}

/// Rebuilds decisions, and caches what they share.
#[derive(Debug)]
pub(super) struct Rebuilder {
    objects: Objects,
    host: PluginHost,
    rates: BTreeMap<Digest, LoadedRates>,
    snapshots: VecDeque<(Digest, Arc<Snapshot>)>,
    held: Option<(Digest, Arc<Snapshot>)>,
    plugins: VecDeque<(PluginEntry, Plugin)>,
}

impl Rebuilder {
    pub(super) fn new(objects: Objects, host: PluginHost) -> Self {
        Self { objects, host, rates: BTreeMap::new(), snapshots: VecDeque::new(), held: None, plugins: VecDeque::new() }
    }

    pub(super) fn rebuild(&mut self, decision: &Decision, what_if: &WhatIf) -> Result<Rebuilt, RebuildError> {
        let request = self.request(decision)?;
        let rates = match &what_if.rates {
            Some(rates) => rates.clone(),
            None => self.rates(decision.rates)?,
        };
        let plugin = match (&what_if.plugin, &decision.plugin) {
            (Some(plugin), _) => Some(plugin.clone()),
            (None, Some(entry)) => Some(self.plugin(entry)?),
            (None, None) => None,
        };
        let scheduler = Scheduler::from_name(&decision.scheduler);
        let scheduler = scheduler.ok_or_else(|| unreadable("scheduler", format!("`{}`", decision.scheduler)))?;
        let prefer = match &decision.prefer {
            Some(word) => Prefer::from_name(word).ok_or_else(|| unreadable("prefer", format!("`{word}`")))?,
            None => Prefer::default(),
        };
        let budget = SearchBudget { steps: decision.search_steps };
        let usd_per_akt = decision.usd_per_akt.as_deref().map(usd_per_akt).transpose()?;
        let live = LiveState { availability: self.availability(decision)?, usd_per_akt };
        let steps_left = decision.search_steps_left.unwrap_or(budget.steps);
        let left_for_predictions = decision.prediction_steps_left.unwrap_or_else(|| budget.for_predictions());
        let explore = decision.explore.as_ref().map(explore).transpose()?;
        let kubernetes = self.kubernetes(decision.kubernetes.as_ref())?;
        let settings = Settings { rates, plugin, scheduler, prefer, budget, kubernetes, explore };
        Ok(Rebuilt { request, settings, live, steps_left, left_for_predictions })
    }

    fn request(&self, decision: &Decision) -> Result<OrderRequest, RebuildError> {
        let text = match (&decision.order, decision.order_object) {
            (Some(text), _) => text.clone(),
            (None, Some(digest)) => self.objects.text(digest)?,
            (None, None) => return Err(unreadable("order", "the line has none")),
        };
        let request = OrderRequest::read(text).map_err(|error| unreadable("order", error))?;
        let mut request =
            request.with_targets(decision.targets.clone()).map_err(|error| unreadable("targets", error))?;
        let index = decision.group.index;
        if index >= request.orders.len() {
            return Err(unreadable("group", format!("the order has no group {index}")));
        }
        request.orders = vec![request.orders.swap_remove(index)];
        request.owner.clone_from(&decision.owner);
        request.name.clone_from(&decision.order_id);
        request.already_reserved = decision.already_reserved;
        request.alternatives = decision.alternatives;
        Ok(request)
    }

    fn rates(&mut self, digest: Digest) -> Result<LoadedRates, RebuildError> {
        if let Some(rates) = self.rates.get(&digest) {
            return Ok(rates.clone());
        }
        let source =
            LoadedRates::recorded(self.objects.text(digest)?).map_err(|error| unreadable("rate card", error))?;
        if self.rates.len() >= RATES {
            self.rates.clear();
        }
        self.rates.insert(digest, source.clone());
        Ok(source)
    }

    fn kubernetes(&self, entry: Option<&KubernetesEntry>) -> Result<LoadedScheduler, RebuildError> {
        let Some(KubernetesEntry { predict, version, scheduler_config, pods_without_requests }) = entry else {
            return Ok(LoadedScheduler::default());
        };
        let text = scheduler_config.map(|digest| self.objects.text(digest)).transpose()?;
        let loaded = LoadedScheduler::read(*predict, *version, *pods_without_requests, text.map(Into::into));
        loaded.map_err(|error| unreadable("scheduler configuration", error))
    }

    fn availability(&mut self, decision: &Decision) -> Result<Availability, RebuildError> {
        let digest = match &decision.inventory {
            None => return Ok(Availability::NotConfigured),
            Some(InventoryEntry::Unusable(why)) => return Ok(Availability::Unusable(why.clone())),
            Some(InventoryEntry::Snapshot(digest)) => *digest,
        };
        let whole = self.snapshot(digest)?;
        if decision.held.is_empty() && decision.started.is_empty() {
            return Ok(Availability::Known(whole));
        }
        if !decision.started.is_empty() {
            // Few orders have several groups, so these are not kept.
            let running = Arc::new(whole.cluster.without(&decision.started));
            let reserved = less(&whole, decision.held.clone());
            return Ok(Availability::Known(Arc::new(Snapshot { running, ..(*reserved).clone() })));
        }
        let at_hand = self.held.as_ref().filter(|(of, known)| *of == digest && known.held == decision.held);
        if let Some((_, known)) = at_hand {
            return Ok(Availability::Known(Arc::clone(known)));
        }
        let known = less(&whole, decision.held.clone());
        self.held = Some((digest, Arc::clone(&known)));
        Ok(Availability::Known(known))
    }

    fn snapshot(&mut self, digest: Digest) -> Result<Arc<Snapshot>, RebuildError> {
        if let Some((_, known)) = self.snapshots.iter().find(|(of, _)| *of == digest) {
            return Ok(Arc::clone(known));
        }
        let text = self.objects.text(digest)?;
        let snapshot = read::read(&text).map_err(|error| unreadable("inventory", error))?;
        let cluster = Arc::new(validate::validate(snapshot).cluster);
        let known = Arc::new(Snapshot {
            utilisation: Arc::new(Utilisation::of(&cluster)),
            running: Arc::clone(&cluster),
            cluster,
            text: Arc::new(SnapshotText { text: text.into(), digest }),
            held: Vec::new(),
        });
        keep(&mut self.snapshots, SNAPSHOTS, (digest, Arc::clone(&known)));
        Ok(known)
    }

    fn plugin(&mut self, entry: &PluginEntry) -> Result<Plugin, RebuildError> {
        if let Some((_, plugin)) = self.plugins.iter().find(|(of, _)| of == entry) {
            return Ok(plugin.clone());
        }
        let name = &entry.name;
        if let Some(why) = &entry.not_kept {
            return Err(RebuildError::NotKept { name: name.clone(), why: why.clone() });
        }
        let settings = plugin_settings(entry)?;
        let rejected = |fault: pricing_host::Fault| unreadable("plugin", fault);
        let current = self.file(&entry.digest)?;
        let plugin = match &entry.previous {
            None => self.host.load(name, &current, settings).map_err(rejected)?,
            Some(previous) => {
                let plugin = self.host.load(name, &self.file(previous)?, settings).map_err(rejected)?;
                plugin.replace(&current).map_err(rejected)?;
                plugin
            }
        };
        keep(&mut self.plugins, PLUGINS, (entry.clone(), plugin.clone()));
        Ok(plugin)
    }

    fn file(&self, digest: &str) -> Result<Vec<u8>, RebuildError> {
        let digest = Digest::parse(digest).ok_or_else(|| unreadable("plugin's digest", format!("`{digest}`")))?;
        Ok(self.objects.get(digest)?)
    }
}

/// Returns a snapshot less the held capacity. The utilisation does not change: held capacity is not in use.
fn less(whole: &Snapshot, held: Vec<HeldCapacity>) -> Arc<Snapshot> {
    Arc::new(Snapshot { cluster: Arc::new(whole.cluster.without(&held)), held, ..whole.clone() })
}

fn plugin_settings(entry: &PluginEntry) -> Result<PluginSettings, RebuildError> {
    let classes = [SizeClass::Standard, SizeClass::Engine];
    let class = classes.into_iter().find(|class| class.name() == entry.class);
    let class = class.ok_or_else(|| unreadable("plugin's class", format!("`{}`", entry.class)))?;
    let mut settings = PluginSettings::new(class);
    settings.limits.deadline = Duration::from_micros(entry.limits.deadline_us).max(PATIENCE);
    settings.limits.fuel = entry.limits.fuel;
    settings.limits.memory_bytes = entry.limits.memory_bytes;
    settings.limits.output_bytes = entry.limits.output_bytes;
    // The breaker is off: every decision is independent of the others.
    settings.breaker = BreakerSettings { faults: 0, ..settings.breaker };
    settings.fallback = match entry.fallback.as_deref() {
        None => None,
        Some(name) => {
            let mut known = [FallbackBy::Builtin, FallbackBy::LastPlugin].into_iter();
            let found = known.find(|by| by.name() == name);
            Some(found.ok_or_else(|| unreadable("plugin's fallback", format!("`{name}`")))?)
        }
    };
    Ok(settings)
}

fn keep<T>(list: &mut VecDeque<T>, most: usize, item: T) {
    if list.len() >= most {
        list.pop_front();
    }
    list.push_back(item);
}

/// Reads how a price was to be explored.
fn explore(entry: &ExploreEntry) -> Result<Explore, RebuildError> {
    let spread = Spread::parse(&entry.spread).map_err(|error| unreadable("exploration", error))?;
    let draw = entry.draw.parse().map_err(|_| unreadable("exploration", format!("the draw `{}`", entry.draw)))?;
    Ok(Explore { spread, draws: DrawSource::Recorded(draw) })
}

/// Reads a recorded value of an AKT. It is not normalised: a plugin is given its text, so a replay needs the number
/// exactly as it was recorded.
fn usd_per_akt(text: &str) -> Result<UsdPerAkt, RebuildError> {
    let usd = Decimal::from_str_exact(text).map_err(|error| unreadable("USD/AKT", error))?;
    UsdPerAkt::new(usd).map_err(|error| unreadable("USD/AKT", error))
}
