//! The replay: a discrete-event simulation in which orders arrive, are priced on what earlier leases have left, are won
//! or lost, and end.
//!
//! There are two kinds of event: the arrival of an order and the end of a lease. Arrivals are sorted in advance and the
//! ends are in a priority queue, so the replay jumps from event to event. Of events at the same moment, leases end
//! before orders arrive. The strategy places and prices an order on a snapshot of the cluster, its bid is compared with
//! the others' bids, and if it wins, the lease starts at once. It ends when the order says so, or at the end of the
//! window.

mod charges;
mod lease;
mod meter;
mod names;
mod start;
mod typical;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::time::Instant;

use pricing_core::budget::SearchBudget;
use pricing_core::inventory::Cluster;
use pricing_core::inventory::ledger::{Lease, Ledger};
use pricing_core::money::{ArithmeticOverflow, Usd, UsdPerAkt};
use pricing_core::order::Order;
use pricing_core::quote::{Predict, Quote, QuotedTarget, ReasonCode, Terms};
use pricing_core::rates::Pricing;
use pricing_core::reserve::kubernetes::KubeScheduler;
use pricing_core::reserve::{Prefer, Scheduler};
use pricing_core::text::Untrusted;

use crate::market::BestOffers;
use crate::random::Draws;
use crate::result::{Briefs, Decided, OrderOutcome, StrategyRun, cards_of, nodes_of};
use crate::scenario::PodPlacement;
use crate::strategy::{Ask, Priced, Strategy};
use crate::stream::Arrival;
use crate::time::{Millis, Window};

use charges::Charges;
pub use lease::{cards_handed_out, leased_usd, own_usd, usd_of_price};
use meter::Meter;
use names::Names;
pub use start::{Start, StartError};
pub use typical::Typical;

/// What all strategies of a run have in common.
#[derive(Clone, Copy, Debug)]
pub struct Setup<'a> {
    /// The orders.
    pub arrivals: &'a [Arrival],
    /// The period that counts. Orders may arrive before it, in the warm-up: their leases take room, and only what they
    /// take and pay within the period counts.
    pub window: Window,
    /// The cluster before the first order.
    pub cluster: &'a Cluster,
    /// The bids of the competitors.
    pub offers: &'a BestOffers,
    /// The run's random numbers.
    pub draws: &'a Draws,
    /// The algorithm that makes reservations.
    pub scheduler: Scheduler,
    /// Which card model a resource unit gets if several models fit.
    pub prefer: Prefer,
    /// Where the pods of an order that was won start.
    pub placement: PodPlacement,
    /// The cluster's kube-scheduler.
    pub kube_scheduler: &'a KubeScheduler,
    /// What the strategy predicts with.
    pub predict: Predict<'a>,
    /// The budget for each order.
    pub budget: SearchBudget,
    /// The price of an AKT in USD, if it is known.
    pub usd_per_akt: Option<UsdPerAkt>,
    /// The rates by which idle capacity is valued.
    pub idle: &'a Pricing,
    /// The typical requests of the stream, for the measure of fragmentation.
    pub typical: &'a Typical,
    /// Whether to return the decision on each order, which takes some hundred bytes.
    pub decisions: bool,
}

/// Something that happened in a replay.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// An order was decided. There is a lease if it was won.
    Decided(usize, &'a Decided, Option<&'a Lease>),
    /// The lease of an order ended.
    Ended(usize, &'a Lease),
}

/// The results of one strategy: the sums, and each order.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The sums.
    pub run: StrategyRun,
    /// The decision on each order, in the order of the stream. Empty unless [`Setup::decisions`] asks for them.
    pub decided: Vec<Decided>,
    /// What comparisons need of each decision, in the order of the stream.
    pub briefs: Briefs,
    /// How long pricing each order took, in nanoseconds, if it was measured. Differs from run to run.
    pub timings: Vec<u64>,
}

