//! `bidprice log` on a log as the service writes it.

#![expect(clippy::unwrap_used, reason = "a broken test must say so at once")]

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use pricing_engine::bid_log::BidLog;
use pricing_engine::config::{self, Fsync};
use rust_decimal::Decimal;
use serde_json::Value;
use tempfile::TempDir;

use crate::decisions::{self, Sample, closed};

/// A log's folder.
struct Log(TempDir);

/// What a command printed.
struct Ran {
    exit: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Ran {
    fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap()
    }
}

impl Log {
    fn of(samples: &[Sample]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().join("log");
        let config = config::BidLog { folder: at, file_bytes: 64 << 20, files: 4, fsync: Fsync::Never };
        let log = BidLog::open(&config).unwrap();
        for sample in samples {
            let _ = sample.record(&log);
        }
        closed(&log);
        Self(folder)
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("log")
    }

    /// Its file of lines.
    fn file(&self) -> PathBuf {
        let files = fs::read_dir(self.path()).unwrap().map(|entry| entry.unwrap().path());
        files.filter(|path| path.extension().is_some_and(|extension| extension == "jsonl")).last().unwrap()
    }

    fn lines(&self) -> Vec<String> {
        fs::read_to_string(self.file()).unwrap().lines().map(str::to_owned).collect()
    }

    fn run(&self, command: &str, args: &[&str]) -> Ran {
        run(command, &self.path(), args)
    }

    fn list(&self, args: &[&str]) -> Vec<Value> {
        let ran = self.run("list", &[args, &["--output", "json"]].concat());
        assert_eq!(ran.exit, Some(0), "{}{}", ran.stdout, ran.stderr);
        let answer = ran.json();
        assert_eq!(answer.get("schema"), Some(&Value::from(1)));
        answer.get("decisions").and_then(Value::as_array).unwrap().clone()
    }
}

