//! How much seeds differ: the mean of a single run, with a confidence interval.

use pricing_core::money::ArithmeticOverflow;
use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Serialize, Serializer};

/// The confidence level of the intervals.
pub const CONFIDENCE: &str = "95%";

/// The 0.975 quantiles of Student's t distribution by degrees of freedom, to three decimals.
const QUANTILES: [(usize, f64); 40] = [
    (1, 12.706),
    (2, 4.303),
    (3, 3.182),
    (4, 2.776),
    (5, 2.571),
    (6, 2.447),
    (7, 2.365),
    (8, 2.306),
    (9, 2.262),
    (10, 2.228),
    (11, 2.201),
    (12, 2.179),
    (13, 2.160),
    (14, 2.145),
    (15, 2.131),
    (16, 2.120),
    (17, 2.110),
    (18, 2.101),
    (19, 2.093),
    (20, 2.086),
    (21, 2.080),
    (22, 2.074),
    (23, 2.069),
    (24, 2.064),
    (25, 2.060),
    (26, 2.056),
    (27, 2.052),
    (28, 2.048),
    (29, 2.045),
    (30, 2.042),
    (40, 2.021),
    (50, 2.009),
    (60, 2.000),
    (80, 1.990),
    (100, 1.984),
    (120, 1.980),
    (200, 1.972),
    (300, 1.968),
    (500, 1.965),
    (1000, 1.962),
];

/// The 0.975 quantile of Student's t distribution. Between the listed degrees of freedom it is that of the next lower
/// one, which makes intervals slightly wider rather than narrower. None for zero degrees of freedom.
#[must_use]
pub fn quantile(degrees: usize) -> Option<f64> {
    QUANTILES.iter().rev().find(|(listed, _)| *listed <= degrees).map(|(_, quantile)| *quantile)
}

/// The mean over the seeds, with the two-sided 95% confidence interval of Student's t.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval {
    /// The mean of the runs.
    pub mean: Decimal,
    /// The lower end of the interval. It can be outside of the figure's range, for example below 0.
    pub low: Decimal,
    /// The upper end.
    pub high: Decimal,
}

impl Interval {
    /// The interval for one value per seed, rounded half to even to some decimals. None for fewer than two values.
    ///
    /// # Errors
    /// When the values overflow the exact decimals.
    pub fn of(values: &[Decimal], decimals: u32) -> Result<Option<Self>, ArithmeticOverflow> {
        let Some(quantile) = values.len().checked_sub(1).and_then(quantile) else { return Ok(None) };
        let count = u64::try_from(values.len()).map_err(|_| ArithmeticOverflow)?;
        let total = values.iter().try_fold(Decimal::ZERO, |sum, value| sum.checked_add(*value));
        let mean = total.and_then(|total| total.checked_div(Decimal::from(count))).ok_or(ArithmeticOverflow)?;
        let half = half_width(values, mean, quantile)?;
        let half = rounded_float(half, decimals)?;
        let mut mean = rounded(mean, decimals);
        mean.rescale(decimals);
        let low = mean.checked_sub(half).ok_or(ArithmeticOverflow)?;
        let high = mean.checked_add(half).ok_or(ArithmeticOverflow)?;
        Ok(Some(Self { mean, low, high }))
    }

    /// The interval of the opposite difference.
    #[must_use]
    pub fn opposite(&self) -> Self {
        let less = |number: Decimal| Decimal::ZERO.checked_sub(number).unwrap_or_default();
        Self { mean: less(self.mean), low: less(self.high), high: less(self.low) }
    }

    /// Half the width of the interval: the number after the plus-minus sign.
    #[must_use]
    pub fn half(&self) -> Decimal {
        self.high.checked_sub(self.mean).unwrap_or_default()
    }
}

impl Serialize for Interval {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Shown {
            mean: String,
            low: String,
            high: String,
            confidence: &'static str,
        }
        let Self { mean, low, high } = self;
        let shown =
            Shown { mean: mean.to_string(), low: low.to_string(), high: high.to_string(), confidence: CONFIDENCE };
        shown.serialize(serializer)
    }
}

/// Quantile times standard error, computed with operations that give the same bits on every machine.
#[expect(clippy::cast_precision_loss, reason = "there are never as many runs as a float counts exactly")]
fn half_width(values: &[Decimal], mean: Decimal, quantile: f64) -> Result<f64, ArithmeticOverflow> {
    let mut squares = 0.0;
    for value in values {
        let off = float(value.checked_sub(mean).ok_or(ArithmeticOverflow)?)?;
        squares += off * off;
    }
    let count = values.len() as f64;
    let variance = squares / (count - 1.0);
    Ok(quantile * (variance / count).sqrt())
}

/// The nearest float. Parsing decimal text is correctly rounded everywhere.
fn float(value: Decimal) -> Result<f64, ArithmeticOverflow> {
    value.to_string().parse().map_err(|_| ArithmeticOverflow)
}

/// Rounds half to even.
pub(super) fn rounded(value: Decimal, decimals: u32) -> Decimal {
    value.round_dp_with_strategy(decimals, RoundingStrategy::MidpointNearestEven)
}

/// A float's exact value, rounded half to even to some decimals, as formatting does it.
fn rounded_float(value: f64, decimals: u32) -> Result<Decimal, ArithmeticOverflow> {
    let places = usize::try_from(decimals).map_err(|_| ArithmeticOverflow)?;
    Decimal::from_str_exact(&format!("{value:.places$}")).map_err(|_| ArithmeticOverflow)
}
