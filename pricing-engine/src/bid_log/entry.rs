//! The lines of a log, as this and later versions of the program read them.
//!
//! A decision needs these fields: `schema` (1), `kind`, `sequence`, `call`, `order` or `order_object`, `group`,
//! `rates`, `scheduler`, `search_steps`, and `quote` or `screen`. Any other missing field is treated as null: it did
//! not exist when the line was written, or was not needed. Unknown fields are ignored, except in `targets`, `held`
//! and `started`, which a price depends on.

mod placed;

use pricing_core::inventory::held_capacity::HeldCapacity;
use pricing_core::quote::{DecisionKind, Exploration, GivenTarget};
use pricing_core::rates::Policy;
use pricing_core::reserve::kubernetes::{KubeScheduler, KubernetesVersion};
use pricing_core::text::Untrusted;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::comparison::{Base, Difference, Money, Outcome};
use crate::config::LoadedScheduler;
use crate::digest::Digest;
use crate::order_name::OrderName;

pub use placed::{PlacedPod, PlacementNode};

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

/// A decision with all of its inputs.
#[derive(Debug, Deserialize)]
pub struct Decision {
    /// Its sequence number. Numbers increase by one; a missing one was lost.
    pub sequence: u64,
    /// When it was made. Nothing depends on it.
    #[serde(default)]
    pub time: String,
    /// The call that it answered.
    pub call: String,
    /// The order's name.
    #[serde(default)]
    pub order_id: Option<OrderName>,
    /// The tenant's address.
    #[serde(default)]
    pub owner: Option<String>,
    /// The order's text.
    #[serde(default)]
    pub order: Option<String>,
    /// The digest of the order's text, if it is long.
    #[serde(default)]
    pub order_object: Option<Digest>,
    /// The group of the order.
    pub group: Group,
    /// Whether the daemon had already reserved the order.
    #[serde(default)]
    pub already_reserved: bool,
    /// The daemon's reservation.
    #[serde(default)]
    pub targets: Vec<GivenTarget>,
    /// Whether every distinct set of cards was to be priced.
    #[serde(default)]
    pub alternatives: bool,
    /// The scheduler: `sound` or `provider`.
    pub scheduler: String,
    /// Which card model was preferred where several fit: `cheapest` or `packing`, and `order` if this is missing.
    #[serde(default)]
    pub prefer: Option<String>,
    /// The search budget of the request, for all of its groups.
    pub search_steps: u64,
    /// The search steps that were left when the group's turn came; all of them if this is missing.
    #[serde(default)]
    pub search_steps_left: Option<u64>,
    /// The steps that were left for predicting where pods start; all of them if this is missing.
    #[serde(default)]
    pub prediction_steps_left: Option<u64>,
    /// Whether the deadline passed before the group was decided.
    #[serde(default)]
    pub out_of_time: bool,
    /// What predicted where the pods start. If this is missing, nothing was decided by it, and it was the default one.
    #[serde(default)]
    pub kubernetes: Option<KubernetesEntry>,
    /// The rate card.
    pub rates: Digest,
    /// The plugin.
    #[serde(default)]
    pub plugin: Option<PluginEntry>,
    /// The inventory; `None` if it was not used.
    #[serde(default)]
    pub inventory: Option<InventoryEntry>,
    /// The capacity that was held.
    #[serde(default)]
    pub held: Vec<HeldCapacity>,
    /// What the pods of the previous groups' bids request, on the nodes where Kubernetes would start them.
    #[serde(default)]
    pub started: Vec<HeldCapacity>,
    /// The value of an AKT in USD.
    #[serde(default)]
    pub usd_per_akt: Option<String>,
    /// How the price was to be explored.
    #[serde(default)]
    pub explore: Option<ExploreEntry>,
    /// The cards, as in the metrics' labels.
    #[serde(default)]
    pub gpu: String,
    /// The quote, byte for byte.
    #[serde(default)]
    pub quote: Option<Box<RawValue>>,
    /// The result of a screening, byte for byte.
    #[serde(default)]
    pub screen: Option<Box<RawValue>>,
    /// The time that it took, in microseconds.
    #[serde(default)]
    pub took_us: u64,
}

/// What predicts where the pods of an order start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KubernetesEntry {
    /// Whether anything was predicted.
    pub predict: bool,
    /// The scheduler's release.
    #[serde(default)]
    pub version: KubernetesVersion,
    /// The digest of the scheduler's configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduler_config: Option<Digest>,
    /// How many pods without requests were taken to run on each node.
    #[serde(default)]
    pub pods_without_requests: u32,
}

impl KubernetesEntry {
    /// The entry for a scheduler. None for the default one, unless the policy decides by predictions: a later version of
    /// the program may have another default, and its replay has to make the same decision.
    pub(super) fn of(loaded: &LoadedScheduler, policy: &Policy) -> Option<Self> {
        let scheduler_config = loaded.text.as_ref().map(|(digest, _)| *digest);
        let is_default = loaded.predict && loaded.scheduler == KubeScheduler::default() && scheduler_config.is_none();
        (!is_default || policy.needs_prediction()).then_some(Self {
            predict: loaded.predict,
            version: loaded.scheduler.version,
            scheduler_config,
            pods_without_requests: loaded.scheduler.pods_without_requests,
        })
    }
}

