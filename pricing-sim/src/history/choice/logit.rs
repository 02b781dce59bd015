//! Maximises the penalised likelihood of a conditional logit by Newton's method.
//!
//! The negative logarithm of the likelihood with a ridge penalty is strictly convex, so it has one minimum, and Newton's
//! method with a backtracking line search (Armijo's rule) finds it. All sums are made in one order, and exponentials and
//! logarithms are those of `libm`, so the result has the same bits on every machine.

use super::solve::{add, dot, solve};

/// The most steps. A well-posed fit takes about ten.
const MOST_STEPS: usize = 100;
/// The most halvings of a step.
const MOST_HALVINGS: usize = 50;
/// Half the Newton decrement at which the minimum is reached: what a further step could gain in log-likelihood.
const CLOSE: f64 = 1e-10;
/// The part of the promised gain that a step must bring.
const ARMIJO: f64 = 1e-4;

/// What somebody could choose.
#[derive(Clone, Copy, Debug)]
pub(super) struct Alternative {
    /// What the first parameter is multiplied by.
    pub(super) price: f64,
    /// The place of the parameter that is added, if any. Never the first.
    pub(super) effect: Option<usize>,
}

/// A choice that somebody made.
#[derive(Clone, Debug)]
pub(super) struct Choice {
    /// What there was to choose.
    pub(super) alternatives: Vec<Alternative>,
    /// The index of what was chosen.
    pub(super) chosen: usize,
}

/// The value of the objective at a point, with its derivatives.
struct Point {
    value: f64,
    gradient: Vec<f64>,
    hessian: Vec<Vec<f64>>,
}

/// The parameters that fit some choices best, where `ridge` has the penalty on each parameter. None if the method does not
/// converge.
pub(super) fn fit(choices: &[Choice], ridge: &[f64]) -> Option<Vec<f64>> {
    let mut parameters = vec![0.0; ridge.len()];
    for _ in 0..MOST_STEPS {
        let point = point(choices, ridge, &parameters);
        let step = solve(&point.hessian, &point.gradient)?;
        let gain = dot(&point.gradient, &step);
        if !gain.is_finite() {
            return None;
        }
        if gain / 2.0 < CLOSE {
            return Some(parameters);
        }
        let moved = |length: f64| -> Vec<f64> {
            parameters.iter().zip(&step).map(|(parameter, step)| parameter - length * step).collect()
        };
        let lengths = std::iter::successors(Some(1.0), |length| Some(length / 2.0)).take(MOST_HALVINGS);
        let better = lengths
            .map(|length| (length, moved(length)))
            .find(|(length, moved)| value(choices, ridge, moved) <= point.value - ARMIJO * length * gain);
        match better {
            Some((_, better)) => parameters = better,
            // Rounding hides what is left to gain. That is convergence only close to the minimum.
            None => return (gain / 2.0 < 1e-6).then_some(parameters),
        }
    }
    None
}

/// The utilities of the alternatives of a choice.
fn utilities(choice: &Choice, parameters: &[f64]) -> Vec<f64> {
    let parameter = |place: usize| parameters.get(place).copied().unwrap_or(0.0);
    let of = |alternative: &Alternative| parameter(0) * alternative.price + alternative.effect.map_or(0.0, parameter);
    choice.alternatives.iter().map(of).collect()
}

/// The logarithm of the sum of exponentials, without overflow.
pub(super) fn log_sum_exp(values: &[f64]) -> f64 {
    let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    most + libm::log(values.iter().map(|value| libm::exp(value - most)).sum())
}

/// The objective: the negative logarithm of the likelihood, with the penalty.
fn value(choices: &[Choice], ridge: &[f64], parameters: &[f64]) -> f64 {
    let penalty: f64 = ridge.iter().zip(parameters).map(|(ridge, parameter)| ridge * parameter * parameter / 2.0).sum();
    let of = |choice: &Choice| {
        let utilities = utilities(choice, parameters);
        log_sum_exp(&utilities) - utilities.get(choice.chosen).copied().unwrap_or(f64::NEG_INFINITY)
    };
    penalty + choices.iter().map(of).sum::<f64>()
}

/// The objective with its derivatives. Of each choice, the gradient is the mean of the alternatives' features less those
/// of the chosen one, and the Hessian their covariance.
fn point(choices: &[Choice], ridge: &[f64], parameters: &[f64]) -> Point {
    let size = parameters.len();
    let mut point = Point {
        value: value(choices, ridge, parameters),
        gradient: ridge.iter().zip(parameters).map(|(ridge, parameter)| ridge * parameter).collect(),
        hessian: vec![vec![0.0; size]; size],
    };
    for (place, ridge) in ridge.iter().enumerate() {
        add(&mut point.hessian, place, place, *ridge);
    }
    for choice in choices {
        point.add(choice, parameters);
    }
    point
}

impl Point {
    /// Adds the derivatives of one choice.
    fn add(&mut self, choice: &Choice, parameters: &[f64]) {
        let utilities = utilities(choice, parameters);
        let all = log_sum_exp(&utilities);
        // The mean of the features, of which each alternative has at most two.
        let mut mean: Vec<(usize, f64)> = vec![(0, 0.0)];
        for (place, (alternative, utility)) in choice.alternatives.iter().zip(&utilities).enumerate() {
            let chance = libm::exp(utility - all);
            let features =
                || [(0, alternative.price)].into_iter().chain(alternative.effect.map(|effect| (effect, 1.0)));
            for (row, one) in features() {
                let chosen = if place == choice.chosen { 1.0 } else { 0.0 };
                if let Some(slope) = self.gradient.get_mut(row) {
                    *slope += (chance - chosen) * one;
                }
                for (column, other) in features() {
                    add(&mut self.hessian, row, column, chance * one * other);
                }
                match mean.first_mut().filter(|_| row == 0) {
                    Some((_, price)) => *price += chance * one,
                    None => mean.push((row, chance * one)),
                }
            }
        }
        for (row, one) in &mean {
            for (column, other) in &mean {
                add(&mut self.hessian, *row, *column, -one * other);
            }
        }
    }
}
