//! Numbers of a scenario that shape chance: what they may be, and how their keys are named when they are not.

use rust_decimal::Decimal;

use super::StreamError;
use crate::market::float;
use crate::number::Number;
use crate::time::Millis;

/// The widest spread of a log-normal factor: beyond it, one order in a thousand differs by a factor of five million.
pub const MAX_SIGMA: i64 = 5;
/// Simulated time ends here: ten thousand years.
pub(super) const HORIZON: Millis = 10_000 * 365 * 24 * 3_600 * 1_000;

/// An error that a scenario can be mended by.
pub(super) fn wrong(message: impl Into<String>) -> StreamError {
    StreamError::Scenario(message.into())
}

/// A number of a key, which must be within bounds.
pub(super) fn between(key: &str, number: Number, least: i64, most: i64) -> Result<f64, StreamError> {
    if number.0 < Decimal::from(least) || number.0 > Decimal::from(most) {
        return Err(wrong(format!("`{key}` is `{}`; it must be from {least} to {most}", number.0)));
    }
    Ok(float(Some(number)))
}

/// A share, 0 where it is not said.
pub(super) fn share(key: &str, number: Option<Number>) -> Result<f64, StreamError> {
    number.map_or(Ok(0.0), |number| between(key, number, 0, 1))
}

/// The sigma of a log-normal factor, 0 where it is not said.
///
/// # Errors
/// When it is below 0 or above [`MAX_SIGMA`]; the error names the key.
pub fn sigma(key: &str, number: Option<Number>) -> Result<f64, StreamError> {
    number.map_or(Ok(0.0), |number| between(key, number, 0, MAX_SIGMA))
}

/// Milliseconds as a float, exact below 2^53.
pub(super) fn wide(time: Millis) -> f64 {
    let high = u32::try_from(time >> 32).unwrap_or(u32::MAX);
    let low = u32::try_from(time & 0xffff_ffff).unwrap_or(u32::MAX);
    f64::from(high) * 4_294_967_296.0 + f64::from(low)
}

/// A float to the nearest millisecond; none past [`HORIZON`].
pub(super) fn millis(time: f64) -> Option<Millis> {
    use rust_decimal::prelude::ToPrimitive;
    libm::round(time).to_u64().filter(|time| *time <= HORIZON)
}
