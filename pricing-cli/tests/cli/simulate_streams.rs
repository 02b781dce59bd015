//! `bidprice simulate` with orders from every kind of file.

#![expect(clippy::unwrap_used, reason = "a broken test must say so at once")]

use std::fs;
use std::path::Path;
use std::sync::Arc;

use crate::decisions::{Sample, closed};
use arrow_array::{ArrayRef, RecordBatch, StringArray, TimestampMillisecondArray};
use parquet::arrow::ArrowWriter;
use pricing_engine::bid_log::BidLog;
use pricing_engine::config::{self, Fsync};
use serde_json::{Map, Value, json};

const NAMES: [&str; 8] = ["id", "at", "lifetime", "cpu", "memory", "gpu_units", "gpu", "max_price"];

/// Returns one order per hour: some ask for cards, some have a maximum that is too low.
fn orders() -> Vec<[Option<String>; 8]> {
    let order = |number: u64| {
        let some = |text: &str| Some(text.to_owned());
        let gpu = ["t4|h100/80Gi/sxm", "*", "h100"].get(usize::try_from(number % 4).unwrap());
        [
            Some(format!("order {number}")),
            Some((number * 3600).to_string()),
            some("5h"),
            some("8"),
            some("32Gi"),
            gpu.map(|_| "2".to_owned()),
            gpu.map(|gpu| (*gpu).to_owned()),
            number.is_multiple_of(5).then(|| "1".to_owned()),
        ]
    };
    (0..40).map(order).collect()
}

fn jsonl() -> String {
    let line = |cells: [Option<String>; 8]| {
        let keys: Map<String, Value> =
            NAMES.iter().zip(cells).map(|(name, cell)| ((*name).into(), cell.into())).collect();
        format!("{}\n", Value::Object(keys))
    };
    orders().into_iter().map(line).collect()
}

fn csv() -> String {
    let row = |cells: [Option<String>; 8]| cells.map(Option::unwrap_or_default).join(",");
    let rows: Vec<String> = orders().into_iter().map(row).collect();
    format!("{}\n{}\n", NAMES.join(","), rows.join("\n"))
}

fn parquet() -> Vec<u8> {
    let column = |(place, name): (usize, &&'static str)| {
        let cells = orders().into_iter().map(|mut cells| cells.get_mut(place).unwrap().take());
        let array: ArrayRef = if *name == "at" {
            let millis = cells.map(|cell| Some(cell?.parse::<i64>().unwrap() * 1000));
            Arc::new(millis.collect::<TimestampMillisecondArray>().with_timezone("+02:00"))
        } else {
            Arc::new(cells.collect::<StringArray>())
        };
        (*name, array, true)
    };
    let batch = RecordBatch::try_from_iter_with_nullable(NAMES.iter().enumerate().map(column)).unwrap();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}

/// Returns the exit code, stdout and stderr of a simulation.
fn simulate(folder: &Path, orders: &str) -> (Option<i32>, String, String) {
    let scenario = format!(
        "orders = {{ {orders} }}\ninventory = {{ describe = \"2 nodes x 4 t4 + 1 node×8x h100/80Gi/sxm\" }}\n\
         [[strategy]]\nname = \"card\"\nrates = \"rates.toml\"\n"
    );
    fs::write(folder.join("scenario.toml"), scenario).unwrap();
    fs::write(folder.join("rates.toml"), "[rates.gpu]\nh100 = \"1500\"\n\"*\" = \"100\"\n").unwrap();
    let mut command = crate::programs::bidprice();
    let output = command.args(["simulate", "scenario.toml", "--output", "json"]).current_dir(folder).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// Returns the first number with this name at any depth.
fn number(value: &Value, name: &str) -> Option<u64> {
    match value {
        Value::Object(object) => {
            let here = object.get(name).and_then(Value::as_u64);
            here.or_else(|| object.values().find_map(|value| number(value, name)))
        }
        Value::Array(items) => items.iter().find_map(|value| number(value, name)),
        _ => None,
    }
}

fn answered(folder: &Path, orders: &str) -> Value {
    let (exit, stdout, stderr) = simulate(folder, orders);
    assert_eq!(exit, Some(0), "{orders}: {stderr}");
    serde_json::from_str(&stdout).unwrap()
}

fn refused(folder: &Path, orders: &str, words: &[&str]) {
    let (exit, stdout, stderr) = simulate(folder, orders);
    assert_eq!(exit, Some(1), "{stdout} {stderr}");
    for word in words {
        assert!(stderr.contains(word), "`{word}` is not in {stderr}");
    }
}

#[test]
fn the_same_orders_give_the_same_answer_whatever_file_they_are_in() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    fs::write(at.join("o.jsonl"), jsonl()).unwrap();
    fs::write(at.join("o.csv"), csv()).unwrap();
    fs::write(at.join("o.parquet"), parquet()).unwrap();
    let (exit, first, stderr) = simulate(at, "jsonl = \"o.jsonl\"");
    assert_eq!(exit, Some(0), "{stderr}");
    let answer: Value = serde_json::from_str(&first).unwrap();
    assert_eq!(number(&answer, "orders"), Some(40), "{answer:#}");
    let won = number(&answer, "won").unwrap();
    assert!(won > 10 && won < 40, "{answer:#}");
    assert_eq!(simulate(at, "csv = \"o.csv\"").1, first);
    assert_eq!(simulate(at, "parquet = \"o.parquet\"").1, first);
    assert_eq!(number(&answered(at, "csv = \"o.csv\", limit = 7"), "orders"), Some(7));
}

