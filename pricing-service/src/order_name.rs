//! The name of an order on the chain.

use std::fmt;

use pricing_proto::akash::market::v1::OrderId;
use serde::{Deserialize, Serialize};

/// The name of an order on the chain: its tenant and three sequence numbers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrderName {
    /// The tenant.
    pub owner: String,
    /// The deployment.
    pub dseq: u64,
    /// The group.
    pub gseq: u32,
    /// The order.
    pub oseq: u32,
}

impl fmt::Display for OrderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { owner, dseq, gseq, oseq } = self;
        write!(f, "{owner}/{dseq}/{gseq}/{oseq}")
    }
}

impl From<OrderId> for OrderName {
    fn from(id: OrderId) -> Self {
        let OrderId { owner, dseq, gseq, oseq } = id;
        Self { owner, dseq, gseq, oseq }
    }
}
