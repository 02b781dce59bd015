//! Replays the corpora of the fuzz targets that run plugins, without a fuzzer.

use std::fs;
use std::path::Path;

use testkit::fuzz::PLUGIN_TARGETS;
use testkit::fuzz::plugins::TARGETS;

#[test]
fn the_corpora_of_the_fuzz_targets_replay() {
    assert_eq!(TARGETS.map(|(name, _)| name), PLUGIN_TARGETS);
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("fuzz/corpus");
    for (name, target) in TARGETS {
        let mut entries: Vec<_> =
            fs::read_dir(corpora.join(name)).unwrap().map(|entry| entry.unwrap().path()).collect();
        entries.sort();
        assert!(!entries.is_empty(), "{name}");
        for entry in entries {
            target(&fs::read(entry).unwrap());
        }
    }
}
