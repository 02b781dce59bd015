//! Off-policy estimators on simulated tenants, whose true answer is known.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

use pricing_sim::backtest::off_policy::{
    Estimate, Trial, doubly_robust, effective_sample_size, inverse_propensity, self_normalised,
};
use pricing_sim::random::{Draws, Purpose};

/// Histories of two months with ten bids a day.
const HISTORIES: u64 = 300;
const BIDS: usize = 600;
const A_DAY: usize = 10;
const LEVELS: [f64; 5] = [0.94, 0.97, 1.0, 1.03, 1.06];
/// The strategy's price, relative to the base.
const STRATEGY: f64 = 0.97;

/// Trials of a history, and the mean outcome of the strategy on its orders.
struct History {
    wins: Vec<Trial>,
    revenues: Vec<Trial>,
    truth: (f64, f64),
}

fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap())
}

/// How a tenant decides between our price and a rival's.
fn logit(steepness: f64, ours: f64, rival: f64) -> f64 {
    1.0 / (1.0 + (steepness * (ours / rival).ln()).exp())
}

/// A history whose tenants are simulated. The model is wrong: it believes tenants less sensitive, and us better liked.
fn history(seed: u64) -> History {
    let draws = Draws::new(seed);
    let (mut wins, mut revenues, mut truth) = (Vec::new(), Vec::new(), (0.0, 0.0));
    for bid in 0..BIDS {
        let day = bid / A_DAY;
        let mut draw = draws.of(Purpose::Tenant, bid);
        // Rivals have a good and a bad day together.
        let rival = 100.0 * draws.of(Purpose::Competitor, day).log_normal(0.02) * draw.log_normal(0.05);
        let length = draw.exponential();
        // Every third tenant has a maximum: only the levels up to the base count.
        let counted = if bid % 3 == 0 { &LEVELS[..3] } else { &LEVELS[..] };
        let level = counted[draw.below(counted.len())];
        let (taken, model) =
            (|price: f64| logit(25.0, price, rival), |price: f64| 0.1 + 0.9 * logit(12.0, price, rival));
        let won = if draw.unit() < taken(100.0 * level) { 1.0 } else { 0.0 };
        let is_strategy = (level - STRATEGY).abs() < 1e-9;
        let weight = if is_strategy { count(counted.len()) } else { 0.0 };
        let (price, believed) = (100.0 * STRATEGY, model(100.0 * STRATEGY));
        let block = u64::try_from(day).unwrap();
        wins.push(Trial { block, weight, outcome: won, model: believed });
        // The mean length is 1.
        let paid = believed * price;
        revenues.push(Trial { block, weight, outcome: won * price * length, model: paid });
        truth.0 += taken(price) / count(BIDS);
        truth.1 += taken(price) * price / count(BIDS);
    }
    History { wins, revenues, truth }
}

/// An estimator's bias in standard errors, the share of its intervals that have the truth, and their mean width.
fn quality(estimates: &[Estimate], truth: f64) -> (f64, f64, f64) {
    let number = count(estimates.len());
    let mean = estimates.iter().map(|one| one.mean).sum::<f64>() / number;
    let variance = estimates.iter().map(|one| (one.mean - mean) * (one.mean - mean)).sum::<f64>() / (number - 1.0);
    let intervals = estimates.iter().map(|one| one.interval.unwrap());
    let (covered, width) = intervals.fold((0.0, 0.0), |(covered, width), (low, high)| {
        (covered + if low <= truth && truth <= high { 1.0 } else { 0.0 }, width + high - low)
    });
    ((mean - truth) / (variance / number).sqrt(), covered / number, width / number)
}

fn if_all_levels_counted(trial: &Trial) -> f64 {
    if trial.weight > 0.0 { 5.0 } else { 0.0 }
}

/// The inverse-propensity estimate with other weights and outcomes.
fn of_all(trials: &[Trial], change: impl Fn(&Trial) -> (f64, f64)) -> Option<Estimate> {
    let changed = trials.iter().map(|trial| {
        let (weight, outcome) = change(trial);
        Trial { weight, outcome, ..*trial }
    });
    inverse_propensity(&changed.collect::<Vec<_>>())
}

