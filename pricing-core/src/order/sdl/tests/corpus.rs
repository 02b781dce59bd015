//! Every SDL of the corpus, against the groups that chain-sdk makes of it.

use std::path::{Path, PathBuf};

use crate::order::{Endpoints, GroupSpec, group_spec};

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus")
}

#[expect(clippy::disallowed_methods, reason = "the corpus is on disk; only tests read it")]
fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn files(folder: &str, suffix: &str) -> Vec<PathBuf> {
    let folder = corpus().join(folder);
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_str().unwrap().ends_with(suffix))
        .collect();
    files.sort();
    files
}

/// The implementations list endpoints in different orders, and agree that it means nothing.
fn with_sorted_endpoints(groups: &[GroupSpec]) -> Vec<GroupSpec> {
    let sorted = |group: &GroupSpec| {
        let mut units = group.resources().to_vec();
        for unit in &mut units {
            if let Endpoints::Listed(list) = &mut unit.endpoints {
                list.sort();
            }
        }
        GroupSpec::new(group.name().exact().to_owned(), group.requirements().clone(), units).unwrap()
    };
    groups.iter().map(sorted).collect()
}

#[test]
fn every_sdl_gives_the_groups_of_the_typescript_implementation() {
    let files = files("sdl", ".yaml");
    assert_eq!(files.len(), 229);
    for path in files {
        let groups = super::super::read(&text(&path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let expected = group_spec::read(&text(&path.with_extension("groups.json")))
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert_eq!(groups, expected, "{}", path.display());
    }
}

#[test]
fn every_fixture_gives_the_groups_of_the_go_implementation() {
    for (version, count) in [("v2.0", 10), ("v2.1", 2)] {
        let folders = files(&format!("chain-sdk/input/{version}"), "");
        assert_eq!(folders.len(), count);
        for folder in folders {
            let name = folder.file_name().unwrap();
            let groups = super::super::read(&text(&folder.join("input.yaml"))).unwrap();
            let fixture = corpus().join("chain-sdk/output-fixtures").join(version).join(name).join("group-specs.json");
            let expected = group_spec::read(&text(&fixture)).unwrap();
            assert_eq!(with_sorted_endpoints(&groups), with_sorted_endpoints(&expected), "{}", folder.display());
            if version == "v2.1" {
                assert_eq!(groups, expected, "{}", folder.display());
            }
        }
    }
}

#[test]
fn every_invalid_fixture_is_refused_with_its_place() {
    let expected = [
        ("invalid/count-zero", (32, 14), "deployment.web.akash.count"),
        ("invalid/credentials-missing-host", (7, 5), "services.web.credentials"),
        ("invalid/empty-image", (6, 12), "services.web.image"),
        ("invalid/endpoint-not-used", (33, 3), "endpoints.myendpoint"),
        ("invalid/invalid-endpoint-name", (5, 3), "endpoints.Invalid-Name"),
        ("invalid/invalid-port", (8, 15), "services.web.expose[0].port"),
        ("invalid/invalid-protocol", (10, 16), "services.web.expose[0].proto"),
        ("invalid/missing-deployment", (3, 1), ""),
        ("invalid/missing-pricing", (23, 5), "profiles.placement.akash"),
        ("invalid/negative-cpu", (16, 18), "profiles.compute.web.resources.cpu.units"),
        ("schema-only-invalid/email-too-short", (11, 14), "services.web.credentials.email"),
        ("schema-only-invalid/invalid-denom", (26, 18), "profiles.placement.akash.pricing.web.denom"),
        (
            "schema-only-invalid/invalid-gpu-vendor",
            (26, 15),
            "profiles.compute.web.resources.gpu.attributes.vendor.amd",
        ),
        ("schema-only-invalid/invalid-version", (3, 10), "version"),
    ];
    let all = ["invalid", "schema-only-invalid"].map(|folder| files(&format!("chain-sdk/input/{folder}"), ".yaml"));
    assert_eq!(all.concat().len(), expected.len());
    for (name, (line, column), path) in expected {
        let file = corpus().join("chain-sdk/input").join(name).with_extension("yaml");
        let error = super::super::read(&text(&file)).unwrap_err();
        assert_eq!(error.path().unwrap_or(""), path, "{name}: {error}");
        assert_eq!(error.line(), Some(line), "{name}: {error}");
        assert_eq!(error.column(), Some(column), "{name}: {error}");
    }
}
