//! Where the orders of a scenario come from.

use std::sync::Arc;

use super::{Arrival, DEFAULT_DENOM, Drawn, DrawnOrNot, Stream, StreamError, openb};
use crate::files::Files;
use crate::number::Number;
use crate::random::Draws;
use crate::scenario::{OrdersEntry, Scenario};
use crate::sweep::Host;
use crate::time::Millis;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

/// Where the orders of a cell come from: read once, made into a stream for each seed.
#[derive(Debug)]
pub enum Source {
    /// The same orders whatever the seed.
    Fixed(Arc<Stream>),
    /// Others with each seed.
    Drawn(Box<Drawn>),
}

impl Source {
    /// The orders of one seed.
    ///
    /// # Errors
    /// When they cannot be made.
    pub fn stream(&self, draws: &Draws) -> Result<Arc<Stream>, StreamError> {
        match self {
            Self::Fixed(stream) => Ok(Arc::clone(stream)),
            Self::Drawn(drawn) => drawn.stream(draws).map(Arc::new),
        }
    }
}

/// The orders that a scenario names.
///
/// # Errors
/// When they cannot be read, or the scenario names none or several.
pub fn source(
    scenario: &Scenario,
    models: &openb::Models,
    files: &Files,
    host: &dyn Host,
) -> Result<Source, StreamError> {
    let _ = host;
    if let Some(drawn) = Drawn::made_up(scenario, files)? {
        return Ok(Source::Drawn(Box::new(drawn)));
    }
    let entry = &scenario.orders;
    let denom = entry.denom.as_deref().unwrap_or(DEFAULT_DENOM);
    let Some(name) = &entry.openb else {
        return Err(StreamError::Scenario("[orders] names no source".to_owned()));
    };
    let malformed = |problem| StreamError::Malformed { name: name.clone(), problem };
    let mut arrivals = openb::pods(&files.text(name)?, models, entry.gpu_share, denom).map_err(malformed)?;
    finish(&mut arrivals, entry);
    let arrivals = match Drawn::of_file(arrivals, scenario, files)? {
        DrawnOrNot::Drawn(drawn) => return Ok(Source::Drawn(drawn)),
        DrawnOrNot::Not(arrivals) => arrivals,
    };
    let length = entry.duration.map(|length| u64::try_from(length.as_millis()).unwrap_or(Millis::MAX));
    Ok(Source::Fixed(Arc::new(Stream::new(arrivals, length))))
}

/// What a scenario says of all orders.
fn finish(arrivals: &mut Vec<Arrival>, entry: &OrdersEntry) {
    if let Some(factor) = entry.time_compression {
        for arrival in arrivals.iter_mut() {
            arrival.at = compressed(arrival.at, factor);
            arrival.until = arrival.until.map(|until| compressed(until, factor));
        }
    }
    if let Some(limit) = entry.limit {
        arrivals.sort_by_key(|arrival| arrival.at);
        arrivals.truncate(limit);
    }
}

/// A time divided by a factor, rounded down.
fn compressed(time: Millis, factor: Number) -> Millis {
    Decimal::from(time).checked_div(factor.0).and_then(|time| time.floor().to_u64()).unwrap_or(time)
}
