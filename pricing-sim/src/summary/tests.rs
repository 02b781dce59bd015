//! Tests of summaries.

use pricing_core::money::Usd;
use rust_decimal::Decimal;
use toml::Table;

use super::{Interval, Pairs, Percent, Summary, quantile};
use crate::result::{
    Bucket, Charge, Flip, Fragmentation, GpuUse, Idle, Limits, OrderOutcome, PairRun, PriceBin, RunResult, Starred,
    StrategyRun, Use,
};
use crate::sweep::Sweep;
use crate::time::Window;

fn decimal(text: &str) -> Decimal {
    Decimal::from_str_exact(text).unwrap()
}

fn usd(text: &str) -> Usd {
    Usd::from_decimal(decimal(text))
}

fn percent(part: u128, whole: u128) -> Option<String> {
    Percent::of(part, whole).unwrap().map(|percent| percent.to_string())
}

fn interval(values: &[&str], decimals: u32) -> Option<[String; 3]> {
    let values: Vec<Decimal> = values.iter().map(|value| decimal(value)).collect();
    let interval = Interval::of(&values, decimals).unwrap()?;
    Some([interval.mean, interval.low, interval.high].map(|value| value.to_string()))
}

fn sweep(seeds: &str) -> Sweep {
    let text = format!("orders = {{}}\ninventory = {{}}\nstrategy = [{{ name = 'card' }}]\n[sweep]\nseeds = {seeds}\n");
    Sweep::of(&text.parse::<Table>().unwrap()).unwrap()
}

/// A strategy with one card of four in use before the first order, and another one for half of the time.
fn strategy(name: &str, won: u64, revenue: &str) -> StrategyRun {
    let used = Use { total: 4, background: 1, leased_ms: 500 };
    StrategyRun {
        name: name.to_owned(),
        orders: 3,
        won,
        lost: [(OrderOutcome::Outbid, 3 - won)].into_iter().filter(|(_, lost)| *lost > 0).collect(),
        revenue: usd(revenue),
        lease_ms: 1_800_000,
        overcharge: Charge { orders: 1, usd_per_month: usd("10"), usd: usd("0.5") },
        undercharge: Charge::default(),
        by_card: Vec::new(),
        gpus: vec![GpuUse { kind: "nvidia/t4".to_owned(), used }],
        cpu: used,
        memory: Use { total: 0, background: 0, leased_ms: 0 },
        idle: Idle { gpu: usd("1"), cpu: usd("2"), memory: usd("3"), unpriced_card_ms: 0 },
        fragmentation: Fragmentation { free_ms: 10, unusable_ms: 20, weight: 3 },
        by_price: vec![PriceBin { from_usd: 50, bids: 3, won, ..PriceBin::default() }],
        over_time: vec![Bucket {
            at: 0,
            length: 1000,
            gpus: vec![500],
            cpu_ms: 500,
            arrived: 3,
            won,
            ..Bucket::default()
        }],
        by_clock: 0,
    }
}

fn run(place: usize, seed: u64, won: [u64; 2], revenue: [&str; 2]) -> RunResult {
    let flip = Flip {
        order: place,
        id: format!("order {place}"),
        at: 1500,
        before: OrderOutcome::Won,
        after: OrderOutcome::Outbid,
        gpu_before: String::new(),
        gpu_after: String::new(),
        usd_before: None,
        usd_after: None,
        revenue: usd(revenue[1]).checked_sub(usd(revenue[0])).unwrap(),
    };
    let flips = [(OrderOutcome::Won, [(OrderOutcome::Outbid, 1)].into())].into();
    let pair = PairRun {
        strategy: "new".to_owned(),
        against: "old".to_owned(),
        flips,
        both_won: 1,
        largest: vec![flip],
        ..PairRun::default()
    };
    RunResult {
        run: place,
        cell: 0,
        seed,
        window: Window { start: 0, end: 1000 },
        strategies: vec![strategy("old", won[0], revenue[0]), strategy("new", won[1], revenue[1])],
        pairs: vec![pair],
        limits: Limits::default(),
    }
}

