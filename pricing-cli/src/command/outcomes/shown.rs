//! The report of outcomes, for people and for scripts.

mod placements;

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::SystemTime;

use pricing_core::money::Usd;
use pricing_core::quote::wire::SCHEMA;
use pricing_core::text::{excerpt, printable};
use pricing_engine::outcomes::BidResult;
use pricing_engine::outcomes::join::Unmatched;
use pricing_engine::outcomes::report::{JoinedCounts, Leases, Report, Summary};
use rust_decimal::{Decimal, RoundingStrategy};
use serde_json::{Map, Value, json};

use crate::amounts::cents;
use crate::table;
use crate::wording::{count, number, plural, wrap};

/// The decimals of percentages and amounts in JSON.
const JSON_DECIMALS: u32 = 6;

pub(super) fn json(report: &Report) -> Value {
    let (first, last) = report.period.clone().unzip();
    let by_cards = report.by_cards.iter().map(|((gpu, cards), summary)| {
        let mut row = Map::new();
        row.insert("gpu".to_owned(), gpu.as_str().into());
        row.insert("cards".to_owned(), (*cards).into());
        row.extend(summary_json(summary));
        Value::Object(row)
    });
    let Leases { running, usd_per_month, without_usd, ended } = &report.leases;
    json!({
        "schema": SCHEMA,
        "provider": report.provider,
        "first": first,
        "last": last,
        "relative_times": report.has_relative_times,
        "total": summary_json(&report.all),
        "by_cards": by_cards.collect::<Vec<_>>(),
        "leases": {
            "running": running,
            "usd_per_month": text(*usd_per_month),
            "without_usd": without_usd,
            "ended": ended,
        },
        "decisions": report.joined.as_ref().map(joined_json),
        "placements": report.placements.as_ref().map(placements::json),
    })
}

fn summary_json(summary: &Summary) -> Map<String, Value> {
    let mut row = Map::new();
    let mut put = |name: &str, value: Value| row.insert(name.to_owned(), value);
    put("bids", summary.bids().into());
    for result in BidResult::ALL {
        put(&result.name().replace('-', "_"), summary.with(result).into());
    }
    put("win_rate_percent", summary.win_rate().and_then(percent).map(text).into());
    put("distance_known", summary.measured().into());
    put("median_distance_percent", summary.median_distance().and_then(percent).map(text).into());
    put("median_distance_usd_per_month", summary.median_usd().map(text).into());
    row
}

fn joined_json(joined: &JoinedCounts) -> Value {
    let unmatched: BTreeMap<&str, u64> =
        Unmatched::ALL.iter().map(|why| (why.name(), joined.unmatched.get(why).copied().unwrap_or_default())).collect();
    json!({
        "matched": joined.matched(),
        "by_order_id": joined.by_order_id,
        "by_owner_price_and_time": joined.by_price,
        "matched_percent": joined.share().and_then(percent).map(text),
        "unmatched": unmatched,
    })
}

/// Decimal text, as all fractions in JSON.
fn text(number: Decimal) -> String {
    number.round_dp_with_strategy(JSON_DECIMALS, RoundingStrategy::MidpointNearestEven).normalize().to_string()
}

fn percent(part: Decimal) -> Option<Decimal> {
    part.checked_mul(Decimal::ONE_HUNDRED)
}

/// The report for people. `has_log` tells whether a bid log was named, though there may be none yet.
pub(super) fn table(report: &Report, has_log: bool, since: Option<SystemTime>) -> String {
    let placements = report.placements.as_ref().filter(|placements| !placements.is_empty());
    let placements = placements.map(placements::table).unwrap_or_default();
    let Some((first, last)) = &report.period else {
        return format!("{}\n{placements}", wrap(&printable(&without_bids(report, since))));
    };
    let bids = count(report.all.bids(), "bid");
    let head = format!("{bids} of {}, on orders from {} to {}", report.provider, day(first), day(last));
    let mut lines = vec![leases(&report.leases), distance(&report.all)];
    lines.extend(ended(&report.leases));
    lines.extend(
        report
            .joined
            .as_ref()
            .map_or_else(|| vec![not_looked_up(has_log).to_owned()], |joined| decisions(joined, report.all.bids())),
    );
    if report.has_relative_times {
        lines.push("The history has no block's time: times are only right relative to each other.".to_owned());
    }
    let lines: String = lines.iter().map(|line| wrap(&printable(line)) + "\n").collect();
    format!("{}\n\n{}\n{lines}{placements}", printable(&head), rows(report))
}

fn not_looked_up(has_log: bool) -> &'static str {
    if has_log {
        "Decisions were not looked up: there is no bid log yet."
    } else {
        "Decisions were not looked up: name the bid log with `--log`."
    }
}

