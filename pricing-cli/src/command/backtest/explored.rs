//! The explored bids of a bid log.

use std::path::Path;

use pricing_core::money::{Usd, parse_decimal};
use pricing_core::quote::Spread;
use pricing_engine::bid_log::entry::{Damage, Decision, Entry};
use pricing_engine::bid_log::read::Log;
use pricing_sim::backtest::ExploredBid;
use serde::Deserialize;

use crate::command::simulate::bid_log::unusable;

/// The parts of a quote that matter here.
#[derive(Deserialize)]
struct Quoted {
    price: Option<Money>,
    explored: Option<Explored>,
}

#[derive(Deserialize)]
struct Money {
    amount: String,
}

#[derive(Deserialize)]
struct Explored {
    factor: String,
    base_usd_per_month: String,
    factors: Vec<String>,
}

/// The explored bids on orders with a name, in the order of the log.
///
/// # Errors
/// When there is no log, or one of its lines cannot be used.
pub(super) fn read(path: &Path) -> Result<Vec<ExploredBid>, String> {
    let log = Log::open(path).map_err(|error| format!("`{}` cannot be read: {error}", path.display()))?;
    let mut bids = Vec::new();
    for (place, line) in log.lines() {
        let bid = match line {
            Ok(Entry::Decision(decision)) => bid(&decision),
            // An incomplete last line: the log is being written, or the machine stopped while it was.
            Ok(_) | Err(Damage::Cut) => Ok(None),
            Err(damage) => Err(damage.to_string()),
        };
        bids.extend(bid.map_err(|problem| unusable(&place, &problem))?);
    }
    Ok(bids)
}

/// The explored bid of a decision, if it is one.
fn bid(decision: &Decision) -> Result<Option<ExploredBid>, String> {
    let (Some(quote), Some(name), Some(explore)) = (&decision.quote, &decision.order_id, &decision.explore) else {
        return Ok(None);
    };
    let quoted: Quoted = serde_json::from_str(quote.get()).map_err(|error| format!("the quote: {error}"))?;
    let (Some(price), Some(explored)) = (quoted.price, quoted.explored) else { return Ok(None) };
    let wrong = |error: &dyn std::fmt::Display| format!("the explored price: {error}");
    let number = |text: &str| parse_decimal(text).map_err(|error| wrong(&error));
    let base = Usd::parse(&explored.base_usd_per_month).map_err(|error| wrong(&error))?;
    let factors = explored.factors.iter().map(|factor| number(factor)).collect::<Result<_, _>>()?;
    let spread = Spread::parse(&explore.spread).map_err(|error| wrong(&error))?;
    let drawn = (number(&explored.factor)?, factors);
    ExploredBid::new(name.exact(), number(&price.amount)?, base, drawn, spread).map(Some).map_err(|error| wrong(&error))
}