#[test]
fn percentages_are_rounded_half_even_to_four_decimals() {
    assert_eq!(percent(1, 3).unwrap(), "33.3333");
    assert_eq!(percent(2, 3).unwrap(), "66.6667");
    assert_eq!(percent(1, 1).unwrap(), "100.0000");
    // 0.00005 and 0.00015 lie in the middle.
    assert_eq!(percent(1, 2_000_000).unwrap(), "0.0000");
    assert_eq!(percent(3, 2_000_000).unwrap(), "0.0002");
    assert_eq!(percent(5, 2_000_000).unwrap(), "0.0002");
    assert_eq!(percent(5, 0), None);
    assert!(Percent::of(u128::MAX, 1).is_err());
}

#[test]
fn quantiles_between_those_that_are_listed_are_the_wider_ones() {
    assert_eq!(quantile(0), None);
    assert_eq!(quantile(1), Some(12.706));
    assert_eq!(quantile(9), Some(2.262));
    assert_eq!(quantile(30), Some(2.042));
    assert_eq!(quantile(39), Some(2.042));
    assert_eq!(quantile(40), Some(2.021));
    assert_eq!(quantile(999), Some(1.965));
    assert_eq!(quantile(1_000_000), Some(1.962));
}

#[test]
fn an_interval_is_the_mean_with_the_quantile_times_the_standard_error() {
    // Mean 3, variance 2.5, standard error sqrt(0.5): 2.776 * 0.70710678 = 1.96292843.
    let text = |values: [&str; 3]| Some(values.map(str::to_owned));
    assert_eq!(interval(&["1", "2", "3", "4", "5"], 4), text(["3.0000", "1.0371", "4.9629"]));
    // Mean 0.15, variance 0.005, standard error 0.05: 12.706 * 0.05 = 0.6353.
    assert_eq!(interval(&["0.1", "0.2"], 4), text(["0.1500", "-0.4853", "0.7853"]));
    assert_eq!(interval(&["7", "7", "7"], 2), text(["7.00", "7.00", "7.00"]));
    // A third is not a finite decimal.
    assert_eq!(interval(&["0", "0", "1"], 6).unwrap()[0], "0.333333");
    assert_eq!(interval(&["7"], 2), None);
    assert_eq!(interval(&[], 2), None);
}

#[test]
fn totals_are_exact_and_percentages_are_of_all_the_time() {
    let runs = [run(0, 1, [2, 1], ["10.000000000001", "5"]), run(1, 2, [3, 1], ["11", "7"])];
    let summary = Summary::of("test", &sweep("2"), &runs).unwrap();
    let old = &summary.strategies[0];
    let figures = &old.figures;
    assert_eq!((figures.orders, figures.won, figures.lost[&OrderOutcome::Outbid]), (6, 5, 1));
    assert_eq!(figures.revenue_usd.to_string(), "21.000000000001");
    assert_eq!(figures.win_rate_percent.unwrap().to_string(), "83.3333");
    assert_eq!(figures.lease_hours.to_string(), "1");
    // One of four for all of the time and one for half of it: 1.5 of 4.
    assert_eq!(figures.gpu_utilisation[0].percent.unwrap().to_string(), "37.5000");
    assert_eq!(figures.gpu_utilisation[0].cards, 4);
    assert_eq!(figures.gpu_utilisation_percent, figures.gpu_utilisation[0].percent);
    assert_eq!(figures.memory_utilisation_percent, None);
    assert_eq!(figures.fragmentation_percent.unwrap().to_string(), "66.6667");
    assert_eq!((figures.overcharge.orders, figures.overcharge.usd.to_string()), (2, "1".to_owned()));
    assert_eq!((figures.win_by_price[0].bids, figures.win_by_price[0].to_usd), (6, Some(56)));
    assert_eq!(figures.over_time[0].gpu[0].percent.unwrap().to_string(), "37.5000");
    assert_eq!((figures.over_time[0].arrived, figures.over_time[0].won), (6, 5));
    let per_run = old.per_run.as_ref().unwrap();
    // 2 and 3 are won: mean 2.5, standard error 0.5, 12.706 * 0.5 = 6.353.
    let won = per_run.won.unwrap();
    assert_eq!((won.mean.to_string(), won.half().to_string()), ("2.5000".to_owned(), "6.3530".to_owned()));
    assert_eq!(per_run.memory_utilisation_percent, None);
    assert_eq!(per_run.idle_usd.unwrap().mean.to_string(), "6.000000");
}

