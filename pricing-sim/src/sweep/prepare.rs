//! Prepares one cell of a sweep to run with any seed: reads files, loads plugins.

mod without_leases;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use pricing_core::address::Address;
use pricing_core::budget::SearchBudget;
use pricing_core::inventory::Cluster;
use pricing_core::money::{Usd, UsdPerAkt};
use pricing_core::quote::GpuRule;
use pricing_core::quote::scale::Scales;
use pricing_core::rates::Pricing;
use pricing_core::reserve::{Prefer, Scheduler};
use pricing_host::{Plugin, PluginHost, SizeClass};
use rust_decimal::Decimal;

use super::counted::{after_warm_up, limits};
use super::shared::{Keys, Shared};
use crate::engine::{self, Outcome, Setup, Typical};
use crate::files::Files;
use crate::history::MarketHistory;
use crate::market::{BestOffers, Competitor, ListPrices, Market, Observed, cost};
use crate::random::Draws;
use crate::result::{PairRun, RunResult};
use crate::scenario::{
    self, ChoiceName, MarketEntry, PodPlacement, RatesEntry, Scenario, ScenarioError, ScriptRequestName, StrategyEntry,
};
use crate::strategy::{Pricer, Script, ScriptOrder, Strategy, plugin_settings};
use crate::stream::openb::Models;
use crate::stream::{self, Arrival, Source, Stream};
use crate::supply;
use crate::time::Window;

/// What a simulation needs from the program that runs it.
pub trait SimulationEnvironment: Sync {
    /// The host that loads and calls plugins.
    ///
    /// # Errors
    /// When there can be no host, with the reason.
    fn plugins(&self) -> Result<PluginHost, String>;

    /// The orders of a bid log.
    ///
    /// # Errors
    /// When it cannot be read, or this program cannot read bid logs, with the reason.
    fn bid_log(&self, path: &Path) -> Result<Vec<Arrival>, String>;
}

/// A prepared cell.
#[derive(Debug)]
pub struct Prepared {
    /// The cell's scenario.
    pub scenario: Scenario,
    /// The strategies, in the scenario's order.
    pub strategies: Vec<Strategy>,
    cluster: Arc<Cluster>,
    market: Market,
    idle: Pricing,
    source: Arc<Source>,
    /// What is the same for all seeds whose streams have the same orders.
    constant: Mutex<Option<Constant>>,
    usd_per_akt: Option<UsdPerAkt>,
    scheduler: Scheduler,
    prefer: Prefer,
    placement: PodPlacement,
    budget: SearchBudget,
    warnings: Vec<String>,
}

/// What is computed from a stream without a seed.
#[derive(Clone, Debug)]
struct Constant {
    list: Arc<ListPrices>,
    typical: Arc<Typical>,
}

/// The bids of others on the orders of a stream, and its typical requests.
struct Competition {
    offers: BestOffers,
    typical: Arc<Typical>,
}

/// Prepares a cell.
///
/// # Errors
/// When a file or a key is invalid.
pub fn prepare(scenario: Scenario, files: &Files, host: &dyn SimulationEnvironment) -> Result<Prepared, ScenarioError> {
    prepare_with(scenario, files, host, &Keys::default(), &mut Shared::default())
}

