//! Answers as JSON. The fields are a public contract; money and quantities are decimal text.

mod line;
mod offer;
mod shortage;
mod target;

use serde::{Serialize, Serializer};

use super::reason::{DecisionKind, Reason};
#[cfg(feature = "scale")]
use super::scale::ScaleQuote;
use super::{Alternative, Alternatives, Explored, PluginUse, Quote};
use crate::input::InputError;
use crate::money::Price;
use crate::reserve::kubernetes::wire::PendingJson;
use crate::text::Untrusted;
use line::LineJson;
use offer::OfferJson;
use target::TargetJson;

pub use shortage::ShortageJson;

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
    pending: Option<PendingJson<'a>>,
    reason: Option<ReasonJson<'a>>,
    #[serde(flatten)]
    shortage: Option<ShortageJson<'a>>,
    plugin: Option<PluginJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    explored: Option<ExploredJson<'a>>,
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
            pending: quote.pods.placements().and_then(PendingJson::of),
            reason: quote.reason().map(ReasonJson::new),
            shortage: quote.reason().and_then(|reason| reason.shortage.as_deref()).map(ShortageJson::new),
            plugin: quote.plugin.as_ref().map(PluginJson::new),
            explored: quote.explored.as_ref().map(ExploredJson::new),
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

/// How a price was varied. Left out of quotes whose price was not.
#[derive(Debug, Serialize)]
struct ExploredJson<'a> {
    factor: String,
    base_price: PriceJson<'a>,
    base_usd_per_month: String,
    propensity: String,
    factors: Vec<String>,
}

impl<'a> ExploredJson<'a> {
    fn new(explored: &'a Explored) -> Self {
        Self {
            factor: explored.factor.to_string(),
            base_price: PriceJson::new(&explored.base_price),
            base_usd_per_month: explored.base_usd_per_month.to_string(),
            propensity: explored.propensity().to_string(),
            factors: explored.factors.iter().map(ToString::to_string).collect(),
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

impl<'a> ReasonJson<'a> {
    fn new(reason: &'a Reason) -> Self {
        Self { code: reason.code.name(), message: &reason.message }
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
