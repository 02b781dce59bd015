//! Measures use over time.
//!
//! All figures are time integrals of step functions: between two events nothing changes, so each level is multiplied by
//! the time since the last event and added up. The sums are integers, so that they do not depend on the order of
//! addition. Levels are updated from the nodes of a lease alone.

use std::collections::BTreeMap;
use std::sync::Arc;

use pricing_core::gpu::GpuKind;
use pricing_core::inventory::UNLIMITED;
use pricing_core::inventory::ledger::{Lease, Ledger};
use pricing_core::money::{ArithmeticOverflow, Usd, line_usd};
use pricing_core::rates::{Pricing, UnlistedGpu};
use rust_decimal::Decimal;

use super::typical::Taking;
use super::{Setup, Typical};
use crate::result::{Bucket, Decided, Fragmentation, GpuUse, OrderOutcome, PriceBin, StrategyRun, Use, price_bins};
use crate::time::{Millis, SECONDS_PER_MONTH};

/// The number of parts into which the window is divided.
const BUCKETS: u64 = 96;
/// The most different groups of cards whose bids are counted by price one by one.
pub(super) const MAX_GROUPS: usize = 256;
/// What the other groups are called.
pub(super) const OTHER_CARDS: &str = "other";

/// The current levels, and their integrals so far.
pub(super) struct Meter<'a> {
    typical: &'a Typical,
    /// For each typical request, which card descriptions it accepts.
    taking: Taking,
    /// By node: its free cards, and the sum over the typical requests that it cannot take of free cards times weight.
    free: Vec<(u64, u64)>,
    /// For each card description, the index of its kind.
    kind_of: Vec<usize>,
    now: Millis,
    end: Millis,
    bucket: usize,
    gpus: Vec<GpuUse>,
    /// The kinds of [`Self::gpus`].
    kinds: Vec<GpuKind>,
    cpu: Use,
    memory: Use,
    /// By node, whether its CPU and its memory count. Resources with unlimited capacity are left out.
    counts: Vec<(bool, bool)>,
    level: Level,
    fragmentation: Fragmentation,
    buckets: Vec<Bucket>,
    /// By bucket, what leases pay: 10^-12 USD per month, times milliseconds.
    earned: Vec<u128>,
    /// By kinds and number of cards, the bids in each range of prices.
    bins: BTreeMap<(Arc<str>, u64), Prices>,
}

/// By lower bound of a range of prices, the bids and those of them that won.
type Prices = BTreeMap<u64, (u64, u64)>;

/// The current levels of use.
#[derive(Clone, Debug, Default)]
struct Level {
    gpus: Vec<u64>,
    cpu: u64,
    memory: u64,
    free: u64,
    unusable: u64,
    /// In 10^-12 USD per month, the precision of a line.
    usd: u128,
}

impl<'a> Meter<'a> {
    /// Starts with the levels of the initial cluster, all of which are background.
    ///
    /// Levels are kept up to date by each lease instead of being counted again, and integrated over time
    /// ([`Self::advance`]). Kinds are numbered in their sorted order, so every run of a cluster lists them alike.
    pub(super) fn new(setup: &Setup<'a>, ledger: &Ledger) -> Self {
        let cluster = ledger.cluster();
        let mut kinds: BTreeMap<&GpuKind, usize> = cluster.cards().iter().map(|card| (&card.kind, 0)).collect();
        for (place, slot) in kinds.values_mut().enumerate() {
            *slot = place;
        }
        let kind_of: Vec<usize> =
            cluster.cards().iter().map(|card| kinds.get(&card.kind).copied().unwrap_or(0)).collect();
        let mut gpus: Vec<GpuUse> =
            kinds.keys().map(|kind| GpuUse { kind: kind.to_string(), used: Use::default() }).collect();
        let taking = setup.typical.taking(cluster);
        let (mut cpu, mut memory) = (Use::default(), Use::default());
        let mut level = Level { gpus: vec![0; gpus.len()], ..Level::default() };
        let mut counts = Vec::with_capacity(cluster.nodes().len());
        let mut free = Vec::with_capacity(cluster.nodes().len());
        for (place, node) in cluster.nodes().iter().enumerate() {
            let counted = (node.cpu.total.get() < UNLIMITED, node.memory.total.get() < UNLIMITED);
            if counted.0 {
                add_capacity(&mut cpu, node.cpu.total.get(), node.cpu.available.get());
            }
            if counted.1 {
                add_capacity(&mut memory, node.memory.total.get(), node.memory.available.get());
            }
            counts.push(counted);
            // The ledger treats the last described cards as the ones in use.
            let available = usize::try_from(node.gpus.available).unwrap_or(usize::MAX);
            for (card, at) in node.cards.iter().zip(0_usize..) {
                if let Some(gpu) = kind_of.get(card.place()).and_then(|kind| gpus.get_mut(*kind)) {
                    add_capacity(&mut gpu.used, 1, u64::from(at < available));
                }
            }
            let here = setup.typical.unusable(node, cluster.cards_to_give(place), &taking);
            free.push(here);
            level.free = level.free.saturating_add(here.0);
            level.unusable = level.unusable.saturating_add(here.1);
        }
        let kinds = kinds.into_keys().cloned().collect();
        let buckets = buckets(setup, gpus.len());
        Self {
            typical: setup.typical,
            taking,
            free,
            kind_of,
            now: setup.window.start,
            end: setup.window.end,
            bucket: 0,
            gpus,
            kinds,
            cpu,
            memory,
            counts,
            level,
            fragmentation: Fragmentation { weight: setup.typical.weight(), ..Fragmentation::default() },
            earned: vec![0; buckets.len()],
            buckets,
            bins: BTreeMap::new(),
        }
    }