/// Prepares a cell from parts that it can share with other cells.
///
/// The cells of a sweep mostly differ in a rate. What the changed keys do not touch, such as the cluster and the
/// orders, is read once.
pub(super) fn prepare_with(
    scenario: Scenario,
    files: &Files,
    host: &dyn SimulationEnvironment,
    keys: &Keys,
    shared: &mut Shared,
) -> Result<Prepared, ScenarioError> {
    check(&scenario)?;
    let models = Models::new(&scenario.openb.models)
        .map_err(|problem| ScenarioError::Malformed { name: "scenario".to_owned(), problem })?;
    let cluster = shared.cluster(keys, || supply::cluster(&scenario.inventory, &models, files))?;
    let usd_per_akt = scenario.usd_per_akt();
    let source = shared.source(keys, || stream::source(&scenario, &models, files, host))?;
    let strategy = |entry: &StrategyEntry| strategy(entry, files, host, shared);
    let strategies = scenario.strategy.iter().map(strategy).collect::<Result<Vec<_>, _>>()?;
    check_owner(&scenario, &strategies)?;
    let first = || strategies.first().map(|strategy| strategy.pricing.clone()).unwrap_or_default();
    let idle = scenario.idle.as_ref().map(|entry| scenario::pricing(entry, files)).transpose()?.unwrap_or_else(first);
    let market = scenario.market.as_ref().map(|entry| market(entry, files, &source)).transpose()?.unwrap_or_default();
    Ok(Prepared {
        warnings: source.history().map(|history| history.warnings()).unwrap_or_default(),
        strategies,
        cluster,
        market,
        idle,
        source,
        constant: Mutex::new(None),
        usd_per_akt,
        scheduler: scenario.scheduler(),
        prefer: scenario.reserve.prefer,
        placement: scenario.reserve.placement,
        budget: scenario.search_steps.map_or_else(SearchBudget::default, |steps| SearchBudget { steps }),
        scenario,
    })
}

/// Checks a scenario for contradictions before any of its files is read.
pub(super) fn check(scenario: &Scenario) -> Result<(), ScenarioError> {
    let wrong = |message: String| Err(ScenarioError::Meaning(message));
    if scenario.strategy.is_empty() {
        return wrong("the scenario has no strategy; add a [[strategy]]".to_owned());
    }
    if scenario.scheduler.is_some() && scenario.reserve.scheduler.is_some() {
        return wrong("the scheduler is named twice: leave out `scheduler`, or `reserve.scheduler`".to_owned());
    }
    for (place, entry) in scenario.strategy.iter().enumerate() {
        if entry.name.is_empty() || scenario.strategy.iter().take(place).any(|other| other.name == entry.name) {
            return wrong(format!("each strategy needs its own name; there are two `{}`", entry.name));
        }
        let of_gpu = entry.gpu != GpuRule::RealCard;
        let pricers = [entry.plugin.is_some(), entry.script.is_some(), entry.scale, of_gpu];
        if pricers.into_iter().filter(|named| *named).count() > 1 {
            let message =
                format!("strategy `{}` names more than one of `plugin`, `script`, `scale` and `gpu`", entry.name);
            return wrong(message);
        }
        let of_script = entry.timeout.is_some() || entry.request.is_some() || (!entry.env.is_empty() && !entry.scale);
        if of_script && entry.script.is_none() {
            return wrong(format!("strategy `{}` has `env`, `timeout` or `request` and no `script`", entry.name));
        }
    }
    if let Some(Err(error)) = scenario.usd_per_akt.map(|usd| UsdPerAkt::new(usd.0)) {
        return wrong(format!("`usd_per_akt`: {error}"));
    }
    Ok(())
}

/// Rejects a default owner who is not an address: such an owner would get neither a discount nor a denial.
fn check_owner(scenario: &Scenario, strategies: &[Strategy]) -> Result<(), ScenarioError> {
    let Some(owner) = &scenario.orders.owner else { return Ok(()) };
    for strategy in strategies {
        Address::parse(owner, &strategy.pricing.chain.address_prefix)
            .map_err(|error| ScenarioError::Meaning(format!("`orders.owner`: {error}")))?;
    }
    Ok(())
}

fn strategy(
    entry: &StrategyEntry,
    files: &Files,
    host: &dyn SimulationEnvironment,
    shared: &mut Shared,
) -> Result<Strategy, ScenarioError> {
    let rates = RatesEntry { rates: entry.rates.clone(), set: entry.set.clone() };
    let pricer = match (&entry.plugin, &entry.script) {
        (Some(name), _) => {
            let key = format!("{:?}", (name, entry.engine, entry.fuel));
            Pricer::Plugin(shared.plugin(key, host, |host| plugin(name, entry, files, host))?)
        }
        (_, Some(name)) => {
            let key = format!("{:?}", (name, &entry.env, entry.timeout, entry.request));
            Pricer::Script(shared.script(key, || script(entry, name, files))?)
        }
        _ if entry.scale => Pricer::Scale(scales(entry)?),
        _ => Pricer::Builtin(entry.gpu),
    };
    Ok(Strategy { name: entry.name.clone(), pricing: scenario::pricing(&rates, files)?, pricer })
}

