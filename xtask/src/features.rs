//! Builds with fewer features than the default: with each feature alone, and with none.

use std::fs;

use toml::{Table, Value};

use crate::cargo;

/// The packages that need wasmtime. Each selection of packages has features of its own for the dependencies, and each set
/// of features is checked anew: one selection of all of them checks wasmtime once instead of once for each package.
const TOGETHER: [&str; 6] =
    ["pricing-cli", "pricing-engine", "pricing-service", "pricing-sim", "pricing-tune", "testkit"];

/// Lints every package that has features, without any and with each of them alone. Tests are not linted, because their
/// dependencies would enable features that should be absent.
pub(crate) fn run() -> bool {
    let packages = packages().inspect_err(|error| eprintln!("error: {error}"));
    packages.is_ok_and(|packages| {
        let (together, alone): (Vec<_>, Vec<_>) =
            packages.into_iter().partition(|package| TOGETHER.contains(&package.name.as_str()));
        alone.chunks(1).chain([together.as_slice()]).all(lint)
    })
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

/// Lints packages together, without features and with each feature of each of them.
fn lint(packages: &[Package]) -> bool {
    let features = packages.iter().flat_map(Package::qualified_features);
    lint_with(packages, None) && features.into_iter().all(|feature| lint_with(packages, Some(&feature)))
}

fn lint_with(packages: &[Package], feature: Option<&str>) -> bool {
    let mut args = vec!["clippy", "--no-default-features"];
    args.extend(packages.iter().flat_map(|package| ["--package", &package.name]));
    args.extend(feature.into_iter().flat_map(|feature| ["--features", feature]));
    args.extend(["--", "-D", "warnings"]);
    cargo(&args, &[])
}

impl Package {
    fn qualified_features(&self) -> impl Iterator<Item = String> {
        self.features.iter().map(|feature| format!("{}/{feature}", self.name))
    }
}
