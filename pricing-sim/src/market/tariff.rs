//! A rate card as somebody in the market has it: which of its entries price which request.
//!
//! `*` in a provider's own rate card is a price for whatever card it may turn out to have. For others it would be a
//! guess: a card that lists no A100 says nothing about what others ask, or tenants pay, for an A100. So an entry that
//! names no model (`*`, `VENDOR/*`, and the policy's price for unlisted cards) never prices a request for a named model.
//! Of the requests that leave the model open, it prices only those that no named entry does.

use pricing_core::gpu::GpuSelector;
use pricing_core::money::{Price, Usd, UsdPerAkt};
use pricing_core::order::{GroupSpec, Order, ResourceUnit};
use pricing_core::quote::{QuoteRequest, Supply, Terms, quote};
use pricing_core::rates::{AmbiguousGpu, Pricing, UnlistedGpu};
use pricing_core::text::Untrusted;
use rust_decimal::Decimal;

use crate::scenario::Wildcard;

/// The rate card of a competitor or of the tenants.
#[derive(Clone, Debug)]
pub struct Tariff {
    /// The rates, with the named entries only.
    named: Pricing,
    /// The rates with all entries.
    all: Pricing,
}

/// Why a tariff does not price an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unpriced {
    /// Only an entry that names no model could price it.
    OnlyStar,
    /// Any other reason.
    Reason(String),
}

impl Tariff {
    /// A rate card, and the card at which it prices a request that leaves the model open.
    #[must_use]
    pub fn new(mut pricing: Pricing, wildcard: Wildcard) -> Self {
        pricing.policy.ambiguous_gpu = match wildcard {
            Wildcard::Cheapest => AmbiguousGpu::Lowest,
            Wildcard::Dearest => AmbiguousGpu::Highest,
        };
        let mut named = pricing.clone();
        named.rates.gpu = pricing.rates.gpu.named();
        named.policy.unlisted_gpu = UnlistedGpu::Decline;
        Self { named, all: pricing }
    }

    /// The rates with all entries.
    #[must_use]
    pub fn pricing(&self) -> &Pricing {
        &self.all
    }

    /// The price of an order in USD per month, without an inventory and regardless of the tenant's maximum.
    ///
    /// If an order accepts several models, only those count that the rate card prices.
    ///
    /// # Errors
    /// When the rate card does not price it.
    pub fn cost(&self, order: &Order, owner: Option<&str>, usd_per_akt: Option<UsdPerAkt>) -> Result<Usd, Unpriced> {
        let lists = |kind: &GpuSelector| self.named.rates.gpu.prices_some(kind);
        let open = |kind: &GpuSelector| kind.model().is_none() && self.covers(kind);
        let requests = || order.group.resources().iter().map(|unit| &unit.gpu.alternatives).filter(|it| !it.is_empty());
        if requests().all(|kinds| kinds.iter().all(lists)) {
            return cost(order, owner, &self.named, usd_per_akt);
        }
        if requests().all(|kinds| kinds.iter().any(lists)) {
            return cost(&narrowed(order, lists)?, owner, &self.named, usd_per_akt);
        }
        if requests().all(|kinds| kinds.iter().any(open) && !kinds.iter().any(lists)) {
            return cost(&narrowed(order, open)?, owner, &self.all, usd_per_akt);
        }
        if requests().all(|kinds| kinds.iter().any(|kind| self.covers(kind))) {
            return Err(Unpriced::OnlyStar);
        }
        cost(order, owner, &self.named, usd_per_akt)
    }

    /// Whether the rate card has a price for a request, if only by an entry that names no model.
    fn covers(&self, kind: &GpuSelector) -> bool {
        self.all.rates.gpu.prices_some(kind) || self.all.policy.unlisted_gpu != UnlistedGpu::Decline
    }
}

/// An order whose units accept only some of the cards that they name.
fn narrowed(order: &Order, keep: impl Fn(&GpuSelector) -> bool) -> Result<Order, Unpriced> {
    let mut units = order.group.resources().to_vec();
    units.iter_mut().for_each(|unit| unit.gpu.alternatives.retain(&keep));
    let (name, requirements) = (order.group.name().exact().to_owned(), order.group.requirements().clone());
    let group = GroupSpec::new(name, requirements, units).map_err(|error| Unpriced::Reason(error.to_string()))?;
    Ok(Order { group, ..order.clone() })
}

/// The price of an order by a rate card, without an inventory and regardless of the tenant's maximum.
///
/// # Errors
/// Why the rate card does not price it.
pub(crate) fn cost(
    order: &Order,
    owner: Option<&str>,
    pricing: &Pricing,
    usd_per_akt: Option<UsdPerAkt>,
) -> Result<Usd, Unpriced> {
    let terms = Terms { owner: owner.map(Untrusted::new), usd_per_akt, ..Terms::default() };
    let max_price = order.max_price.as_ref();
    let unlimited = max_price.and_then(|max| Price::new(max.denom().clone(), Decimal::MAX).ok());
    let order = Order { max_price: unlimited, ..order.clone() };
    let quote = quote(&QuoteRequest::new(&order, pricing, Supply::Unknown, &terms));
    match (quote.price(), quote.usd_per_month, quote.reason()) {
        (Some(_), Some(usd), _) => Ok(usd),
        (_, _, reason) => {
            let message = reason.map_or_else(|| "it has no price".to_owned(), |reason| reason.message.clone());
            Err(Unpriced::Reason(message))
        }
    }
}

/// The cards that an order asks for: alternatives separated by `|`, and the requests of its units by `+`. Empty without
/// cards.
pub(crate) fn asked_cards(order: &Order) -> String {
    let request = |unit: &ResourceUnit| {
        let kinds = unit.gpu.alternatives.iter().map(|kind| kind.kind().to_string());
        kinds.collect::<Vec<_>>().join("|")
    };
    let mut requests: Vec<String> = Vec::new();
    for request in order.group.resources().iter().filter(|unit| unit.gpu.units > 0).map(request) {
        if !requests.contains(&request) {
            requests.push(request);
        }
    }
    requests.join("+")
}
