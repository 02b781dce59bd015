//! The metrics of what became of the bids.

use pricing_market::outcome::BidResult;
use rust_decimal::prelude::ToPrimitive;

use super::readings::Sheet;
use crate::outcomes::{Counts, Reading};

/// Adds the metrics of the pulls and, once a history was read, those of the bids.
pub(super) fn add(page: &mut Sheet, reading: &Reading) {
    page.seconds("bidprice_outcomes_pull_age_seconds", "Time since the last complete pull of outcomes", reading.age);
    let pulls = [("complete".to_owned(), reading.complete), ("failed".to_owned(), reading.failed)];
    let pulls = pulls.iter().map(|(outcome, count)| ([("outcome", outcome)], *count));
    page.counts("bidprice_outcomes_pulls", "Pulls of outcomes", pulls);
    if let Some(counts) = &reading.counts {
        of_bids(page, counts);
    }
}

fn of_bids(page: &mut Sheet, counts: &Counts) {
    let mut bids = Vec::new();
    for ((gpu, cards, result), count) in &counts.bids {
        // What is open today is won or lost tomorrow, so only what is final can be a counter.
        if result.is_final() {
            bids.push(([gpu.clone(), (*cards).to_owned(), result.name().to_owned()], *count));
        }
    }
    let labelled =
        bids.iter().map(|([gpu, cards, result], count)| ([("gpu", gpu), ("cards", cards), ("result", result)], *count));
    page.counts("bidprice_outcomes_bids", "Bids whose outcome is known", labelled);
    page.whole("bidprice_outcomes_open_bids", "Bids on orders that are open", counts.with(BidResult::Open));
    page.whole("bidprice_outcomes_leases", "Own leases that run", counts.leases.running);
    // A sum of a part of the leases would look like a loss.
    let usd = counts.leases.usd_per_month.to_f64().filter(|_| counts.leases.without_usd == 0);
    page.optional("bidprice_outcomes_usd_per_month", "What the own leases that run bring in USD a month", usd);
    let help = "Own leases that run, and whose price in USD is not known";
    page.whole("bidprice_outcomes_leases_without_usd", help, counts.leases.without_usd);
    let ended = counts.leases.ended.iter().map(|(reason, count)| ([("reason", reason)], *count));
    page.counts("bidprice_outcomes_leases_ended", "Own leases that ended", ended);
}
