//! Answers as JSON. The fields are a public contract; money and quantities are decimal text.

use serde::{Serialize, Serializer};

use super::card_price::Weight;
use super::cards::{CardGroup, QuotedTarget};
use super::lines::Line;
use super::offer::OfferPrices;
use super::reason::{DecisionKind, Reason};
#[cfg(feature = "scale")]
use super::scale::ScaleQuote;
use super::{Alternative, Alternatives, PluginUse, Quote};
use crate::gpu::GpuKind;
use crate::input::InputError;
use crate::money::Price;
use crate::reserve::shortage::{Lack, NodeShortage, Shortage};
use crate::text::Untrusted;

/// The schema version at the top of every JSON answer.
pub const SCHEMA: u32 = 1;

/// An answer with one quote per group of an order.
#[derive(Debug, Serialize)]
pub struct QuoteAnswer<'a> {
    schema: u32,
    warnings: Vec<WarningJson<'a>>,
    quotes: Vec<QuoteJson<'a>>,
}

impl<'a> QuoteAnswer<'a> {
    /// Makes an answer from quotes, and from warnings about the text that was quoted.
    pub fn new(quotes: impl IntoIterator<Item = QuoteJson<'a>>, warnings: &'a [InputError]) -> Self {
        let warnings = warnings.iter().map(WarningJson::new).collect();
        Self { schema: SCHEMA, warnings, quotes: quotes.into_iter().collect() }
    }
}

/// A warning as JSON: something in a text that was accepted, but should be looked at.
#[derive(Debug, Serialize)]
pub struct WarningJson<'a> {
    message: &'a str,
    path: Option<&'a str>,
    line: Option<usize>,
    column: Option<usize>,
}

impl<'a> WarningJson<'a> {
    /// The warning as JSON.
    #[must_use]
    pub fn new(warning: &'a InputError) -> Self {
        Self { message: warning.message(), path: warning.path(), line: warning.line(), column: warning.column() }
    }
}

/// A [`Quote`] as JSON.
#[derive(Debug, Serialize)]
pub struct QuoteJson<'a> {
    group: Untrusted<&'a str>,
    decision: DecisionKind,
    price: Option<PriceJson<'a>>,
    max_price: Option<PriceJson<'a>>,
    usd_per_month: Option<String>,
    targets: Vec<TargetJson<'a>>,
    lines: Vec<LineJson<'a>>,
    offer_prices: Vec<OfferJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    alternatives: Option<Vec<AlternativeJson<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    alternatives_complete: Option<bool>,
    reason: Option<ReasonJson<'a>>,
    #[serde(flatten)]
    shortage: Option<ShortageJson<'a>>,
    plugin: Option<PluginJson<'a>>,
}

impl<'a> QuoteJson<'a> {
    /// Converts a quote, with its alternatives if they were asked for.
    #[must_use]
    pub fn new(quote: &'a Quote, alternatives: Option<&'a Alternatives>) -> Self {
        Self {
            group: quote.group.by_ref(),
            decision: quote.decision_kind(),
            price: quote.price().map(PriceJson::new),
            max_price: quote.max_price.as_ref().map(PriceJson::new),
            usd_per_month: quote.usd_per_month.map(|usd| usd.to_string()),
            targets: quote.targets.iter().map(TargetJson::new).collect(),
            lines: quote.lines.iter().map(LineJson::new).collect(),
            offer_prices: quote.offer_prices.iter().map(OfferJson::new).collect(),
            alternatives: alternatives.map(|found| found.list.iter().map(AlternativeJson::new).collect()),
            alternatives_complete: alternatives.map(|found| found.complete),
            reason: quote.reason().map(ReasonJson::new),
            shortage: quote.reason().and_then(|reason| reason.shortage.as_deref()).map(ShortageJson::new),
            plugin: quote.plugin.as_ref().map(PluginJson::new),
        }
    }
}

#[cfg(feature = "scale")]
impl<'a> QuoteJson<'a> {
    /// Converts a quote by scales. The amount is exact even if it has more digits than other prices can have.
    #[must_use]
    pub fn by_scales(quoted: &'a ScaleQuote) -> Self {
        let ScaleQuote { decision, denom, quote } = quoted;
        let price = |amount: &_| PriceJson { denom: denom.as_str(), amount: ToString::to_string(amount) };
        let (kind, price, reason) = match decision {
            Ok(amount) => (DecisionKind::Bid, Some(price(amount)), None),
            Err(reason) => (reason.code.decision(), None, Some(ReasonJson::new(reason))),
        };
        Self { decision: kind, price, reason, ..Self::new(quote, None) }
    }
}

