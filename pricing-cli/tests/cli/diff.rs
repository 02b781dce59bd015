//! `bidprice diff`: the same orders under rate cards, scripts, plugins and saved runs.

#![expect(clippy::unwrap_used, reason = "a broken test must say so at once")]

use std::fs;
use std::io::Read;
use std::process::Stdio;

use crate::decisions::{PLAIN, Sample, closed};
use crate::scripts::{Folder, RATES, SCRIPT, sdls};
use pricing_engine::bid_log::BidLog;
use pricing_engine::config::{self, Fsync};
use pricing_engine::decision::OrderRequest;
use serde_json::{Value, json};

const REQUEST: &str = r#"{"resources":[{"memory":1073741824,"cpu":1000,
  "gpu":{"units":1,"attributes":{"vendor":{"nvidia":{"model":"*"}}}},
  "storage":[],"count":1,"endpoint_quantity":0,"ip_lease_quantity":0}],
 "price":{"denom":"uact","amount":"100000.000000000000000000"},"price_precision":6}"#;

/// A timeout that no machine exceeds.
const PATIENT: [&str; 2] = ["--timeout", "10min"];

fn kinds(answer: &Value) -> Vec<&str> {
    answer
        .pointer("/difference/kinds")
        .and_then(Value::as_array)
        .unwrap()
        .iter()
        .map(|kind| kind["gpu"].as_str().unwrap())
        .collect()
}

#[test]
fn a_script_and_the_rate_card_made_of_it_agree_on_every_sdl() {
    let folder = Folder::new();
    folder.script("old.sh", SCRIPT);
    folder.put("new.toml", RATES);
    let orders = sdls();
    let common = ["diff", "old.sh", "new.toml", "--orders", &orders, "--usd-per-akt", "1", "--rates", "new.toml"];
    let common = [&common[..], &PATIENT].concat();
    let ran = folder.run(&[&common[..], &["--output", "json", "--fail-if", "lost>0", "--fail-if", "fault>0"]].concat());
    let answer = ran.json();
    let total = &answer["difference"]["total"];
    assert_eq!(ran.exit, Some(0), "{answer:#}");
    assert!(answer["orders"].as_u64().unwrap() > 50, "{answer:#}");
    // The script computes with floats, so the prices differ in their last decimals.
    let usd = |name: &str| total[name].as_str().unwrap().parse::<f64>().unwrap();
    assert!(usd("usd_before") > 1000.0 && (usd("usd_after") - usd("usd_before")).abs() < 1.0, "{total:#}");
    assert_eq!((&answer["a"]["kind"], &answer["b"]["kind"]), (&json!("script"), &json!("rates")));
}

#[test]
fn a_dearer_script_is_told_by_card_largest_first_and_fails_what_it_must() {
    let folder = Folder::new();
    folder.script("old.sh", SCRIPT);
    folder.put("new.toml", RATES);
    folder.put("order.json", REQUEST);
    let common = ["diff", "new.toml", "script:old.sh", "--orders", "order.json", "--env", "CARD=150"];
    let common = [&common[..], &PATIENT].concat();
    let failing = ["--fail-if", "dearer>0", "--fail-if", "usd>100", "--fail-if", "usd%>=48", "--output", "json"];
    let ran = folder.run(&[&common[..], &failing].concat());
    let answer = ran.json();
    assert_eq!(ran.exit, Some(3), "{answer:#}");
    let failed: Vec<&str> =
        answer["failed"].as_array().unwrap().iter().map(|failed| failed["condition"].as_str().unwrap()).collect();
    assert_eq!(failed, ["dearer>0", "usd%>=48"]);
    assert_eq!(answer["difference"]["total"]["dearer"], 1);
    assert_eq!(kinds(&answer), ["ambiguous"]);
    let largest = &answer["difference"]["largest"][0];
    assert!(largest["usd"].as_str().unwrap().starts_with("50.000"), "{largest:#}");
    let table = folder.run(&[&common[..], &["--fail-if", "dearer>0"]].concat());
    assert!(table.stdout.contains("--fail-if dearer>0 holds: it is 1"), "{}", table.stdout);
    assert_eq!(table.exit, Some(3));
}

