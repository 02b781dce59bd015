//! A short run of the coverage harness. `cargo xtask coverage` is the long one.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use pricing_tune::coverage::{Figures, Harness, SETTINGS, Trial};

/// Days of the truth: fewer than in the long run, so that its own error is larger.
const DAYS: u64 = 240;

fn figures(setting: &str, trials: u64) -> Figures {
    let market = SETTINGS.iter().find(|market| market.name == setting).unwrap();
    let mut harness = Harness::new(market, DAYS, 40).unwrap();
    let trials: Vec<Trial> = (0..trials).map(|number| harness.trial(number, 2).unwrap()).collect();
    Figures::of(&trials)
}

/// The seeds are fixed, so that this never fails by chance.
#[test]
fn with_thin_data_the_interval_covers_and_nothing_is_lost() {
    let figures = figures("thin data", 4);
    assert_eq!((figures.covered, figures.lost), (4, 0), "{figures:?}");
    assert!(figures.regret < 5.0, "{figures:?}");
}
