//! The tables of the study match the results of its scenario. `cargo xtask study` updates them.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

use std::fmt::Write;
use std::path::Path;

use rust_decimal::Decimal;
use serde_json::Value;

const BEGIN: &str = "<!-- study: begin -->\n";
const END: &str = "<!-- study: end -->";

#[test]
fn the_tables_of_the_study_are_current() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let scenario = root.join("studies/real-card/scenario.toml");
    let run = crate::programs::bidprice().args(["simulate", "--output", "json"]).arg(scenario).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let answer: Value = serde_json::from_slice(&run.stdout).unwrap();

    keep_tables("docs/study.md", &tables(&answer));
}

/// Checks that a page has these tables between its marks, or writes them there.
pub(crate) fn keep_tables(page: &str, tables: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(page);
    let text = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once(BEGIN).unwrap();
    let (kept, after) = rest.split_once(END).unwrap();
    if std::env::var_os("BIDPRICE_GENERATE").is_some() {
        std::fs::write(&path, format!("{before}{BEGIN}{tables}{END}{after}")).unwrap();
        return;
    }
    assert!(kept == tables, "{page} is not current: run `cargo xtask study`; it would have\n{tables}");
}

/// Writes a table for each inventory, with and without competition.
fn tables(answer: &Value) -> String {
    let mut text = String::new();
    let mut inventory = String::new();
    for (entry, comparison) in entries(answer) {
        let axes = &entry["axes"];
        if axes["inventory.describe"] != inventory.as_str() {
            axes["inventory.describe"].as_str().unwrap().clone_into(&mut inventory);
            let head = "| competition | strategy | orders | won | revenue, USD | overcharge an order, USD a month | leases overcharged |";
            let _ = writeln!(text, "\n### {inventory}\n\n{head}\n|---|---|--:|--:|--:|--:|--:|");
        }
        let competition = if axes["market.enabled"] == true { "four others" } else { "none" };
        let (won, over) = (decimal(&entry["won"]), &entry["overcharge"]);
        let mean = decimal(&over["usd_per_month"]).checked_div(won).unwrap_or_default();
        let _ = writeln!(
            text,
            "| {competition} | {} | {} | {won} | {} | {} | {} |",
            entry["name"].as_str().unwrap(),
            entry["orders"],
            decimal(&entry["revenue_usd"]).round_dp(0),
            mean.round_dp(2),
            over["orders"],
        );
        if let Some(comparison) = comparison {
            let revenue = &comparison["per_run"]["revenue_usd"];
            let bound = |name: &str| decimal(&revenue[name]).round_dp(0);
            let _ = writeln!(
                text,
                "| {competition} | *difference a seed* | | {:+} | {:+} ({:+} to {:+}) | | |",
                decimal(&comparison["per_run"]["won"]["mean"]).round_dp(1),
                bound("mean"),
                bound("low"),
                bound("high"),
            );
        }
    }
    text.push('\n');
    text
}

/// Returns each strategy of each cell, with its comparison with the cell's first one.
fn entries(answer: &Value) -> Vec<(&Value, Option<&Value>)> {
    let list = |name: &str| answer[name].as_array().unwrap();
    let comparison = |entry: &Value| {
        list("comparisons").iter().find(|one| one["strategy"] == entry["name"] && one["axes"] == entry["axes"])
    };
    list("strategies").iter().map(|entry| (entry, comparison(entry))).collect()
}

pub(crate) fn decimal(value: &Value) -> Decimal {
    match value {
        Value::String(text) => text.parse().unwrap(),
        other => other.to_string().parse().unwrap(),
    }
}
