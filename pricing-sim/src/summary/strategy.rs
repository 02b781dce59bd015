//! Sums up the runs of one strategy in one cell.

use std::collections::BTreeSet;

use pricing_core::money::{ArithmeticOverflow, Usd};
use rust_decimal::Decimal;

use super::figures::{figures, totals};
use super::percent::DECIMALS;
use super::{AxesValues, Figures, Interval, KindInterval, PerRun, Percent, StrategySummary, SummaryError};
use crate::result::{RunResult, StrategyRun};
use crate::time::Window;

/// The decimals of intervals of money.
pub(super) const USD_DECIMALS: u32 = 6;

/// The results of a strategy in each run of a cell, with the run's window.
pub(super) type InRuns<'a> = Vec<(Window, &'a StrategyRun)>;

/// The results of the strategy at an index in each run of a cell.
pub(super) fn in_runs(runs: &[RunResult], place: usize) -> Result<InRuns<'_>, SummaryError> {
    let mut list: InRuns<'_> = Vec::with_capacity(runs.len());
    for run in runs {
        let strategy = run.strategies.get(place).ok_or_else(|| {
            SummaryError::Runs(format!("run {} has fewer strategies than the others of its cell", run.run))
        })?;
        if list.first().is_some_and(|(_, first)| first.name != strategy.name) {
            let message =
                format!("run {} has strategy `{}` where others of its cell have another", run.run, strategy.name);
            return Err(SummaryError::Runs(message));
        }
        list.push((run.window, strategy));
    }
    Ok(list)
}

/// The summary of the strategy at an index, in the runs of a cell.
pub(super) fn strategy(runs: &[RunResult], place: usize, axes: &AxesValues) -> Result<StrategySummary, SummaryError> {
    let list = in_runs(runs, place)?;
    Ok(StrategySummary {
        place: 0,
        name: list.first().map(|(_, run)| run.name.clone()).unwrap_or_default(),
        axes: axes.clone(),
        figures: figures(&list)?,
        per_run: per_run(&list)?,
    })
}

/// The totals of each run.
pub(super) fn each(list: &[(Window, &StrategyRun)]) -> Result<Vec<Figures>, SummaryError> {
    list.chunks(1).map(totals).collect()
}

/// The interval of a figure. None if some run does not have it.
fn interval(
    runs: &[Figures],
    decimals: u32,
    of: impl Fn(&Figures) -> Result<Option<Decimal>, ArithmeticOverflow>,
) -> Result<Option<Interval>, ArithmeticOverflow> {
    let values = runs.iter().map(of).collect::<Result<Option<Vec<Decimal>>, _>>()?;
    values.map_or(Ok(None), |values| Interval::of(&values, decimals))
}

/// The intervals of all figures over the runs. None for fewer than two runs.
fn per_run(list: &[(Window, &StrategyRun)]) -> Result<Option<PerRun>, SummaryError> {
    if list.len() < 2 {
        return Ok(None);
    }
    let runs = each(list)?;
    let percent =
        |of: fn(&Figures) -> Option<Percent>| interval(&runs, DECIMALS, |run| Ok(of(run).map(Percent::decimal)));
    let usd = |of: fn(&Figures) -> Result<Usd, ArithmeticOverflow>| {
        interval(&runs, USD_DECIMALS, |run| of(run).map(|usd| Some(usd.decimal())))
    };
    let kinds: BTreeSet<&str> = list.iter().flat_map(|(_, run)| &run.gpus).map(|gpu| gpu.kind.as_str()).collect();
    let of_kind = |kind: &str| {
        let percent = |run: &Figures| run.gpu_utilisation.iter().find(|gpu| gpu.kind == kind)?.percent;
        let percent = interval(&runs, DECIMALS, |run| Ok(percent(run).map(Percent::decimal)))?;
        Ok(KindInterval { kind: kind.to_owned(), percent })
    };
    Ok(Some(PerRun {
        won: interval(&runs, DECIMALS, |run| Ok(Some(Decimal::from(run.won))))?,
        win_rate_percent: percent(|run| run.win_rate_percent)?,
        revenue_usd: usd(|run| Ok(run.revenue_usd))?,
        gpu_utilisation_percent: percent(|run| run.gpu_utilisation_percent)?,
        gpu_utilisation: kinds.into_iter().map(of_kind).collect::<Result<_, ArithmeticOverflow>>()?,
        cpu_utilisation_percent: percent(|run| run.cpu_utilisation_percent)?,
        memory_utilisation_percent: percent(|run| run.memory_utilisation_percent)?,
        idle_usd: usd(|run| run.idle_usd.total())?,
        fragmentation_percent: percent(|run| run.fragmentation_percent)?,
        overcharge_usd: usd(|run| Ok(run.overcharge.usd))?,
        undercharge_usd: usd(|run| Ok(run.undercharge.usd))?,
    }))
}