/// The scales of a strategy, checked as the daemon does.
fn scales(entry: &StrategyEntry) -> Result<Scales, ScenarioError> {
    let wrong = |error| ScenarioError::Run(format!("strategy `{}`: {error}", entry.name));
    Scales::check_names(entry.env.keys().map(String::as_str)).map_err(wrong)?;
    Scales::read(|name| entry.env.get(name).cloned()).map_err(wrong)
}

/// Checks that a script starts. Otherwise every order would be a fault, and nobody would notice before the end.
fn script(entry: &StrategyEntry, name: &str, files: &Files) -> Result<Script, ScenarioError> {
    let timeout = entry.timeout.unwrap_or(crate::strategy::SCRIPT_TIMEOUT);
    let mut script = Script::new(files.path(name), entry.env.clone(), timeout);
    script.order = match entry.request {
        None | Some(ScriptRequestName::Allocated) => ScriptOrder::Allocated,
        Some(ScriptRequestName::Written) => ScriptOrder::Written,
    };
    let wrong = |error| ScenarioError::Run(format!("strategy `{}`: {error}", entry.name));
    script.check().map_err(wrong)?;
    Ok(script)
}

fn plugin(name: &str, entry: &StrategyEntry, files: &Files, host: &PluginHost) -> Result<Plugin, ScenarioError> {
    let class = if entry.engine { SizeClass::Engine } else { SizeClass::Standard };
    let settings = plugin_settings(class, entry.fuel);
    host.open(&files.path(name), settings).map_err(|error| ScenarioError::Run(format!("plugin `{name}`: {error}")))
}

/// The market of a scenario: its single price, if it has one, followed by the named competitors.
fn market(entry: &MarketEntry, files: &Files, source: &Source) -> Result<Market, ScenarioError> {
    let mut market = Market::default();
    if !entry.enabled {
        return Ok(market);
    }
    let read = |rates: &Option<String>, set: &toml::Table| {
        scenario::pricing(&RatesEntry { rates: rates.clone(), set: set.clone() }, files)
    };
    market.factor = stream::factor("market.factor", entry.factor)?;
    stream::sigma("market.spread", entry.spread)?;
    for other in &entry.competitor {
        stream::sigma(&format!("market.competitor.{}.spread", other.name), other.spread)?;
    }
    let has_market = entry.rates.is_some() || !entry.set.is_empty();
    if !has_market && entry.competitor.is_empty() && !entry.observed {
        let message = "[market] names nobody who bids; give it `rates`, add a [[market.competitor]], or set `observed`";
        return Err(ScenarioError::Meaning(message.to_owned()));
    }
    if has_market {
        let pricing = read(&entry.rates, &entry.set)?;
        market.competitors.push(Competitor::new("market", pricing, entry.spread, entry.wildcard));
    }
    for other in &entry.competitor {
        let pricing = read(&other.rates, &other.set)?;
        market.competitors.push(Competitor::new(&other.name, pricing, other.spread, other.wildcard));
    }
    market.observed = observed(entry, source)?;
    Ok(market)
}

/// The bids of the history, if they compete.
fn observed(entry: &MarketEntry, source: &Source) -> Result<Option<Observed>, ScenarioError> {
    let wrong = |message: &str| Err(ScenarioError::Meaning(message.to_owned()));
    match (entry.observed, source.history()) {
        (false, _) if entry.choice != ChoiceName::default() => wrong("`market.choice` needs `market.observed = true`"),
        (false, _) => Ok(None),
        (true, None) => wrong("`market.observed` needs the bids of a history: name one as `orders.history`"),
        (true, Some(history)) if entry.choice == ChoiceName::Fitted => {
            let advice = "use `market.choice = \"cheapest\"`";
            let fitted = history.fitted().map_err(|error| ScenarioError::Meaning(format!("{error}; {advice}")))?;
            Ok(Some(Observed::fitted(Arc::clone(history), fitted)))
        }
        (true, Some(history)) => Ok(Some(Observed::cheapest(Arc::clone(history)))),
    }
}

