//! Sweeps give the same bytes with any number of threads and shards, and after any interruption.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::programs::{BIDPRICE, HANG};

const RATES: &str = "[rates]\ncpu = \"1.6\"\n[rates.gpu]\nt4 = \"80\"\na10 = \"300\"\n";
const SCENARIO: &str = r#"
[orders]
openb = "pods.csv"
[inventory]
openb = "nodes.csv"
[[strategy]]
name = "card"
rates = "rates.toml"
[[strategy]]
name = "old"
rates = "rates.toml"
gpu = "highest-wildcard"
[market]
rates = "rates.toml"
spread = "0.3"
[sweep]
seeds = 3
[sweep.axes]
"orders.limit" = [15, 30]
"strategy.card.set.rates.gpu.t4" = ["60", "80"]
"#;

/// A folder with a scenario and its files.
struct Folder(TempDir);

impl Folder {
    /// Writes a scenario of 12 runs, with `orders` orders in its trace.
    fn new(orders: u64) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        folder.put("scenario.toml", SCENARIO);
        folder.put("rates.toml", RATES);
        let mut pods = "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,creation_time,deletion_time\n".to_owned();
        for order in 0..orders {
            let spec = ["", "T4", "A10", "T4|A10"].get(usize::try_from(order % 4).unwrap()).unwrap();
            let (cards, end) = (order % 3, order * 10 + 50 + order * 37 % 900);
            let spec = if cards == 0 { "" } else { spec };
            pods.push_str(&format!("p{order},4000,8192,{cards},1000,{spec},{},{end}\n", order * 10));
        }
        folder.put("pods.csv", &pods);
        let mut nodes = "sn,cpu_milli,memory_mib,gpu,model\n".to_owned();
        for node in 0..6 {
            let model = if node % 2 == 0 { "T4" } else { "A10" };
            nodes.push_str(&format!("n{node},64000,262144,4,{model}\n"));
        }
        folder.put("nodes.csv", &nodes);
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn put(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = crate::programs::bidprice();
        command.arg("simulate").args(args).current_dir(self.0.path());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// Returns the stdout of a command that succeeds.
    fn answer(&self, args: &[&str]) -> Vec<u8> {
        let output = self.run(args);
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    /// Returns the message of a command that fails with this exit code.
    fn refused(&self, args: &[&str], exit: i32) -> String {
        let output = self.run(args);
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(exit), "{args:?}: {message}");
        assert!(output.stdout.is_empty(), "{args:?}");
        message
    }

    fn whole(&self) -> Vec<u8> {
        self.answer(&["scenario.toml", "--threads", "1", "--output", "json"])
    }
}

#[test]
fn any_number_of_threads_gives_the_same_bytes() {
    let folder = Folder::new(40);
    let one = folder.whole();
    assert!(one.len() > 1000);
    for threads in ["2", "8"] {
        assert!(folder.answer(&["scenario.toml", "--threads", threads, "--output", "json"]) == one, "{threads}");
    }
}

#[test]
fn any_split_into_shards_gives_the_same_bytes() {
    let folder = Folder::new(40);
    let one = folder.whole();
    folder.answer(&["plan", "scenario.toml", "--shards", "3", "--out", "plan"]);
    // A plan contains everything that it needs.
    for file in ["scenario.toml", "rates.toml", "pods.csv", "nodes.csv"] {
        fs::remove_file(folder.path(file)).unwrap();
    }
    // 13 shards are more than there are runs.
    for shards in [1, 3, 8, 13] {
        let mut names = Vec::new();
        for shard in (0..shards).rev() {
            let (which, name) = (format!("{shard}/{shards}"), format!("part-{shards}-{shard}"));
            folder.answer(&["run", "plan", "--shard", &which, "--out", &name]);
            names.push(name);
        }
        let mut args = vec!["merge", "plan", "--output", "json"];
        args.extend(names.iter().map(String::as_str));
        assert!(folder.answer(&args) == one, "{shards}");
    }
}

#[test]
fn eight_pods_of_an_indexed_job_come_to_what_one_process_does() {
    let folder = Folder::new(40);
    let one = folder.whole();
    folder.answer(&["plan", "scenario.toml", "--shards", "8", "--out", "plan"]);
    fs::create_dir(folder.path("results")).unwrap();
    let start = |index: usize| {
        let mut command = folder.command(&["run", "plan", "--out", "results", "--threads", "1"]);
        command.env("JOB_COMPLETION_INDEX", index.to_string()).spawn().unwrap()
    };
    let pods: Vec<Child> = (0..8).map(start).collect();
    for pod in pods {
        let output = pod.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let mut names: Vec<String> = fs::read_dir(folder.path("results"))
        .unwrap()
        .map(|entry| entry.unwrap().path().to_str().unwrap().to_owned())
        .collect();
    names.sort();
    assert_eq!(names.len(), 8);
    assert!(names.first().unwrap().ends_with("shard-00000-of-00008.jsonl"));
    let files = |prefix: &str| ["results.csv", "report.html"].map(|name| format!("{prefix}.{name}"));
    let [merged_rows, merged_report] = files("merged");
    let mut args = vec!["merge", "plan", "--output", "json", "--results", &merged_rows, "--report", &merged_report];
    args.extend(names.iter().map(String::as_str));
    assert!(folder.answer(&args) == one);
    let [rows, report] = files("whole");
    folder.answer(&["scenario.toml", "--results", &rows, "--report", &report]);
    for (merged, whole) in files("merged").iter().zip(files("whole")) {
        assert!(fs::read(folder.path(merged)).unwrap() == fs::read(folder.path(&whole)).unwrap(), "{merged}");
    }
}

#[test]
fn shards_that_are_missing_double_foreign_or_torn_are_refused_by_name() {
    let folder = Folder::new(40);
    folder.answer(&["plan", "scenario.toml", "--shards", "2", "--out", "plan"]);
    folder.answer(&["plan", "scenario.toml", "--seed", "9", "--shards", "2", "--out", "other"]);
    for (plan, shard, out) in
        [("plan", "0/2", "a"), ("plan", "1/2", "b"), ("plan", "1/3", "third"), ("other", "1/2", "c")]
    {
        folder.answer(&["run", plan, "--shard", shard, "--out", out]);
    }
    let missing = folder.refused(&["merge", "plan", "a"], 1);
    assert!(missing.contains("of 2 shards these are missing: 1"), "{missing}");
    let double = folder.refused(&["merge", "plan", "a", "b", "a"], 1);
    assert!(double.contains("shard 0 is there twice: `a` and `a`"), "{double}");
    let foreign = folder.refused(&["merge", "plan", "a", "c"], 1);
    assert!(foreign.contains("`c` belongs to another simulation"), "{foreign}");
    let mixed = folder.refused(&["merge", "plan", "a", "third"], 1);
    assert!(mixed.contains("`third` is one of 3 shards and `a` one of 2"), "{mixed}");
    let stranger = folder.refused(&["merge", "plan", "a", "pods.csv"], 1);
    assert!(stranger.contains("`pods.csv` is not a result of `bidprice simulate run`"), "{stranger}");
    let whole = fs::read(folder.path("b")).unwrap();
    let last_line = whole.iter().rev().skip(1).position(|byte| *byte == b'\n').unwrap();
    let cuts = [whole.len() / 2, whole.len() - 1 - last_line, whole.len() - 20];
    for cut in cuts {
        fs::write(folder.path("torn"), whole.get(..cut).unwrap()).unwrap();
        let torn = folder.refused(&["merge", "plan", "a", "torn"], 1);
        assert!(torn.contains("`torn`: the file is not complete; run shard 1 of 2 again"), "{torn}");
    }
    let changed = String::from_utf8(whole).unwrap().replacen("\"won\":", "\"won\":1", 1);
    folder.put("changed", &changed);
    let changed = folder.refused(&["merge", "plan", "a", "changed"], 1);
    assert!(changed.contains("`changed`: the file is not complete"), "{changed}");
}

#[test]
fn a_plan_whose_files_were_changed_is_not_run() {
    let folder = Folder::new(40);
    folder.answer(&["plan", "scenario.toml", "--shards", "2", "--out", "plan"]);
    let again = folder.refused(&["plan", "scenario.toml", "--shards", "2", "--out", "plan"], 1);
    assert!(again.contains("it exists already and is not empty"), "{again}");
    let rates = fs::read_dir(folder.path("plan/inputs")).unwrap().map(|entry| entry.unwrap().path());
    let rates = rates.into_iter().find(|path| path.to_str().unwrap().ends_with("rates.toml")).unwrap();
    fs::write(rates, RATES.replace("80", "81")).unwrap();
    let message = folder.refused(&["run", "plan", "--shard", "0/2", "--out", "a"], 1);
    assert!(message.contains("it is not what was planned as `rates.toml`"), "{message}");
    assert!(!folder.path("a").exists());
    let index = folder.command(&["run", "plan", "--out", "a"]).env("JOB_COMPLETION_INDEX", "2").output().unwrap();
    assert_eq!(index.status.code(), Some(1));
    assert!(folder.refused(&["run", "plan", "--shard", "2/2", "--out", "a"], 2).contains("such as `0/8`"));
    assert!(folder.refused(&["plan", "scenario.toml", "--shards", "0", "--out", "p"], 1).contains("1 to 12"));
    assert!(folder.refused(&["plan", "scenario.toml", "--shards", "13", "--out", "p"], 1).contains("1 to 12"));
    assert!(folder.refused(&["run", "nowhere", "--shard", "0/1", "--out", "a"], 1).contains("plan.json"));
}

fn lines(path: &Path) -> usize {
    fs::read(path).map_or(0, |bytes| bytes.iter().filter(|byte| **byte == b'\n').count())
}

/// Waits until a file has `wanted` lines.
fn wait_for_lines(path: &Path, wanted: usize) {
    let start = Instant::now();
    while lines(path) < wanted {
        assert!(start.elapsed() < HANG, "no {wanted} lines came");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_sweep_that_was_killed_goes_on_and_comes_to_the_same_bytes() {
    let folder = Folder::new(40);
    let args = ["scenario.toml", "--seeds", "20", "--threads", "2", "--checkpoint", "kept", "--output", "json"];
    let one = folder.answer(&["scenario.toml", "--seeds", "20", "--output", "json"]);
    for kills in 1..4 {
        let mut child = folder.command(&args).spawn().unwrap();
        // The header, and more runs than at the previous kill.
        wait_for_lines(&folder.path("kept"), 1 + kills * 10);
        child.kill().unwrap();
        child.wait().unwrap();
    }
    // The file is cut in the middle of a line, as if the process had been killed there.
    let kept = fs::read_to_string(folder.path("kept")).unwrap();
    let whole: usize = kept.split_inclusive('\n').take(31).map(str::len).sum();
    fs::write(folder.path("kept"), kept.get(..whole - 30).unwrap()).unwrap();
    let resumed = folder.run(&args);
    assert!(String::from_utf8_lossy(&resumed.stderr).contains("its last line was not finished"));
    assert!(resumed.stdout == one);
    // No run is left to do.
    assert!(folder.answer(&args) == one);
    assert!(!resumed.stdout.is_empty());
}

#[test]
fn an_interrupted_sweep_keeps_what_is_done_and_says_how_to_go_on() {
    let folder = Folder::new(40);
    // More runs than any machine finishes before the signal.
    let args = ["scenario.toml", "--seeds", "10000", "--threads", "2", "--checkpoint", "kept"];
    let mut before = Vec::new();
    for signal in ["-INT", "-TERM"] {
        let child = folder.command(&args).spawn().unwrap();
        wait_for_lines(&folder.path("kept"), lines(&folder.path("kept")) + 5);
        let sent = Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
        assert!(sent.success());
        let output = child.wait_with_output().unwrap();
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(130), "{message}");
        assert!(output.stdout.is_empty());
        assert!(message.contains("of 40000 runs are done and saved in kept; the same command continues"), "{message}");
        // It has only complete lines, including those of the previous run.
        let kept = fs::read(folder.path("kept")).unwrap();
        assert!(kept.ends_with(b"\n") && kept.starts_with(&before) && kept.len() > before.len());
        before = kept;
    }
}

#[test]
fn a_checkpoint_of_something_else_is_refused_with_what_differs() {
    let folder = Folder::new(40);
    let args = ["scenario.toml", "--checkpoint", "kept"];
    folder.answer(&args);
    let other = folder.refused(&["scenario.toml", "--checkpoint", "kept", "--seed", "7"], 1);
    assert!(other.contains("`kept` belongs to another simulation: `seed` is missing there and `7` here"), "{other}");
    let kept = fs::read(folder.path("kept")).unwrap();
    folder.put("rates.toml", &RATES.replace("300", "301"));
    let changed = folder.refused(&args, 1);
    assert!(changed.contains("`rates.toml` has changed since"), "{changed}");
    assert_eq!(fs::read(folder.path("kept")).unwrap(), kept);
    folder.put("notes.txt", "name,what\n");
    let stranger = folder.refused(&["scenario.toml", "--checkpoint", "notes.txt"], 1);
    assert!(stranger.contains("`notes.txt` is not a checkpoint"), "{stranger}");
    assert_eq!(fs::read_to_string(folder.path("notes.txt")).unwrap(), "name,what\n");
    let input = folder.refused(&["scenario.toml", "--checkpoint", "pods.csv"], 1);
    assert!(input.contains("--checkpoint would overwrite what the simulation reads"), "{input}");
    assert!(fs::read_to_string(folder.path("pods.csv")).unwrap().starts_with("name,"));
    assert!(folder.refused(&["scenario.toml", "--checkpoint", "."], 1).contains("--checkpoint"));
    assert!(folder.refused(&["scenario.toml", "--checkpoint", "/dev/null"], 1).contains("is not a checkpoint"));
    folder.put("rates.toml", RATES);
    let middle = String::from_utf8(kept).unwrap().replacen("\n{", "\n!", 2);
    folder.put("kept", &middle);
    assert!(folder.refused(&args, 1).contains("`kept`, line 2: "));
}

#[test]
fn two_processes_do_not_write_to_one_checkpoint() {
    let folder = Folder::new(40);
    folder.put("kept", "");
    let held = fs::File::open(folder.path("kept")).unwrap();
    held.lock().unwrap();
    let busy = folder.refused(&["scenario.toml", "--checkpoint", "kept"], 1);
    assert!(busy.contains("another process writes to `kept`"), "{busy}");
    held.unlock().unwrap();
    folder.answer(&["scenario.toml", "--checkpoint", "kept"]);
}

#[test]
fn a_full_disk_is_said_and_what_was_kept_is_there() {
    let folder = Folder::new(40);
    let one = folder.whole();
    // A limit on the file size stands in for a full disk.
    let line =
        format!("trap '' XFSZ; ulimit -f 60; exec {BIDPRICE} simulate scenario.toml --threads 1 --checkpoint kept");
    let full = Command::new("bash").args(["-c", &line]).current_dir(folder.0.path()).output().unwrap();
    let message = String::from_utf8(full.stderr).unwrap();
    assert_eq!(full.status.code(), Some(1), "{message}");
    assert!(message.contains("make room and run the same command again"), "{message}");
    let kept = fs::read(folder.path("kept")).unwrap();
    assert!(kept.ends_with(b"\n") && kept.iter().filter(|byte| **byte == b'\n').count() > 1);
    assert!(folder.answer(&["scenario.toml", "--checkpoint", "kept", "--output", "json"]) == one);
}

#[test]
fn keys_are_set_and_unknown_ones_refused() {
    let folder = Folder::new(40);
    let one = folder.whole();
    let fewer = folder.answer(&[
        "scenario.toml",
        "--seeds",
        "1",
        "--set",
        "sweep.axes={}",
        "--set",
        "orders.limit=5",
        "--output",
        "json",
    ]);
    let fewer: serde_json::Value = serde_json::from_slice(&fewer).unwrap();
    assert!(fewer.to_string().contains("\"orders\":5"), "{fewer}");
    assert!(
        folder.answer(&["scenario.toml", "--set", "seed=1", "--set", "scheduler=sound", "--output", "json"]) == one
    );
    assert!(folder.answer(&["scenario.toml", "--seed", "2", "--output", "json"]) != one);
    for (args, exit, part) in [
        (["--set", "orders.limt=5"], 1, "unknown field `limt`"),
        (["--set", "orders.denom.x=5"], 1, "invalid type"),
        (["--set", "orders.limit=5"], 2, "`orders.limit` is an axis"),
        (["--set", "orders.\"limit\"=5"], 2, "is an axis"),
        (["--set", "nonsense"], 2, "KEY=VALUE"),
        (["--set", "strategy.nobody.gpu=real-card"], 1, "there is no `nobody` in `strategy`"),
        (["--set", "usd_per_akt=0"], 1, "`usd_per_akt`: USD/AKT must be above 0"),
        (["--threads", "0"], 2, "1..=1024"),
        (["--seeds", "0"], 2, "--seeds"),
        (["--seed", "18446744073709551615"], 2, "a seed is at most"),
        (["--set", "sweep.seeds=4294967295"], 1, "runs can be had"),
    ] {
        let message = folder.refused(&["scenario.toml", args[0], args[1]], exit);
        assert!(message.contains(part), "{args:?}: {message}");
    }
}

#[test]
fn a_cell_that_cannot_be_run_is_named_before_any_run_begins() {
    let folder = Folder::new(40);
    for (axes, part) in [
        ("'orders.limit' = [30, 'many']", "in the cell orders.limit = \"many\": scenario: at `orders.limit`"),
        (
            "'strategy.card.rates' = ['rates.toml', 'none.toml']",
            "in the cell strategy.card.rates = \"none.toml\": `none.toml`",
        ),
        ("'orders.openb' = ['pods.csv', 'none.csv']", "in the cell orders.openb = \"none.csv\": `none.csv`"),
        ("'strategy.card.set.rates.gpu.h100' = ['1']", "no GPU entry `h100`"),
        ("'strategy.card.nonsense' = ['1']", "nonsense"),
        ("'strategy.other.gpu' = ['real-card']", "there is no `other`"),
        ("'orders.limit' = []", "the axis `orders.limit` has no values"),
        ("'orders.limit' = [1, 1]", "the axis `orders.limit` has a value twice"),
        ("'seed' = [1, 2]", "`seed` cannot be an axis"),
    ] {
        let scenario = SCENARIO.split("[sweep.axes]").next().unwrap();
        folder.put("scenario.toml", &format!("{scenario}[sweep.axes]\n{axes}\n"));
        let message = folder.refused(&["scenario.toml"], 1);
        assert!(message.contains(part), "{axes}: {message}");
        // Not even the header of a checkpoint is written.
        let output = folder.run(&["scenario.toml", "--checkpoint", "kept"]);
        assert_eq!(output.status.code(), Some(1));
        let kept = fs::read_to_string(folder.path("kept")).unwrap_or_default();
        assert!(kept.lines().count() <= 1, "{axes}");
    }
}
