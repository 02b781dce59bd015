//! Golden cases: a folder each in `tests/golden`, with the command line in `cmd`, and what it must print and exit with
//! in `stdout`, `stderr` and `exit`. `GOLDEN=bless` writes what it prints now.
//!
//! A command runs at the top of the workspace, with no environment but what `env` (lines of `NAME=value`) sets, and
//! `stdin` as its input where there is one. The first word of `cmd` names the program. A case that calls a plugin gives it
//! a deadline that no machine misses.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a broken test case must say so at once")]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::programs::{BIDPRICE, bidprice_script};

fn program(name: &str) -> PathBuf {
    match name {
        "bidprice" => PathBuf::from(BIDPRICE),
        "bidprice-script" => bidprice_script(),
        other => panic!("no program is called {other}"),
    }
}

fn optional(path: PathBuf) -> Option<String> {
    path.exists().then(|| fs::read_to_string(path).unwrap())
}

/// What a case prints: stdout, stderr, exit code.
fn run(case: &Path) -> [(&'static str, String); 3] {
    let line = fs::read_to_string(case.join("cmd")).unwrap();
    let mut words = line.split_whitespace();
    let mut command = Command::new(program(words.next().unwrap()));
    command.args(words).env_clear().current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap());
    for line in optional(case.join("env")).unwrap_or_default().lines() {
        let (name, value) = line.split_once('=').unwrap();
        command.env(name, value);
    }
    let streams = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = streams.spawn().unwrap();
    let input = optional(case.join("stdin")).unwrap_or_default();
    // A program that needs no input may have ended already.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let exit = format!("{}\n", output.status.code().unwrap());
    [("stdout", text(output.stdout)), ("stderr", text(output.stderr)), ("exit", exit)]
}

#[test]
fn golden_cases_print_what_they_printed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let bless = std::env::var_os("GOLDEN").is_some_and(|value| value == "bless");
    let mut cases: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    assert!(!cases.is_empty());
    let mut failures = Vec::new();
    for case in &cases {
        let differs = |(name, printed): &(&str, String)| optional(case.join(name)).unwrap_or_default() != *printed;
        let printed = run(case);
        if bless {
            printed.iter().for_each(|(name, printed)| fs::write(case.join(name), printed).unwrap());
            continue;
        }
        for (name, printed) in printed.iter().filter(|file| differs(file)) {
            failures.push(format!("{}/{name}:\n{printed}", case.file_name().unwrap().display()));
        }
    }
    assert!(failures.is_empty(), "these differ (cargo xtask golden --bless accepts them):\n{}", failures.join("\n"));
}
