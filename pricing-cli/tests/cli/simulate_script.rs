//! A bid price script as a strategy of `bidprice simulate`.

use std::fs;

use crate::scripts::{Folder, RATES, SCRIPT};

fn scenario(script: &str) -> String {
    format!(
        r#"
[orders]
csv = "orders.csv"
[inventory]
describe = "1 nodes x 2 t4/16Gi/pcie"
[[strategy]]
name = "card"
rates = "card.toml"
[[strategy]]
name = "old"
rates = "card.toml"
{script}
"#
    )
}

fn folder() -> Folder {
    let folder = Folder::new();
    folder.put("card.toml", RATES);
    let orders: String = (0..40).map(|order| format!("{order},{order},1,1Gi,1,t4,5\n")).collect();
    folder.put("orders.csv", &format!("id,at,cpu,memory,gpu_units,gpu,lifetime\n{orders}"));
    folder
}

#[test]
fn a_script_prices_as_the_rate_card_made_of_it_with_one_process_for_all_like_orders() {
    let folder = folder();
    let counted = SCRIPT.replacen("request=$(cat)", "request=$(cat)\necho run >> \"$RUNS\"", 1);
    folder.script("old.sh", &counted);
    let runs = folder.path("runs");
    let script = format!("script = \"old.sh\"\ntimeout = \"10m\"\nenv = {{ RUNS = \"{}\" }}", runs.display());
    folder.put("s.toml", &scenario(&script));
    let ran = folder.run(&["simulate", "s.toml", "--output", "json", "--threads", "2"]);
    assert_eq!(ran.exit, Some(0), "{}", ran.stderr);
    let answer = ran.json();
    let strategies = answer["strategies"].as_array().unwrap();
    let won: Vec<u64> = strategies.iter().map(|strategy| strategy["won"].as_u64().unwrap()).collect();
    assert_eq!(won[0], won[1], "{answer:#}");
    assert!(won[0] > 5, "{answer:#}");
    assert_eq!(fs::read_to_string(&runs).unwrap().lines().count(), 1);
}

#[test]
fn a_script_that_fails_never_becomes_a_bid() {
    let folder = folder();
    for (name, body, lost) in [("declines", "exit 3", "plugin-declined"), ("babbles", "echo hello", "invalid-output")] {
        folder.script("old.sh", &format!("#!/usr/bin/env bash\n{body}\n"));
        folder.put("s.toml", &scenario("script = \"old.sh\"\ntimeout = \"10m\""));
        let answer = folder.run(&["simulate", "s.toml", "--output", "json"]).json();
        let old = &answer["strategies"][1];
        assert_eq!((old["won"].as_u64(), old["lost"][lost].as_u64()), (Some(0), Some(40)), "{name}: {answer:#}");
    }
}

#[test]
fn a_script_that_cannot_be_started_is_told_before_the_simulation() {
    let folder = folder();
    folder.put("plain.sh", "echo 1\n");
    for (script, complaint) in [
        ("script = \"plain.sh\"", "chmod +x"),
        ("script = \"gone.sh\"", "gone.sh"),
        ("script = \"plain.sh\"\nrequest = \"all\"", "`allocated` or `written`"),
        ("timeout = \"1s\"", "no `script`"),
        ("script = \"plain.sh\"\nenv = { AKASH_OWNER = \"me\" }", "AKASH_OWNER"),
    ] {
        folder.put("s.toml", &scenario(script));
        let ran = folder.run(&["simulate", "s.toml"]);
        assert_eq!(ran.exit, Some(1), "{script}: {}", ran.stdout);
        assert!(ran.stderr.contains(complaint), "{script}: {}", ran.stderr);
    }
}
