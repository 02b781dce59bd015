//! `bidprice simulate export`: a scenario with the exported orders has the same answer.

#![expect(clippy::unwrap_used, reason = "a broken test must say so at once")]

use std::fs;
use std::path::Path;

use serde_json::Value;
use toml::Table;

use crate::programs::bidprice;

/// Copies the example with the made-up orders to a folder.
fn example(folder: &Path) {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/simulate");
    for name in ["made-up.toml", "market.toml", "rates.toml"] {
        fs::copy(examples.join(name), folder.join(name)).unwrap();
    }
}

/// Runs `bidprice simulate` with some words. Returns the exit code, stdout and stderr.
fn simulate(folder: &Path, words: &[&str]) -> (Option<i32>, String, String) {
    let output = bidprice().arg("simulate").args(words).current_dir(folder).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

fn strategies(folder: &Path, scenario: &str) -> Value {
    let (exit, stdout, stderr) = simulate(folder, &[scenario, "--output", "json"]);
    assert_eq!(exit, Some(0), "{scenario}: {stderr}");
    serde_json::from_str::<Value>(&stdout).unwrap().get("strategies").unwrap().clone()
}

#[test]
fn exported_orders_give_the_same_answer_with_the_section_that_is_printed() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    example(at);
    let expected = strategies(at, "made-up.toml");
    for file in ["orders.jsonl", "orders.csv", "orders.parquet"] {
        let (exit, printed, stderr) = simulate(at, &["export", "made-up.toml", "--out", file]);
        assert_eq!(exit, Some(0), "{file}: {stderr}");
        assert!(printed.starts_with(&format!("508 orders written to {file}.")), "{printed}");
        let section = printed.split_once("\n\n").unwrap().1.parse::<Table>().unwrap();
        let mut scenario: Table = fs::read_to_string(at.join("made-up.toml")).unwrap().parse().unwrap();
        scenario.extend(section);
        fs::write(at.join("exported.toml"), toml::to_string(&scenario).unwrap()).unwrap();
        assert_eq!(strategies(at, "exported.toml"), expected, "{file}");
    }
}

#[test]
fn what_cannot_be_exported_is_refused_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    example(at);
    // No file is overwritten that the scenario reads, and the ending says which kind of file it is.
    for (file, words) in [("made-up.toml", "made-up.toml"), ("rates.toml", "rates.toml"), ("orders.xml", "orders.xml")]
    {
        let before = fs::read(at.join(file)).ok();
        let (exit, stdout, stderr) = simulate(at, &["export", "made-up.toml", "--out", file]);
        assert!(exit.is_some_and(|code| code != 0) && stdout.is_empty(), "{file}: {stdout}");
        assert!(stderr.contains(words), "{stderr}");
        assert_eq!(fs::read(at.join(file)).ok(), before, "{file}");
    }
    let (exit, _, stderr) = simulate(at, &["export", "absent.toml", "--out", "orders.csv"]);
    assert!(exit == Some(1) && stderr.contains("absent.toml"), "{stderr}");
    assert!(!at.join("orders.csv").exists());
}
