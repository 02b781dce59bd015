//! The sources of a scenario's orders.

use std::sync::Arc;

use pricing_core::input::InputError;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::row::Defaults;
use super::{
    Arrival, DEFAULT_DENOM, Drawn, MAX_ORDERS, OrderFile, Stream, StreamError, jsonl, openb, table, with_maximum,
};
use crate::files::Files;
use crate::history::{self, MarketHistory};
use crate::number::Number;
use crate::random::Draws;
use crate::scenario::{OrdersEntry, Scenario};
use crate::sweep::SimulationEnvironment;
use crate::time::Millis;

/// The source of a cell's orders: read once, and turned into a stream for each seed.
#[derive(Debug)]
pub enum Source {
    /// The same orders for every seed.
    Fixed(Arc<Stream>),
    /// Different orders for each seed.
    Drawn(Box<Drawn>),
}

impl Source {
    /// The orders for a seed.
    ///
    /// # Errors
    /// When they cannot be generated.
    pub fn stream(&self, draws: &Draws) -> Result<Arc<Stream>, StreamError> {
        match self {
            Self::Fixed(stream) => Ok(Arc::clone(stream)),
            Self::Drawn(drawn) => drawn.stream(draws).map(Arc::new),
        }
    }

    /// The stream whose orders those of a seed's stream are copies of. Prices that depend on nothing else are worked out
    /// for it once.
    #[must_use]
    pub fn basis(&self) -> Option<&Arc<Stream>> {
        match self {
            Self::Fixed(stream) => Some(stream),
            Self::Drawn(drawn) => drawn.basis(),
        }
    }

    /// The history that the orders are from, if they are from one.
    #[must_use]
    pub fn history(&self) -> Option<&Arc<MarketHistory>> {
        match self {
            Self::Fixed(_) => None,
            Self::Drawn(drawn) => drawn.history(),
        }
    }
}

/// The orders that a scenario names.
///
/// # Errors
/// When they cannot be read, or the scenario does not name exactly one source.
pub fn source(
    scenario: &Scenario,
    models: &openb::Models,
    files: &Files,
    host: &dyn SimulationEnvironment,
) -> Result<Source, StreamError> {
    let entry = &scenario.orders;
    let (kind, name) = named(entry)?;
    if let Some(drawn) = Drawn::made_up(scenario, files)? {
        return Ok(Source::Drawn(Box::new(drawn)));
    }
    if kind == "history" {
        let history = read_history(name, scenario, files)?;
        return Drawn::of_history(Arc::new(history), scenario, files).map(|drawn| Source::Drawn(Box::new(drawn)));
    }
    let mut arrivals = read(kind, name, entry, models, files, host)?;
    finish(&mut arrivals, entry)?;
    if arrivals.is_empty() {
        return Err(StreamError::Scenario(format!("`{name}` has no orders")));
    }
    let arrivals = match Drawn::of_file(arrivals, scenario, files)? {
        OrderFile::Drawn(drawn) => return Ok(Source::Drawn(drawn)),
        OrderFile::Not(arrivals) => arrivals,
    };
    let length = entry.duration.map(|length| u64::try_from(length.as_millis()).unwrap_or(Millis::MAX));
    Ok(Source::Fixed(Arc::new(Stream::new(arrivals, length))))
}

/// The single source that is named, and its file or folder. Generated orders have none.
fn named(entry: &OrdersEntry) -> Result<(&'static str, &str), StreamError> {
    let sources = [
        ("jsonl", entry.jsonl.as_deref()),
        ("csv", entry.csv.as_deref()),
        ("parquet", entry.parquet.as_deref()),
        ("bid_log", entry.bid_log.as_deref()),
        ("sdl_dir", entry.sdl_dir.as_deref()),
        ("openb", entry.openb.as_deref()),
        ("history", entry.history.as_deref()),
        ("generate", entry.generate.as_ref().map(|_| "")),
    ];
    let known = sources.map(|(kind, _)| kind).join("`, `");
    let mut named = sources.into_iter().filter_map(|(kind, name)| Some((kind, name?)));
    match (named.next(), named.next()) {
        (Some(one), None) => Ok(one),
        (None, _) => Err(StreamError::Scenario(format!("[orders] names no source; name one of `{known}`"))),
        (Some((one, _)), Some((other, _))) => {
            let message = format!("[orders] names both `{one}` and `{other}`; name one of `{known}`");
            Err(StreamError::Scenario(message))
        }
    }
}

