//! `bidprice diff`: the same orders under rate cards, scripts, plugins and saved runs.

#![expect(clippy::unwrap_used, reason = "a broken test must say so at once")]

use std::fs;

use crate::scripts::{Folder, RATES, SCRIPT, sdls};
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
        (&["new.toml", "gone", "--orders", "order.json"], 1, "no such file"),
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
