//! The competition of a scenario.

use std::sync::Arc;

use crate::files::Files;
use crate::market::{Competitor, Market, Observed};
use crate::scenario::{self, ChoiceName, MarketEntry, RatesEntry, ScenarioError};
use crate::stream::{self, Source};

/// The market of a scenario: its single price, if it has one, followed by the named competitors.
pub(super) fn market(entry: &MarketEntry, files: &Files, source: &Source) -> Result<Market, ScenarioError> {
    let mut market = Market::default();
    if !entry.enabled {
        return Ok(market);
    }
    let read = |rates: &Option<String>, set: &toml::Table| {
        scenario::pricing(&RatesEntry { rates: rates.clone(), set: set.clone() }, files)
    };
    market.factor = stream::factor("market.factor", entry.factor)?;
    stream::sigma("market.spread", entry.spread)?;
    for other in &entry.competitor {
        stream::sigma(&format!("market.competitor.{}.spread", other.name), other.spread)?;
    }
    let has_market = entry.rates.is_some() || !entry.set.is_empty();
    if !has_market && entry.competitor.is_empty() && !entry.observed {
        let message = "[market] names nobody who bids; give it `rates`, add a [[market.competitor]], or set `observed`";
        return Err(ScenarioError::Meaning(message.to_owned()));
    }
    if has_market {
        let pricing = read(&entry.rates, &entry.set)?;
        market.competitors.push(Competitor::new("market", pricing, entry.spread, entry.wildcard));
    }
    for other in &entry.competitor {
        let pricing = read(&other.rates, &other.set)?;
        market.competitors.push(Competitor::new(&other.name, pricing, other.spread, other.wildcard));
    }
    market.observed = observed(entry, source)?;
    Ok(market)
}

/// The bids of the history, if they compete.
fn observed(entry: &MarketEntry, source: &Source) -> Result<Option<Observed>, ScenarioError> {
    let wrong = |message: &str| Err(ScenarioError::Meaning(message.to_owned()));
    match (entry.observed, source.history()) {
        (false, _) if entry.choice != ChoiceName::default() => wrong("`market.choice` needs `market.observed = true`"),
        (false, _) => Ok(None),
        (true, None) => wrong("`market.observed` needs the bids of a history: name one as `orders.history`"),
        (true, Some(history)) if entry.choice == ChoiceName::Fitted => {
            let advice = "use `market.choice = \"cheapest\"`";
            let fitted = history.fitted().map_err(|error| ScenarioError::Meaning(format!("{error}; {advice}")))?;
            Ok(Some(Observed::fitted(Arc::clone(history), fitted)))
        }
        (true, Some(history)) => Ok(Some(Observed::cheapest(Arc::clone(history)))),
    }
}
