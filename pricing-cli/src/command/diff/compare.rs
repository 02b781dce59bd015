//! Gets two answers to each order, by pricing it or from a saved run, and sums up how they differ.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use pricing_core::inventory::Cluster;
use pricing_core::inventory::utilisation::Utilisation;
use pricing_core::money::UsdPerAkt;
use pricing_core::quote::{Predict, Reason, Supply, Terms};
use pricing_core::rates::CoinValue;
use pricing_core::text::{Untrusted, counted, excerpt};
use pricing_engine::comparison::{Outcome, Pair, Summary};
use pricing_engine::metrics::gpu_label;
use pricing_sim::strategy::{Pricer, Strategy};

use super::orders::{self, Case};
use super::saved::Row;
use super::skipped::Skipped;
use super::{Args, Kind, Named, Subject};
use crate::args::PlacementArgs;
use crate::command::simulate::Bar;
use crate::error::CliError;
use crate::kubernetes::Kubernetes;
use crate::scene::owner;
use crate::wording::{count, plural};

/// The label of orders whose cards are not certain.
const AMBIGUOUS: &str = "ambiguous";

/// Where orders are placed, and by whom their pods are started.
#[derive(Clone, Copy, Debug)]
pub(super) struct Placing<'a> {
    pub(super) cluster: Option<&'a Cluster>,
    pub(super) kubernetes: &'a Kubernetes,
}

/// How two answers to the same orders differ.
pub(super) struct Compared {
    pub(super) summary: Summary,
    /// Faults of A and of B.
    pub(super) faults: (u64, u64),
    /// The reasons for no bid, by side and code.
    pub(super) said: Vec<NoBidReasons>,
}

/// A reason for no bid, with the message of the first order that it was given for.
pub(super) struct NoBidReasons {
    pub(super) side: &'static str,
    pub(super) code: String,
    pub(super) orders: u64,
    pub(super) order: String,
    pub(super) message: String,
}

impl Compared {
    /// Whether A or B is a fault for every order.
    pub(super) fn only_faults(&self) -> bool {
        let orders = self.summary.total.orders;
        orders > 0 && (self.faults.0 == orders || self.faults.1 == orders)
    }
}

/// An answer to an order.
#[derive(Clone, Debug)]
struct Answered {
    key: (u64, u64),
    id: String,
    group: Untrusted,
    gpu: String,
    outcome: Outcome,
    message: String,
}

impl From<Row> for Answered {
    fn from(row: Row) -> Self {
        let Row { key, id, outcome, gpu } = row;
        Self { key, id, group: Untrusted::default(), gpu, outcome, message: String::new() }
    }
}

/// Compares the answers of two subjects.
///
/// Both answer the same orders in the same sequence. Otherwise the sums would compare different orders, so an order
/// that only one of them has is an error.
pub(super) fn compare(
    args: &Args,
    named: &[Named; 2],
    subjects: (Subject, Subject),
    placing: Placing<'_>,
    skipped: &mut Skipped,
) -> Result<Compared, CliError> {
    let bar = Bar::spinner("reading the orders");
    let answers = answers(args, named, subjects, placing, skipped, &bar);
    bar.clear();
    let (a, b) = answers?;
    if a.len() != b.len() {
        let message =
            format!("A has {} and B has {}: these are not the same orders", counted(a.len(), "decision"), b.len());
        return Err(CliError::unreadable("A and B", message));
    }
    let mut compared = Compared { summary: Summary::keeping(args.limit), faults: (0, 0), said: Vec::new() };
    let mut said = BTreeMap::new();
    for (before, after) in a.iter().zip(&b) {
        if before.key != after.key || before.id != after.id {
            return Err(unlike(before, after));
        }
        compared.add(before, after);
        hear(&mut said, "a", before);
        hear(&mut said, "b", after);
    }
    compared.said = said.into_values().collect();
    Ok(compared)
}

/// The answers of A and of B.
fn answers(
    args: &Args,
    named: &[Named; 2],
    subjects: (Subject, Subject),
    placing: Placing<'_>,
    skipped: &mut Skipped,
    bar: &Bar,
) -> Result<(Vec<Answered>, Vec<Answered>), CliError> {
    let strategies: Vec<&Strategy> = [&subjects.0, &subjects.1].into_iter().filter_map(Subject::strategy).collect();
    for strategy in &strategies {
        owner(args.owner.as_deref(), &strategy.pricing)?;
    }
    let cases = if strategies.is_empty() { Vec::new() } else { cases(args, named, skipped)? };
    for strategy in &strategies {
        check_rates(args, strategy, &cases)?;
    }
    bar.start("prices", cases.len().saturating_mul(strategies.len()));
    let scene = Scene { args, cases: &cases, placing, utilisation: placing.cluster.map(Utilisation::of), bar };
    let a = scene.answers(subjects.0);
    let b = scene.answers(subjects.1);
    Ok((a, b))
}

/// Refuses orders in a denom whose coin has no known value. All of them would be faults on both sides, and would count
/// as orders that A and B answer the same.
fn check_rates(args: &Args, strategy: &Strategy, cases: &[Case]) -> Result<(), CliError> {
    let denom = |case: &Case| case.order.max_price.as_ref().map(|price| price.denom().clone());
    let unknown = |case: &Case| {
        let denom = denom(case)?;
        let token = strategy.pricing.chain.denoms.get(&denom)?;
        (matches!(token.value, CoinValue::Feed(_)) && usd_per_akt(args, case).is_none()).then_some(denom)
    };
    let mut without = cases.iter().filter_map(|case| Some((case, unknown(case)?)));
    let Some((first, denom)) = without.next() else { return Ok(()) };
    let number = u64::try_from(without.count()).unwrap_or(u64::MAX).saturating_add(1);
    let (orders, need) = (count(number, "order"), plural(number, "needs", "need"));
    let (all, name) = (cases.len(), excerpt(&first.id));
    let message = Reason::rate_unavailable(&denom).message;
    Err(CliError::Usage(format!("{message}; {orders} of {all} {need} it, the first is `{name}`")))
}

