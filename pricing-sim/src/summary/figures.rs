//! The figures of a strategy, added up over runs.

use std::collections::BTreeMap;

use pricing_core::money::{ArithmeticOverflow, Usd};

use super::percent::{DECIMALS, decimal, half_even};
use super::{
    CardSummary, ChargeSummary, Figures, GpuUtilisation, Hours, IdleUsd, KindPercent, Part, Percent, PriceRange,
    Seconds, SummaryError,
};
use crate::result::{Bucket, Charge, StrategyRun, Use, price_bins};
use crate::time::{Millis, Window};

/// Milliseconds per hour.
const HOUR_MS: u128 = 3_600_000;

/// The figures of a strategy over some runs.
///
/// # Errors
/// When a total overflows the exact decimals.
pub fn figures(list: &[(Window, &StrategyRun)]) -> Result<Figures, SummaryError> {
    let mut figures = totals(list)?;
    let kinds: Vec<&str> = figures.gpu_utilisation.iter().map(|gpu| gpu.kind.as_str()).collect();
    figures.over_time = over_time(list, &kinds)?;
    Ok(figures)
}

/// The figures of a strategy over some runs, without those over time.
///
/// # Errors
/// When a total overflows the exact decimals.
pub fn totals(list: &[(Window, &StrategyRun)]) -> Result<Figures, SummaryError> {
    let count = |of: fn(&StrategyRun) -> u64| list.iter().fold(0_u64, |sum, (_, run)| sum.saturating_add(of(run)));
    let (orders, won) = (count(|run| run.orders), count(|run| run.won));
    let mut lost = BTreeMap::new();
    for (reason, orders) in list.iter().flat_map(|(_, run)| &run.lost) {
        let total: &mut u64 = lost.entry(*reason).or_default();
        *total = total.saturating_add(*orders);
    }
    let gpus = gpus(list)?;
    let all_gpus = gpus.iter().try_fold(Pool::default(), |sum, (_, pool)| sum.plus(*pool))?;
    Ok(Figures {
        orders,
        won,
        lost,
        win_rate_percent: Percent::of(u128::from(won), u128::from(orders))?,
        revenue_usd: total(list, |run| run.revenue)?,
        lease_hours: hours(list, |run| run.lease_ms)?,
        gpu_utilisation_percent: all_gpus.percent()?,
        cpu_utilisation_percent: pool(list, |run| run.cpu)?.percent()?,
        memory_utilisation_percent: pool(list, |run| run.memory)?.percent()?,
        idle_usd: IdleUsd {
            gpu: total(list, |run| run.idle.gpu)?,
            cpu: total(list, |run| run.idle.cpu)?,
            memory: total(list, |run| run.idle.memory)?,
            unpriced_card_hours: hours(list, |run| run.idle.unpriced_card_ms)?,
        },
        fragmentation_percent: fragmentation(list)?,
        overcharge: charge(list, |run| &run.overcharge)?,
        undercharge: charge(list, |run| &run.undercharge)?,
        by_card: by_card(list)?,
        win_by_price: win_by_price(list),
        over_time: Vec::new(),
        by_clock: count(|run| run.by_clock),
        gpu_utilisation: gpus.iter().map(|(kind, pool)| pool.utilisation(kind)).collect::<Result<_, _>>()?,
    })
}

/// Units times milliseconds: in use, and in total.
#[derive(Clone, Copy, Debug, Default)]
struct Pool {
    units: u64,
    used: u128,
    there: u128,
}

impl Pool {
    /// How much of a resource was used over a time.
    fn of(used: &Use, leased_ms: u128, time: Millis) -> Result<Self, ArithmeticOverflow> {
        let over_time = |units: u64| u128::from(units).checked_mul(u128::from(time)).ok_or(ArithmeticOverflow);
        let in_use = over_time(used.background)?.checked_add(leased_ms).ok_or(ArithmeticOverflow)?;
        Ok(Self { units: used.total, used: in_use, there: over_time(used.total)? })
    }

