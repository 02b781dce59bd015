//! Plugins that contain a language engine: JavaScript and Python. Their tools come from npm and PyPI.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::run::run;
use super::{Error, Folders, read};

/// The version of `componentize-py` that the example was made with.
const COMPONENTIZE_PY: &str = "componentize-py==0.25.1";

fn wit(folders: &Folders) -> PathBuf {
    folders.top.join("pricing-host/wit")
}

/// Builds the JavaScript example.
pub(super) fn javascript(folders: &Folders, name: &str) -> Result<Vec<u8>, Error> {
    let folder = folders.examples.join(name);
    if !folder.join("node_modules").exists() {
        run(Command::new("npm").args(["install", "--no-audit", "--no-fund"]).current_dir(&folder))?;
    }
    let output = folders.work.join("javascript.wasm");
    run(Command::new("node").arg("build.js").arg(&output).arg(wit(folders)).current_dir(&folder))?;
    read(&output)
}

/// Builds the Python example.
pub(super) fn python(folders: &Folders, name: &str) -> Result<Vec<u8>, Error> {
    let tool = componentize_py(&folders.examples.join("target/python"))?;
    let output = folders.work.join("python.wasm");
    let mut command = Command::new(tool);
    command
        .arg("--wit-path")
        .arg(wit(folders))
        .args(["--world", "plugin", "componentize", "--stub-wasi", "--output"])
        .arg(&output)
        .arg("plugin")
        .current_dir(folders.examples.join(name));
    run(&mut command)?;
    read(&output)
}

/// Returns the tool, installed in its own virtual environment.
fn componentize_py(environment: &Path) -> Result<PathBuf, Error> {
    let tool = environment.join("bin/componentize-py");
    if !tool.exists() {
        run(Command::new("python3").args(["-m", "venv"]).arg(environment))?;
        run(Command::new(environment.join("bin/pip")).args(["install", "--quiet", COMPONENTIZE_PY]))?;
    }
    Ok(tool)
}
