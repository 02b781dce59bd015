//! Whether a fresh build does what the one in the repository does. Bytes differ from compiler to compiler; behaviour
//! must not.

use std::collections::BTreeSet;
use std::env;
use std::path::Path;
use std::process::Command;

use wasmparser::{Encoding, Parser, Payload};

use super::run::run;
use super::{Error, Example, Folders, read};

/// Compares what both import and export, then runs the example's cases against both.
pub(super) fn compare(folders: &Folders, example: Example) -> Result<(), Error> {
    let fresh = folders.output.join(example.file());
    let kept = folders.built().join(example.file());
    if !example.has_engine() {
        let (kept, fresh) = (surface(&read(&kept)?)?, surface(&read(&fresh)?)?);
        if kept != fresh {
            let name = example.name;
            return Err(Error::Differs(format!("`{name}` has other imports or exports than before: {fresh:?}")));
        }
        test_kept(folders, example)?;
    }
    test(folders, example, &fresh)
}

/// Runs the cases of an example against the plugin in the repository.
pub(super) fn test_kept(folders: &Folders, example: Example) -> Result<(), Error> {
    test(folders, example, &folders.built().join(example.file()))
}

/// Runs the cases of an example.
fn test(folders: &Folders, example: Example, plugin: &Path) -> Result<(), Error> {
    let cases = folders.examples.join(example.name).join("cases");
    if !cases.exists() {
        return Ok(());
    }
    // `BIDPRICE` names one that is built already; the tests' is built with the features of the whole workspace.
    let mut command = Command::new(env::var_os("BIDPRICE").unwrap_or_else(|| "target/debug/bidprice".into()));
    if env::var_os("BIDPRICE").is_none() {
        run(Command::new("cargo").args(["build", "--quiet", "--workspace", "--bins"]).current_dir(&folders.top))?;
    }
    // What is compared is what they decide; a machine that is building something else may be slow.
    command.args(["plugin", "test", "--deadline", "10s"]);
    command.arg(plugin).arg(cases).current_dir(&folders.top);
    if example.has_engine() {
        command.args(["--plugin-class", "engine"]);
    }
    run(&mut command)
}

/// The names of everything that a plugin imports and exports, of itself.
fn surface(wasm: &[u8]) -> Result<BTreeSet<String>, Error> {
    let malformed = |error: wasmparser::BinaryReaderError| Error::Differs(format!("not a plugin: {error}"));
    let mut names = BTreeSet::new();
    let mut depth: u32 = 0;
    for payload in Parser::new(0).parse_all(wasm) {
        match payload.map_err(malformed)? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth = depth.saturating_add(1),
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::Version { encoding, .. } if depth == 0 => {
                names.insert(if encoding == Encoding::Component { "component" } else { "module" }.to_owned());
            }
            Payload::ImportSection(section) if depth == 0 => {
                for import in section.into_imports() {
                    let import = import.map_err(malformed)?;
                    names.insert(format!("import {} {}", import.module, import.name));
                }
            }
            Payload::ExportSection(section) if depth == 0 => {
                for export in section {
                    names.insert(format!("export {}", export.map_err(malformed)?.name));
                }
            }
            Payload::ComponentImportSection(section) if depth == 0 => {
                for import in section {
                    names.insert(format!("import {}", import.map_err(malformed)?.name.name));
                }
            }
            Payload::ComponentExportSection(section) if depth == 0 => {
                for export in section {
                    names.insert(format!("export {}", export.map_err(malformed)?.name.name));
                }
            }
            _ => {}
        }
    }
    Ok(names)
}
