//! One cell of a sweep, made ready to run with any seed: files read, plugins loaded.

use std::path::Path;
use std::sync::Arc;

use pricing_core::inventory::Cluster;
use pricing_core::quote::GpuRule;
use pricing_core::rates::Pricing;
use pricing_core::reserve::{Scheduler, SearchBudget};
use pricing_host::{BreakerSettings, CallLimits, PluginHost, PluginSettings, SizeClass};
use rust_decimal::Decimal;

use crate::engine::{self, Outcome, Setup, Typical};
use crate::files::Files;
use crate::market::{Competitor, Market};
use crate::random::Draws;
use crate::result::{PairRun, RunResult};
use crate::scenario::{
    self, GpuRuleName, MarketEntry, RatesEntry, Scenario, ScenarioError, SchedulerName, StrategyEntry,
};
use crate::strategy::{PLUGIN_DEADLINE, Pricer, Script, Strategy};
use crate::stream::openb::Models;
use crate::stream::{self, Arrival, Source, Stream};
use crate::supply;

/// What a simulation needs of the program that it runs in.
pub trait Host: Sync {
    /// Where plugins are loaded and called.
    ///
    /// # Errors
    /// When there can be no such host, with the reason.
    fn plugins(&self) -> Result<PluginHost, String>;

    /// The orders of a bid log.
    ///
    /// # Errors
    /// When it cannot be read, or this program reads none, with the reason.
    fn bid_log(&self, path: &Path) -> Result<Vec<Arrival>, String>;
}

/// A cell, ready to run.
#[derive(Debug)]
pub struct Prepared {
    /// The cell's scenario.
    pub scenario: Scenario,
    /// The strategies, in the scenario's order.
    pub strategies: Vec<Strategy>,
    cluster: Cluster,
    market: Market,
    idle: Pricing,
    source: Source,
    usd_per_akt: Option<Decimal>,
    scheduler: Scheduler,
    budget: SearchBudget,
}

/// Makes a cell ready.
///
/// # Errors
/// When a file or a key is not what it should be.
pub fn prepare(scenario: Scenario, files: &Files, host: &dyn Host) -> Result<Prepared, ScenarioError> {
    check(&scenario)?;
    let models = Models::new(&scenario.openb.models)
        .map_err(|problem| ScenarioError::Malformed { name: "scenario".to_owned(), problem })?;
    let cluster = supply::cluster(&scenario.inventory, &models, files)?;
    let usd_per_akt = scenario.usd_per_akt.map(|usd| usd.0);
    let source = stream::source(&scenario, &models, files, host)?;
    let plugins = scenario.strategy.iter().any(|entry| entry.plugin.is_some());
    let plugins = plugins.then(|| host.plugins()).transpose().map_err(ScenarioError::Run)?;
    let strategy = |entry: &StrategyEntry| strategy(entry, files, plugins.as_ref());
    let strategies = scenario.strategy.iter().map(strategy).collect::<Result<Vec<_>, _>>()?;
    let first = || strategies.first().map(|strategy| strategy.pricing.clone()).unwrap_or_default();
    let idle = scenario.idle.as_ref().map(|entry| scenario::pricing(entry, files)).transpose()?.unwrap_or_else(first);
    let market = scenario.market.as_ref().map(|entry| market(entry, files)).transpose()?.unwrap_or_default();
    Ok(Prepared {
        strategies,
        cluster,
        market,
        idle,
        source,
        usd_per_akt,
        scheduler: match scenario.scheduler {
            SchedulerName::Sound => Scheduler::Sound,
            SchedulerName::Provider => Scheduler::Provider,
        },
        budget: scenario.search_steps.map_or_else(SearchBudget::default, |steps| SearchBudget { steps }),
        scenario,
    })
}

fn check(scenario: &Scenario) -> Result<(), ScenarioError> {
    let wrong = |message: String| Err(ScenarioError::Meaning(message));
    if scenario.strategy.is_empty() {
        return wrong("the scenario has no strategy; add a [[strategy]]".to_owned());
    }
    for (place, entry) in scenario.strategy.iter().enumerate() {
        if entry.name.is_empty() || scenario.strategy.iter().take(place).any(|other| other.name == entry.name) {
            return wrong(format!("strategies need names of their own; there are two `{}`", entry.name));
        }
        let pricers = [entry.plugin.is_some(), entry.script.is_some(), entry.gpu != GpuRuleName::RealCard];
        if pricers.into_iter().filter(|named| *named).count() > 1 {
            return wrong(format!("strategy `{}` names more than one of `plugin`, `script` and `gpu`", entry.name));
        }
    }
    if scenario.usd_per_akt.is_some_and(|usd| usd.0 <= Decimal::ZERO) {
        return wrong("`usd_per_akt` must be above 0".to_owned());
    }
    Ok(())
}

