//! Compares strategies with the first one, seed by seed.

use std::collections::BTreeMap;

use pricing_core::money::{ArithmeticOverflow, Usd};
use rust_decimal::Decimal;

use super::percent::DECIMALS;
use super::strategy::{USD_DECIMALS, each, in_runs};
use super::{
    AxesValues, Comparison, DifferencePerRun, Figures, FlipCount, Interval, LargestFlip, Percent, Seconds, SummaryError,
};
use crate::result::{Flip, LARGEST, OrderOutcome, PairRun, RunResult};

/// Compares the strategy at an index with the first one, in the runs of a cell.
pub(super) fn comparison(runs: &[RunResult], place: usize, axes: &AxesValues) -> Result<Comparison, SummaryError> {
    let (before, after) = (in_runs(runs, 0)?, in_runs(runs, place)?);
    let (firsts, seconds) = (each(&before)?, each(&after)?);
    let mut sum = Comparison {
        strategy: after.first().map(|(_, run)| run.name.clone()).unwrap_or_default(),
        against: before.first().map(|(_, run)| run.name.clone()).unwrap_or_default(),
        axes: axes.clone(),
        flips: Vec::new(),
        both_won: 0,
        cheaper: 0,
        dearer: 0,
        won: 0,
        revenue_usd: Usd::ZERO,
        largest: Vec::new(),
        per_run: per_run(&firsts, &seconds)?,
    };
    for (first, second) in firsts.iter().zip(&seconds) {
        sum.won = sum.won.saturating_add_unsigned(second.won).saturating_sub_unsigned(first.won);
        sum.revenue_usd = sum.revenue_usd.checked_add(second.revenue_usd.checked_sub(first.revenue_usd)?)?;
    }
    let mut flips: BTreeMap<(OrderOutcome, OrderOutcome), u64> = BTreeMap::new();
    let mut largest: Vec<LargestFlip> = Vec::new();
    for run in runs {
        let pair = pair(run, place)?;
        let add = |counter: &mut u64, more: u64| *counter = counter.saturating_add(more);
        add(&mut sum.both_won, pair.both_won);
        add(&mut sum.cheaper, pair.cheaper);
        add(&mut sum.dearer, pair.dearer);
        for (from, to) in &pair.flips {
            for (to, orders) in to {
                add(flips.entry((*from, *to)).or_default(), *orders);
            }
        }
        largest.extend(pair.largest.iter().map(|flip| shown(run.seed, flip)));
    }
    sum.flips = flip_counts(flips);
    // Stable: flips with equal changes stay in the order of their runs and orders.
    largest.sort_by_key(|flip| std::cmp::Reverse(flip.revenue_usd.decimal().abs()));
    largest.truncate(LARGEST);
    sum.largest = largest;
    Ok(sum)
}

fn pair(run: &RunResult, place: usize) -> Result<&PairRun, SummaryError> {
    let pair = place.checked_sub(1).and_then(|place| run.pairs.get(place));
    pair.ok_or_else(|| SummaryError::Runs(format!("run {} has fewer comparisons than strategies", run.run)))
}

fn flip_counts(flips: BTreeMap<(OrderOutcome, OrderOutcome), u64>) -> Vec<FlipCount> {
    let mut flips: Vec<FlipCount> =
        flips.into_iter().map(|((from, to), orders)| FlipCount { from, to, orders }).collect();
    flips.sort_by_key(|flip| std::cmp::Reverse(flip.orders));
    flips
}

fn shown(seed: u64, flip: &Flip) -> LargestFlip {
    LargestFlip {
        seed,
        order: flip.order,
        id: flip.id.clone(),
        at_s: Seconds(flip.at),
        from: flip.before,
        to: flip.after,
        gpu_from: flip.gpu_before.clone(),
        gpu_to: flip.gpu_after.clone(),
        usd_per_month_from: flip.usd_before.clone(),
        usd_per_month_to: flip.usd_after.clone(),
        revenue_usd: flip.revenue,
    }
}

/// The interval of the paired differences of a figure: the second runs' less the first's. None if some run does not have
/// it.
pub(super) fn paired<R>(
    runs: (&[R], &[R]),
    decimals: u32,
    of: impl Fn(&R) -> Result<Option<Decimal>, ArithmeticOverflow>,
) -> Result<Option<Interval>, ArithmeticOverflow> {
    let mut differences = Vec::with_capacity(runs.0.len());
    for (first, second) in runs.0.iter().zip(runs.1) {
        let (Some(first), Some(second)) = (of(first)?, of(second)?) else { return Ok(None) };
        differences.push(second.checked_sub(first).ok_or(ArithmeticOverflow)?);
    }
    Interval::of(&differences, decimals)
}

fn per_run(first: &[Figures], second: &[Figures]) -> Result<Option<DifferencePerRun>, ArithmeticOverflow> {
    if first.len() < 2 {
        return Ok(None);
    }
    let runs = (first, second);
    let percent = |of: fn(&Figures) -> Option<Percent>| paired(runs, DECIMALS, |run| Ok(of(run).map(Percent::decimal)));
    let usd = |of: fn(&Figures) -> Result<Usd, ArithmeticOverflow>| {
        paired(runs, USD_DECIMALS, |run| of(run).map(|usd| Some(usd.decimal())))
    };
    Ok(Some(DifferencePerRun {
        won: paired(runs, DECIMALS, |run| Ok(Some(Decimal::from(run.won))))?,
        win_rate_percent: percent(|run| run.win_rate_percent)?,
        revenue_usd: usd(|run| Ok(run.revenue_usd))?,
        gpu_utilisation_percent: percent(|run| run.gpu_utilisation_percent)?,
        idle_usd: usd(|run| run.idle_usd.total())?,
        fragmentation_percent: percent(|run| run.fragmentation_percent)?,
        overcharge_usd: usd(|run| Ok(run.overcharge.usd))?,
        undercharge_usd: usd(|run| Ok(run.undercharge.usd))?,
    }))
}
