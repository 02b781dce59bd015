//! Smooths the curve of what rates earn.
//!
//! The highest of many points is the one that was luckiest. A line that is fitted to a point and its neighbours
//! (local-linear regression) uses what they have in common, so a single lucky point does not win. In simulations with a
//! known truth this halved the loss against the best rate.

use crate::evaluate::count;

/// How far neighbours count, as a share of the value. Their weight falls linearly to 0 there.
pub const WIDTH: f64 = 0.07;

/// The smoothed height of each point, in their order. Points are pairs of a value above 0 and a height.
#[must_use]
pub fn smoothed(points: &[(f64, f64)]) -> Vec<f64> {
    points.iter().map(|point| fitted(*point, points)).collect()
}

/// The weighted least-squares line through the neighbours of a point, at the point. Where the curve bends sharply, the
/// line leaves the range of the neighbours, and revenue would become negative: the height stays within that range.
fn fitted((at, height): (f64, f64), points: &[(f64, f64)]) -> f64 {
    let [mut w, mut wx, mut wxx, mut wy, mut wxy] = [0.0; 5];
    let (mut lowest, mut highest) = (height, height);
    for (value, height) in points {
        let x = value / at - 1.0;
        let weight = (1.0 - x.abs() / WIDTH).max(0.0);
        if weight > 0.0 {
            (lowest, highest) = (lowest.min(*height), highest.max(*height));
        }
        w += weight;
        wx += weight * x;
        wxx += weight * x * x;
        wy += weight * height;
        wxy += weight * x * height;
    }
    let determinant = w * wxx - wx * wx;
    // Without neighbours there is no line.
    if determinant < f64::EPSILON * count(points.len()) * WIDTH * WIDTH {
        return if w > 0.0 { wy / w } else { height };
    }
    ((wxx * wy - wx * wxy) / determinant).clamp(lowest, highest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_stays_and_a_lucky_point_is_pulled_down() {
        let line: Vec<(f64, f64)> = (0..10).map(|x| (1000.0 + 10.0 * f64::from(x), 5.0 + f64::from(x))).collect();
        for (point, smooth) in line.iter().zip(smoothed(&line)) {
            assert!((point.1 - smooth).abs() < 1e-6, "{point:?} {smooth}");
        }
        let mut lucky = line.clone();
        lucky[4].1 += 10.0;
        assert!(smoothed(&lucky)[4] < lucky[4].1 - 5.0);
        assert_eq!(smoothed(&[(1.0, 3.0), (2.0, 5.0)]), [3.0, 5.0]);
        let cliff = [(1800.0, 4.0), (1840.0, 0.0), (1880.0, 0.0), (1920.0, 0.0)];
        assert!(smoothed(&cliff).iter().all(|height| (0.0..=4.0).contains(height)));
    }
}