/// The value of an AKT for an order: the one that was recorded with it, else that of the command line.
fn usd_per_akt(args: &Args, case: &Case) -> Option<UsdPerAkt> {
    case.usd_per_akt.or(args.usd_per_akt)
}

fn unlike(a: &Answered, b: &Answered) -> CliError {
    let shown = |answered: &Answered| {
        let ((run, order), id) = (answered.key, excerpt(&answered.id));
        format!("order {order} (`{id}`) of run {run}")
    };
    let message = format!("{} is paired with {}: these are not the same orders", shown(a), shown(b));
    CliError::unreadable("A and B", message)
}

/// The orders to price: those of `--orders`, else those of a bid log that is A or B.
fn cases(args: &Args, named: &[Named; 2], skipped: &mut Skipped) -> Result<Vec<Case>, CliError> {
    if let Some(path) = &args.orders {
        return orders::read(path, skipped);
    }
    let mut logs = named.iter().filter(|named| named.kind == Kind::Run && orders::is_bid_log(&named.path));
    match logs.next() {
        Some(log) => orders::read(&log.path, skipped),
        None => Err(CliError::Usage("name the orders that are to be priced with --orders".to_owned())),
    }
}

fn hear(said: &mut BTreeMap<(&'static str, String), NoBidReasons>, side: &'static str, answered: &Answered) {
    let Some(code) = &answered.outcome.code else { return };
    let first = || NoBidReasons {
        side,
        code: code.clone(),
        orders: 0,
        order: answered.id.clone(),
        message: answered.message.clone(),
    };
    let said = said.entry((side, code.clone())).or_insert_with(first);
    said.orders = said.orders.saturating_add(1);
}

impl Compared {
    fn add(&mut self, before: &Answered, after: &Answered) {
        let fault = |answered: &Answered| u64::from(answered.outcome.is_fault());
        self.faults.0 = self.faults.0.saturating_add(fault(before));
        self.faults.1 = self.faults.1.saturating_add(fault(after));
        let unknown = |gpu: &str| [AMBIGUOUS, "unknown", ""].contains(&gpu);
        let gpu = if unknown(&before.gpu) && !after.gpu.is_empty() { &after.gpu } else { &before.gpu };
        let group = if before.group.exact().is_empty() { &after.group } else { &before.group };
        self.summary.add(gpu, &before.outcome, &after.outcome, |usd| Pair {
            sequence: Some(before.key.1),
            order_id: Some(before.id.clone()),
            group: group.clone(),
            gpu: gpu.clone(),
            before: before.outcome.clone(),
            after: after.outcome.clone(),
            usd,
        });
    }
}

/// What A and B have in common.
struct Scene<'a> {
    args: &'a Args,
    cases: &'a [Case],
    placing: Placing<'a>,
    utilisation: Option<Utilisation>,
    bar: &'a Bar,
}

impl Scene<'_> {
    fn answers(&self, subject: Subject) -> Vec<Answered> {
        let strategy = match subject {
            Subject::Saved(rows) => return rows.into_iter().map(Answered::from).collect(),
            Subject::Pricer(strategy) => strategy,
        };
        // A script is a process that can use another core. The other pricers take less time than threads would.
        let threads = match strategy.pricer {
            Pricer::Script(_) => std::thread::available_parallelism().map_or(1, usize::from),
            _ => 1,
        };
        let next = AtomicUsize::new(0);
        let answers = Mutex::new(Vec::with_capacity(self.cases.len()));
        let work = || {
            while let Some((place, case)) =
                Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|place| Some((place, self.cases.get(place)?)))
            {
                let answer = self.price(&strategy, place, case);
                self.bar.done();
                answers.lock().unwrap_or_else(PoisonError::into_inner).push(answer);
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..threads {
                scope.spawn(work);
            }
            work();
        });
        let mut answers = answers.into_inner().unwrap_or_else(PoisonError::into_inner);
        answers.sort_by_key(|answer| answer.key);
        answers
    }

    fn price(&self, strategy: &Strategy, place: usize, case: &Case) -> Answered {
        let budget = self.args.placement.budget();
        let PlacementArgs { scheduler, prefer, .. } = self.args.placement;
        let supply = self.placing.cluster.map_or(Supply::Unknown, |cluster| Supply::Reserve { cluster, scheduler });
        let owner = case.owner.as_deref().or(self.args.owner.as_deref()).filter(|owner| !owner.is_empty());
        let usd_per_akt = usd_per_akt(self.args, case);
        let owner = owner.map(Untrusted::new);
        // Nobody reads a prediction here unless it decides.
        let needed = strategy.pricing.policy.needs_prediction();
        let predict = if needed { self.placing.kubernetes.predict() } else { Predict::Never };
        let terms = Terms { owner, usd_per_akt, prefer, predict, budget: Some(&budget), ..Terms::default() };
        let quote = strategy.price_on(&case.order, supply, self.utilisation.as_ref(), terms).quote;
        Answered {
            key: (0, u64::try_from(place).unwrap_or(u64::MAX)),
            id: case.id.clone(),
            group: quote.group.clone(),
            gpu: gpu_label(&case.order, &quote),
            outcome: Outcome::of(&quote),
            message: quote.reason().map(|reason| reason.message.clone()).unwrap_or_default(),
        }
    }
}
