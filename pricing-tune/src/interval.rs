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
//! Neither knows of orders that were not seen: if by chance no order of the history lies between two prices, every resample
//! has the same difference. So one order more counts as seen (Laplace's rule of succession): its value is a third part of the
//! error, which matters for thin data alone.
//!
//! The interval takes the mean of the two variances, with Student's quantile for the number of blocks. Its lower end is further
//! away where the candidate was chosen among several that the same days cannot tell apart (the *winner's curse*): see
//! [`Reporting::widening`]. The coverage harness checks all of this.

use pricing_sim::summary::quantile;

use crate::evaluate::count;
use crate::scores::Pairs;

/// The 0.975 quantile of the normal distribution.
const NORMAL_QUANTILE: f64 = 1.96;
/// The most that a ratio is looked for, as a multiple of the mean one.
const MOST_RATIO: f64 = 20.0;
/// Halvings of the range in which a boundary is looked for: to a millionth.
const HALVINGS: usize = 26;

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

/// What an interval is for.
#[derive(Clone, Copy, Debug)]
pub struct Reporting {
    /// The last so many pairs have the mean. All pairs tell how far it may be off.
    pub last: usize,
    /// By how much the lower half of the interval is wider, because the candidate was chosen. One for a candidate that was
    /// named in advance.
    pub widening: f64,
}

impl Reporting {
    /// For a candidate that was named in advance, with the mean of all pairs.
    #[must_use]
    pub fn all(pairs: &Pairs<'_>) -> Self {
        Self { last: pairs.of.len(), widening: 1.0 }
    }

    /// For the best of several candidates. `excess` is by how many standard errors the luckiest of them exceeds its own
    /// mean on average. Half of it is how far the choice is off where some of them are really worse than others.
    #[must_use]
    pub fn of_best(last: usize, excess: f64) -> Self {
        Self { last, widening: 1.0 + excess.max(0.0) / 2.0 / NORMAL_QUANTILE }
    }
}

impl Interval {
    /// The interval of the mean difference between two candidates.
    #[must_use]
    pub fn of_gain(pairs: &Pairs<'_>, reporting: Reporting) -> Self {
        let gains: Vec<f64> = pairs.of.iter().zip(&pairs.against).map(|(of, against)| of - against).collect();
        let mean = mean(last(&gains, reporting.last));
        let half = half_width(&gains, pairs, reporting.last);
        Self { mean, low: mean - half * reporting.widening, high: mean + half }
    }

    /// The interval of the gain in percent of what the other candidate earns. None where that earns nothing.
    ///
    /// It has the ratios that the data do not rule out (Fieller, 1954): those at which the interval of the one's score less
    /// the ratio times the other's spans 0. So it is above 0 exactly if the interval of the gain is.
    #[must_use]
    pub fn of_percentage(pairs: &Pairs<'_>, reporting: Reporting) -> Option<Self> {
        let base = mean(last(&pairs.against, reporting.last));
        if base <= 0.0 {
            return None;
        }
        let ratio = mean(last(&pairs.of, reporting.last)) / base;
        let ruled_out = |ratio: f64| {
            let scaled = pairs.against.iter().map(|against| ratio * against).collect();
            let pairs =
                Pairs { of: pairs.of.clone(), against: scaled, drawn: pairs.drawn.clone(), one_order: pairs.one_order };
            !Self::of_gain(&pairs, reporting).spans_zero()
        };
        let percent = |ratio: f64| 100.0 * (ratio - 1.0);
        let low = boundary(ratio, 0.0, &ruled_out);
        let high = boundary(ratio, ratio.max(1.0) * MOST_RATIO, &ruled_out);
        Some(Self { mean: percent(ratio), low: percent(low), high: percent(high) })
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

/// The last ratio between one that is not ruled out and an outer one, which is, by bisection. The outer one, if nothing is
/// ruled out up to it.
fn boundary(inner: f64, outer: f64, ruled_out: &dyn Fn(f64) -> bool) -> f64 {
    if !ruled_out(outer) {
        return outer;
    }
    let (mut inner, mut outer) = (inner, outer);
    for _ in 0..HALVINGS {
        let middle = (inner + outer) / 2.0;
        if ruled_out(middle) {
            outer = middle;
        } else {
            inner = middle;
        }
    }
    // The inner side, so that rounding does not rule out a ratio that is just possible.
    inner
}

fn last(values: &[f64], number: usize) -> &[f64] {
    values.get(values.len().saturating_sub(number)..).unwrap_or(values)
}

/// The mean. Zero of nothing.
#[must_use]
pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / count(values.len()).max(1.0)
}

fn half_width(values: &[f64], pairs: &Pairs<'_>, reported: usize) -> f64 {
    let drawn = &pairs.drawn;
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
    let unseen = pairs.one_order * pairs.one_order;
    quantile * ((spread + sampling) / 2.0 * small_sample + monte_carlo + unseen).sqrt()
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

    fn named(last: usize) -> Reporting {
        Reporting { last, widening: 1.0 }
    }

    #[test]
    fn for_a_sum_both_variances_are_the_usual_one() {
        let values: Vec<f64> = (0..25).map(|day| f64::from(day % 5)).collect();
        let mut counts = Vec::new();
        let (of, against) = pairs(&values, 400, &mut counts);
        let pairs = Pairs { of, against, drawn: counts.iter().map(Vec::as_slice).collect(), one_order: 0.0 };
        let interval = Interval::of_gain(&pairs, named(200));
        // The sum of 25 values with variance 2: the standard error is the root of 50 x 25 / 24.
        let expected = 2.064 * (50.0_f64 * 25.0 / 24.0).sqrt();
        assert!((interval.mean + 50.0).abs() < 2.0, "{interval:?}");
        assert!((interval.half() / expected - 1.0).abs() < 0.15, "{} {expected}", interval.half());
        let percent = Interval::of_percentage(&pairs, named(200)).unwrap();
        assert!((percent.mean - interval.mean).abs() < 1e-9 && (percent.half() / interval.half() - 1.0).abs() < 1e-3);
    }

    #[test]
    fn a_difference_that_never_varies_is_still_not_certain() {
        let drawn = [1_u32; 20];
        let pairs = Pairs { of: vec![102.0; 50], against: vec![100.0; 50], drawn: vec![&drawn; 50], one_order: 5.0 };
        let interval = Interval::of_gain(&pairs, named(25));
        assert!(interval.spans_zero() && (interval.half() - 2.093 * 5.0).abs() < 1e-9, "{interval:?}");
    }

    #[test]
    fn of_one_block_nothing_can_be_told() {
        let drawn = [1_u32];
        let pairs = Pairs { of: vec![1.0, 1.0], against: vec![0.0, 0.0], drawn: vec![&drawn, &drawn], one_order: 0.0 };
        let interval = Interval::of_gain(&pairs, named(1));
        assert!(interval.spans_zero() && interval.half().is_infinite());
        assert_eq!(Interval::of_percentage(&pairs, named(1)), None);
    }
}
