//! The differences between two answers to the same orders, as tables and as JSON.

use std::collections::BTreeSet;

use comfy_table::Table;
use pricing_core::money::Denom;
use pricing_engine::comparison::{Outcome, Pair, Summary, Tally, is_below_cent};
use serde_json::{Value, json};

use crate::amounts::cents;
use crate::table::{self, fits};
use crate::wording::{coin, count, plural};

/// The summary as JSON, with exact amounts.
pub(crate) fn summary_json(summary: &Summary) -> Value {
    let kinds = summary.kinds.iter().map(|(gpu, tally)| json!({ "gpu": gpu, "tally": tally }));
    json!({ "total": summary.total, "kinds": kinds.collect::<Vec<_>>(), "largest": summary.largest })
}

/// The summary by GPU kind, and the largest differences. Less than a cent a month is not a difference here.
pub(crate) fn summary_table(summary: &Summary, before: &str, after: &str) -> String {
    let (before, after) = (format!("USD {before}"), format!("USD {after}"));
    let narrowest = |table: &dyn Fn(Break) -> Table| {
        let wide = table::text(&table(Break::Never));
        if fits(&wide) { wide } else { table::text(&table(Break::BetweenKinds)) }
    };
    let kinds = narrowest(&|at| kinds(summary, &before, &after, at));
    let mut shown = format!("\n{kinds}\n{}", notes(&summary.total));
    let pairs: Vec<&Pair> = summary.largest.iter().filter(|pair| !is_below_cent(pair.usd)).collect();
    if !pairs.is_empty() {
        shown.push_str(&format!("\nLargest differences:\n{}", largest(&pairs, &before, &after)));
    }
    shown
}

fn kinds(summary: &Summary, before: &str, after: &str, at: Break) -> Table {
    let header =
        ["cards", "orders", "same", "cheaper", "dearer", "won", "lost", "fault", "other reason", before, after];
    let mut rows = table::table(&header, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    let mut add = |gpu: &str, tally: &Tally| {
        let Tally { orders, won, lost, fault, reason, cheaper_below_cent, dearer_below_cent, .. } = tally;
        let same = tally.same.saturating_add(*cheaper_below_cent).saturating_add(*dearer_below_cent);
        let cheaper = tally.cheaper.saturating_sub(*cheaper_below_cent);
        let dearer = tally.dearer.saturating_sub(*dearer_below_cent);
        let numbers = [*orders, same, cheaper, dearer, *won, *lost, *fault, *reason].map(|number| number.to_string());
        let sums = [tally.usd_before, tally.usd_after].map(cents);
        rows.add_row(std::iter::once(at.cards(gpu)).chain(numbers).chain(sums));
    };
    for (gpu, tally) in &summary.kinds {
        add(gpu, tally);
    }
    add("all", &summary.total);
    rows
}

/// Notes on how to read the table.
fn notes(total: &Tally) -> String {
    let mut shown = String::new();
    let below_cent = total.cheaper_below_cent.saturating_add(total.dearer_below_cent);
    if below_cent > 0 {
        let (orders, differ) = (count(below_cent, "order"), plural(below_cent, "differs", "differ"));
        shown.push_str(&format!(
            "{orders} {differ} by less than a cent a month and {} under `same`.\n",
            plural(below_cent, "counts", "count")
        ));
    }
    let (won, lost) = (total.no_longer_above_max, total.now_above_max);
    shown.push_str(&format!(
        "Against the tenants' maximum, {} {} won and {lost} {} lost. Sums are USD a month of all bids",
        count(won, "bid"),
        plural(won, "was", "were"),
        plural(lost, "was", "were"),
    ));
    match total.without_usd {
        0 => shown.push_str(".\n"),
        some => shown.push_str(&format!(", not counting {some} without an amount in USD.\n")),
    }
    shown
}

/// The pairs in one table or, if it would be too wide, in one of differences and one of names.
fn largest(pairs: &[&Pair], before: &str, after: &str) -> String {
    let orders: BTreeSet<&str> = pairs.iter().filter_map(|pair| pair.order_id.as_deref()).collect();
    // If every order appears once, its name says everything, and the group is left out.
    let by_group = orders.len() < pairs.len();
    let wide = table::text(&differences(pairs, before, after, Some(by_group), Break::Never));
    if fits(&wide) {
        return wide;
    }
    let differences = differences(pairs, before, after, None, Break::BetweenKinds);
    let mut names = table::table(&names_header(by_group), &[0]);
    for pair in pairs {
        names.add_row(number(pair).into_iter().chain(names_of(pair, by_group)));
    }
    format!("{}\n{}", table::text(&differences), table::text(&names))
}

/// The differences. `named` adds the names of the orders, and says whether those of their groups follow.
fn differences(pairs: &[&Pair], before: &str, after: &str, named: Option<bool>, at: Break) -> Table {
    let header = named.map_or_else(|| vec!["number"], names_header);
    let header: Vec<&str> = header.into_iter().chain(["cards", "coin", before, after, "difference"]).collect();
    let last = header.len().saturating_sub(1);
    let mut rows = table::table(&header, &[0, last.saturating_sub(2), last.saturating_sub(1), last]);
    for pair in pairs {
        let names = named.map(|by_group| names_of(pair, by_group)).unwrap_or_default();
        let (before, after) = (outcome(&pair.before), outcome(&pair.after));
        let tail = [at.cards(&pair.gpu), coins(pair), before, after, cents(pair.usd)];
        rows.add_row(number(pair).into_iter().chain(names).chain(tail));
    }
    rows
}

fn names_header(by_group: bool) -> Vec<&'static str> {
    ["number", "order"].into_iter().chain(by_group.then_some("group")).collect()
}