#[test]
fn what_a_script_says_when_it_declines_is_told() {
    let folder = Folder::new();
    folder.script("no.sh", "#!/usr/bin/env bash\necho 'jq: command not found' >&2\nexit 127\n");
    folder.script("bad.sh", "#!/usr/bin/env bash\necho many\n");
    folder.put("new.toml", RATES);
    folder.put("order.json", REQUEST);
    let diff =
        |args: &[&str]| folder.run(&[&["diff", "new.toml"], args, &["--orders", "order.json"], &PATIENT].concat());
    let ran = diff(&["no.sh", "--output", "json"]);
    let answer = ran.json();
    assert_eq!((ran.exit, &answer["difference"]["total"]["lost"]), (Some(0), &json!(1)), "{answer:#}");
    let said = &answer["no_bid"][0];
    assert_eq!((&said["side"], &said["code"]), (&json!("b"), &json!("plugin-declined")));
    assert_eq!(said["message"], "jq: command not found");
    // No order was priced.
    let ran = diff(&["bad.sh", "--fail-if", "fault>0"]);
    assert_eq!(ran.exit, Some(4), "{}", ran.stdout);
    assert!(ran.stdout.contains("`many`"), "{}", ran.stdout);
}

#[test]
fn the_old_rule_is_dearer_than_the_card_that_is_there() {
    let folder = Folder::new();
    folder.put("card.toml", "[rates.gpu]\nt4 = \"80\"\nh100 = \"1900\"\n");
    folder.put("order.json", REQUEST);
    let inventory = json!({"nodes": [{"name": "n1", "resources": {
        "cpu": {"quantity": {"allocatable": "32", "allocated": "0"}},
        "memory": {"quantity": {"allocatable": "128Gi", "allocated": "0"}},
        "gpu": {"quantity": {"allocatable": "1", "allocated": "0"},
                "info": [{"vendor": "nvidia", "name": "t4", "modelid": "1eb8", "interface": "PCIe", "memory_size": "16Gi"}]},
        "ephemeral_storage": {"quantity": {"allocatable": "100Gi", "allocated": "0"}},
        "volumes_attached": {"allocatable": "0", "allocated": "0"},
        "volumes_mounted": {"allocatable": "0", "allocated": "0"}},
        "capabilities": {"storage_classes": []}}], "storage": []});
    folder.put("inventory.json", &inventory.to_string());
    let common =
        ["diff", "old:card.toml", "rates:card.toml", "--orders", "order.json", "--inventory", "inventory.json"];
    let ran = folder.run(&[&common[..], &["--output", "json"]].concat());
    let answer = ran.json();
    assert_eq!(
        (ran.exit, &answer["difference"]["total"]["cheaper"]),
        (Some(0), &json!(1)),
        "{answer:#} {}",
        ran.stderr
    );
    assert_eq!(kinds(&answer), ["nvidia/t4/16Gi/pcie"]);
    // A script receives the model that was allocated, as from the daemon.
    let body = "#!/usr/bin/env bash\nif grep -q '\"model\":\"t4\"'; then echo 1; else echo 2; fi\n";
    folder.script("told.sh", body);
    let told = |request: &str| {
        let args = ["diff", "card.toml", "told.sh", "--orders", "order.json", "--inventory", "inventory.json"];
        let answer = folder.run(&[&args[..], &["--request", request, "--output", "json"], &PATIENT].concat()).json();
        answer["difference"]["largest"][0]["after"]["price"]["amount"].as_str().unwrap().to_owned()
    };
    assert_eq!([told("allocated"), told("written")], ["1", "2"]);
}

