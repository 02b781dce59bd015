//! Laws of the replay, held against what its leases say by themselves: whatever orders arrive, in whatever cluster.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

use crate::common;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use pricing_core::budget::SearchBudget;
use pricing_core::gpu::{GpuRequest, GpuSelector};
use pricing_core::inventory::Cluster;
use pricing_core::inventory::held_capacity::{HeldCapacity, HeldCards};
use pricing_core::inventory::ledger::{Lease, Ledger};
use pricing_core::money::{Denom, Price, Usd};
use pricing_core::order::{Endpoints, GroupSpec, Order, OrderFormat, PlacementRequirements, ResourceUnit};
use pricing_core::quantity::{Bytes, MilliCpu};
use pricing_core::quote::{GpuRule, Predict, QuoteRequest, QuotedTarget, Supply, Terms, quote};
use pricing_core::rates::Pricing;
use pricing_core::reserve::kubernetes::KubeScheduler;
use pricing_core::reserve::{Prefer, Scheduler};
use pricing_sim::engine::{self, Event, Outcome, Setup, Start, StartError, Typical};
use pricing_sim::market::{BestOffers, Competitor, Market};
use pricing_sim::random::Draws;
use pricing_sim::result::{Decided, OrderOutcome, nodes_of};
use pricing_sim::scenario::{PodPlacement, Wildcard};
use pricing_sim::strategy::{self as pricers, Pricer};
use pricing_sim::stream::{Arrival, Stream, with_maximum};
use pricing_sim::time::Window;
use proptest::prelude::*;
use rust_decimal::Decimal;

/// Clusters of mixed nodes, some full after a few orders.
const CLUSTERS: [&str; 4] = [
    "2 nodes x 2 t4/16Gi x 2 a100/80Gi, 16 cpu, 64Gi memory + 1 nodes, 8 cpu, 32Gi memory",
    "3 nodes x 4 t4/16Gi/pcie, 8 cpu, 32Gi memory, 100Gi ephemeral",
    "1 nodes x 1 a100/40Gi x 1 a100/80Gi x 1 h100, 32 cpu, 64Gi memory + 1 nodes x 8 t4, 16 cpu, 64Gi memory",
    "1 nodes x 1 t4, 2 cpu, 4Gi memory",
];
/// What requests say of cards, alternatives between `|`.
const REQUESTS: [&str; 7] = ["t4", "a100", "*", "t4|a100", "a100/80Gi", "h100|a100/40Gi", "v100"];

#[derive(Clone, Debug)]
struct AskedUnit {
    cpu: u64,
    memory: u64,
    cards: u64,
    request: usize,
    count: u32,
}

#[derive(Clone, Debug)]
struct Asked {
    gap: u64,
    lasts: Option<u64>,
    units: Vec<AskedUnit>,
    maximum: Option<u32>,
}

#[derive(Clone, Debug)]
struct Case {
    cluster: usize,
    orders: Vec<Asked>,
    seed: u64,
    provider: bool,
    reserved: bool,
    dearest: bool,
    rival: Option<u32>,
    length: Option<u64>,
}

fn units() -> impl Strategy<Value = AskedUnit> {
    let cards = prop_oneof![9 => Just(0_u64), 15 => 1_u64..3, 5 => 3_u64..5, 1 => Just(40_u64)];
    let request = prop_oneof![15 => 0..REQUESTS.len() - 1, 1 => Just(REQUESTS.len() - 1)];
    (1_u64..4_000, 1_u64..12, cards, request, 1_u32..3).prop_map(|(cpu, memory, cards, request, count)| AskedUnit {
        cpu,
        memory,
        cards,
        request,
        count,
    })
}

fn orders() -> impl Strategy<Value = Asked> {
    let gap = prop_oneof![1 => Just(0_u64), 4 => 1_u64..5_000_000];
    let lasts = prop_oneof![1 => Just(Some(0_u64)), 8 => (1_u64..40_000_000).prop_map(Some), 1 => Just(None)];
    let maximum = prop_oneof![3 => Just(None), 1 => (1_u32..3_000).prop_map(Some)];
    (gap, lasts, prop::collection::vec(units(), 1..3), maximum).prop_map(|(gap, lasts, units, maximum)| Asked {
        gap,
        lasts,
        units,
        maximum,
    })
}