/// A run with the decisions on every order.
#[derive(Debug)]
pub struct Detailed {
    /// The run.
    pub result: RunResult,
    /// The orders.
    pub stream: Arc<Stream>,
    /// The outcome of each strategy, in the scenario's order.
    pub outcomes: Vec<Outcome>,
}

impl Prepared {
    /// What the user should know about the scenario's inputs, one sentence each.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The history that the orders are from, if they are from one.
    #[must_use]
    pub fn history(&self) -> Option<&Arc<MarketHistory>> {
        self.source.history()
    }

    /// Runs the cell with a seed.
    ///
    /// # Errors
    /// When a sum overflows the exact decimals, or a stream cannot be generated.
    pub fn run(&self, place: RunPlace, timed: bool) -> Result<Detailed, ScenarioError> {
        self.run_on(place, timed, 1, true)
    }

    /// Runs the cell with a seed, with its strategies on several threads. The result does not depend on their number.
    /// Without `decisions` the outcomes have none, which takes far less memory.
    ///
    /// # Errors
    /// The same as [`Self::run`].
    pub fn run_on(
        &self,
        place: RunPlace,
        timed: bool,
        threads: usize,
        decisions: bool,
    ) -> Result<Detailed, ScenarioError> {
        let draws = Draws::new(place.seed);
        let stream = self.source.stream(&draws)?;
        let Constant { list, typical } = self.constant(&stream);
        let window = after_warm_up(stream.window, self.scenario.orders.warm_up)?;
        let competition = Competition { offers: self.market.offers(&list, &stream, &draws), typical };
        let setup = self.setup(&stream, window, &competition, &draws, decisions);
        let outcomes = outcomes(&setup, &self.strategies, timed, threads)?;
        let result = RunResult {
            run: place.run,
            cell: place.cell,
            seed: place.seed,
            window,
            strategies: outcomes.iter().map(|outcome| outcome.run.clone()).collect(),
            pairs: pairs(&stream, window, &outcomes),
            limits: limits(&stream, &list, &competition.offers),
        };
        Ok(Detailed { result, stream, outcomes })
    }

    /// Replays strategies other than the scenario's with a seed. A choice of tenants that is fitted to the history is fitted
    /// again to the orders that the seed draws. `follow` tells for each order, by its index in [`Self::basis`], by which
    /// factor others raise or lower their bids.
    ///
    /// # Errors
    /// The same as [`Self::run`].
    pub fn replay(
        &self,
        seed: u64,
        strategies: &[Strategy],
        follow: &dyn Fn(usize) -> Decimal,
    ) -> Result<(Arc<Stream>, Vec<Outcome>), ScenarioError> {
        let draws = Draws::new(seed);
        let stream = self.source.stream(&draws)?;
        let refitted = self.market.refitted(&stream);
        let market = refitted.as_ref().unwrap_or(&self.market);
        let Constant { list, typical } = self.constant(&stream);
        let mut offers = market.offers(&list, &stream, &draws);
        offers.scale(|order| follow(stream.origin(order)));
        let competition = Competition { offers, typical };
        let outcomes = self.replayed(&stream, strategies, &competition, &draws)?;
        Ok((stream, outcomes))
    }

    /// Replays strategies on the orders as they came, without resampling. Without such orders, on those of the seed.
    ///
    /// # Errors
    /// The same as [`Self::run`].
    pub fn replay_basis(
        &self,
        seed: u64,
        strategies: &[Strategy],
    ) -> Result<(Arc<Stream>, Vec<Outcome>), ScenarioError> {
        let draws = Draws::new(seed);
        let stream = self.source.basis().map_or_else(|| self.source.stream(&draws), |basis| Ok(Arc::clone(basis)))?;
        let Constant { list, typical } = self.constant(&stream);
        let competition = Competition { offers: self.market.offers(&list, &stream, &draws), typical };
        let outcomes = self.replayed(&stream, strategies, &competition, &draws)?;
        Ok((stream, outcomes))
    }

    /// The outcomes of strategies, with their decisions. The whole window counts, also a warm-up of the scenario: those who
    /// ask decide what counts.
    fn replayed(
        &self,
        stream: &Stream,
        strategies: &[Strategy],
        competition: &Competition,
        draws: &Draws,
    ) -> Result<Vec<Outcome>, ScenarioError> {
        outcomes(&self.setup(stream, stream.window, competition, draws, true), strategies, false, 1)
    }

