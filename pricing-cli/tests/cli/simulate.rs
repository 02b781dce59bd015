//! `bidprice simulate`: its answer, and the files that it writes.

#![expect(clippy::unwrap_used, reason = "a broken test case must say so at once")]

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use arrow_array::cast::AsArray;
use arrow_array::types::{Decimal128Type, Int64Type};
use arrow_array::{Array, RecordBatch};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;

/// The example of the contract, word for word.
const SCENARIO: &str = r#"seed = 1
[orders]
openb = "pods.csv"                # or: jsonl, csv, parquet, bid_log, sdl_dir, generate
[inventory]
openb = "nodes.csv"               # or: file, describe
[[strategy]]
name = "card"
rates = "rates.toml"
[[strategy]]
name = "old"
rates = "rates.toml"
gpu = "highest-wildcard"          # or: plugin = "x.wasm", script = "old.sh"
"#;

/// A month of orders: one for a T4, one for any card, and one that fits on no node.
const PODS: &str = "\
name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,creation_time,deletion_time,scheduled_time
t4,1000,1024,1,1000,T4,LS,Running,0,2629757,0
any,2000,2048,1,1000,,LS,Running,0,2629757,0
many,1000,1024,8,1000,T4,LS,Pending,0,2629757,
";

const NODES: &str = "\
sn,cpu_milli,memory_mib,gpu,model
node-0,8000,8192,2,T4
node-1,8000,8192,1,V100M16
";

const RATES: &str = r#"[rates]
cpu = "2"
memory = "1"
[rates.gpu]
"t4" = "100"
"v100" = "700"
"#;

