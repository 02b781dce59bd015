//! Replays candidates with the simulation.
//!
//! A resample is a stream of blocks that are drawn from the history, as many as the history has, after a warm-up in
//! which leases fill the cluster and nothing counts: that of the scenario (`orders.warm_up`), or else some mean leases. What a lease pays counts for the time within the window that counts.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use pricing_core::money::{ArithmeticOverflow, Usd};
use pricing_core::rates::Pricing;
use pricing_sim::engine::{Outcome, leased_usd};
use pricing_sim::files::Files;
use pricing_sim::result::OrderOutcome;
use pricing_sim::scenario::{self, ScenarioError};
use pricing_sim::strategy::Strategy;
use pricing_sim::stream::{Arrival, Stream};
use pricing_sim::sweep::{Prepared, SimulationEnvironment, prepare};
use pricing_sim::time::{DAY, Millis};
use rust_decimal::Decimal;
use toml::{Table, Value};

use crate::candidate::{Candidate, Variation};
use crate::evaluate::{Course, Evaluate, HistorySize, KindCourse, Sample, TuneError};
use crate::key::Keys;

/// Which orders rates can be tuned on.
const ORDERS: &str =
    "rates can only be tuned on the orders of a history or a file: name one as `orders.history` or `orders.file`";
/// How many mean leases the warm-up lasts: after this time, hardly a lease is left that could have begun before it.
const WARM_UP_LEASES: u64 = 2;

/// A scenario whose candidates can be replayed.
#[derive(Debug)]
pub struct Replays<'a> {
    /// The prepared scenario.
    pub prepared: Prepared,
    /// The keys that are varied.
    pub keys: Keys,
    files: &'a Files,
    seed: u64,
    warm_up: Millis,
    days: u64,
    /// For each order of the history, its block.
    block_of: Vec<usize>,
    /// For each block that has orders, the index of the first.
    first_of: Vec<usize>,
    /// For each order of the history, how many cards it takes and its kind.
    shapes: Vec<(u64, Arc<str>)>,
    /// For each order of the history, what its lease costs a month.
    costs: Vec<Usd>,
    strategies: Mutex<BTreeMap<Candidate, Strategy>>,
    /// For each order of the history, by which factor rivals follow.
    follow: Vec<Decimal>,
}

impl<'a> Replays<'a> {
    /// Prepares a scenario to be replayed in blocks: those of `orders.resample`, or else of a day.
    ///
    /// # Errors
    /// When the scenario or a file is invalid, or its orders are not from a file or a history.
    pub fn new(
        table: &Table,
        variations: &[Variation],
        files: &'a Files,
        host: &dyn SimulationEnvironment,
        costs: Option<&Pricing>,
    ) -> Result<Self, TuneError> {
        let (prepared, warm_up) = prepared(table, files, host)?;
        let strategy = prepared.scenario.strategy.first();
        let strategy = strategy.ok_or_else(|| TuneError::Meaning("the scenario has no strategy".to_owned()))?;
        let keys = Keys::new(variations, strategy, files)?;
        let basis = Arc::clone(basis(&prepared)?);
        let block = block(&prepared);
        let (block_of, first_of) = blocks(&basis, block);
        let shape = |(order, arrival): (usize, &Arrival)| (cards(arrival), kind(&prepared, order));
        let shapes = basis.arrivals.iter().enumerate().map(shape).collect();
        let cost = |arrival: &Arrival| costs.and_then(|costs| prepared.cost(arrival, costs)).unwrap_or_default();
        let costs = basis.arrivals.iter().map(cost).collect();
        Ok(Self {
            seed: prepared.scenario.seed,
            days: basis.window.length().div_ceil(DAY),
            prepared,
            keys,
            files,
            warm_up,
            block_of,
            first_of,
            shapes,
            costs,
            strategies: Mutex::default(),
            follow: Vec::new(),
        })
    }

    /// The orders of the history.
    #[must_use]
    pub fn basis(&self) -> &[Arrival] {
        self.prepared.basis().map_or(&[], |basis| &basis.arrivals)
    }

    /// The days of the history.
    #[must_use]
    pub fn days(&self) -> u64 {
        self.days
    }

    /// Multiplies the bids of rivals on each order of the history by a factor from now on.
    pub fn let_rivals_follow(&mut self, factors: Vec<Decimal>) {
        self.follow = factors;
    }

    /// The rates with the values of a candidate.
    ///
    /// # Errors
    /// When they are not a valid rate card.
    pub fn pricing(&self, candidate: &Candidate) -> Result<Pricing, TuneError> {
        self.keys.pricing(candidate, self.files)
    }

