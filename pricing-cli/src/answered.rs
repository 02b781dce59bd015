//! A quote as it was answered: by this program, by a running service, or in a line of a bid log.
//!
//! The fields are those of `pricing_core::quote::wire`, in their order, so that an answer that is read and written again
//! is the same text. Lines of earlier versions have fewer fields: what is missing is empty.

#[cfg(feature = "service")]
mod message;

use pricing_core::gpu::GpuKind;
use pricing_core::quote::wire::QuoteJson;
use pricing_core::quote::{Alternatives, Quote};
use pricing_core::text::Untrusted;
use serde::{Deserialize, Serialize};

use crate::error::CliError;
#[cfg(feature = "service")]
use crate::error::Exit;

/// The answer to one group of an order.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Answered {
    pub(crate) group: Untrusted,
    pub(crate) decision: Decided,
    pub(crate) price: Option<Amount>,
    pub(crate) max_price: Option<Amount>,
    pub(crate) usd_per_month: Option<String>,
    #[serde(default)]
    pub(crate) targets: Vec<Target>,
    #[serde(default)]
    pub(crate) lines: Vec<Line>,
    #[serde(default)]
    offer_prices: Vec<Offer>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) alternatives: Option<Vec<Alternative>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) alternatives_complete: Option<bool>,
    #[serde(default)]
    pub(crate) pending: Option<Pending>,
    /// Whether the part of the budget for predictions was used up.
    #[serde(skip)]
    pub(crate) prediction_given_up: bool,
    pub(crate) reason: Option<Reason>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) nodes: Vec<NodeShortage>,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) nodes_left_out: u64,
    pub(crate) plugin: Option<PluginUse>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) explored: Option<Explored>,
}

/// What was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Decided {
    /// A bid.
    Bid,
    /// No bid, by choice.
    Decline,
    /// No bid, since the order could not be priced.
    Fault,
}

/// An amount per block.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Amount {
    pub(crate) denom: Untrusted,
    pub(crate) amount: String,
}

/// How a price was varied.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Explored {
    pub(crate) factor: String,
    pub(crate) base_price: Amount,
    pub(crate) base_usd_per_month: String,
    pub(crate) propensity: String,
    pub(crate) factors: Vec<String>,
}

/// Why there is no bid.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Reason {
    pub(crate) code: String,
    pub(crate) message: String,
}

/// What a node lacks.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct NodeShortage {
    pub(crate) node: String,
    pub(crate) lacks: Vec<Lack>,
}

/// A resource of which a node has too little.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Lack {
    pub(crate) resource: String,
    pub(crate) asked: String,
    pub(crate) free: Option<String>,
}

/// A replica that Kubernetes may leave without a node.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Pending {
    pub(crate) resource_id: u32,
    pub(crate) replica: u32,
    pub(crate) probability: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) approximate: bool,
    pub(crate) lacks: Vec<LackOnNode>,
}

/// A resource of which a node has too little for a pending replica.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct LackOnNode {
    pub(crate) node: String,
    #[serde(flatten)]
    pub(crate) lack: Lack,
}

/// Where one resource unit goes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Target {
    pub(crate) resource_id: u32,
    pub(crate) count: u32,
    pub(crate) nodes: Vec<String>,
    pub(crate) gpu: Option<GpuTarget>,
}

/// The cards of one resource unit.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct GpuTarget {
    pub(crate) units: u64,
    pub(crate) cards: Vec<Cards>,
    #[serde(default)]
    pub(crate) kinds: Vec<Candidate>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) approximate: bool,
    #[serde(default)]
    pub(crate) others: Vec<Kind>,
    #[serde(default)]
    pub(crate) certain: bool,
}

/// The cards on one node, or without a particular node.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Cards {
    pub(crate) node: Option<String>,
    pub(crate) kinds: Vec<Kind>,
    /// Whether an inventory says so. Otherwise the kinds are those that the request names.
    #[serde(skip)]
    pub(crate) known: bool,
}

/// A kind of card.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Kind {
    vendor: String,
    model: String,
    ram: Option<String>,
    interface: Option<String>,
}

/// A kind that the replicas may get.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Candidate {
    #[serde(flatten)]
    pub(crate) kind: Kind,
    pub(crate) probability: Option<String>,
    /// The likeliest node where it is handed out, or the first one if none is likely.
    #[serde(default)]
    pub(crate) node: Option<String>,
    /// The number of such nodes.
    #[serde(default)]
    pub(crate) nodes: u64,
}

/// One line of a bill.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Line {
    pub(crate) resource_id: u32,
    pub(crate) item: String,
    pub(crate) kind: Option<String>,
    pub(crate) quantity: String,
    pub(crate) unit: Option<String>,
    pub(crate) usd_per_unit_month: String,
    pub(crate) rate: String,
    pub(crate) usd_per_month: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    weights: Vec<Weight>,
}

/// One term of the weighted mean of a line.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Weight {
    kind: String,
    weight: String,
    rate: String,
    usd_per_unit_month: String,
}

