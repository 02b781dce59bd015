//! What of a run counts, and what limits its bids.

use std::time::Duration;

use crate::market::{BestOffers, ListPrices};
use crate::result::Limits;
use crate::scenario::ScenarioError;
use crate::stream::Stream;
use crate::time::{Millis, Window};

/// A window without its warm-up.
///
/// # Errors
/// When nothing of it is left.
pub(super) fn after_warm_up(window: Window, warm_up: Option<Duration>) -> Result<Window, ScenarioError> {
    let Some(warm_up) = warm_up else { return Ok(window) };
    let start = Millis::try_from(warm_up.as_millis()).ok().and_then(|time| window.start.checked_add(time));
    match start.filter(|start| *start < window.end) {
        Some(start) => Ok(Window { start, ..window }),
        None => Err(ScenarioError::Meaning(format!(
            "`orders.warm_up` is {}, and the window only {}: nothing would count",
            humantime::format_duration(warm_up),
            humantime::format_duration(Duration::from_millis(window.length()))
        ))),
    }
}

/// What limited the bids on the orders of a stream.
pub(super) fn limits(stream: &Stream, list: &ListPrices, offers: &BestOffers) -> Limits {
    let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    Limits {
        orders: count(stream.arrivals.len()),
        with_maximum: count(stream.arrivals.iter().filter(|arrival| arrival.has_maximum).count()),
        contested: count((0..stream.arrivals.len()).filter(|order| offers.of(*order).is_some()).count()),
        maximum: stream.unpriced.clone(),
        competitors: list.unpriced().clone(),
    }
}
