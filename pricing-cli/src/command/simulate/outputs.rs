//! Checks that no output file of a simulation is an input, and that no two of them are the same file.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use pricing_sim::export::ExportError;
use pricing_sim::kept::PLAN;
use pricing_sim::scenario;
use toml::Value;

use super::scene::Scene;
use crate::error::CliError;

/// Refuses outputs that would overwrite an input or each other.
pub(in crate::command) fn check<'a>(
    outputs: impl IntoIterator<Item = (&'static str, Option<&'a Path>)>,
    scene: &Scene,
    also_read: &[PathBuf],
) -> Result<(), CliError> {
    let mut taken: Vec<(&str, &Path)> = Vec::new();
    for (option, path) in outputs {
        let Some(path) = path else { continue };
        if let Some((other, _)) = taken.iter().find(|(_, other)| is_same(path, other)) {
            return Err(CliError::Usage(format!("{option} and {other} name the same file")));
        }
        taken.push((option, path));
    }
    let inputs = if taken.is_empty() { BTreeSet::new() } else { inputs(scene) };
    for (option, path) in taken {
        if also_read.iter().any(|input| reads(input, path)) || inputs.iter().any(|input| reads(input, path)) {
            let message = format!("{option} would overwrite what the simulation reads; name another file");
            return Err(CliError::unwritable(path.display(), message));
        }
    }
    Ok(())
}

/// Returns the inputs in a plan's folder.
pub(in crate::command) fn of_plan(folder: &Path) -> Vec<PathBuf> {
    [PLAN, "inputs"].map(|name| folder.join(name)).to_vec()
}

/// Returns the files that the runs read.
fn inputs(scene: &Scene) -> BTreeSet<PathBuf> {
    let mut inputs = BTreeSet::new();
    for (place, cell) in scene.sweep.cells.iter().enumerate() {
        // Cells that differ only by numbers read the same files.
        let is_number = |value: &Value| value.is_integer() || value.is_float() || value.is_bool();
        if place > 0 && cell.values.iter().all(|(_, value)| is_number(value)) {
            continue;
        }
        // A cell that cannot be read is reported when it is run.
        let Ok(scenario) = scenario::of_table(cell.table.clone()) else { continue };
        inputs.extend(scenario::inputs(&scenario).into_keys().map(|name| scene.files.path(&name)));
    }
    inputs
}

/// Returns whether two paths lead to the same file, which need not exist.
pub(in crate::command) fn is_same(one: &Path, other: &Path) -> bool {
    let real = |path: &Path| {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        path.canonicalize()
            .or_else(|_| folder.canonicalize().map(|folder| folder.join(path.file_name().unwrap_or_default())))
    };
    matches!((real(one), real(other)), (Ok(one), Ok(other)) if one == other)
}

/// Returns whether an input is this file, or a folder that contains it.
fn reads(input: &Path, file: &Path) -> bool {
    if is_same(input, file) {
        return true;
    }
    let (Ok(input), Ok(file)) = (input.canonicalize(), file.canonicalize()) else { return false };
    input.is_dir() && file.starts_with(input)
}

/// Adds the file to an error.
pub(in crate::command) fn at(path: &Path) -> impl Fn(ExportError) -> CliError {
    move |error| match error {
        ExportError::Summary(error) => CliError::unreadable(path.display(), error),
        error => CliError::unwritable(path.display(), error),
    }
}
