use super::*;

fn leases(lengths: &[(Millis, bool)]) -> Vec<LeaseLength> {
    lengths.iter().map(|(length, ended)| LeaseLength { length: *length, ended: *ended }).collect()
}

/// The remission times of the treated group in Freireich et al. (1963), the textbook's example. The survival at 6, 10 and
/// 22 weeks is 0.857, 0.753 and 0.538 there.
#[test]
fn the_curve_is_that_of_the_textbook() {
    let ended = [6, 6, 6, 7, 10, 13, 16, 22, 23].map(|week| (week, true));
    let open = [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35].map(|week| (week, false));
    let curve = Survival::of(leases(&[ended.as_slice(), open.as_slice()].concat()));
    for (week, survival) in [(5, 1.0), (6, 0.857), (7, 0.807), (10, 0.753), (13, 0.690), (22, 0.538), (40, 0.448)] {
        assert!((curve.after(week) - survival).abs() < 0.0005, "{week}: {}", curve.after(week));
    }
    // What lasts longer than every ended lease lasts as long as the longest observation.
    assert_eq!(curve.draw(0, 0.999), 35);
    assert_eq!(curve.draw(0, 0.0), 6);
    assert_eq!(curve.draw(20, 0.0), 22);
    assert_eq!(curve.draw(50, 0.5), 50);
}

#[test]
fn what_is_drawn_has_the_distribution_of_what_was_seen() {
    let curve = Survival::of(leases(&[(1, true), (2, true), (3, true), (4, true)]));
    let drawn: Vec<Millis> = [0.1, 0.3, 0.6, 0.9].map(|unit| curve.draw(0, unit)).to_vec();
    assert_eq!(drawn, [1, 2, 3, 4]);
    assert!((curve.mean_up_to(10) - 2.5).abs() < 1e-12);
    assert!((curve.mean_up_to(2) - 1.75).abs() < 1e-12);
    assert_eq!([0.1, 0.9].map(|unit| curve.draw(2, unit)), [3, 4]);
}

#[test]
fn a_kind_with_few_leases_is_pooled_with_all() {
    let facts = |kind: &str, length: Millis, ended: bool| OrderFacts {
        kind: Arc::from(kind),
        rivals: Vec::new(),
        own: None,
        own_amount: None,
        taker: super::super::Taker::Us,
        lease: Some(LeaseLength { length, ended }),
    };
    let many: Vec<OrderFacts> = (0..LEAST_ENDED).map(|_| facts("nvidia/h100", 100, true)).collect();
    let few = [facts("nvidia/t4", 5, true), facts("nvidia/t4", 300, false)];
    let lifetimes = Lifetimes::of(many.iter().chain(&few));
    let unknown = |kind: &str| OrderFacts { lease: None, ..facts(kind, 0, true) };
    assert_eq!(lifetimes.draw(&unknown("nvidia/h100"), 0.0), Some(100));
    assert_eq!(lifetimes.draw(&unknown("nvidia/t4"), 0.0), Some(5));
    assert_eq!(lifetimes.draw(&unknown("nvidia/t4"), 0.99), Some(300));
    assert_eq!(lifetimes.draw(&facts("nvidia/t4", 7, true), 0.99), Some(7));
    assert_eq!(lifetimes.draw(&facts("nvidia/t4", 101, false), 0.5), Some(300));
    assert_eq!(Lifetimes::of([&facts("nvidia/t4", 5, false)]).draw(&unknown("nvidia/t4"), 0.5), None);
}
