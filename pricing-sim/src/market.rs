//! The market: what competitors would bid for an order.
//!
//! A competitor is a rate card with a random spread. It bids on what its rate card can price, and does not bid on other
//! orders. It has no inventory, so it always has room. A request that leaves the model open is priced at the cheapest
//! or the most expensive card of its rate card, as the scenario says. What an entry `*` prices, [`Tariff`] says.

mod tariff;

use std::collections::BTreeMap;

use pricing_core::money::{Usd, UsdPerAkt, scaled_usd};
use pricing_core::rates::Pricing;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use crate::number::Number;
use crate::random::{Draw, Draws, Purpose};
use crate::result::Starred;
use crate::scenario::Wildcard;
use crate::stream::Arrival;

pub(crate) use tariff::asked_cards;
pub use tariff::{Tariff, Unpriced};

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
    // Parsing decimal text gives the nearest float, which is the same everywhere.
    number.and_then(|number| number.0.to_string().parse().ok()).unwrap_or(0.0)
}

/// A random factor as an exact decimal: an integer number of millionths, since money is only multiplied by decimals.
pub(crate) fn factor(draw: &mut Draw, sigma: f64) -> Decimal {
    if sigma == 0.0 {
        return Decimal::ONE;
    }
    let millionths = libm::round(draw.log_normal(sigma) * 1_000_000.0).to_i128().unwrap_or(1).max(1);
    // With sigmas of at most `MAX_SIGMA`, any draw fits a decimal easily.
    Decimal::try_from_i128_with_scale(millionths, FACTOR_DECIMALS).unwrap_or(Decimal::MAX)
}

/// All competitors.
#[derive(Clone, Debug)]
pub struct Market {
    /// The competitors. There may be none.
    pub competitors: Vec<Competitor>,
    /// What all their prices are multiplied by.
    pub factor: Decimal,
}

impl Default for Market {
    fn default() -> Self {
        Self { competitors: Vec::new(), factor: Decimal::ONE }
    }
}

/// The price of each order by each competitor's rate card, before any factor.
#[derive(Clone, Debug, Default)]
pub struct ListPrices {
    /// Order by order, the price of each competitor.
    prices: Vec<Option<Usd>>,
    orders: usize,
    unpriced: BTreeMap<String, Starred>,
}

impl ListPrices {
    /// By competitor, the orders on which it does not bid because only the `*` of its rate card could price them.
    #[must_use]
    pub fn unpriced(&self) -> &BTreeMap<String, Starred> {
        &self.unpriced
    }
}

/// The lowest competing bid for each order.
#[derive(Clone, Debug, Default)]
pub struct BestOffers {
    by_order: Vec<Option<Usd>>,
}

impl Market {
    /// Prices orders by the competitors' rate cards.
    #[must_use]
    pub fn list_prices(&self, arrivals: &[Arrival], usd_per_akt: Option<UsdPerAkt>) -> ListPrices {
        let mut list = ListPrices::default();
        if self.competitors.is_empty() {
            return list;
        }
        list.orders = arrivals.len();
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

    /// The lowest competing bid for each order, with the random factors of one seed.
    #[must_use]
    pub fn offers(&self, list: &ListPrices, draws: &Draws) -> BestOffers {
        let best = |(order, prices): (usize, &[Option<Usd>])| {
            let bids = prices.iter().zip(&self.competitors).enumerate().filter_map(|(place, (usd, competitor))| {
                let mut draw = draws.of_part(Purpose::Competitor, place, order);
                let usd = scaled_usd((*usd)?, self.factor).ok()?;
                scaled_usd(usd, factor(&mut draw, competitor.spread)).ok()
            });
            bids.min()
        };
        let mut by_order = Vec::with_capacity(list.orders);
        by_order.extend(list.prices.chunks(self.competitors.len().max(1)).enumerate().map(best));
        BestOffers { by_order }
    }
}

impl BestOffers {
    /// The lowest competing bid in USD per month, if anybody else bids.
    #[must_use]
    pub fn of(&self, order: usize) -> Option<Usd> {
        self.by_order.get(order).copied().flatten()
    }
}
