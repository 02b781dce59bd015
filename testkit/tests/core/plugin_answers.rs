//! The handling of a plugin's answers: edge cases one by one, and laws on random orders, clusters and rate cards.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a broken test case must say so at once")]

use pricing_core::inventory::utilisation::Utilisation;
use pricing_core::money::{Denom, Price, Usd, UsdPerAkt};
use pricing_core::order::{Order, script_request};
use pricing_core::quote::plugin::{Answer, Change, Draft, decide, draft, read_price};
use pricing_core::quote::{self, Decision, Item, Quote, QuoteRequest, ReasonCode, Supply, Terms};
use pricing_core::rates::{BelowMinimum, Pricing, UnlistedGpu};
use pricing_core::reserve::Scheduler;
use pricing_core::text::Untrusted;
use proptest::prelude::*;
use rust_decimal::Decimal;
use testkit::random::Random;
use testkit::{generate, orders};

const ORDER: &str = r#"{"resources":[{"memory":1073741824,"cpu":2000,"gpu":{"units":0},"storage":[],"count":1,"endpoint_quantity":0,"ip_lease_quantity":0}],"price":{"denom":"uact","amount":"100"},"price_precision":6}"#;

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn usd(text: &str) -> Usd {
    Usd::from_decimal(decimal(text))
}

fn terms() -> Terms<'static> {
    Terms {
        owner: Some(Untrusted::new(orders::OWNER)),
        usd_per_akt: UsdPerAkt::new(Decimal::new(61, 2)).ok(),
        ..Terms::default()
    }
}

/// Two threads and one GiB: 4 USD per month, 9.304295 uact per block.
fn small() -> (Order, Pricing, Quote) {
    let order = script_request::read(ORDER).unwrap();
    let pricing = Pricing::default();
    let Draft::Open(quote) = draft(&QuoteRequest::new(&order, &pricing, Supply::Unknown, &terms())) else {
        panic!("it is open")
    };
    (order, pricing, quote)
}

fn answered(answer: &Answer) -> Quote {
    let (order, pricing, draft) = small();
    decide(&QuoteRequest::new(&order, &pricing, Supply::Unknown, &terms()), &draft, answer)
}

fn outcome(quote: &Quote) -> String {
    match &quote.decision {
        Decision::Bid(price) => price.amount().to_string(),
        Decision::NoBid(reason) => reason.code.name().to_owned(),
    }
}

fn changed(changes: impl IntoIterator<Item = Change>) -> String {
    outcome(&answered(&Answer::Change(changes.into_iter().collect())))
}

#[test]
fn prices_are_held_against_the_contract() {
    for (text, accepted) in [
        ("1", true),
        ("10000000000", true),
        ("0.000000000000000001", true),
        ("9999999999.999999999999999999", true),
        ("1.50000000000000000000000000000000000000", true),
        ("007", true),
        ("10000000000.000000000000000001", false),
        ("0.0000000000000000001", false),
        ("0", false),
        ("-0", false),
        ("-5", false),
        ("+5", false),
        ("NaN", false),
        ("1e5", false),
        ("1_000", false),
        (".5", false),
        ("5.", false),
        ("", false),
        ("１", false),
        ("1 ", false),
    ] {
        let read = read_price(text);
        assert_eq!(read.is_ok(), accepted, "{text:?}: {read:?}");
        assert!(read.err().is_none_or(|reason| reason.code == ReasonCode::InvalidOutput));
    }
}

#[test]
fn a_price_is_rounded_and_held_against_the_maximum() {
    let price = |text| outcome(&answered(&Answer::Price(decimal(text))));
    assert_eq!(price("12.3456785"), "12.345678");
    assert_eq!(price("100"), "100");
    assert_eq!(price("100.0000001"), "100");
    assert_eq!(price("100.000001"), "price-above-max");
    assert_eq!(price("0.0000004"), "below-minimum");
}

