//! Golden cases. Each is a folder with the command line in `cmd`, and the expected output and exit code in `stdout`,
//! `stderr` and `exit`. `GOLDEN=bless` writes the current output.
//!
//! A command runs at the root of the workspace, with no environment except what `env` (lines of `NAME=value`) sets, and
//! with `stdin` as its input if there is one. The first word of `cmd` names the program. If only some builds can pass a
//! case, `features` lists the features that it needs, one per line. A case that calls a plugin gives it a deadline that
//! no machine misses.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A program under test.
#[derive(Debug)]
pub struct Program<'a> {
    /// Its name in `cmd`.
    pub name: &'a str,
    /// Its path.
    pub path: &'a Path,
    /// All features that a case may name, and whether this build has them.
    pub features: &'a [(&'a str, bool)],
}

/// Runs every case of a folder that this build can pass, and returns the command lines of those that ran.
///
/// # Panics
/// When a case has another output or exit code than expected, or is malformed.
#[must_use = "a folder without the cases that are meant passes, too"]
pub fn check(program: &Program<'_>, folder: &Path) -> Vec<String> {
    let bless = std::env::var_os("GOLDEN").is_some_and(|value| value == "bless");
    let mut cases: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.retain(|case| program.can_run(case));
    cases.sort();
    let mut failures = Vec::new();
    for case in &cases {
        let differs = |(name, printed): &(&str, String)| optional(case.join(name)).unwrap_or_default() != *printed;
        let printed = program.run(case);
        if bless {
            printed.iter().for_each(|(name, printed)| fs::write(case.join(name), printed).unwrap());
            continue;
        }
        for (name, printed) in printed.iter().filter(|file| differs(file)) {
            failures.push(format!("{}/{name}:\n{printed}", case.display()));
        }
    }
    assert!(failures.is_empty(), "these differ (cargo xtask golden --bless accepts them):\n{}", failures.join("\n"));
    cases.iter().map(|case| command_line(case)).collect()
}

impl Program<'_> {
    /// Whether this build has all features that a case needs.
    fn can_run(&self, case: &Path) -> bool {
        let needs = optional(case.join("features")).unwrap_or_default();
        needs.lines().all(|need| {
            let known = self.features.iter().find(|(feature, _)| *feature == need);
            known.unwrap_or_else(|| panic!("{}: there is no feature `{need}`", case.display())).1
        })
    }

    /// The results of a case: stdout, stderr, exit code.
    fn run(&self, case: &Path) -> [(&'static str, String); 3] {
        let line = command_line(case);
        let mut words = line.split_whitespace();
        assert_eq!(words.next(), Some(self.name), "{}", case.display());
        let mut command = Command::new(self.path);
        command.args(words).env_clear().current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap());
        for line in optional(case.join("env")).unwrap_or_default().lines() {
            let (name, value) = line.split_once('=').unwrap();
            command.env(name, value);
        }
        let streams = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = streams.spawn().unwrap();
        let input = optional(case.join("stdin")).unwrap_or_default();
        // A program that needs no input may have exited already.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let exit = format!("{}\n", output.status.code().unwrap());
        [("stdout", text(output.stdout)), ("stderr", text(output.stderr)), ("exit", exit)]
    }
}

fn command_line(case: &Path) -> String {
    fs::read_to_string(case.join("cmd")).unwrap()
}

fn optional(path: PathBuf) -> Option<String> {
    path.exists().then(|| fs::read_to_string(path).unwrap())
}
