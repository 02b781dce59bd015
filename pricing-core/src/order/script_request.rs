//! The request of the bid price script contract.

use super::Order;
use crate::input::InputError;

/// Reads a script request.
///
/// # Errors
/// Always, until the reader is written.
pub fn read(_text: &str) -> Result<Order, InputError> {
    Err(InputError::new("script requests are not read yet"))
}
