//! `bidprice outcomes report`, and outcomes in a bid log.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a broken test must say so at once")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};

use testkit::chain::made_up;
use testkit::chain_node::{Behaviour, ChainNode, Failure};

use crate::scripts::{Folder, Ran, bidprice};
use crate::service::Program;

const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/market");
const PROVIDER: &str = "akash1hunt6j3t954jx7cn85v93ukpr9ckskkp0slfqf";

/// A folder with the history of the made-up month.
fn with_history() -> Folder {
    let folder = Folder::new();
    let files = fs::read_dir(EXAMPLES).unwrap().map(|entry| entry.unwrap().path().to_str().unwrap().to_owned());
    let files: Vec<String> = files.filter(|name| name.ends_with(".json")).collect();
    let mut args = vec!["market", "pull", "--provider", PROVIDER, "--usd-per-akt", "0.5", "-o", "history"];
    args.push("--from-files");
    args.extend(files.iter().map(String::as_str));
    assert_eq!(folder.run(&args).exit, Some(0));
    folder
}

/// The orders of the history that the provider bid on, with its bid.
fn own(folder: &Folder) -> Vec<(Value, Value)> {
    let text = fs::read_to_string(folder.path("history/orders.jsonl")).unwrap();
    let orders = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let own = |order: &Value| order["bids"].as_array().unwrap().iter().find(|bid| bid["provider"] == PROVIDER).cloned();
    orders.filter_map(|order| own(&order).map(|bid| (order, bid))).collect()
}

/// A decision that is a bid, as the service writes it for the drop-in.
fn decision(sequence: usize, owner: &str, order: Option<&str>, bid: &Value) -> String {
    let digest = format!("sha256:{}", "0".repeat(64));
    let order_id = order.map(|id| {
        let parts: Vec<&str> = id.split('/').collect();
        let number = |place: usize| parts[place].parse::<u64>().unwrap();
        json!({ "owner": parts[0], "dseq": number(1), "gseq": number(2), "oseq": number(3) })
    });
    let quote = json!({ "decision": "bid", "price": { "amount": bid["price"], "denom": bid["denom"] },
        "usd_per_month": bid["usd_per_month"], "reason": null });
    // A line begins with these fields.
    let rest = json!({ "time": bid["at"], "call": "quote", "order_id": order_id, "owner": owner, "order": "{}",
        "group": { "index": 0, "name": "g" }, "rates": digest, "scheduler": "sound", "search_steps": 1, "quote": quote });
    let rest = rest.to_string();
    format!("{{\"schema\":1,\"kind\":\"decision\",\"sequence\":{sequence},{}\n", &rest[1..])
}

fn put_log(folder: &Folder, lines: &str) {
    fs::create_dir_all(folder.path("log")).unwrap();
    fs::set_permissions(folder.path("log"), fs::Permissions::from_mode(0o700)).unwrap();
    folder.put("log/bids-20261001T000000Z-00000001.jsonl", lines);
}

fn report(folder: &Folder, more: &[&str]) -> Ran {
    folder.run(&[&["outcomes", "report", "--folder", "history"], more].concat())
}

#[test]
fn the_report_counts_every_bid_once() {
    let folder = with_history();
    let own = own(&folder);
    let answer = report(&folder, &["--output", "json"]).json();
    let won = own.iter().filter(|(_, bid)| bid["won"] == true).count();
    let total = &answer["total"];
    assert_eq!((&answer["schema"], &answer["provider"]), (&json!(1), &json!(PROVIDER)));
    assert_eq!((&total["bids"], &total["won"]), (&json!(own.len()), &json!(won)));
    let lost = own.iter().filter(|(order, bid)| bid["won"] == false && !order["winner"].is_null()).count();
    assert_eq!((&total["lost"], &total["distance_known"]), (&json!(lost), &json!(lost)));
    let rows = answer["by_cards"].as_array().unwrap();
    for field in ["bids", "won", "lost", "no_lease", "open", "withdrawn", "unknown"] {
        let sum: u64 = rows.iter().map(|row| row[field].as_u64().unwrap()).sum();
        assert_eq!(Some(sum), total[field].as_u64(), "{field}");
    }
    let running = own.iter().filter(|(order, bid)| bid["won"] == true && order["lease"]["until"].is_null()).count();
    let ended: u64 = answer["leases"]["ended"].as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum();
    assert_eq!(answer["leases"]["running"], json!(running));
    assert_eq!(usize::try_from(ended).unwrap() + running, won);
    assert_eq!(answer["decisions"], Value::Null);

    let table = report(&folder, &[]);
    assert_eq!(table.exit, Some(0));
    assert!(table.stdout.lines().all(|line| line.chars().count() <= 120), "{}", table.stdout);
    for part in ["nvidia/h100", "win rate", "USD a month", "name the bid log with `--log`"] {
        assert!(table.stdout.contains(part), "{part}: {}", table.stdout);
    }
}

