//! Checks the numbers of a scenario that parametrise random distributions, and names their keys in errors.

use rust_decimal::Decimal;

use super::StreamError;
use crate::market::float;
use crate::number::Number;
pub(super) use crate::number::wide;
use crate::time::Millis;

/// The largest sigma of a log-normal factor. With a larger one, one order in a thousand would differ by a factor of
/// more than five million.
pub const MAX_SIGMA: i64 = 5;
/// The end of simulated time: ten thousand years.
pub(super) const HORIZON: Millis = 10_000 * 365 * 24 * 3_600 * 1_000;

/// An error in the scenario.
pub(super) fn wrong(message: impl Into<String>) -> StreamError {
    StreamError::Scenario(message.into())
}

/// The number of a key, which must be within bounds.
pub(super) fn between(key: &str, number: Number, least: i64, most: i64) -> Result<f64, StreamError> {
    if number.0 < Decimal::from(least) || number.0 > Decimal::from(most) {
        return Err(wrong(format!("`{key}` is `{}`; it must be from {least} to {most}", number.0)));
    }
    Ok(float(Some(number)))
}

/// A share between 0 and 1; 0 if it is missing.
pub(super) fn share(key: &str, number: Option<Number>) -> Result<f64, StreamError> {
    number.map_or(Ok(0.0), |number| between(key, number, 0, 1))
}

/// The sigma of a log-normal factor; 0 if it is missing.
///
/// # Errors
/// When it is below 0 or above [`MAX_SIGMA`]. The error names the key.
pub fn sigma(key: &str, number: Option<Number>) -> Result<f64, StreamError> {
    number.map_or(Ok(0.0), |number| between(key, number, 0, MAX_SIGMA))
}

/// Rounds a float to milliseconds. None beyond [`HORIZON`].
pub(super) fn millis(time: f64) -> Option<Millis> {
    use rust_decimal::prelude::ToPrimitive;
    libm::round(time).to_u64().filter(|time| *time <= HORIZON)
}
