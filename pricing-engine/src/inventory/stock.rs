//! What a decision is told of the inventory.

use std::sync::Arc;

use pricing_core::inventory::Cluster;
use pricing_core::inventory::held::Held;
use pricing_core::inventory::utilisation::Utilisation;

use crate::digest::Digest;

/// What is known of the cluster at the moment of a decision.
#[derive(Clone, Debug)]
pub enum Stock {
    /// No inventory is configured: capacity is not asked.
    NotAsked,
    /// The last good snapshot.
    Known(Arc<Known>),
    /// There is none that may be used, and why: the fault `inventory-unusable`.
    Unusable(String),
}

/// A good snapshot, with what is held back of it.
#[derive(Clone, Debug)]
pub struct Known {
    /// What can be reserved: the snapshot's cluster less what is held.
    pub cluster: Arc<Cluster>,
    /// How full the snapshot's cluster is. What is held back is not in use: most bids are lost.
    pub utilisation: Arc<Utilisation>,
    /// The text that the cluster was read from.
    pub snapshot: Arc<SnapshotText>,
    /// What is held back, by node.
    pub held: Vec<Held>,
}

/// The text of a snapshot, as the core's reader takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotText {
    /// The text.
    pub text: Arc<str>,
    /// Its digest.
    pub digest: Digest,
}
