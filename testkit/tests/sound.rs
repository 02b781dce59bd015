//! The sound scheduler against the brute-force oracle, and its laws.

use pricing_core::reserve::{ReserveError, SearchBudget, sound};
use testkit::check::check_reservation;
use testkit::generate::{Case, small_case};
use testkit::oracle;

fn sound_places(case: &Case) -> bool {
    match sound::reserve(&case.units, &case.cluster, SearchBudget::default()) {
        Ok(reservation) => {
            check_reservation(&reservation, &case.units, &case.cluster)
                .unwrap_or_else(|problem| panic!("{problem}\n{case:#?}\n{reservation:#?}"));
            true
        }
        Err(ReserveError::InsufficientCapacity(_)) => false,
        Err(error) => panic!("{error}\n{case:#?}"),
    }
}

#[test]
fn agrees_with_the_oracle_in_ten_thousand_cases() {
    let mut feasible = 0;
    for seed in 0..10_000 {
        let case = small_case(seed);
        let expected = oracle::feasible(&case.units, &case.cluster);
        feasible += u32::from(expected);
        assert_eq!(sound_places(&case), expected, "seed {seed}: {case:#?}");
    }
    assert!((2_500..=7_500).contains(&feasible), "{feasible} of 10,000 cases are feasible: too lopsided to judge by");
}