/// Runs a strategy, and calls `watch` after every event.
///
/// # Errors
/// When a sum overflows the exact decimals.
pub fn run(
    setup: &Setup<'_>,
    strategy: &Strategy,
    timed: bool,
    watch: &mut dyn FnMut(Millis, Event<'_>, &Ledger),
) -> Result<Outcome, ArithmeticOverflow> {
    let mut replay = Replay::new(setup, strategy);
    let mut timings = Vec::new();
    for (order, arrival) in setup.arrivals.iter().enumerate() {
        replay.end_until(arrival.at, watch)?;
        let started = timed.then(Instant::now);
        let priced = replay.price(arrival);
        if let Some(started) = started {
            timings.push(u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX));
        }
        replay.decide(order, arrival, priced, watch)?;
    }
    replay.end_until(setup.window.end, watch)?;
    replay.close(watch)?;
    let Replay { meter, charges, mut run, decided, briefs, .. } = replay;
    charges.finish(&mut run);
    meter.finish(setup, &mut run)?;
    Ok(Outcome { run, decided, briefs, timings })
}

/// The state of a strategy's replay.
struct Replay<'a> {
    setup: &'a Setup<'a>,
    strategy: &'a Strategy,
    ledger: Ledger,
    meter: Meter<'a>,
    charges: Charges,
    /// The ends of leases with the indices of their orders; the earliest end comes first, and of equal ones the earlier
    /// order.
    ends: BinaryHeap<Reverse<(Millis, usize)>>,
    /// The running leases by order, with what they pay per month.
    leases: BTreeMap<usize, (Lease, Usd)>,
    run: StrategyRun,
    decided: Vec<Decided>,
    briefs: Briefs,
    names: Names,
}

impl<'a> Replay<'a> {
    /// A replay before its first event.
    fn new(setup: &'a Setup<'a>, strategy: &'a Strategy) -> Self {
        let ledger = Ledger::new(setup.cluster.clone());
        Self {
            setup,
            strategy,
            meter: Meter::new(setup, &ledger),
            charges: Charges::default(),
            ledger,
            ends: BinaryHeap::new(),
            leases: BTreeMap::new(),
            run: StrategyRun { name: strategy.name.clone(), ..StrategyRun::default() },
            decided: Vec::with_capacity(if setup.decisions { setup.arrivals.len() } else { 0 }),
            briefs: Briefs::with_capacity(setup.arrivals.len()),
            names: Names::default(),
        }
    }

