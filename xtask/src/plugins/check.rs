//! Checks that a fresh build behaves like the plugin in the repository. The bytes differ between compilers; the
//! behaviour must not.

use std::env;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::run::{output, run};
use super::{Error, Example, Folders};
use crate::without_cargo;

/// Compares the imports and exports of both plugins, then runs the example's cases against both.
pub(super) fn compare(folders: &Folders, example: Example) -> Result<(), Error> {
    let fresh = folders.output.join(example.file());
    let kept = folders.built().join(example.file());
    if !example.has_engine() {
        let (kept, fresh) = (surface(folders, &kept)?, surface(folders, &fresh)?);
        if kept != fresh {
            let name = example.name;
            return Err(Error::Differs(format!("`{name}` has other imports or exports than before: {fresh:?}")));
        }
        test_kept(folders, example)?;
    }
    test(folders, example, &fresh)
}

/// Runs an example's cases against the plugin in the repository.
pub(super) fn test_kept(folders: &Folders, example: Example) -> Result<(), Error> {
    test(folders, example, &folders.built().join(example.file()))
}

/// Runs an example's cases against a plugin.
fn test(folders: &Folders, example: Example, plugin: &Path) -> Result<(), Error> {
    let cases = folders.examples.join(example.name).join("cases");
    if !cases.exists() {
        return Ok(());
    }
    let mut command = bidprice(folders)?;
    // Only decisions are compared. The long deadline is for a machine that is busy building.
    command.args(["plugin", "test", "--deadline", "10s"]);
    command.arg(plugin).arg(cases);
    if example.has_engine() {
        command.args(["--plugin-class", "engine"]);
    }
    run(&mut command)
}

/// Returns a plugin's kind and the names of its imports and exports.
fn surface(folders: &Folders, plugin: &Path) -> Result<[Value; 3], Error> {
    let mut command = bidprice(folders)?;
    command.args(["plugin", "inspect", "--output", "json"]).arg(plugin);
    let malformed = || Error::Differs(format!("`{}` is not a plugin", plugin.display()));
    let inspection: Value =
        output(&mut command).and_then(|text| serde_json::from_str(&text).ok()).ok_or_else(malformed)?;
    Ok(["kind", "imports", "exports"].map(|part| inspection.get(part).cloned().unwrap_or_default()))
}

/// Returns the program that packs, inspects and tests plugins: `BIDPRICE`, or the one that is built with the tests.
pub(super) fn bidprice(folders: &Folders) -> Result<Command, Error> {
    let mut command = match env::var_os("BIDPRICE") {
        Some(program) => Command::new(program),
        None => {
            // With the features of the whole workspace, like the tests, so that nothing is built twice.
            let build = ["build", "--quiet", "--workspace", "--bins", "--tests"];
            let mut cargo = Command::new("cargo");
            without_cargo(&mut cargo);
            run(cargo.args(build).current_dir(&folders.top))?;
            let target = env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
            Command::new(folders.top.join(target).join("debug/bidprice"))
        }
    };
    command.current_dir(&folders.top);
    Ok(command)
}
