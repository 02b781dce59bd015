//! What is varied, and the values that are tried.

use std::fmt;
use std::str::FromStr;

use pricing_core::money::parse_decimal;
use rust_decimal::{Decimal, RoundingStrategy};

/// The most keys that are varied at once: the replays grow with their number.
pub const MAX_KEYS: usize = 4;
/// The coarse grid's points for one key, by the number of keys.
const COARSE: [usize; MAX_KEYS] = [13, 6, 4, 3];
/// Two hundred steps to a power of ten: values are 1,705 and 0.955, not 1,703.2.
const STEPS: i64 = 200;

/// A key of the rate card, and between which values it is varied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variation {
    /// The key, as a dotted TOML key: `rates.gpu."nvidia/a100"`.
    pub key: String,
    /// The lowest value.
    pub low: Decimal,
    /// The highest value.
    pub high: Decimal,
}

impl FromStr for Variation {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let form = || "expected KEY=LOW..HIGH, such as `rates.gpu.h100=1300..2200`".to_owned();
        let (key, range) = text.rsplit_once('=').ok_or_else(form)?;
        let (low, high) = range.split_once("..").ok_or_else(form)?;
        let number = |text: &str| parse_decimal(text.trim()).map_err(|error| format!("`{}`: {error}", text.trim()));
        let (key, low, high) = (key.trim().to_owned(), number(low)?, number(high)?);
        if key.is_empty() {
            return Err(form());
        }
        if low <= Decimal::ZERO || low >= high {
            return Err("the lower value must be above 0 and below the higher one".to_owned());
        }
        Ok(Self { key, low, high })
    }
}

/// A value for each varied key, in the order of the keys.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Candidate(pub Vec<Decimal>);

impl Candidate {
    /// The same with another value for one key.
    #[must_use]
    pub fn with(&self, axis: usize, value: Decimal) -> Self {
        let mut other = self.clone();
        if let Some(slot) = other.0.get_mut(axis) {
            *slot = value;
        }
        other
    }

    /// The value of a key.
    #[must_use]
    pub fn value(&self, axis: usize) -> Decimal {
        self.0.get(axis).copied().unwrap_or_default()
    }

    /// Whether another candidate has the same values but for one key.
    #[must_use]
    pub fn is_beside(&self, other: &Self, axis: usize) -> bool {
        let differs = |(place, (one, other)): (usize, (&Decimal, &Decimal))| place != axis && one != other;
        !self.0.iter().zip(&other.0).enumerate().any(differs)
    }
}

impl fmt::Display for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, value) in self.0.iter().enumerate() {
            write!(f, "{}{value}", if place > 0 { ", " } else { "" })?;
        }
        Ok(())
    }
}

/// A range of values of one key, with the step to which they are rounded.
#[derive(Clone, Copy, Debug)]
struct Axis {
    low: Decimal,
    high: Decimal,
    unit: Decimal,
}

/// The values that may be proposed.
#[derive(Clone, Debug)]
pub struct Space {
    /// What is varied.
    pub variations: Vec<Variation>,
    /// The current values, which may be outside of the ranges.
    pub current: Candidate,
    axes: Vec<Axis>,
}

impl Space {
    /// The space of the variations, at most `max_step` away from the current values (a share: 0.15 is 15 %).
    ///
    /// # Errors
    /// When there is nothing to vary or too much, a key is there twice, or no value of a range is within the step.
    pub fn new(variations: Vec<Variation>, current: Candidate, max_step: Option<Decimal>) -> Result<Self, String> {
        if variations.is_empty() || variations.len() > MAX_KEYS || variations.len() != current.0.len() {
            return Err(format!("1 to {MAX_KEYS} keys can be varied at once"));
        }
        let axis = |(variation, current): (&Variation, &Decimal)| axis(variation, *current, max_step);
        let axes = variations.iter().zip(&current.0).map(axis).collect::<Result<_, _>>()?;
        Ok(Self { variations, current, axes })
    }

    /// The number of keys.
    #[must_use]
    pub fn keys(&self) -> usize {
        self.axes.len()
    }

    /// The coarse grid, with the current values if they are within the ranges. Sorted.
    #[must_use]
    pub fn grid(&self) -> Vec<Candidate> {
        let points = COARSE.get(self.axes.len().saturating_sub(1)).copied().unwrap_or(2);
        let mut grid = vec![Candidate(Vec::new())];
        for (axis, current) in self.axes.iter().zip(&self.current.0) {
            let values = axis.coarse(points, *current);
            let with = |known: &Candidate, value: &Decimal| Candidate(known.0.iter().chain([value]).copied().collect());
            grid = grid.iter().flat_map(|known| values.iter().map(|value| with(known, value))).collect();
        }
        grid.sort();
        grid
    }

    /// The points of a line through a candidate, up to a coarse step away from it: itself, and `each` on either side.
    #[must_use]
    pub fn around(&self, candidate: &Candidate, key: usize, each: i64) -> Vec<Candidate> {
        let Some(axis) = self.axes.get(key) else { return vec![candidate.clone()] };
        let points = COARSE.get(self.axes.len().saturating_sub(1)).copied().unwrap_or(2);
        let step = axis.step(points).checked_div(Decimal::from(each.max(1))).unwrap_or(axis.unit).max(axis.unit);
        let value = |steps: i64| {
            let moved = step.checked_mul(Decimal::from(steps)).and_then(|by| candidate.value(key).checked_add(by));
            axis.rounded(moved.unwrap_or(axis.low))
        };
        let mut values: Vec<Decimal> = (-each..=each).filter(|steps| *steps != 0).map(value).collect();
        values.push(candidate.value(key));
        values.sort();
        values.dedup();
        values.into_iter().map(|value| candidate.with(key, value)).collect()
    }