#[test]
fn an_order_may_be_an_sdl() {
    let folder = tempfile::tempdir().unwrap();
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus/sdl");
    let sdl = fs::read_to_string(corpus.join("CodiMD_deploy.yaml")).unwrap();
    let line = json!({"at": "2026-01-31T12:00:00+01:00", "lifetime": "8h", "order": sdl});
    fs::write(folder.path().join("o.jsonl"), format!("{line}\n")).unwrap();
    assert_eq!(number(&answered(folder.path(), "jsonl = \"o.jsonl\""), "orders"), Some(1));
}

#[test]
fn a_bid_log_is_a_stream_of_the_orders_that_were_quoted() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path().join("log");
    let config = config::BidLog { folder: at.clone(), file_bytes: 64 << 20, files: 4, fsync: Fsync::Never };
    let log = BidLog::open(&config).unwrap();
    // The first order is quoted twice. The last is only screened, and has no name.
    let screened = Sample { screen: true, ..Sample::plain(4) };
    for sample in [Sample::plain(1), Sample::plain(2), Sample::plain(1), screened] {
        let _ = sample.record(&log);
    }
    for _ in 0..2 {
        let mut nameless = Sample::plain(5);
        nameless.request.name = None;
        let _ = nameless.record(&log);
    }
    closed(&log);
    assert_eq!(number(&answered(folder.path(), "bid_log = \"log\""), "orders"), Some(4));

    let file = fs::read_dir(&at).unwrap().map(|entry| entry.unwrap().path());
    let file = file.filter(|path| path.extension().is_some_and(|ending| ending == "jsonl")).last().unwrap();
    let written = fs::read_to_string(&file).unwrap();
    let name = file.file_name().unwrap().to_str().unwrap();
    fs::write(&file, &written[..written.len() - 30]).unwrap();
    assert_eq!(number(&answered(folder.path(), &format!("bid_log = \"log/{name}\"")), "orders"), Some(3));
    fs::write(&file, format!("garbage\n{written}")).unwrap();
    refused(folder.path(), "bid_log = \"log\"", &[&format!("{name}:1"), "take the line out"]);
    refused(folder.path(), "bid_log = \"nowhere\"", &["nowhere"]);
}

#[test]
fn what_is_wrong_with_a_file_is_told_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    fs::write(at.join("o.jsonl"), "{\"at\":0,\"cpu\":1,\"memory\":\"1Gi\"}\n{\"at\":0,\"cpu\":1,\"memory\":16}\n")
        .unwrap();
    refused(at, "jsonl = \"o.jsonl\"", &["`o.jsonl`", "line 2", "`memory`", "16 bytes"]);
    fs::write(at.join("o.csv"), "at,cpu,memroy\n0,1,1Gi\n").unwrap();
    refused(at, "csv = \"o.csv\"", &["`o.csv`", "line 1", "did you mean `memory`?"]);
    let bytes = parquet();
    fs::write(at.join("o.parquet"), &bytes[..bytes.len() / 2]).unwrap();
    refused(at, "parquet = \"o.parquet\"", &["`o.parquet`", "cannot be read as Parquet"]);
    fs::write(at.join("empty"), "").unwrap();
    for kind in ["jsonl", "csv", "parquet", "openb"] {
        refused(at, &format!("{kind} = \"empty\""), &["`empty`"]);
        refused(at, &format!("{kind} = \"nowhere\""), &["`nowhere` cannot be read"]);
    }
    refused(at, "csv = \"o.csv\", jsonl = \"o.jsonl\"", &["names both `jsonl` and `csv`"]);
    refused(at, "limit = 1", &["names no source"]);
}

#[test]
fn orders_without_a_rate_are_noted_with_what_to_do() {
    let folder = crate::scripts::Folder::new();
    folder.put("o.csv", "at,lifetime,cpu,memory,denom\n0,1h,1,1Gi,uakt\n5,1h,1,1Gi,uact\n");
    folder.put("rates.toml", crate::scripts::RATES);
    let scenario = "orders = { csv = \"o.csv\" }\ninventory = { describe = \"2 nodes x 4 t4\" }\n\
                    [[strategy]]\nname = \"card\"\nrates = \"rates.toml\"\n";
    folder.put("scenario.toml", scenario);
    let note = "note: card: 1 order lacks what an AKT is worth; set `usd_per_akt` in the scenario";
    let without = folder.run(&["simulate", "scenario.toml"]);
    assert!(without.exit == Some(0) && without.stdout.contains(note), "{}{}", without.stdout, without.stderr);
    folder.put("scenario.toml", &format!("usd_per_akt = \"0.5\"\n{scenario}"));
    let with = folder.run(&["simulate", "scenario.toml"]);
    assert!(with.exit == Some(0) && !with.stdout.contains("usd_per_akt"), "{}{}", with.stdout, with.stderr);
}
