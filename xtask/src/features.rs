//! Builds with fewer features than the default: with each feature alone, and with none.

use std::fs;

use toml::{Table, Value};

use crate::cargo;

/// Lints every package that has features, without any and with each of them alone. Tests are not linted, because their
/// dependencies would enable features that should be absent.
pub(crate) fn run() -> bool {
    let packages = packages().inspect_err(|error| eprintln!("error: {error}"));
    packages.is_ok_and(|packages| packages.iter().all(Package::lint))
}

struct Package {
    name: String,
    /// Without `default`.
    features: Vec<String>,
}

/// Returns the members of the workspace that have features.
fn packages() -> Result<Vec<Package>, String> {
    let workspace = manifest("Cargo.toml")?;
    let members = workspace.get("workspace").and_then(|workspace| workspace.get("members")).and_then(Value::as_array);
    let names = members.ok_or("Cargo.toml: it has no members")?.iter().filter_map(Value::as_str);
    let mut packages = Vec::new();
    for name in names {
        let manifest = manifest(&format!("{name}/Cargo.toml"))?;
        if let Some(features) = manifest.get("features").and_then(Value::as_table) {
            let features = features.keys().filter(|feature| *feature != "default").cloned().collect();
            packages.push(Package { name: name.to_owned(), features });
        }
    }
    Ok(packages)
}

fn manifest(path: &str) -> Result<Table, String> {
    let text = fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?;
    text.parse().map_err(|error| format!("{path}: {error}"))
}

impl Package {
    fn lint(&self) -> bool {
        self.lint_with(&[]) && self.features.iter().all(|feature| self.lint_with(&["--features", feature]))
    }

    fn lint_with(&self, features: &[&str]) -> bool {
        let mut args = vec!["clippy", "--package", &self.name, "--no-default-features"];
        args.extend(features);
        args.extend(["--", "-D", "warnings"]);
        cargo(&args, &[])
    }
}
