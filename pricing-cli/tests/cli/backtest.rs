//! `bidprice backtest --bid-log`: off-policy estimates from the explored bids of a log.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::programs::BIDPRICE;

const FACTORS: [&str; 5] = ["0.97", "0.985", "1", "1.015", "1.03"];

fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/simulate")
}

/// The line of a decision: our bid on an order of the history, as if it had been varied by a factor.
fn line(sequence: usize, order: &Value, price: &str, base: &str, factor: &str) -> Value {
    let mut name = order["order_id"].as_str().unwrap().split('/');
    let owner = name.next().unwrap();
    let [dseq, gseq, oseq] = [(); 3].map(|()| name.next().unwrap().parse::<u64>().unwrap());
    json!({
        "schema": 1, "kind": "decision", "sequence": sequence, "call": "quote",
        "order_id": { "owner": owner, "dseq": dseq, "gseq": gseq, "oseq": oseq },
        "order": order["order"].to_string(), "group": { "index": 0, "name": "dcloud" },
        "rates": format!("sha256:{}", "0".repeat(64)), "scheduler": "sound", "search_steps": 1,
        "explore": { "spread": "3%", "draw": "7" },
        "quote": {
            "group": "dcloud", "decision": "bid", "price": { "denom": "uact", "amount": price }, "reason": null,
            "explored": {
                "factor": factor, "base_price": { "denom": "uact", "amount": price }, "base_usd_per_month": base,
                "propensity": "0.2", "factors": FACTORS,
            },
        },
    })
}

/// A bid log with a line for each of our bids in the example's history. Prices were varied from what the strategy asks now.
fn log(folder: &Path, change: impl Fn(&mut Value)) {
    let history = example().join("history");
    let manifest: Value = serde_json::from_str(&fs::read_to_string(history.join("history.json")).unwrap()).unwrap();
    let text = fs::read_to_string(history.join("orders.jsonl")).unwrap();
    let mut lines = String::new();
    for (number, order) in text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).enumerate() {
        let ours = order["bids"].as_array().unwrap().iter().find(|bid| bid["provider"] == manifest["provider"]);
        let Some(bid) = ours else { continue };
        let usd = bid["usd_per_month"].as_str().unwrap();
        let price = bid["price"].as_str().unwrap();
        // The strategy asks about 2.7 % less than the bids of then in the median: the lowest level matches often.
        let mut line = line(number + 1, &order, price.trim_end_matches('0'), usd, FACTORS[number % 5]);
        change(&mut line);
        lines.push_str(&format!("{line}\n"));
    }
    fs::create_dir_all(folder.join("objects")).unwrap();
    fs::write(folder.join("bids-20260901T000000Z-00000001.jsonl"), &lines).unwrap();
}

fn backtest(log: &Path, more: &[&str]) -> Output {
    let scenario = example().join("history.toml");
    Command::new(BIDPRICE).arg("backtest").arg(scenario).arg("--bid-log").arg(log).args(more).output().unwrap()
}

#[test]
fn the_explored_bids_of_a_log_stand_beside_the_replay() {
    let folder = tempfile::tempdir().unwrap();
    log(folder.path(), |_| {});
    let found = backtest(folder.path(), &["--output", "json"]);
    assert!(found.status.success(), "{}", String::from_utf8_lossy(&found.stderr));
    let answer: Value = serde_json::from_slice(&found.stdout).unwrap();
    let off = &answer["off_policy"];
    let number = |key: &str| off[key].as_u64().unwrap();
    assert_eq!((number("explored"), number("not_in_history"), number("other_price")), (131, 0, 0));
    assert_eq!(number("declined") + number("bids") + number("outside_folds"), 131);
    let unsupported = off["unsupported"]["bids"].as_u64().unwrap();
    assert_eq!(number("supported") + unsupported, number("bids"));
    assert!(number("matching") > 5 && number("matching") < number("supported"), "{off}");
    for estimate in ["inverse_propensity", "self_normalised", "doubly_robust"] {
        for figure in ["win_rate", "revenue_usd"] {
            let of = |end: &str| off[estimate][figure][end].as_str().unwrap().parse::<f64>().unwrap();
            assert!(of("low") < of("mean") && of("mean") < of("high"), "{estimate} {figure}: {off}");
        }
    }
    let shown = backtest(folder.path(), &[]);
    let text = String::from_utf8_lossy(&shown.stdout);
    for said in ["For the strategy `today`", "doubly robust", "effective sample", "Of 131 explored orders"] {
        assert!(text.contains(said), "{said}: {text}");
    }
}

#[test]
fn a_log_that_is_damaged_or_has_no_explored_bids_says_so() {
    let folder = tempfile::tempdir().unwrap();
    log(folder.path(), |line| line["quote"]["explored"]["factor"] = "0.9".into());
    let found = backtest(folder.path(), &[]);
    let said = String::from_utf8_lossy(&found.stderr);
    assert_eq!(found.status.code(), Some(1));
    assert!(said.contains("not among its factors") && said.contains(".jsonl:1:"), "{said}");
    log(folder.path(), |line| line["quote"]["explored"] = Value::Null);
    let found = backtest(folder.path(), &[]);
    let said = String::from_utf8_lossy(&found.stderr);
    assert!(found.status.success() && said.contains("has no explored bid"), "{said}");
}
