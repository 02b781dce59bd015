//! Comparisons with other programs, which take longer to build than the tests may.

use std::path::Path;
use std::process::Command;

use crate::cargo;

/// The program that places pods with Kubernetes' own code.
const KUBE_SCHEDULER: &str = "target/oracle/kube-scheduler";

/// Runs `oracle kube [--cases N] [--seed S]`. None if the words are others.
pub(crate) fn run(words: &[&str]) -> Option<bool> {
    let ["kube", options @ ..] = words else { return None };
    let (mut cases, mut seed) = ("1000", "1");
    for option in options.chunks(2) {
        match option {
            ["--cases", value] => cases = value,
            ["--seed", value] => seed = value,
            _ => return None,
        }
    }
    Some(build() && compare(cases, seed))
}

fn build() -> bool {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."));
    let mut go = Command::new("go");
    go.args(["build", "-o"]).arg(top.join(KUBE_SCHEDULER)).arg(".").current_dir(top.join("oracle/kube-scheduler"));
    eprintln!("{go:?}");
    match go.status() {
        Ok(status) => status.success(),
        Err(error) => {
            eprintln!("error: go: {error}");
            false
        }
    }
}

fn compare(cases: &str, seed: &str) -> bool {
    cargo(&["run", "--package", "testkit", "--example", "kube_oracle", "--", KUBE_SCHEDULER, cases, seed], &[])
}
