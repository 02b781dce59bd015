//! The interval of a gain.
//!
//! A resample draws the blocks of a history with replacement, and each gives a difference between two candidates, paired
//! by common random numbers. Two variances come from them:
//!
//! - the spread of the differences (the plain *bootstrap*). It is that of a single course of a period, in which it also
//!   matters by luck which order meets which lease. A mean over resamples has averaged that luck out, so this is too
//!   wide: in simulations it covers nearly always;
//! - the *infinitesimal jackknife* of a bagged estimate (Efron, "Estimation and accuracy after model selection", 2014):
//!   the sum over the blocks of the squared covariance between the difference and how often the block was drawn. It has
//!   only what depends on which days were seen. With few blocks, and rare orders that decide, it is too narrow.
//!
//! The interval takes the mean of both variances, with Student's quantile for the number of blocks. The coverage harness
//! checks it.

use pricing_sim::summary::quantile;

use crate::evaluate::count;
use crate::scores::Pairs;

/// A mean with the two-sided 95 % interval.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Interval {
    /// The mean.
    pub mean: f64,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

impl Interval {
    /// The interval of the mean difference between two candidates.
    ///
    /// The mean is that of the last `reported` pairs. All pairs tell how far it may be off.
    #[must_use]
    pub fn of_gain(pairs: &Pairs<'_>, reported: usize) -> Self {
        let gains: Vec<f64> = pairs.of.iter().zip(&pairs.against).map(|(of, against)| of - against).collect();
        Self::around(mean(last(&gains, reported)), &gains, pairs, reported)
    }

    /// The interval of the gain in percent of what the other candidate earns. None where that earns nothing.
    ///
    /// The ratio of two means is linearised (the delta method): its error is that of the gain less what the ratio and
    /// the other's own score explain.
    #[must_use]
    pub fn of_percentage(pairs: &Pairs<'_>, reported: usize) -> Option<Self> {
        let base = mean(last(&pairs.against, reported));
        if base <= 0.0 {
            return None;
        }
        let ratio = mean(last(&pairs.of, reported)) / base - 1.0;
        let rest = |(of, against): (&f64, &f64)| 100.0 * (of - against - ratio * against) / base;
        let errors: Vec<f64> = pairs.of.iter().zip(&pairs.against).map(rest).collect();
        Some(Self::around(100.0 * ratio, &errors, pairs, reported))
    }

    fn around(mean: f64, errors: &[f64], pairs: &Pairs<'_>, reported: usize) -> Self {
        let half = half_width(errors, &pairs.drawn, reported);
        Self { mean, low: mean - half, high: mean + half }
    }

    /// Half the width.
    #[must_use]
    pub fn half(&self) -> f64 {
        (self.high - self.low) / 2.0
    }

    /// Whether 0 is in it.
    #[must_use]
    pub fn spans_zero(&self) -> bool {
        self.low <= 0.0 && self.high >= 0.0
    }
}

fn last(values: &[f64], number: usize) -> &[f64] {
    values.get(values.len().saturating_sub(number)..).unwrap_or(values)
}

/// The mean. Zero of nothing.
#[must_use]
pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / count(values.len()).max(1.0)
}

fn half_width(values: &[f64], drawn: &[&[u32]], reported: usize) -> f64 {
    let blocks = drawn.first().map_or(0, |drawn| drawn.len());
    // Of one block or one resample nothing can be told.
    let Some(quantile) = blocks.checked_sub(1).and_then(quantile).filter(|_| values.len() > 1) else {
        return f64::INFINITY;
    };
    let spread = variance(values);
    let sampling = jackknife(values, drawn, spread);
    // Blocks that are drawn from the sample vary less than the sample itself.
    let small_sample = count(blocks) / (count(blocks) - 1.0);
    let monte_carlo = spread / count(reported.clamp(1, values.len()));
    quantile * ((spread + sampling) / 2.0 * small_sample + monte_carlo).sqrt()
}

fn variance(values: &[f64]) -> f64 {
    let middle = mean(values);
    let squares: f64 = values.iter().map(|value| (value - middle) * (value - middle)).sum();
    squares / (count(values.len()) - 1.0).max(1.0)
}

/// The infinitesimal jackknife of the mean over resamples, less what the finite number of resamples adds to it.
fn jackknife(values: &[f64], drawn: &[&[u32]], spread: f64) -> f64 {
    let blocks = drawn.first().map_or(0, |drawn| drawn.len());
    let (middle, number) = (mean(values), count(values.len()));
    let (mut squares, mut noise) = (0.0, 0.0);
    for block in 0..blocks {
        let counts = || drawn.iter().map(|drawn| drawn.get(block).copied().map_or(0.0, f64::from));
        let usual = counts().sum::<f64>() / number;
        let products: f64 = counts().zip(values).map(|(times, value)| (times - usual) * (value - middle)).sum();
        let covariance = products / number;
        squares += covariance * covariance;
        noise += counts().map(|times| (times - usual) * (times - usual)).sum::<f64>() / number * spread / number;
    }
    // With more noise than signal there is nothing to correct, and the spread stands.
    if noise > spread / 2.0 { spread } else { (squares - noise).clamp(spread / 10.0, spread) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Resamples of blocks with known values, where the score is the sum of what was drawn.
    fn pairs(values: &[f64], resamples: usize, counts: &mut Vec<Vec<u32>>) -> (Vec<f64>, Vec<f64>) {
        let mut state = 7_u64;
        let mut of = Vec::new();
        for _ in 0..resamples {
            let mut drawn = vec![0_u32; values.len()];
            for _ in 0..values.len() {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                drawn[usize::try_from((state >> 33) % u64::try_from(values.len()).unwrap()).unwrap()] += 1;
            }
            of.push(drawn.iter().zip(values).map(|(times, value)| f64::from(*times) * value).sum());
            counts.push(drawn);
        }
        (of, vec![100.0; resamples])
    }

    #[test]
    fn for_a_sum_both_variances_are_the_usual_one() {
        let values: Vec<f64> = (0..25).map(|day| f64::from(day % 5)).collect();
        let mut counts = Vec::new();
        let (of, against) = pairs(&values, 400, &mut counts);
        let pairs = Pairs { of, against, drawn: counts.iter().map(Vec::as_slice).collect() };
        let interval = Interval::of_gain(&pairs, 200);
        // The sum of 25 values with variance 2: the standard error is the root of 50 x 25 / 24.
        let expected = 2.064 * (50.0_f64 * 25.0 / 24.0).sqrt();
        assert!((interval.mean + 50.0).abs() < 2.0, "{interval:?}");
        assert!((interval.half() / expected - 1.0).abs() < 0.15, "{} {expected}", interval.half());
        let percent = Interval::of_percentage(&pairs, 200).unwrap();
        assert!((percent.mean - interval.mean).abs() < 1e-9 && (percent.half() / interval.half() - 1.0).abs() < 1e-9);
    }

    #[test]
    fn of_one_block_nothing_can_be_told() {
        let drawn = [1_u32];
        let pairs = Pairs { of: vec![1.0, 1.0], against: vec![0.0, 0.0], drawn: vec![&drawn, &drawn] };
        let interval = Interval::of_gain(&pairs, 1);
        assert!(interval.spans_zero() && interval.half().is_infinite());
        assert_eq!(Interval::of_percentage(&pairs, 1), None);
    }
}