fn cases() -> impl Strategy<Value = Case> {
    let rival = prop_oneof![Just(None), (1_u32..200).prop_map(Some)];
    let length = prop_oneof![3 => Just(None), 1 => (1_u64..90_000_000).prop_map(Some)];
    let orders = prop::collection::vec(orders(), 1..40);
    let choices = (any::<bool>(), any::<bool>(), any::<bool>());
    (0..CLUSTERS.len(), orders, any::<u64>(), choices, rival, length).prop_map(
        |(cluster, orders, seed, (provider, reserved, dearest), rival, length)| Case {
            cluster,
            orders,
            seed,
            provider,
            reserved,
            dearest,
            rival,
            length,
        },
    )
}

fn selector(text: &str) -> GpuSelector {
    let (model, ram) = text.split_once('/').map_or((text, None), |(model, ram)| (model, Some(ram)));
    GpuSelector::new("nvidia", model, ram, None)
}

fn order(asked: &Asked) -> (Order, bool) {
    let unit = |(place, unit): (usize, &AskedUnit)| ResourceUnit {
        id: u32::try_from(place).unwrap() + 1,
        cpu: MilliCpu::new(unit.cpu),
        cpu_attributes: Vec::new(),
        memory: Bytes::new(unit.memory << 30),
        memory_attributes: Vec::new(),
        gpu: GpuRequest {
            units: unit.cards,
            alternatives: match unit.cards {
                0 => Vec::new(),
                _ => REQUESTS[unit.request].split('|').map(selector).collect(),
            },
            ..GpuRequest::default()
        },
        storage: Vec::new(),
        endpoints: Endpoints::Listed(Vec::new()),
        count: unit.count,
        price: None,
    };
    let units = asked.units.iter().enumerate().map(unit).collect();
    let group = GroupSpec::new("group".to_owned(), PlacementRequirements::default(), units).unwrap();
    let mut order = Order::from_group(group, OrderFormat::GroupSpec).unwrap();
    order.max_price = asked.maximum.map(|most| Price::new(Denom::new("uact"), Decimal::from(most)).unwrap());
    with_maximum(order, "uact")
}

fn stream(case: &Case) -> Stream {
    let mut at = 1_000;
    let mut arrivals = Vec::new();
    for (number, asked) in case.orders.iter().enumerate() {
        at += asked.gap;
        let (order, has_maximum) = order(asked);
        let until = asked.lasts.map(|lasts| at + lasts);
        let id = Arc::from(format!("{number}"));
        arrivals.push(Arrival { id, at, until, owner: None, order: Arc::new(order), has_maximum });
    }
    Stream::new(arrivals, case.length)
}

/// All that a run of a case needs.
struct World {
    stream: Stream,
    cluster: Cluster,
    offers: BestOffers,
    draws: Draws,
    idle: Pricing,
    typical: Typical,
    scheduler: Scheduler,
    placement: PodPlacement,
    strategy: pricers::Strategy,
}

impl World {
    fn new(case: &Case) -> Self {
        let stream = stream(case);
        let draws = Draws::new(case.seed);
        let pricing = pricing_core::rates::toml::read(common::RATES).unwrap();
        let rival = |percent: u32| {
            let mut pricing = pricing.clone();
            pricing.rates.cpu = Usd::from_decimal(Decimal::new(i64::from(percent), 1));
            Competitor::new("rival", pricing, Some(pricing_sim::number::Number(Decimal::ONE)), Wildcard::Cheapest)
        };
        let market = Market { competitors: case.rival.map(rival).into_iter().collect(), ..Market::default() };
        let offers = market.offers(&market.list_prices(&stream.arrivals, None), &stream, &draws);
        let rule = if case.dearest { GpuRule::HighestWildcard } else { GpuRule::RealCard };
        Self {
            cluster: pricing_sim::supply::describe(CLUSTERS[case.cluster]).unwrap(),
            offers,
            draws,
            idle: pricing.clone(),
            typical: Typical::of(&stream.arrivals),
            scheduler: if case.provider { Scheduler::Provider } else { Scheduler::Sound },
            placement: if case.reserved { PodPlacement::Reserved } else { PodPlacement::Kubernetes },
            strategy: pricers::Strategy { name: "strategy".to_owned(), pricing, pricer: Pricer::Builtin(rule) },
            stream,
        }
    }