fn run(command: &str, log: &Path, args: &[&str]) -> Ran {
    let mut line = crate::programs::bidprice();
    let output = line.args(["log", command]).arg(log).args(args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { exit: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

fn sequences(rows: &[Value]) -> Vec<u64> {
    rows.iter().map(|row| row.get("sequence").and_then(Value::as_u64).unwrap()).collect()
}

/// How many rows have each value of a field.
fn counts(rows: &[Value], field: &str) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for name in rows.iter().filter_map(|row| row.get(field).and_then(Value::as_str)) {
        *counts.entry(name.to_owned()).or_default() += 1;
    }
    counts
}

#[test]
fn every_decision_is_listed_once_and_filters_take_what_they_name() {
    let log = Log::of(&decisions::corpus(60));
    let all = log.list(&[]);
    assert_eq!(all.len(), log.lines().len());
    assert!(sequences(&all).is_sorted());
    let shown = log.run("list", &[]).stdout;
    assert_eq!(shown.lines().count(), all.len() + 1, "a header and a line each: {shown}");
    assert!(shown.contains("insufficient-capacity") && shown.contains(" uact"), "{shown}");

    for (field, option) in [("decision", "--decision"), ("reason", "--reason"), ("owner", "--owner")] {
        let counted = counts(&all, field);
        assert!(!counted.is_empty(), "{field}");
        for (name, count) in counted {
            let rows = log.list(&[option, &name]);
            assert!(rows.iter().all(|row| row[field] == *name), "{field} {name}");
            assert_eq!(u64::try_from(rows.len()).unwrap(), count, "{field} {name}");
        }
    }
    let either = log.list(&["--decision", "bid,fault"]).len();
    assert_eq!(either, log.list(&["--decision", "bid"]).len() + log.list(&["--decision", "fault"]).len());
    let uakt = log.list(&["--denom", "uakt", "--decision", "bid"]);
    assert!(!uakt.is_empty() && uakt.iter().all(|row| row["price"]["denom"] == "uakt"));
    assert_eq!(sequences(&log.list(&["--limit", "7"])), sequences(&all)[all.len() - 7..]);
    assert_eq!(log.list(&["--since", "365d"]).len(), all.len());
    assert_eq!(log.list(&["--since", "2020-01-01T00:00:00Z", "--until", "2020-01-01 00:00:01"]).len(), 0);
    let none = log.run("list", &["--owner", "akash1nobody"]);
    assert_eq!(none.stdout, format!("None of the log's {} decisions matches.\n", all.len()));
}

#[test]
fn what_makes_no_sense_is_wrong_usage() {
    let log = Log::of(&[Sample::plain(1)]);
    for (args, problem) in [
        (&["--reason", "price-over-max"][..], "did you mean `price-above-max`?"),
        (&["--decision", "bids"], "invalid value 'bids'"),
        (&["--owner", ""], "a value is required"),
        (&["--denom", ""], "a value is required"),
        (&["--since", "yesterday"], "expected how long ago"),
        (&["--since", "1h", "--until", "2h"], "nothing is between them"),
    ] {
        for command in ["list", "sum"] {
            let ran = log.run(command, args);
            assert!(ran.exit == Some(2) && ran.stderr.contains(problem), "{args:?}: {}", ran.stderr);
        }
    }
    assert_eq!(log.run("list", &["--limit", "0"]).exit, Some(2));
    assert_eq!(log.run("show", &["akash1tenant/1/1"]).exit, Some(2));
    assert_eq!(run("list", Path::new("/nowhere"), &[]).exit, Some(1));
}

#[test]
fn the_sum_is_that_of_the_list() {
    let log = Log::of(&decisions::corpus(60));
    for filter in [&[][..], &["--decision", "bid"], &["--denom", "uakt"], &["--owner", "akash1nobody"]] {
        let rows = log.list(filter);
        let ran = log.run("sum", &[filter, &["--output", "json"]].concat());
        let sum = ran.json();
        assert_eq!((ran.exit, &sum["schema"], &sum["damaged"]), (Some(0), &1.into(), &0.into()));
        assert_eq!(sum["decisions"].as_u64().unwrap(), u64::try_from(rows.len()).unwrap());
        for (name, field) in [("by_decision", "decision"), ("by_reason", "reason"), ("by_call", "call")] {
            assert_eq!(sum[name], serde_json::to_value(counts(&rows, field)).unwrap(), "{name}");
        }
        let bids = rows.iter().filter(|row| row["decision"] == "bid");
        let usd = bids.clone().filter_map(|row| row["usd_per_month"].as_str());
        let total = usd.clone().map(|usd| usd.parse::<Decimal>().unwrap()).fold(Decimal::ZERO, |sum, usd| sum + usd);
        assert_eq!(sum["usd_per_month"].as_str().unwrap().parse::<Decimal>().unwrap(), total);
        assert_eq!(sum["without_usd"], bids.count() - usd.count());
        assert_eq!(sum["first"], rows.first().map_or(Value::Null, |row| row["time"].clone()));
        assert_eq!(sum["last"], rows.last().map_or(Value::Null, |row| row["time"].clone()));
    }
    let shown = log.run("sum", &[]);
    assert!(shown.stdout.contains("USD a month") && shown.stdout.contains("insufficient-capacity"), "{}", shown.stdout);
}

#[test]
fn damaged_lines_are_named_and_the_others_are_listed_all_the_same() {
    let log = Log::of(&[Sample::plain(1), Sample::plain(2), Sample::plain(3)]);
    let lines = log.lines();
    let file = log.file();
    let name = file.file_name().unwrap().to_str().unwrap().to_owned();
    fs::write(&file, format!("{}\ngarbage\n{}\n{{\"schema\":1", lines[0], lines[2])).unwrap();
    for command in ["list", "sum"] {
        let answer = log.run(command, &["--output", "json"]);
        assert_eq!(answer.exit, Some(4), "{}", answer.stderr);
        let json = answer.json();
        let counted = [&json["damaged"], &json["cut"], &json["missing_sequences"]].map(Value::as_u64);
        assert_eq!(counted, [Some(1), Some(1), Some(1)], "{json:#}");
        assert_eq!(json["problems"][0]["place"], format!("{name}:2"));
        assert_eq!(json["problems"][1]["place"], format!("{name}:4"));
    }
    assert_eq!(sequences(log.run("list", &["--output", "json"]).json()["decisions"].as_array().unwrap()), [1, 3]);
    let shown = log.run("list", &[]);
    assert_eq!((shown.exit, shown.stdout.lines().count()), (Some(4), 3), "{}", shown.stdout);
    assert!(shown.stderr.contains(&format!("warning: {name}:2: the line is damaged")), "{}", shown.stderr);
    let summed = log.run("sum", &[]);
    assert!(summed.stdout.contains("1 line is damaged and left out"), "{}", summed.stdout);
    // What is sought may be in the line that cannot be read.
    let sought = log.run("show", &["2"]);
    assert_eq!(sought.exit, Some(1));
    assert!(
        sought.stderr.contains("no line of the log has the number 2") && sought.stderr.contains("1 line is damaged")
    );
    // Only a filter by time needs the time of a line.
    fs::write(&file, lines[0].replacen("\"time\":\"", "\"time\":\"x", 1) + "\n").unwrap();
    assert_eq!(log.run("list", &[]).exit, Some(0));
    assert_eq!(log.run("list", &["--since", "365d"]).exit, Some(4));
}

#[test]
fn each_decision_is_shown_and_its_line_is_printed_as_it_is_written() {
    let log = Log::of(&decisions::corpus(60));
    let rows = log.list(&[]);
    for (row, line) in rows.iter().zip(log.lines()) {
        let number = row["sequence"].to_string();
        let raw = log.run("show", &[&number, "--output", "json"]);
        assert_eq!((raw.exit, raw.stdout), (Some(0), line + "\n"));
        let shown = log.run("show", &[&number]);
        assert_eq!(shown.exit, Some(0), "{}", shown.stderr);
        assert!(shown.stdout.starts_with(&format!("Decision {number} of ")), "{}", shown.stdout);
        assert!(!shown.stdout.contains("\n\n\n"), "two empty lines in a row: {}", shown.stdout);
        let decided = match (row["decision"].as_str().unwrap(), row["call"].as_str().unwrap()) {
            ("bid", _) => {
                let amount: Decimal = row["price"]["amount"].as_str().unwrap().parse().unwrap();
                format!(": bid {} ", amount.round_dp(2).normalize())
            }
            (_, "screen") => ": screened, ".to_owned(),
            ("fault", _) => format!(": fault, {}: ", row["reason"].as_str().unwrap()),
            _ => format!(": no bid, {}: ", row["reason"].as_str().unwrap()),
        };
        assert!(shown.stdout.contains(&decided), "{decided}: {}", shown.stdout);
    }
}

#[test]
fn the_newest_decision_on_an_order_is_shown_and_the_others_are_named() {
    let log = Log::of(&[Sample::plain(1), Sample::plain(2), Sample::plain(1)]);
    let shown = log.run("show", &["akash1tenant/1/1/1"]);
    assert_eq!(shown.exit, Some(0));
    assert!(shown.stdout.starts_with("Decision 3 of "), "{}", shown.stdout);
    assert!(shown.stdout.contains("USD a month") && shown.stdout.contains("total"), "{}", shown.stdout);
    assert_eq!(shown.stderr, "note: other decisions on this order are 1\n");
    let absent = log.run("show", &["akash1tenant/9/1/1", "--output", "json"]);
    assert_eq!((absent.exit, &absent.json()["error"]["code"]), (Some(1), &"no-such-decision".into()));
}

#[test]
fn a_reader_that_has_seen_enough_ends_the_listing_quietly() {
    let log = Log::of(&[Sample::plain(1)]);
    // More than a pipe holds.
    fs::write(log.file(), (log.lines()[0].clone() + "\n").repeat(3000)).unwrap();
    for output in ["table", "json"] {
        let mut command = crate::programs::bidprice();
        command.args(["log", "list", "--output", output]).arg(log.path());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut first = String::new();
        BufReader::with_capacity(16, child.stdout.take().unwrap()).read_line(&mut first).unwrap();
        assert!(!first.is_empty());
        let mut stderr = String::new();
        child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        assert_eq!((child.wait().unwrap().code(), stderr.as_str()), (Some(0), ""));
    }
}

/// The line of an outcome of an order, with the number that comes next.
fn outcome(log: &Log, order_id: &Value, result: &str) -> String {
    let bid = |provider: &str, price: &str, won: bool| {
        serde_json::json!({ "provider": provider, "price": price, "denom": "uact", "usd_per_month": "81.5", "won": won,
            "at": "2026-10-01T00:00:06.000Z", "height": 11, "state": if won { "active" } else { "lost" } })
    };
    let rest = serde_json::json!({ "time": "2026-10-01T00:10:00.000Z", "order_id": order_id, "provider": "akash1us",
        "result": result, "at": "2026-10-01T00:00:00.000Z", "height": 10, "order_state": "active", "gpu": "nvidia/t4",
        "cards": 1, "bid": bid("akash1us", "190", false), "others": [bid("akash1them", "180", true)],
        "winner": "akash1them", "lease": { "from": "2026-10-01T00:01:00.000Z", "until": null, "reason": null,
        "from_height": 20, "until_height": null } });
    let sequence = log.lines().len() + 1;
    let rest = rest.to_string();
    format!("{{\"schema\":1,\"kind\":\"outcome\",\"sequence\":{sequence},{}\n", rest.get(1..).unwrap())
}

#[test]
fn an_outcome_is_shown_below_the_decision_and_is_not_a_decision() {
    let log = Log::of(&decisions::corpus(20));
    let listed = log.list(&[]);
    let line = |line: &String| serde_json::from_str::<Value>(line).unwrap();
    let is_named = |decision: &Value| !decision["order_id"].is_null() && !decision["quote"].is_null();
    let decision = log.lines().iter().map(line).find(is_named).unwrap();
    for result in ["open", "lost"] {
        let text = fs::read_to_string(log.file()).unwrap() + &outcome(&log, &decision["order_id"], result);
        fs::write(log.file(), text).unwrap();
    }
    // The readers of decisions pass over it.
    assert_eq!(log.list(&[]), listed);
    assert_eq!(log.run("sum", &["--output", "json"]).json()["damaged"], 0);
    let mut replay = crate::programs::bidprice();
    let replayed = replay.arg("replay").arg(log.path()).output().unwrap();
    assert_eq!(replayed.status.code(), Some(0), "{}", String::from_utf8_lossy(&replayed.stdout));

    let order = ["owner", "dseq", "gseq", "oseq"].map(|field| decision["order_id"][field].to_string());
    let order = order.map(|part| part.trim_matches('"').to_owned()).join("/");
    let sequence = decision["sequence"].to_string();
    for wanted in [order.as_str(), &sequence] {
        let shown = log.run("show", &[wanted]);
        assert_eq!(shown.exit, Some(0), "{}", shown.stderr);
        let (above, below) = shown.stdout.split_once("\nOutcome ").unwrap();
        assert!(above.starts_with("Decision "), "{above}");
        // The newest one counts.
        for part in [": lost to another provider", "akash1us (own)", "akash1them", "190 uact", "it runs"] {
            assert!(below.contains(part), "{part}: {below}");
        }
    }
    let newest = log.lines().len().to_string();
    assert!(log.run("show", &[&newest]).stdout.starts_with("Outcome "));
}

#[test]
fn a_change_of_the_rate_card_is_shown() {
    let log = Log::of(&decisions::corpus(2));
    let sequence = log.lines().len() + 1;
    let tail = format!(
        "\"time\":\"2026-10-01T00:10:00.000Z\",\"version\":\"0.1.0\",\"rates\":\"sha256:{}\",\"changes\":[{{\"key\":\
         \"rates.gpu.h100\",\"before\":\"1900\",\"after\":\"1805\"}}],\"gain_percent\":{{\"mean\":\"8.1\",\"low\":\"3.0\",\
         \"high\":\"12.4\"}},\"refused\":\"the guard has to be asked\"}}\n",
        "0".repeat(64)
    );
    let line = format!("{{\"schema\":1,\"kind\":\"tune\",\"sequence\":{sequence},{tail}");
    fs::write(log.file(), fs::read_to_string(log.file()).unwrap() + &line).unwrap();
    let shown = log.run("show", &[&sequence.to_string()]);
    assert_eq!(shown.exit, Some(0), "{}", shown.stderr);
    for part in ["`[tune]` changed the rate card", "rates.gpu.h100", "1900", "1805", "8.1 %", "was refused: the guard"]
    {
        assert!(shown.stdout.contains(part), "{part}: {}", shown.stdout);
    }
}

#[test]
fn where_the_pods_started_is_shown_below_the_decision() {
    let log = Log::of(&[Sample::plain(1)]);
    let order = serde_json::json!({ "owner": "akash1tenant", "dseq": 1, "gseq": 1, "oseq": 1 });
    let node = |node: &str, ram: &str, probability: &str| serde_json::json!({ "node": node, "kinds": [format!("nvidia/a100/{ram}/sxm")], "probability": probability });
    let line = |replica: u32, result: &str, reason: Option<&str>, seen: Option<Value>| {
        let rest = serde_json::json!({ "time": "2026-10-01T00:10:00.000Z", "order_id": order,
            "group": { "index": 0, "name": "g" }, "decision": 1, "resource_id": 1, "replica": replica, "result": result,
            "reason": reason, "approximate": replica == 2, "predicted": [node("n4", "80Gi", "0.750000"),
            node("n2", "40Gi", "0.250000")], "seen": seen })
        .to_string();
        format!("{{\"schema\":1,\"kind\":\"placement\",\"sequence\":{},{}\n", replica + 1, rest.get(1..).unwrap())
    };
    let wrong = line(1, "wrong", None, Some(node("n7", "40Gi", "0.000000")));
    let unknown = line(2, "unknown", Some("ambiguous"), None);
    fs::write(log.file(), fs::read_to_string(log.file()).unwrap() + &wrong + &unknown).unwrap();
    for wanted in ["1", "akash1tenant/1/1/1"] {
        let shown = log.run("show", &[wanted]);
        assert_eq!(shown.exit, Some(0), "{}", shown.stderr);
        assert!(shown.stdout.starts_with("Decision 1 "), "{}", shown.stdout);
        let parts: Vec<&str> = shown.stdout.split("\nPlacement ").collect();
        let [_, first, second] = parts.as_slice() else { unreachable!("{}", shown.stdout) };
        for part in
            ["replica 1 of resource 1", "n4", "75 %", "n7", "here", "started on another node than the likeliest"]
        {
            assert!(first.contains(part), "{part}: {first}");
        }
        for part in ["more than one node or order explains what grew", "The probabilities are approximate."] {
            assert!(second.contains(part), "{part}: {second}");
        }
    }
    assert!(log.run("show", &["2"]).stdout.starts_with("Placement 2 of "));
    // Pods of which nothing is known share a line.
    let shared = line(3, "unknown", Some("not-seen"), None).replace("\"replica\"", "\"pods\":50,\"replica\"");
    let nodes = serde_json::json!([node("n4", "80Gi", "0.750000"), node("n2", "40Gi", "0.250000")]).to_string();
    let shared = shared.replace(&nodes, "[]");
    fs::write(log.file(), fs::read_to_string(log.file()).unwrap() + &shared).unwrap();
    let shown = log.run("show", &["4"]).stdout;
    assert!(
        shown.contains(": 50 pods of akash1tenant/1/1/1\n\nIt is not known where these pods started: no node's"),
        "{shown}"
    );
    assert_eq!(log.run("sum", &["--output", "json"]).json()["damaged"], 0);
}
