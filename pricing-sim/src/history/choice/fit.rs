//! Fits the tenants' choice to a history.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::{OrderFacts, Taker};
use super::logit::{Alternative, Choice, fit};
use super::{Fitted, reference, relative};
use pricing_core::text::counted;

/// The least number of orders with a choice that are fitted to.
const LEAST_ORDERS: usize = 50;
/// The least number of them on which several providers bid and one got the lease, since only these say what price does.
const LEAST_CONTESTED: usize = 20;
/// The least number of bids of a provider that has an effect of its own.
const LEAST_BIDS: usize = 10;
/// The most providers with effects of their own: those with the most bids.
const MOST_PROVIDERS: usize = 100;
/// The ridge penalty on effects of providers: they have about a normal distribution with standard deviation 1.
const RIDGE_EFFECT: f64 = 1.0;
/// The ridge penalty on the other parameters, which keeps them finite where the cheapest always wins.
const RIDGE_WEAK: f64 = 1e-3;
/// The weakest response to prices that is taken for one.
const WEAKEST: f64 = -0.1;

/// The places of the parameters.
const PRICE: usize = 0;
const OUTSIDE: usize = 1;
const OWN: usize = 2;
const FIRST_PROVIDER: usize = 3;

/// Why the choice cannot be fitted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FitError {
    /// There is too little to fit to.
    #[error(
        "the choice of tenants cannot be fitted to {}, {contested} of them with several bids and a lease; it takes \
         {LEAST_ORDERS} and {LEAST_CONTESTED}",
        counted(*.orders, "order")
    )]
    TooFew {
        /// Orders with a choice.
        orders: usize,
        /// Those with several bids and a lease.
        contested: usize,
    },
    /// Tenants did not prefer lower prices.
    #[error("the choice of tenants cannot be fitted: in this history they do not prefer lower prices")]
    NoResponse,
    /// The fit did not converge.
    #[error("the choice of tenants cannot be fitted: the fit does not converge")]
    NotConverged,
}

impl Fitted {
    /// Fits the model to the choices of some orders.
    ///
    /// # Errors
    /// When there are too few, or they do not say that tenants prefer lower prices.
    pub fn to<'a>(facts: impl IntoIterator<Item = &'a OrderFacts> + Clone) -> Result<Self, FitError> {
        let providers = frequent(facts.clone());
        let choices: Vec<Choice> = facts.into_iter().filter_map(|facts| choice(facts, &providers)).collect();
        let contested = choices.iter().filter(|choice| choice.chosen > 0 && choice.alternatives.len() > 2).count();
        if choices.len() < LEAST_ORDERS || contested < LEAST_CONTESTED {
            return Err(FitError::TooFew { orders: choices.len(), contested });
        }
        let weak = [RIDGE_WEAK, RIDGE_WEAK, RIDGE_EFFECT];
        let ridge: Vec<f64> = weak.into_iter().chain(providers.iter().map(|_| RIDGE_EFFECT)).collect();
        let fitted = fit(&choices, &ridge).ok_or(FitError::NotConverged)?;
        let parameter = |place: usize| fitted.get(place).copied().ok_or(FitError::NotConverged);
        let price = parameter(PRICE)?;
        if price.is_nan() || price > WEAKEST {
            return Err(FitError::NoResponse);
        }
        let effects = providers.into_iter().map(|(provider, place)| Ok((provider, parameter(place)?)));
        Ok(Self {
            price,
            outside: parameter(OUTSIDE)?,
            own: parameter(OWN)?,
            providers: effects.collect::<Result<_, FitError>>()?,
            orders: choices.len(),
        })
    }
}

/// The providers with effects of their own, and the places of these.
fn frequent<'a>(facts: impl IntoIterator<Item = &'a OrderFacts>) -> BTreeMap<Arc<str>, usize> {
    let mut bids: BTreeMap<&Arc<str>, usize> = BTreeMap::new();
    for bid in facts.into_iter().flat_map(|facts| &facts.rivals) {
        let count = bids.entry(&bid.provider).or_insert(0);
        *count = count.saturating_add(1);
    }
    let mut often: Vec<(usize, &Arc<str>)> =
        bids.into_iter().filter(|(_, count)| *count >= LEAST_BIDS).map(|(provider, count)| (count, provider)).collect();
    often.sort_by(|one, other| other.0.cmp(&one.0).then(one.1.cmp(other.1)));
    often
        .into_iter()
        .take(MOST_PROVIDERS)
        .zip(FIRST_PROVIDER..)
        .map(|((_, who), place)| (Arc::clone(who), place))
        .collect()
}

/// The choice that an order's tenant had. The first alternative is to take no bid. None if there was no bid, or none of
/// known value by the provider that got the lease.
fn choice(facts: &OrderFacts, providers: &BTreeMap<Arc<str>, usize>) -> Option<Choice> {
    let reference = Some(reference(facts)?);
    let mut alternatives = vec![Alternative { price: 0.0, effect: Some(OUTSIDE) }];
    let mut chosen = (facts.taker == Taker::Nobody).then_some(0);
    for bid in &facts.rivals {
        if matches!(&facts.taker, Taker::Rival(provider) if *provider == bid.provider) {
            chosen = chosen.or(Some(alternatives.len()));
        }
        let effect = providers.get(&bid.provider).copied();
        alternatives.push(Alternative { price: relative(bid.usd, reference), effect });
    }
    if let Some(own) = facts.own {
        if facts.taker == Taker::Us {
            chosen = Some(alternatives.len());
        }
        alternatives.push(Alternative { price: relative(own, reference), effect: Some(OWN) });
    }
    Some(Choice { alternatives, chosen: chosen? })
}
