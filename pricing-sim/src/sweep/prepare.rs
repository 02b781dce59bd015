//! Prepares one cell of a sweep to run with any seed: reads files, loads plugins.

mod check;
mod kubernetes;
mod market;
mod run;
mod strategy;
mod without_leases;

use std::path::Path;
use std::sync::{Arc, Mutex};

use pricing_core::budget::SearchBudget;
use pricing_core::inventory::Cluster;
use pricing_core::money::UsdPerAkt;
use pricing_core::rates::Pricing;
use pricing_core::reserve::kubernetes::KubeScheduler;
use pricing_core::reserve::{Prefer, Scheduler};
use pricing_host::PluginHost;

use super::shared::{Keys, Shared};
use crate::engine::Typical;
use crate::files::Files;
use crate::market::{BestOffers, ListPrices, Market};
use crate::scenario::{self, PodPlacement, Scenario, ScenarioError, StrategyEntry};
use crate::strategy::Strategy;
use crate::stream::openb::Models;
use crate::stream::{self, Arrival, Source};
use crate::supply;
use market::market;
use strategy::strategy;

pub(super) use check::check;
use check::check_owner;
pub use run::{Detailed, RunPlace};

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
    kube_scheduler: KubeScheduler,
    predict: bool,
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
    let mut warnings = source.history().map(|history| history.warnings()).unwrap_or_default();
    let kube_scheduler = kubernetes::scheduler(&scenario.kubernetes, files, &mut warnings)?;
    Ok(Prepared {
        warnings,
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
        kube_scheduler,
        predict: scenario.kubernetes.predict,
        budget: scenario.search_steps.map_or_else(SearchBudget::default, |steps| SearchBudget { steps }),
        scenario,
    })
}