/// The bid's amounts for one replica of a unit.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Offer {
    resource_id: u32,
    count: u32,
    prices: OfferPrices,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct OfferPrices {
    cpu: String,
    memory: String,
    storage: Vec<VolumePrice>,
    gpu: String,
    endpoints: Vec<EndpointPrice>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct VolumePrice {
    name: String,
    price: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct EndpointPrice {
    kind: String,
    price: String,
}

/// Another set of cards that could be allocated.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Alternative {
    pub(crate) targets: Vec<Target>,
    pub(crate) price: Amount,
    pub(crate) usd_per_month: Option<String>,
}

/// The plugin that was asked.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct PluginUse {
    pub(crate) name: String,
    pub(crate) digest: String,
    pub(crate) fuel: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) fallback: Option<Fallback>,
}

/// What priced in place of a plugin that failed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Fallback {
    pub(crate) by: String,
    pub(crate) fault: Reason,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Answered {
    /// The answer that this program gives.
    pub(crate) fn own(quote: &Quote, alternatives: Option<&Alternatives>) -> Result<Self, CliError> {
        let mut answered = Self::written(&QuoteJson::new(quote, alternatives))?;
        let groups = quote.targets.iter().flat_map(|target| &target.cards);
        for (cards, group) in answered.cards().zip(groups) {
            cards.known = group.known;
        }
        answered.prediction_given_up = quote.pods.is_given_up();
        Ok(answered)
    }

    /// The answer that a quote is written as. It lacks what JSON does not have.
    pub(crate) fn written(quote: &QuoteJson<'_>) -> Result<Self, CliError> {
        let value = serde_json::to_value(quote).and_then(serde_json::from_value);
        value.map_err(|error| CliError::internal(format!("the quote cannot be read as it is written: {error}")))
    }

    /// The answer in a line of a bid log.
    ///
    /// # Errors
    /// When it is not what the service writes.
    #[cfg(feature = "service")]
    pub(crate) fn recorded(json: &str, already_reserved: bool) -> Result<Self, String> {
        let answered: Self = serde_json::from_str(json).map_err(|error| error.to_string())?;
        answered.checked(already_reserved)
    }

    /// Checks an answer from elsewhere: a fault must never become a bid, whatever the other fields say.
    #[cfg(feature = "service")]
    fn checked(mut self, already_reserved: bool) -> Result<Self, String> {
        let is_bid = self.decision == Decided::Bid;
        if is_bid != self.price.is_some() || is_bid == self.reason.is_some() {
            return Err(format!("the quote for `{}` has no price or no reason where it should have one", self.group));
        }
        for gpu in self.targets.iter_mut().filter_map(|target| target.gpu.as_mut()) {
            let named = gpu.names_what_is_asked();
            for cards in &mut gpu.cards {
                cards.known = cards.node.is_some() || (already_reserved && !named);
            }
        }
        Ok(self)
    }

    fn cards(&mut self) -> impl Iterator<Item = &mut Cards> {
        self.targets.iter_mut().filter_map(|target| target.gpu.as_mut()).flat_map(|gpu| &mut gpu.cards)
    }

    /// The exit code for the answer.
    #[cfg(feature = "service")]
    pub(crate) fn exit(&self) -> Exit {
        match self.decision {
            Decided::Bid => Exit::Success,
            Decided::Decline => Exit::Decline,
            Decided::Fault => Exit::Fault,
        }
    }
}

impl Target {
    /// How many replicas each node gets, in order of placement. One entry without a node if nothing was placed.
    pub(crate) fn replicas_by_node(&self) -> Vec<(Option<&str>, u32)> {
        let mut nodes: Vec<(Option<&str>, u32)> = Vec::new();
        for node in &self.nodes {
            match nodes.last_mut() {
                // The replicas of a node are consecutive.
                Some((Some(last), replicas)) if last == node => *replicas = replicas.saturating_add(1),
                _ => nodes.push((Some(node), 1)),
            }
        }
        if nodes.is_empty() { vec![(None, self.count)] } else { nodes }
    }

    /// How many replicas get these cards. Without a node, these are the replicas that are not on a named node.
    pub(crate) fn replicas_of(&self, cards: &Cards) -> u32 {
        let on = |node: &str| u32::try_from(self.nodes.iter().filter(|name| *name == node).count()).unwrap_or(u32::MAX);
        if let Some(node) = &cards.node {
            return on(node);
        }
        let named = self.gpu.iter().flat_map(|gpu| &gpu.cards).filter_map(|cards| cards.node.as_deref());
        named.map(on).fold(self.count, u32::saturating_sub)
    }
}

impl GpuTarget {
    /// Whether the kinds come from the request and not from an inventory. Then one of them is a wildcard, or there is a
    /// single, completely known kind, which an inventory would have made certain.
    #[cfg(feature = "service")]
    fn names_what_is_asked(&self) -> bool {
        let open = self.cards.iter().flat_map(|cards| &cards.kinds).any(|kind| kind.model == "*");
        let one = match self.kinds.as_slice() {
            [one] => one.kind.kind().is_known() && self.others.is_empty(),
            _ => false,
        };
        open || (one && !self.certain)
    }
}

impl Kind {
    /// The kind as the core has it.
    pub(crate) fn kind(&self) -> GpuKind {
        let part = |part: &Option<String>| part.clone().unwrap_or_default();
        GpuKind::new(&self.vendor, &self.model, &part(&self.ram), &part(&self.interface))
    }
}
