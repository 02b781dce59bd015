//! A decision with all of its inputs.

use pricing_core::inventory::held_capacity::HeldCapacity;
use pricing_core::quote::{DecisionKind, Exploration, GivenTarget};
use pricing_core::rates::Policy;
use pricing_core::reserve::kubernetes::{KubeScheduler, KubernetesVersion};
use pricing_core::text::Untrusted;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::comparison::{Base, Money, Outcome};
use crate::config::LoadedScheduler;
use crate::digest::Digest;
use crate::order_name::OrderName;

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
    pub(in crate::bid_log) fn of(loaded: &LoadedScheduler, policy: &Policy) -> Option<Self> {
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
    /// What was answered, in short. For a screening, it is `pass` or `decline`.
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
