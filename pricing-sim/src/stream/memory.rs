//! Bounds the memory that the orders of a stream take.
//!
//! A small file can contain large orders: a table that repeats one long text, or a list of cards that take a few bytes
//! each to name. So the parsed orders are counted, not just the file.

use pricing_core::input::InputError;

use super::Arrival;

/// The most memory that the orders of a stream may take, approximately: two kilobytes for each of the maximum number.
pub const MAX_MEMORY: usize = 4 << 30;

/// The memory that is left for orders.
#[derive(Clone, Debug)]
pub struct Memory {
    left: usize,
}

impl Default for Memory {
    fn default() -> Self {
        Self::of(MAX_MEMORY)
    }
}

impl Memory {
    /// Room for a number of bytes.
    pub(super) fn of(bytes: usize) -> Self {
        Self { left: bytes }
    }

    /// Counts an order.
    ///
    /// # Errors
    /// When there is no room for it.
    pub fn add(&mut self, arrival: &Arrival) -> Result<(), InputError> {
        let owner = arrival.owner.as_ref().map_or(0, |owner| owner.len());
        let order = arrival.order.memory().saturating_add(size_of::<Arrival>());
        let bytes = order.saturating_add(arrival.id.len()).saturating_add(owner);
        self.left = self.left.checked_sub(bytes).ok_or_else(|| {
            let message = format!("the orders take more than {} GiB of memory", MAX_MEMORY >> 30);
            InputError::new(message).hint("split the file, and simulate its parts")
        })?;
        Ok(())
    }
}
