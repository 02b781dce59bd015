//! What became of a bid, as `bidprice log show` shows it below the decision.

use pricing_core::text::{excerpt, printable};
use pricing_engine::bid_log::entry::BidOutcome;
use pricing_engine::bid_log::read::Place;
use pricing_engine::outcomes::{BidResult, HistoryBid};

use crate::amounts;
use crate::table;
use crate::wording::{count, number, unit};

/// The most bids of other providers that are listed.
const MAX_OTHERS: usize = 20;

pub(super) fn shown(place: &Place, line: &BidOutcome) -> String {
    let BidOutcome { sequence, time, provider, outcome, .. } = line;
    let head = format!("Outcome {sequence} of {}, {place}: {}", excerpt(time), words(outcome.result));
    let mut facts = table::table(&[], &[]);
    let mut add = |name: &str, value: String| {
        facts.add_row([name.to_owned(), value]);
    };
    let state = outcome.order_state.map_or_else(String::new, |state| format!(", {}", state.name()));
    add("order", format!("{}, made {}{state}", line.order_id, excerpt(&outcome.at)));
    if let Some(lease) = &outcome.lease {
        let until = match (&lease.until, &lease.reason) {
            (None, _) => "it runs".to_owned(),
            (Some(until), None) => format!("until {}", excerpt(until)),
            (Some(until), Some(reason)) => format!("until {}, {}", excerpt(until), excerpt(reason)),
        };
        add("lease", format!("from {}, {until}", excerpt(&lease.from)));
    }
    let facts = table::wrapped(facts, &[1]);
    format!("{}\n\n{facts}\n{}", printable(&head), bids(provider, &outcome.bid, &outcome.others))
}

fn words(result: BidResult) -> &'static str {
    match result {
        BidResult::Won => "won",
        BidResult::Lost => "lost to another provider",
        BidResult::NoLease => "the order ended without a lease",
        BidResult::Open => "open",
        BidResult::Withdrawn => "the bid was taken back",
        BidResult::Unknown => "not known",
        BidResult::Gone => "the chain does not have the order any more (it was reorganised away)",
    }
}

fn bids(provider: &str, own: &HistoryBid, others: &[HistoryBid]) -> String {
    let mut rows = table::table(&["provider", "bid per block", "USD a month", "made", "state"], &[1, 2]);
    let mut listed: Vec<&HistoryBid> = others.iter().collect();
    listed.sort_by_key(|bid| !bid.won);
    let left_out = listed.len().saturating_sub(MAX_OTHERS);
    for bid in std::iter::once(own).chain(listed.into_iter().take(MAX_OTHERS)) {
        let mark = if bid.provider == provider { " (own)" } else { "" };
        let state = match (bid.won, bid.state) {
            (true, _) => "won",
            (false, state) => state.map_or("-", pricing_engine::outcomes::BidState::name),
        };
        rows.add_row([
            format!("{}{mark}", excerpt(&bid.provider)),
            format!("{} {}", amounts::units(&bid.price), unit(&bid.denom)),
            bid.usd_per_month.as_deref().map_or_else(|| "-".to_owned(), amounts::usd),
            bid.at.as_deref().map_or_else(|| "-".to_owned(), excerpt),
            state.to_owned(),
        ]);
    }
    let mut text = table::text(&rows);
    if left_out > 0 {
        text.push_str(&format!("and {} more\n", count(number(left_out), "bid")));
    }
    text
}
