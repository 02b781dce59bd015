//! Replays the corpora of the fuzz targets, without a fuzzer.

use std::fs;
use std::path::Path;

use testkit::fuzz::{LIBRARY_TARGETS, MARKET_TARGETS, PLUGIN_TARGETS, TARGETS, replay};

#[test]
fn every_fuzz_target_is_built_and_run() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let manifest = fs::read_to_string(top.join("fuzz/Cargo.toml")).unwrap();
    let tasks = fs::read_to_string(top.join("xtask/src/main.rs")).unwrap();
    let other = MARKET_TARGETS.into_iter().chain(PLUGIN_TARGETS).chain(LIBRARY_TARGETS);
    let names: Vec<_> = TARGETS.iter().map(|(name, _)| *name).chain(other).collect();
    assert_eq!(manifest.matches("[[bin]]").count(), names.len());
    for name in names {
        assert!(manifest.contains(&format!("name = \"{name}\"")) && tasks.contains(&format!("\"{name}\"")), "{name}");
    }
}

#[test]
fn the_corpora_of_the_fuzz_targets_replay() {
    replay(&TARGETS);
}
