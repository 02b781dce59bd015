//! The bills of materials (CycloneDX): which crates, in which versions and under which licences, are in what is shipped.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::{VERSION, Work};
use crate::tools::{CYCLONEDX, run, top};

/// What is shipped: the crate, its features beyond the default ones, and the name of its bill.
const SHIPPED: [(&str, Option<&str>, &str); 4] = [
    ("pricing-cli", Some("otlp"), "bidprice"),
    ("pricing-script", None, "bidprice-script"),
    ("pricing-ffi", None, "bidprice-c"),
    ("pricing-python", None, "bidprice-python"),
];

/// Makes a bill for each. The program writes into the folders of the crates, so it works on a copy of the commit.
pub(super) fn make(work: &Work) -> io::Result<Vec<PathBuf>> {
    let (program, folder) = (CYCLONEDX.installed()?, work.empty("sbom")?);
    let copy = folder.join("copy");
    fs::create_dir_all(&copy)?;
    let packed = folder.join("copy.tar");
    run(Command::new("git").args(["archive", "--format=tar", "--output"]).arg(&packed).arg("HEAD").current_dir(top()))?;
    run(Command::new("tar").arg("--extract").arg("--file").arg(&packed).arg("--directory").arg(&copy))?;
    SHIPPED
        .iter()
        .map(|(package, features, name)| {
            let mut describe = work.command(&program);
            crate::without_cargo(&mut describe);
            describe.args([
                "cyclonedx",
                "--format",
                "json",
                "--spec-version",
                "1.5",
                "--all",
                "--target",
                "x86_64-unknown-linux-musl",
            ]);
            if let Some(features) = features {
                describe.args(["--features", features]);
            }
            describe.arg("--manifest-path").arg(copy.join(package).join("Cargo.toml"));
            run(describe.args(["--override-filename", "bill"]).current_dir(&copy))?;
            let bill = folder.join(format!("{name}-{VERSION}.cdx.json"));
            fs::rename(copy.join(package).join("bill.json"), &bill)?;
            check(&bill, package)?;
            Ok(bill)
        })
        .collect()
}

/// Checks that a bill is of the crate, and lists what it is made of.
fn check(bill: &Path, package: &str) -> io::Result<()> {
    let wrong = |problem: &str| io::Error::other(format!("{}: {problem}", bill.display()));
    let value: Value = serde_json::from_slice(&fs::read(bill)?)?;
    let described = value.pointer("/metadata/component/name").and_then(Value::as_str);
    let components = value.pointer("/components").and_then(Value::as_array).map_or(0, Vec::len);
    match described {
        Some(name) if name == package && components > 0 => Ok(()),
        Some(name) if name != package => Err(wrong(&format!("it is of `{name}`"))),
        _ => Err(wrong("it lists nothing")),
    }
}
