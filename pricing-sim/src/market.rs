//! The market: what competitors would bid for an order.
//!
//! A competitor is a rate card with a random spread. It bids on what its rate card can price, and does not bid on other
//! orders. It has no inventory, so it always has room. A request that leaves the model open is priced at the cheapest
//! or the most expensive card of its rate card, as the scenario says.
//!
//! Instead of rate cards, or beside them, the bids of a history can compete ([`Observed`]).

mod observed;
mod offers;

use pricing_core::gpu::GpuSelector;
use pricing_core::money::{Price, Usd, UsdPerAkt, scaled_usd};
use pricing_core::order::{GroupSpec, Order, ResourceUnit};
use pricing_core::quote::{QuoteRequest, Supply, Terms, quote};
use pricing_core::rates::{AmbiguousGpu, Pricing, UnlistedGpu};
use pricing_core::text::Untrusted;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use crate::number::{self, Number};
use crate::random::{Draw, Draws, Purpose};
use crate::scenario::Wildcard;
use crate::stream::{Arrival, Stream};

pub use observed::Observed;
pub use offers::{BestOffers, Limit, Offer};

/// The decimals of a random factor.
const FACTOR_DECIMALS: u32 = 6;

/// A competitor.
#[derive(Clone, Debug)]
pub struct Competitor {
    /// The name.
    pub name: String,
    /// Its rates and policy.
    pub pricing: Pricing,
    /// The sigma of its log-normal factor, which has median 1.
    pub spread: f64,
}

impl Competitor {
    /// A competitor with a rate card.
    #[must_use]
    pub fn new(name: &str, mut pricing: Pricing, spread: Option<Number>, wildcard: Wildcard) -> Self {
        pricing.policy.ambiguous_gpu = ambiguous(wildcard);
        Self { name: name.to_owned(), pricing, spread: float(spread) }
    }
}

/// The policy for requests that leave the model open.
#[must_use]
pub fn ambiguous(wildcard: Wildcard) -> AmbiguousGpu {
    match wildcard {
        Wildcard::Cheapest => AmbiguousGpu::Lowest,
        Wildcard::Dearest => AmbiguousGpu::Highest,
    }
}

/// The parameter of a distribution as a float. It is never multiplied with money: see [`factor`].
pub(crate) fn float(number: Option<Number>) -> f64 {
    number.map_or(0.0, |number| number::float(number.0))
}

/// A random factor as an exact decimal: an integer number of millionths, since money is only multiplied by decimals.
pub(crate) fn factor(draw: &mut Draw, sigma: f64) -> Decimal {
    if sigma == 0.0 {
        return Decimal::ONE;
    }
    // With sigmas of at most `MAX_SIGMA`, any draw fits a decimal easily.
    millionths(draw.log_normal(sigma), 1)
}

/// A factor as a whole number of millionths, and at least so many of them.
fn millionths(factor: f64, least: i128) -> Decimal {
    let millionths = libm::round(factor * 1_000_000.0).to_i128().unwrap_or(least).max(least);
    Decimal::try_from_i128_with_scale(millionths, FACTOR_DECIMALS).unwrap_or(Decimal::MAX)
}

/// All competitors.
#[derive(Clone, Debug, Default)]
pub struct Market {
    /// The competitors. There may be none.
    pub competitors: Vec<Competitor>,
    /// The bids of a history, if they compete.
    pub observed: Option<Observed>,
}

/// The price of each order by each competitor's rate card, before the random factor.
#[derive(Clone, Debug, Default)]
pub struct ListPrices {
    by_order: Vec<Vec<Option<Usd>>>,
}

impl Market {
    /// The same market with what is fitted to the history fitted again to the orders that a stream repeats. None where that
    /// would change nothing.
    #[must_use]
    pub fn refitted(&self, stream: &Stream) -> Option<Self> {
        let observed = self.observed.as_ref()?.refitted(&stream.origin)?;
        Some(Self { observed: Some(observed), ..self.clone() })
    }