    /// Lets time pass, bucket by bucket, and not beyond the end of the window.
    pub(super) fn advance(&mut self, to: Millis) {
        let to = to.min(self.end);
        while self.now < to {
            let bucket_end = self.buckets.get(self.bucket).map_or(to, |bucket| bucket.at.saturating_add(bucket.length));
            let until = to.min(bucket_end);
            self.pass(until.saturating_sub(self.now));
            self.now = until;
            if until == bucket_end {
                self.bucket = self.bucket.saturating_add(1);
            }
        }
    }

    /// Lets time pass within a bucket: adds level times time to every integral.
    fn pass(&mut self, time: Millis) {
        let wide = |level: u64| u128::from(level).saturating_mul(u128::from(time));
        let add = |sum: &mut u128, more: u128| *sum = sum.saturating_add(more);
        let level = &self.level;
        for (gpu, used) in self.gpus.iter_mut().zip(&level.gpus) {
            add(&mut gpu.used.leased_ms, wide(*used));
        }
        add(&mut self.cpu.leased_ms, wide(level.cpu));
        add(&mut self.memory.leased_ms, wide(level.memory));
        add(&mut self.fragmentation.free_ms, wide(level.free));
        add(&mut self.fragmentation.unusable_ms, wide(level.unusable));
        let Some(bucket) = self.buckets.get_mut(self.bucket) else { return };
        for (sum, used) in bucket.gpus.iter_mut().zip(&level.gpus) {
            *sum = sum.saturating_add(used.saturating_mul(time));
        }
        add(&mut bucket.cpu_ms, wide(level.cpu));
        add(&mut bucket.memory_ms, wide(level.memory));
        if let Some(earned) = self.earned.get_mut(self.bucket) {
            add(earned, level.usd.saturating_mul(u128::from(time)));
        }
    }

    /// Counts an order at the moment of its arrival.
    pub(super) fn arrived(&mut self, decided: &Decided) {
        let won = u64::from(decided.outcome == OrderOutcome::Won);
        let last = self.buckets.len().saturating_sub(1);
        if let Some(bucket) = self.buckets.get_mut(self.bucket.min(last)) {
            bucket.arrived = bucket.arrived.saturating_add(1);
            bucket.won = bucket.won.saturating_add(won);
        }
        let Some(usd) = decided.usd_per_month.filter(|_| decided.outcome.is_bid()) else { return };
        let below = price_bins().take_while(|from| Decimal::from(*from) <= usd.decimal()).last();
        let mut key = (Arc::clone(&decided.gpu), decided.cards);
        if self.bins.len() >= MAX_GROUPS && !self.bins.contains_key(&key) {
            key = (Arc::from(OTHER_CARDS), 0);
        }
        let (bids, wins) = self.bins.entry(key).or_default().entry(below.unwrap_or(0)).or_default();
        *bids = bids.saturating_add(1);
        *wins = wins.saturating_add(won);
    }

    /// Updates the levels after a lease started or ended. The ledger must already be in its new state.
    ///
    /// Only the lease's nodes are visited. Computing the levels of the whole cluster for each event would dominate a
    /// run.
    pub(super) fn change(
        &mut self,
        lease: &Lease,
        usd: Usd,
        begins: bool,
        ledger: &Ledger,
    ) -> Result<(), ArithmeticOverflow> {
        let change = |level: &mut u64, by: u64| {
            *level = if begins { level.saturating_add(by) } else { level.saturating_sub(by) };
        };
        for (id, taken) in lease.nodes() {
            let counts = self.counts.get(id.place()).copied().unwrap_or_default();
            change(&mut self.level.cpu, if counts.0 { taken.cpu } else { 0 });
            change(&mut self.level.memory, if counts.1 { taken.memory } else { 0 });
            for card in taken.cards() {
                let kind = self.kind_of.get(card.place()).copied();
                if let Some(level) = kind.and_then(|kind| self.level.gpus.get_mut(kind)) {
                    change(level, 1);
                }
            }
            self.follow_node(id.place(), ledger);
        }
        let scaled = scaled(usd)?;
        let level = &mut self.level.usd;
        *level = if begins { level.saturating_add(scaled) } else { level.saturating_sub(scaled) };
        Ok(())
    }

