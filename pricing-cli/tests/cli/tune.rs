//! `bidprice tune`: its answers, exit codes and files.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::programs::BIDPRICE;

/// An order for an H100 on a day, for which the only rival bids so many USD a month. Its lease lasts six hours.
fn order(number: u32, day: u32, rival: u32) -> Value {
    let at = format!("2026-01-{day:02}T{:02}:00:00Z", number % 12);
    let until = format!("2026-01-{day:02}T{:02}:00:00Z", number % 12 + 6);
    json!({
        "order_id": format!("akash1tenant/{number}/1/1"),
        "at": at,
        "height": number,
        "order": {
            "name": "dcloud",
            "requirements": { "signed_by": { "all_of": [], "any_of": [] }, "attributes": [] },
            "resources": [{
                "resource": {
                    "id": 1,
                    "cpu": { "units": { "val": "1000" }, "attributes": [] },
                    "memory": { "quantity": { "val": "1073741824" }, "attributes": [] },
                    "storage": [],
                    "gpu": { "units": { "val": "1" }, "attributes": [{ "key": "vendor/nvidia/model/h100", "value": "true" }] },
                    "endpoints": []
                },
                "count": 1,
                "price": { "denom": "uact", "amount": "1000000.000000000000000000" }
            }]
        },
        "max_price": null,
        "bids": [{ "provider": "akash1rival", "price": "1", "denom": "uact", "usd_per_month": rival.to_string(), "won": true }],
        "winner": "akash1rival",
        "lease": { "from": at, "until": until, "reason": "lease_closed_owner" }
    })
}

/// A folder with a history of some days with six orders each, of which every other one can be won at the current rate.
fn scene(days: u32) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let orders = (0..days * 6).map(|number| order(number, number / 6 + 1, if number % 2 == 0 { 2050 } else { 1800 }));
    let lines: String = orders.map(|order| format!("{order}\n")).collect();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("orders.jsonl", &lines);
    write("history.json", "{\"schema\":1,\"provider\":\"akash1us\"}");
    write(
        "rates.toml",
        "# ours\n[rates]\ncpu = \"1\"\nmemory = \"1\"\n[rates.gpu]\n\"h100\" = \"2000\" # list price\n",
    );
    write(
        "scenario.toml",
        "[orders]\nhistory = \".\"\n[inventory]\ndescribe = \"1 node x 8 h100\"\n[[strategy]]\nname = \"card\"\nrates = \
         \"rates.toml\"\n[market]\nobserved = true\n",
    );
    folder
}

fn tune(folder: &Path, more: &[&str]) -> Output {
    let args = ["tune", "scenario.toml", "--vary", "rates.gpu.h100=1500..2100", "--resamples", "40", "--threads", "2"];
    Command::new(BIDPRICE).args(args).args(more).current_dir(folder).env_clear().output().unwrap()
}

#[test]
fn a_rate_that_loses_every_other_order_is_lowered() {
    let folder = scene(10);
    let output = tune(folder.path(), &["--output", "json", "--apply", "new.toml", "--report", "report.html"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{said}");
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&answer["schema"], &answer["decision"]), (&json!(1), &json!("change")));
    assert_eq!(answer["current"]["rates.gpu.h100"], "2000");
    let number = |value: &Value| value.as_str().unwrap().parse::<f64>().unwrap();
    let proposal = number(&answer["proposal"]["rates.gpu.h100"]);
    assert!((1700.0..1800.0).contains(&proposal), "{proposal}");
    // Twice the orders at nine tenths of the price or a little less.
    assert!((60.0..90.0).contains(&number(&answer["gain_percent"]["mean"])), "{}", answer["gain_percent"]);
    assert!(number(&answer["gain_usd"]["low"]) > 0.0);
    assert!(answer["curve"].as_array().unwrap().len() > 10);
    let applied = fs::read_to_string(folder.path().join("new.toml")).unwrap();
    assert!(applied.starts_with("# ours\n[rates]\ncpu = \"1\"\n"), "{applied}");
    assert!(applied.contains(&format!("\"h100\" = \"{proposal}\" # was \"2000\"; list price")), "{applied}");
    let report = fs::read_to_string(folder.path().join("report.html")).unwrap();
    assert!(report.contains("Lower h100 from 2,000 to") && report.contains("<svg"));
}

#[test]
fn the_terminal_has_the_sentence_first_and_fits() {
    let folder = scene(8);
    let output = tune(folder.path(), &[]);
    let shown = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{shown}");
    assert!(shown.starts_with("Lower h100 from 2,000 to 1,7") && shown.contains("8 days of 48 orders"), "{shown}");
    assert!(shown.contains("What to doubt:") && shown.contains("If rivals follow down"), "{shown}");
    assert!(shown.lines().all(|line| line.chars().count() <= 120), "{shown}");
}

#[test]
fn with_too_little_data_nothing_is_decided_or_written() {
    let folder = scene(3);
    let output = tune(folder.path(), &["--output", "json", "--apply", "new.toml"]);
    assert_eq!(output.status.code(), Some(4));
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["decision"], "need-more-data");
    assert!(answer["more_days"].as_u64().unwrap() >= 4);
    assert!(!folder.path().join("new.toml").exists());
    assert!(String::from_utf8_lossy(&output.stderr).contains("not written"));
}

