//! Replays the corpora of the fuzz targets, without a fuzzer.

use std::fs;
use std::path::Path;

#[test]
fn every_fuzz_target_is_built_and_run() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let manifest = fs::read_to_string(top.join("fuzz/Cargo.toml")).unwrap();
    let tasks = fs::read_to_string(top.join("xtask/src/main.rs")).unwrap();
    let names: Vec<_> =
        testkit::fuzz::TARGETS.iter().map(|(name, _)| *name).chain(testkit::fuzz::PLUGIN_TARGETS).collect();
    assert_eq!(manifest.matches("[[bin]]").count(), names.len());
    for name in names {
        assert!(manifest.contains(&format!("name = \"{name}\"")) && tasks.contains(&format!("\"{name}\"")), "{name}");
    }
}

#[test]
fn the_corpora_of_the_fuzz_targets_replay() {
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("fuzz/corpus");
    for (name, target) in testkit::fuzz::TARGETS {
        let mut entries: Vec<_> =
            fs::read_dir(corpora.join(name)).unwrap().map(|entry| entry.unwrap().path()).collect();
        entries.sort();
        assert!(!entries.is_empty(), "{name}");
        for entry in entries {
            target(&fs::read(entry).unwrap());
        }
    }
}
