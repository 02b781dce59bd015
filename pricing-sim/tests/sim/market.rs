//! Competitors and tenants: who bids what, and the most that is paid.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

use crate::common::Folder;
use pricing_core::money::Usd;
use pricing_core::quote::ReasonCode;
use pricing_sim::result::OrderOutcome;
use pricing_sim::sweep::Detailed;

const ABOVE_MAXIMUM: OrderOutcome = OrderOutcome::NoBid(ReasonCode::PriceAboveMax);

const ORDERS: &str =
    "[orders]\nduration = \"10h\"\n[orders.generate]\ncpu = [1]\nmemory = [1]\nstorage = [0]\nendpoints = 0\n";
const ARRIVALS: &str = "[orders.arrivals]\nrate = \"20/h\"\npattern = \"regular\"\n[orders.lifetime]\ntypical = \"1m\"\nshape = \"fixed\"\n";
const REST: &str = "[inventory]\ndescribe = \"9 nodes x 8 t4 + 9 nodes x 8 h100\"\n[[strategy]]\nname = \"card\"\nrates = \"rates.toml\"\n";

fn run(gpus: &str, more: &str) -> Result<Detailed, String> {
    Folder::new().run(&format!("{ORDERS}{gpus}\n{ARRIVALS}{REST}{more}"), 1)
}

fn outcomes(gpus: &str, more: &str) -> Vec<&'static str> {
    run(gpus, more).unwrap().outcomes[0].decided.iter().map(|decided| decided.outcome.name()).collect()
}

const T4: &str = "gpus = { \"nvidia/t4\" = 1 }";
const ANY: &str = "gpus = { \"nvidia/t4\" = 1 }\nwildcard_share = 1";

#[test]
fn a_tie_is_won_and_a_cent_more_is_outbid() {
    let rival = |t4: &str| format!("[market]\nrates = \"rates.toml\"\nset.rates.gpu.\"nvidia/t4\" = \"{t4}\"\n");
    assert!(outcomes(T4, &rival("80.10")).iter().all(|outcome| *outcome == "won"));
    assert!(outcomes(T4, &rival("80.11")).iter().all(|outcome| *outcome == "won"));
    assert!(outcomes(T4, &rival("80.09")).iter().all(|outcome| *outcome == "outbid"));
}

#[test]
fn of_several_competitors_the_lowest_counts() {
    let rivals = "[[market.competitor]]\nname = \"dear\"\nrates = \"rates.toml\"\nset.rates.cpu = \"100\"\n[[market.competitor]]\nname = \"cheap\"\nrates = \"rates.toml\"\nset.rates.cpu = \"1\"\n";
    assert!(outcomes(T4, rivals).iter().all(|outcome| *outcome == "outbid"));
    let dear = rivals.split("[[market.competitor]]").nth(1).unwrap();
    assert!(outcomes(T4, &format!("[[market.competitor]]{dear}")).iter().all(|outcome| *outcome == "won"));
}

#[test]
fn a_competitor_that_cannot_price_an_order_does_not_bid_on_it() {
    let folder = Folder::new();
    folder.put("other.toml", "[rates]\ncpu = \"0\"\n[rates.gpu]\n\"nvidia/h100\" = \"1\"\n");
    let text = |gpus: &str| format!("{ORDERS}{gpus}\n{ARRIVALS}{REST}[market]\nrates = \"other.toml\"\n");
    let outcomes = |gpus: &str| {
        let detailed = folder.run(&text(gpus), 1).unwrap();
        detailed.outcomes[0].decided.iter().map(|decided| decided.outcome.name()).collect::<Vec<_>>()
    };
    assert!(outcomes(T4).iter().all(|outcome| *outcome == "won"));
    assert!(outcomes("gpus = { \"nvidia/h100\" = 1 }").iter().all(|outcome| *outcome == "outbid"));
}

#[test]
fn a_request_for_any_card_is_bid_for_by_the_cheapest_or_the_dearest() {
    let market = |wildcard: &str| {
        format!("[market]\nrates = \"rates.toml\"\nwildcard = \"{wildcard}\"\nset.rates.gpu.\"nvidia/t4\" = \"50\"\n")
    };
    assert!(outcomes(ANY, &market("cheapest")).iter().all(|outcome| *outcome == "outbid"));
    assert!(outcomes(ANY, &market("dearest")).iter().all(|outcome| *outcome == "won"));
}

#[test]
fn the_spread_is_the_seeds_luck_and_wins_about_half_of_what_costs_the_same() {
    let market = "[market]\nrates = \"rates.toml\"\nspread = 0.5\n";
    let seen = outcomes(T4, market);
    let won = seen.iter().filter(|outcome| **outcome == "won").count();
    assert!(seen.len() == 200 && (70..130).contains(&won), "{won} of {}", seen.len());
    assert_eq!(seen, outcomes(T4, market));
    for (text, key) in [
        ("[market]\nspread = -1\n", "market.spread"),
        ("[market]\nspread = 6\n", "market.spread"),
        ("[[market.competitor]]\nname = \"x\"\nspread = 6\n", "market.competitor.x.spread"),
    ] {
        let error = run(T4, text).unwrap_err();
        assert!(error.contains(key), "{error}");
    }
}

