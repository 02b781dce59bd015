use super::super::{Bid, Taker};
use super::*;
use crate::random::{Draws, Purpose};

const NAMES: [&str; 3] = ["akash1a", "akash1b", "akash1c"];

fn usd(dollars: f64) -> Usd {
    Usd::parse(&format!("{dollars:.2}")).unwrap()
}

/// Orders whose tenants choose by a known rule: three rivals and us, of whom tenants like the first one best.
fn history(orders: usize, price: f64, liked: f64, outside: f64) -> Vec<OrderFacts> {
    let draws = Draws::new(5);
    let order = |number: usize| {
        let mut draw = draws.of(Purpose::Tenant, number);
        let mut bids: Vec<(usize, f64)> = (0..4).map(|place| (place, 1000.0 * draw.log_normal(0.2))).collect();
        let lowest = bids.iter().filter(|(place, _)| *place < 3).map(|(_, usd)| *usd).fold(f64::INFINITY, f64::min);
        let mut gumbel = || -libm::log(draw.exponential());
        let mut best = (None, outside + gumbel());
        for (place, usd) in &bids {
            let effect = if *place == 0 { liked } else { 0.0 };
            let utility = price * libm::log(usd / lowest) + effect + gumbel();
            if utility > best.1 {
                best = (Some(*place), utility);
            }
        }
        let own = bids.pop().map(|(_, dollars)| usd(dollars));
        let mut rivals: Vec<Bid> =
            bids.iter().map(|(place, dollars)| Bid { provider: NAMES[*place].into(), usd: usd(*dollars) }).collect();
        rivals.sort_by_key(|bid| bid.usd);
        let taker = match best.0 {
            None => Taker::Nobody,
            Some(3) => Taker::Us,
            Some(place) => Taker::Rival(NAMES[place].into()),
        };
        OrderFacts { kind: "nvidia/h100".into(), rivals, own, own_amount: None, taker, lease: None }
    };
    (0..orders).map(order).collect()
}

#[test]
fn the_fit_finds_the_rule_by_which_tenants_chose() {
    let facts = history(4000, -8.0, 1.0, -2.0);
    let fitted = Fitted::to(&facts).unwrap();
    assert!((fitted.price + 8.0).abs() < 0.6, "{fitted:?}");
    // Effects are only known relative to each other.
    assert!((fitted.providers["akash1a"] - fitted.providers["akash1b"] - 1.0).abs() < 0.2, "{fitted:?}");
    assert!((fitted.own - fitted.providers["akash1c"]).abs() < 0.2, "{fitted:?}");
    assert!((fitted.outside - fitted.own + 2.0).abs() < 0.3, "{fitted:?}");
    assert_eq!(Fitted::to(&facts), Ok(fitted.clone()), "the same bytes give the same fit");
    // At the maximum, as many wins are predicted as there were: the equation of our own effect, but for its penalty.
    let predicted: f64 =
        facts.iter().map(|facts| fitted.chance(&fitted.alternatives(facts, None), facts.own.unwrap())).sum();
    let won = facts.iter().filter(|facts| facts.taker == Taker::Us).count();
    assert!((predicted - won as f64).abs() < 2.0, "{predicted} {won}");
}

#[test]
fn where_the_cheapest_always_wins_the_fit_is_steep_and_finite() {
    let mut facts = history(500, -1.0, 0.0, -50.0);
    for facts in &mut facts {
        let own = facts.own.unwrap();
        let lowest = facts.rivals[0].clone();
        facts.taker = if own <= lowest.usd { Taker::Us } else { Taker::Rival(lowest.provider) };
    }
    let fitted = Fitted::to(&facts).unwrap();
    assert!(fitted.price < -30.0 && fitted.price.is_finite(), "{fitted:?}");
}

#[test]
fn a_lower_bid_wins_whenever_a_higher_one_does_and_as_often_as_the_chance_says() {
    let facts = history(400, -6.0, 0.5, -1.0);
    let fitted = Fitted::to(&facts).unwrap();
    for facts in facts.iter().take(20) {
        let alternatives = fitted.alternatives(facts, None);
        let reference = float(alternatives.reference.unwrap().decimal());
        let mut before = f64::INFINITY;
        for unit in [0.0, 0.05, 0.3, 0.5, 0.9, 0.999] {
            let (Some(highest), true) = fitted.highest(&alternatives, unit) else { panic!("there is a reference") };
            assert!(highest <= before);
            before = highest;
            if unit > 0.0 && (0.01..100.0).contains(&highest) {
                let at_limit = fitted.chance(&alternatives, usd(highest * reference));
                assert!((at_limit - unit).abs() < 1e-3, "{at_limit} {unit}");
            }
        }
    }
}

#[test]
fn too_little_and_senseless_histories_are_refused() {
    let error = Fitted::to(&history(40, -6.0, 0.0, -2.0)).unwrap_err();
    assert!(error.to_string().contains("cannot be fitted to 40 orders"), "{error}");
    assert_eq!(Fitted::to(&history(2000, 4.0, 0.0, -2.0)), Err(FitError::NoResponse));
}