#[derive(Debug, Serialize)]
struct PluginJson<'a> {
    name: &'a str,
    digest: &'a str,
    fuel: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fallback: Option<FallbackJson<'a>>,
}

#[derive(Debug, Serialize)]
struct FallbackJson<'a> {
    by: &'static str,
    fault: ReasonJson<'a>,
}

impl<'a> PluginJson<'a> {
    fn new(plugin: &'a PluginUse) -> Self {
        let fallback = plugin.fallback.as_ref();
        Self {
            name: &plugin.name,
            digest: &plugin.digest,
            fuel: plugin.fuel,
            fallback: fallback.map(|used| FallbackJson { by: used.by.name(), fault: ReasonJson::new(&used.fault) }),
        }
    }
}

#[derive(Debug, Serialize)]
struct PriceJson<'a> {
    denom: &'a str,
    amount: String,
}

impl<'a> PriceJson<'a> {
    fn new(price: &'a Price) -> Self {
        Self { denom: price.denom().as_str(), amount: price.amount().to_string() }
    }
}

#[derive(Debug, Serialize)]
struct ReasonJson<'a> {
    code: &'static str,
    message: &'a str,
}

/// What each node lacks, next to the reason that it explains.
#[derive(Debug, Serialize)]
pub struct ShortageJson<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    nodes: Vec<NodeShortageJson<'a>>,
    #[serde(skip_serializing_if = "is_zero")]
    nodes_left_out: usize,
}

#[derive(Debug, Serialize)]
struct NodeShortageJson<'a> {
    node: &'a str,
    lacks: Vec<LackJson<'a>>,
}

#[derive(Debug, Serialize)]
struct LackJson<'a> {
    resource: &'static str,
    asked: &'a str,
    free: Option<&'a str>,
}

fn is_zero(number: &usize) -> bool {
    *number == 0
}

impl<'a> ShortageJson<'a> {
    /// Converts the nodes of a shortage.
    #[must_use]
    pub fn new(shortage: &'a Shortage) -> Self {
        let lack = |lack: &'a Lack| LackJson {
            resource: lack.resource.name(),
            asked: &lack.asked,
            free: lack.free.as_deref(),
        };
        let node = |node: &'a NodeShortage| NodeShortageJson {
            node: &node.node,
            lacks: node.lacks.iter().map(lack).collect(),
        };
        Self { nodes: shortage.nodes.iter().map(node).collect(), nodes_left_out: shortage.nodes_left_out }
    }
}

impl<'a> ReasonJson<'a> {
    fn new(reason: &'a Reason) -> Self {
        Self { code: reason.code.name(), message: &reason.message }
    }
}

#[derive(Debug, Serialize)]
struct TargetJson<'a> {
    resource_id: u32,
    count: u32,
    nodes: Vec<&'a str>,
    gpu: Option<GpuTargetJson<'a>>,
}

impl<'a> TargetJson<'a> {
    fn new(target: &'a QuotedTarget) -> Self {
        let cards = || target.cards.iter().map(CardsJson::new).collect();
        Self {
            resource_id: target.resource_id,
            count: target.count,
            nodes: target.nodes.iter().map(AsRef::as_ref).collect(),
            gpu: (target.gpu_units > 0).then(|| GpuTargetJson {
                units: target.gpu_units,
                cards: cards(),
                kinds: target.kinds.iter().map(|candidate| CandidateJson::new(&candidate.kind)).collect(),
                others: target.others.iter().map(KindJson::new).collect(),
                certain: target.is_certain(),
            }),
        }
    }
}

#[derive(Debug, Serialize)]
struct GpuTargetJson<'a> {
    units: u64,
    cards: Vec<CardsJson<'a>>,
    kinds: Vec<CandidateJson<'a>>,
    others: Vec<KindJson<'a>>,
    certain: bool,
}

/// A kind that the unit's replicas may get.
#[derive(Debug, Serialize)]
struct CandidateJson<'a> {
    #[serde(flatten)]
    kind: KindJson<'a>,
    /// Reserved for its probability; always null so far.
    probability: Option<String>,
}