    /// Replays candidates on the orders as they came, once. Nothing of the scenario's own warm-up counts.
    ///
    /// # Errors
    /// When a candidate is not a valid rate card, or a sum overflows.
    pub fn as_they_came(&self, candidates: &[Candidate]) -> Result<Vec<Course>, TuneError> {
        let strategies = candidates.iter().map(|one| self.strategy(one)).collect::<Result<Vec<_>, _>>()?;
        let (stream, outcomes) = self.prepared.replay_basis(self.seed, &strategies)?;
        let from = stream.window.start.saturating_add(own_warm_up(&self.prepared).unwrap_or(0));
        let course = |outcome: &Outcome| self.course(&stream, outcome, from).map_err(overflow);
        outcomes.iter().map(course).collect()
    }

    fn strategy(&self, candidate: &Candidate) -> Result<Strategy, TuneError> {
        let mut known = self.strategies.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(strategy) = known.get(candidate) {
            return Ok(strategy.clone());
        }
        let missing = || TuneError::Meaning("the scenario has no strategy".to_owned());
        let base = self.prepared.strategies.first().ok_or_else(missing)?;
        let pricing = self.keys.pricing(candidate, self.files)?;
        let strategy = Strategy { name: base.name.clone(), pricing, pricer: base.pricer.clone() };
        known.insert(candidate.clone(), strategy.clone());
        Ok(strategy)
    }

    /// How often each block was drawn. The blocks without orders are one block, the last.
    fn drawn(&self, stream: &Stream) -> Vec<u32> {
        let mut drawn = vec![0_u32; self.first_of.len()];
        for order in 0..stream.arrivals.len() {
            let origin = stream.origin(order);
            let block = self.block_of.get(origin).copied();
            let is_first = block.is_some_and(|block| self.first_of.get(block) == Some(&origin));
            if let Some(times) = block.filter(|_| is_first).and_then(|block| drawn.get_mut(block)) {
                *times = times.saturating_add(1);
            }
        }
        let positions = stream.window.length().div_ceil(block(&self.prepared).max(1));
        let others = drawn.iter().fold(0_u32, |sum, times| sum.saturating_add(*times));
        drawn.push(u32::try_from(positions).unwrap_or(u32::MAX).saturating_sub(others));
        drawn
    }

    /// The course of an outcome. What comes before `from` does not count.
    fn course(&self, stream: &Stream, outcome: &Outcome, from: Millis) -> Result<Course, ArithmeticOverflow> {
        let mut course = Course::default();
        let mut card_ms = 0_u128;
        let end = stream.window.end;
        for (order, (arrival, decided)) in stream.arrivals.iter().zip(&outcome.decided).enumerate() {
            let origin = stream.origin(order);
            let Some((cards, kind)) = self.shapes.get(origin) else { continue };
            let won = decided.outcome == OrderOutcome::Won;
            let counts = u64::from(arrival.at >= from);
            let of_kind = match course.kinds.get_mut(kind) {
                Some(known) => known,
                None => course.kinds.entry(Arc::clone(kind)).or_insert(KindCourse::default()),
            };
            of_kind.orders = of_kind.orders.saturating_add(counts);
            course.orders = course.orders.saturating_add(counts);
            if !won {
                continue;
            }
            of_kind.won = of_kind.won.saturating_add(counts);
            course.won = course.won.saturating_add(counts);
            let ends = arrival.at.saturating_add(decided.lease_ms).min(end);
            let time = ends.saturating_sub(arrival.at.max(from));
            let paid = leased_usd(decided.usd_per_month.unwrap_or_default(), time)?;
            let cost = leased_usd(self.costs.get(origin).copied().unwrap_or_default(), time)?;
            of_kind.revenue = of_kind.revenue.checked_add(paid)?;
            course.revenue = course.revenue.checked_add(paid)?;
            course.cost = course.cost.checked_add(cost)?;
            card_ms = card_ms.saturating_add(u128::from(*cards).saturating_mul(u128::from(time)));
        }
        let all = u128::try_from(self.prepared.cluster().cards().len()).unwrap_or(u128::MAX);
        let all = all.saturating_mul(u128::from(end.saturating_sub(from)));
        let share = card_ms.saturating_mul(1_000_000).checked_div(all).unwrap_or(0);
        course.utilisation = u64::try_from(share).unwrap_or(u64::MAX);
        Ok(course)
    }
}

impl Evaluate for Replays<'_> {
    fn history(&self) -> HistorySize {
        let blocks = self.days.saturating_mul(DAY).div_ceil(block(&self.prepared).max(1));
        HistorySize {
            orders: self.block_of.len(),
            blocks: usize::try_from(blocks).unwrap_or(usize::MAX),
            days: self.days,
        }
    }

    fn evaluate(&self, candidates: &[Candidate], resample: u64) -> Result<Sample, TuneError> {
        let strategies = candidates.iter().map(|one| self.strategy(one)).collect::<Result<Vec<_>, _>>()?;
        let seed = self.seed.wrapping_add(resample);
        let follow = |order: usize| self.follow.get(order).copied().unwrap_or(Decimal::ONE);
        let (stream, outcomes) = self.prepared.replay(seed, &strategies, &follow)?;
        let from = stream.window.start.saturating_add(self.warm_up);
        let course = |outcome: &Outcome| self.course(&stream, outcome, from).map_err(overflow);
        let courses = outcomes.iter().map(course).collect::<Result<_, _>>()?;
        Ok(Sample { drawn: self.drawn(&stream), courses })
    }
}

