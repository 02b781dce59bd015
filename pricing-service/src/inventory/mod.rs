//! The live inventory.

use std::sync::Arc;

use pricing_core::inventory::Cluster;
use pricing_core::inventory::utilisation::Utilisation;

use crate::digest::Digest;

/// The text of a snapshot, and its digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotText {
    /// The text.
    pub text: Arc<str>,
    /// Its digest.
    pub digest: Digest,
}

/// A snapshot that orders can be placed on.
#[derive(Clone, Debug)]
pub struct Known {
    /// The cluster, without what is held back.
    pub cluster: Arc<Cluster>,
    /// How full it is.
    pub utilisation: Arc<Utilisation>,
    /// The snapshot that it was read from.
    pub snapshot: Arc<SnapshotText>,
}

/// What is known of the cluster at the moment of a decision.
#[derive(Clone, Debug)]
pub enum Stock {
    /// No inventory is configured.
    NotAsked,
    /// A snapshot.
    Known(Arc<Known>),
    /// The inventory cannot be used, for this reason.
    Unusable(String),
}