#[test]
fn comparisons_pair_the_runs_of_one_seed() {
    // The strategies differ by 5 and 5 although the seeds differ by 1: the difference is certain.
    let runs = [run(0, 1, [2, 1], ["10", "5"]), run(1, 2, [3, 1], ["11", "6"])];
    let summary = Summary::of("test", &sweep("2"), &runs).unwrap();
    let comparison = &summary.comparisons[0];
    assert_eq!((comparison.strategy.as_str(), comparison.against.as_str()), ("new", "old"));
    assert_eq!((comparison.won, comparison.revenue_usd.to_string()), (-3, "-10".to_owned()));
    assert_eq!((comparison.flips[0].orders, comparison.both_won), (2, 2));
    let revenue = comparison.per_run.as_ref().unwrap().revenue_usd.unwrap();
    assert_eq!([revenue.mean, revenue.low, revenue.high].map(|usd| usd.to_string()), ["-5.000000"; 3]);
    assert_eq!(comparison.largest.iter().map(|flip| flip.seed).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(comparison.largest[0].at_s.to_string(), "1.5");
}

#[test]
fn one_seed_has_no_intervals() {
    let summary = Summary::of("test", &sweep("1"), &[run(0, 1, [2, 1], ["10", "5"])]).unwrap();
    assert!(summary.strategies[0].per_run.is_none() && summary.comparisons[0].per_run.is_none());
}

#[test]
fn nothing_is_divided_by_nothing() {
    let empty = RunResult {
        run: 0,
        cell: 0,
        seed: 1,
        window: Window::default(),
        strategies: vec![StrategyRun { name: "old".to_owned(), ..StrategyRun::default() }],
        pairs: Vec::new(),
        limits: Limits::default(),
    };
    let summary = Summary::of("test", &sweep("1"), &[empty]).unwrap();
    let figures = &summary.strategies[0].figures;
    assert_eq!((figures.win_rate_percent, figures.gpu_utilisation_percent), (None, None));
    assert_eq!((figures.cpu_utilisation_percent, figures.fragmentation_percent), (None, None));
    assert!(Summary::of("test", &sweep("1"), &[]).unwrap().strategies.is_empty());
}

#[test]
fn runs_that_do_not_belong_together_are_refused() {
    let mut other = run(1, 2, [2, 1], ["10", "5"]);
    other.strategies[0].name = "other".to_owned();
    let runs = [run(0, 1, [2, 1], ["10", "5"]), other];
    assert!(Summary::of("test", &sweep("2"), &runs).unwrap_err().to_string().contains("run 1"));
}

#[test]
fn axes_are_the_columns_of_cells() {
    let text = "orders = {}\ninventory = {}\nstrategy = [{ name = 'card' }]\n[sweep.axes]\n\"orders.limit\" = [10, 20]\n\"scheduler\" = [\"sound\"]\n";
    let sweep = Sweep::of(&text.parse::<Table>().unwrap()).unwrap();
    let mut second = run(1, 1, [2, 1], ["10", "5"]);
    second.cell = 1;
    let summary = Summary::of("test", &sweep, &[run(0, 1, [2, 1], ["10", "5"]), second]).unwrap();
    let json = serde_json::to_value(&summary).unwrap();
    let axes = serde_json::json!([
        {"key": "orders.limit", "values": [10, 20]},
        {"key": "scheduler", "values": ["sound"]},
    ]);
    assert_eq!(json["axes"], axes);
    assert_eq!(json["strategies"].as_array().unwrap().len(), 4);
    assert_eq!(json["strategies"][3]["axes"], serde_json::json!({"orders.limit": 20, "scheduler": "sound"}));
    assert_eq!(json["strategies"][3]["name"], "new");
}

/// A sweep over one axis, whose cell `n` earns `n` USD more than the first in each of two seeds, and its summary.
fn along(cells: usize) -> Summary {
    let values: Vec<String> = (0..cells).map(|cell| cell.to_string()).collect();
    let strategies = "[[strategy]]\nname = \"old\"\n[[strategy]]\nname = \"new\"\n";
    let text = format!(
        "[orders]\n[inventory]\n{strategies}[sweep]\nseeds = 2\n[sweep.axes]\n\"orders.limit\" = [{}]\n",
        values.join(", ")
    );
    let sweep = Sweep::of(&text.parse::<Table>().unwrap()).unwrap();
    let one = |place: usize| {
        let (cell, seed) = (place / 2, place % 2);
        // The seeds differ by far more than the cells, which have all of that in common.
        let revenue = [0, 10].map(|more| (1000 * seed + cell + more).to_string());
        RunResult { cell, ..run(place, u64::try_from(seed).unwrap() + 1, [1, 2], [&revenue[0], &revenue[1]]) }
    };
    let results: Vec<RunResult> = (0..2 * cells).map(one).collect();
    Summary::of("test", &sweep, &results).unwrap()
}

#[test]
fn cells_are_compared_seed_by_seed() {
    let summary = along(3);
    // Three cells with two strategies, two strategies with three cells, and the best with two more.
    assert_eq!(summary.paired.len(), 3 + 3 + 3 + 2);
    let pairs = Pairs::new(&summary.paired);
    let of = |place: usize| &summary.strategies[place];
    for (one, other, mean) in [(2, 0, "1.000000"), (0, 2, "-1.000000"), (1, 0, "10.000000"), (5, 0, "12.000000")] {
        let interval = pairs.revenue(of(one), of(other)).unwrap();
        assert_eq!([interval.mean, interval.low, interval.high].map(|usd| usd.to_string()), [mean; 3]);
    }
    assert_eq!(pairs.revenue(of(3), of(0)), None);
}

#[test]
fn of_many_cells_each_is_compared_with_the_first_and_the_best() {
    let summary = along(40);
    // 40 pairs of strategies; 39 cells against the first and 38 against the best of each strategy; the best of all
    // against the other strategy in the 39 other cells.
    assert_eq!(summary.paired.len(), 40 + 2 * (39 + 38) + 39);
    let pairs = Pairs::new(&summary.paired);
    let of = |place: usize| &summary.strategies[place];
    assert!((0..79).all(|place| pairs.revenue(of(79), of(place)).is_some()));
}

#[test]
fn warnings_come_first() {
    let codes = |seeds: &str, limits: &Limits| {
        let result = RunResult { limits: limits.clone(), ..run(0, 1, [1, 2], ["1", "2"]) };
        let summary = Summary::of("test", &sweep(seeds), &[result]).unwrap();
        summary.warnings.iter().map(|warning| (warning.code, warning.orders)).collect::<Vec<_>>()
    };
    let open = Limits { orders: 5, ..Limits::default() };
    assert_eq!(codes("1", &open), [("no-limits", None), ("one-seed", None)]);
    let starred = Starred { orders: 3, by_cards: [("nvidia/a100".to_owned(), 3)].into() };
    let competitors = [("market".to_owned(), starred.clone())].into();
    let limited = Limits { orders: 5, with_maximum: 2, contested: 2, maximum: starred, competitors };
    assert_eq!(codes("1", &limited), [("maximum-wildcard", Some(3)), ("market-wildcard", Some(3)), ("one-seed", None)]);
}
