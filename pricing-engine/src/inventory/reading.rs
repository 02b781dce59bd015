//! How the inventory is, for people and metrics.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::digest::Digest;

/// Whether the inventory can be priced with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// The source is heard, and what it said last is in use.
    Fresh,
    /// The last good snapshot is in use, though something is wrong.
    Stale,
    /// There is no snapshot that may be used: no bid.
    Unusable,
}

impl State {
    /// The state as `Status` and metrics name it.
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

/// What happened since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Good snapshots.
    pub taken: u64,
    /// Snapshots that were refused, by [`super::Refusal::code`].
    pub refused: BTreeMap<&'static str, u64>,
    /// Connections and streams that were lost or could not be had, and files that could not be read.
    pub lost: u64,
    /// Streams that were opened, or files that were read.
    pub opened: u64,
    /// Nodes that went missing from one snapshot to the next.
    pub vanished: u64,
}

/// What became of what was held back, since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HoldCounters {
    /// Holds that were made.
    pub made: u64,
    /// Holds that another quote of the same order replaced.
    pub replaced: u64,
    /// Holds that were released.
    pub released: u64,
    /// Holds that ended because the inventory shows the order.
    pub seen: u64,
    /// Holds that ended by their time.
    pub expired: u64,
    /// Holds that were given up because there were too many.
    pub dropped: u64,
}

/// How the inventory is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Where it comes from.
    pub source: String,
    /// Whether it can be priced with.
    pub state: State,
    /// How old the last good snapshot is, whether or not it may still be used.
    pub age: Option<Duration>,
    /// Its digest.
    pub digest: Option<Digest>,
    /// Its nodes that can be used.
    pub nodes: u32,
    /// What validation found in it.
    pub findings: u32,
    /// Nodes that were in an earlier snapshot and are not in this one, by name; forgotten after `max_age`.
    pub missing_nodes: Vec<String>,
    /// What is wrong at the moment.
    pub problem: Option<String>,
    /// Orders that capacity is held back for.
    pub held: u32,
    /// What happened since the start.
    pub counters: Counters,
    /// What became of what was held back.
    pub holds: HoldCounters,
}