    fn run(&self, watch: &mut dyn FnMut(u64, Event<'_>, &Ledger)) -> Outcome {
        self.run_in(self.stream.window, watch)
    }

    fn run_in(&self, window: Window, watch: &mut dyn FnMut(u64, Event<'_>, &Ledger)) -> Outcome {
        let setup = Setup {
            arrivals: &self.stream.arrivals,
            window,
            cluster: &self.cluster,
            offers: &self.offers,
            draws: &self.draws,
            scheduler: self.scheduler,
            prefer: Prefer::Order,
            placement: self.placement,
            kube_scheduler: &KubeScheduler::default(),
            predict: Predict::Default,
            budget: SearchBudget::default(),
            usd_per_akt: None,
            idle: &self.idle,
            typical: &self.typical,
            decisions: true,
        };
        engine::run(&setup, &self.strategy, false, watch).unwrap()
    }
}

/// What leases have of a cluster, added up from the leases alone: by node, CPU, memory, storage, cards by count, and
/// cards by kind.
type Used = BTreeMap<usize, ([u64; 4], BTreeMap<String, u64>)>;

fn used<'a>(cluster: &Cluster, leases: impl IntoIterator<Item = &'a Lease>) -> Used {
    let mut used = Used::new();
    for (id, taken) in leases.into_iter().flat_map(Lease::nodes) {
        let (sums, cards) = used.entry(id.place()).or_default();
        for (sum, more) in sums.iter_mut().zip([taken.cpu, taken.memory, taken.ephemeral, taken.gpus]) {
            *sum += more;
        }
        assert_eq!(u64::try_from(taken.cards().count()).unwrap(), taken.gpus, "a card is a card");
        for card in taken.cards() {
            *cards.entry(cluster.card(card).unwrap().kind.to_string()).or_default() += 1;
        }
    }
    used
}

/// Nothing is over capacity, and what is free and what is used come to what there is.
fn holds(cluster: &Cluster, now: &Cluster, leases: &BTreeMap<usize, Lease>) {
    let used = used(cluster, leases.values());
    for (place, (before, node)) in cluster.nodes().iter().zip(now.nodes()).enumerate() {
        let (sums, cards) = used.get(&place).cloned().unwrap_or_default();
        let pairs = [
            (before.cpu.available.get(), node.cpu.available.get()),
            (before.memory.available.get(), node.memory.available.get()),
            (before.ephemeral.available.get(), node.ephemeral.available.get()),
            (before.gpus.available, node.gpus.available),
        ];
        for ((had, has), sum) in pairs.into_iter().zip(sums) {
            assert!(sum <= had, "{} is over capacity: {sum} of {had}", before.name);
            assert_eq!(has + sum, had, "{}: what is used and what is idle is what there is", before.name);
        }
        let mut there: BTreeMap<String, u64> = BTreeMap::new();
        for card in &before.cards {
            *there.entry(cluster.card(*card).unwrap().kind.to_string()).or_default() += 1;
        }
        for (kind, count) in cards {
            assert!(there.get(&kind).is_some_and(|there| count <= *there), "{}: too many {kind}", before.name);
        }
    }
}

/// `usd * ms / (1000 * 2629757)` rounded half-even at 12 decimals, in whole numbers alone.
fn revenue_of(usd: Usd, ms: u64) -> Usd {
    let mut scaled = usd.decimal();
    scaled.rescale(12);
    assert_eq!(scaled, usd.decimal(), "a bid has at most 12 decimals");
    let (product, divisor) = (u128::try_from(scaled.mantissa()).unwrap() * u128::from(ms), 1000 * 2_629_757_u128);
    let (whole, rest) = (product / divisor, product % divisor);
    let up = rest * 2 > divisor || (rest * 2 == divisor && whole % 2 == 1);
    Usd::from_decimal(Decimal::from_i128_with_scale(i128::try_from(whole).unwrap() + i128::from(up), 12))
}

fn sum(amounts: impl IntoIterator<Item = Usd>) -> Usd {
    amounts.into_iter().fold(Usd::ZERO, |sum, more| sum.checked_add(more).unwrap())
}

/// The sums of a run are those of its leases.
fn adds_up(world: &World, outcome: &Outcome, leases: &BTreeMap<usize, (Lease, u64)>) {
    let run = &outcome.run;
    let won: Vec<&Decided> = outcome.decided.iter().filter(|decided| decided.outcome == OrderOutcome::Won).collect();
    assert_eq!(run.won, u64::try_from(won.len()).unwrap());
    assert_eq!(run.won + run.lost.values().sum::<u64>(), run.orders);
    assert_eq!(run.orders, u64::try_from(world.stream.arrivals.len()).unwrap());
    assert_eq!(run.revenue, sum(won.iter().map(|decided| decided.revenue)));
    assert_eq!(run.lease_ms, won.iter().map(|decided| u128::from(decided.lease_ms)).sum::<u128>());
    for decided in &outcome.decided {
        let usd = decided.usd_per_month.unwrap_or_default();
        let earned = if decided.outcome == OrderOutcome::Won { revenue_of(usd, decided.lease_ms) } else { Usd::ZERO };
        assert_eq!(decided.revenue, earned);
    }
    let (mut cpu, mut memory, mut kinds) = (0_u128, 0_u128, BTreeMap::<String, u128>::new());
    for (lease, ms) in leases.values() {
        for (sums, cards) in used(&world.cluster, [lease]).values() {
            cpu += u128::from(sums[0]) * u128::from(*ms);
            memory += u128::from(sums[1]) * u128::from(*ms);
            for (kind, count) in cards {
                *kinds.entry(kind.clone()).or_default() += u128::from(*count) * u128::from(*ms);
            }
        }
    }
    assert_eq!((run.cpu.leased_ms, run.memory.leased_ms), (cpu, memory));
    for gpu in &run.gpus {
        assert_eq!(gpu.used.leased_ms, kinds.remove(&gpu.kind).unwrap_or(0), "{}", gpu.kind);
        assert!(gpu.used.leased_ms <= u128::from(gpu.used.total) * u128::from(world.stream.window.length()));
    }
    assert!(kinds.is_empty());
    over_time_adds_up(world.stream.window, outcome);
}

fn over_time_adds_up(window: Window, outcome: &Outcome) {
    let (run, parts) = (&outcome.run, &outcome.run.over_time);
    assert_eq!(parts.iter().map(|part| part.arrived).sum::<u64>(), run.orders);
    assert_eq!(parts.iter().map(|part| part.won).sum::<u64>(), run.won);
    assert_eq!(parts.iter().map(|part| part.length).sum::<u64>(), window.length());
    assert_eq!(parts.iter().map(|part| part.cpu_ms).sum::<u128>(), run.cpu.leased_ms);
    assert_eq!(parts.iter().map(|part| part.memory_ms).sum::<u128>(), run.memory.leased_ms);
    for (place, gpu) in run.gpus.iter().enumerate() {
        assert_eq!(parts.iter().map(|part| u128::from(part.gpus[place])).sum::<u128>(), gpu.used.leased_ms);
    }
    // Leases are rounded one by one and parts of time one by one: half a unit each, or one.
    let off = sum(parts.iter().map(|part| part.revenue)).decimal() - run.revenue.decimal();
    let most = Decimal::new(i64::try_from(outcome.decided.len()).unwrap() + 96, 12);
    assert!(off.abs() <= most, "revenue over time is off by {off}");
}

/// The replay with nothing clever in it: at each order the cluster is built anew without what the leases have.
fn naive(world: &World, case: &Case) -> Vec<Decided> {
    // By its end; a lease without one has what it has until the end of the simulation.
    let mut running: Vec<(Option<u64>, Vec<HeldCapacity>)> = Vec::new();
    let mut decided = Vec::new();
    let terms = Terms { gpu_rule: rule(case), ..Terms::default() };
    for (number, arrival) in world.stream.arrivals.iter().enumerate() {
        running.retain(|(end, _)| end.is_none_or(|end| end > arrival.at));
        let held: Vec<HeldCapacity> = running.iter().flat_map(|(_, held)| held.clone()).collect();
        let left = world.cluster.without(&held);
        let supply = Supply::Reserve { cluster: &left, scheduler: world.scheduler };
        let quote = quote(&QuoteRequest::new(&arrival.order, &world.strategy.pricing, supply, &terms));
        let (mut kinds, mut nodes) = (kinds_of(&quote.targets), nodes_of(&quote.targets));
        let mut outcome = match (quote.reason(), quote.usd_per_month, world.offers.of(number)) {
            (Some(reason), _, _) => OrderOutcome::NoBid(reason.code),
            (None, Some(usd), Some(rival)) if rival < usd => OrderOutcome::Outbid,
            _ => OrderOutcome::Won,
        };
        let end = arrival.until.unwrap_or(world.stream.window.end).min(world.stream.window.end);
        let (mut lease_ms, mut revenue) = (0, Usd::ZERO);
        if outcome == OrderOutcome::Won {
            let (pricing, scheduler, placement) = (&world.strategy.pricing, world.scheduler, world.placement);
            let (order, kube_scheduler) = (&arrival.order, &KubeScheduler::default());
            let start = Start { order, pricing, scheduler, placement, kube_scheduler, targets: &quote.targets };
            match start.take(&mut Ledger::new(left), &world.draws, number) {
                Ok((lease, started)) => {
                    (kinds, nodes) = (handed_out(&lease, &world.cluster), nodes_of(&started));
                    running.push((arrival.until, held_by(&world.cluster, &lease)));
                    lease_ms = end - arrival.at;
                    revenue = revenue_of(quote.usd_per_month.unwrap(), lease_ms);
                }
                Err(StartError::Pending { .. }) => outcome = OrderOutcome::PodPending,
                Err(_) => outcome = OrderOutcome::CannotRun,
            }
        }
        decided.push(Decided {
            outcome,
            price: quote.price().cloned(),
            usd_per_month: quote.usd_per_month,
            own_usd_per_month: None,
            max_usd: None,
            best_other_usd: world.offers.of(number),
            gpu: Arc::from(kinds.join("+")),
            cards: arrival.order.group.resources().iter().map(|unit| unit.gpu.units * u64::from(unit.count)).sum(),
            node: Arc::from(nodes),
            lease_ms,
            revenue,
        });
    }
    decided
}

fn kinds_of(targets: &[QuotedTarget]) -> Vec<String> {
    let mut kinds: Vec<String> = Vec::new();
    for kind in targets.iter().flat_map(|target| &target.cards).flat_map(|cards| &cards.kinds) {
        if !kinds.contains(&kind.to_string()) {
            kinds.push(kind.to_string());
        }
    }
    kinds
}

/// The kinds of a lease's cards.
fn handed_out(lease: &Lease, cluster: &Cluster) -> Vec<String> {
    let cards = lease.nodes().iter().flat_map(|(_, taken)| taken.cards());
    let kinds: BTreeSet<String> = cards.map(|card| cluster.card(card).unwrap().kind.to_string()).collect();
    kinds.into_iter().collect()
}

/// Kinds that are separated by `+`, sorted.
fn sorted(kinds: &str) -> Arc<str> {
    let mut kinds: Vec<&str> = kinds.split('+').collect();
    kinds.sort_unstable();
    Arc::from(kinds.join("+"))
}

fn rule(case: &Case) -> GpuRule {
    if case.dearest { GpuRule::HighestWildcard } else { GpuRule::RealCard }
}

/// What a lease has, with the very cards that it was handed.
fn held_by(cluster: &Cluster, lease: &Lease) -> Vec<HeldCapacity> {
    let of_node = |(place, (sums, cards)): (usize, ([u64; 4], BTreeMap<String, u64>))| {
        let cards = cards.into_iter().map(|(kind, count)| HeldCards { kinds: vec![kind], count }).collect();
        let [cpu, memory, ephemeral, gpus] = sums;
        let node = cluster.nodes()[place].name.to_string();
        HeldCapacity { node, cpu, memory, ephemeral, gpus, cards, ..HeldCapacity::default() }
    };
    used(cluster, [lease]).into_iter().map(of_node).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 160, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_over_capacity_and_everything_comes_back(case in cases()) {
        let world = World::new(&case);
        let mut running: BTreeMap<usize, Lease> = BTreeMap::new();
        let mut all: BTreeMap<usize, (Lease, u64)> = BTreeMap::new();
        let (mut last, mut left) = (0, world.cluster.clone());
        let outcome = world.run(&mut |now, event, ledger| {
            assert!(now >= last, "time goes on");
            last = now;
            match event {
                Event::Decided(order, decided, lease) => {
                    assert_eq!(decided.outcome == OrderOutcome::Won, lease.is_some());
                    if let Some(lease) = lease {
                        running.insert(order, lease.clone());
                        all.insert(order, (lease.clone(), decided.lease_ms));
                    }
                }
                Event::Ended(order, lease) => {
                    assert_eq!(running.remove(&order).as_ref(), Some(lease), "what was reserved is released");
                    let arrival = &world.stream.arrivals[order];
                    assert_eq!(now, arrival.at + all[&order].1);
                }
            }
            holds(&world.cluster, ledger.cluster(), &running);
            left = ledger.cluster().clone();
        });
        assert!(running.is_empty(), "every lease ends with the window");
        assert_eq!(left.nodes(), world.cluster.nodes(), "what was reserved comes back to the last byte");
        assert_eq!(left.storage(), world.cluster.storage());
        adds_up(&world, &outcome, &all);
    }

    #[test]
    fn a_simulation_that_builds_the_cluster_anew_at_each_order_decides_alike(case in cases()) {
        let world = World::new(&case);
        let seen = world.run(&mut |_, _, _| ()).decided;
        let expected = naive(&world, &case);
        for (number, (seen, expected)) in seen.into_iter().zip(expected).enumerate() {
            let gpu = sorted(&seen.gpu);
            let seen = Decided { gpu, own_usd_per_month: None, max_usd: None, ..seen };
            let expected = Decided { gpu: sorted(&expected.gpu), ..expected };
            assert_eq!(seen, expected, "order {number}");
        }
    }

    #[test]
    fn of_the_warm_up_nothing_counts_but_what_its_leases_do_later(case in cases(), share in 1_u64..10) {
        let world = World::new(&case);
        let all = world.stream.window;
        let window = Window { start: all.start + all.length() * share / 10, ..all };
        let (whole, part) = (world.run(&mut |_, _, _| ()), world.run_in(window, &mut |_, _, _| ()));
        let mut expected = (0, 0, 0_u128, Usd::ZERO);
        for ((arrival, before), after) in world.stream.arrivals.iter().zip(&whole.decided).zip(&part.decided) {
            prop_assert_eq!(before.outcome, after.outcome);
            prop_assert_eq!(&before.node, &after.node);
            let counts = arrival.at >= window.start;
            expected.0 += u64::from(counts);
            if before.outcome == OrderOutcome::Won {
                let overlap = (arrival.at + before.lease_ms).saturating_sub(arrival.at.max(window.start));
                prop_assert_eq!(after.lease_ms, overlap);
                expected.1 += u64::from(counts);
                expected.2 += u128::from(overlap);
                expected.3 = sum([expected.3, revenue_of(before.usd_per_month.unwrap(), overlap)]);
            }
        }
        let run = &part.run;
        prop_assert_eq!((run.orders, run.won, run.lease_ms, run.revenue), expected);
        prop_assert_eq!(run.lost.values().sum::<u64>(), run.orders - run.won);
        let bids: u64 = run.by_price.iter().map(|bin| bin.won).sum();
        prop_assert_eq!(bids, run.won);
        over_time_adds_up(window, &part);
    }

    #[test]
    fn two_strategies_that_price_alike_have_the_same_luck(case in cases()) {
        let mut world = World::new(&case);
        let first = world.run(&mut |_, _, _| ());
        world.strategy.name = "another".to_owned();
        let second = world.run(&mut |_, _, _| ());
        assert_eq!(first.decided, second.decided);
        assert_eq!(pricing_sim::result::StrategyRun { name: "another".to_owned(), ..first.run }, second.run);
    }
}

#[test]
fn the_cases_of_these_laws_have_every_outcome() {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for _ in 0..60 {
        let world = World::new(&cases().new_tree(&mut runner).unwrap().current());
        for decided in world.run(&mut |_, _, _| ()).decided {
            *seen.entry(decided.outcome.name()).or_default() += 1;
        }
    }
    for outcome in ["won", "outbid", "cannot-run", "insufficient-capacity", "price-above-max", "unlisted-gpu"] {
        assert!(seen.contains_key(outcome), "no order is `{outcome}`: {seen:?}");
    }
    assert!(seen["won"] * 5 > seen.values().sum::<usize>(), "too few are won: {seen:?}");
}

#[test]
fn own_cards_of_several_kinds_cost_as_much_as_each_of_them() {
    let folder = common::Folder::new();
    let text = "[orders.generate]\norders = 1\ngpus = { \"nvidia/a100\" = 1 }\ncards = { 2 = 1 }\ncpu = [1]\nmemory = [1]\nstorage = [0]\nendpoints = 0\n[orders.arrivals]\nrate = \"1/h\"\n[orders.lifetime]\ntypical = \"1h\"\n[inventory]\ndescribe = \"1 nodes x 1 a100/40Gi x 1 a100/80Gi\"\n[[strategy]]\nname = \"card\"\nrates = \"rates.toml\"\n";
    let run = folder.run(text, 1).unwrap();
    let decided = &run.outcomes[0].decided[0];
    assert_eq!(decided.outcome, OrderOutcome::Won);
    // 2 threads, 2 GiB, and one card of each kind; the bid is for two of the dearer, which no tenant can get.
    let sized = Decimal::new(322 + 166, 2);
    assert_eq!(decided.own_usd_per_month.unwrap().decimal(), sized + Decimal::new(60_000 + 100_333, 2));
    assert_eq!(decided.usd_per_month.unwrap().decimal(), sized + Decimal::new(200_666, 2));
}

const SCENARIO: &str = r#"
[orders]
duration = "2d"
[orders.generate]
gpus = { "nvidia/t4" = 3, "nvidia/a100/80Gi" = 1 }
wildcard_share = 0.4
multi_model_share = 0.1
cpu_only_share = 0.2
cards = { 1 = 3, 2 = 1 }
[orders.arrivals]
rate = "6/h"
[orders.lifetime]
typical = "8h"
[orders.maximum]
rates = "rates.toml"
spread = 0.4
factor = 1.2
[inventory]
describe = "2 nodes x 4 t4/16Gi + 1 nodes x 2 t4/16Gi x 4 a100/80Gi"
[market]
rates = "rates.toml"
spread = 0.3
"#;

#[test]
fn the_order_of_strategies_changes_nothing_but_their_order() {
    let strategies = [
        "[[strategy]]\nname = \"card\"\nrates = \"rates.toml\"\n",
        "[[strategy]]\nname = \"old\"\nrates = \"rates.toml\"\ngpu = \"highest-wildcard\"\n",
        "[[strategy]]\nname = \"low\"\nrates = \"rates.toml\"\nset.rates.gpu.\"nvidia/t4\" = \"40\"\n",
    ];
    let folder = common::Folder::new();
    let run = |places: [usize; 3]| {
        let text = places.iter().fold(SCENARIO.to_owned(), |text, place| text + strategies[*place]);
        folder.run(&text, 5).unwrap()
    };
    let straight = run([0, 1, 2]);
    assert!(straight.result.strategies.iter().all(|strategy| strategy.won > 0 && !strategy.lost.is_empty()));
    for places in [[1, 2, 0], [2, 1, 0], [0, 2, 1]] {
        let turned = run(places);
        for (place, strategy) in places.into_iter().enumerate() {
            assert_eq!(turned.result.strategies[place].name, straight.result.strategies[strategy].name);
            // What stands idle is valued at the first strategy's rates.
            let mut seen = turned.result.strategies[place].clone();
            seen.idle = straight.result.strategies[strategy].idle.clone();
            if places[0] == 0 {
                seen = turned.result.strategies[place].clone();
            }
            assert_eq!(seen, straight.result.strategies[strategy]);
            assert_eq!(turned.outcomes[place].decided, straight.outcomes[strategy].decided);
        }
    }
}
