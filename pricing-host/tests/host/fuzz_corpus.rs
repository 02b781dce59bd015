//! Replays the corpora of the fuzz targets that run plugins, without a fuzzer.

use testkit::fuzz::plugins::TARGETS;
use testkit::fuzz::{PLUGIN_TARGETS, replay};

#[test]
fn the_corpora_of_the_fuzz_targets_replay() {
    assert_eq!(TARGETS.map(|(name, _)| name), PLUGIN_TARGETS);
    replay(&TARGETS);
}
