//! Runs of a prepared cell.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use pricing_core::inventory::Cluster;
use pricing_core::money::Usd;
use pricing_core::quote::Predict;
use pricing_core::rates::Pricing;
use rust_decimal::Decimal;

use super::{Competition, Constant, Prepared};
use crate::engine::{self, Outcome, Setup, Typical};
use crate::history::MarketHistory;
use crate::market::cost;
use crate::random::Draws;
use crate::result::{PairRun, RunResult};
use crate::scenario::ScenarioError;
use crate::strategy::Strategy;
use crate::stream::{Arrival, Stream};
use crate::sweep::counted::{after_warm_up, limits};
use crate::time::Window;

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
            kube_scheduler: &self.kube_scheduler,
            predict: self.predicted(),
            budget: self.budget,
            usd_per_akt: self.usd_per_akt,
            idle: &self.idle,
            typical: &competition.typical,
            decisions,
        }
    }

    /// What strategies predict with.
    pub(super) fn predicted(&self) -> Predict<'_> {
        if self.predict { Predict::By(&self.kube_scheduler) } else { Predict::Never }
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
