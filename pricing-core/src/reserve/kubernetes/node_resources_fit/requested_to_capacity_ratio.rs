//! RequestedToCapacityRatio: a score by a shape that the operator draws over utilization.
//!
//! Kubernetes computes with integers. Between two points of the shape it divides truncating towards zero, so a falling
//! line is rounded up and a rising one down. Resources that score 0 are left out of the mean, which is rounded half up.

use super::super::node_resources::{ResourceUse, percent};
use super::super::profile::FunctionShape;
use super::weighted_sum;

/// The score of a node, from its amounts with their weights.
pub(super) fn score(shape: &FunctionShape, amounts: impl Iterator<Item = (ResourceUse, u64)>) -> u64 {
    let scores = amounts.map(|(amount, weight)| (raw_score(shape, utilization(amount)), weight));
    let (sum, weights) = weighted_sum(scores.filter(|(score, _)| *score > 0));
    // Half up: Kubernetes rounds the quotient of two doubles, which are exact for numbers this small.
    let doubled = sum.saturating_mul(2).saturating_add(weights);
    doubled.checked_div(weights.saturating_mul(2)).unwrap_or(0)
}

/// `floor(requested * 100 / allocatable)`, or 100 if more is requested.
fn utilization(amount: ResourceUse) -> u64 {
    percent(amount.requested.min(amount.allocatable), amount.allocatable)
}

/// The score at a utilization: linear between two points, and constant before the first and after the last.
fn raw_score(shape: &FunctionShape, utilization: u64) -> u64 {
    let at = i64::try_from(utilization).unwrap_or(i64::MAX);
    let mut before: Option<(i64, i64)> = None;
    for (utilization, score) in shape.points() {
        if at <= utilization {
            let score = before.map_or(score, |before| between(before, (utilization, score), at));
            return u64::try_from(score).unwrap_or(0);
        }
        before = Some((utilization, score));
    }
    before.and_then(|(_, score)| u64::try_from(score).ok()).unwrap_or(0)
}

/// `s0 + (s1 - s0) * (p - u0) / (u1 - u0)`, the division truncating towards zero. The points are a few hundred at most
/// and ascending, so nothing overflows, and the divisor is positive.
fn between((u0, s0): (i64, i64), (u1, s1): (i64, i64), at: i64) -> i64 {
    let rise = s1.saturating_sub(s0).saturating_mul(at.saturating_sub(u0));
    s0.saturating_add(rise.checked_div(u1.saturating_sub(u0)).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::super::super::profile::UtilizationShapePoint;
    use super::*;

    fn shape(points: &[(u64, u64)]) -> FunctionShape {
        let point =
            |(utilization, score): &(u64, u64)| UtilizationShapePoint { utilization: *utilization, score: *score };
        FunctionShape::new(points.iter().map(point).collect()).unwrap()
    }

    fn of(requested: u64, allocatable: u64) -> ResourceUse {
        ResourceUse { allocatable, requested }
    }

    #[test]
    fn lines_are_truncated_towards_zero_on_their_way_from_the_earlier_point() {
        // Rising from 0 to 30 over 100: 30 * 50 / 100 = 15, and 30 * 55 / 100 = 16.5 is cut to 16.
        let rising = shape(&[(0, 0), (100, 3)]);
        assert_eq!([50, 55].map(|at| raw_score(&rising, at)), [15, 16]);
        // Falling from 30 to 0: -30 * 55 / 100 = -16.5 is cut to -16, which leaves 14. Rounding down would leave 13.
        let falling = shape(&[(0, 3), (100, 0)]);
        assert_eq!([50, 55].map(|at| raw_score(&falling, at)), [15, 14]);
        // From 50 to 0 over 33: -50 * 10 / 33 = -15.15 is cut to -15.
        let bent = shape(&[(0, 5), (33, 0), (66, 7), (100, 10)]);
        // Then from 0 to 70 over 33 (70 * 17 / 33 = 36.06), and from 70 to 100 over 34 (30 * 17 / 34 = 15).
        assert_eq!([0, 10, 33, 50, 66, 83, 100].map(|at| raw_score(&bent, at)), [50, 35, 0, 36, 70, 85, 100]);
    }

    #[test]
    fn before_the_first_point_and_after_the_last_the_score_is_theirs() {
        let middle = shape(&[(10, 1), (70, 9)]);
        assert_eq!([0, 10, 40, 70, 100].map(|at| raw_score(&middle, at)), [10, 10, 50, 90, 90]);
        assert_eq!([0, 100].map(|at| raw_score(&shape(&[(50, 4)]), at)), [40, 40]);
    }

    #[test]
    fn means_are_rounded_half_up_and_leave_out_what_scores_nothing() {
        let all = shape(&[(0, 0), (100, 10)]);
        // 50 and 51, once each: 50.5.
        assert_eq!(score(&all, [(of(50, 100), 1), (of(51, 100), 1)].into_iter()), 51);
        // (50 * 3 + 51) / 4 = 50.25.
        assert_eq!(score(&all, [(of(50, 100), 3), (of(51, 100), 1)].into_iter()), 50);
        // What is not used at all scores 0 and does not count: 80, and not 40.
        assert_eq!(score(&all, [(of(80, 100), 1), (of(0, 100), 1)].into_iter()), 80);
        assert_eq!(score(&all, [(of(0, 100), 5)].into_iter()), 0);
        // More than all is all.
        assert_eq!(score(&all, [(of(300, 100), 1)].into_iter()), 100);
    }

    #[test]
    fn utilization_is_rounded_down_before_the_shape_is_read() {
        // 2 of 3 are 66 %, and 66 of 100 score 66.
        assert_eq!(score(&shape(&[(0, 0), (100, 10)]), [(of(2, 3), 1)].into_iter()), 66);
    }
}
