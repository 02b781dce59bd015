//! Whom a provider competes with: what others would bid for an order, and the most that its tenant pays.
//!
//! A competitor is a rate card with a spread. What it lists decides what it bids on: an order that it cannot price has
//! one competitor fewer. It has no inventory, so it always has room, and a request that leaves the model open comes to
//! the cheapest or the dearest of the cards that its rate card lists, as the scenario says.

use pricing_core::gpu::GpuSelector;
use pricing_core::money::{Price, Usd, scaled_usd};
use pricing_core::order::{GroupSpec, Order, ResourceUnit};
use pricing_core::quote::{QuoteRequest, Supply, Terms, quote};
use pricing_core::rates::{AmbiguousGpu, Pricing, UnlistedGpu};
use pricing_core::text::Untrusted;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use crate::number::Number;
use crate::random::{Draw, Draws, Purpose};
use crate::scenario::Wildcard;
use crate::stream::Arrival;

/// Decimals of a random factor.
const FACTOR_DECIMALS: u32 = 6;

/// Somebody else who bids.
#[derive(Clone, Debug)]
pub struct Competitor {
    /// The name.
    pub name: String,
    /// What it charges.
    pub pricing: Pricing,
    /// The sigma of its log-normal factor, whose median is 1.
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

/// What is bid for a request that leaves the model open, as policy has it.
#[must_use]
pub fn ambiguous(wildcard: Wildcard) -> AmbiguousGpu {
    match wildcard {
        Wildcard::Cheapest => AmbiguousGpu::Lowest,
        Wildcard::Dearest => AmbiguousGpu::Highest,
    }
}

/// The shape of a distribution as a float. It never multiplies money itself: see [`factor`].
pub(crate) fn float(number: Option<Number>) -> f64 {
    // Text is read to the nearest float, the same one everywhere.
    number.and_then(|number| number.0.to_string().parse().ok()).unwrap_or(0.0)
}

/// A random factor as an exact decimal: what multiplies money is a number of millionths.
pub(crate) fn factor(draw: &mut Draw, sigma: f64) -> Decimal {
    if sigma == 0.0 {
        return Decimal::ONE;
    }
    let millionths = libm::round(draw.log_normal(sigma) * 1_000_000.0).to_i128().unwrap_or(1).max(1);
    // With sigmas of at most `MAX_SIGMA` any draw is far within what a decimal holds.
    Decimal::try_from_i128_with_scale(millionths, FACTOR_DECIMALS).unwrap_or(Decimal::MAX)
}

/// Everybody else who bids.
#[derive(Clone, Debug, Default)]
pub struct Market {
    /// The competitors; nobody is one too.
    pub competitors: Vec<Competitor>,
}

/// What each competitor's rate card comes to for each order, before luck.
#[derive(Clone, Debug, Default)]
pub struct ListPrices {
    by_order: Vec<Vec<Option<Usd>>>,
}

/// The lowest bid of the others for each order.
#[derive(Clone, Debug, Default)]
pub struct BestOffers {
    by_order: Vec<Option<Usd>>,
}

impl Market {
    /// What the competitors' rate cards come to for some orders.
    #[must_use]
    pub fn list_prices(&self, arrivals: &[Arrival], usd_per_akt: Option<Decimal>) -> ListPrices {
        if self.competitors.is_empty() {
            return ListPrices::default();
        }
        let of = |arrival: &Arrival| {
            let price = |competitor: &Competitor| list_price(arrival, &competitor.pricing, usd_per_akt);
            self.competitors.iter().map(price).collect()
        };
        ListPrices { by_order: arrivals.iter().map(of).collect() }
    }

    /// The lowest bid of the competitors for each order, by the luck of one seed.
    #[must_use]
    pub fn offers(&self, list: &ListPrices, draws: &Draws) -> BestOffers {
        let best = |(order, prices): (usize, &Vec<Option<Usd>>)| {
            let bids = prices.iter().zip(&self.competitors).enumerate().filter_map(|(place, (usd, competitor))| {
                let mut draw = draws.of_part(Purpose::Competitor, place, order);
                scaled_usd((*usd)?, factor(&mut draw, competitor.spread)).ok()
            });
            bids.min()
        };
        BestOffers { by_order: list.by_order.iter().enumerate().map(best).collect() }
    }
}

impl BestOffers {
    /// The lowest bid of the others in USD a month, if anybody else bids.
    #[must_use]
    pub fn of(&self, order: usize) -> Option<Usd> {
        self.by_order.get(order).copied().flatten()
    }
}

/// What a competitor's rate card comes to for an order; none when it has no card that would do.
///
/// Of several models that an order takes, those that the rate card has no price for are not the competitor's to offer.
fn list_price(arrival: &Arrival, pricing: &Pricing, usd_per_akt: Option<Decimal>) -> Option<Usd> {
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

/// What an order costs by a rate card when nothing is known of an inventory, whatever its tenant would pay.
///
/// # Errors
/// Why the rate card does not price it.
pub(crate) fn cost(
    order: &Order,
    owner: Option<&str>,
    pricing: &Pricing,
    usd_per_akt: Option<Decimal>,
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
