//! Tests of reports.

use toml::Table;

use super::*;
use crate::result::{
    Bucket, Charge, Flip, GpuUse, Limits, OrderOutcome, PairRun, PriceBin, RunResult, StrategyRun, Use,
};
use crate::sweep::Sweep;
use crate::time::Window;
use pricing_core::money::Usd;
use pricing_core::quote::ReasonCode;

const HOSTILE: &str = "</script><img src=x onerror=alert(1)>\u{202e}\"'&";

fn usd(text: &str) -> Usd {
    Usd::from_decimal(rust_decimal::Decimal::from_str_exact(text).unwrap())
}

fn strategy(name: &str, revenue: &str, won: u64) -> StrategyRun {
    StrategyRun {
        name: name.to_owned(),
        orders: 10,
        won,
        lost: [(OrderOutcome::NoBid(ReasonCode::PriceAboveMax), 10 - won)].into(),
        revenue: usd(revenue),
        overcharge: Charge { orders: 1, usd_per_month: usd("3"), usd: usd("1.5") },
        gpus: vec![GpuUse { kind: "nvidia/t4".to_owned(), used: Use { total: 4, background: 0, leased_ms: 2_000 } }],
        by_price: vec![PriceBin { from_usd: 100, bids: 10, won, ..PriceBin::default() }],
        over_time: vec![Bucket { at: 0, length: 1_000, gpus: vec![2_000], revenue: usd(revenue), ..Bucket::default() }],
        ..StrategyRun::default()
    }
}

fn run(run: usize, seed: u64, revenues: [&str; 2], names: [&str; 2]) -> RunResult {
    let flip = Flip {
        order: 1,
        id: HOSTILE.to_owned(),
        at: 0,
        before: OrderOutcome::Won,
        after: OrderOutcome::Outbid,
        gpu_before: "nvidia/t4".to_owned(),
        gpu_after: "nvidia/t4".to_owned(),
        usd_before: Some("100".to_owned()),
        usd_after: Some("1900".to_owned()),
        revenue: usd("-50"),
    };
    RunResult {
        run,
        cell: 0,
        seed,
        window: Window { start: 0, end: 1_000 },
        strategies: vec![strategy(names[0], revenues[0], 6), strategy(names[1], revenues[1], 4)],
        pairs: vec![PairRun {
            strategy: names[1].to_owned(),
            against: names[0].to_owned(),
            flips: [(OrderOutcome::Won, [(OrderOutcome::Outbid, 2)].into())].into(),
            both_won: 4,
            largest: vec![flip],
            ..PairRun::default()
        }],
        limits: Limits::default(),
    }
}

fn scenario(seeds: usize) -> String {
    let strategies = "[[strategy]]\nname = \"card\"\n[[strategy]]\nname = \"old\"\n";
    format!(
        "[orders]\nopenb = \"pods.csv\"\n[inventory]\nopenb = \"nodes.csv\"\n{strategies}[sweep]\nseeds = {seeds}\n"
    )
}

fn report(revenues: &[[&str; 2]], names: [&str; 2]) -> String {
    let text = scenario(revenues.len());
    let sweep = Sweep::of(&text.parse::<Table>().unwrap()).unwrap();
    let places = revenues.iter().enumerate();
    let runs: Vec<RunResult> = places.map(|(place, revenues)| run(place, place as u64 + 1, *revenues, names)).collect();
    let summary = Summary::of(HOSTILE, &sweep, &runs).unwrap();
    html(&summary, &ReportContext { scenario: &text, command: "bidprice simulate x.toml", version: "1.2.3" })
}

#[test]
fn names_and_ids_are_escaped_wherever_they_stand() {
    let page = report(&[["10", "20"], ["11", "23"]], [HOSTILE, "old"]);
    assert!(!page.contains("<img") && !page.contains("<script") && !page.contains('\u{202e}'), "{page}");
    assert!(page.matches("&lt;img src=x onerror=alert(1)&gt;").count() > 10);
    assert_eq!(page, report(&[["10", "20"], ["11", "23"]], [HOSTILE, "old"]), "not the same bytes twice");
}

#[test]
fn findings_say_who_earned_most_and_by_how_much() {
    let page = report(&[["10", "25"]], ["card", "old"]);
    assert!(page.contains("“old” earned most: 25.00 USD, 15.00 USD (150.0%) more than “card”."), "{page}");
    assert!(page.contains("how much of it is chance is not known"), "{page}");
    let page = report(&[["10", "10"]], ["card", "old"]);
    assert!(page.contains("“card” and “old” earned the same: 10.00 USD."), "{page}");
    assert!(!page.contains("earned most"), "{page}");
}