    /// Updates the free and unusable cards of one node.
    fn follow_node(&mut self, place: usize, ledger: &Ledger) {
        let Some(node) = ledger.cluster().nodes().get(place) else { return };
        let now = self.typical.unusable(node, ledger.cluster().cards_to_give(place), &self.taking);
        if let Some(before) = self.free.get_mut(place) {
            self.level.free = self.level.free.saturating_sub(before.0).saturating_add(now.0);
            self.level.unusable = self.level.unusable.saturating_sub(before.1).saturating_add(now.1);
            *before = now;
        }
    }

    /// Lets the rest of the window pass, and writes the sums into the run. The integrals
    /// become money only here, so that each is rounded once.
    pub(super) fn finish(mut self, setup: &Setup<'_>, run: &mut StrategyRun) -> Result<(), ArithmeticOverflow> {
        self.advance(setup.window.end);
        let length = setup.window.length();
        for (gpu, kind) in self.gpus.iter().zip(&self.kinds) {
            let idle = idle_ms(&gpu.used, length);
            match idle_rate(setup.idle, kind) {
                Some(rate) => run.idle.gpu = run.idle.gpu.checked_add(idle_usd(idle, 1, rate)?)?,
                None => run.idle.unpriced_card_ms = run.idle.unpriced_card_ms.saturating_add(idle),
            }
        }
        run.idle.cpu = idle_usd(idle_ms(&self.cpu, length), 1000, setup.idle.rates.cpu)?;
        run.idle.memory = idle_usd(idle_ms(&self.memory, length), 1 << 30, setup.idle.rates.memory)?;
        for (bucket, earned) in self.buckets.iter_mut().zip(&self.earned) {
            bucket.revenue = earned_usd(*earned)?;
        }
        run.gpus = self.gpus;
        run.cpu = self.cpu;
        run.memory = self.memory;
        run.fragmentation = self.fragmentation;
        run.over_time = self.buckets;
        for ((gpu, cards), prices) in self.bins {
            let bin = |(from_usd, (bids, won))| PriceBin { gpu: gpu.to_string(), cards, from_usd, bids, won };
            run.by_price.extend(prices.into_iter().map(bin));
        }
        Ok(())
    }
}

fn add_capacity(to: &mut Use, total: u64, available: u64) {
    to.total = to.total.saturating_add(total);
    to.background = to.background.saturating_add(total.saturating_sub(available));
}

/// Divides the window into parts whose lengths differ by at most a millisecond.
fn buckets(setup: &Setup<'_>, kinds: usize) -> Vec<Bucket> {
    let length = setup.window.length();
    let edge = |part: u64| {
        let offset = u128::from(length).saturating_mul(u128::from(part)).checked_div(u128::from(BUCKETS)).unwrap_or(0);
        setup.window.start.saturating_add(u64::try_from(offset).unwrap_or(length))
    };
    let bucket = |part: u64| {
        let at = edge(part);
        let length = edge(part.saturating_add(1)).saturating_sub(at);
        Bucket { at, length, gpus: vec![0; kinds], ..Bucket::default() }
    };
    let mut buckets: Vec<Bucket> = (0..BUCKETS).map(bucket).filter(|bucket| bucket.length > 0).collect();
    if buckets.is_empty() {
        // A window without length still needs a bucket to count its orders in.
        buckets.push(bucket(0));
    }
    buckets
}

/// Units times milliseconds that neither leases nor the background used.
fn idle_ms(of: &Use, length: Millis) -> u128 {
    let free = u128::from(of.total.saturating_sub(of.background)).saturating_mul(u128::from(length));
    free.saturating_sub(of.leased_ms)
}

fn idle_usd(idle_ms: u128, units: u64, rate: Usd) -> Result<Usd, ArithmeticOverflow> {
    line_usd(idle_ms, units.saturating_mul(SECONDS_PER_MONTH).saturating_mul(1000), rate)
}

fn idle_rate(pricing: &Pricing, kind: &GpuKind) -> Option<Usd> {
    match (pricing.rates.gpu.lookup(kind), pricing.policy.unlisted_gpu) {
        (Some(rate), _) => Some(rate.usd()),
        (None, UnlistedGpu::Price(usd)) => Some(usd),
        (None, UnlistedGpu::Decline) => None,
    }
}

/// An amount in 10^-12 USD, exactly.
fn scaled(usd: Usd) -> Result<u128, ArithmeticOverflow> {
    let mut scaled = usd.decimal();
    scaled.rescale(pricing_core::money::LINE_DECIMALS);
    if scaled.scale() != pricing_core::money::LINE_DECIMALS {
        return Err(ArithmeticOverflow);
    }
    u128::try_from(scaled.mantissa()).map_err(|_| ArithmeticOverflow)
}

fn earned_usd(scaled_ms: u128) -> Result<Usd, ArithmeticOverflow> {
    let divisor = u128::from(SECONDS_PER_MONTH).saturating_mul(1000);
    let earned = i128::try_from(scaled_ms.checked_div(divisor).unwrap_or(0)).map_err(|_| ArithmeticOverflow)?;
    let earned = Decimal::try_from_i128_with_scale(earned, pricing_core::money::LINE_DECIMALS);
    earned.map(Usd::from_decimal).map_err(|_| ArithmeticOverflow)
}
