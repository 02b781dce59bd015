//! How long the text of an order may be.

use crate::input::InputError;

/// The most bytes that an order may have.
pub const MAX_INPUT_BYTES: usize = 4 << 20;

/// Refuses a text above [`MAX_INPUT_BYTES`].
pub(super) fn check(text: &str) -> Result<(), InputError> {
    let bytes = text.len();
    if bytes <= MAX_INPUT_BYTES {
        return Ok(());
    }
    Err(InputError::new(format_args!("{bytes} bytes are more than an order may have; the most is {MAX_INPUT_BYTES}")))
}