/// Why there is nothing to report.
fn without_bids(report: &Report, since: Option<SystemTime>) -> String {
    let provider = excerpt(&report.provider);
    let Some((newest, since)) = report.newest_before.as_ref().zip(since) else {
        return match report.orders {
            0 => format!("The history of {provider} has no orders yet."),
            orders => format!("The history has {}, and no bid of {provider} on any.", count(orders, "order")),
        };
    };
    if report.has_relative_times {
        return format!(
            "All bids of {provider} seem to be older than the period, but the history has no block's time: its times are \
             only right relative to each other. Leave out `--since`, or pull the blocks, too."
        );
    }
    let since = humantime::format_rfc3339_seconds(since);
    format!("All bids of {provider} are older than {since}; the newest is of {}.", excerpt(newest))
}

/// The day of a time as RFC 3339.
fn day(time: &str) -> String {
    excerpt(time.split('T').next().unwrap_or(time))
}

/// A row for each kind of card, and one for all.
fn rows(report: &Report) -> String {
    let header = ["cards", "number", "bids", "won", "lost", "no lease", "open", "other", "win rate", "to winner"];
    let mut listed = table::table(&header, &[1, 2, 3, 4, 5, 6, 7, 8, 9]);
    for ((gpu, cards), summary) in &report.by_cards {
        listed.add_row(row(&excerpt(gpu), cards, summary));
    }
    if report.by_cards.len() > 1 {
        listed.add_row(row("all", "", &report.all));
    }
    table::text(&listed)
}

fn row(gpu: &str, cards: &str, summary: &Summary) -> [String; 10] {
    let with = |result| summary.with(result).to_string();
    let others = summary.with(BidResult::Withdrawn).saturating_add(summary.with(BidResult::Unknown));
    [
        gpu.to_owned(),
        cards.to_owned(),
        summary.bids().to_string(),
        with(BidResult::Won),
        with(BidResult::Lost),
        with(BidResult::NoLease),
        with(BidResult::Open),
        others.to_string(),
        summary.win_rate().map_or_else(|| "-".to_owned(), shown_percent),
        summary.median_distance().map_or_else(|| "-".to_owned(), shown_signed),
    ]
}

fn leases(leases: &Leases) -> String {
    let usd = cents(Usd::from_decimal(leases.usd_per_month));
    let without = match leases.without_usd {
        0 => String::new(),
        some => format!(", not counting {some} whose price in USD is not known"),
    };
    let run = plural(leases.running, "runs", "run");
    format!(
        "{} {run} and {} {usd} USD a month{without}.",
        count(leases.running, "lease"),
        plural(leases.running, "brings", "bring")
    )
}

/// How many leases ended, by reason, most first.
fn ended(leases: &Leases) -> Option<String> {
    let mut ended: Vec<(&String, &u64)> = leases.ended.iter().collect();
    ended.sort_by_key(|(reason, count)| (Reverse(**count), *reason));
    let words: Vec<String> = ended.iter().map(|(reason, count)| format!("{count} {}", excerpt(reason))).collect();
    (!words.is_empty()).then(|| format!("Leases that ended: {}.", words.join(", ")))
}

fn distance(summary: &Summary) -> String {
    let Some(median) = summary.median_distance() else {
        return "No bid was lost to a bid that is known.".to_owned();
    };
    let usd = |usd: Decimal| format!(" ({} USD a month)", cents(Usd::from_decimal(usd.abs())));
    let usd = summary.median_usd().map(usd).unwrap_or_default();
    let bids = count(number(summary.measured()), "lost bid");
    let side = if median.is_sign_negative() { "below" } else { "above" };
    format!("The median of {bids} is {}{usd} {side} the winner's price.", shown_percent(median.abs()))
}

fn decisions(joined: &JoinedCounts, bids: u64) -> Vec<String> {
    let share = joined.share().map_or_else(|| "-".to_owned(), shown_percent);
    let matched = format!(
        "The bid log has the decisions on {} of {} ({share}): {} by order id, {} by owner, price and time.",
        joined.matched(),
        count(bids, "bid"),
        joined.by_order_id,
        joined.by_price
    );
    let unmatched = joined.unmatched.iter().map(|(why, count)| format!("Without a decision: {count} {}.", why.words()));
    std::iter::once(matched).chain(unmatched).collect()
}

/// A part in percent, with one decimal.
fn shown_percent(part: Decimal) -> String {
    let rounded = percent(part).map(|percent| {
        let mut rounded = percent.round_dp_with_strategy(1, RoundingStrategy::MidpointNearestEven);
        rounded.rescale(1);
        rounded
    });
    rounded.map_or_else(|| "-".to_owned(), |percent| format!("{percent} %"))
}

fn shown_signed(part: Decimal) -> String {
    let sign = if part.is_sign_negative() { "" } else { "+" };
    format!("{sign}{}", shown_percent(part))
}
