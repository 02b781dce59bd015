//! Tunes rates: searches, measures the gain of what was found, and decides.

use std::ops::Range;

use crate::candidate::{Candidate, Space};
use crate::curve;
use crate::decision::{Decided, decide};
use crate::evaluate::{Evaluate, HistorySize, KindCourse, Objective, TuneError, count, float};
use crate::interval::{Interval, Reporting, mean};
use crate::scores::Scores;
use crate::search::{Found, search};

/// The fewest resamples: half of them choose.
pub const FEWEST_RESAMPLES: u64 = 40;

/// How to tune.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// What to raise.
    pub objective: Objective,
    /// How many resamples of the history are replayed. The first half chooses, the other half reports.
    pub resamples: u64,
    /// On how many threads.
    pub threads: usize,
}

/// The outcome of tuning.
#[derive(Clone, Debug)]
pub struct Tuned {
    /// What there was to learn from.
    pub history: HistorySize,
    /// What was raised.
    pub objective: Objective,
    /// The best candidate on the resamples that chose. It may be the current one.
    pub proposal: Candidate,
    /// What it earns beyond the current rates, in USD over as many days as the history has.
    pub gain: Interval,
    /// The same in percent. None if the current rates earn nothing.
    pub percent: Option<Interval>,
    /// The mean share of the cards that the current rates and the proposal lease, from 0 to 1.
    pub utilisation: (f64, f64),
    /// What to do.
    pub decided: Decided,
    /// The candidates that cannot be told from the proposal.
    pub indistinguishable: Vec<Candidate>,
    /// All candidates that were replayed.
    pub curve: Vec<CurvePoint>,
}

/// The results of a candidate.
#[derive(Clone, Debug)]
pub struct CurvePoint {
    /// The candidate.
    pub candidate: Candidate,
    /// What it earns over as many days as the history has, in USD.
    pub earns: f64,
    /// The difference from the current rates, with its interval.
    pub gain: Interval,
    /// The orders that it wins.
    pub won: f64,
    /// The orders that arrive.
    pub orders: f64,
    /// The same by kind of card: name, orders, won orders, revenue.
    pub kinds: Vec<KindPoint>,
}

/// The results of a candidate for one kind of card.
#[derive(Clone, Debug)]
pub struct KindPoint {
    /// The kinds of card that the orders take.
    pub kind: String,
    /// The orders that arrive.
    pub orders: f64,
    /// The orders that it wins.
    pub won: f64,
    /// What they pay, in USD.
    pub revenue: f64,
}

/// Tunes the rates of a space.
///
/// # Errors
/// When there are too few resamples, or a replay fails.
pub fn tune(space: &Space, evaluate: &dyn Evaluate, settings: &Settings) -> Result<Tuned, TuneError> {
    if settings.resamples < FEWEST_RESAMPLES {
        return Err(TuneError::Meaning(format!("at least {FEWEST_RESAMPLES} resamples are needed")));
    }
    let history = evaluate.history();
    let (half, objective) = (settings.resamples / 2, settings.objective);
    let mut scores = Scores::new(evaluate, objective, settings.threads);
    let found = search(space, &mut scores, (half, history.orders, objective))?;
    let (current, proposal) = (&space.current, &found.best);
    scores.ensure(&[current.clone(), proposal.clone()], half..settings.resamples)?;
    let reported = usize::try_from(settings.resamples.saturating_sub(half)).unwrap_or(usize::MAX);
    let pairs = scores.pairs(proposal, current, 0..settings.resamples);
    let indistinguishable = indistinguishable(&found, &scores);
    let reporting = Reporting::of_best(reported, excess(&found, space, &indistinguishable, &scores));
    let (gain, percent) = (Interval::of_gain(&pairs, reporting), Interval::of_percentage(&pairs, reporting));
    let reports = half..settings.resamples;
    let share = |candidate: &Candidate| scores.mean(candidate, reports.clone()).1 / 1_000_000.0;
    let utilisation = (share(current), share(proposal));
    let least = f64::from(u32::try_from(objective.least_utilisation()).unwrap_or(u32::MAX)) / 1_000_000.0;
    let required = utilisation.0 < least && utilisation.1 >= least;
    let decided = decide(history, percent, proposal == current, required);
    let curve = points(&found, gain, space, &scores);
    let proposal = found.best;
    Ok(Tuned { history, objective, proposal, gain, percent, utilisation, decided, indistinguishable, curve })
}

/// The candidates whose paired difference from the best one spans 0, on the resamples that all of them saw.
fn indistinguishable(found: &Found, scores: &Scores<'_>) -> Vec<Candidate> {
    let common = common(found);
    let cannot_be_told = |candidate: &&Candidate| {
        let pairs = scores.pairs(candidate, &found.best, common.clone());
        **candidate != found.best && Interval::of_gain(&pairs, Reporting::all(&pairs)).spans_zero()
    };
    scores.candidates(&common).into_iter().filter(cannot_be_told).cloned().collect()
}

