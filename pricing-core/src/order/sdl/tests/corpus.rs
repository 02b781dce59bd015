//! Compares the groups of every SDL of the corpus with those that chain-sdk makes.

use std::collections::BTreeMap;
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

/// The implementations list endpoints in different orders, which have no meaning.
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
fn interconnect_becomes_the_attribute_of_the_go_implementation() {
    let path = corpus().join("interconnect/sdl/gpu-interconnect-group.yaml");
    let groups = super::super::read(&text(&path)).unwrap();
    let expected = group_spec::read(&text(&path.with_extension("groups.json"))).unwrap();
    assert_eq!(groups, expected);
    assert_eq!(groups[0].resources()[0].gpu.interconnect.as_deref(), Some("pair0"));
    let any_peers = text(&path).replace("interconnect:\n              group: pair0", "interconnect: []");
    let groups = super::super::read(&any_peers).unwrap();
    assert_eq!(groups[0].resources()[0].gpu.interconnect.as_deref(), Some("auto"));
    assert_eq!(group_spec::read(&group_spec::to_json(&groups).to_string()).unwrap(), groups);
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
        ("count-zero", (23, 5), "profiles.placement.akash"),
        ("credentials-missing-host", (7, 5), "services.web.credentials"),
        ("empty-image", (6, 12), "services.web.image"),
        ("endpoint-not-used", (33, 3), "endpoints.myendpoint"),
        ("invalid-endpoint-name", (5, 3), "endpoints.Invalid-Name"),
        ("invalid-port", (8, 15), "services.web.expose[0].port"),
        ("invalid-protocol", (10, 16), "services.web.expose[0].proto"),
        ("missing-deployment", (3, 1), ""),
        ("missing-pricing", (23, 5), "profiles.placement.akash"),
        ("negative-cpu", (16, 18), "profiles.compute.web.resources.cpu.units"),
    ];
    assert_eq!(files("chain-sdk/input/invalid", ".yaml").len(), expected.len());
    for (name, (line, column), path) in expected {
        let file = corpus().join("chain-sdk/input/invalid").join(name).with_extension("yaml");
        let error = super::super::read(&text(&file)).unwrap_err();
        assert_eq!(error.path().unwrap_or(""), path, "{name}: {error}");
        assert_eq!(error.line(), Some(line), "{name}: {error}");
        assert_eq!(error.column(), Some(column), "{name}: {error}");
    }
}

#[test]
fn what_only_the_schema_refuses_is_read_with_a_warning_at_its_place() {
    let expected = [
        ("email-too-short", (11, 14), "services.web.credentials.email"),
        ("invalid-denom", (26, 18), "profiles.placement.akash.pricing.web.denom"),
        ("invalid-gpu-vendor", (26, 15), "profiles.compute.web.resources.gpu.attributes.vendor.amd"),
        ("invalid-version", (3, 10), "version"),
    ];
    assert_eq!(files("chain-sdk/input/schema-only-invalid", ".yaml").len(), expected.len());
    for (name, place, path) in expected {
        let file = corpus().join("chain-sdk/input/schema-only-invalid").join(name).with_extension("yaml");
        let warnings = super::super::read_with_warnings(&text(&file)).unwrap().warnings;
        let shown: Vec<_> = warnings.iter().map(|w| (w.path(), w.line().zip(w.column()))).collect();
        assert_eq!(shown, [(Some(path), Some(place))], "{name}: {warnings:?}");
        assert!(warnings[0].message().contains("Console"), "{name}: {warnings:?}");
    }
}

/// Sorts what the chain's Go reader lists in its own order: volumes by size, cards by key, endpoints.
fn in_one_order(groups: &[GroupSpec]) -> Vec<GroupSpec> {
    let sorted = |group: &GroupSpec| {
        let mut units = group.resources().to_vec();
        for unit in &mut units {
            unit.storage.sort_by(|one, other| one.name.cmp(&other.name));
            unit.gpu.alternatives.sort();
        }
        GroupSpec::new(group.name().exact().to_owned(), group.requirements().clone(), units).unwrap()
    };
    with_sorted_endpoints(&groups.iter().map(sorted).collect::<Vec<_>>())
}

/// SDLs from the Go tests of chain-sdk get the same verdict as from its reader.
#[test]
fn every_sdl_of_the_go_tests_has_its_verdict() {
    let folder = corpus().join("go-sdl");
    let verdicts: BTreeMap<String, String> = serde_json::from_str(&text(&folder.join("verdicts.json"))).unwrap();
    assert_eq!(verdicts.len(), 25);
    for (name, verdict) in verdicts {
        let read = super::super::read(&text(&folder.join(&name)));
        assert_eq!(read.is_ok(), verdict == "read", "{name}: {read:?}");
    }
}

#[derive(serde::Deserialize)]
struct Mutant {
    id: u32,
    sdl: String,
    verdict: String,
    groups: Option<serde_json::Value>,
}

/// Real SDLs with one or two changed values. Those that the Go reader and the chain accept give the same groups; those
/// that they refuse are refused.
#[test]
fn every_mutant_has_the_verdict_and_the_groups_of_the_go_reader() {
    let lines = text(&corpus().join("go-sdl/mutants.jsonl"));
    let mutants: Vec<Mutant> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(mutants.len(), 94);
    let mut wrong = Vec::new();
    for Mutant { id, sdl, verdict, groups } in mutants {
        match (super::super::read_with_warnings(&sdl), verdict.as_str()) {
            (Err(_), "refused") => {}
            (Ok(read), "read") => {
                let expected = group_spec::read(&groups.unwrap().to_string()).unwrap();
                let groups: Vec<GroupSpec> = read.groups.into_iter().map(|(group, _)| group).collect();
                if in_one_order(&groups) != in_one_order(&expected) {
                    wrong.push(format!("{id}: {groups:?} instead of {expected:?}"));
                }
            }
            (read, verdict) => wrong.push(format!("{id}: {verdict}, not {read:?}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Files that only Console accepts are read with a warning.
#[test]
fn what_only_console_reads_is_read_with_a_warning() {
    let refused: BTreeMap<String, String> =
        serde_json::from_str(&text(&corpus().join("go-sdl/refused-of-sdl.json"))).unwrap();
    assert_eq!(refused.len(), 21);
    for path in files("sdl", ".yaml") {
        let name = path.file_name().unwrap().to_str().unwrap();
        let warnings = super::super::read_with_warnings(&text(&path)).unwrap().warnings;
        let by_go = warnings.iter().any(|warning| warning.message().contains("the chain's command line"));
        assert_eq!(by_go, refused.contains_key(name), "{name}: {warnings:?}");
        assert!(!warnings.iter().any(|warning| warning.message().contains("Console")), "{name}: {warnings:?}");
    }
}
