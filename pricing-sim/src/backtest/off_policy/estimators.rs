//! Estimators of what a strategy would have got, from trials whose action was drawn with a known probability.
//!
//! Each trial has a *weight*: 1 over the propensity of the drawn level if that is the strategy's level, and 0 otherwise.
//!
//! - **Inverse propensity** (Horvitz and Thompson, 1952): the mean of weight times outcome. It is unbiased, and varies
//!   much.
//! - **Self-normalised** (Hájek, 1971): the sum of weight times outcome over the sum of the weights. It is slightly biased
//!   where there are few trials, varies less, and cannot leave the range of the outcomes.
//! - **Doubly robust** (Robins, Rotnitzky and Zhao, 1994; Dudík, Langford and Li, 2011): the mean of what a model says of
//!   the strategy's level, plus weight times by how much the model was wrong. It is unbiased whatever the model says, since
//!   the propensities are known, and varies less the better the model is. The model must be asked about the level, as the
//!   outcomes are: asked about the strategy's price, it would add its own error between the two.
//!
//! Intervals are from the influence function: the variance of the mean is that of the sums over days of each trial's
//! deviation, so orders of one day may depend on each other. With so many days, the quantile is Student's. Where the
//! matching bids all had the same outcome, the variance of outcomes cannot be told, and there is no interval: one from 0 to
//! 0 would claim certainty after a single lost bid.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use crate::backtest::figures::{count, rounded};
use crate::summary::quantile;

/// A bid with a drawn price.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trial {
    /// The day. Trials of a day may depend on each other.
    pub block: u64,
    /// 1 over the propensity if the drawn level is the strategy's, and 0 otherwise.
    pub weight: f64,
    /// What came of it.
    pub outcome: f64,
    /// What the model says of the strategy's level.
    pub model: f64,
}

/// A mean with its 95 % interval. The interval is missing where there are trials of a single day, or where the trials with
/// a weight all had the same outcome.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The mean.
    pub mean: f64,
    /// The lower and the upper end.
    pub interval: Option<(f64, f64)>,
}

impl Trial {
    /// The same trial in money: a win pays so much, and is expected to pay `expected`.
    pub(super) fn paying(self, paid: f64, expected: f64) -> Self {
        Self { outcome: self.outcome * paid, model: self.model * expected, ..self }
    }
}

impl Estimate {
    /// A mean of trials with the deviations of each from it, which add up to 0.
    fn of(mean: f64, deviations: impl Iterator<Item = (u64, f64)>) -> Self {
        let (mut of_day, mut number): (BTreeMap<u64, f64>, usize) = (BTreeMap::new(), 0);
        for (day, deviation) in deviations {
            *of_day.entry(day).or_default() += deviation;
            number = number.saturating_add(1);
        }
        let squares: f64 = of_day.values().map(|sum| sum * sum).sum();
        let days = count(of_day.len());
        let half = of_day.len().checked_sub(1).and_then(quantile).map(|quantile| {
            let variance = squares * days / (days - 1.0);
            quantile * variance.sqrt() / count(number)
        });
        Self { mean, interval: half.map(|half| (mean - half, mean + half)) }
    }

    /// The estimate without an interval, unless so.
    pub(super) fn with_interval_if(self, is_known: bool) -> Self {
        Self { interval: self.interval.filter(|_| is_known), ..self }
    }

    /// The estimate of a share, which is from 0 to 1. An interval of which one number is left says nothing.
    pub(super) fn of_share(self) -> Self {
        let within = |figure: f64| figure.clamp(0.0, 1.0);
        let interval = self.interval.map(|(low, high)| (within(low), within(high)));
        Self { mean: within(self.mean), interval: interval.filter(|(low, high)| low < high) }
    }

    /// The estimate of a sum over so many.
    pub(super) fn times(self, number: f64) -> Self {
        Self { mean: self.mean * number, interval: self.interval.map(|(low, high)| (low * number, high * number)) }
    }

    /// The estimate for people.
    pub(super) fn rounded(self, decimals: i32) -> Self {
        let to = |figure| rounded(figure, decimals);
        Self { mean: to(self.mean), interval: self.interval.map(|(low, high)| (to(low), to(high))) }
    }
}

impl Serialize for Estimate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Shown {
            mean: String,
            low: Option<String>,
            high: Option<String>,
        }
        let (low, high) = self.interval.unzip();
        let shown = |figure: f64| figure.to_string();
        Shown { mean: shown(self.mean), low: low.map(shown), high: high.map(shown) }.serialize(serializer)
    }
}

/// Whether some drawn level was the strategy's. Otherwise nothing can be said.
fn is_informative(trials: &[Trial]) -> bool {
    trials.iter().any(|trial| trial.weight > 0.0)
}

/// Whether the trials with a weight had different outcomes.
pub(super) fn outcomes_vary(trials: &[Trial]) -> bool {
    let mut outcomes = trials.iter().filter(|trial| trial.weight > 0.0).map(|trial| trial.outcome);
    let first = outcomes.next();
    outcomes.any(|outcome| first.is_some_and(|first| first.total_cmp(&outcome).is_ne()))
}

/// The mean of a value of each trial.
fn mean_of(trials: &[Trial], value: impl Fn(&Trial) -> f64) -> Option<Estimate> {
    if !is_informative(trials) {
        return None;
    }
    let mean = trials.iter().map(&value).sum::<f64>() / count(trials.len());
    let estimate = Estimate::of(mean, trials.iter().map(|trial| (trial.block, value(trial) - mean)));
    Some(estimate.with_interval_if(outcomes_vary(trials)))
}

/// Horvitz and Thompson's estimate of the mean outcome. None where no drawn level was the strategy's.
#[must_use]
pub fn inverse_propensity(trials: &[Trial]) -> Option<Estimate> {
    mean_of(trials, |trial| trial.weight * trial.outcome)
}

/// Hájek's estimate of the mean outcome. None where no drawn level was the strategy's.
#[must_use]
pub fn self_normalised(trials: &[Trial]) -> Option<Estimate> {
    if !is_informative(trials) {
        return None;
    }
    let weights: f64 = trials.iter().map(|trial| trial.weight).sum();
    let mean = trials.iter().map(|trial| trial.weight * trial.outcome).sum::<f64>() / weights;
    // The influence function of a ratio, with the weights scaled to a mean of 1.
    let scale = count(trials.len()) / weights;
    let deviation = |trial: &Trial| (trial.block, trial.weight * scale * (trial.outcome - mean));
    Some(Estimate::of(mean, trials.iter().map(deviation)).with_interval_if(outcomes_vary(trials)))
}

/// The doubly robust estimate of the mean outcome. None where no drawn level was the strategy's.
#[must_use]
pub fn doubly_robust(trials: &[Trial]) -> Option<Estimate> {
    mean_of(trials, |trial| trial.model + trial.weight * (trial.outcome - trial.model))
}

/// How many trials of the strategy itself would tell as much: the squared sum of the weights over the sum of their squares
/// (Kish, 1965). 0 without any weight.
#[must_use]
pub fn effective_sample_size(trials: &[Trial]) -> f64 {
    let (sum, squares) = trials
        .iter()
        .fold((0.0, 0.0), |(sum, squares), trial| (sum + trial.weight, squares + trial.weight * trial.weight));
    if squares > 0.0 { sum * sum / squares } else { 0.0 }
}