#[test]
fn an_order_above_its_maximum_is_lost_for_that_whoever_else_bids() {
    let text = |market: &str| {
        let maximum = "[orders.maximum]\nrates = \"rates.toml\"\nfactor = 0.99\n";
        Folder::new().run(&format!("{ORDERS}{T4}\n{ARRIVALS}{maximum}{REST}{market}"), 1).unwrap()
    };
    for market in ["", "[market]\nrates = \"rates.toml\"\nset.rates.cpu = \"1\"\n"] {
        let lost = &text(market).result.strategies[0].lost;
        assert_eq!(lost.keys().collect::<Vec<_>>(), [&ABOVE_MAXIMUM], "{market}");
    }
}

#[test]
fn a_maximum_of_the_very_price_is_met_in_any_denom() {
    for denom in ["uact", "uakt"] {
        let maximum = "[orders.maximum]\nrates = \"rates.toml\"\n";
        let orders = ORDERS.replace("[orders]\n", &format!("usd_per_akt = \"0.37\"\n[orders]\ndenom = \"{denom}\"\n"));
        let detailed = Folder::new().run(&format!("{orders}{T4}\n{ARRIVALS}{maximum}{REST}"), 1).unwrap();
        assert!(detailed.outcomes[0].decided.iter().all(|decided| decided.outcome.name() == "won"), "{denom}");
        let (arrival, decided) = (&detailed.stream.arrivals[0], &detailed.outcomes[0].decided[0]);
        assert_eq!(arrival.order.max_price, decided.price);
        assert_eq!(decided.usd_per_month, Some(Usd::parse("82.54").unwrap()));
    }
    let orders = ORDERS.replace("[orders]\n", "[orders]\ndenom = \"uakt\"\n");
    let text = format!("{orders}{T4}\n{ARRIVALS}[orders.maximum]\nrates = \"rates.toml\"\n{REST}");
    let error = Folder::new().run(&text, 1).unwrap_err();
    assert!(error.contains("set `usd_per_akt`") && error.contains("`uakt`"), "{error}");
}

#[test]
fn tenants_differ_by_the_spread_and_by_what_any_card_is_worth_to_them() {
    let lost = |maximum: &str, gpus: &str| {
        let text = format!("{ORDERS}{gpus}\n{ARRIVALS}[orders.maximum]\nrates = \"rates.toml\"\n{maximum}\n{REST}");
        let run = Folder::new().run(&text, 1).map(|detailed| detailed.result.strategies[0].clone());
        run.map(|run| run.lost.get(&ABOVE_MAXIMUM).copied().unwrap_or(0))
    };
    assert!((70..130).contains(&lost("spread = 0.5", T4).unwrap()));
    assert_eq!(lost("wildcard = \"dearest\"", ANY).unwrap(), 0);
    assert_eq!(lost("factor = 1", T4).unwrap(), 0);
    let error = lost("", "gpus = { \"nvidia/v100\" = 1 }").unwrap_err();
    assert!(error.contains("cannot price the order `order-1`"), "{error}");
    for (entry, key) in [("factor = 0", "orders.maximum.factor"), ("spread = 9", "orders.maximum.spread")] {
        let error = lost(entry, T4).unwrap_err();
        assert!(error.contains(key), "{error}");
    }
}

#[test]
fn what_an_sdl_says_is_replaced_only_where_the_scenario_says_so() {
    let folder = Folder::new();
    let sdl = include_str!("../../../corpus/sdl/squad_deploy.yaml");
    folder.put("sdls/one.yaml", sdl);
    let maximum = |more: &str| {
        let orders = format!("[orders]\nsdl_dir = \"sdls\"\n{more}[orders.maximum]\nrates = \"rates.toml\"\n");
        folder.stream(&orders, 1).unwrap().arrivals[0].order.max_price.clone().unwrap().amount()
    };
    let written =
        folder.stream("[orders]\nsdl_dir = \"sdls\"", 1).unwrap().arrivals[0].order.max_price.clone().unwrap();
    assert_eq!(maximum(""), written.amount());
    assert_ne!(maximum("replace_maximum = true\n"), written.amount());
    let error = folder.stream("[orders]\nsdl_dir = \"sdls\"\nreplace_maximum = true\n", 1).unwrap_err();
    assert!(error.contains("needs [orders.maximum]"), "{error}");
}

#[test]
fn of_several_models_a_competitor_offers_those_that_it_has() {
    let folder = Folder::new();
    folder.put("other.toml", "[rates]\ncpu = \"0\"\n[rates.gpu]\n\"nvidia/h100\" = \"1\"\n");
    let gpus = "gpus = { \"nvidia/t4\" = 1, \"nvidia/h100\" = 1 }\nmulti_model_share = 1";
    let text = format!("{ORDERS}{gpus}\n{ARRIVALS}{REST}[market]\nrates = \"other.toml\"\n");
    let detailed = folder.run(&text, 1).unwrap();
    assert!(detailed.outcomes[0].decided.iter().all(|decided| decided.outcome.name() == "outbid"));
}

