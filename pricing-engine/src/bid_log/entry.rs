//! Lines as they are read again, also by a later version of this program.
//!
//! Without these fields a decision is no decision: `schema` (1), `kind`, `sequence`, `call`, `order` or `order_object`,
//! `group`, `rates`, `scheduler`, `search_steps`, and `quote` or `screen`. What else is missing had not been invented
//! when the line was written, or was not needed: it is as if it were null. Unknown fields are ignored, but for those of
//! `targets` and `held`, which a price depends on.

use pricing_core::inventory::held::Held;
use pricing_core::quote::GivenTarget;
use pricing_core::text::Untrusted;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::comparison::{Difference, Money, Outcome};
use crate::digest::Digest;
use crate::order_name::OrderName;

/// The version of the lines.
pub const SCHEMA: u32 = 1;

/// What a line is.
#[derive(Debug)]
pub enum Entry {
    /// A decision for one group of an order.
    Decision(Box<Decision>),
    /// What the shadow made of a decision.
    Shadow(Box<Shadowed>),
    /// Something that this version does not know.
    Other(u64),
}

/// A decision with everything that it depended on.
#[derive(Debug, Deserialize)]
pub struct Decision {
    /// Its number. Numbers grow by one; what is missing was lost.
    pub sequence: u64,
    /// When it was made; for people.
    #[serde(default)]
    pub time: String,
    /// Which call it answered.
    pub call: String,
    /// The order's name.
    #[serde(default)]
    pub order_id: Option<OrderName>,
    /// Who ordered.
    #[serde(default)]
    pub owner: Option<String>,
    /// The order's text.
    #[serde(default)]
    pub order: Option<String>,
    /// The digest of the order's text, where that is long.
    #[serde(default)]
    pub order_object: Option<Digest>,
    /// Which group of it.
    pub group: Group,
    /// The daemon had reserved already.
    #[serde(default)]
    pub already_reserved: bool,
    /// Where the daemon had put it.
    #[serde(default)]
    pub targets: Vec<GivenTarget>,
    /// Whether every distinct set of cards was asked for.
    #[serde(default)]
    pub alternatives: bool,
    /// Who placed: `sound` or `provider`.
    pub scheduler: String,
    /// What might be spent on the request, all of its groups together.
    pub search_steps: u64,
    /// What was left of that when the group's turn came; all of it where this is missing.
    #[serde(default)]
    pub search_steps_left: Option<u64>,
    /// Whether the request's time was over before the group was decided.
    #[serde(default)]
    pub out_of_time: bool,
    /// The rate card.
    pub rates: Digest,
    /// The plugin.
    #[serde(default)]
    pub plugin: Option<PluginEntry>,
    /// The inventory; none where it was not asked.
    #[serde(default)]
    pub inventory: Option<InventoryEntry>,
    /// What was held back of the inventory.
    #[serde(default)]
    pub held: Vec<Held>,
    /// What an AKT was worth.
    #[serde(default)]
    pub usd_per_akt: Option<String>,
    /// The cards, as the metrics label them.
    #[serde(default)]
    pub gpu: String,
    /// The quote, byte for byte.
    #[serde(default)]
    pub quote: Option<Box<RawValue>>,
    /// What a screening came to.
    #[serde(default)]
    pub screen: Option<Box<RawValue>>,
    /// Microseconds that it took.
    #[serde(default)]
    pub took_us: u64,
}