    fn plus(self, other: Self) -> Result<Self, ArithmeticOverflow> {
        Ok(Self {
            units: self.units.max(other.units),
            used: self.used.checked_add(other.used).ok_or(ArithmeticOverflow)?,
            there: self.there.checked_add(other.there).ok_or(ArithmeticOverflow)?,
        })
    }

    fn percent(self) -> Result<Option<Percent>, ArithmeticOverflow> {
        Percent::of(self.used, self.there)
    }

    fn utilisation(self, kind: &str) -> Result<GpuUtilisation, ArithmeticOverflow> {
        Ok(GpuUtilisation { kind: kind.to_owned(), cards: self.units, percent: self.percent()? })
    }
}

fn pool(list: &[(Window, &StrategyRun)], of: fn(&StrategyRun) -> Use) -> Result<Pool, ArithmeticOverflow> {
    list.iter().try_fold(Pool::default(), |sum, (window, run)| {
        let used = of(run);
        sum.plus(Pool::of(&used, used.leased_ms, window.length())?)
    })
}

fn gpus(list: &[(Window, &StrategyRun)]) -> Result<BTreeMap<String, Pool>, ArithmeticOverflow> {
    let mut kinds: BTreeMap<String, Pool> = BTreeMap::new();
    for (window, run) in list {
        for gpu in &run.gpus {
            let pool = kinds.entry(gpu.kind.clone()).or_default();
            *pool = pool.plus(Pool::of(&gpu.used, gpu.used.leased_ms, window.length())?)?;
        }
    }
    Ok(kinds)
}

fn total(list: &[(Window, &StrategyRun)], of: fn(&StrategyRun) -> Usd) -> Result<Usd, ArithmeticOverflow> {
    list.iter().try_fold(Usd::ZERO, |sum, (_, run)| sum.checked_add(of(run)))
}

fn hours(list: &[(Window, &StrategyRun)], of: fn(&StrategyRun) -> u128) -> Result<Hours, ArithmeticOverflow> {
    let total = list.iter().try_fold(0_u128, |sum, (_, run)| sum.checked_add(of(run))).ok_or(ArithmeticOverflow)?;
    decimal(half_even(total, 10_000, HOUR_MS)?, DECIMALS).map(|hours| Hours(hours.normalize()))
}

fn charge(
    list: &[(Window, &StrategyRun)],
    of: fn(&StrategyRun) -> &Charge,
) -> Result<ChargeSummary, ArithmeticOverflow> {
    let mut sum = ChargeSummary { orders: 0, usd_per_month: Usd::ZERO, usd: Usd::ZERO };
    for charge in list.iter().map(|(_, run)| of(run)) {
        sum.orders = sum.orders.saturating_add(charge.orders);
        sum.usd_per_month = sum.usd_per_month.checked_add(charge.usd_per_month)?;
        sum.usd = sum.usd.checked_add(charge.usd)?;
    }
    Ok(sum)
}

fn by_card(list: &[(Window, &StrategyRun)]) -> Result<Vec<CardSummary>, ArithmeticOverflow> {
    let mut cards: BTreeMap<&str, CardSummary> = BTreeMap::new();
    for charge in list.iter().flat_map(|(_, run)| &run.by_card) {
        let new = || CardSummary { gpu: charge.gpu.clone(), leases: 0, paid_usd: Usd::ZERO, own_usd: Usd::ZERO };
        let sum = cards.entry(&charge.gpu).or_insert_with(new);
        sum.leases = sum.leases.saturating_add(charge.leases);
        sum.paid_usd = sum.paid_usd.checked_add(charge.paid)?;
        sum.own_usd = sum.own_usd.checked_add(charge.own)?;
    }
    Ok(cards.into_values().collect())
}