#[test]
fn a_market_of_nobody_is_refused() {
    let error = run(T4, "[market]\nspread = 0.2\n").unwrap_err();
    assert!(error.contains("[market] names nobody who bids"), "{error}");
    assert!(outcomes(T4, "[market]\nenabled = false\n").iter().all(|outcome| *outcome == "won"));
}

/// A rate card whose only named model is the H100, and a `*`.
const STARRED: &str = "[rates]\ncpu = \"0\"\n[rates.gpu]\n\"nvidia/h100\" = \"1000\"\n\"*\" = \"1\"\n";

#[test]
fn nobody_bids_on_a_named_model_by_a_star() {
    let folder = Folder::new();
    folder.put("star.toml", STARRED);
    folder.put("only-star.toml", "[rates]\ncpu = \"0\"\n[rates.gpu]\n\"*\" = \"1\"\n");
    folder.put("policy.toml", "[rates]\ncpu = \"0\"\n[rates.gpu]\n[policy]\nunlisted_gpu = \"1\"\n");
    let run = |card: &str, gpus: &str| {
        let text = format!("{ORDERS}{gpus}\n{ARRIVALS}{REST}[market]\nrates = \"{card}\"\n");
        let run = folder.run(&text, 1).unwrap().result;
        let starred = run.limits.competitors.get("market").cloned().unwrap_or_default();
        (run.strategies[0].won, run.limits.contested, starred.orders, starred.by_cards)
    };
    for card in ["star.toml", "only-star.toml", "policy.toml"] {
        assert_eq!(run(card, T4), (200, 0, 200, [("nvidia/t4".to_owned(), 200)].into()), "{card}");
    }
    // A request for any model is priced by the named entry, and by `*` only where there is none.
    assert_eq!(run("star.toml", ANY), (200, 200, 0, [].into()));
    assert_eq!(run("only-star.toml", ANY), (0, 200, 0, [].into()));
    assert_eq!(run("star.toml", "gpus = { \"nvidia/t4\" = 1, \"nvidia/h100\" = 1 }\nmulti_model_share = 1").1, 200);
}

#[test]
fn a_maximum_never_comes_from_a_star_for_a_named_model() {
    let folder = Folder::new();
    folder.put("star.toml", STARRED);
    let text =
        |gpus: &str| format!("{ORDERS}{gpus}\n{ARRIVALS}{REST}[orders.maximum]\nrates = \"star.toml\"\nfactor = 3\n");
    let run = folder.run(&text(T4), 1).unwrap();
    assert_eq!((run.result.limits.maximum.orders, run.result.limits.with_maximum), (200, 0));
    assert_eq!(run.result.strategies[0].won, 200);
    let run = folder.run(&text("gpus = { \"nvidia/h100\" = 1 }"), 1).unwrap();
    assert_eq!((run.result.limits.maximum.orders, run.result.limits.with_maximum), (0, 200));
    // Three times the card's 1,000 USD, and what threads and memory cost.
    let max = run.outcomes[0].decided[0].max_usd.unwrap();
    assert!((Usd::parse("3000").unwrap()..Usd::parse("3010").unwrap()).contains(&max), "{max}");
}

#[test]
fn the_markets_factor_multiplies_every_competitors_price() {
    let rivals = |factor: &str| {
        format!(
            "[market]\nfactor = {factor}\nrates = \"rates.toml\"\nset.rates.cpu = \"100\"\n[[market.competitor]]\nname = \"same\"\nrates = \"rates.toml\"\n"
        )
    };
    assert!(outcomes(T4, &rivals("1")).iter().all(|outcome| *outcome == "won"));
    assert!(outcomes(T4, &rivals("0.999")).iter().all(|outcome| *outcome == "outbid"));
    let best = run(T4, &rivals("2")).unwrap().outcomes[0].decided[0].clone();
    let twice = best.usd_per_month.unwrap().checked_add(best.usd_per_month.unwrap()).unwrap();
    assert_eq!((best.best_other_usd, best.margin_usd()), (Some(twice), best.usd_per_month));
    for factor in ["0", "-1", "1000001"] {
        let error = run(T4, &rivals(factor)).unwrap_err();
        assert!(error.contains("market.factor"), "{error}");
    }
}

#[test]
fn a_warm_up_as_long_as_the_window_is_refused() {
    let warm = |time: &str| {
        let orders = ORDERS.replace("duration", &format!("warm_up = \"{time}\"\nduration"));
        Folder::new().run(&format!("{orders}{T4}\n{ARRIVALS}{REST}"), 1)
    };
    let run = warm("9h").unwrap().result;
    assert_eq!((run.window.start, run.window.end), (9 * 3_600_000, 10 * 3_600_000));
    assert_eq!((run.strategies[0].orders, run.limits.orders), (20, 200));
    let error = warm("10h").unwrap_err();
    assert!(error.contains("orders.warm_up") && error.contains("nothing would count"), "{error}");
}
