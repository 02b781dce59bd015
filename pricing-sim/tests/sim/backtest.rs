//! Predictions beside what happened, on histories whose rule is known.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

use crate::common::Folder;
use crate::history::{US, order, put};
use pricing_core::money::Usd;
use pricing_core::quote::Spread;
use pricing_sim::backtest::off_policy::Estimates;
use pricing_sim::backtest::{Backtest, ExploredBid, backtest};
use pricing_sim::random::{Draws, Purpose};
use rust_decimal::Decimal;
use serde_json::Value;

const REST: &str = "[orders]\nhistory = \"history\"\n[inventory]\ndescribe = \"9 nodes x 8 h100\"\n[[strategy]]\nname = \"card\"\nrates = \"rates.toml\"\n[market]\nobserved = true\n";
const RIVALS: [&str; 3] = ["akash1a", "akash1b", "akash1c"];

fn run(orders: &[Value], more: &str, folds: usize) -> Result<Backtest, String> {
    let folder = Folder::new();
    put(&folder, orders);
    backtest(&folder.prepare(&format!("{REST}{more}"))?, folds, None).map_err(|error| error.to_string())
}

/// An order of a day with our bid and a rival's, of whom `winner` won for 12 hours.
fn of_day(day: u32, ours: &str, rival: &str, winner: Option<&str>) -> Value {
    let (at, until) = (format!("2026-09-{day:02}T00:00:00Z"), format!("2026-09-{day:02}T12:00:00Z"));
    order(day, &at, &[(US, ours), ("akash1a", rival)], winner, Some(&until))
}

#[test]
fn each_fold_compares_predicted_with_actual() {
    let orders = [
        of_day(1, "1900", "2000", Some(US)),
        of_day(2, "1900", "2000", Some(US)),
        // A second fold with a surprise: the tenant took the dearer bid.
        of_day(3, "1900", "2000", Some("akash1a")),
        of_day(4, "1902.44", "1800", Some("akash1a")),
        // A third one: one order that nobody took.
        of_day(5, "1900", "2000", None),
        of_day(6, "1900", "2000", Some(US)),
    ];
    let found = run(&orders, "", 2).unwrap();
    assert_eq!((found.choice, found.folds.len()), ("cheapest", 2));
    let [first, second] = [&found.folds[0], &found.folds[1]].map(|fold| &fold.all);
    assert_eq!((first.orders, first.bids, first.predicted.won, first.actual.won), (2, 2, 1.0, 0.0));
    assert_eq!((second.predicted.won, second.actual.won), (1.0, 1.0));
    // 1900 USD a month for 12 hours.
    assert_eq!(second.actual.revenue_usd, 31.21);
    // 12 of the 44 hours that a fold has, on one of 72 cards.
    assert_eq!((second.actual.card_hours, second.actual.utilisation), (12.0, Some(0.0038)));
    assert_eq!(found.error.win_rate, Some(0.25));
    assert_eq!(found.folds[0].by_kind[0].kind, "nvidia/h100");
    let sure = found.reliability.iter().map(|row| (row.from, row.bids, row.won)).collect::<Vec<_>>();
    assert_eq!(sure, [(0.0, 2, 0.0), (0.9, 2, 0.5)]);
    assert_eq!(found.scores.unwrap().log_loss, None, "it was certain and wrong");
    let prices = &found.strategy_prices;
    assert_eq!((prices.bids, prices.priced, prices.equal), (6, 6, 1));
    assert_eq!(prices.median_difference_percent, Some(0.13));
}

/// Orders whose tenants like the first rival, and take the best of three rivals, us and nobody.
fn chosen(orders: u32) -> Vec<Value> {
    let draws = Draws::new(11);
    let one = |number: u32| {
        let mut draw = draws.of(Purpose::Tenant, usize::try_from(number).unwrap());
        let prices: Vec<f64> = (0..4).map(|_| (180_000.0 * draw.log_normal(0.15)).round() / 100.0).collect();
        let lowest = prices[..3].iter().copied().fold(f64::INFINITY, f64::min);
        let mut gumbel = || -libm_log(draw.exponential());
        let none = -3.0 + gumbel();
        let utilities: Vec<f64> = (0..4)
            .map(|place| -10.0 * libm_log(prices[place] / lowest) + if place == 0 { 1.0 } else { 0.0 } + gumbel())
            .collect();
        let best = (0..4).max_by(|one, other| utilities[*one].total_cmp(&utilities[*other])).unwrap();
        let names = [RIVALS[0], RIVALS[1], RIVALS[2], US];
        let texts: Vec<String> = prices.iter().map(|usd| format!("{usd:.2}")).collect();
        let bids: Vec<(&str, &str)> = names.iter().copied().zip(texts.iter().map(String::as_str)).collect();
        let (day, hour) = (number / 24, number % 24);
        let at = format!("2026-{:02}-{:02}T{hour:02}:00:00Z", 1 + day / 28, 1 + day % 28);
        let until = format!("2026-{:02}-{:02}T{hour:02}:30:00Z", 1 + day / 28, 1 + day % 28);
        order(number, &at, &bids, (utilities[best] > none).then_some(names[best]), Some(&until))
    };
    (0..orders).map(one).collect()
}

fn libm_log(number: f64) -> f64 {
    number.ln()
}