/// The history of a folder.
fn read_history(name: &str, scenario: &Scenario, files: &Files) -> Result<MarketHistory, StreamError> {
    let entry = &scenario.orders;
    if entry.time_compression.is_some() {
        return Err(StreamError::Scenario("`orders.time_compression` is not for a history".to_owned()));
    }
    let denom = entry.denom.as_deref().unwrap_or(DEFAULT_DENOM);
    let limit = entry.limit.unwrap_or(usize::MAX);
    let history = history::read(name, files, &history::Reading { denom, usd_per_akt: scenario.usd_per_akt(), limit })?;
    if history.facts.is_empty() {
        return Err(StreamError::Scenario(format!("`{name}` has no orders with a group spec")));
    }
    Ok(history)
}

/// The orders of a file.
fn read(
    kind: &str,
    name: &str,
    entry: &OrdersEntry,
    models: &openb::Models,
    files: &Files,
    host: &dyn SimulationEnvironment,
) -> Result<Vec<Arrival>, StreamError> {
    let denom = entry.denom.as_deref().unwrap_or(DEFAULT_DENOM);
    let defaults = Defaults { denom, owner: entry.owner.as_deref(), at: None };
    let malformed = |problem: InputError| StreamError::Malformed { name: name.to_owned(), problem };
    match kind {
        "jsonl" => jsonl::read(&files.text(name)?, &defaults).map_err(malformed),
        "csv" => table::read(&files.text(name)?, &defaults).map_err(malformed),
        "parquet" => parquet(name, &defaults, files),
        "bid_log" => {
            let found = host.bid_log(&files.path(name)).map_err(StreamError::Scenario)?;
            if found.len() > MAX_ORDERS {
                return Err(StreamError::Scenario(format!("`{name}` has more than {MAX_ORDERS} orders")));
            }
            Ok(found.into_iter().map(|arrival| completed(arrival, &defaults)).collect())
        }
        _ => {
            let mut pods = openb::pods(&files.text(name)?, models, entry.gpu_share, denom).map_err(malformed)?;
            let owner: Option<Arc<str>> = defaults.owner.map(Arc::from);
            pods.iter_mut().for_each(|pod| pod.owner.clone_from(&owner));
            Ok(pods)
        }
    }
}

#[cfg(feature = "parquet")]
fn parquet(name: &str, defaults: &Defaults<'_>, files: &Files) -> Result<Vec<Arrival>, StreamError> {
    let file = files.open(name)?;
    super::parquet::read(file, defaults).map_err(|problem| StreamError::Malformed { name: name.to_owned(), problem })
}

#[cfg(not(feature = "parquet"))]
fn parquet(name: &str, _: &Defaults<'_>, _: &Files) -> Result<Vec<Arrival>, StreamError> {
    let ways = "build it with the feature `parquet`, or write the orders as JSONL or CSV";
    Err(StreamError::Scenario(format!("`{name}`: this program was built without Parquet: {ways}")))
}

/// An order of a bid log, completed with the defaults.
fn completed(arrival: Arrival, defaults: &Defaults<'_>) -> Arrival {
    let owner = arrival.owner.or_else(|| defaults.owner.map(Arc::from));
    if arrival.order.max_price.is_some() {
        return Arrival { owner, ..arrival };
    }
    let (order, has_maximum) = with_maximum((*arrival.order).clone(), defaults.denom);
    Arrival { owner, order: Arc::new(order), has_maximum, ..arrival }
}

/// Applies the settings that a scenario has for all orders.
fn finish(arrivals: &mut Vec<Arrival>, entry: &OrdersEntry) -> Result<(), StreamError> {
    if let Some(factor) = entry.time_compression {
        if factor.0 <= Decimal::ZERO {
            return Err(StreamError::Scenario("`orders.time_compression` must be above 0".to_owned()));
        }
        let out_of_range = || {
            let message = format!("`orders.time_compression` of {} puts times out of range", factor.0);
            StreamError::Scenario(message)
        };
        for arrival in arrivals.iter_mut() {
            arrival.at = compressed(arrival.at, factor).ok_or_else(out_of_range)?;
            let until = arrival.until.map(|until| compressed(until, factor).ok_or_else(out_of_range));
            arrival.until = until.transpose()?;
        }
    }
    if let Some(limit) = entry.limit {
        arrivals.sort_by_key(|arrival| arrival.at);
        arrivals.truncate(limit);
    }
    Ok(())
}

/// A time divided by a factor, rounded down.
fn compressed(time: Millis, factor: Number) -> Option<Millis> {
    Decimal::from(time).checked_div(factor.0).and_then(|time| time.floor().to_u64())
}

#[cfg(test)]
mod tests;