    /// Prices orders by the competitors' rate cards.
    #[must_use]
    pub fn list_prices(&self, arrivals: &[Arrival], usd_per_akt: Option<UsdPerAkt>) -> ListPrices {
        if self.competitors.is_empty() {
            return ListPrices::default();
        }
        let of = |arrival: &Arrival| {
            let price = |competitor: &Competitor| list_price(arrival, &competitor.pricing, usd_per_akt);
            self.competitors.iter().map(price).collect()
        };
        ListPrices { by_order: arrivals.iter().map(of).collect() }
    }

    /// The competition for each order of a stream, with the random factors of one seed. `list` has the prices of the
    /// stream, or of the one that it is drawn from.
    #[must_use]
    pub fn offers(&self, list: &ListPrices, stream: &Stream, draws: &Draws) -> BestOffers {
        if self.competitors.is_empty() && self.observed.is_none() {
            return BestOffers::default();
        }
        let offer = |order: usize| {
            let origin = stream.origin(order);
            let best = self.best(list.by_order.get(origin), order, draws);
            self.observed
                .as_ref()
                .map_or_else(|| Offer::cheapest(best), |observed| observed.offer(origin, order, best, draws))
        };
        BestOffers { by_order: (0..stream.arrivals.len()).map(offer).collect() }
    }

    /// The lowest bid of the competitors on an order.
    fn best(&self, prices: Option<&Vec<Option<Usd>>>, order: usize, draws: &Draws) -> Option<Usd> {
        let prices = prices.into_iter().flatten().zip(&self.competitors).enumerate();
        let bids = prices.filter_map(|(place, (usd, competitor))| {
            let mut draw = draws.of_part(Purpose::Competitor, place, order);
            scaled_usd((*usd)?, factor(&mut draw, competitor.spread)).ok()
        });
        bids.min()
    }
}

/// The price of an order by a competitor's rate card. None if it has no suitable card.
///
/// If an order accepts several models, the competitor only offers those that its rate card prices.
fn list_price(arrival: &Arrival, pricing: &Pricing, usd_per_akt: Option<UsdPerAkt>) -> Option<Usd> {
    let lists = |unit: &ResourceUnit| unit.gpu.alternatives.iter().all(|kind| has_price(pricing, kind));
    if arrival.order.group.resources().iter().all(lists) {
        return cost(&arrival.order, arrival.owner.as_deref(), pricing, usd_per_akt).ok();
    }
    let mut units = arrival.order.group.resources().to_vec();
    for unit in units.iter_mut().filter(|unit| !unit.gpu.alternatives.is_empty()) {
        unit.gpu.alternatives.retain(|kind| has_price(pricing, kind));
        if unit.gpu.alternatives.is_empty() {
            return None;
        }
    }
    let group = &arrival.order.group;
    let group = GroupSpec::new(group.name().exact().to_owned(), group.requirements().clone(), units).ok()?;
    let order = Order { group, ..(*arrival.order).clone() };
    cost(&order, arrival.owner.as_deref(), pricing, usd_per_akt).ok()
}

fn has_price(pricing: &Pricing, kind: &GpuSelector) -> bool {
    pricing.rates.gpu.prices_some(kind) || pricing.policy.unlisted_gpu != UnlistedGpu::Decline
}

/// The price of an order by a rate card, without an inventory and regardless of the tenant's maximum.
///
/// # Errors
/// The reason why the rate card does not price it.
pub(crate) fn cost(
    order: &Order,
    owner: Option<&str>,
    pricing: &Pricing,
    usd_per_akt: Option<UsdPerAkt>,
) -> Result<Usd, String> {
    let terms = Terms { owner: owner.map(Untrusted::new), usd_per_akt, ..Terms::default() };
    let max_price = order.max_price.as_ref();
    let unlimited = max_price.and_then(|max| Price::new(max.denom().clone(), Decimal::MAX).ok());
    let order = Order { max_price: unlimited, ..order.clone() };
    let quote = quote(&QuoteRequest::new(&order, pricing, Supply::Unknown, &terms));
    match (quote.price(), quote.usd_per_month, quote.reason()) {
        (Some(_), Some(usd), _) => Ok(usd),
        (_, _, reason) => Err(reason.map_or_else(|| "it comes to nothing".to_owned(), |reason| reason.message.clone())),
    }
}
