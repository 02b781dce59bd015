//! How the numbers of a simulation are written in tables.

use pricing_core::money::Usd;
use pricing_sim::summary::{Interval, Percent};
use rust_decimal::{Decimal, RoundingStrategy};

use crate::amounts::cents;

/// Rounds a decimal half-even for display.
pub(super) fn places(value: Decimal, places: u32) -> String {
    let mut value = value.round_dp_with_strategy(places, RoundingStrategy::MidpointNearestEven);
    value.rescale(places);
    // What rounds to nothing has no sign.
    if value.is_zero() { value.abs().to_string() } else { value.to_string() }
}

pub(super) fn signed(value: Decimal) -> String {
    let text = cents(Usd::from_decimal(value));
    if text.starts_with('-') { text } else { format!("+{text}") }
}

pub(super) fn usd(usd: Usd) -> String {
    cents(usd)
}

pub(super) fn percent(percent: Option<Percent>) -> String {
    percent.map_or("-".to_owned(), |percent| places(percent.decimal(), 2))
}

pub(super) fn interval(interval: Option<Interval>, decimals: u32) -> String {
    interval.map_or("-".to_owned(), |interval| {
        format!("{} ± {}", places(interval.mean, decimals), places(interval.half(), decimals))
    })
}

/// A difference in USD, with its sign.
pub(super) fn difference(interval: Option<Interval>) -> String {
    interval.map_or("-".to_owned(), |interval| format!("{} ± {}", signed(interval.mean), places(interval.half(), 2)))
}
