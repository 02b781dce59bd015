//! A snapshot of the cluster, and whether there is one to decide with.

use std::sync::Arc;

use pricing_core::inventory::Cluster;
use pricing_core::inventory::held_capacity::HeldCapacity;
use pricing_core::inventory::utilisation::Utilisation;

use crate::digest::Digest;

/// The cluster at the moment of a decision.
#[derive(Clone, Debug)]
pub enum Availability {
    /// No inventory is configured, so capacity is not checked.
    NotConfigured,
    /// The snapshot in use.
    Known(Arc<Snapshot>),
    /// There is no snapshot that may be used, and why. The fault is `inventory-unusable`.
    Unusable(String),
}

/// An accepted snapshot, less the capacity that is held for orders.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The capacity that can be reserved: the snapshot's cluster less what is held.
    pub cluster: Arc<Cluster>,
    /// The snapshot's cluster as Kubernetes sees it: held capacity is free, since no pods run there yet, and most bids are
    /// lost. Predictions of where pods start use it.
    pub running: Arc<Cluster>,
    /// The snapshot's utilisation. Held capacity does not count as used, since most bids are lost.
    pub utilisation: Arc<Utilisation>,
    /// The text that the cluster was read from.
    pub text: Arc<SnapshotText>,
    /// The held capacity, by node.
    pub held: Vec<HeldCapacity>,
}

/// The text of a snapshot, in the format that the core reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotText {
    /// The text.
    pub text: Arc<str>,
    /// Its digest.
    pub digest: Digest,
}