#[test]
fn estimates_are_unbiased_and_their_intervals_have_the_truth() {
    let histories: Vec<History> = (0..HISTORIES).map(history).collect();
    let truth = |of: fn(&History) -> f64| histories.iter().map(of).sum::<f64>() / count(histories.len());
    let of = |trials: fn(&History) -> &Vec<Trial>, estimator: fn(&[Trial]) -> Option<Estimate>, truth: f64| {
        let estimates: Vec<Estimate> = histories.iter().map(|one| estimator(trials(one)).unwrap()).collect();
        quality(&estimates, truth)
    };
    let wins: fn(&History) -> &Vec<Trial> = |history| &history.wins;
    let revenues: fn(&History) -> &Vec<Trial> = |history| &history.revenues;
    for (trials, truth) in [(wins, truth(|history| history.truth.0)), (revenues, truth(|history| history.truth.1))] {
        let ips = of(trials, inverse_propensity, truth);
        let hajek = of(trials, self_normalised, truth);
        let robust = of(trials, doubly_robust, truth);
        for (name, (bias, covered, _)) in [("ips", ips), ("self-normalised", hajek), ("doubly robust", robust)] {
            assert!(bias.abs() < 3.5, "{name}: the bias is {bias} standard errors");
            // The standard deviation of the share is 0.0126.
            assert!((0.91..=0.99).contains(&covered), "{name}: {covered} of the intervals have the truth");
        }
        assert!(robust.2 < 0.97 * ips.2, "doubly robust {} against {}", robust.2, ips.2);
        // What the test would say of the model alone: it is far off.
        let alone = of(trials, |trials| of_all(trials, |trial| (1.0, trial.model)), truth);
        assert!(alone.0.abs() > 10.0 && alone.1 < 0.7, "{alone:?}");
        // And of a propensity that forgets that some levels did not count.
        let forgetful =
            of(trials, |trials| of_all(trials, |trial| (if_all_levels_counted(trial), trial.outcome)), truth);
        assert!(forgetful.0.abs() > 10.0 && forgetful.1 < 0.9, "{forgetful:?}");
    }
}

fn trial(block: u64, weight: f64, outcome: f64) -> Trial {
    Trial { block, weight, outcome, model: 0.5 }
}

#[test]
fn estimates_by_hand() {
    let trials = [trial(1, 5.0, 1.0), trial(1, 0.0, 1.0), trial(2, 3.0, 0.0), trial(2, 0.0, 0.0)];
    let means = [inverse_propensity, self_normalised, doubly_robust].map(|of| of(&trials).unwrap().mean);
    assert_eq!(means, [1.25, 0.625, 0.5 + (5.0 * 0.5 - 3.0 * 0.5) / 4.0]);
    assert!((effective_sample_size(&trials) - 64.0 / 34.0).abs() < 1e-12);
    // Two days with the sums of deviations 2.5 and -2.5, and Student's quantile for one degree of freedom.
    let (low, high) = inverse_propensity(&trials).unwrap().interval.unwrap();
    assert!((high - low - 2.0 * 12.706 * 5.0 / 4.0).abs() < 1e-9, "{low} to {high}");
}

#[test]
fn without_a_matching_level_or_a_second_day_less_is_said() {
    let none = [trial(1, 0.0, 1.0), trial(2, 0.0, 1.0)];
    assert_eq!([inverse_propensity, self_normalised, doubly_robust].map(|of| of(&none)), [None; 3]);
    assert_eq!(effective_sample_size(&none).total_cmp(&0.0), std::cmp::Ordering::Equal);
    let one_day = inverse_propensity(&[trial(1, 2.0, 1.0), trial(1, 0.0, 1.0)]).unwrap();
    assert_eq!((one_day.mean, one_day.interval), (1.0, None));
}

#[test]
fn bids_that_all_had_the_same_outcome_tell_no_interval() {
    for outcome in [0.0, 1.0] {
        let mut trials = vec![trial(1, 5.0, outcome), trial(2, 5.0, outcome), trial(2, 0.0, 1.0), trial(3, 0.0, 0.0)];
        let hajek = self_normalised(&trials).unwrap();
        assert_eq!((hajek.mean, hajek.interval), (outcome, None));
        let others = [inverse_propensity, doubly_robust].map(|of| of(&trials).unwrap());
        assert!(others.iter().all(|estimate| estimate.interval.is_none()), "{others:?}");
        trials.push(trial(3, 5.0, 1.0 - outcome));
        let (low, high) = self_normalised(&trials).unwrap().interval.unwrap();
        assert!(low < high);
    }
}
