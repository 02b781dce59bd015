//! The tables of `docs/which-card.md` match the results of its scenario. `cargo xtask study` updates them.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use rust_decimal::Decimal;
use serde_json::Value;

use crate::study::{decimal, keep_tables};

/// The axis of the scenario.
const RATE: &str = "orders.arrivals.rate";

#[test]
fn the_tables_of_which_card_are_current() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let scenario = root.join("examples/simulate/variants.toml");
    let run = crate::programs::bidprice().args(["simulate", "--output", "json"]).arg(scenario).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let answer: Value = serde_json::from_slice(&run.stdout).unwrap();
    what_the_page_says_holds(&answer);
    keep_tables("docs/which-card.md", &format!("\n{}\n{}\n", revenue(&answer), by_card(&answer)));
}

/// The page says in words what these intervals say.
fn what_the_page_says_holds(answer: &Value) {
    let interval = |rate: &str, strategy: &str| {
        let revenue = &comparison(answer, rate, strategy).unwrap()["per_run"]["revenue_usd"];
        (decimal(&revenue["low"]), decimal(&revenue["high"]))
    };
    assert!(interval("2/h", "reserved node").0 > Decimal::ZERO, "a low price wins a quiet month");
    for (rate, strategy) in [("2/h", "highest"), ("8/h", "highest"), ("8/h", "reserved node")] {
        assert!(interval(rate, strategy).1 < Decimal::ZERO, "{strategy} earns less than `likely` at {rate}");
    }
    let percent = |rate: &str, strategy: &str, gpu: &str| {
        let entries = answer["strategies"].as_array().unwrap();
        let entry = entries.iter().find(|one| one["name"] == strategy && one["axes"][RATE] == rate).unwrap();
        let (_, paid, own) = cards(entry)[gpu];
        (paid * Decimal::ONE_HUNDRED / own).round_dp(0)
    };
    let (small, large) = ("nvidia/a100/40Gi/sxm", "nvidia/a100/80Gi/sxm");
    for (rate, gpu) in [("2/h", small), ("2/h", large), ("8/h", small), ("8/h", large)] {
        assert!((percent(rate, "likely", gpu) - Decimal::ONE_HUNDRED).abs() <= Decimal::from(3), "{gpu} at {rate}");
    }
    assert_eq!(percent("2/h", "highest", small), Decimal::from(144));
    let reserved = ["2/h", "8/h"].map(|rate| percent(rate, "reserved node", large));
    assert_eq!(reserved, [Decimal::from(70), Decimal::from(75)]);
}

/// The comparison of a strategy with the first one at a rate of arrivals. None of the first one.
fn comparison<'a>(answer: &'a Value, rate: &str, strategy: &str) -> Option<&'a Value> {
    let is = |one: &&Value| one["strategy"] == strategy && one["axes"][RATE] == rate;
    answer["comparisons"].as_array().unwrap().iter().find(is)
}

/// What each strategy wins and earns in a run, and by how much it differs from the first one, seed by seed.
fn revenue(answer: &Value) -> String {
    let mut text = "| orders | strategy | won in a run | revenue of a run, USD | difference in won | difference in revenue, USD |\n|---|---|--:|--:|--:|--:|\n".to_owned();
    for entry in answer["strategies"].as_array().unwrap() {
        let (rate, name) = (entry["axes"][RATE].as_str().unwrap(), entry["name"].as_str().unwrap());
        let mean = |name: &str| decimal(&entry["per_run"][name]["mean"]).round_dp(0);
        let (won, revenue) = (mean("won"), mean("revenue_usd"));
        let difference = |figure: &str| {
            let Some(found) = comparison(answer, rate, name) else { return "-".to_owned() };
            let bound = |bound: &str| decimal(&found["per_run"][figure][bound]).round_dp(0);
            format!("{:+} ({:+} to {:+})", bound("mean"), bound("low"), bound("high"))
        };
        let (by_won, by_revenue) = (difference("won"), difference("revenue_usd"));
        let _ = writeln!(text, "| {rate} | {name} | {won} | {revenue} | {by_won} | {by_revenue} |");
    }
    text
}

/// The number of a strategy's leases by the cards that their pods were handed, what they paid, and what the rates ask for
/// these cards. Leases with cards of both kinds are added up, whichever replica has which.
fn cards(entry: &Value) -> BTreeMap<&str, (u64, Decimal, Decimal)> {
    let mut cards: BTreeMap<&str, (u64, Decimal, Decimal)> = BTreeMap::new();
    for card in entry["by_card"].as_array().unwrap() {
        let gpu = card["gpu"].as_str().unwrap();
        let (leases, paid, own) = cards.entry(if gpu.contains('+') { "both" } else { gpu }).or_default();
        *leases += card["leases"].as_u64().unwrap();
        *paid += decimal(&card["paid_usd"]);
        *own += decimal(&card["own_usd"]);
    }
    cards
}

/// What leases paid by the cards that their pods were handed, against what the rates ask for these.
fn by_card(answer: &Value) -> String {
    let mut text = "| orders | strategy | handed out | leases | paid, USD | by the rates, USD | paid of that |\n|---|---|---|--:|--:|--:|--:|\n".to_owned();
    for entry in answer["strategies"].as_array().unwrap() {
        let (rate, name) = (entry["axes"][RATE].as_str().unwrap(), entry["name"].as_str().unwrap());
        for (gpu, (leases, paid, own)) in cards(entry) {
            let share = (paid * Decimal::ONE_HUNDRED / own).round_dp(1);
            let (paid, own) = (paid.round_dp(0), own.round_dp(0));
            let _ = writeln!(text, "| {rate} | {name} | {gpu} | {leases} | {paid} | {own} | {share} % |");
        }
    }
    text
}
