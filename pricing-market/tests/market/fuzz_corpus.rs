//! Replays the corpora of the fuzz targets that read answers of the chain, without a fuzzer.

use testkit::fuzz::market::TARGETS;
use testkit::fuzz::{MARKET_TARGETS, replay};

#[test]
fn the_corpora_of_the_fuzz_targets_replay() {
    assert_eq!(TARGETS.map(|(name, _)| name), MARKET_TARGETS);
    replay(&TARGETS);
}
