//! Builds with less than everything: each feature by itself, and none.

use std::fs;

use crate::cargo;

/// A package, and what of it is looked at.
struct Package {
    name: &'static str,
    /// Whether its tests build with whatever features are asked for.
    tests: bool,
}

const PACKAGES: [Package; 5] = [
    // Its tests read rate cards and SDLs.
    Package { name: "pricing-core", tests: false },
    Package { name: "pricing-sim", tests: true },
    // Their dev-dependencies on themselves turn a feature on for their tests.
    Package { name: "pricing-client", tests: false },
    Package { name: "pricing-service", tests: false },
    Package { name: "pricing-cli", tests: true },
];

/// Lints every package without features, and with each of its features alone.
pub(crate) fn run() -> bool {
    PACKAGES.iter().all(|package| {
        let manifest = format!("{}/Cargo.toml", package.name);
        let features = fs::read_to_string(&manifest).map_err(|error| error.to_string()).and_then(|text| of(&text));
        match features {
            Ok(features) => lint(package, None) && features.iter().all(|feature| lint(package, Some(feature))),
            Err(error) => {
                eprintln!("{manifest}: {error}");
                false
            }
        }
    })
}

/// The features that a manifest has, without the default.
fn of(manifest: &str) -> Result<Vec<String>, String> {
    let manifest: toml::Table = manifest.parse().map_err(|error: toml::de::Error| error.to_string())?;
    let features = manifest.get("features").and_then(toml::Value::as_table).ok_or("it has no features")?;
    Ok(features.keys().filter(|feature| *feature != "default").cloned().collect())
}

fn lint(package: &Package, feature: Option<&str>) -> bool {
    let mut args = vec!["clippy", "--package", package.name, "--no-default-features"];
    args.extend(feature.iter().flat_map(|feature| ["--features", feature]));
    args.extend(package.tests.then_some("--all-targets"));
    args.extend(["--", "-D", "warnings"]);
    cargo(&args, &[])
}