fn overflow(error: ArithmeticOverflow) -> TuneError {
    ScenarioError::Run(error.to_string()).into()
}

/// The scenario with resampling and a window that has room for the warm-up, and the length of the warm-up.
fn prepared(table: &Table, files: &Files, host: &dyn SimulationEnvironment) -> Result<(Prepared, Millis), TuneError> {
    let malformed = |problem| ScenarioError::Malformed { name: "scenario".to_owned(), problem };
    let mut table = table.clone();
    let orders = table.get("orders").and_then(Value::as_table);
    if orders.is_some_and(|orders| orders.contains_key("generate") || orders.contains_key("sdl_dir")) {
        return Err(TuneError::Meaning(ORDERS.to_owned()));
    }
    if !orders.is_some_and(|orders| orders.contains_key("resample")) {
        scenario::set(&mut table, "orders.resample", Value::String("1d".to_owned())).map_err(malformed)?;
    }
    let first = prepare(scenario::of_table(table.clone()).map_err(malformed)?, files, host)?;
    let window = basis(&first)?.window.length();
    let own = own_warm_up(&first);
    // The duration of a scenario has its warm-up in it.
    let counted = first.scenario.orders.duration.map_or(window, |all| millis(all).saturating_sub(own.unwrap_or(0)));
    if counted == 0 || own.is_some_and(|own| own >= window) {
        return Err(TuneError::Meaning("`orders.warm_up` is as long as the window: nothing would count".to_owned()));
    }
    let warm_up = own.map_or_else(|| mean_leases(&first, counted), |own| in_blocks(&first, own));
    let length = format!("{}ms", counted.saturating_add(warm_up));
    scenario::set(&mut table, "orders.duration", Value::String(length)).map_err(malformed)?;
    let prepared = prepare(scenario::of_table(table).map_err(malformed)?, files, host)?;
    Ok((prepared, warm_up))
}

fn millis(duration: Duration) -> Millis {
    Millis::try_from(duration.as_millis()).unwrap_or(Millis::MAX)
}

fn basis(prepared: &Prepared) -> Result<&Arc<Stream>, TuneError> {
    prepared.basis().ok_or_else(|| TuneError::Meaning(ORDERS.to_owned()))
}

/// The length of a block.
fn block(prepared: &Prepared) -> Millis {
    prepared.scenario.orders.resample.map_or(DAY, millis).max(1)
}

/// The scenario's own warm-up.
fn own_warm_up(prepared: &Prepared) -> Option<Millis> {
    prepared.scenario.orders.warm_up.map(millis)
}

/// At least so much time in whole blocks.
fn in_blocks(prepared: &Prepared, time: Millis) -> Millis {
    let block = block(prepared);
    time.div_ceil(block).saturating_mul(block)
}

/// Some mean leases, in whole blocks, and at most as long as the window that counts. Leases whose end is not known count
/// as lasting to the end of the history.
fn mean_leases(prepared: &Prepared, counted: Millis) -> Millis {
    let Some(basis) = prepared.basis() else { return 0 };
    let last = |arrival: &Arrival| arrival.until.unwrap_or(basis.window.end).saturating_sub(arrival.at);
    let total = basis.arrivals.iter().fold(0_u64, |sum, arrival| sum.saturating_add(last(arrival)));
    let mean = total.checked_div(u64::try_from(basis.arrivals.len()).unwrap_or(u64::MAX)).unwrap_or(0);
    in_blocks(prepared, mean.saturating_mul(WARM_UP_LEASES).min(counted))
}

/// The block of each order, counting only blocks that have orders, and the first order of each.
fn blocks(basis: &Stream, length: Millis) -> (Vec<usize>, Vec<usize>) {
    let (mut block_of, mut first_of) = (Vec::with_capacity(basis.arrivals.len()), Vec::new());
    let mut last = None;
    for (order, arrival) in basis.arrivals.iter().enumerate() {
        let block = arrival.at.saturating_sub(basis.window.start).checked_div(length);
        if block != last || first_of.is_empty() {
            first_of.push(order);
            last = block;
        }
        block_of.push(first_of.len().saturating_sub(1));
    }
    (block_of, first_of)
}

/// The cards that an order takes.
fn cards(arrival: &Arrival) -> u64 {
    let units = arrival.order.group.resources().iter();
    units.fold(0, |sum, unit| sum.saturating_add(unit.gpu.units.saturating_mul(u64::from(unit.count))))
}

/// The kinds of card that an order takes. Empty without cards, and where the orders are not from a history.
fn kind(prepared: &Prepared, order: usize) -> Arc<str> {
    let facts = prepared.history().and_then(|history| history.facts(order));
    facts.map_or_else(|| Arc::from(""), |facts| Arc::clone(&facts.kind))
}
