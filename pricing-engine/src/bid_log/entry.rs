//! The lines of a log, as this and later versions of the program read them.
//!
//! A decision needs these fields: `schema` (1), `kind`, `sequence`, `call`, `order` or `order_object`, `group`,
//! `rates`, `scheduler`, `search_steps`, and `quote` or `screen`. Any other missing field is treated as null: it did
//! not exist when the line was written, or was not needed. Unknown fields are ignored, except in `targets`, `held`
//! and `started`, which a price depends on.

mod decision;
mod placed;
mod tuned;

use serde::{Deserialize, Serialize};

use crate::comparison::{Difference, Outcome};
use crate::digest::Digest;
use crate::order_name::OrderName;

pub use decision::{Decision, ExploreEntry, Group, InventoryEntry, KubernetesEntry, LimitsEntry, PluginEntry};
pub use placed::{PlacedPod, PlacementNode};
pub use tuned::{Tuned, TunedGain, TunedRate};

/// The schema version of the lines.
pub const SCHEMA: u32 = 1;

/// A line of a log.
#[derive(Debug)]
pub enum Entry {
    /// A decision for one group of an order.
    Decision(Box<Decision>),
    /// The shadow's result for a decision.
    Shadow(Box<Shadowed>),
    /// What became of a bid.
    Outcome(Box<BidOutcome>),
    /// Where a pod was predicted to start, and where it did.
    Placed(Box<PlacedPod>),
    /// A change of the rate card by `[tune]`.
    Tuned(Box<Tuned>),
    /// A kind that this version does not know, with the sequence number.
    Other(u64),
}

/// The shadow's result for a decision.
#[derive(Debug, Serialize, Deserialize)]
pub struct Shadowed {
    /// Its sequence number.
    #[serde(skip_serializing)]
    pub sequence: u64,
    /// When it was made. Nothing depends on it.
    #[serde(default)]
    pub time: String,
    /// The sequence number of the decision; `None` if it is not in a log.
    #[serde(default)]
    pub decision: Option<u64>,
    /// The order's name.
    #[serde(default)]
    pub order_id: Option<OrderName>,
    /// The group of the order.
    pub group: Group,
    /// The cards, as in the metrics' labels.
    #[serde(default)]
    pub gpu: String,
    /// The shadow's rate card.
    #[serde(default)]
    pub rates: Option<Digest>,
    /// The digest of the shadow's plugin.
    #[serde(default)]
    pub plugin: Option<String>,
    /// How the two differ.
    pub difference: Difference,
    /// The answer that was given.
    pub answered: Outcome,
    /// The shadow's answer.
    pub shadow: Outcome,
}

/// What became of our bid on an order. The newest line of an order counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BidOutcome {
    /// Its sequence number.
    #[serde(skip_serializing)]
    pub sequence: u64,
    /// When it was written. Nothing depends on it.
    #[serde(default)]
    pub time: String,
    /// The order's name.
    pub order_id: OrderName,
    /// The address of the provider whose bid is meant.
    pub provider: String,
    /// The sequence number of the decision that the bid is of; `None` if that is not known.
    #[serde(default)]
    pub decision: Option<u64>,
    /// What became of the bid.
    #[serde(flatten)]
    pub outcome: pricing_market::outcome::Outcome,
}

/// Why a line cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// The line has no end: the service crashed, or is writing it now.
    #[error("the line is cut off")]
    Cut,
    /// It is not a line that this program writes.
    #[error("{0}")]
    Unreadable(String),
    /// The file cannot be read.
    #[error("the file cannot be read: {0}")]
    File(String),
}

/// The fields that every line starts with.
#[derive(Deserialize)]
struct Head {
    schema: u32,
    kind: String,
    sequence: u64,
}

impl Entry {
    /// Parses a line, without its line break.
    ///
    /// # Errors
    /// When it is not a line that this program writes.
    pub fn read(line: &[u8]) -> Result<Self, Damage> {
        let unreadable = |problem: String| Damage::Unreadable(problem);
        let text = std::str::from_utf8(line).map_err(|_| unreadable("the line is not UTF-8 text".to_owned()))?;
        let json = |error: serde_json::Error| unreadable(format!("the line is damaged: {error}"));
        let head: Head = serde_json::from_str(text).map_err(json)?;
        if head.schema != SCHEMA {
            let problem = format!("the line has schema {}; this version reads {SCHEMA}", head.schema);
            return Err(unreadable(problem));
        }
        match head.kind.as_str() {
            "decision" => serde_json::from_str(text).map(|found| Self::Decision(Box::new(found))).map_err(json),
            "shadow" => serde_json::from_str(text).map(|found| Self::Shadow(Box::new(found))).map_err(json),
            "outcome" => serde_json::from_str(text).map(|found| Self::Outcome(Box::new(found))).map_err(json),
            "placement" => serde_json::from_str(text).map(|found| Self::Placed(Box::new(found))).map_err(json),
            "tune" => serde_json::from_str(text).map(|found| Self::Tuned(Box::new(found))).map_err(json),
            _ => Ok(Self::Other(head.sequence)),
        }
    }

    /// Returns the sequence number.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        match self {
            Self::Decision(decision) => decision.sequence,
            Self::Shadow(shadow) => shadow.sequence,
            Self::Outcome(outcome) => outcome.sequence,
            Self::Placed(placed) => placed.sequence,
            Self::Tuned(tuned) => tuned.sequence,
            Self::Other(sequence) => *sequence,
        }
    }
}

/// Returns the start of a line, up to and including its sequence number.
pub(super) fn head(kind: &str, sequence: u64) -> String {
    format!("{{\"schema\":{SCHEMA},\"kind\":\"{kind}\",\"sequence\":{sequence},")
}

/// Returns whether a line is of a kind, without parsing it.
pub(crate) fn is_of_kind(line: &[u8], kind: &str) -> bool {
    let start = line.get(..line.len().min(64)).unwrap_or_default();
    let mark = format!("\"kind\":\"{kind}\"");
    start.windows(mark.len()).any(|window| window == mark.as_bytes())
}

/// Returns the sequence number of a line whose end may be missing.
pub(crate) fn sequence_of(line: &[u8]) -> Option<u64> {
    let start = line.get(..line.len().min(128))?;
    let start = start.utf8_chunks().next()?.valid();
    let (_, rest) = start.strip_prefix("{\"schema\":")?.split_once(",\"kind\":\"")?;
    let (number, _) = rest.split_once("\",\"sequence\":")?.1.split_once(',')?;
    number.parse().ok()
}
