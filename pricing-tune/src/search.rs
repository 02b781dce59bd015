//! The search: a coarse grid, then refinement along each key in turn (*coordinate search*).
//!
//! Candidates are compared on common resamples. Where replays are dear, the grid starts with few resamples, and each
//! round doubles them and keeps the better half (*successive halving*). The best is chosen by the smoothed
//! [curve](crate::curve), never by a single point.

use std::ops::Range;

use crate::candidate::{Candidate, Space};
use crate::curve::{WIDTH, smoothed};
use crate::evaluate::{Objective, TuneError, float};
use crate::interval::mean;
use crate::scores::Scores;

/// How many orders the search may replay, in all candidates and resamples together. At ten to twenty microseconds an
/// order, this is about a minute of a core.
const ORDERS: usize = 2_500_000;
/// The fewest resamples on which candidates are compared.
const FEWEST: u64 = 8;
/// Points on either side of a line's middle.
const EACH: i64 = 4;
/// How often every key is refined.
const SWEEPS: usize = 2;
/// By how many times its spread a difference must be above 0 to count more than the smoothed curve.
const CERTAIN: f64 = 1.5;
/// The grid is not thinned below this many candidates.
const SURVIVORS: usize = 6;

/// What the search found.
#[derive(Clone, Debug)]
pub struct Found {
    /// The candidate that is best on the resamples that choose.
    pub best: Candidate,
    /// The resamples on which the whole grid was replayed.
    pub grid: Range<u64>,
    /// The resamples on which the lines around the best candidate were replayed.
    pub lines: Range<u64>,
}

/// Searches a space on the resamples from 0 to `most`.
///
/// # Errors
/// When a replay fails.
pub fn search(
    space: &Space,
    scores: &mut Scores<'_>,
    (most, orders, objective): (u64, usize, Objective),
) -> Result<Found, TuneError> {
    let grid = space.grid();
    let first = resamples(ORDERS / 4, grid.len(), orders, most);
    let line = usize::try_from(EACH).unwrap_or(0).saturating_mul(2).saturating_mul(SWEEPS).saturating_mul(space.keys());
    let fine = resamples(ORDERS / 2, line, orders, most);
    let choice = Choice { space, least: objective.least_utilisation() };
    let mut best = halve(&choice, grid, scores, first..fine.max(first))?;
    for _ in 0..SWEEPS {
        let before = best.clone();
        for key in 0..space.keys() {
            best = refine(&choice, best, key, scores, fine)?;
        }
        if best == before {
            break;
        }
    }
    scores.ensure(&[space.current.clone(), best.clone()], 0..most)?;
    Ok(Found { best, grid: 0..first, lines: 0..fine })
}

/// On how many resamples so many candidates can be replayed.
fn resamples(budget: usize, candidates: usize, orders: usize, most: u64) -> u64 {
    let each = candidates.max(1).saturating_mul(orders.max(1));
    u64::try_from(budget.checked_div(each).unwrap_or(1)).unwrap_or(most).clamp(FEWEST.min(most), most)
}

/// How the best of several candidates is chosen.
struct Choice<'a> {
    space: &'a Space,
    /// The least share of the cards that must be leased, in millionths.
    least: u64,
}