fn fragmentation(list: &[(Window, &StrategyRun)]) -> Result<Option<Percent>, ArithmeticOverflow> {
    let (mut unusable, mut free) = (0_u128, 0_u128);
    for (_, run) in list {
        let of = &run.fragmentation;
        let weighed = of.free_ms.checked_mul(u128::from(of.weight)).ok_or(ArithmeticOverflow)?;
        free = free.checked_add(weighed).ok_or(ArithmeticOverflow)?;
        unusable = unusable.checked_add(of.unusable_ms).ok_or(ArithmeticOverflow)?;
    }
    Percent::of(unusable, free)
}

fn win_by_price(list: &[(Window, &StrategyRun)]) -> Vec<PriceRange> {
    let mut ranges: BTreeMap<(&str, u64, u64), PriceRange> = BTreeMap::new();
    for bin in list.iter().flat_map(|(_, run)| &run.by_price) {
        let to_usd = price_bins().find(|begin| *begin > bin.from_usd);
        let gpu = || bin.gpu.clone();
        let new = || PriceRange { gpu: gpu(), cards: bin.cards, from_usd: bin.from_usd, to_usd, bids: 0, won: 0 };
        let range = ranges.entry((&bin.gpu, bin.cards, bin.from_usd)).or_insert_with(new);
        range.bids = range.bids.saturating_add(bin.bids);
        range.won = range.won.saturating_add(bin.won);
    }
    ranges.into_values().collect()
}

/// The parts of the windows, aggregated by index.
fn over_time(list: &[(Window, &StrategyRun)], kinds: &[&str]) -> Result<Vec<Part>, ArithmeticOverflow> {
    let most = list.iter().map(|(_, run)| run.over_time.len()).max().unwrap_or(0);
    (0..most).map(|place| part(list, place, kinds)).collect()
}

/// Aggregates the part at an index over all runs. Runs whose windows differ have no common start and end.
fn part(list: &[(Window, &StrategyRun)], place: usize, kinds: &[&str]) -> Result<Part, ArithmeticOverflow> {
    let there = || list.iter().filter_map(|(_, run)| run.over_time.get(place).map(|bucket| (*run, bucket)));
    let ends = |bucket: &Bucket| (bucket.at, bucket.at.saturating_add(bucket.length));
    let first = there().next().map(|(_, bucket)| ends(bucket));
    let same = there().count() == list.len() && there().all(|(_, bucket)| Some(ends(bucket)) == first);
    let (start_s, end_s) = first.filter(|_| same).map(|(start, end)| (Seconds(start), Seconds(end))).unzip();
    let (mut cpu, mut memory, mut revenue) = (Pool::default(), Pool::default(), Usd::ZERO);
    let mut gpus: BTreeMap<&str, Pool> = kinds.iter().map(|kind| (*kind, Pool::default())).collect();
    let (mut arrived, mut won) = (0_u64, 0_u64);
    for (run, bucket) in there() {
        cpu = cpu.plus(Pool::of(&run.cpu, bucket.cpu_ms, bucket.length)?)?;
        memory = memory.plus(Pool::of(&run.memory, bucket.memory_ms, bucket.length)?)?;
        for (gpu, leased_ms) in run.gpus.iter().zip(&bucket.gpus) {
            let pool = gpus.entry(&gpu.kind).or_default();
            *pool = pool.plus(Pool::of(&gpu.used, u128::from(*leased_ms), bucket.length)?)?;
        }
        revenue = revenue.checked_add(bucket.revenue)?;
        arrived = arrived.saturating_add(bucket.arrived);
        won = won.saturating_add(bucket.won);
    }
    let percent = |(kind, pool): (&str, Pool)| Ok(KindPercent { kind: kind.to_owned(), percent: pool.percent()? });
    Ok(Part {
        start_s,
        end_s,
        gpu: gpus.into_iter().map(percent).collect::<Result<_, ArithmeticOverflow>>()?,
        cpu_percent: cpu.percent()?,
        memory_percent: memory.percent()?,
        arrived,
        won,
        revenue_usd: revenue,
    })
}