    /// What all strategies have in common on a stream whose competition is known.
    fn setup<'a>(
        &'a self,
        stream: &'a Stream,
        window: Window,
        competition: &'a Competition,
        draws: &'a Draws,
        decisions: bool,
    ) -> Setup<'a> {
        Setup {
            arrivals: &stream.arrivals,
            window,
            cluster: &self.cluster,
            offers: &competition.offers,
            draws,
            scheduler: self.scheduler,
            prefer: self.prefer,
            placement: self.placement,
            budget: self.budget,
            usd_per_akt: self.usd_per_akt,
            idle: &self.idle,
            typical: &competition.typical,
            decisions,
        }
    }

    /// The stream whose orders those of every seed are copies of, if there is one.
    #[must_use]
    pub fn basis(&self) -> Option<&Arc<Stream>> {
        self.source.basis()
    }

    /// The cluster before the first order.
    #[must_use]
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// What an order costs a month by a rate card, without an inventory and regardless of the tenant's maximum. None if
    /// the rate card does not price it.
    #[must_use]
    pub fn cost(&self, arrival: &Arrival, pricing: &Pricing) -> Option<Usd> {
        cost(&arrival.order, arrival.owner.as_deref(), pricing, self.usd_per_akt).ok()
    }

    /// What depends on the orders of a stream alone. Computed once where the streams of all seeds have the same orders,
    /// however often and when they arrive.
    fn constant(&self, stream: &Stream) -> Constant {
        let make = |stream: &Stream| Constant {
            list: Arc::new(self.market.list_prices(&stream.arrivals, self.usd_per_akt)),
            typical: Arc::new(Typical::of(&stream.arrivals)),
        };
        let Some(basis) = self.source.basis() else { return make(stream) };
        let mut known = self.constant.lock().unwrap_or_else(PoisonError::into_inner);
        known.get_or_insert_with(|| make(basis)).clone()
    }
}

/// The outcomes of strategies, on several threads.
fn outcomes(
    setup: &Setup<'_>,
    strategies: &[Strategy],
    timed: bool,
    threads: usize,
) -> Result<Vec<Outcome>, ScenarioError> {
    on_threads(strategies, threads, |strategy| {
        let outcome = engine::run(setup, strategy, timed, &mut |_, _, _| ());
        outcome.map_err(|error| ScenarioError::Run(format!("strategy `{}`: {error}", strategy.name)))
    })
}

/// Applies a function to each item on several threads, and returns the results in the order of the items.
///
/// The threads take items one by one, because some take much longer than others. The first error by the order of the
/// items is returned, whichever thread was first, so that the message is always the same.
fn on_threads<T: Sync, R: Send>(
    items: &[T],
    threads: usize,
    work: impl Fn(&T) -> Result<R, ScenarioError> + Sync,
) -> Result<Vec<R>, ScenarioError> {
    if threads <= 1 || items.len() <= 1 {
        return items.iter().map(work).collect();
    }
    let next = AtomicUsize::new(0);
    let done = Mutex::new(BTreeMap::new());
    let one = || {
        loop {
            let place = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(place) else { break };
            let result = work(item);
            done.lock().unwrap_or_else(PoisonError::into_inner).insert(place, result);
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads.min(items.len()) {
            scope.spawn(one);
        }
        one();
    });
    done.into_inner().unwrap_or_else(PoisonError::into_inner).into_values().collect()
}

/// Identifies a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunPlace {
    /// Its index among all runs.
    pub run: usize,
    /// The index of its cell.
    pub cell: usize,
    /// Its seed.
    pub seed: u64,
}

fn pairs(stream: &Stream, window: Window, outcomes: &[Outcome]) -> Vec<PairRun> {
    let Some((first, others)) = outcomes.split_first() else { return Vec::new() };
    let pair = |other: &Outcome| {
        let names = (first.run.name.as_str(), other.run.name.as_str());
        PairRun::between(names, &stream.arrivals, window.start, &first.briefs, &other.briefs)
    };
    others.iter().map(pair).collect()
}
