//! The metrics of where pods started, beside where they were predicted to start.

use super::readings::Sheet;
use crate::placements::{PlacementResult, Reading};

/// Adds the metrics. All results are there from the start, so that Prometheus sees the first one as an increase.
pub(super) fn add(page: &mut Sheet, reading: &Reading) {
    let results = PlacementResult::ALL.map(|result| (result.name().to_owned(), reading.with(result)));
    let results = results.iter().map(|(result, count)| ([("result", result)], *count));
    page.counts("bidprice_placements", "Pods, by how the prediction of their node turned out", results);
    page.whole("bidprice_placements_open", "Predictions whose pods are awaited", reading.open);
    let dropped = reading.dropped;
    page.count("bidprice_placements_dropped", "Predictions and snapshots that there was no room to look at", dropped);
    let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    let recent = number(reading.recent.verifiable());
    page.whole("bidprice_placements_recent", "The last verifiable predictions, at most 100", recent);
    let right = number(reading.recent.right());
    page.whole("bidprice_placements_recent_right", "Those of the last verifiable predictions that were right", right);
}