#[test]
fn the_fitted_choice_predicts_what_tenants_did() {
    let orders = chosen(1500);
    let found = run(&orders, "choice = \"fitted\"\n", 4).unwrap();
    assert_eq!(found.folds.len(), 4);
    assert!(found.error.win_rate.unwrap() < 0.03, "{:?}", found.error);
    assert!(found.error.revenue_percent.unwrap() < 15.0, "{:?}", found.error);
    let scores = found.scores.unwrap();
    assert!(scores.log_loss.unwrap() < 0.9 * scores.log_loss_base_rate, "{scores:?}");
    for row in found.reliability.iter().filter(|row| row.bids >= 40) {
        assert!((row.predicted - row.won).abs() < 0.15, "{row:?}");
    }
    let cheapest = run(&orders, "", 4).unwrap();
    assert!(scores.brier < cheapest.scores.unwrap().brier, "the tenants do not take the cheapest");
}

#[test]
fn what_cannot_be_tested_is_refused() {
    let few = [of_day(1, "1900", "2000", Some(US)), of_day(2, "1900", "2000", Some(US))];
    let error = run(&few, "choice = \"fitted\"\n", 4).unwrap_err();
    assert!(error.contains("cannot be fitted") && error.contains("market.choice = \"cheapest\""), "{error}");
    let made_up = "[orders]\ngenerate = { orders = 3 }\narrivals = { rate = \"1/h\" }\n[inventory]\ndescribe = \"1 nodes x 8 h100\"\n[[strategy]]\nname = \"card\"\n";
    let prepared = Folder::new().prepare(made_up).unwrap();
    assert!(backtest(&prepared, 4, None).unwrap_err().to_string().contains("needs a history"));
}

/// A bid on an order of the history, as a bid log has it.
fn explored(id: u32, amount: &str, factor: &str) -> ExploredBid {
    bid_of(id, amount, "1900", factor)
}

/// A bid that was varied from another price.
fn based_on(base: &str, id: u32) -> ExploredBid {
    bid_of(id, "1", base, "1")
}

fn bid_of(id: u32, amount: &str, base: &str, factor: &str) -> ExploredBid {
    let number = |text: &str| text.parse::<Decimal>().unwrap();
    let factors = ["0.97", "0.985", "1", "1.015", "1.03"].map(number).to_vec();
    let (name, spread) = (format!("akash1tenant/{id}/1/1"), Spread::parse("3%").unwrap());
    ExploredBid::new(name, number(amount), Usd::parse(base).unwrap(), (number(factor), factors), spread).unwrap()
}

#[test]
fn explored_bids_are_joined_by_order_and_price_and_nothing_is_dropped_silently() {
    let orders: Vec<Value> = (1..=10).map(|day| of_day(day, "1900", "2000", Some(US))).collect();
    // The strategy's price is 1902.44. All bids of the history are 1 a block.
    let mut bids: Vec<ExploredBid> = (1..=10).map(|id| explored(id, "1", "1")).collect();
    bids[8] = explored(9, "2", "1");
    bids[9] = based_on("1700", 10);
    bids.push(explored(7, "3", "1.03"));
    bids.push(explored(99, "1", "1"));
    bids[6] = explored(7, "1", "0.97");
    let folder = Folder::new();
    put(&folder, &orders);
    let found = backtest(&folder.prepare(REST).unwrap(), 4, Some(&bids)).unwrap();
    let off = found.off_policy.unwrap();
    assert_eq!((off.explored, off.not_in_history, off.other_price), (11, 1, 1));
    // The first of five pieces has the first two days.
    assert_eq!((off.outside_folds, off.bids, off.unsupported.bids), (2, 7, 1));
    assert_eq!((off.supported, off.matching, off.days), (6, 5, 6));
    assert_eq!(off.unsupported.percent, Some(14.29));
    let rate = |estimates: Option<Estimates>| estimates.unwrap().win_rate.mean;
    // The weights add up to more than the bids, and a share to 1 at most.
    assert_eq!(rate(off.inverse_propensity), 1.0);
    assert_eq!(rate(off.self_normalised), 1.0);
    // All of them won.
    let hajek = off.self_normalised.unwrap();
    assert_eq!((hajek.win_rate.interval, hajek.revenue_usd.interval), (None, None));
    assert_eq!(off.effective_sample_size, 5.0);
    let told = found.warnings.join("\n");
    for said in
        ["1 explored order is left out", "1 of 7 bids of the strategy is outside", "no more than 5 bids", "all won (5)"]
    {
        assert!(told.contains(said), "{told}");
    }
    // Without a bid log, nothing is said about it.
    let without = backtest(&folder.prepare(REST).unwrap(), 4, None).unwrap();
    assert!(!serde_json::to_string(&without).unwrap().contains("off_policy"));
}

#[test]
fn the_doubly_robust_estimate_is_right_where_the_model_tells_the_price_from_its_level() {
    // At the level, 1900, nobody underbids us. At the strategy's price, 1902.44, the rival does.
    let orders: Vec<Value> = (1..=10).map(|day| of_day(day, "1900", "1901", Some(US))).collect();
    let factor = || (Decimal::ONE, vec![Decimal::ONE]);
    let bid = |id| {
        let (name, base, spread) = (format!("akash1tenant/{id}/1/1"), Usd::parse("1900").unwrap(), "3%");
        ExploredBid::new(name, Decimal::ONE, base, factor(), Spread::parse(spread).unwrap()).unwrap()
    };
    let bids: Vec<ExploredBid> = (1..=10).map(bid).collect();
    let folder = Folder::new();
    put(&folder, &orders);
    let off = backtest(&folder.prepare(REST).unwrap(), 4, Some(&bids)).unwrap().off_policy.unwrap();
    // Every bid was at the level, so the estimate is what happened, whatever the model says.
    assert_eq!((off.supported, off.matching), (8, 8));
    assert_eq!(off.doubly_robust.unwrap().win_rate.mean, 1.0);
    assert_eq!(off.doubly_robust.unwrap().revenue_usd.mean, off.inverse_propensity.unwrap().revenue_usd.mean);
}