impl Decision {
    /// What was answered, in short. A screening comes to `pass` or `decline`.
    ///
    /// # Errors
    /// When the answer is not what this program writes.
    pub fn outcome(&self) -> serde_json::Result<Outcome> {
        #[derive(Deserialize)]
        struct Screened {
            reason: Option<ReasonOf>,
        }
        #[derive(Deserialize)]
        struct Quoted {
            decision: String,
            price: Option<Money>,
            usd_per_month: Option<String>,
            reason: Option<ReasonOf>,
        }
        #[derive(Deserialize)]
        struct ReasonOf {
            code: String,
        }
        let code = |reason: Option<ReasonOf>| reason.map(|reason| reason.code);
        match (&self.quote, &self.screen) {
            (Some(quote), _) => {
                let Quoted { decision, price, usd_per_month, reason } = serde_json::from_str(quote.get())?;
                Ok(Outcome { decision, code: code(reason), price, usd_per_month })
            }
            (None, Some(screen)) => {
                let code = code(serde_json::from_str::<Screened>(screen.get())?.reason);
                let decision = if code.is_some() { "decline" } else { "pass" };
                Ok(Outcome { decision: decision.to_owned(), code, ..Outcome::default() })
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
    /// Its place.
    pub index: usize,
    /// Its name.
    pub name: Untrusted,
}

/// The inventory that a decision was made on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InventoryEntry {
    /// The snapshot.
    Snapshot(Digest),
    /// Why there was none that could be used.
    Unusable(String),
}

/// The plugin that a decision was asked of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PluginEntry {
    /// Its name.
    pub name: String,
    /// Its file's digest.
    pub digest: String,
    /// The digest of the file before, where that stands in for it.
    #[serde(default)]
    pub previous: Option<String>,
    /// Why its bytes are not among the objects, where they are not.
    #[serde(default)]
    pub not_kept: Option<String>,
    /// Its size class.
    pub class: String,
    /// What a call may use.
    pub limits: LimitsEntry,
    /// What prices when it fails.
    #[serde(default)]
    pub fallback: Option<String>,
}

/// What a call of a plugin may use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitsEntry {
    /// Microseconds.
    pub deadline_us: u64,
    /// Fuel.
    pub fuel: u64,
    /// Bytes of memory.
    pub memory_bytes: u64,
    /// Bytes of the answer.
    pub output_bytes: usize,
}

/// What the shadow made of a decision.
#[derive(Debug, Serialize, Deserialize)]
pub struct Shadowed {
    /// The line's number.
    #[serde(skip_serializing)]
    pub sequence: u64,
    /// When it was made; for people.
    #[serde(default)]
    pub time: String,
    /// The number of the decision's line; none when that is in no log.
    #[serde(default)]
    pub decision: Option<u64>,
    /// The order's name.
    #[serde(default)]
    pub order_id: Option<OrderName>,
    /// Which group of it.
    pub group: Group,
    /// The cards, as the metrics label them.
    #[serde(default)]
    pub gpu: String,
    /// The shadow's rate card.
    #[serde(default)]
    pub rates: Option<Digest>,
    /// The digest of the shadow's plugin.
    #[serde(default)]
    pub plugin: Option<String>,
    /// How they differ.
    pub difference: Difference,
    /// What was answered.
    pub answered: Outcome,
    /// What the shadow would have.
    pub shadow: Outcome,
}

/// Why a line is not used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// The last line of the last file has no end: a crash, or it is being written.
    #[error("the line is cut off")]
    Cut,
    /// It is not what this program writes.
    #[error("{0}")]
    Unreadable(String),
    /// The file cannot be read.
    #[error("the file cannot be read: {0}")]
    File(String),
}

/// What every line starts with.
#[derive(Deserialize)]
struct Head {
    schema: u32,
    kind: String,
    sequence: u64,
}

impl Entry {
    /// Reads a line.
    ///
    /// # Errors
    /// When it is not what this program writes.
    pub fn read(line: &[u8]) -> Result<Self, Damage> {
        let unreadable = |problem: String| Damage::Unreadable(problem);
        let text = std::str::from_utf8(line).map_err(|_| unreadable("the line is no text".to_owned()))?;
        let json = |error: serde_json::Error| unreadable(format!("the line is damaged: {error}"));
        let head: Head = serde_json::from_str(text).map_err(json)?;
        if head.schema != SCHEMA {
            let problem = format!("the line has schema {}; this version reads {SCHEMA}", head.schema);
            return Err(unreadable(problem));
        }
        match head.kind.as_str() {
            "decision" => serde_json::from_str(text).map(|found| Self::Decision(Box::new(found))).map_err(json),
            "shadow" => serde_json::from_str(text).map(|found| Self::Shadow(Box::new(found))).map_err(json),
            _ => Ok(Self::Other(head.sequence)),
        }
    }

    /// The line's number.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        match self {
            Self::Decision(decision) => decision.sequence,
            Self::Shadow(shadow) => shadow.sequence,
            Self::Other(sequence) => *sequence,
        }
    }
}

/// What a line starts with, up to its number.
pub(super) fn head(kind: &str, sequence: u64) -> String {
    format!("{{\"schema\":{SCHEMA},\"kind\":\"{kind}\",\"sequence\":{sequence},")
}

/// The number of a line of which the end may be missing.
pub(super) fn sequence_of(line: &[u8]) -> Option<u64> {
    let start = line.get(..line.len().min(128))?;
    let start = start.utf8_chunks().next()?.valid();
    let (_, rest) = start.strip_prefix("{\"schema\":")?.split_once(",\"kind\":\"")?;
    let (number, _) = rest.split_once("\",\"sequence\":")?.1.split_once(',')?;
    number.parse().ok()
}