impl Choice<'_> {
    /// Candidates with their smoothed scores along a key, best first. Those that lease too little come last.
    fn ranked(&self, candidates: &[Candidate], key: usize, scores: &Scores<'_>, on: Range<u64>) -> Vec<Candidate> {
        let means: Vec<(f64, f64)> = candidates.iter().map(|one| scores.mean(one, on.clone())).collect();
        let mut ranked: Vec<(bool, f64, &Candidate)> = Vec::with_capacity(candidates.len());
        for (candidate, (score, utilisation)) in candidates.iter().zip(&means) {
            let beside = candidates.iter().zip(&means).filter(|(other, _)| other.is_beside(candidate, key));
            let mut points = vec![(float(candidate.value(key)), *score)];
            points.extend(
                beside
                    .filter(|(other, _)| *other != candidate)
                    .map(|(other, (score, _))| (float(other.value(key)), *score)),
            );
            let smooth = smoothed(&points).first().copied().unwrap_or(*score);
            let leases = *utilisation >= f64::from(u32::try_from(self.least).unwrap_or(u32::MAX));
            // Where nothing leases enough, what leases most comes first.
            ranked.push((leases, if leases { smooth } else { *utilisation }, candidate));
        }
        // Of equal ones, the one nearest to the current values.
        let away = |candidate: &Candidate| -> f64 {
            let pairs = candidate.0.iter().zip(&self.space.current.0);
            pairs.map(|(value, current)| (float(*value) / float(*current) - 1.0).abs()).sum()
        };
        ranked.sort_by(|one, other| {
            (other.0.cmp(&one.0)).then(other.1.total_cmp(&one.1)).then(away(one.2).total_cmp(&away(other.2)))
        });
        ranked.into_iter().map(|(.., candidate)| candidate.clone()).collect()
    }
}

impl Choice<'_> {
    /// A candidate of a line that earns more than the smoothed choice on nearly all resamples. Where a rival always asks the
    /// same price, the curve has a cliff there, and smoothing stays too far away from it.
    fn above_cliff(
        &self,
        smooth: &Candidate,
        line: &[Candidate],
        scores: &Scores<'_>,
        on: Range<u64>,
    ) -> Option<Candidate> {
        let least = f64::from(u32::try_from(self.least).unwrap_or(u32::MAX));
        let gain = |candidate: &Candidate| {
            let pairs = scores.pairs(candidate, smooth, on.clone());
            let gains: Vec<f64> = pairs.of.iter().zip(&pairs.against).map(|(of, against)| of - against).collect();
            let usual = mean(&gains);
            let squares: Vec<f64> = gains.iter().map(|gain| (gain - usual) * (gain - usual)).collect();
            let error = (mean(&squares) + pairs.one_order * pairs.one_order).sqrt();
            (usual, usual > CERTAIN * error)
        };
        let leases = |candidate: &&Candidate| scores.mean(candidate, on.clone()).1 >= least;
        let better = line.iter().filter(leases).map(|candidate| (gain(candidate), candidate));
        let better = better.filter(|((_, certain), candidate)| *certain && *candidate != smooth);
        better.max_by(|one, other| one.0.0.total_cmp(&other.0.0)).map(|(_, candidate)| candidate.clone())
    }
}

/// The best of the grid, by successive halving.
fn halve(
    choice: &Choice<'_>,
    grid: Vec<Candidate>,
    scores: &mut Scores<'_>,
    numbers: Range<u64>,
) -> Result<Candidate, TuneError> {
    let mut alive = grid;
    let mut number = numbers.start;
    loop {
        scores.ensure(&alive, 0..number)?;
        alive = choice.ranked(&alive, 0, scores, 0..number);
        if number >= numbers.end || alive.len() <= SURVIVORS {
            break;
        }
        alive.truncate((alive.len() / 2).max(SURVIVORS));
        number = number.saturating_mul(2).min(numbers.end);
    }
    Ok(alive.into_iter().next().unwrap_or_else(|| choice.space.current.clone()))
}

/// The best candidate on the line through one along a key.
fn refine(
    choice: &Choice<'_>,
    middle: Candidate,
    key: usize,
    scores: &mut Scores<'_>,
    number: u64,
) -> Result<Candidate, TuneError> {
    let mut line = choice.space.around(&middle, key, EACH);
    // The neighbours in the grid help to fit the ends of the line.
    let at = float(middle.value(key));
    let near = |candidate: &Candidate| {
        candidate.is_beside(&middle, key) && (float(candidate.value(key)) / at - 1.0).abs() <= 2.0 * WIDTH
    };
    line.extend(choice.space.grid().into_iter().filter(near));
    line.sort();
    line.dedup();
    scores.ensure(&line, 0..number)?;
    let ranked = choice.ranked(&line, key, scores, 0..number);
    let smooth = ranked.into_iter().next().unwrap_or(middle);
    Ok(choice.above_cliff(&smooth, &line, scores, 0..number).unwrap_or(smooth))
}
