//! `bidprice replay` and `bidprice shadow report` on a log that the service's own code wrote.

#![expect(clippy::unwrap_used, reason = "a broken test must say so at once")]

use crate::decisions;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use crate::decisions::{Sample, closed, with_rates};
use crate::programs::HANG;
use pricing_engine::bid_log::BidLog;
use pricing_engine::config::{self, Fsync};
use pricing_engine::decision;
use pricing_engine::shadow::{Case, Shadow};
use serde_json::Value;

const CHEAP: &str = "[rates]\ncpu = \"0.10\"\n[rates.gpu]\n\"*\" = \"10\"\n";

fn log(folder: &Path) -> (BidLog, PathBuf) {
    let folder = folder.join("log");
    let config = config::BidLog { folder: folder.clone(), file_bytes: 64 << 20, files: 4, fsync: Fsync::Never };
    (BidLog::open(&config).unwrap(), folder)
}

fn bidprice(args: &[&str]) -> (Option<i32>, String) {
    let output = crate::programs::bidprice().args(args).output().unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

fn json(args: &[&str]) -> (Option<i32>, Value) {
    let (exit, stdout) = bidprice(&[args, &["--output", "json"]].concat());
    (exit, serde_json::from_str(&stdout).unwrap())
}

#[test]
fn a_log_is_proven_what_if_is_answered_and_damage_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let (log, at) = log(folder.path());
    for sample in decisions::corpus(60) {
        let _ = sample.record(&log);
    }
    closed(&log);
    let path = at.to_str().unwrap();
    let replay = ["replay", path, "--no-plugin-cache"];
    let (exit, report) = json(&replay);
    assert_eq!((exit, &report["schema"], &report["changed"]), (Some(0), &1.into(), &0.into()), "{report:#}");
    assert!(report["same"].as_u64().unwrap() >= 60);
    let (exit, text) = bidprice(&replay);
    assert_eq!(exit, Some(0));
    assert!(text.contains("are the same byte for byte, 0 differ"), "{text}");

    let rates = folder.path().join("rates.toml");
    fs::write(&rates, CHEAP).unwrap();
    let what_if = [&replay[..], &["--rates", rates.to_str().unwrap()]].concat();
    let (exit, report) = json(&what_if);
    assert_eq!(exit, Some(3), "other rates change something");
    let total = &report["what_if"]["total"];
    assert!(total["cheaper"].as_u64().unwrap() > 0 && total["usd_before"].is_string(), "{report:#}");
    assert!(bidprice(&what_if).1.contains("Against the tenants' maximum"));
    let (exit, report) = json(&[&what_if[..], &["--limit", "0"]].concat());
    assert_eq!(
        (exit, &report["changes"]),
        (Some(3), &Value::Array(Vec::new())),
        "what is not listed counts all the same"
    );

    let file = fs::read_dir(&at).unwrap().map(|entry| entry.unwrap().path());
    let file = file.filter(|path| path.extension().is_some_and(|extension| extension == "jsonl")).last().unwrap();
    let written = fs::read_to_string(&file).unwrap();
    fs::write(&file, written.replacen("\"decision\":\"bid\"", "\"decision\":\"decline\"", 1)).unwrap();
    let (exit, report) = json(&["replay", file.to_str().unwrap(), "--no-plugin-cache"]);
    assert_eq!((exit, &report["changed"], &report["changes"][0]["paths"][0]), (Some(3), &1.into(), &"decision".into()));
    fs::write(&file, format!("garbage\n{written}")).unwrap();
    let (exit, report) = json(&replay);
    assert_eq!((exit, &report["unchecked"], &report["changed"]), (Some(4), &1.into(), &0.into()));
    assert_eq!(bidprice(&what_if).0, Some(4), "what could not be looked at beats what differs");
    assert_eq!(bidprice(&["replay", "/nowhere"]).0, Some(1));
    assert_eq!(bidprice(&["replay", path, "--fuel", "5"]).0, Some(2));
}

#[test]
fn a_what_if_that_changes_nothing_exits_0() {
    let folder = tempfile::tempdir().unwrap();
    let (log, at) = log(folder.path());
    let sample = Sample::plain(1);
    let _ = sample.record(&log);
    closed(&log);
    let rates = folder.path().join("rates.toml");
    fs::write(&rates, &*sample.settings.rates.text).unwrap();
    let (exit, report) =
        json(&["replay", at.to_str().unwrap(), "--no-plugin-cache", "--rates", rates.to_str().unwrap()]);
    assert_eq!((exit, &report["same"], &report["changed"]), (Some(0), &1.into(), &0.into()), "{report:#}");
}

#[test]
fn the_shadow_is_summed_up_by_gpu_kind() {
    let folder = tempfile::tempdir().unwrap();
    let (log, at) = log(folder.path());
    let sample = Sample::plain(1);
    let shadow = Shadow::start(Some(with_rates(&sample.settings, CHEAP)), Some(log.clone())).unwrap();
    let answered = decision::price(&sample.settings, &sample.live, &sample.request, &sample.budget());
    let sequences = sample.record(&log).iter().map(|pending| pending.sequence()).collect();
    let request = Arc::new(sample.request.clone());
    shadow.compare(Case { request, live: sample.live.clone(), answered, sequences });
    let start = Instant::now();
    while shadow.reading().counts.is_empty() || log.reading().written < 2 {
        assert!(start.elapsed() < HANG, "{:?} {:?}", shadow.reading(), log.reading());
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    closed(&log);
    let (exit, report) = json(&["shadow", "report", at.to_str().unwrap()]);
    assert_eq!((exit, &report["schema"]), (Some(0), &1.into()));
    let kind = &report["summary"]["kinds"][0];
    assert_eq!((&kind["gpu"], &kind["tally"]["cheaper"]), (&"none".into(), &1.into()), "{report:#}");
    let (exit, text) = bidprice(&["shadow", "report", at.to_str().unwrap()]);
    assert_eq!(exit, Some(0));
    assert!(text.contains("1 order was priced a second time"), "{text}");
}