#[test]
fn a_largest_step_bounds_the_proposal() {
    let folder = scene(10);
    let bounded = tune(folder.path(), &["--output", "json", "--max-step", "5%"]);
    let answer: Value = serde_json::from_slice(&bounded.stdout).unwrap();
    let proposal: f64 = answer["proposal"]["rates.gpu.h100"].as_str().unwrap().parse().unwrap();
    assert!(proposal >= 1900.0, "{proposal}");
}

#[test]
fn nothing_of_the_warm_up_counts() {
    let folder = scene(10);
    let orders = |more: &[&str]| {
        let output = tune(folder.path(), &[&["--output", "json"], more].concat());
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        answer["curve"][0]["kinds"][0]["orders"].as_u64().unwrap()
    };
    // Six orders a day.
    assert_eq!(orders(&["--set", "orders.warm_up=3d"]), 60);
    assert_eq!(orders(&["--set", "orders.duration=10d", "--set", "orders.warm_up=4d"]), 36);
    let none = tune(folder.path(), &["--set", "orders.duration=4d", "--set", "orders.warm_up=4d"]);
    let said = String::from_utf8_lossy(&none.stderr);
    assert!(none.status.code() == Some(1) && said.contains("orders.warm_up"), "{said}");
}

#[test]
fn relative_times_are_doubted() {
    let folder = scene(8);
    let doubted = || String::from_utf8(tune(folder.path(), &[]).stdout).unwrap().contains("only right relative");
    assert!(!doubted());
    fs::write(folder.path().join("history.json"), "{\"schema\":1,\"provider\":\"akash1us\",\"relative_times\":true}")
        .unwrap();
    assert!(doubted());
}

#[test]
fn what_makes_no_sense_is_refused() {
    let folder = scene(8);
    let cases: [(&[&str], i32, &str); 5] = [
        (&["--vary", "rates.gpu.t4=60..90"], 1, "rates.gpu.t4"),
        (&["--vary", "rates.cpu=2..1"], 2, "lower value"),
        (&["--objective", "profit"], 2, "--costs"),
        (&["--objective", "happiness"], 2, "utilisation-at-least"),
        (&["--resamples", "10"], 2, "resamples"),
    ];
    for (more, exit, expected) in cases {
        let output = tune(folder.path(), more);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(exit), "{more:?}: {said}");
        assert!(said.contains(expected), "{more:?}: {said}");
    }
}

#[test]
fn what_the_scenario_sets_is_in_the_card_that_is_written() {
    let folder = scene(10);
    let output = tune(folder.path(), &["--set", "strategy.0.set.rates.cpu=2", "--apply", "new.toml"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    let applied = fs::read_to_string(folder.path().join("new.toml")).unwrap();
    assert!(applied.contains("cpu = 2 # was \"1\"\n") && applied.contains("# was \"2000\"; list price"), "{applied}");
    // A key that is not in the card is found before the replays.
    let output = tune(folder.path(), &["--set", "strategy.0.set.rates.ip=5", "--apply", "other.toml"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(1) && said.contains("no value at `rates.ip`"), "{said}");
}

#[test]
fn only_a_rate_card_is_overwritten() {
    let folder = scene(10);
    fs::write(folder.path().join("bidprice.toml"), "[listen]\nsocket = \"bidprice.sock\"\n").unwrap();
    for name in ["scenario.toml", "bidprice.toml", "orders.jsonl", "."] {
        let path = folder.path().join(name);
        let before = fs::read(&path).ok();
        let output = tune(folder.path(), &["--apply", name]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{name}: {said}");
        assert!(said.contains("is not a rate card"), "{name}: {said}");
        assert_eq!(fs::read(&path).ok(), before, "{name}");
    }
    let output = tune(folder.path(), &["--apply", "new.toml", "--report", "./new.toml"]);
    assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stderr));
    let output = tune(folder.path(), &["--apply", "rates.toml"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(fs::read_to_string(folder.path().join("rates.toml")).unwrap().contains("# was \"2000\""));
}

#[test]
fn a_key_that_nobody_knows_gets_the_nearest_one() {
    let folder = scene(1);
    let vary = |key: &str, more: &[&str]| {
        let args = ["tune", "scenario.toml", "--vary", key];
        let output =
            Command::new(BIDPRICE).args(args).args(more).current_dir(folder.path()).env_clear().output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stderr).unwrap()
    };
    let said = vary("rates.cpuu=1..2", &[]);
    assert!(said.contains("did you mean `cpu`?") && !said.contains("write it there"), "{said}");
    assert!(vary("rates.ip=1..2", &[]).contains("write it there first"));
    // Orders that are made up are no history, and the message names no key that nobody wrote.
    let orders = "[orders]\nduration = \"1d\"\n[orders.arrivals]\nrate = \"1/h\"\n[orders.generate]\n";
    let text = fs::read_to_string(folder.path().join("scenario.toml")).unwrap();
    fs::write(folder.path().join("scenario.toml"), text.replace("[orders]\nhistory = \".\"\n", orders)).unwrap();
    let said = vary("rates.cpu=1..2", &[]);
    assert!(said.contains("`orders.history`") && !said.contains("resample"), "{said}");
}
