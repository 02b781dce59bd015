//! The courses that were replayed so far.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::candidate::Candidate;
use crate::evaluate::{Course, Evaluate, Objective, Sample, TuneError, count};

/// Replays on demand, and remembers what was replayed.
pub struct Scores<'a> {
    evaluate: &'a dyn Evaluate,
    objective: Objective,
    threads: usize,
    courses: BTreeMap<Candidate, BTreeMap<u64, Course>>,
    drawn: BTreeMap<u64, Vec<u32>>,
}

impl std::fmt::Debug for Scores<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scores").field("candidates", &self.courses.len()).finish_non_exhaustive()
    }
}

/// A resample with the candidates that have to be replayed on it.
type Task = (u64, Vec<Candidate>);

impl<'a> Scores<'a> {
    /// Nothing replayed yet.
    #[must_use]
    pub fn new(evaluate: &'a dyn Evaluate, objective: Objective, threads: usize) -> Self {
        Self { evaluate, objective, threads, courses: BTreeMap::new(), drawn: BTreeMap::new() }
    }

    /// Replays candidates on resamples where they were not replayed yet.
    ///
    /// # Errors
    /// The error of the first resample that failed.
    pub fn ensure(&mut self, candidates: &[Candidate], resamples: Range<u64>) -> Result<(), TuneError> {
        let missing = |resample: u64| {
            let known = |candidate: &&Candidate| {
                !self.courses.get(*candidate).is_some_and(|courses| courses.contains_key(&resample))
            };
            (resample, candidates.iter().filter(known).cloned().collect::<Vec<_>>())
        };
        let tasks: Vec<Task> = resamples.map(missing).filter(|(_, candidates)| !candidates.is_empty()).collect();
        let samples = on_threads(self.evaluate, &tasks, self.threads);
        for ((resample, candidates), sample) in tasks.into_iter().zip(samples) {
            let Sample { drawn, courses } = sample?;
            self.drawn.insert(resample, drawn);
            for (candidate, course) in candidates.into_iter().zip(courses) {
                self.courses.entry(candidate).or_default().insert(resample, course);
            }
        }
        Ok(())
    }

    /// The candidates that were replayed on all of these resamples, in order.
    #[must_use]
    pub fn candidates(&self, resamples: &Range<u64>) -> Vec<&Candidate> {
        let complete =
            |courses: &BTreeMap<u64, Course>| resamples.clone().all(|resample| courses.contains_key(&resample));
        self.courses.iter().filter(|(_, courses)| complete(courses)).map(|(candidate, _)| candidate).collect()
    }

    /// The courses of a candidate on those of the resamples where it was replayed.
    pub fn courses(&self, candidate: &Candidate, resamples: Range<u64>) -> impl Iterator<Item = (u64, &Course)> {
        let courses = self.courses.get(candidate);
        courses.into_iter().flat_map(move |courses| courses.range(resamples.clone())).map(|(at, course)| (*at, course))
    }

    /// The mean score of a candidate, and the mean share of the cards that it leases, in millionths.
    #[must_use]
    pub fn mean(&self, candidate: &Candidate, resamples: Range<u64>) -> (f64, f64) {
        let (mut score, mut utilisation, mut number) = (0.0, 0.0, 0_usize);
        for (_, course) in self.courses(candidate, resamples) {
            score += self.objective.score(course);
            utilisation += f64::from(u32::try_from(course.utilisation).unwrap_or(u32::MAX));
            number = number.saturating_add(1);
        }
        let number = count(number).max(1.0);
        (score / number, utilisation / number)
    }

    /// The paired differences of two candidates' scores, on the resamples where both were replayed.
    #[must_use]
    pub fn pairs(&self, of: &Candidate, against: &Candidate, resamples: Range<u64>) -> Pairs<'_> {
        let mut pairs = Pairs::default();
        let (mut earned, mut won) = (0.0, 0_usize);
        let others = self.courses.get(against);
        for (resample, course) in self.courses(of, resamples) {
            let other = others.and_then(|others| others.get(&resample));
            if let (Some(other), Some(drawn)) = (other, self.drawn.get(&resample)) {
                pairs.of.push(self.objective.score(course));
                pairs.against.push(self.objective.score(other));
                pairs.drawn.push(drawn);
                earned += self.objective.score(course).max(0.0);
                won = won.saturating_add(usize::try_from(course.won).unwrap_or(usize::MAX));
            }
        }
        pairs.one_order = if of == against { 0.0 } else { earned / count(won).max(1.0) };
        pairs
    }
}

/// The scores of two candidates on the same resamples.
#[derive(Clone, Debug, Default)]
pub struct Pairs<'a> {
    /// The scores of the one.
    pub of: Vec<f64>,
    /// The scores of the other.
    pub against: Vec<f64>,
    /// How often each block was drawn.
    pub drawn: Vec<&'a [u32]>,
    /// What one won order is worth on average. Zero if both candidates are the same.
    pub one_order: f64,
}

fn on_threads(evaluate: &dyn Evaluate, tasks: &[Task], threads: usize) -> Vec<Result<Sample, TuneError>> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(BTreeMap::new());
    let work = || {
        loop {
            let place = next.fetch_add(1, Ordering::Relaxed);
            let Some((resample, candidates)) = tasks.get(place) else { break };
            let sample = evaluate.evaluate(candidates, *resample);
            done.lock().unwrap_or_else(PoisonError::into_inner).insert(place, sample);
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads.clamp(1, tasks.len().max(1)) {
            scope.spawn(work);
        }
        work();
    });
    done.into_inner().unwrap_or_else(PoisonError::into_inner).into_values().collect()
}
