//! Differences between combinations of cell and strategy, paired by seed.
//!
//! Up to [`MAX_ALL_PAIRS`] combinations, any two strategies of a cell and any two cells with the same strategy are
//! compared. The number of such pairs grows with the square of that of the combinations. Where there are more, each
//! combination is compared with the first and with the best (the one with the highest revenue) of its cell and of its
//! strategy. In either case every combination is compared with the best of all.

use std::collections::{BTreeMap, BTreeSet};

use pricing_core::money::{ArithmeticOverflow, Usd};
use rust_decimal::Decimal;

use super::compare;
use super::percent::DECIMALS;
use super::strategy::{USD_DECIMALS, in_runs};
use super::{AxesValues, Interval, Paired, StrategySummary, SummaryError, axes_of};
use crate::result::{RunResult, StrategyRun};
use crate::sweep::Sweep;

/// The most combinations of cell and strategy of which any two are compared.
pub const MAX_ALL_PAIRS: usize = 64;

/// A combination of cell and strategy, with its runs by seed.
struct Combination<'a> {
    cell: usize,
    place: usize,
    axes: AxesValues,
    runs: Vec<&'a StrategyRun>,
    revenue: Usd,
}

/// The differences between the combinations of a sweep. None with a single seed, which has no intervals.
pub(super) fn paired(sweep: &Sweep, results: &[RunResult]) -> Result<Vec<Paired>, SummaryError> {
    if sweep.seeds.len() < 2 {
        return Ok(Vec::new());
    }
    let all = combinations(sweep, results)?;
    let difference = |places: (usize, usize)| match (all.get(places.0), all.get(places.1)) {
        (Some(of), Some(against)) => between(places, of, against),
        _ => Err(SummaryError::Runs("a combination is missing".to_owned())),
    };
    pairs(&all).into_iter().map(difference).collect()
}

fn combinations<'a>(sweep: &Sweep, results: &'a [RunResult]) -> Result<Vec<Combination<'a>>, SummaryError> {
    let mut all = Vec::new();
    for runs in results.chunk_by(|one, other| one.cell == other.cell) {
        let Some(first) = runs.first() else { continue };
        if !runs.iter().map(|run| run.seed).eq(sweep.seeds.iter().copied()) {
            return Err(SummaryError::Runs(format!("cell {} was not run with each seed once", first.cell)));
        }
        for place in 0..first.strategies.len() {
            let runs: Vec<&StrategyRun> = in_runs(runs, place)?.into_iter().map(|(_, run)| run).collect();
            let revenue = runs.iter().try_fold(Usd::ZERO, |sum, run| sum.checked_add(run.revenue))?;
            all.push(Combination { cell: first.cell, place, axes: axes_of(sweep, first.cell), runs, revenue });
        }
    }
    Ok(all)
}

/// The pairs that are compared, each with the later combination first. Pairs with the best of all that would not be
/// compared otherwise have the best first.
fn pairs(all: &[Combination<'_>]) -> BTreeSet<(usize, usize)> {
    let mut pairs = BTreeSet::new();
    let mut add = |one: usize, other: usize| {
        if one != other && !pairs.contains(&(other, one)) {
            pairs.insert((one, other));
        }
    };
    let places: Vec<usize> = (0..all.len()).collect();
    let best = best(all, &places);
    for group in groups(all) {
        let few = all.len() <= MAX_ALL_PAIRS;
        let (first, best) = (group.first().copied(), self::best(all, &group));
        let others = |one: usize| group.iter().copied().filter(move |other| few && *other < one);
        for one in &group {
            others(*one).for_each(|other| add(*one, other));
            first.into_iter().chain(best).filter(|_| !few).for_each(|other| add(other.max(*one), other.min(*one)));
        }
    }
    if let Some(best) = best {
        places.iter().for_each(|other| add(best, *other));
    }
    pairs
}

/// The combinations of one cell, and those of one strategy, for each of either.
fn groups(all: &[Combination<'_>]) -> Vec<Vec<usize>> {
    let mut by_cell: BTreeMap<(bool, usize), Vec<usize>> = BTreeMap::new();
    for (number, one) in all.iter().enumerate() {
        by_cell.entry((false, one.cell)).or_default().push(number);
        by_cell.entry((true, one.place)).or_default().push(number);
    }
    by_cell.into_values().collect()
}

/// The combination with the highest revenue among some; of equal ones the first.
fn best(all: &[Combination<'_>], among: &[usize]) -> Option<usize> {
    let revenue = |number: &usize| all.get(*number).map(|one| one.revenue);
    among.iter().copied().reduce(|best, next| if revenue(&next) > revenue(&best) { next } else { best })
}

fn between(places: (usize, usize), of: &Combination<'_>, against: &Combination<'_>) -> Result<Paired, SummaryError> {
    let runs = (against.runs.as_slice(), of.runs.as_slice());
    let name = |one: &Combination<'_>| one.runs.first().map(|run| run.name.clone()).unwrap_or_default();
    let interval = |decimals: u32, figure: fn(&StrategyRun) -> Decimal| {
        compare::paired(runs, decimals, |run| Ok::<_, ArithmeticOverflow>(Some(figure(run))))
    };
    Ok(Paired {
        places,
        of: name(of),
        axes: of.axes.clone(),
        against: name(against),
        against_axes: against.axes.clone(),
        revenue_usd: interval(USD_DECIMALS, |run| run.revenue.decimal())?,
        won: interval(DECIMALS, |run| Decimal::from(run.won))?,
    })
}

/// Looks up differences, in either direction.
#[derive(Clone, Copy, Debug)]
pub struct Pairs<'a>(&'a [Paired]);

impl<'a> Pairs<'a> {
    /// The differences of a summary, in its order.
    #[must_use]
    pub fn new(paired: &'a [Paired]) -> Self {
        Self(paired)
    }

    /// The revenue of one combination less that of another. None if the two were not compared.
    #[must_use]
    pub fn revenue(self, of: &StrategySummary, against: &StrategySummary) -> Option<Interval> {
        let find = |places: (usize, usize)| {
            let found = self.0.binary_search_by_key(&places, |pair| pair.places).ok()?;
            self.0.get(found)?.revenue_usd
        };
        find((of.place, against.place)).or_else(|| Some(find((against.place, of.place))?.opposite()))
    }
}