/// By how many standard errors the luckiest of the candidates that cannot be told apart exceeds its own mean, on average over
/// the resamples that all of them saw: 0 for a single one, about 0.6 for two and 1.5 for ten independent ones. Neighbours
/// share most of their luck, so it is less for them.
fn excess(found: &Found, space: &Space, others: &[Candidate], scores: &Scores<'_>) -> f64 {
    let common = common(found);
    let contenders = others.iter().chain([&found.best]).filter(|candidate| **candidate != space.current);
    let mut luckiest: Vec<f64> = Vec::new();
    for candidate in contenders {
        let pairs = scores.pairs(candidate, &space.current, common.clone());
        let gains: Vec<f64> = pairs.of.iter().zip(&pairs.against).map(|(of, against)| of - against).collect();
        let usual = mean(&gains);
        let squares: Vec<f64> = gains.iter().map(|gain| (gain - usual) * (gain - usual)).collect();
        let deviation = mean(&squares).sqrt();
        if deviation <= 0.0 {
            continue;
        }
        luckiest.resize(gains.len(), f64::NEG_INFINITY);
        for (most, gain) in luckiest.iter_mut().zip(&gains) {
            *most = most.max((gain - usual) / deviation);
        }
    }
    mean(&luckiest).max(0.0)
}

/// The resamples that the grid and the lines have in common.
fn common(found: &Found) -> Range<u64> {
    0..found.grid.end.min(found.lines.end)
}

/// The curve: for each candidate, what the current rates earn and the paired difference from it. The proposal has the gain
/// that is reported. The others were seen on fewer resamples, and their intervals are those of candidates named in advance.
fn points(found: &Found, reported: Interval, space: &Space, scores: &Scores<'_>) -> Vec<CurvePoint> {
    let common = common(found);
    let (base, _) = scores.mean(&space.current, 0..u64::MAX);
    let mut candidates = scores.candidates(&common);
    // Of several keys, most candidates of the grid are far from everything: the curve has the lines through the best
    // and through the current candidate.
    let is_on_line = |candidate: &Candidate| {
        let beside = |axis| candidate.is_beside(&found.best, axis) || candidate.is_beside(&space.current, axis);
        (0..space.keys()).any(beside)
    };
    candidates.retain(|candidate| is_on_line(candidate));
    let gain = |candidate: &Candidate| {
        if *candidate == found.best {
            return reported;
        }
        let pairs = scores.pairs(candidate, &space.current, common.clone());
        Interval::of_gain(&pairs, Reporting::all(&pairs))
    };
    candidates.into_iter().map(|candidate| point(candidate, &common, (base, gain(candidate)), scores)).collect()
}

fn point(candidate: &Candidate, common: &Range<u64>, (base, gain): (f64, Interval), scores: &Scores<'_>) -> CurvePoint {
    let (mut won, mut orders, mut number) = (0.0, 0.0, 0_usize);
    let mut kinds: Vec<KindPoint> = Vec::new();
    for (_, course) in scores.courses(candidate, common.clone()) {
        number = number.saturating_add(1);
        won += whole(course.won);
        orders += whole(course.orders);
        for (kind, of_kind) in &course.kinds {
            add(&mut kinds, kind, of_kind);
        }
    }
    let number = count(number).max(1.0);
    for kind in &mut kinds {
        kind.orders /= number;
        kind.won /= number;
        kind.revenue /= number;
    }
    kinds.sort_by(|one, other| one.kind.cmp(&other.kind));
    let (earns, won, orders) = (base + gain.mean, won / number, orders / number);
    CurvePoint { candidate: candidate.clone(), earns, gain, won, orders, kinds }
}

fn add(kinds: &mut Vec<KindPoint>, name: &str, course: &KindCourse) {
    let known = kinds.iter().position(|known| known.kind == name).unwrap_or_else(|| {
        kinds.push(KindPoint { kind: name.to_owned(), orders: 0.0, won: 0.0, revenue: 0.0 });
        kinds.len().saturating_sub(1)
    });
    if let Some(kind) = kinds.get_mut(known) {
        kind.orders += whole(course.orders);
        kind.won += whole(course.won);
        kind.revenue += float(course.revenue.decimal());
    }
}

fn whole(number: u64) -> f64 {
    count(usize::try_from(number).unwrap_or(usize::MAX))
}

/// How far the smoothing looks, in percent of a value. For documents.
#[must_use]
pub fn smoothing_percent() -> f64 {
    curve::WIDTH * 100.0
}

#[cfg(test)]
mod tests;
