//! The files and folders that a scenario names.

use super::{RatesEntry, Scenario};

/// The files and folders that a scenario names, as it names them.
#[must_use]
pub fn inputs(scenario: &Scenario) -> Vec<&str> {
    let Scenario { orders, inventory, strategy, market, idle, .. } = scenario;
    let mut names: Vec<Option<&String>> = vec![
        orders.jsonl.as_ref(),
        orders.csv.as_ref(),
        orders.parquet.as_ref(),
        orders.bid_log.as_ref(),
        orders.sdl_dir.as_ref(),
        orders.openb.as_ref(),
        inventory.file.as_ref(),
        inventory.openb.as_ref(),
    ];
    fn rates(entry: &RatesEntry) -> Option<&String> {
        entry.rates.as_ref()
    }
    names.push(orders.maximum.as_ref().and_then(|maximum| rates(&maximum.rates)));
    names.push(idle.as_ref().and_then(rates));
    for entry in strategy {
        names.extend([entry.rates.as_ref(), entry.plugin.as_ref(), entry.script.as_ref()]);
    }
    if let Some(market) = market {
        names.push(market.rates.as_ref());
        names.extend(market.competitor.iter().map(|other| other.rates.as_ref()));
    }
    names.into_iter().flatten().map(String::as_str).collect()
}