    /// Ends all leases that end at or before a moment, and then lets the time pass up to it.
    fn end_until(
        &mut self,
        now: Millis,
        watch: &mut dyn FnMut(Millis, Event<'_>, &Ledger),
    ) -> Result<(), ArithmeticOverflow> {
        while let Some(Reverse((end, order))) = self.ends.peek().copied().filter(|Reverse((end, _))| *end <= now) {
            self.ends.pop();
            self.end(order, end, watch)?;
        }
        self.meter.advance(now);
        Ok(())
    }

    /// Closes the window: leases that would last longer end with it.
    fn close(&mut self, watch: &mut dyn FnMut(Millis, Event<'_>, &Ledger)) -> Result<(), ArithmeticOverflow> {
        while let Some(Reverse((_, order))) = self.ends.pop() {
            self.end(order, self.setup.window.end, watch)?;
        }
        Ok(())
    }

    /// Ends the lease of an order.
    fn end(
        &mut self,
        order: usize,
        now: Millis,
        watch: &mut dyn FnMut(Millis, Event<'_>, &Ledger),
    ) -> Result<(), ArithmeticOverflow> {
        let Some((lease, usd)) = self.leases.remove(&order) else { return Ok(()) };
        self.meter.advance(now);
        self.ledger.release(lease.clone());
        self.meter.change(&lease, usd, false, &self.ledger)?;
        watch(now, Event::Ended(order, &lease), &self.ledger);
        Ok(())
    }

    /// Asks the strategy for its price. The clock has no part in it, so the answer is the same on every machine.
    fn price(&self, arrival: &Arrival) -> Priced {
        self.strategy.price(&Ask {
            order: &arrival.order,
            owner: arrival.owner.as_deref().map(Untrusted::new),
            ledger: &self.ledger,
            scheduler: self.setup.scheduler,
            prefer: self.setup.prefer,
            predict: self.setup.predict,
            budget: self.setup.budget,
            usd_per_akt: self.setup.usd_per_akt,
        })
    }

    /// Decides an order, and starts its lease if it is won.
    ///
    /// Counters come before the event, so that whoever watches sees a state in which the order is counted and the lease
    /// has started.
    fn decide(
        &mut self,
        order: usize,
        arrival: &Arrival,
        priced: Priced,
        watch: &mut dyn FnMut(Millis, Event<'_>, &Ledger),
    ) -> Result<(), ArithmeticOverflow> {
        let Priced { quote, own } = priced;
        // A script that could not be started in time also depends on the machine.
        let by_machine = |code| matches!(code, ReasonCode::DeadlineExceeded | ReasonCode::LoadRejected);
        let by_clock = quote.reason().is_some_and(|reason| by_machine(reason.code));
        count_if(&mut self.run.by_clock, by_clock);
        let mut decided = Decided {
            outcome: self.outcome(order, &quote),
            price: quote.price().cloned(),
            usd_per_month: quote.usd_per_month,
            own_usd_per_month: own,
            max_usd: self.max_usd(arrival),
            best_other_usd: self.setup.offers.of(order),
            gpu: self.names.shared(cards_of(&quote.targets)),
            cards: cards_in(&arrival.order),
            node: self.names.shared(nodes_of(&quote.targets)),
            lease_ms: 0,
            revenue: Usd::ZERO,
        };
        let mut begun = None;
        if decided.outcome == OrderOutcome::Won {
            match self.begin(order, arrival, &quote) {
                Ok((lease, started)) => {
                    let cards = cards_handed_out(&arrival.order, &started, &lease, self.ledger.cluster());
                    decided.gpu = self.names.shared(cards);
                    decided.node = self.names.shared(nodes_of(&started));
                    self.bill(arrival, &quote, (&lease, &started), &mut decided)?;
                    begun = Some(lease);
                }
                Err(StartError::Lease(_) | StartError::Search(_)) => decided.outcome = OrderOutcome::CannotRun,
                Err(StartError::Pending { .. }) => decided.outcome = OrderOutcome::PodPending,
            }
        }
        self.count(&decided, arrival.at >= self.setup.window.start)?;
        if arrival.at >= self.setup.window.start {
            self.meter.arrived(&decided);
        }
        if let Some(lease) = begun {
            let usd = decided.usd_per_month.unwrap_or_default();
            self.meter.change(&lease, usd, true, &self.ledger)?;
            watch(arrival.at, Event::Decided(order, &decided, Some(&lease)), &self.ledger);
            // A lease that lasts beyond the window is still running at its last moment.
            self.ends.push(Reverse((arrival.until.unwrap_or(Millis::MAX).max(arrival.at), order)));
            self.leases.insert(order, (lease, usd));
        } else {
            watch(arrival.at, Event::Decided(order, &decided, None), &self.ledger);
        }
        self.briefs.push(&decided);
        if self.setup.decisions {
            self.decided.push(decided);
        }
        Ok(())
    }

    /// The most that the tenant pays, in USD per month by the strategy's chain.
    fn max_usd(&self, arrival: &Arrival) -> Option<Usd> {
        let max = arrival.order.max_price.as_ref().filter(|_| arrival.has_maximum)?;
        usd_of_price(max, &self.strategy.pricing.chain, self.setup.usd_per_akt)
    }

    /// The outcome of a quote, provided that its lease can start.
    fn outcome(&self, order: usize, quote: &Quote) -> OrderOutcome {
        match (quote.reason(), quote.usd_per_month) {
            (Some(reason), _) => OrderOutcome::NoBid(reason.code),
            // Every bid of a run has a value in dollars. Without a rate for its denom there is no bid.
            (None, None) => OrderOutcome::NoBid(ReasonCode::RateUnavailable),
            (None, Some(usd)) => self.setup.offers.lost(order, usd).unwrap_or(OrderOutcome::Won),
        }
    }

    /// Starts the lease of an order on the nodes where its pods start.
    fn begin(
        &mut self,
        order: usize,
        arrival: &Arrival,
        quote: &Quote,
    ) -> Result<(Lease, Vec<QuotedTarget>), StartError> {
        let Setup { scheduler, placement, kube_scheduler, .. } = *self.setup;
        let (order_of, pricing, targets) = (&arrival.order, &self.strategy.pricing, &*quote.targets);
        let start = Start { order: order_of, pricing, scheduler, placement, kube_scheduler, targets };
        start.take(&mut self.ledger, self.setup.draws, order)
    }

    /// When an arrival's lease ends: as its order says, but within the window and not before it starts.
    fn end_of(&self, arrival: &Arrival) -> Millis {
        arrival.until.unwrap_or(self.setup.window.end).clamp(arrival.at, self.setup.window.end.max(arrival.at))
    }

    /// Whether the lease of an arrival ends before the period that counts.
    fn is_over(&self, arrival: &Arrival) -> bool {
        let start = self.setup.window.start;
        arrival.at < start && self.end_of(arrival) <= start
    }

    /// Compares what a lease pays with what its own cards cost: those that its pods were actually handed, unless they
    /// are certainly the ones that were priced. The difference is an overcharge or an undercharge.
    fn bill(
        &mut self,
        arrival: &Arrival,
        quote: &Quote,
        (lease, started): (&Lease, &[QuotedTarget]),
        decided: &mut Decided,
    ) -> Result<(), ArithmeticOverflow> {
        let paid = quote.usd_per_month.unwrap_or_default();
        decided.lease_ms = self.end_of(arrival).saturating_sub(arrival.at.max(self.setup.window.start));
        decided.revenue = leased_usd(paid, decided.lease_ms)?;
        if !started.iter().all(is_as_priced) {
            let usd_per_akt = self.setup.usd_per_akt;
            let terms = Terms { owner: arrival.owner.as_deref().map(Untrusted::new), usd_per_akt, ..Terms::default() };
            let allocated = own_usd(arrival, &self.strategy.pricing, started, lease, self.ledger.cluster(), &terms);
            decided.own_usd_per_month = allocated.or(decided.own_usd_per_month);
        }
        if self.is_over(arrival) { Ok(()) } else { self.charges.add(decided) }
    }

    /// Adds a decision to the run's counters and sums. An order of the warm-up is not counted, but what its lease pays
    /// within the period is.
    fn count(&mut self, decided: &Decided, counts: bool) -> Result<(), ArithmeticOverflow> {
        let run = &mut self.run;
        count_if(&mut run.orders, counts);
        if decided.outcome == OrderOutcome::Won {
            count_if(&mut run.won, counts);
            run.revenue = run.revenue.checked_add(decided.revenue)?;
            run.lease_ms = run.lease_ms.saturating_add(u128::from(decided.lease_ms));
        } else if counts {
            count_if(run.lost.entry(decided.outcome).or_default(), true);
        }
        Ok(())
    }
}

/// Whether a unit's pods certainly have the cards that they were priced by.
fn is_as_priced(target: &QuotedTarget) -> bool {
    let kinds = || target.cards.iter().flat_map(|group| &group.kinds);
    target.gpu_units == 0 || target.certain_kind().is_some_and(|certain| kinds().all(|kind| kind == certain))
}

/// The number of cards of an order, all replicas together.
fn cards_in(order: &Order) -> u64 {
    let units = order.group.resources().iter().map(|unit| unit.gpu.units.saturating_mul(u64::from(unit.count)));
    units.fold(0, u64::saturating_add)
}

fn count_if(counter: &mut u64, yes: bool) {
    *counter = counter.saturating_add(u64::from(yes));
}