impl Decision {
    /// What was answered, in short. A screening comes to `pass` or `decline`.
    ///
    /// # Errors
    /// When the answer is not what this program writes.
    pub fn outcome(&self) -> serde_json::Result<Outcome> {
        self.answer().map(|(outcome, _)| outcome)
    }

    /// What would have been answered without exploration, in short.
    ///
    /// # Errors
    /// When the answer is not what this program writes.
    pub fn outcome_without_exploration(&self) -> serde_json::Result<Outcome> {
        self.answer().map(|(outcome, base)| outcome.without_exploration(base))
    }

    /// What was answered, and what an explored price was varied from.
    fn answer(&self) -> serde_json::Result<(Outcome, Option<Base>)> {
        #[derive(Deserialize)]
        struct Screened {
            reason: Option<ReasonOf>,
        }
        #[derive(Deserialize)]
        struct Quoted {
            decision: DecisionKind,
            price: Option<Money>,
            usd_per_month: Option<String>,
            reason: Option<ReasonOf>,
            explored: Option<Base>,
        }
        #[derive(Deserialize)]
        struct ReasonOf {
            code: String,
        }
        let code = |reason: Option<ReasonOf>| reason.map(|reason| reason.code);
        match (&self.quote, &self.screen) {
            (Some(quote), _) => {
                let Quoted { decision, price, usd_per_month, reason, explored } = serde_json::from_str(quote.get())?;
                Ok((Outcome { decision, code: code(reason), price, usd_per_month }, explored))
            }
            (None, Some(screen)) => {
                let Screened { reason } = serde_json::from_str(screen.get())?;
                Ok((Outcome::of_screening(code(reason)), None))
            }
            (None, None) => Err(serde::de::Error::custom("the line has neither `quote` nor `screen`")),
        }
    }

    /// The token that the tenant pays with; none where the line does not tell it, as for a screening.
    #[must_use]
    pub fn denom(&self) -> Option<Untrusted> {
        #[derive(Deserialize)]
        struct Prices {
            price: Option<Money>,
            max_price: Option<Money>,
        }
        let Prices { price, max_price } = serde_json::from_str(self.quote.as_ref()?.get()).ok()?;
        price.or(max_price).map(|price| price.denom)
    }
}

/// A group of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Its index in the order, from 0.
    pub index: usize,
    /// Its name.
    pub name: Untrusted,
}

/// The inventory of a decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InventoryEntry {
    /// The digest of the snapshot.
    Snapshot(Digest),
    /// Why there was no usable snapshot.
    Unusable(String),
}

/// The plugin of a decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PluginEntry {
    /// Its name.
    pub name: String,
    /// The digest of its file.
    pub digest: String,
    /// The digest of its previous file, if the fallback is `last-plugin`.
    #[serde(default)]
    pub previous: Option<String>,
    /// Why its file is not among the objects, if it is not.
    #[serde(default)]
    pub not_kept: Option<String>,
    /// Its size class.
    pub class: String,
    /// What a call may use.
    pub limits: LimitsEntry,
    /// The fallback when it fails: `builtin` or `last-plugin`.
    #[serde(default)]
    pub fallback: Option<String>,
}

/// How a price was to be explored. Whether it was is in the quote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExploreEntry {
    /// The band, such as `3%`.
    pub spread: String,
    /// The draw, as text: it has 64 bits, more than every JSON reader takes.
    pub draw: String,
}

impl From<Exploration> for ExploreEntry {
    fn from(exploration: Exploration) -> Self {
        Self { spread: exploration.spread.to_string(), draw: exploration.draw.to_string() }
    }
}

/// The limits of a plugin's call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitsEntry {
    /// The deadline in microseconds.
    pub deadline_us: u64,
    /// The fuel.
    pub fuel: u64,
    /// The memory in bytes.
    pub memory_bytes: u64,
    /// The largest answer in bytes.
    pub output_bytes: usize,
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

/// A change of the rate card by `[tune]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Tuned {
    /// Its sequence number.
    pub sequence: u64,
    /// When it was written. Nothing depends on it.
    #[serde(default)]
    pub time: String,
    /// `planned` before the card is written, and `done` afterwards. None in logs of earlier versions, which have only the
    /// latter.
    #[serde(default)]
    pub stage: Option<String>,
    /// The rates that were in use when the line was written.
    pub rates: Digest,
    /// What was changed.
    pub changes: Vec<TunedRate>,
    /// What the proposal earns, in percent.
    #[serde(default)]
    pub gain_percent: Option<TunedGain>,
    /// Why the changed card is not in use, if it is not.
    #[serde(default)]
    pub refused: Option<String>,
}

/// A key of the rate card that was changed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct TunedRate {
    /// The key.
    pub key: String,
    /// The value before.
    pub before: String,
    /// The value after.
    pub after: String,
}

/// A gain, with its interval.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct TunedGain {
    /// The mean.
    pub mean: String,
    /// The lower end.
    pub low: String,
    /// The upper end.
    pub high: String,
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
