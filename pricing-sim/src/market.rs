//! The market: what competitors would bid for an order.
//!
//! A competitor is a rate card with a random spread. It bids on what its rate card can price, and does not bid on other
//! orders. It has no inventory, so it always has room. A request that leaves the model open is priced at the cheapest
//! or the most expensive card of its rate card, as the scenario says. What an entry `*` prices, [`Tariff`] says.
//!
//! Instead of rate cards, or beside them, the bids of a history can compete ([`Observed`]).

mod observed;
mod offers;
mod tariff;

use std::collections::BTreeMap;

use pricing_core::money::{Usd, UsdPerAkt, scaled_usd};
use pricing_core::rates::Pricing;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use crate::number::{self, Number};
use crate::random::{Draw, Draws, Purpose};
use crate::result::Starred;
use crate::scenario::Wildcard;
use crate::stream::{Arrival, Stream};

pub use observed::Observed;
pub use offers::{BestOffers, Limit, Offer};

pub use tariff::{Tariff, Unpriced};
pub(crate) use tariff::{asked_cards, cost};

/// The decimals of a random factor.
const FACTOR_DECIMALS: u32 = 6;

/// A competitor.
#[derive(Clone, Debug)]
pub struct Competitor {
    /// The name.
    pub name: String,
    /// Its rates and policy.
    pub tariff: Tariff,
    /// The sigma of its log-normal factor, which has median 1.
    pub spread: f64,
}

impl Competitor {
    /// A competitor with a rate card.
    #[must_use]
    pub fn new(name: &str, pricing: Pricing, spread: Option<Number>, wildcard: Wildcard) -> Self {
        Self { name: name.to_owned(), tariff: Tariff::new(pricing, wildcard), spread: float(spread) }
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
#[derive(Clone, Debug)]
pub struct Market {
    /// The competitors. There may be none.
    pub competitors: Vec<Competitor>,
    /// What all their prices are multiplied by.
    pub factor: Decimal,
    /// The bids of a history, if they compete.
    pub observed: Option<Observed>,
}

impl Default for Market {
    fn default() -> Self {
        Self { competitors: Vec::new(), factor: Decimal::ONE, observed: None }
    }
}

/// The price of each order by each competitor's rate card, before any factor.
#[derive(Clone, Debug, Default)]
pub struct ListPrices {
    /// Order by order, the price of each competitor.
    prices: Vec<Option<Usd>>,
    competitors: usize,
    unpriced: BTreeMap<String, Starred>,
}

impl ListPrices {
    /// By competitor, the orders on which it does not bid because only the `*` of its rate card could price them.
    #[must_use]
    pub fn unpriced(&self) -> &BTreeMap<String, Starred> {
        &self.unpriced
    }

    /// The price of an order by each competitor; empty without competitors.
    fn of(&self, order: usize) -> &[Option<Usd>] {
        let first = order.saturating_mul(self.competitors);
        self.prices.get(first..first.saturating_add(self.competitors)).unwrap_or_default()
    }
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
        let mut list = ListPrices::default();
        if self.competitors.is_empty() {
            return list;
        }
        list.competitors = self.competitors.len();
        list.prices.reserve_exact(arrivals.len().saturating_mul(self.competitors.len()));
        for arrival in arrivals {
            for competitor in &self.competitors {
                let price = competitor.tariff.cost(&arrival.order, arrival.owner.as_deref(), usd_per_akt);
                if matches!(price, Err(Unpriced::OnlyStar)) {
                    list.unpriced.entry(competitor.name.clone()).or_default().add(&arrival.order);
                }
                list.prices.push(price.ok());
            }
        }
        list
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
            let best = self.best(list.of(origin), order, draws);
            self.observed
                .as_ref()
                .map_or_else(|| Offer::cheapest(best), |observed| observed.offer(origin, order, best, draws))
        };
        BestOffers { by_order: (0..stream.arrivals.len()).map(offer).collect() }
    }

    /// The lowest bid of the competitors on an order.
    fn best(&self, prices: &[Option<Usd>], order: usize, draws: &Draws) -> Option<Usd> {
        let prices = prices.iter().zip(&self.competitors).enumerate();
        let bids = prices.filter_map(|(place, (usd, competitor))| {
            let mut draw = draws.of_part(Purpose::Competitor, place, order);
            let usd = scaled_usd((*usd)?, self.factor).ok()?;
            scaled_usd(usd, factor(&mut draw, competitor.spread)).ok()
        });
        bids.min()
    }
}
