//! The bills of materials (CycloneDX): which crates, in which versions and under which licences, are in what is shipped.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use super::{VERSION, Work, write};
use crate::tools::{CYCLONEDX, run, top};

/// What is shipped: the crate, the target that it is built for, and the name of its bill.
const SHIPPED: [(&str, &str, &str); 4] = [
    ("pricing-cli", "x86_64-unknown-linux-musl", "bidprice"),
    ("pricing-script", "x86_64-unknown-linux-musl", "bidprice-script"),
    ("pricing-ffi", "x86_64-unknown-linux-gnu", "bidprice-c"),
    ("pricing-python", "x86_64-unknown-linux-gnu", "bidprice-python"),
];

/// Makes a bill for each. The program writes into the folders of the crates, so it works on a copy of the commit.
pub(super) fn make(work: &Work) -> io::Result<Vec<PathBuf>> {
    let (program, folder) = (CYCLONEDX.installed()?, work.empty("sbom")?);
    let copy = folder.join("copy");
    fs::create_dir_all(&copy)?;
    let packed = folder.join("copy.tar");
    run(Command::new("git").args(["archive", "--format=tar", "--output"]).arg(&packed).arg("HEAD").current_dir(top()))?;
    run(Command::new("tar").arg("--extract").arg("--file").arg(&packed).arg("--directory").arg(&copy))?;
    let bills = SHIPPED.iter().map(|(package, target, name)| {
        let mut describe = work.command(&program);
        crate::without_cargo(&mut describe);
        describe.args(["cyclonedx", "--format", "json", "--spec-version", "1.5", "--all", "--target", target]);
        if *package == "pricing-cli" {
            describe.args(["--features", "otlp"]);
        }
        describe.arg("--manifest-path").arg(copy.join(package).join("Cargo.toml"));
        run(describe.args(["--override-filename", "bill"]).current_dir(&copy))?;
        let text = fs::read_to_string(copy.join(package).join("bill.json"))?;
        check(&text, package)?;
        let bill = folder.join(format!("{name}-{VERSION}.cdx.json"));
        // Where this machine has the copy is nobody's business, and would make each bill another.
        write(&bill, text.replace(&format!("file://{}", copy.display()), "file:///bidprice"))?;
        Ok(bill)
    });
    bills.collect()
}

/// Checks that a bill is of the crate, and lists what it is made of.
fn check(bill: &str, package: &str) -> io::Result<()> {
    let value: Value = serde_json::from_str(bill)?;
    let described = value.pointer("/metadata/component/name").and_then(Value::as_str).unwrap_or_default();
    let components = value.pointer("/components").and_then(Value::as_array).map_or(0, Vec::len);
    if described == package && components > 0 {
        return Ok(());
    }
    Err(io::Error::other(format!("the bill of `{package}` is of `{described}`, with {components} components")))
}
