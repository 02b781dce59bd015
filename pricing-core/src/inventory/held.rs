//! Capacity that is held back: what orders that were bid on would take if they were won.
//!
//! An inventory only shows what runs. Between a bid and its lease the capacity is promised and still shown as free, so
//! a second order would be promised the same cards. `Cluster::less` answers the cluster without what is held.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What is held back of one node, and of the cluster through the pods there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Held {
    /// The node.
    pub node: String,
    /// Thousandths of a thread.
    pub cpu: u64,
    /// Bytes of memory, with `ram` volumes.
    pub memory: u64,
    /// Bytes of ephemeral storage.
    #[serde(skip_serializing_if = "is_zero")]
    pub ephemeral: u64,
    /// Cards, by count.
    #[serde(skip_serializing_if = "is_zero")]
    pub gpus: u64,
    /// Which cards these may be.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cards: Vec<HeldCards>,
    /// Bytes of the cluster's storage classes.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub storage: BTreeMap<String, u64>,
    /// Leased IPs.
    #[serde(skip_serializing_if = "is_zero")]
    pub leased_ips: u64,
}

/// Cards that are held back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeldCards {
    /// Every kind that they may be, as [`crate::gpu::GpuKind`] writes itself. Each kind has so many cards fewer, since
    /// any of them may be handed out.
    pub kinds: Vec<String>,
    /// How many.
    pub count: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}
