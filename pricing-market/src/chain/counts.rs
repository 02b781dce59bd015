//! How many bids, leases and orders there are.

use serde::Serialize;

/// How many there are of each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Bids.
    pub bids: u64,
    /// Leases.
    pub leases: u64,
    /// Orders.
    pub orders: u64,
}

impl Counts {
    /// All of them together.
    #[must_use]
    pub fn total(self) -> u64 {
        self.bids.saturating_add(self.leases).saturating_add(self.orders)
    }
}
