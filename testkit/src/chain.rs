//! A made-up chain: orders with everybody's bids and leases, and what a node answers about them at a height.
//!
//! Everything that happens has a height, so that the same chain can be looked at as it was earlier, while orders were
//! still open. Its accounts are made up, with valid checksums.

mod answer;
mod made_up;

pub use answer::{Filters, List, Style, Version, block, page};
pub use made_up::{account, made_up};

/// The height at which made-up chains begin.
pub const FIRST_HEIGHT: u64 = 23_000_000;
/// The time of that height in milliseconds since 1970: 2026-10-01 at 0:00 UTC.
const FIRST_MILLIS: u64 = 1_790_812_800_000;
/// The milliseconds of a block, a little less than prices assume.
const BLOCK_MILLIS: u64 = 6_100;

/// A chain.
#[derive(Clone, Debug, Default)]
pub struct Chain {
    /// The provider whose view is pulled. It bids on most orders.
    pub provider: String,
    /// The orders, by id.
    pub orders: Vec<Order>,
    /// The highest block.
    pub height: u64,
    /// The lowest block that nodes still have.
    pub lowest_block: u64,
}

/// An order with everything that happens to it.
#[derive(Clone, Debug)]
pub struct Order {
    /// The tenant.
    pub owner: String,
    /// The number of the deployment.
    pub dseq: u64,
    /// The number of the group.
    pub gseq: u32,
    /// The number of the order.
    pub oseq: u32,
    /// When it is made.
    pub created_at: u64,
    /// When it ends. None is after the chain's end.
    pub closed_on: Option<u64>,
    /// The resources.
    pub resources: Resources,
    /// The tenant's maximum per block, in millionths of the denom's unit.
    pub max_price: u64,
    /// The denom of the maximum and of all bids.
    pub denom: &'static str,
    /// The bids, by provider.
    pub bids: Vec<Bid>,
    /// The lease.
    pub lease: Option<Lease>,
}

/// What an order asks for.
#[derive(Clone, Copy, Debug)]
pub struct Resources {
    /// The model of the cards.
    pub model: &'static str,
    /// Their RAM, if the order names it.
    pub ram: Option<&'static str>,
    /// How many of them.
    pub cards: u64,
    /// Thousandths of a CPU.
    pub cpu: u64,
    /// Bytes of memory.
    pub memory: u64,
    /// Bytes of ephemeral storage.
    pub storage: u64,
}

/// A bid.
#[derive(Clone, Debug)]
pub struct Bid {
    /// The provider.
    pub provider: String,
    /// The price per block, in millionths of the denom's unit.
    pub price: u64,
    /// When it is made.
    pub created_at: u64,
}

/// A lease of the order's bid.
#[derive(Clone, Debug)]
pub struct Lease {
    /// The provider.
    pub provider: String,
    /// When it begins.
    pub created_at: u64,
    /// When it ends. None is after the chain's end.
    pub closed_on: Option<u64>,
    /// Why it ends.
    pub reason: &'static str,
}

impl Chain {
    /// The time of a height in milliseconds since 1970.
    #[must_use]
    pub fn millis(height: u64) -> u64 {
        FIRST_MILLIS.saturating_add(height.saturating_sub(FIRST_HEIGHT).saturating_mul(BLOCK_MILLIS))
    }

    /// The orders that the provider bid on up to a height, and that are not older than another one.
    #[must_use]
    pub fn own_orders(&self, from: u64, at: u64) -> Vec<&Order> {
        let is_own = |order: &&Order| {
            order.bids.iter().any(|bid| bid.provider == self.provider && (from..=at).contains(&bid.created_at))
        };
        self.orders.iter().filter(is_own).collect()
    }
}

impl Order {
    /// The id as histories have it.
    #[must_use]
    pub fn id(&self) -> String {
        format!("{}/{}/{}/{}", self.owner, self.dseq, self.gseq, self.oseq)
    }

    /// The lease, if it has begun at a height.
    #[must_use]
    pub fn lease_at(&self, height: u64) -> Option<&Lease> {
        self.lease.as_ref().filter(|lease| lease.created_at <= height)
    }

    /// Whether it has ended at a height.
    #[must_use]
    pub fn is_closed_at(&self, height: u64) -> bool {
        self.closed_on.is_some_and(|closed_on| closed_on <= height)
    }
}
