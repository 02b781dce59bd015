//! Negative quantities of an inventory count as 0 on the command line: the corpus, with the daemon's own answers.

#![expect(clippy::unwrap_used, reason = "a broken test must say so at once")]

use std::fs;
use std::path::Path;
use std::process::Output;

use serde_json::Value;

fn bidprice(folder: &Path, args: &[&str]) -> (Output, Value) {
    let output = crate::programs::bidprice().current_dir(folder).args(args).output().unwrap();
    let answer = serde_json::from_slice(&output.stdout).unwrap();
    (output, answer)
}

#[test]
fn they_are_reserved_as_the_daemon_reserves_them_with_a_finding_under_both_of_its_schedulers() {
    let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/../corpus/reservation/negative.jsonl");
    let corpus = fs::read_to_string(corpus).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut reserved = 0;
    for line in corpus.lines() {
        let vector: Value = serde_json::from_str(line).unwrap();
        let (id, expect) = (&vector["id"], &vector["expect"]);
        fs::write(folder.path().join("cluster.json"), vector["cluster"].to_string()).unwrap();
        fs::write(folder.path().join("group.json"), vector["group"].to_string()).unwrap();
        for scheduler in ["provider", "kubernetes"] {
            let args =
                ["reserve", "group.json", "--inventory", "cluster.json", "--output", "json", "--scheduler", scheduler];
            let (output, answer) = bidprice(folder.path(), &args);
            let reservation = &answer["reservations"][0];
            assert_eq!(reservation["error"], expect["error"], "vector {id}, {scheduler}: {output:?}");
            assert_eq!(reservation["allocated"], expect["allocated"], "vector {id}, {scheduler}: {output:?}");
            let told = String::from_utf8(output.stderr).unwrap();
            assert!(told.contains("warning: the inventory has "), "vector {id}, {scheduler}: {told}");
            reserved += usize::from(reservation["error"].is_null());
        }
        let (_, checked) = bidprice(folder.path(), &["inventory", "check", "cluster.json", "--output", "json"]);
        let findings = checked["findings"].as_array().unwrap();
        let told = findings.iter().any(|finding| {
            finding["action"] == "clamped" && finding["problem"].as_str().unwrap().contains("negative, read as 0")
        });
        assert!(told, "vector {id}: {checked}");
    }
    assert_eq!(reserved, 90);
}

#[test]
fn a_quote_finds_no_capacity_in_less_than_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let order = r#"{"resources":[{"memory":1073741824,"cpu":1000,"gpu":{"units":1,"attributes":{"vendor":{"nvidia":{"model":"t4"}}}},"storage":[],"count":1,"endpoint_quantity":0,"ip_lease_quantity":0}],"price":{"denom":"uact","amount":"1000000.000000000000000000"},"price_precision":6}"#;
    fs::write(folder.path().join("order.json"), order).unwrap();
    fs::write(folder.path().join("rates.toml"), "[rates.gpu]\nt4 = 80\n").unwrap();
    for (cards, decision) in [("1", "bid"), ("0", "decline"), ("-1", "decline"), ("-8", "decline")] {
        let cluster = format!(
            r#"{{"nodes":[{{"name":"a","resources":{{"cpu":{{"quantity":{{"allocatable":"8"}}}},"memory":{{"quantity":{{"allocatable":"8Gi"}}}},"ephemeral_storage":{{"allocatable":"100Gi"}},"gpu":{{"quantity":{{"allocatable":"{cards}"}},"info":[{{"vendor":"nvidia","name":"t4","interface":"PCIe","memory_size":"16Gi"}}]}}}}}}]}}"#
        );
        fs::write(folder.path().join("cluster.json"), cluster).unwrap();
        for scheduler in ["sound", "provider", "kubernetes"] {
            let args = [
                "quote",
                "order.json",
                "--rates",
                "rates.toml",
                "--inventory",
                "cluster.json",
                "--output",
                "json",
                "--scheduler",
                scheduler,
            ];
            let (output, answer) = bidprice(folder.path(), &args);
            let quote = &answer["quotes"][0];
            assert_eq!(quote["decision"], decision, "{cards}, {scheduler}: {output:?}");
            let reason = quote["reason"]["code"].as_str();
            assert_eq!(reason, (decision == "decline").then_some("insufficient-capacity"), "{cards}, {scheduler}");
            let told = String::from_utf8(output.stderr).unwrap();
            assert_eq!(told.contains("warning: the inventory has "), cards != "1", "{cards}, {scheduler}: {told}");
        }
    }
}