#[test]
fn findings_claim_no_difference_that_the_seeds_do_not_show() {
    let unclear = report(&[["10", "20"], ["20", "12"], ["15", "16"]], ["card", "old"]);
    assert!(
        unclear.contains("it includes 0, so that these seeds do not show which of the two earns more"),
        "{unclear}"
    );
    let clear = report(&[["10", "20"], ["11", "21.5"], ["9", "19"]], ["card", "old"]);
    assert!(clear.contains("USD, all above 0."), "{clear}");
    // The paired interval is that of the second less the first; it turns around where the first earns more.
    let turned = report(&[["20", "10"], ["21.5", "11"], ["19", "9"]], ["card", "old"]);
    assert!(turned.contains("“card” earned most: 20.17 USD") && turned.contains("USD, all above 0."), "{turned}");
}

#[test]
fn flips_are_told_with_their_prices_and_their_reason() {
    let page = report(&[["10", "20"]], ["card", "old"]);
    let text: String = page.replace("<wbr>", "");
    for expected in [
        "outbid · nvidia/t4 · 1,900.00 USD",
        "Somebody else's bid was lower. It is 1,800.00 USD a month dearer here.",
        "−50.00",
    ] {
        assert!(text.contains(expected), "{expected} is not in {text}");
    }
}

#[test]
fn a_summary_without_runs_is_a_report_all_the_same() {
    let text = scenario(1);
    let sweep = Sweep::of(&text.parse::<Table>().unwrap()).unwrap();
    let summary = Summary::of("none", &sweep, &[]).unwrap();
    let page = html(&summary, &ReportContext { scenario: "no scenario", command: "", version: "" });
    assert!(page.contains("There are no runs") && page.ends_with("</html>"), "{page}");
}

#[test]
fn charts_have_titles_and_headings_and_tables_have_their_heads() {
    let page = report(&[["10", "20"], ["11", "22"]], ["card", "old"]);
    let charts = page.matches("<svg").count();
    assert!(charts >= 8 && page.matches("<desc").count() == charts, "{charts}");
    assert_eq!(page.matches("<table").count(), page.matches("<caption>").count());
    assert!(page.matches("scope=\"col\"").count() > page.matches("<table").count());
    assert!(
        !page.contains("http://")
            || page.matches("http://www.w3.org/2000/svg").count() == page.matches("http://").count()
    );
}

#[test]
fn two_axes_are_a_map_with_the_best_cell_and_findings_name_where_the_other_strategy_wins() {
    let axes = "[sweep.axes]\n\"orders.limit\" = [1, 2]\n\"strategy.card.set.rates.gpu.h100\" = [\"1500\", \"1700\"]\n";
    let text = format!("{}{axes}", scenario(2));
    let sweep = Sweep::of(&text.parse::<Table>().unwrap()).unwrap();
    let revenues = [["1010", "1000"], ["1020", "1000"], ["1030", "1000"], ["990", "1000"]];
    let one = |place: usize| {
        let (cell, seed) = (place / 2, place as u64 % 2);
        let more = |usd: &str| (usd.parse::<u64>().unwrap() + seed).to_string();
        let revenue = revenues[cell].map(more);
        let limits = Limits { orders: 1, ..Limits::default() };
        RunResult { cell, limits, ..run(place, seed + 1, [&revenue[0], &revenue[1]], ["card", "old"]) }
    };
    let runs: Vec<RunResult> = (0..8).map(one).collect();
    let summary = Summary::of("map", &sweep, &runs).unwrap();
    let page = html(&summary, &ReportContext { scenario: &text, command: "x", version: "1" });
    let page = page.replace("<wbr>", "");
    for said in [
        "<h2>Revenue in each cell</h2>",
        "1,030.50 ★",
        "H100, USD a month (card)",
        "“card” earned most in 3 of 4 cells, “old” in 1 (orders.limit = 2, strategy.card.set.rates.gpu.h100 = 1700)",
        "<h2>Against the best cell</h2>",
        "the axis does not begin at 0",
        "<h2>Before you believe it</h2>",
    ] {
        assert!(page.contains(said), "{said} is not in {page}");
    }
}