#[test]
fn saved_runs_are_held_against_each_other_and_against_orders() {
    let folder = Folder::new();
    let row = |strategy: &str, order: u64, outcome: &str, price: Option<&str>| {
        json!({"run": 0, "cell": 0, "seed": 1, "strategy": strategy, "order": order, "id": format!("o{order}"),
               "at_ms": 0, "outcome": outcome, "price": price, "denom": price.map(|_| "uact"),
               "usd_per_month": price.map(|price| format!("{}00.000000000000", &price[..1])), "own_usd_per_month": null,
               "gpu": "nvidia/t4", "lease_ms": 0, "revenue_usd": "0"})
    };
    let rows = [
        row("card", 0, "won", Some("1.000000000000000000")),
        row("card", 1, "outbid", Some("2")),
        row("old", 0, "won", Some("3")),
        row("old", 1, "price-above-max", None),
    ];
    let lines: Vec<String> = rows.iter().map(ToString::to_string).collect();
    folder.put("run.jsonl", &(lines.join("\n") + "\n"));
    let csv = "run,cell,seed,strategy,order,id,at_ms,outcome,price,denom,usd_per_month,own_usd_per_month,gpu,lease_ms,revenue_usd\n\
               0,0,1,card,0,o0,0,won,1,uact,100,,nvidia/t4,0,0\n0,0,1,card,1,o1,0,insufficient-capacity,,,,,,0,0\n";
    folder.put("run.csv", csv);
    let both = ["diff", "run.jsonl", "run.jsonl", "--strategy-a", "card", "--strategy-b", "old", "--output", "json"];
    let answer = folder.run(&both).json();
    let total = &answer["difference"]["total"];
    assert_eq!((&total["orders"], &total["dearer"], &total["lost"]), (&json!(2), &json!(1), &json!(1)), "{answer:#}");
    assert_eq!(total["now_above_max"], 1);
    let answer = folder.run(&["diff", "run.jsonl", "run.csv", "--strategy-a", "card", "--output", "json"]).json();
    let total = &answer["difference"]["total"];
    assert_eq!((&total["same"], &total["lost"]), (&json!(1), &json!(1)), "{answer:#}");
    let several = folder.run(&["diff", "run.jsonl", "run.csv"]);
    assert_eq!(several.exit, Some(1));
    assert!(several.stderr.contains("--strategy-a") && several.stderr.contains("`card`, `old`"), "{}", several.stderr);
    // Orders that are not in the run are not compared with it.
    folder.put("new.toml", RATES);
    folder.put("order.json", REQUEST);
    let other = folder.run(&["diff", "run.csv", "new.toml", "--orders", "order.json"]);
    assert_eq!(other.exit, Some(1));
    assert!(other.stderr.contains("not the same orders"), "{}", other.stderr);
    folder.put("broken.csv", &csv.replace("won", "flown"));
    let broken = folder.run(&["diff", "broken.csv", "run.csv"]);
    assert_eq!(broken.exit, Some(1));
    assert!(broken.stderr.contains("line 2") && broken.stderr.contains("`flown`"), "{}", broken.stderr);
    fs::write(folder.path("empty.jsonl"), "").unwrap();
    let empty = folder.run(&["diff", "empty.jsonl", "run.csv"]);
    assert_eq!(empty.exit, Some(1));
    assert!(empty.stderr.contains("no decisions"), "{}", empty.stderr);
}

#[test]
fn what_cannot_be_meant_is_refused_before_anything_is_priced() {
    let folder = Folder::new();
    folder.put("new.toml", RATES);
    folder.put("order.json", REQUEST);
    folder.put("what.txt", "x");
    folder.put("plain.sh", "echo 1\n");
    fs::create_dir(folder.path("none")).unwrap();
    let cases: [(&[&str], i32, &str); 7] = [
        (&["new.toml", "new.toml"], 2, "--orders"),
        (&["new.toml", "what.txt", "--orders", "order.json"], 2, "rates:FILE"),
        (&["new.toml", "gone.toml", "--orders", "order.json"], 1, "gone.toml"),
        (&["new.toml", "gone", "--orders", "order.json"], 1, "this file or folder does not exist"),
        (&["new.toml", "plain.sh", "--orders", "order.json"], 1, "chmod +x"),
        (&["new.toml", "new.toml", "--orders", "none"], 1, "no orders"),
        (&["new.toml", "new.toml", "--orders", "order.json", "--fail-if", "dearest>0"], 2, "dearer>0"),
    ];
    for (args, exit, complaint) in cases {
        let ran = folder.run(&[&["diff"], args].concat());
        assert_eq!(ran.exit, Some(exit), "{args:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(complaint), "{args:?}: {}", ran.stderr);
    }
}

#[test]
fn streams_of_orders_are_read_as_the_simulation_reads_them() {
    let folder = Folder::new();
    folder.put("new.toml", RATES);
    folder.put("dear.toml", &RATES.replace("\"2\"", "\"3\""));
    folder.put("orders.csv", "id,at,cpu,memory\none,0,1,1Gi\ntwo,5,2,2Gi\n");
    let ran =
        folder.run(&["diff", "new.toml", "dear.toml", "--orders", "orders.csv", "--limit", "1", "--output", "json"]);
    let answer = ran.json();
    assert_eq!((ran.exit, &answer["orders"]), (Some(0), &json!(2)), "{answer:#}");
    let largest = answer["difference"]["largest"].as_array().unwrap();
    assert_eq!((largest.len(), &largest[0]["order_id"]), (1, &json!("two")));
    assert_eq!(kinds(&answer), ["none"]);
}

#[test]
fn what_a_simulation_decided_is_read_back_from_every_format() {
    let folder = Folder::new();
    folder.put("rates.toml", "[rates.gpu]\nt4 = \"80.5\"\nh100 = \"1900\"\n");
    folder.put(
        "scenario.toml",
        "seed = 3\nname = \"saved\"\n[orders]\ngenerate = { orders = 30, gpus = { t4 = 2, h100 = 1 }, wildcard_share = 0.5 }\n\
         arrivals = { rate = \"10/h\" }\nlifetime = { typical = \"2h\" }\n\
         [inventory]\ndescribe = \"2 nodes x 4 t4/16Gi/pcie\"\n\
         [[strategy]]\nname = \"card\"\nrates = \"rates.toml\"\n[[strategy]]\nname = \"old\"\nrates = \"rates.toml\"\ngpu = \"highest-wildcard\"\n\
         [sweep]\nseeds = 2\n",
    );
    let mut answers = Vec::new();
    for ending in ["jsonl", "csv", "parquet"] {
        let file = format!("decisions.{ending}");
        assert_eq!(folder.run(&["simulate", "scenario.toml", "--decisions", &file]).exit, Some(0));
        let args =
            ["diff", &file, &file, "--strategy-a", "card", "--strategy-b", "old", "--run", "1", "--output", "json"];
        answers.push(folder.run(&args).json()["difference"].clone());
        assert_eq!(answers[0]["total"]["orders"], 30);
        assert!(answers[0]["total"]["dearer"].as_u64().unwrap() > 0, "{:#}", answers[0]);
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]));
}

