//! What was pulled, for people and for scripts.

use pricing_core::quote::wire::SCHEMA;
use pricing_core::text::printable;
use pricing_market::chain::join::Summary;
use serde_json::{Value, json};

use super::{Answer, Args, shown_path};
use crate::wording::{count, plural};
use crate::{output, table};

/// The most contradictions that people are shown.
const MOST_SHOWN: usize = 10;

/// Warns about what makes the history less than it seems.
pub(super) fn warn(args: &Args, summary: &Summary) {
    if summary.own_bids == 0 {
        output::complain(&format!("warning: no bid of {} was read; is this the provider's address?", args.provider));
    }
    if summary.relative_times {
        output::complain("warning: no block was read, so that times are only right relative to each other");
    }
    let more = summary.contradictions.len().saturating_sub(MOST_SHOWN);
    for contradiction in summary.contradictions.iter().take(MOST_SHOWN) {
        output::complain(&format!("warning: {contradiction}"));
    }
    let more = u64::try_from(more).unwrap_or(u64::MAX).saturating_add(summary.more_contradictions);
    if more > 0 {
        output::complain(&format!("warning: and {more} more {}", plural(more, "contradiction", "contradictions")));
    }
}

pub(super) fn json(args: &Args, answer: &Answer) -> Value {
    let summary = &answer.summary;
    let unjoined = summary.unjoined.iter().map(|(why, count)| json!({ "code": why, "count": count }));
    json!({
        "schema": SCHEMA,
        "folder": args.out.to_string_lossy(),
        "provider": args.provider.to_string(),
        "orders": summary.orders,
        "own_bids": summary.own_bids,
        "read": summary.read,
        "repeated": summary.repeated,
        "joined": summary.joined,
        "unjoined": unjoined.collect::<Vec<_>>(),
        "contradictions": summary.contradictions,
        "more_contradictions": summary.more_contradictions,
        "relative_times": summary.relative_times,
        "pull": answer.pull,
    })
}

pub(super) fn table(args: &Args, answer: &Answer) -> String {
    let summary = &answer.summary;
    let mut counts = table::table(&["", "read", "of them again", "joined"], &[1, 2, 3]);
    let columns = [&summary.read, &summary.repeated, &summary.joined];
    counts.add_row(row("bids", columns.map(|counts| counts.bids)));
    counts.add_row(row("leases", columns.map(|counts| counts.leases)));
    counts.add_row(row("orders", columns.map(|counts| counts.orders)));
    let headline = format!("{} in {}", count(summary.orders, "order"), shown_path(&args.out));
    let mut text = format!("{}\n\n{}", printable(&headline), table::text(&counts));
    let unjoined = summary.unjoined.iter().map(|(why, number)| format!("{}: {number}", why.words()));
    let lines: Vec<String> = unjoined.chain(answer.lines.iter().cloned()).collect();
    if !lines.is_empty() {
        text.push_str(&format!("\n{}\n", lines.join("\n")));
    }
    text
}

fn row(name: &str, [read, repeated, joined]: [u64; 3]) -> [String; 4] {
    [name.to_owned(), read.to_string(), repeated.to_string(), joined.to_string()]
}