#[test]
fn a_price_is_one_line_of_the_difference() {
    let quote = answered(&Answer::Price(decimal("10")));
    let plugin: Vec<_> = quote.lines.iter().filter(|line| line.item == Item::Plugin).collect();
    assert_eq!(plugin.len(), 1);
    // 10 uact per block are 4.29909 USD per month. The built-in lines add up to 4.
    assert_eq!(plugin[0].usd_per_month, usd("0.29909"));
    assert_eq!(quote.usd_per_month, Some(usd("4.29909")));
    let below = answered(&Answer::Price(decimal("1")));
    assert_eq!(below.lines.last().unwrap().usd_per_month, usd("-3.570091"));
}

#[test]
fn changes_apply_one_after_the_other() {
    let double = Change::Multiply(decimal("2"));
    let add = Change::Add(usd("1"));
    assert_eq!(changed([]), "9.304295");
    assert_eq!(changed([double.clone()]), "18.608589");
    // (4 x 2) + 1, and (4 + 1) x 2.
    assert_eq!(changed([double.clone(), add.clone()]), "20.934663");
    assert_eq!(changed([add.clone(), double]), "23.260737");
    assert_eq!(changed([Change::Floor(usd("4.29909"))]), "10");
    assert_eq!(changed([Change::Floor(usd("1"))]), "9.304295");
    assert_eq!(changed([Change::Add(usd("-4"))]), "below-minimum");
    assert_eq!(changed([Change::Add(usd("-4.1")), add]), "invalid-output");
    assert_eq!(changed([Change::Multiply(decimal("-1"))]), "invalid-output");
    assert_eq!(changed([Change::Multiply(decimal("30"))]), "price-above-max");
}

#[test]
fn a_replaced_line_keeps_its_quantity() {
    let replace = |line, text| Change::ReplaceLine { line, usd_per_month: usd(text) };
    let quote = answered(&Answer::Change(vec![replace(0, "1")]));
    let line = &quote.lines[0];
    assert_eq!((line.item, line.usd_per_unit_month, line.rate.as_str()), (Item::Cpu, usd("0.5"), "plugin"));
    assert_eq!(quote.usd_per_month, Some(usd("1.8")));
    assert_eq!(quote.lines.len(), 2);
    assert_eq!(changed([replace(2, "1")]), "invalid-output");
    assert_eq!(changed([replace(0, "-1")]), "invalid-output");
}

#[test]
fn discounts_follow_replaced_charges() {
    let (order, mut pricing, _) = small();
    pricing.policy.owners.discount.insert(orders::address(orders::OWNER), decimal("0.25"));
    let Draft::Open(quote) = draft(&QuoteRequest::new(&order, &pricing, Supply::Unknown, &terms())) else {
        panic!("it is open")
    };
    assert_eq!(quote.usd_per_month, Some(usd("1")));
    // CPU costs 1 instead of 3.2. With 0.8 for the memory that is 1.8, of which a quarter remains.
    let replace = Answer::Change(vec![Change::ReplaceLine { line: 0, usd_per_month: usd("1") }]);
    let changed = decide(&QuoteRequest::new(&order, &pricing, Supply::Unknown, &terms()), &quote, &replace);
    assert_eq!(changed.usd_per_month, Some(usd("0.45")));
    assert_eq!(changed.lines.last().map(|line| (line.item, line.usd_per_month)), Some((Item::Discount, usd("-1.35"))));
    pricing.policy.minimum_usd_per_month = usd("2");
    pricing.policy.below_minimum = BelowMinimum::Raise;
    let Draft::Open(quote) = draft(&QuoteRequest::new(&order, &pricing, Supply::Unknown, &terms())) else {
        panic!("it is open")
    };
    let dear = Answer::Change(vec![Change::ReplaceLine { line: 0, usd_per_month: usd("19.2") }]);
    let changed = decide(&QuoteRequest::new(&order, &pricing, Supply::Unknown, &terms()), &quote, &dear);
    assert_eq!(changed.usd_per_month, Some(usd("5")));
}

#[test]
fn the_operators_minimum_holds_for_plugins() {
    let (order, mut pricing, draft) = small();
    pricing.policy.minimum_usd_per_month = usd("4.29909");
    let low = Answer::Price(decimal("9"));
    assert_eq!(
        outcome(&decide(&QuoteRequest::new(&order, &pricing, Supply::Unknown, &terms()), &draft, &low)),
        "below-minimum"
    );
    pricing.policy.below_minimum = BelowMinimum::Raise;
    let raised = decide(&QuoteRequest::new(&order, &pricing, Supply::Unknown, &terms()), &draft, &low);
    assert_eq!(outcome(&raised), "10");
    assert_eq!(raised.lines.last().unwrap().item, Item::Minimum);
}

