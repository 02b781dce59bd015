//! Checks the numbers of a scenario that parametrise random distributions, and names their keys in errors.

use pricing_core::input::InputError;
use rust_decimal::Decimal;

use super::{StreamError, cell};
use crate::market::float;
use crate::number::Number;
pub(super) use crate::number::wide;
use crate::scenario::OrdersEntry;
use crate::time::Millis;

/// The largest sigma of a log-normal factor. With a larger one, one order in a thousand would differ by a factor of
/// more than five million.
pub const MAX_SIGMA: i64 = 5;
/// The largest factor by which prices are multiplied.
const MAX_FACTOR: i64 = 1_000_000;
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

/// A factor by which prices are multiplied; 1 if it is missing.
///
/// # Errors
/// When it is not above 0 or too large. The error names the key.
pub fn factor(key: &str, number: Option<Number>) -> Result<Decimal, StreamError> {
    let factor = number.map_or(Decimal::ONE, |factor| factor.0);
    if factor <= Decimal::ZERO || factor > Decimal::from(MAX_FACTOR) {
        return Err(wrong(format!("`{key}` is `{factor}`; it must be above 0 and at most {MAX_FACTOR}")));
    }
    Ok(factor)
}

/// The beginning of the window, if the scenario sets it.
pub(super) fn begin(entry: &OrdersEntry) -> Result<Option<Millis>, StreamError> {
    let Some(begin) = &entry.begin else { return Ok(None) };
    let malformed = |error: InputError| wrong(format!("`orders.begin`: {}", error.message()));
    cell::time(begin).map(Some).map_err(malformed)
}

/// Rounds a float to milliseconds. None beyond [`HORIZON`].
pub(super) fn millis(time: f64) -> Option<Millis> {
    use rust_decimal::prelude::ToPrimitive;
    libm::round(time).to_u64().filter(|time| *time <= HORIZON)
}