impl<'a> CandidateJson<'a> {
    fn new(kind: &'a GpuKind) -> Self {
        Self { kind: KindJson::new(kind), probability: None }
    }
}

#[derive(Debug, Serialize)]
struct CardsJson<'a> {
    node: Option<&'a str>,
    kinds: Vec<KindJson<'a>>,
}

impl<'a> CardsJson<'a> {
    fn new(group: &'a CardGroup) -> Self {
        Self { node: group.node.as_deref(), kinds: group.kinds.iter().map(KindJson::new).collect() }
    }
}

#[derive(Debug, Serialize)]
struct KindJson<'a> {
    vendor: &'a str,
    model: &'a str,
    ram: Option<&'a str>,
    interface: Option<&'a str>,
}

impl<'a> KindJson<'a> {
    fn new(kind: &'a GpuKind) -> Self {
        Self { vendor: kind.vendor(), model: kind.model(), ram: kind.ram(), interface: kind.interface() }
    }
}

#[derive(Debug, Serialize)]
struct LineJson<'a> {
    resource_id: u32,
    item: &'static str,
    kind: Option<&'a str>,
    quantity: String,
    unit: Option<&'static str>,
    usd_per_unit_month: String,
    rate: &'a str,
    usd_per_month: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    weights: Vec<WeightJson<'a>>,
}

/// One term of the weighted mean of a line.
#[derive(Debug, Serialize)]
struct WeightJson<'a> {
    kind: &'a str,
    weight: &'a str,
    rate: &'a str,
    usd_per_unit_month: String,
}

impl<'a> WeightJson<'a> {
    fn new(weight: &'a Weight) -> Self {
        Self {
            kind: &weight.kind,
            weight: &weight.part,
            rate: &weight.rate,
            usd_per_unit_month: weight.usd_per_unit_month.to_string(),
        }
    }
}

impl<'a> LineJson<'a> {
    fn new(line: &'a Line) -> Self {
        Self {
            resource_id: line.resource_id,
            item: line.item.name(),
            kind: line.kind.as_deref(),
            quantity: line.quantity.to_string(),
            unit: line.item.unit(),
            usd_per_unit_month: line.usd_per_unit_month.to_string(),
            rate: &line.rate,
            usd_per_month: line.usd_per_month.to_string(),
            weights: line.weights.iter().map(WeightJson::new).collect(),
        }
    }
}

#[derive(Debug, Serialize)]
struct OfferJson<'a> {
    resource_id: u32,
    count: u32,
    prices: OfferPricesJson<'a>,
}

#[derive(Debug, Serialize)]
struct OfferPricesJson<'a> {
    cpu: String,
    memory: String,
    storage: Vec<VolumeJson<'a>>,
    gpu: String,
    endpoints: Vec<EndpointJson>,
}

#[derive(Debug, Serialize)]
struct VolumeJson<'a> {
    name: &'a str,
    price: String,
}

#[derive(Debug, Serialize)]
struct EndpointJson {
    kind: &'static str,
    price: String,
}

impl<'a> OfferJson<'a> {
    fn new(offer: &'a OfferPrices) -> Self {
        let volumes = offer.storage.iter();
        let endpoints = offer.endpoints.iter();
        Self {
            resource_id: offer.resource_id,
            count: offer.count,
            prices: OfferPricesJson {
                cpu: offer.cpu.to_string(),
                memory: offer.memory.to_string(),
                storage: volumes.map(|v| VolumeJson { name: &v.name, price: v.price.to_string() }).collect(),
                gpu: offer.gpu.to_string(),
                endpoints: endpoints
                    .map(|e| EndpointJson { kind: e.kind.name(), price: e.price.to_string() })
                    .collect(),
            },
        }
    }
}

#[derive(Debug, Serialize)]
struct AlternativeJson<'a> {
    targets: Vec<TargetJson<'a>>,
    price: PriceJson<'a>,
    usd_per_month: Option<String>,
}

impl<'a> AlternativeJson<'a> {
    fn new(alternative: &'a Alternative) -> Self {
        Self {
            targets: alternative.targets.iter().map(TargetJson::new).collect(),
            price: PriceJson::new(&alternative.price),
            usd_per_month: alternative.usd_per_month.map(|usd| usd.to_string()),
        }
    }
}

impl Serialize for Quote {
    /// Serialises the quote without alternatives.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        QuoteJson::new(self, None).serialize(serializer)
    }
}