struct Output {
    exit: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Output {
    fn json(&self) -> Value {
        assert_eq!(self.exit, Some(0), "{}{}", self.stdout, self.stderr);
        serde_json::from_str(&self.stdout).unwrap()
    }
}

/// A folder with the example and its files.
struct Example(tempfile::TempDir);

impl Example {
    fn new(more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let scenario = format!("{SCENARIO}{more}");
        let files =
            [("scenario.toml", scenario.as_str()), ("pods.csv", PODS), ("nodes.csv", NODES), ("rates.toml", RATES)];
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        Self(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Returns the files in the folder that are not part of the example.
    fn others(&self) -> Vec<String> {
        let names = fs::read_dir(self.0.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let inputs = ["scenario.toml", "pods.csv", "nodes.csv", "rates.toml"];
        let mut names: Vec<String> = names.filter(|name| !inputs.contains(&name.as_str())).collect();
        names.sort();
        names
    }

    fn simulate(&self, args: &[&str]) -> Output {
        let mut command = crate::programs::bidprice();
        command.current_dir(self.0.path()).args(["simulate", "scenario.toml"]).args(args);
        let output = command.output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Output { exit: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

#[test]
fn the_example_of_the_contract_is_answered_exactly() {
    let answer = Example::new("").simulate(&["--output", "json"]).json();
    assert_eq!((&answer["schema"], &answer["name"], &answer["runs"]), (&1.into(), &"scenario".into(), &1.into()));
    assert_eq!(answer["window"], serde_json::json!({"start_s": "0", "end_s": "2629757"}));
    let card = &answer["strategies"][0];
    let old = &answer["strategies"][1];
    for strategy in [card, old] {
        assert_eq!((&strategy["orders"], &strategy["won"]), (&3.into(), &2.into()));
        assert_eq!(strategy["lost"], serde_json::json!({"insufficient-capacity": 1}));
        assert_eq!(strategy["win_rate_percent"], "66.6667");
        assert_eq!(strategy["per_run"], Value::Null);
        assert_eq!(strategy["axes"], Value::Null);
        // 3 of 16 threads, 3 of 16 GiB, and both T4s or one of each kind.
        assert_eq!(strategy["cpu_utilisation_percent"], "18.7500");
        assert_eq!(strategy["memory_utilisation_percent"], "18.7500");
        assert_eq!(strategy["gpu_utilisation_percent"], "66.6667");
        // 13 threads at 2 USD, and 13 GiB at 1 USD.
        assert_eq!((&strategy["idle_usd"]["cpu"], &strategy["idle_usd"]["memory"]), (&"26".into(), &"13".into()));
        assert_eq!(strategy["over_time"].as_array().unwrap().len(), 96);
    }
    // A lease of exactly a month pays a month's price: 2 + 1 + 100, and 4 + 2 + 100 for any card, which is a T4.
    assert_eq!((&card["name"], &card["revenue_usd"]), (&"card".into(), &"209".into()));
    assert_eq!(
        card["gpu_utilisation"],
        serde_json::json!([
            {"kind": "nvidia/t4/16Gi/pcie", "cards": 2, "percent": "100.0000"},
            {"kind": "nvidia/v100/16Gi/sxm", "cards": 1, "percent": "0.0000"},
        ])
    );
    assert_eq!(card["idle_usd"]["gpu"], "700");
    assert_eq!(card["overcharge"], serde_json::json!({"orders": 0, "usd_per_month": "0", "usd": "0"}));
    // Any card costs as much as the dearest one.
    assert_eq!((&old["name"], &old["revenue_usd"]), (&"old".into(), &"809".into()));
    assert_eq!(old["overcharge"], serde_json::json!({"orders": 1, "usd_per_month": "600", "usd": "600"}));
    let comparison = &answer["comparisons"][0];
    assert_eq!((&comparison["strategy"], &comparison["against"]), (&"old".into(), &"card".into()));
    assert_eq!(
        (&comparison["both_won"], &comparison["dearer"], &comparison["cheaper"]),
        (&2.into(), &1.into(), &0.into())
    );
    assert_eq!((&comparison["revenue_usd"], &comparison["flips"]), (&"600".into(), &serde_json::json!([])));
}

#[test]
fn tables_are_at_most_100_columns_wide_and_name_their_units() {
    let output = Example::new("[sweep]\nseeds = 2\n[sweep.axes]\n\"orders.limit\" = [2, 3]\n").simulate(&[]);
    assert_eq!(output.exit, Some(0), "{}", output.stderr);
    assert!(output.stdout.lines().all(|line| line.chars().count() <= 100), "{}", output.stdout);
    for said in ["scenario: 4 runs (2 cells, 2 seeds) of 730.49 hours", "cell 2: orders.limit = 3", "revenue USD", "±"]
    {
        assert!(output.stdout.contains(said), "{said}: {}", output.stdout);
    }
    assert!(output.stdout.contains("insufficient-capacity"), "{}", output.stdout);
    let expected = include_str!("../simulate/table.txt");
    assert_eq!(Example::new("").simulate(&[]).stdout, expected);
}

#[test]
fn eight_cells_fit_on_a_screen_with_their_differences() {
    let axes = "\"orders.limit\" = [1, 2, 3, 4]\n\"strategy.card.set.rates.gpu.t4\" = [\"90\", \"100\"]\n";
    let output = Example::new(&format!("[sweep]\nseeds = 3\n[sweep.axes]\n{axes}")).simulate(&[]);
    assert_eq!(output.exit, Some(0), "{}", output.stderr);
    let shown = &output.stdout;
    assert!(shown.lines().count() <= 60 && shown.lines().all(|line| line.chars().count() <= 120), "{shown}");
    for said in
        ["24 runs (8 cells, 3 seeds)", "cell 8: ", "less the best, paired", "earned most", "+0.00 ± 0.00", "warning: "]
    {
        assert!(shown.contains(said), "{said}: {shown}");
    }
}

#[test]
fn differences_are_paired_between_strategies_and_between_cells() {
    let axes = "\"orders.limit\" = [2, 3]\n";
    let answer =
        Example::new(&format!("[sweep]\nseeds = 2\n[sweep.axes]\n{axes}")).simulate(&["--output", "json"]).json();
    let paired = answer["paired"].as_array().unwrap();
    // Two strategies in each of two cells, two cells for each of two strategies, and the best against what is left.
    assert_eq!(paired.len(), 5);
    let named = |of: &str, against: &str, cells: [i64; 2]| {
        let same = |pair: &&Value| {
            (&pair["of"], &pair["against"]) == (&of.into(), &against.into())
                && (&pair["axes"]["orders.limit"], &pair["against_axes"]["orders.limit"])
                    == (&cells[0].into(), &cells[1].into())
        };
        paired.iter().find(same).unwrap_or_else(|| panic!("{of} {against} {cells:?}: {paired:?}"))
    };
    let interval =
        serde_json::json!({"mean": "600.000000", "low": "600.000000", "high": "600.000000", "confidence": "95%"});
    assert_eq!(named("old", "card", [2, 2])["revenue_usd"], interval);
    assert_eq!(named("old", "old", [3, 2])["won"]["mean"], "0.0000");
    assert_eq!(answer["warnings"][0]["code"], "no-limits");
}

#[test]
fn a_sweep_answers_each_cell_with_intervals() {
    let answer = Example::new("[sweep]\nseeds = 2\n[sweep.axes]\n\"orders.limit\" = [2, 3]\n")
        .simulate(&["--output", "json"])
        .json();
    assert_eq!(answer["seeds"], serde_json::json!([1, 2]));
    assert_eq!(answer["axes"], serde_json::json!([{"key": "orders.limit", "values": [2, 3]}]));
    let strategies = answer["strategies"].as_array().unwrap();
    let places: Vec<(&str, i64)> = strategies
        .iter()
        .map(|entry| (entry["name"].as_str().unwrap(), entry["axes"]["orders.limit"].as_i64().unwrap()))
        .collect();
    assert_eq!(places, [("card", 2), ("old", 2), ("card", 3), ("old", 3)]);
    assert_eq!((&strategies[2]["orders"], &strategies[2]["revenue_usd"]), (&6.into(), &"418".into()));
    let interval =
        serde_json::json!({"mean": "209.000000", "low": "209.000000", "high": "209.000000", "confidence": "95%"});
    assert_eq!(strategies[2]["per_run"]["revenue_usd"], interval);
    assert_eq!(answer["comparisons"][1]["per_run"]["revenue_usd"]["mean"], "600.000000");
}

/// Returns the rows of a Parquet file as texts. A missing value is an empty text.
fn parquet_rows(path: &Path) -> Vec<BTreeMap<String, String>> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap().build().unwrap();
    reader.flat_map(|batch| rows_of(&batch.unwrap())).collect()
}

fn rows_of(batch: &RecordBatch) -> Vec<BTreeMap<String, String>> {
    let text = |column: &dyn Array, row: usize| -> String {
        if column.is_null(row) {
            String::new()
        } else if let Some(numbers) = column.as_primitive_opt::<Int64Type>() {
            numbers.value(row).to_string()
        } else if let Some(decimals) = column.as_primitive_opt::<Decimal128Type>() {
            assert_eq!(decimals.precision(), 38);
            decimals.value_as_string(row)
        } else {
            column.as_string::<i32>().value(row).to_owned()
        }
    };
    let schema = batch.schema();
    let row = |row: usize| {
        let columns = schema.fields().iter().zip(batch.columns());
        columns.map(|(field, column)| (field.name().clone(), text(column.as_ref(), row))).collect()
    };
    (0..batch.num_rows()).map(row).collect()
}

/// Compares decimals without trailing zeros. A Parquet column pads its decimals to the scale of its type.
fn same(one: &str, other: &str) -> bool {
    let trimmed = |text: &str| match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text.to_owned(),
    };
    trimmed(one) == trimmed(other)
}

/// Returns the rows of a JSON lines file as texts.
fn jsonl_rows(path: &Path) -> Vec<BTreeMap<String, String>> {
    let text = |value: &Value| match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let row = |line: &str| {
        let row: serde_json::Map<String, Value> = serde_json::from_str(line).unwrap();
        row.iter().map(|(key, value)| (key.clone(), text(value))).collect()
    };
    fs::read_to_string(path).unwrap().lines().map(row).collect()
}

/// Returns the rows of a CSV file as texts. Its values must not contain commas or quotes.
fn csv_rows(path: &Path) -> Vec<BTreeMap<String, String>> {
    let text = fs::read_to_string(path).unwrap();
    let mut lines = text.lines().map(|line| line.split(',').map(str::to_owned).collect::<Vec<_>>());
    let header = lines.next().unwrap();
    lines.map(|line| header.iter().cloned().zip(line).collect()).collect()
}

fn assert_same_rows(one: &[BTreeMap<String, String>], other: &[BTreeMap<String, String>]) {
    assert_eq!(one.len(), other.len());
    for (one, other) in one.iter().zip(other) {
        assert!(one.keys().eq(other.keys()), "{one:?} {other:?}");
        for (key, value) in one {
            assert!(same(value, &other[key]), "{key}: {value} {}", other[key]);
        }
    }
}

#[test]
fn results_are_the_same_in_every_format_and_as_the_json() {
    let example = Example::new("[sweep.axes]\n\"orders.limit\" = [2, 3]\n\"strategy.old.rates\" = [\"rates.toml\"]\n");
    let answer = example.simulate(&["--output", "json", "--results", "rows.parquet"]).json();
    assert_eq!(example.simulate(&["--results", "rows.csv"]).exit, Some(0));
    assert_eq!(example.simulate(&["--results", "rows.jsonl"]).exit, Some(0));
    let rows = parquet_rows(&example.path("rows.parquet"));
    assert_same_rows(&rows, &csv_rows(&example.path("rows.csv")));
    assert_same_rows(&rows, &jsonl_rows(&example.path("rows.jsonl")));
    let strategies = answer["strategies"].as_array().unwrap();
    assert_eq!(rows.len(), strategies.len());
    for (row, strategy) in rows.iter().zip(strategies) {
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let pairs = [
            ("strategy", &strategy["name"]),
            ("axis.orders.limit", &strategy["axes"]["orders.limit"]),
            ("axis.strategy.old.rates", &strategy["axes"]["strategy.old.rates"]),
            ("orders", &strategy["orders"]),
            ("won", &strategy["won"]),
            ("win_rate_percent", &strategy["win_rate_percent"]),
            ("revenue_usd", &strategy["revenue_usd"]),
            ("gpu_utilisation_percent", &strategy["gpu_utilisation_percent"]),
            ("gpu_utilisation_percent.nvidia/t4/16Gi/pcie", &strategy["gpu_utilisation"][0]["percent"]),
            ("cpu_utilisation_percent", &strategy["cpu_utilisation_percent"]),
            ("memory_utilisation_percent", &strategy["memory_utilisation_percent"]),
            ("idle_gpu_usd", &strategy["idle_usd"]["gpu"]),
            ("fragmentation_percent", &strategy["fragmentation_percent"]),
            ("overcharge_orders", &strategy["overcharge"]["orders"]),
            ("overcharge_usd", &strategy["overcharge"]["usd"]),
            ("undercharge_usd_per_month", &strategy["undercharge"]["usd_per_month"]),
        ];
        for (column, value) in pairs {
            assert!(same(&row[column], &text(value)), "{column}: {} {value}", row[column]);
        }
        let lost = strategy["lost"].get("insufficient-capacity").map_or("0".to_owned(), Value::to_string);
        assert_eq!(row["lost.insufficient-capacity"], lost);
    }
}

#[test]
fn decisions_are_the_same_in_every_format_and_add_up_to_the_answer() {
    let example = Example::new("");
    let answer = example.simulate(&["--output", "json", "--decisions", "rows.parquet"]).json();
    assert_eq!(example.simulate(&["--decisions", "rows.csv"]).exit, Some(0));
    assert_eq!(example.simulate(&["--decisions", "rows.jsonl"]).exit, Some(0));
    let rows = parquet_rows(&example.path("rows.parquet"));
    assert_same_rows(&rows, &csv_rows(&example.path("rows.csv")));
    assert_same_rows(&rows, &jsonl_rows(&example.path("rows.jsonl")));
    assert_eq!(rows.len(), 6);
    let any = &rows[4];
    let expected = [
        ("run", "0"),
        ("cell", "0"),
        ("seed", "1"),
        ("strategy", "old"),
        ("order", "1"),
        ("id", "any"),
        ("at_ms", "0"),
        ("outcome", "won"),
        ("denom", "uact"),
        ("usd_per_month", "706"),
        ("own_usd_per_month", "106"),
        ("gpu", "nvidia/t4/16Gi/pcie"),
        ("lease_ms", "2629757000"),
        ("revenue_usd", "706"),
    ];
    for (column, value) in expected {
        assert!(same(&any[column], value), "{column}: {}", any[column]);
    }
    assert!(!any["price"].is_empty());
    assert_eq!((rows[2]["outcome"].as_str(), rows[2]["price"].as_str()), ("insufficient-capacity", ""));
    for strategy in answer["strategies"].as_array().unwrap() {
        let rows = rows.iter().filter(|row| strategy["name"] == row["strategy"] && row["outcome"] == "won");
        assert_eq!(u64::try_from(rows.count()).unwrap(), strategy["won"].as_u64().unwrap());
    }
}

#[test]
fn threads_change_no_byte() {
    let example = Example::new("[sweep]\nseeds = 6\n[sweep.axes]\n\"orders.limit\" = [1, 2, 3]\n");
    let run = |threads: &str| {
        let args = ["--threads", threads, "--output", "json", "--decisions", "d.parquet", "--results", "r.parquet"];
        let answer = example.simulate(&args);
        assert_eq!(answer.exit, Some(0), "{}", answer.stderr);
        (answer.stdout, fs::read(example.path("d.parquet")).unwrap(), fs::read(example.path("r.parquet")).unwrap())
    };
    let one = run("1");
    assert!(one == run("2") && one == run("7"));
    assert_eq!(example.others(), ["d.parquet", "r.parquet"]);
}

#[test]
fn timings_are_apart_from_the_answer() {
    let example = Example::new("");
    let plain = example.simulate(&["--output", "json"]);
    let timed = example.simulate(&["--output", "json", "--timings", "timings.json"]);
    assert_eq!(plain.stdout, timed.stdout);
    let timings: Value = serde_json::from_str(&fs::read_to_string(example.path("timings.json")).unwrap()).unwrap();
    assert_eq!((&timings["schema"], &timings["runs"], &timings["events"]), (&1.into(), &1.into(), &10.into()));
    let card = &timings["strategies"][0];
    assert_eq!((&card["name"], &card["orders"]), (&"card".into(), &3.into()));
    for key in ["p50_us", "p99_us", "p999_us", "max_us", "pricing_s"] {
        assert!(card[key].is_string(), "{key}: {card}");
    }
}

#[test]
fn files_that_cannot_be_written_are_told_before_the_runs() {
    let example = Example::new("");
    fs::create_dir(example.path("folder.csv")).unwrap();
    let cases = [
        (["--results", "rows.txt"], 1, "name it with the ending .csv, .jsonl or .parquet"),
        (["--decisions", "missing/rows.csv"], 1, "missing/rows.csv: it cannot be written: No such file"),
        (["--decisions", "folder.csv"], 1, "it is a folder"),
        (["--results", "pods.csv"], 1, "--results would overwrite what the simulation reads"),
        (["--timings", "rates.toml"], 1, "--timings would overwrite what the simulation reads"),
        (["--timings", "./scenario.toml"], 1, "--timings would overwrite what the simulation reads"),
    ];
    for (args, exit, message) in cases {
        let output = example.simulate(&args);
        assert_eq!(output.exit, Some(exit), "{args:?}: {}", output.stderr);
        assert!(output.stderr.contains(message) && output.stdout.is_empty(), "{args:?}: {}", output.stderr);
    }
    let output = example.simulate(&["--results", "rows.csv", "--decisions", "./rows.csv"]);
    assert_eq!(output.exit, Some(2));
    assert!(output.stderr.contains("--decisions and --results name the same file"), "{}", output.stderr);
    assert_eq!(example.others(), ["folder.csv"]);
    assert_eq!(fs::read_to_string(example.path("pods.csv")).unwrap(), PODS);
}

#[test]
fn a_run_that_fails_leaves_no_half_file_and_nobody_waiting() {
    let example =
        Example::new("[sweep]\nseeds = 4\n[sweep.axes]\n\"inventory.openb\" = [\"nodes.csv\", \"missing.csv\"]\n");
    let output = example.simulate(&["--decisions", "rows.csv", "--results", "all.csv", "--threads", "4"]);
    assert_eq!(output.exit, Some(1));
    assert!(output.stderr.contains("`missing.csv` cannot be read"), "{}", output.stderr);
    assert_eq!(example.others(), Vec::<String>::new());
}

/// Returns the example with the daemon's scales as the old strategy.
fn with_scales(env: &str) -> Example {
    let example = Example::new("");
    let gpu = "gpu = \"highest-wildcard\"          # or: plugin = \"x.wasm\", script = \"old.sh\"\n";
    fs::write(example.path("scenario.toml"), SCENARIO.replace(gpu, &format!("scale = true\n{env}"))).unwrap();
    example
}

#[test]
fn the_daemons_scales_are_a_strategy_from_the_scenario_or_the_environment() {
    let written =
        with_scales("env = { AKASH_BID_PRICE_CPU_SCALE = \"0.01\" }\n").simulate(&["--output", "json"]).json();
    let strategy = &written["strategies"][1];
    assert_eq!((&strategy["orders"], &strategy["won"]), (&3.into(), &2.into()), "{strategy:#}");
    // 10 and 20 uact a block, each for a month.
    assert_eq!(strategy["revenue_usd"], "12.89727", "{strategy:#}");
    let example = with_scales("");
    let mut command = crate::programs::bidprice();
    command.current_dir(example.path("")).args(["simulate", "scenario.toml", "--output", "json"]);
    let output = command.env("AKASH_BID_PRICE_CPU_SCALE", "0.01").output().unwrap();
    let taken: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(taken["strategies"], written["strategies"]);
    // Missing scales are not taken for zero.
    let refused = example.simulate(&[]);
    assert!(refused.exit == Some(1) && refused.stderr.contains("at least one bid price must be"), "{}", refused.stderr);
    let both =
        with_scales("gpu = \"highest-wildcard\"\nenv = { AKASH_BID_PRICE_CPU_SCALE = \"0.01\" }\n").simulate(&[]);
    assert!(both.exit == Some(1) && both.stderr.contains("more than one of"), "{}", both.stderr);
    let slip = with_scales("env = { AKASH_BID_PRICE_CPU_SCALE = \"0.01\", AKASH_BID_PRICE_MEM_SCALE = \"1\" }\n")
        .simulate(&[]);
    assert!(slip.exit == Some(1) && slip.stderr.contains("not a scale of the daemon's"), "{}", slip.stderr);
}