fn number(pair: &Pair) -> [String; 1] {
    [pair.sequence.map(|number| number.to_string()).unwrap_or_default()]
}

fn names_of(pair: &Pair, by_group: bool) -> Vec<String> {
    let order = pair.order_id.clone().unwrap_or_default();
    std::iter::once(order).chain(by_group.then(|| pair.group.to_string())).collect()
}

/// Where a label with several kinds of cards may be broken into lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Break {
    Never,
    BetweenKinds,
}

impl Break {
    /// The label of an order's cards, which are joined with `+`.
    fn cards(self, gpu: &str) -> String {
        match self {
            Self::Never => gpu.to_owned(),
            Self::BetweenKinds => gpu.replace('+', "+\n"),
        }
    }
}

/// The coins of the two bids.
fn coins(pair: &Pair) -> String {
    let mut names: Vec<String> = Vec::new();
    for price in [&pair.before.price, &pair.after.price].into_iter().flatten() {
        let name = coin(&Denom::new(price.denom.exact()));
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names.join(", ")
}

/// The USD a month of a bid, or the reason for no bid.
fn outcome(outcome: &Outcome) -> String {
    match (outcome.bid_usd(), &outcome.code) {
        (Some(usd), _) => cents(usd),
        (None, Some(code)) => code.clone(),
        (None, None) => "not known".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pricing_core::quote::DecisionKind;
    use pricing_core::text::Untrusted;
    use pricing_engine::comparison::Money;

    const USDC: &str = "ibc/170C677610AC31DF0904FFE09CD3B5C657492170E7E52372E48756B71E56F2F1";

    fn bid(denom: &str, usd: &str) -> Outcome {
        let price = Some(Money { denom: denom.into(), amount: usd.to_owned() });
        Outcome { decision: DecisionKind::Bid, code: None, price, usd_per_month: Some(usd.to_owned()) }
    }

    fn summary(pairs: &[(&str, Outcome, Outcome)]) -> Summary {
        let mut summary = Summary::default();
        for (sequence, (name, before, after)) in (0..).zip(pairs) {
            summary.add("nvidia/rtx5090/32Gi/pcie", before, after, |usd| Pair {
                sequence: Some(sequence),
                order_id: Some((*name).to_owned()),
                group: Untrusted::new("westcoast".to_owned()),
                gpu: "nvidia/rtx5090/32Gi/pcie".to_owned(),
                before: before.clone(),
                after: after.clone(),
                usd,
            });
        }
        summary
    }

    #[test]
    fn money_is_shown_to_the_cent_and_less_is_no_difference() {
        let pairs = [
            ("one", bid(USDC, "10.000000000001"), bid(USDC, "10.004000000002")),
            ("two", bid("uact", "107.738571428571"), bid("uact", "97.738571428571")),
        ];
        let shown = summary_table(&summary(&pairs), "A", "B");
        assert!(shown.contains("1 order differs by less than a cent a month and counts under `same`.\n"), "{shown}");
        assert!(shown.contains("0 bids were won and 0 were lost"), "{shown}");
        let all: Vec<&str> = shown.lines().find(|line| line.starts_with(" all")).unwrap().split_whitespace().collect();
        assert_eq!(all, ["all", "2", "1", "1", "0", "0", "0", "0", "0", "117.74", "107.74"]);
        let (_, largest) = shown.split_once("Largest differences:\n").unwrap();
        assert!(largest.contains("ACT") && !largest.contains("USDC") && largest.contains("10.00"), "{largest}");
        assert!(!largest.contains("westcoast"), "{largest}");
    }

    #[test]
    fn lines_keep_to_120_columns_unless_a_name_is_longer() {
        let order = "akash1tenantqqqqqqqqqqqqqqqqqqqqqqqqqqq7wpl8u/12345678/1/1";
        let declined = |code: &str| Outcome {
            decision: DecisionKind::Decline,
            code: Some(code.to_owned()),
            price: None,
            usd_per_month: None,
        };
        let pairs = [
            (order, bid("uosmo", "1234567.5"), declined("unsupported-storage-class")),
            ("short", declined("incompatible-attributes"), bid(USDC, "7")),
            ("short", bid("uakt", "7"), bid(USDC, "9")),
        ];
        let shown = summary_table(&summary(&pairs), "answered", "shadow");
        for line in shown.lines() {
            assert!(line.chars().count() <= 120, "{line}");
        }
        assert!(shown.contains(order) && shown.contains("AKT, USDC"), "{shown}");
        let kinds = ["nvidia/rtx5090/32Gi/pcie"; 4].join("+");
        let mut several = Summary::default();
        several.add(&kinds, &bid("uakt", "7"), &bid("uakt", "7"), |_| unreachable!("they do not differ"));
        let shown = summary_table(&several, "A", "B");
        assert!(shown.lines().all(|line| line.chars().count() <= 120), "{shown}");
        let long = "x".repeat(200);
        let shown = summary_table(&summary(&[(&long, bid("uakt", "7"), bid("uakt", "9"))]), "A", "B");
        assert!(shown.contains(&long), "{shown}");
    }
}
