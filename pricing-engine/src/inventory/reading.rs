//! The state of the inventory, for `status` and the metrics.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::digest::Digest;

/// Whether the inventory can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// The source is reachable, and its last snapshot is in use.
    Fresh,
    /// The last accepted snapshot is in use, although there is a problem.
    Stale,
    /// There is no usable snapshot, so there are no bids.
    Unusable,
}

impl State {
    /// Returns the state as `Status` and the metrics name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Stale => "stale",
            Self::Unusable => "unusable",
        }
    }

    /// All states.
    pub const ALL: [Self; 3] = [Self::Fresh, Self::Stale, Self::Unusable];
}

/// The events since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Accepted snapshots.
    pub taken: u64,
    /// Snapshots that were refused, by [`super::Refusal::code`].
    pub refused: BTreeMap<&'static str, u64>,
    /// Connections and streams that failed, and files that could not be read.
    pub lost: u64,
    /// Streams that were opened, or files that were read.
    pub opened: u64,
    /// Nodes that went missing from one snapshot to the next.
    pub vanished: u64,
}

/// The holds since the start, by how they ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HoldCounters {
    /// Holds that were made.
    pub made: u64,
    /// Holds that were replaced by another quote for the same order.
    pub replaced: u64,
    /// Holds that were released.
    pub released: u64,
    /// Holds that ended because the inventory showed the order.
    pub seen: u64,
    /// Holds that expired.
    pub expired: u64,
    /// Holds that were dropped because there were too many.
    pub dropped: u64,
}

/// The state of the inventory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The source, as messages name it.
    pub source: String,
    /// Whether it can be used.
    pub state: State,
    /// The age of the last accepted snapshot, whether or not it may still be used.
    pub age: Option<Duration>,
    /// Its digest.
    pub digest: Option<Digest>,
    /// The number of its usable nodes.
    pub nodes: u32,
    /// The number of its findings.
    pub findings: u32,
    /// The names of nodes that were in an earlier snapshot and are not in this one. A name is forgotten after
    /// `max_age`.
    pub missing_nodes: Vec<String>,
    /// The current problem.
    pub problem: Option<String>,
    /// The number of orders with a hold.
    pub held: u32,
    /// The events since the start.
    pub counters: Counters,
    /// The holds since the start.
    pub holds: HoldCounters,
}