#[test]
fn a_price_in_the_denom_needs_no_feed() {
    let (mut order, mut pricing, _) = small();
    order.max_price = Some(Price::new(Denom::new("uakt"), decimal("100")).unwrap());
    let terms = Terms::default();
    let Draft::Open(quote) = draft(&QuoteRequest::new(&order, &pricing, Supply::Unknown, &terms)) else {
        panic!("it is open")
    };
    assert_eq!(outcome(&quote), "rate-unavailable");
    let priced =
        decide(&QuoteRequest::new(&order, &pricing, Supply::Unknown, &terms), &quote, &Answer::Price(decimal("7")));
    assert_eq!((outcome(&priced).as_str(), priced.usd_per_month), ("7", None));
    assert!(priced.lines.is_empty());
    // A change is in dollars, and so is a minimum. Without a rate neither can be compared with the price.
    let change = Answer::Change(vec![Change::Multiply(decimal("2"))]);
    assert_eq!(
        outcome(&decide(&QuoteRequest::new(&order, &pricing, Supply::Unknown, &terms), &quote, &change)),
        "rate-unavailable"
    );
    pricing.policy.minimum_usd_per_month = usd("1");
    let priced =
        decide(&QuoteRequest::new(&order, &pricing, Supply::Unknown, &terms), &quote, &Answer::Price(decimal("7")));
    assert_eq!(outcome(&priced), "rate-unavailable");
}

#[test]
fn a_plugin_prices_what_the_rate_card_does_not_list() {
    let (_, pricing, _) = small();
    let order = orders::three_services("uact").unwrap();
    assert_eq!(pricing.policy.unlisted_gpu, UnlistedGpu::Decline);
    let Draft::Open(quote) = draft(&QuoteRequest::new(&order, &pricing, Supply::Unknown, &terms())) else {
        panic!("it is open")
    };
    assert_eq!(outcome(&quote), "unlisted-gpu");
    assert!(!quote.targets.is_empty());
    let priced =
        decide(&QuoteRequest::new(&order, &pricing, Supply::Unknown, &terms()), &quote, &Answer::Price(decimal("5")));
    assert_eq!(outcome(&priced), "5");
    // There is no quote to change, so the built-in decline stands.
    let unchanged = decide(
        &QuoteRequest::new(&order, &pricing, Supply::Unknown, &terms()),
        &quote,
        &Answer::Change(vec![Change::Multiply(decimal("2"))]),
    );
    assert_eq!(unchanged, quote);
}

#[test]
fn a_plugin_stands_in_for_no_other_fault_than_a_missing_rate() {
    let (order, mut pricing, _) = small();
    pricing.rates.cpu = Usd::from_decimal(Decimal::MAX);
    let settled = draft(&QuoteRequest::new(&order, &pricing, Supply::Unknown, &terms()));
    assert!(matches!(settled, Draft::Settled(quote) if outcome(&quote) == "arithmetic-overflow"));
}

#[test]
fn owners_who_are_not_served_never_reach_the_plugin() {
    let (order, mut pricing, _) = small();
    pricing.policy.owners.deny.push(orders::address(orders::OWNER));
    let settled = draft(&QuoteRequest::new(&order, &pricing, Supply::Unknown, &terms()));
    assert!(matches!(settled, Draft::Settled(quote) if outcome(&quote) == "owner-denied"));
}

fn answer(random: &mut Random) -> Answer {
    let amount = |random: &mut Random| Decimal::new(i64::try_from(random.between(0, 1999999)).unwrap(), 4);
    match random.between(0, 3) {
        0 => Answer::Price(amount(random)),
        1 => Answer::Decline("no".to_owned()),
        _ => {
            let count = random.between(0, 3);
            let change = |random: &mut Random| match random.between(0, 3) {
                0 => Change::Multiply(amount(random)),
                1 => Change::Add(Usd::from_decimal(amount(random) - Decimal::ONE_HUNDRED)),
                2 => Change::Floor(Usd::from_decimal(amount(random))),
                _ => Change::ReplaceLine {
                    line: usize::try_from(random.between(0, 5)).unwrap(),
                    usd_per_month: Usd::from_decimal(amount(random)),
                },
            };
            Answer::Change((0..count).map(|_| change(random)).collect())
        }
    }
}

