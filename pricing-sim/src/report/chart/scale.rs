//! Axes: ticks, and the mapping from numbers to coordinates.

use super::count;

/// The most ticks of an axis.
const MOST_TICKS: usize = 64;
/// The exponents beyond which nothing is drawn differently.
const EXPONENTS: std::ops::RangeInclusive<i32> = -12..=30;

/// Round numbers on an axis: steps of 1, 2 or 5 times a power of ten.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ticks {
    /// The numbers, ascending. There are at least two.
    pub(crate) values: Vec<f64>,
    /// The number of decimals that tells them apart.
    pub(crate) decimals: usize,
}

impl Ticks {
    /// Ticks that enclose a range, with about the given number of steps. NaN is taken for 0.
    pub(crate) fn enclosing(low: f64, high: f64, steps: usize) -> Self {
        let (low, high) = proper(low, high);
        let (mantissa, exponent) = step(low, high, steps);
        let at = |place: f64| place * mantissa * power(exponent) / power(-exponent);
        let size = at(1.0);
        let mut place = (low / size).floor();
        let mut values = vec![positive_zero(at(place))];
        while values.len() < MOST_TICKS && values.last().is_some_and(|last| *last < high) {
            place += 1.0;
            values.push(positive_zero(at(place)));
        }
        Self { values, decimals: usize::try_from(-exponent).unwrap_or(0) }
    }

    /// Ticks within a range, with about the given number of steps.
    pub(crate) fn within(low: f64, high: f64, steps: usize) -> Self {
        let (low, high) = proper(low, high);
        let mut ticks = Self::enclosing(low, high, steps);
        ticks.values.retain(|value| *value >= low && *value <= high);
        ticks
    }

    /// Whether a number is between the smallest and the largest tick.
    pub(crate) fn encloses(&self, value: f64) -> bool {
        let (low, high) = self.range();
        low <= value && value <= high
    }

    /// The smallest and the largest tick.
    pub(crate) fn range(&self) -> (f64, f64) {
        (self.values.first().copied().unwrap_or(0.0), self.values.last().copied().unwrap_or(1.0))
    }
}

/// A range with finite ends, in ascending order, that is not empty.
fn proper(low: f64, high: f64) -> (f64, f64) {
    let finite = |value: f64| if value.is_finite() { value.clamp(-1e30, 1e30) } else { 0.0 };
    let (low, high) = (finite(low).min(finite(high)), finite(low).max(finite(high)));
    let size = low.abs().max(high.abs());
    if high - low > size * 1e-9 {
        (low, high)
    } else if size == 0.0 {
        (0.0, 1.0)
    } else {
        (low.min(0.0), high.max(0.0))
    }
}

/// The smallest step that gives at most this many steps, as 1, 2 or 5 and an exponent of ten.
fn step(low: f64, high: f64, steps: usize) -> (f64, i32) {
    let least = (high - low) / count(steps.max(1));
    let sizes = EXPONENTS.flat_map(|exponent| [1.0, 2.0, 5.0].map(|mantissa| (mantissa, exponent)));
    let mut sizes = sizes.filter(|(mantissa, exponent)| mantissa * power(*exponent) / power(-exponent) >= least);
    sizes.next().unwrap_or((1.0, *EXPONENTS.end()))
}

/// Ten to the power of a positive number; 1 for others. Exact up to the 22nd power.
fn power(exponent: i32) -> f64 {
    (0..exponent).fold(1.0, |power, _| power * 10.0)
}

fn positive_zero(value: f64) -> f64 {
    if value == 0.0 { 0.0 } else { value }
}

/// Maps numbers to coordinates.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scale {
    domain: (f64, f64),
    range: (f64, f64),
}

impl Scale {
    /// Maps one range linearly to the other.
    pub(crate) fn new(domain: (f64, f64), range: (f64, f64)) -> Self {
        Self { domain, range }
    }

    /// The coordinate of a number, clamped to the range.
    pub(crate) fn at(self, value: f64) -> f64 {
        let (from, to) = self.domain;
        let length = to - from;
        let share = if length > 0.0 && value.is_finite() { ((value - from) / length).clamp(0.0, 1.0) } else { 0.0 };
        self.range.0 + share * (self.range.1 - self.range.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_enclose_what_is_shown() {
        let cases: [(f64, f64, &[f64]); 7] = [
            (0.0, 10.0, &[0.0, 2.0, 4.0, 6.0, 8.0, 10.0]),
            (0.0, 0.9, &[0.0, 0.2, 0.4, 0.6, 0.8, 1.0]),
            (0.0, 1_000_000.0, &[0.0, 200_000.0, 400_000.0, 600_000.0, 800_000.0, 1_000_000.0]),
            (-30.0, 12.0, &[-30.0, -20.0, -10.0, 0.0, 10.0, 20.0]),
            (0.0, 0.003, &[0.0, 0.001, 0.002, 0.003]),
            (5.0, 5.0, &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]),
            (0.0, 0.0, &[0.0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        ];
        for (low, high, expected) in cases {
            assert_eq!(Ticks::enclosing(low, high, 5).values, expected, "{low} to {high}");
        }
        assert_eq!(Ticks::enclosing(0.0, 0.003, 5).decimals, 3);
    }

    #[test]
    fn what_is_no_number_still_gives_an_axis() {
        for (low, high) in [(f64::NAN, 1.0), (0.0, f64::INFINITY), (f64::NEG_INFINITY, f64::NAN), (7e28, -7e28)] {
            let ticks = Ticks::enclosing(low, high, 5);
            assert!(ticks.values.len() >= 2 && ticks.values.iter().all(|value| value.is_finite()), "{ticks:?}");
            let scale = Scale::new(ticks.range(), (0.0, 100.0));
            assert!((0.0..=100.0).contains(&scale.at(low)) && (0.0..=100.0).contains(&scale.at(high)));
        }
    }

    #[test]
    fn places_stay_within_the_range() {
        let scale = Scale::new((0.0, 10.0), (20.0, 120.0));
        assert_eq!([scale.at(0.0), scale.at(5.0), scale.at(99.0), scale.at(-1.0)], [20.0, 70.0, 120.0, 20.0]);
    }
}