#[test]
fn bids_are_joined_with_decisions_and_two_that_fit_are_not_guessed() {
    let folder = with_history();
    let own = own(&folder);
    let id = |place: usize| own[place].0["order_id"].as_str().unwrap();
    let owner = |place: usize| id(place).split('/').next().unwrap();
    let mut lines = decision(1, owner(0), Some(id(0)), &own[0].1);
    lines += &decision(2, owner(1), None, &own[1].1);
    // The drop-in was asked twice at one price.
    lines += &decision(3, owner(2), None, &own[2].1);
    lines += &decision(4, owner(2), None, &own[2].1);
    put_log(&folder, &lines);
    let ran = report(&folder, &["--log", "log", "--output", "json"]);
    let decisions = &ran.json()["decisions"];
    assert_eq!(ran.exit, Some(0), "{}", ran.stderr);
    assert_eq!((&decisions["by_order_id"], &decisions["by_owner_price_and_time"]), (&json!(1), &json!(1)));
    assert_eq!((&decisions["matched"], &decisions["unmatched"]["ambiguous"]), (&json!(2), &json!(1)));
    let table = report(&folder, &["--log", "log"]).stdout;
    assert!(table.contains("1 by order id, 1 by owner, price and time"), "{table}");
    assert!(table.contains("1 that fit several decisions"), "{table}");

    // The same by the configuration, of one day.
    let since = own[own.len() - 20].1["at"].as_str().unwrap();
    let config = format!(
        "[rates]\n[bid_log]\nfolder = \"log\"\n[outcomes]\nrest = [\"https://n.example\"]\nprovider = \"{PROVIDER}\"\n\
         folder = \"history\"\n"
    );
    folder.put("bidprice.toml", &config);
    let ran = folder.run(&["outcomes", "report", "--config", "bidprice.toml", "--since", since, "--output", "json"]);
    let answer = ran.json();
    let bids = answer["total"]["bids"].as_u64().unwrap();
    assert!((1..=20).contains(&bids), "{answer:#}");
    assert_eq!(answer["decisions"]["matched"], json!(0));
}

#[tokio::test]
async fn a_service_that_is_killed_in_a_pull_goes_on_and_reports() {
    let chain = made_up(7, 6, 2);
    let own = chain.own_orders(0, chain.height).len();
    let node = ChainNode::start(Behaviour::good(chain.clone())).await;
    let mut program = Program::new();
    let config = format!(
        "[listen]\nsocket = \"bidprice.sock\"\n[feed]\nusd_per_akt = \"0.5\"\n[rates]\ncpu = \"1.60\"\n[bid_log]\n\
         folder = \"log\"\n[outcomes]\nrest = [\"{}\"]\nprovider = \"{}\"\nsince = \"400days\"\ninterval = \"10s\"\n\
         requests_per_second = 1000\n",
        node.url(),
        chain.provider
    );
    program.put("bidprice.toml", config);
    node.behave().failures = [(5, Failure::Hang)].into();
    program.start().await;
    node.wait_for(5).await;
    program.kill();
    node.behave().failures.clear();
    program.start().await;
    let status = program.until(|status| status.outcomes.as_ref().is_some_and(|outcomes| outcomes.complete > 0)).await;
    let outcomes = status.outcomes.unwrap();
    assert_eq!((outcomes.failed, outcomes.problem), (0, None));
    assert_eq!(status.bid_log.unwrap().written, u64::try_from(own).unwrap());
    program.kill();
    let report = bidprice(program.folder(), &["outcomes", "report", "--config", "bidprice.toml", "--output", "json"]);
    assert_eq!((report.exit, report.json()["total"]["bids"].clone()), (Some(0), json!(own)), "{}", report.stderr);
}