proptest! {
    #[test]
    fn every_answer_leaves_a_quote_that_adds_up(seed: u64) {
        let random = &mut Random::new(seed);
        let nodes = random.between(1, 5);
        let cluster = generate::small_cluster(random, nodes);
        let Some(order) = orders::small_order(random) else { return Ok(()) };
        let pricing = orders::pricing(random);
        let supply = Supply::Reserve { cluster: &cluster, scheduler: Scheduler::Sound };
        let Draft::Open(open) = draft(&QuoteRequest::new(&order, &pricing, supply, &terms())) else { return Ok(()) };
        let quote = decide(&QuoteRequest::new(&order, &pricing, Supply::Unknown, &terms()), &open, &answer(random));
        let sum = quote.lines.iter().try_fold(Usd::default(), |sum, line| sum.checked_add(line.usd_per_month));
        prop_assert_eq!(sum.unwrap(), quote.usd_per_month.unwrap_or_default());
        if let Some(price) = quote.price() {
            prop_assert!(price.amount() > Decimal::ZERO);
            prop_assert!(quote.max_price.as_ref().is_none_or(|max| price.amount() <= max.amount()));
            prop_assert!(quote.usd_per_month.is_none_or(|usd| usd >= pricing.policy.minimum_usd_per_month));
            let offered: Decimal = quote.offer_prices.iter().map(offered).sum();
            prop_assert!((offered - price.amount()).abs() <= Decimal::new(1, 12), "{} {}", offered, price.amount());
        }
        prop_assert_eq!(&quote.targets, &open.targets);
    }

    #[test]
    fn no_change_is_the_built_in_quote(seed: u64) {
        let random = &mut Random::new(seed);
        let nodes = random.between(1, 5);
        let cluster = generate::small_cluster(random, nodes);
        let Some(order) = orders::small_order(random) else { return Ok(()) };
        let pricing = orders::pricing(random);
        let supply = Supply::Reserve { cluster: &cluster, scheduler: Scheduler::Sound };
        let Draft::Open(open) = draft(&QuoteRequest::new(&order, &pricing, supply, &terms())) else { return Ok(()) };
        let unchanged = decide(&QuoteRequest::new(&order, &pricing, Supply::Unknown, &terms()), &open, &Answer::Change(Vec::new()));
        prop_assert_eq!(&unchanged, &open);
        let built_in = quote::quote(&quote::QuoteRequest::new(&order, &pricing, supply, &terms()));
        if built_in.price().is_some() {
            prop_assert_eq!(unchanged, built_in);
        } else {
            prop_assert!(unchanged.price().is_none());
        }
    }

    #[test]
    fn utilisation_counts_every_card_once(seed: u64) {
        let random = &mut Random::new(seed);
        let nodes = random.between(1, 6);
        let cluster = generate::small_cluster(random, nodes);
        let utilisation = Utilisation::of(&cluster);
        let described: u64 = cluster.nodes().iter().map(|node| u64::try_from(node.cards.len()).unwrap()).sum();
        prop_assert_eq!(utilisation.gpu_kinds.iter().map(|usage| usage.total).sum::<u64>(), described);
        for usage in &utilisation.gpu_kinds {
            prop_assert!(usage.used_min <= usage.used_max && usage.used_max <= usage.total);
        }
        let least: u64 = utilisation.gpu_kinds.iter().map(|usage| usage.used_min).sum();
        prop_assert!(least <= utilisation.gpus.used && utilisation.gpus.used <= utilisation.gpus.total);
    }
}

fn offered(offer: &quote::OfferPrices) -> Decimal {
    let storage: Decimal = offer.storage.iter().map(|volume| volume.price).sum();
    let endpoints: Decimal = offer.endpoints.iter().map(|endpoint| endpoint.price).sum();
    (offer.cpu + offer.memory + offer.gpu + storage + endpoints) * Decimal::from(offer.count)
}