    /// The widest range that may be proposed for a key.
    #[must_use]
    pub fn range(&self, key: usize) -> (Decimal, Decimal) {
        self.axes.get(key).map_or((Decimal::ZERO, Decimal::ZERO), |axis| (axis.low, axis.high))
    }
}

fn axis(variation: &Variation, current: Decimal, max_step: Option<Decimal>) -> Result<Axis, String> {
    let (mut low, mut high) = (variation.low, variation.high);
    if let Some(by) = max_step.and_then(|step| current.checked_mul(step)) {
        low = low.max(current.saturating_sub(by));
        high = high.min(current.saturating_add(by));
    }
    if low >= high {
        return Err(format!("`{}`: no value of the range is within the largest step from {current}", variation.key));
    }
    // Both ends are prices that were named or that bound the step: what is rounded never leaves them.
    Ok(Axis { low, high, unit: unit(high) })
}

/// A two-hundredth of the power of ten at or below a value.
fn unit(value: Decimal) -> Decimal {
    let mut power = Decimal::ONE;
    while power > value && power.scale() < 9 {
        power = power.checked_div(Decimal::TEN).unwrap_or(Decimal::ONE);
    }
    while let Some(next) = power.checked_mul(Decimal::TEN).filter(|next| *next <= value) {
        power = next;
    }
    power.checked_div(Decimal::from(STEPS)).unwrap_or(Decimal::ONE).normalize()
}

impl Axis {
    /// The distance of the coarse grid's points.
    fn step(&self, points: usize) -> Decimal {
        let gaps = Decimal::from(points.saturating_sub(1).max(1));
        self.high.saturating_sub(self.low).checked_div(gaps).unwrap_or(self.unit)
    }

    /// The nearest value of a whole number of units within the range.
    fn rounded(&self, value: Decimal) -> Decimal {
        let units = value.checked_div(self.unit).unwrap_or_default();
        let units = units.round_dp_with_strategy(0, RoundingStrategy::MidpointNearestEven);
        units.saturating_mul(self.unit).clamp(self.low, self.high).normalize()
    }

    fn coarse(&self, points: usize, current: Decimal) -> Vec<Decimal> {
        let step = self.step(points);
        let value = |point: usize| self.rounded(self.low.saturating_add(step.saturating_mul(Decimal::from(point))));
        let mut values: Vec<Decimal> = (0..points).map(value).collect();
        if current >= self.low && current <= self.high {
            values.push(current.normalize());
        }
        values.sort();
        values.dedup();
        values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn space(text: &[&str], current: &[&str], step: Option<&str>) -> Space {
        let number = |text: &&str| text.parse().unwrap();
        let current = Candidate(current.iter().map(number).collect());
        Space::new(
            text.iter().map(|text| text.parse().unwrap()).collect(),
            current,
            step.map(|step| step.parse().unwrap()),
        )
        .unwrap()
    }

    #[test]
    fn a_variation_is_a_key_and_a_range() {
        let read: Variation = "rates.gpu.\"nvidia/a100\"=900..1200.5".parse().unwrap();
        assert_eq!(
            (read.key.as_str(), read.low, read.high),
            ("rates.gpu.\"nvidia/a100\"", 900.into(), "1200.5".parse().unwrap())
        );
        for wrong in ["rates.cpu", "=1..2", "a=2..1", "a=1..1", "a=0..1", "a=x..1", "a=1"] {
            assert!(wrong.parse::<Variation>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_grid_has_round_values_and_the_current_ones() {
        let grid = space(&["a=1300..2200"], &["1903"], None).grid();
        let values: Vec<String> = grid.iter().map(ToString::to_string).collect();
        assert_eq!(values.len(), 14);
        assert!(
            values.contains(&"1300".to_owned())
                && values.contains(&"2200".to_owned())
                && values.contains(&"1903".to_owned())
        );
        assert_eq!(space(&["a=1..2", "b=60..110"], &["1.5", "80"], None).grid().len(), 7 * 6);
        // Outside of the range, the current value is not a candidate.
        assert!(
            !space(&["a=1300..1700"], &["1903"], None).grid().iter().any(|candidate| candidate.value(0) == 1903.into())
        );
    }

    #[test]
    fn the_largest_step_bounds_the_range() {
        let space = space(&["a=1300..2200"], &["2000"], Some("0.1"));
        assert_eq!(space.range(0), (1800.into(), 2200.into()));
        let none =
            Space::new(vec!["a=1..2".parse().unwrap()], Candidate(vec![10.into()]), Some("0.1".parse().unwrap()));
        assert!(none.is_err());
    }

    #[test]
    fn a_line_stays_within_the_range_and_has_its_middle() {
        let space = space(&["a=1300..2200"], &["1900"], None);
        let line = space.around(&Candidate(vec![1300.into()]), 0, 4);
        assert_eq!(line.first().unwrap().value(0), 1300.into());
        assert!(line.len() == 5 && line.iter().all(|candidate| candidate.value(0) <= 1375.into()), "{line:?}");
    }
}
