use rust_decimal::Decimal;

use super::*;
use crate::decision::Decision;
use crate::evaluate::{Course, Sample};
use pricing_core::money::Usd;

/// A market whose orders take any price up to their limit, on as many cards as they like.
struct Limits {
    /// The limits of the orders of each day.
    days: Vec<Vec<i64>>,
}

/// A small generator of numbers, uniform below a bound.
fn draw(state: &mut u64, below: usize) -> usize {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    usize::try_from((*state >> 33) % u64::try_from(below).unwrap()).unwrap()
}

impl Limits {
    /// Limits that are uniform from 1,000 to 2,999: the best price is 1,500 (each order is worth p (1 - p / 3,000)).
    fn uniform(days: usize, orders: usize, seed: u64) -> Self {
        let mut state = seed;
        let mut limit = || 1000 + i64::try_from(draw(&mut state, 2000)).unwrap();
        Self { days: (0..days).map(|_| (0..orders).map(|_| limit()).collect()).collect() }
    }
}

impl Evaluate for Limits {
    fn history(&self) -> HistorySize {
        let orders = self.days.iter().map(Vec::len).sum();
        HistorySize { orders, blocks: self.days.len(), days: u64::try_from(self.days.len()).unwrap() }
    }

    fn evaluate(&self, candidates: &[Candidate], resample: u64) -> Result<Sample, TuneError> {
        let mut state = resample.wrapping_mul(977).wrapping_add(1);
        draw(&mut state, 2);
        let mut drawn = vec![0_u32; self.days.len()];
        for _ in 0..self.days.len() {
            drawn[draw(&mut state, self.days.len())] += 1;
        }
        let course = |candidate: &Candidate| {
            let mut course = Course::default();
            for (times, day) in drawn.iter().zip(&self.days) {
                let won = day.iter().filter(|limit| candidate.value(0) <= Decimal::from(**limit)).count();
                course.orders += u64::from(*times) * u64::try_from(day.len()).unwrap();
                course.won += u64::from(*times) * u64::try_from(won).unwrap();
            }
            course.revenue = Usd::from_decimal(candidate.value(0) * Decimal::from(course.won));
            course.utilisation = course.won * 1_000_000 / course.orders.max(1);
            course
        };
        Ok(Sample { courses: candidates.iter().map(course).collect(), drawn })
    }
}

fn tuned(market: &Limits, current: i64, objective: Objective) -> Tuned {
    let space = Space::new(vec!["p=1000..2600".parse().unwrap()], Candidate(vec![current.into()]), None).unwrap();
    tune(&space, market, &Settings { objective, resamples: 200, threads: 2 }).unwrap()
}

/// What an order is worth on average.
fn truth(price: Decimal) -> f64 {
    let price = float(price);
    price * ((3000.0 - price) / 2000.0).min(1.0)
}

#[test]
fn a_price_that_loses_much_is_changed_to_nearly_the_best_one() {
    let found = tuned(&Limits::uniform(30, 10, 5), 2300, Objective::Revenue);
    assert_eq!(found.decided.decision, Decision::Change);
    assert!(truth(found.proposal.value(0)) > 0.98 * truth(1500.into()), "{:?}", found.proposal);
    let gain = truth(found.proposal.value(0)) / truth(2300.into()) * 100.0 - 100.0;
    let percent = found.percent.unwrap();
    assert!(percent.low < gain && gain < percent.high, "{percent:?} {gain}");
    assert!(found.indistinguishable.len() > 2 && !found.indistinguishable.contains(&found.proposal));
    assert!(found.curve.windows(2).all(|pair| pair[0].candidate < pair[1].candidate));
}

#[test]
fn a_price_that_is_best_stays_and_threads_make_no_difference() {
    let market = Limits::uniform(30, 10, 6);
    let found = tuned(&market, 1500, Objective::Revenue);
    assert_eq!(found.decided.decision, Decision::Stay);
    let space = Space::new(vec!["p=1000..2600".parse().unwrap()], Candidate(vec![1500.into()]), None).unwrap();
    let alone = tune(&space, &market, &Settings { objective: Objective::Revenue, resamples: 200, threads: 1 }).unwrap();
    assert_eq!((found.proposal, found.gain), (alone.proposal, alone.gain));
}

#[test]
fn thin_data_ask_for_more() {
    let found = tuned(&Limits::uniform(3, 5, 5), 2000, Objective::Revenue);
    assert_eq!(found.decided.decision, Decision::NeedMoreData);
    assert!(found.decided.more_days.unwrap() >= 4);
}

#[test]
fn a_floor_of_utilisation_is_met_even_if_that_costs_revenue() {
    let found = tuned(&Limits::uniform(40, 20, 5), 1500, Objective::UtilisationAtLeast(900_000));
    assert!(found.utilisation.0 < 0.9 && found.utilisation.1 >= 0.9, "{:?}", found.utilisation);
    assert_eq!(found.decided.decision, Decision::Change);
    assert!(found.proposal.value(0) >= 1100.into(), "not lower than it must be: {:?}", found.proposal);
}

/// How often the interval covers the truth, in a market whose truth is known. The coverage harness does the same with
/// the simulation.
#[test]
fn the_interval_covers_the_true_gain() {
    let (mut covered, mut losses) = (0, 0);
    for trial in 0..60 {
        let found = tuned(&Limits::uniform(25, 6, 100 + trial), 1650, Objective::Revenue);
        let gain = truth(found.proposal.value(0)) / truth(1650.into()) * 100.0 - 100.0;
        let percent = found.percent.unwrap();
        covered += usize::from(percent.low <= gain && gain <= percent.high);
        losses += usize::from(found.decided.decision == Decision::Change && gain < 0.0);
    }
    assert!(covered >= 55 && losses <= 2, "{covered} of 60 cover, {losses} losses");
}
