//! The chain's name of an order.

use std::fmt;

use pricing_core::text::Untrusted;
use pricing_proto::akash::market::v1::OrderId;
use serde::{Deserialize, Serialize};

/// An order's name: owner, deployment, group and order number. It is written `owner/dseq/gseq/oseq`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrderName {
    /// The tenant's address.
    pub owner: Untrusted,
    /// The sequence number of the deployment.
    pub dseq: u64,
    /// The sequence number of the group in the deployment.
    pub gseq: u32,
    /// The sequence number of the order in the group.
    pub oseq: u32,
}

impl OrderName {
    /// Returns the name as data, with the owner exactly as it was given. `Display` makes it safe to print.
    #[must_use]
    pub fn exact(&self) -> String {
        let Self { owner, dseq, gseq, oseq } = self;
        format!("{}/{dseq}/{gseq}/{oseq}", owner.exact())
    }
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
        Self { owner: owner.into(), dseq, gseq, oseq }
    }
}
