//! Helpers for the tests of commands that run bid price scripts.

#![expect(clippy::unwrap_used, reason = "a broken test must say so at once")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// A rate card with the prices of [`SCRIPT`].
pub(crate) const RATES: &str = r#"
[rates]
cpu = "2"
memory = "1"
endpoint = "0"
ip = "0"
[rates.storage]
ephemeral = "0"
beta1 = "0"
beta2 = "0"
beta3 = "0"
default = "0"
ram = "0"
[rates.gpu]
"*" = "100"
"#;

/// A bid price script: 2 USD per thread, 1 USD per GiB, and `CARD` USD per card. It needs only bash and awk.
pub(crate) const SCRIPT: &str = r#"#!/usr/bin/env bash
request=$(cat)
test -n "$AKASH_DENOM" || { echo "no denom" >&2; exit 1; }
printf '%s' "$request" | awk -v card="${CARD:-100}" '
  BEGIN { RS = "\"memory\":" }
  NR > 1 {
    memory = $0 + 0
    match($0, /"cpu":[0-9]+/); cpu = substr($0, RSTART + 6, RLENGTH - 6)
    match($0, /"units":[0-9]+/); gpu = substr($0, RSTART + 8, RLENGTH - 8)
    match($0, /"count":[0-9]+/); count = substr($0, RSTART + 8, RLENGTH - 8)
    usd += count * (2 * cpu / 1000 + memory / 1073741824 + card * gpu)
  }
  END { printf "%.6f\n", usd * 1000000 / 429909 }'
"#;

/// Returns the folder of the project's SDLs.
pub(crate) fn sdls() -> String {
    concat!(env!("CARGO_MANIFEST_DIR"), "/../corpus/sdl").to_owned()
}

/// A folder with files.
pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn put(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    pub(crate) fn script(&self, name: &str, text: &str) -> String {
        let path = self.put(name, text);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }
}

pub(crate) struct Ran {
    pub(crate) exit: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| unreachable!("{error}: {} {}", self.stdout, self.stderr))
    }
}

pub(crate) fn bidprice(folder: &Path, args: &[&str]) -> Ran {
    let output = crate::programs::bidprice().args(args).current_dir(folder).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { exit: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

impl Folder {
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        bidprice(self.0.path(), args)
    }
}