#[test]
fn the_daemons_scales_are_a_subject_that_is_made_of_the_environment() {
    let folder = Folder::new();
    folder.put("new.toml", RATES);
    folder.put("order.json", REQUEST);
    let args = ["diff", "scale", "new.toml", "--orders", "order.json", "--rates", "new.toml", "--output", "json"];
    let run = |env: &[(&str, &str)]| {
        let mut command = crate::programs::bidprice();
        let output = command.args(args).current_dir(folder.path("")).envs(env.iter().copied()).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    // A thread at 2 and a GiB at 1 USD a month. The card at 100 is not priced by scales.
    let (exit, stdout, stderr) = run(&[("AKASH_BID_PRICE_CPU_SCALE", "0.006978")]);
    assert_eq!(exit, Some(0), "{stderr}");
    let answer: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((&answer["a"]["kind"], &answer["b"]["kind"]), (&json!("scale"), &json!("rates")), "{answer:#}");
    let total = &answer["difference"]["total"];
    assert_eq!((&total["orders"], &total["dearer"]), (&json!(1), &json!(1)), "{total:#}");
    // 6.978 uact a block.
    assert_eq!(total["usd_before"], "2.999905002", "{total:#}");
    let (exit, _, stderr) = run(&[]);
    assert!(exit == Some(1) && stderr.contains("at least one bid price must be a non-zero number"), "{stderr}");
}

#[test]
fn orders_in_uakt_without_a_rate_are_refused_with_what_to_do() {
    let folder = Folder::new();
    folder.put("new.toml", RATES);
    folder.put("dear.toml", &RATES.replace("\"2\"", "\"3\""));
    folder.script("old.sh", SCRIPT);
    fs::create_dir(folder.path("orders")).unwrap();
    folder.put("orders/a.json", REQUEST);
    folder.put("orders/b.json", &REQUEST.replace("uact", "uakt"));
    for a in ["new.toml", "old:new.toml", "old.sh"] {
        let common = ["diff", a, "dear.toml", "--orders", "orders", "--rates", "new.toml"];
        let ran = folder.run(&[&common[..], &PATIENT].concat());
        assert_eq!((ran.exit, ran.stdout.as_str()), (Some(2), ""), "{a}: {}", ran.stderr);
        for words in ["`uakt`", "`--usd-per-akt`", "`[feed]`", "1 order of 2 needs it, the first is `b.json`"] {
            assert!(ran.stderr.contains(words), "{a}: `{words}` is not in {}", ran.stderr);
        }
        let answer = folder.run(&[&common[..], &["--output", "json"], &PATIENT].concat()).json();
        assert_eq!(answer["error"]["code"], "usage", "{answer:#}");
        let ran = folder.run(&[&common[..], &["--usd-per-akt", "1", "--output", "json"], &PATIENT].concat());
        let answer = ran.json();
        assert_eq!((ran.exit, &answer["faults"]), (Some(0), &json!({"a": 0, "b": 0})), "{answer:#}");
        assert_eq!(answer["difference"]["total"]["dearer"], 2, "{answer:#}");
    }
}

/// A bid log of orders in uakt, each with what an AKT was worth when it was answered, and the rate card that priced
/// them.
fn bid_log(folder: &Folder, rates: &[Option<&str>]) -> String {
    let config = config::BidLog { folder: folder.path("log"), file_bytes: 64 << 20, files: 4, fsync: Fsync::Never };
    let log = BidLog::open(&config).unwrap();
    for (number, rate) in rates.iter().enumerate() {
        let mut sample = Sample::plain(number);
        let name = sample.request.name.take();
        sample.request = OrderRequest::read(PLAIN.replace("uact", "uakt")).unwrap();
        sample.request.name = name;
        sample.live.usd_per_akt = rate.map(|rate| rate.parse().unwrap());
        let _ = sample.record(&log);
    }
    closed(&log);
    folder.put("card.toml", "[rates]\ncpu = \"1.60\"\n[rates.gpu]\nt4 = \"80\"\n\"*\" = \"120\"\n");
    let file = fs::read_dir(folder.path("log")).unwrap().map(|entry| entry.unwrap().path());
    let mut files = file.filter(|path| path.extension().is_some_and(|ending| ending == "jsonl"));
    files.next().unwrap().to_str().unwrap().to_owned()
}

#[test]
fn each_order_of_a_bid_log_is_priced_at_the_rate_that_was_recorded_with_it() {
    let folder = Folder::new();
    bid_log(&folder, &[Some("0.5"), Some("1"), Some("4")]);
    // The recorded bids are in three sizes. They come out again at their own rates, whatever is said beside them.
    for more in [&[][..], &["--usd-per-akt", "9"]] {
        let ran = folder.run(&[&["diff", "log", "card.toml", "--output", "json"], more].concat());
        let answer = ran.json();
        let total = &answer["difference"]["total"];
        assert_eq!((ran.exit, &total["orders"], &total["same"]), (Some(0), &json!(3), &json!(3)), "{answer:#}");
    }
    let ran = folder.run(&["diff", "old:card.toml", "card.toml", "--orders", "log", "--output", "json"]);
    let answer = ran.json();
    assert_eq!((ran.exit, &answer["faults"]), (Some(0), &json!({"a": 0, "b": 0})), "{answer:#}");
    assert!(answer["difference"]["total"]["usd_after"] != "0", "{answer:#}");
}

#[test]
fn a_line_of_a_bid_log_that_has_no_rate_takes_the_one_of_the_command_line() {
    let folder = Folder::new();
    bid_log(&folder, &[Some("0.5"), None]);
    let diff = ["diff", "log", "card.toml", "--output", "json"];
    let ran = folder.run(&diff);
    assert_eq!(ran.exit, Some(2), "{}", ran.stdout);
    assert!(ran.stderr.contains("1 order of 2 needs it"), "{}", ran.stderr);
    let answer = folder.run(&[&diff[..], &["--usd-per-akt", "1"]].concat()).json();
    let total = &answer["difference"]["total"];
    assert_eq!((&total["same"], &total["won"]), (&json!(1), &json!(1)), "{answer:#}");
}

#[test]
fn orders_that_cannot_be_read_are_left_out_counted_and_named() {
    let folder = Folder::new();
    folder.put("new.toml", RATES);
    folder.put("dear.toml", &RATES.replace("\"2\"", "\"3\""));
    folder.put("orders.csv", "id,at,cpu,memory\none,0,1,1Gi\ntwo,5,x,2Gi\nthree,6\nfour,7,1,1Gi\n");
    let lines =
        ["{\"at\":0,\"cpu\":1,\"memory\":\"1Gi\"}", "{\"at\":0,", "[]", "{\"at\":1,\"cpu\":1,\"memory\":\"1Gi\"}"];
    folder.put("orders.jsonl", &lines.join("\n"));
    fs::create_dir(folder.path("orders")).unwrap();
    folder.put("orders/a.json", REQUEST);
    folder.put("orders/b.json", "{\n\"resources\": 1}");
    folder.put("orders/c.json", &REQUEST.replace("1073741824", "-1"));
    folder.put("orders/d.json", REQUEST);
    for (orders, first) in
        [("orders.csv", "orders.csv:3"), ("orders.jsonl", "orders.jsonl:2"), ("orders", "orders/b.json")]
    {
        let diff = ["diff", "new.toml", "dear.toml", "--orders", orders];
        let ran = folder.run(&diff);
        assert_eq!(ran.exit, Some(0), "{orders}: {}", ran.stderr);
        let headline = "2 orders, A against B; 2 more orders could not be read and were left out.\n";
        assert!(ran.stdout.starts_with(headline), "{}", ran.stdout);
        assert!(
            ran.stderr.starts_with("warning: 2 orders cannot be read and are left out (--strict"),
            "{}",
            ran.stderr
        );
        assert_eq!(ran.stderr.lines().count(), 3, "{}", ran.stderr);
        assert!(ran.stderr.contains(&format!("\n  {first}")), "{}", ran.stderr);
        let answer = folder.run(&[&diff[..], &["--output", "json"]].concat()).json();
        assert_eq!((&answer["orders"], &answer["skipped"]["orders"]), (&json!(2), &json!(2)), "{answer:#}");
        let place = answer["skipped"]["first"][0]["place"].as_str().unwrap();
        assert!(place.starts_with(first) && answer["skipped"]["first"][1]["message"].is_string(), "{answer:#}");
        let strict = folder.run(&[&diff[..], &["--strict"]].concat());
        assert_eq!((strict.exit, strict.stdout.as_str()), (Some(1), ""), "{orders}: {}", strict.stderr);
        assert!(strict.stderr.contains(first.split(':').next().unwrap()), "{}", strict.stderr);
    }
    folder.put("bad.csv", "id,at,cpu,memory\none,0,x,1Gi\n");
    let none = folder.run(&["diff", "new.toml", "dear.toml", "--orders", "bad.csv"]);
    assert_eq!(none.exit, Some(1));
    assert!(
        none.stderr.contains("no order can be read: 1 order left out, the first at bad.csv:2: "),
        "{}",
        none.stderr
    );
    // One order alone is not left out.
    let alone = folder.run(&["diff", "new.toml", "dear.toml", "--orders", "orders/b.json"]);
    assert_eq!(alone.exit, Some(1), "{}", alone.stdout);
    // Where all can be read, nothing is said.
    let ran = folder.run(&["diff", "new.toml", "dear.toml", "--orders", "orders/a.json", "--output", "json"]);
    assert!(ran.stderr.is_empty() && ran.json().get("skipped").is_none(), "{}{}", ran.stdout, ran.stderr);
}

#[test]
fn many_that_cannot_be_read_are_counted_and_a_few_named() {
    let folder = Folder::new();
    folder.put("new.toml", RATES);
    let rows: String = (0..40).map(|row| format!("{row},{},1Gi\n", if row == 7 { "1" } else { "x" })).collect();
    folder.put("orders.csv", &format!("at,cpu,memory\n{rows}"));
    let ran = folder.run(&["diff", "new.toml", "new.toml", "--orders", "orders.csv"]);
    assert!(ran.stderr.contains("39 orders cannot be read") && ran.stderr.contains("and 34 more"), "{}", ran.stderr);
    assert!(ran.stdout.starts_with("1 order, A against B; 39 more orders could not"), "{}", ran.stdout);
}

#[test]
fn a_damaged_line_of_a_bid_log_is_left_out_of_its_orders_and_of_its_answers() {
    let folder = Folder::new();
    let file = bid_log(&folder, &[Some("0.5"), Some("1")]);
    let written = fs::read_to_string(&file).unwrap();
    fs::write(&file, format!("garbage\n{written}")).unwrap();
    let diff = ["diff", "log", "card.toml", "--output", "json"];
    let ran = folder.run(&diff);
    let answer = ran.json();
    // The log is read for the orders and for the answers; the line is counted once.
    assert_eq!(
        (ran.exit, &answer["orders"], &answer["skipped"]["orders"]),
        (Some(0), &json!(2), &json!(1)),
        "{answer:#}"
    );
    let name = file.rsplit('/').next().unwrap();
    assert_eq!(answer["skipped"]["first"][0]["place"], format!("{name}:1"));
    let strict = folder.run(&[&diff[..], &["--strict"]].concat());
    assert_eq!(strict.exit, Some(1), "{}", strict.stdout);
    assert!(strict.stderr.contains(&format!("{name}:1")), "{}", strict.stderr);
}

#[test]
fn people_read_cents_names_and_lines_that_fit() {
    let folder = Folder::new();
    folder.put("new.toml", RATES);
    // Dearer by less than a cent a month.
    folder.put("dear.toml", &RATES.replace("cpu = \"2\"", "cpu = \"2.004\""));
    let usdc = "ibc/170C677610AC31DF0904FFE09CD3B5C657492170E7E52372E48756B71E56F2F1";
    folder.put("order.json", &REQUEST.replace("uact", usdc));
    let common = ["diff", "new.toml", "dear.toml", "--orders", "order.json"];
    let ran = folder.run(&common);
    assert!(ran.stdout.starts_with("1 order, A against B.\n"), "{}", ran.stdout);
    let all: Vec<&str> = ran.stdout.lines().find(|line| line.starts_with(" all")).unwrap().split_whitespace().collect();
    assert_eq!(all, ["all", "1", "1", "0", "0", "0", "0", "0", "0", "103.00", "103.00"], "{}", ran.stdout);
    assert!(ran.stdout.contains("1 order differs by less than a cent") && !ran.stdout.contains("Largest"));
    // JSON and conditions are exact.
    let exact = folder.run(&[&common[..], &["--output", "json", "--fail-if", "dearer>0"]].concat());
    let answer = exact.json();
    assert_eq!((exact.exit, &answer["difference"]["total"]["dearer"]), (Some(3), &json!(1)), "{answer:#}");
    assert_eq!(answer["difference"]["total"]["usd_after"], "103.004");

    folder.put("dear.toml", &RATES.replace("\"100\"", "\"150.125\""));
    folder.script("no.sh", &format!("#!/usr/bin/env bash\necho '{}' >&2\nexit 1\n", "many words ".repeat(40)));
    let ran = folder.run(&common);
    assert!(ran.stdout.contains("USDC") && !ran.stdout.contains("ibc/"), "{}", ran.stdout);
    assert!(ran.stdout.contains(" 50.12\n"), "{}", ran.stdout);
    let ran = folder.run(&[&["diff", "new.toml", "no.sh", "--orders", "order.json"], &PATIENT[..]].concat());
    assert!(ran.stdout.contains("many words"), "{}", ran.stdout);
    for line in ran.stdout.lines() {
        assert!(line.chars().count() <= 120, "{line}");
    }
}

#[test]
fn on_a_terminal_it_says_how_far_it_is() {
    let folder = Folder::new();
    let go = folder.path("go");
    folder.put("new.toml", RATES);
    folder.put("order.json", REQUEST);
    folder.script(
        "slow.sh",
        &format!("#!/usr/bin/env bash\nuntil test -e '{}'; do sleep 0.05; done\necho 1\n", go.display()),
    );
    let bidprice = crate::programs::BIDPRICE;
    let diff = format!("stty cols 100; exec '{bidprice}' diff new.toml slow.sh --orders order.json --timeout 10min");
    let mut command = std::process::Command::new("script");
    command.args(["-qefc", &diff, "/dev/null"]).current_dir(folder.path("")).env_remove("BIDPRICE_USD_PER_AKT");
    let spawned = command.env("TERM", "xterm").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let Ok(mut terminal) = spawned else {
        eprintln!("SKIPPED: `script` is not on this machine");
        return;
    };
    // The order is not answered before the progress is seen.
    let (mut screen, mut seen) = (terminal.stdout.take().unwrap(), Vec::new());
    let mut bytes = [0; 4096];
    loop {
        let read = screen.read(&mut bytes).unwrap_or(0);
        if read == 0 {
            break;
        }
        seen.extend_from_slice(&bytes[..read]);
        if String::from_utf8_lossy(&seen).contains("1/2 prices") {
            fs::write(&go, "").unwrap();
        }
    }
    let seen = String::from_utf8_lossy(&seen);
    assert!(go.exists() && seen.contains("1 order, A against B."), "{seen}");
    assert!(terminal.wait().unwrap().success(), "{seen}");
}
