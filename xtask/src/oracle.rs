//! Comparisons with other programs, which take longer to build than the tests may.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cargo;
use crate::tools::{self, top};

/// The Go module of the program that places pods with Kubernetes' own code.
const MODULE: &str = "oracle/kube-scheduler";

/// The release of Kubernetes in the module's `go.mod`.
const PINNED: &str = "1.34";

/// Where the programs are built.
const BUILT: &str = "target/oracle";

/// What `oracle kube` is asked.
#[derive(Clone, Copy, Debug)]
struct Options<'a> {
    cases: &'a str,
    seed: &'a str,
    /// Another version of Kubernetes than the pinned one, such as `1.35.4`.
    kubernetes: Option<&'a str>,
}

/// Runs `oracle kube [--cases N] [--seed S] [--kubernetes VERSION]`. None if the words are others.
pub(crate) fn run(words: &[&str]) -> Option<bool> {
    let ["kube", options @ ..] = words else { return None };
    let mut asked = Options { cases: "1000", seed: "1", kubernetes: None };
    for option in options.chunks(2) {
        match option {
            ["--cases", value] => asked.cases = value,
            ["--seed", value] => asked.seed = value,
            ["--kubernetes", value] => asked.kubernetes = Some(value),
            _ => return None,
        }
    }
    let built = match asked.kubernetes {
        None => build(&top().join(MODULE), "kube-scheduler"),
        Some(version) => another_version(version),
    };
    match built {
        Ok(program) => Some(compare(&program, asked)),
        Err(error) => {
            eprintln!("error: {error}");
            Some(false)
        }
    }
}

/// Builds the program with another version of Kubernetes, in a copy of the module.
fn another_version(version: &str) -> io::Result<PathBuf> {
    let minor = version.strip_prefix("1.").filter(|minor| minor.split('.').all(|part| part.parse::<u32>().is_ok()));
    let minor = minor.ok_or_else(|| io::Error::other(format!("`{version}` is not a version such as 1.35.4")))?;
    let (module, name) = (top().join(MODULE), format!("kube-scheduler-{version}"));
    let copy = top().join(BUILT).join(format!("{name}.module"));
    fs::create_dir_all(&copy)?;
    for entry in fs::read_dir(&module)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "go") {
            fs::copy(&path, copy.join(path.file_name().unwrap_or_default()))?;
        }
    }
    fs::write(copy.join("go.mod"), with_kubernetes(&fs::read_to_string(module.join("go.mod"))?, minor)?)?;
    go(&["mod", "tidy"], &copy)?;
    build(&copy, &name)
}

/// A `go.mod` with another version of Kubernetes. Kubernetes 1.35.4 goes with its own modules at 0.35.4.
fn with_kubernetes(module: &str, minor: &str) -> io::Result<String> {
    let pinned = module.lines().find_map(|line| line.trim().strip_prefix("k8s.io/kubernetes v1."));
    let pinned = pinned.ok_or_else(|| io::Error::other(format!("{MODULE}/go.mod names no version of Kubernetes")))?;
    let replaced =
        |text: String, major: &str| text.replace(&format!(" v{major}.{pinned}\n"), &format!(" v{major}.{minor}\n"));
    Ok(["1", "0"].into_iter().fold(module.to_owned(), replaced))
}

fn build(module: &Path, name: &str) -> io::Result<PathBuf> {
    let program = top().join(BUILT).join(name);
    go(&["build", "-o", &program.to_string_lossy(), "."], module)?;
    Ok(program)
}

fn go(words: &[&str], folder: &Path) -> io::Result<()> {
    tools::run(Command::new("go").args(words).current_dir(folder))
}

fn compare(program: &Path, Options { cases, seed, kubernetes }: Options<'_>) -> bool {
    let program = program.to_string_lossy();
    let release = kubernetes.unwrap_or(PINNED).split('.').take(2).collect::<Vec<_>>().join(".");
    cargo(&["run", "--package", "testkit", "--example", "kube_oracle", "--", &program, cases, seed, &release], &[])
}