fn strategy(entry: &StrategyEntry, files: &Files, plugins: Option<&PluginHost>) -> Result<Strategy, ScenarioError> {
    let rates = RatesEntry { rates: entry.rates.clone(), set: entry.set.clone() };
    let pricer = match (&entry.plugin, &entry.script, plugins) {
        (Some(name), _, Some(host)) => {
            let class = if entry.engine { SizeClass::Engine } else { SizeClass::Standard };
            let defaults = class.call_limits();
            let limits =
                CallLimits { deadline: PLUGIN_DEADLINE, fuel: entry.fuel.unwrap_or(defaults.fuel), ..defaults };
            // A breaker opens by the clock: here every order is asked for.
            let breaker = BreakerSettings { faults: 0, ..BreakerSettings::default() };
            let settings = PluginSettings { limits, breaker, ..PluginSettings::new(class) };
            let plugin = host.open(&files.path(name), settings);
            Pricer::Plugin(plugin.map_err(|error| ScenarioError::Run(format!("plugin `{name}`: {error}")))?)
        }
        (_, Some(name), _) => {
            let timeout = entry.timeout.unwrap_or(crate::strategy::SCRIPT_TIMEOUT);
            Pricer::Script(Script::new(files.path(name), entry.env.clone(), timeout))
        }
        _ => Pricer::Builtin(match entry.gpu {
            GpuRuleName::RealCard => GpuRule::RealCard,
            GpuRuleName::HighestWildcard => GpuRule::HighestWildcard,
        }),
    };
    Ok(Strategy { name: entry.name.clone(), pricing: scenario::pricing(&rates, files)?, pricer })
}

fn market(entry: &MarketEntry, files: &Files) -> Result<Market, ScenarioError> {
    let mut market = Market::default();
    if !entry.enabled {
        return Ok(market);
    }
    let read = |rates: &Option<String>, set: &toml::Table| {
        scenario::pricing(&RatesEntry { rates: rates.clone(), set: set.clone() }, files)
    };
    stream::sigma("market.spread", entry.spread)?;
    for other in &entry.competitor {
        stream::sigma(&format!("market.competitor.{}.spread", other.name), other.spread)?;
    }
    if entry.rates.is_some() || !entry.set.is_empty() {
        let pricing = read(&entry.rates, &entry.set)?;
        market.competitors.push(Competitor::new("market", pricing, entry.spread, entry.wildcard));
    }
    for other in &entry.competitor {
        let pricing = read(&other.rates, &other.set)?;
        market.competitors.push(Competitor::new(&other.name, pricing, other.spread, other.wildcard));
    }
    Ok(market)
}

/// A run with every order of it.
#[derive(Debug)]
pub struct Detailed {
    /// The run.
    pub result: RunResult,
    /// The orders.
    pub stream: Arc<Stream>,
    /// What each strategy came to, in the scenario's order.
    pub outcomes: Vec<Outcome>,
}

impl Prepared {
    /// Runs the cell with a seed.
    ///
    /// # Errors
    /// When sums outgrow the exact decimals, or a stream cannot be made.
    pub fn run(&self, place: RunPlace, timed: bool) -> Result<Detailed, ScenarioError> {
        let draws = Draws::new(place.seed);
        let stream = self.source.stream(&draws)?;
        let list = self.market.list_prices(&stream.arrivals, self.usd_per_akt);
        let offers = self.market.offers(&list, &draws);
        let typical = Typical::of(&stream.arrivals);
        let setup = Setup {
            arrivals: &stream.arrivals,
            window: stream.window,
            cluster: &self.cluster,
            offers: &offers,
            draws: &draws,
            scheduler: self.scheduler,
            budget: self.budget,
            usd_per_akt: self.usd_per_akt,
            idle: &self.idle,
            typical: &typical,
        };
        let mut outcomes = Vec::with_capacity(self.strategies.len());
        for strategy in &self.strategies {
            let outcome = engine::run(&setup, strategy, timed, &mut |_, _, _| ());
            let overflow = |error| ScenarioError::Run(format!("strategy `{}`: {error}", strategy.name));
            outcomes.push(outcome.map_err(overflow)?);
        }
        let result = RunResult {
            run: place.run,
            cell: place.cell,
            seed: place.seed,
            window: stream.window,
            strategies: outcomes.iter().map(|outcome| outcome.run.clone()).collect(),
            pairs: pairs(&stream, &outcomes),
        };
        Ok(Detailed { result, stream, outcomes })
    }
}

/// Which run it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunPlace {
    /// Its place among all runs.
    pub run: usize,
    /// The place of its cell.
    pub cell: usize,
    /// Its seed.
    pub seed: u64,
}

fn pairs(stream: &Stream, outcomes: &[Outcome]) -> Vec<PairRun> {
    let Some((first, others)) = outcomes.split_first() else { return Vec::new() };
    let pair = |other: &Outcome| {
        let names = (first.run.name.as_str(), other.run.name.as_str());
        PairRun::between(names, &stream.arrivals, &first.decided, &other.decided)
    };
    others.iter().map(pair).collect()
}