#[test]
fn what_cannot_be_read_is_an_error_that_says_what_to_do() {
    let folder = Folder::new();
    folder.put("bidprice.toml", "[rates]\n");
    for (args, exit, said) in [
        (vec!["--folder", "history"], 1, "there is no history yet"),
        (vec!["--config", "bidprice.toml"], 1, "it has no section `outcomes`"),
        (vec!["--log", "log"], 2, "--folder"),
        (vec![], 2, "--config"),
        (vec!["--folder", "history", "--since", "yesterday"], 2, "expected how long ago"),
    ] {
        let ran = folder.run(&[&["outcomes", "report"], &args[..]].concat());
        assert_eq!(ran.exit, Some(exit), "{args:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(said), "{args:?}: {}", ran.stderr);
    }
    let folder = with_history();
    put_log(&folder, "{\"schema\":1,\"kind\":\"decision\",\"sequence\":1,\"nonsense\":true}\n");
    let ran = report(&folder, &["--log", "log"]);
    assert_eq!(ran.exit, Some(4));
    assert!(ran.stderr.contains("1 line of the log cannot be read"), "{}", ran.stderr);
}

#[test]
fn a_report_without_bids_says_why() {
    let folder = with_history();
    let since = |since: &str| report(&folder, &["--since", since]).stdout;
    let manifest = fs::read_to_string(folder.path("history/history.json")).unwrap();
    let flags =
        |relative: bool| manifest.replace("true", &relative.to_string()).replace("false", &relative.to_string());
    folder.put("history/history.json", &flags(false));
    let shown = since("2100-01-01T00:00:00Z");
    assert!(shown.contains(PROVIDER) && shown.contains("are older than 2100-01-01T00:00:00Z; the newest"), "{shown}");
    folder.put("history/history.json", &flags(true));
    assert!(since("2100-01-01T00:00:00Z").contains("only right relative to each other"));
    folder.put("history/history.json", &manifest.replace(PROVIDER, "akash1nobody"));
    let shown = report(&folder, &[]).stdout;
    assert!(shown.contains("orders, and no bid of akash1nobody"), "{shown}");
    folder.put("history/orders.jsonl", "");
    assert!(report(&folder, &[]).stdout.contains("has no orders yet"));
    folder.put("history/history.json", &manifest.replace("\"schema\": 1", "\"schema\": 99"));
    let said = report(&folder, &[]).stderr;
    assert!(said.contains("this program reads histories of schema 1, and this one has schema 99"), "{said}");
    folder.put("history/history.json", &manifest);
    folder.put("history/orders.jsonl", "{\n");
    let said = report(&folder, &[]).stderr;
    assert!(
        said.contains("line 1, column 1: ") && !said.contains("at line") && said.contains("pull the market"),
        "{said}"
    );
}

#[cfg(feature = "service")]
#[test]
fn the_configured_log_may_not_be_there_yet_and_the_history_is_the_providers() {
    let folder = with_history();
    let configure = |provider: &str| {
        let text = format!(
            "[listen]\nsocket = \"s.sock\"\n[rates]\nfile = \"rates.toml\"\n[bid_log]\nfolder = \"log\"\n[outcomes]\nrest = \
             [\"https://rest.example.com\"]\nprovider = \"{provider}\"\nfolder = \"history\"\n"
        );
        folder.put("bidprice.toml", &text);
        folder.run(&["outcomes", "report", "--config", "bidprice.toml"])
    };
    folder.put("rates.toml", "[rates]\ncpu = \"1\"\n");
    let ran = configure(PROVIDER);
    assert_eq!(ran.exit, Some(0), "{}", ran.stderr);
    assert!(ran.stderr.contains("there is no bid log yet") && ran.stdout.contains("no bid log yet"), "{}", ran.stderr);
    let other = "akash1365yvmc4s7awdyj3n2sav7xfx76adc6dnmlx63";
    let ran = configure(other);
    assert_eq!(ran.exit, Some(1));
    assert!(ran.stderr.contains(PROVIDER) && ran.stderr.contains(other), "{}", ran.stderr);
}

/// The line of a pod that was predicted on `a` and `b`, each with a probability of one half, or on `a` alone.
fn placement(sequence: usize, at: &str, is_tie: bool, result: &str, seen: Option<(&str, &str)>) -> String {
    let node = |name: &str, probability: &str| json!({ "node": name, "kinds": [], "probability": probability });
    let predicted =
        if is_tie { vec![node("a", "0.500000"), node("b", "0.500000")] } else { vec![node("a", "1.000000")] };
    let rest = json!({ "time": at, "order_id": { "owner": "akash1tenant", "dseq": 1, "gseq": 1, "oseq": 1 },
        "group": { "index": 0, "name": "g" }, "decision": 1, "resource_id": 1, "replica": 1, "result": result,
        "reason": seen.is_none().then_some("not-seen"), "approximate": false, "predicted": predicted,
        "seen": seen.map(|(name, probability)| node(name, probability)) })
    .to_string();
    format!("{{\"schema\":1,\"kind\":\"placement\",\"sequence\":{sequence},{}\n", &rest[1..])
}

#[test]
fn the_report_shows_whether_probabilities_can_be_trusted() {
    let folder = with_history();
    let lines = [
        placement(1, "2026-10-01T00:00:00.000Z", false, "wrong", Some(("c", "0.000000"))),
        placement(2, "2026-10-20T00:00:00.000Z", true, "right", Some(("b", "0.500000"))),
        placement(3, "2026-10-20T00:00:00.000Z", false, "right", Some(("a", "1.000000"))),
        placement(4, "2026-10-20T00:00:00.000Z", false, "unknown", None),
    ];
    put_log(&folder, &lines.concat());
    let bin = |from: &str, to: &str, predicted: u64, expected: &str, seen: u64| json!({ "from_percent": from, "to_percent": to, "predicted": predicted, "expected": expected, "seen": seen });
    let report = |more: &[&str]| report(&folder, &[&["--log", "log"], more].concat());
    assert_eq!(
        report(&["--output", "json"]).json()["placements"],
        json!({ "right": 2, "same_kind": 0, "wrong": 1, "unknown": 1, "calibration": [bin("0", "0", 0, "0", 1),
            bin("50", "60", 2, "1", 1), bin("100", "100", 2, "2", 1)],
            "calibration_left_out": 0 })
    );
    assert!(!report(&[]).stdout.contains("leaves out"));
    // Only the period counts.
    let later = report(&["--since", "2026-10-10T00:00:00Z", "--output", "json"]).json();
    assert_eq!((&later["placements"]["wrong"], &later["placements"]["right"]), (&json!(0), &json!(2)));
    let shown = report(&[]).stdout;
    let (_, shown) =
        shown.split_once("Of 3 predicted pods whose node is known, 2 started on the likeliest node").unwrap();
    let row = |start: &str| {
        let row = shown.lines().find(|line| line.trim_start().starts_with(start)).unwrap_or_default();
        row.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert_eq!([row("50 to"), row("100 %")], ["50 to 60 % 2 1 1 50.0 %", "100 % 2 2 1 50.0 %"], "{shown}");
    // A line that does not list all nodes is not in the table, and one may be for several pods.
    let not_all = lines[1].replace("\"seen\"", "\"predicted_left_out\":100,\"seen\"");
    let several = lines[3].replace("\"replica\"", "\"pods\":30,\"replica\"");
    put_log(&folder, &[lines.concat(), not_all, several].concat());
    let placements = report(&["--output", "json"]).json()["placements"].clone();
    assert_eq!((&placements["right"], &placements["unknown"]), (&json!(3), &json!(31)));
    assert_eq!(
        (&placements["calibration"][1], &placements["calibration_left_out"]),
        (&bin("50", "60", 2, "1", 1), &json!(1))
    );
    let shown = report(&[]).stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(shown.contains("For 31 the node is not known. The table leaves out 1 pod, whose lines"), "{shown}");
}
