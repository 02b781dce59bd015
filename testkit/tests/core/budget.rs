//! The budget of a request: one for everything that is done for it, and a fault when it is used up.

#![expect(clippy::unwrap_used, reason = "a broken test case must say so at once")]

use std::cell::Cell;

use pricing_core::budget::{Budget, SearchBudget, Spent};
use pricing_core::gpu::GpuSelector;
use pricing_core::inventory::{Capacity, Cluster, ClusterBuilder, DescribedCard, Node};
use pricing_core::money::UsdPerAkt;
use pricing_core::order::{Order, StorageClass};
use pricing_core::quantity::{Bytes, MilliCpu};
use pricing_core::quote::{self, Alternatives, Predict, Quote, Reason, ReasonCode, Supply, Terms};
use pricing_core::rates::{GpuRate, Pricing, UnlistedGpu};
use pricing_core::reserve::{CommittedUnit, Scheduler};
use pricing_core::text::Untrusted;
use proptest::prelude::*;
use rust_decimal::Decimal;
use testkit::random::Random;
use testkit::{generate, orders};

const PLENTY: u64 = 10_000_000_000;

fn terms<'a>(budget: &'a Budget<'a>) -> Terms<'a> {
    let usd_per_akt = UsdPerAkt::new(Decimal::new(61, 2)).ok();
    Terms { owner: Some(Untrusted::new(orders::OWNER)), usd_per_akt, budget: Some(budget), ..Terms::default() }
}

fn steps(steps: u64) -> Budget<'static> {
    Budget::new(SearchBudget { steps })
}

fn used(budget: &Budget<'_>) -> u64 {
    budget.allowed() - budget.left()
}

fn supplies(cluster: &Cluster) -> [Supply<'_>; 4] {
    [
        Supply::Unknown,
        Supply::AlreadyReserved { cluster },
        Supply::Reserve { cluster, scheduler: Scheduler::Sound },
        Supply::Reserve { cluster, scheduler: Scheduler::Provider },
    ]
}

/// Returns whether a quote is the fault that the steps are used up.
fn is_given_up(quote: &Quote) -> bool {
    quote.reason().is_some_and(|reason| reason.code == ReasonCode::SearchExhausted)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn fewer_steps_give_the_same_answer_or_none(seed: u64, few in 0_u64..4_000) {
        let random = &mut Random::new(seed);
        let nodes = random.between(1, 5);
        let cluster = generate::small_cluster(random, nodes);
        let (Some(order), pricing) = (orders::small_order(random), orders::pricing(random)) else { return Ok(()) };
        for supply in supplies(&cluster) {
            let quoted = |number| {
                let budget = steps(number);
                (quote::quote(&quote::QuoteRequest::new(&order, &pricing, supply, &terms(&budget))), budget.left(), budget.spent())
            };
            let (whole, ..) = quoted(PLENTY);
            let (some, left, spent) = quoted(few);
            prop_assert!(some == whole || is_given_up(&some), "{some:?} instead of {whole:?}");
            prop_assert!(spent.is_none() || is_given_up(&some));
            // The same number of steps ends at the same place.
            prop_assert_eq!(quoted(few), (some, left, spent));
        }
    }

    #[test]
    fn fewer_steps_list_no_other_alternatives(seed: u64, few in 0_u64..20_000) {
        let random = &mut Random::new(seed);
        let nodes = random.between(1, 5);
        let cluster = generate::small_cluster(random, nodes);
        let (Some(order), pricing) = (orders::small_order(random), orders::pricing(random)) else { return Ok(()) };
        for supply in supplies(&cluster) {
            let listed = |number| quote::alternatives(&quote::QuoteRequest::new(&order, &pricing, supply, &terms(&steps(number))));
            let whole: Result<Alternatives, Reason> = listed(PLENTY);
            match (listed(few), whole) {
                (Ok(some), Ok(whole)) if some.complete => prop_assert_eq!(some, whole),
                (Ok(some), Ok(whole)) => {
                    // A shorter search may find another placement for a set, but the price depends only on the set.
                    let prices = |listed: &Alternatives| -> Vec<Decimal> {
                        listed.list.iter().map(|one| one.price.amount()).collect()
                    };
                    let known = prices(&whole);
                    prop_assert!(!whole.complete || prices(&some).iter().all(|price| known.contains(price)));
                }
                (Err(reason), Err(whole)) if reason == whole => {}
                (Err(reason), _) => prop_assert_eq!(reason.code, ReasonCode::SearchExhausted),
                (Ok(some), Err(whole)) => prop_assert!(false, "{some:?} instead of {whole:?}"),
            }
        }
    }

    #[test]
    fn the_clock_ends_it_as_a_fault_and_for_good(seed: u64, looks in 0_u32..6) {
        let random = &mut Random::new(seed);
        let nodes = random.between(1, 5);
        let cluster = generate::small_cluster(random, nodes);
        let (Some(order), pricing) = (orders::small_order(random), orders::pricing(random)) else { return Ok(()) };
        for supply in supplies(&cluster) {
            let whole = quote::quote(&quote::QuoteRequest::new(&order, &pricing, supply, &terms(&steps(PLENTY))));
            let looked = Cell::new(0);
            let is_late = || {
                looked.set(looked.get() + 1);
                looked.get() > looks
            };
            let budget = steps(PLENTY).until(&is_late);
            let mut late = false;
            for _ in 0..looks + 2 {
                let quoted = quote::quote(&quote::QuoteRequest::new(&order, &pricing, supply, &terms(&budget)));
                let ended = quoted.reason().is_some_and(|reason| reason.code == ReasonCode::DeadlineExceeded);
                prop_assert!(ended || (!late && quoted == whole), "{quoted:?}");
                late |= ended;
                prop_assert_eq!(late, budget.spent() == Some(Spent::Time));
            }
            prop_assert!(late, "each quote looks at the clock once at least");
        }
    }
}

#[test]
fn one_budget_is_for_all_that_is_done_with_it() {
    let order = orders::three_services("uact").unwrap();
    let pricing = Pricing { policy: any_card(), ..Pricing::default() };
    let cluster = cluster(10, &["t4", "a100"]);
    let supply = Supply::Reserve { cluster: &cluster, scheduler: Scheduler::Sound };
    let one = steps(PLENTY);
    let quoted = quote::quote(&quote::QuoteRequest::new(&order, &pricing, supply, &terms(&one)));
    assert!(quoted.price().is_some(), "{quoted:?}");
    let budget = steps(used(&one) * 5 / 2);
    let quotes: Vec<Quote> =
        (0..4).map(|_| quote::quote(&quote::QuoteRequest::new(&order, &pricing, supply, &terms(&budget)))).collect();
    assert_eq!(quotes[..2], [quoted.clone(), quoted]);
    assert!(quotes[2..].iter().all(is_given_up), "{quotes:?}");
    assert_eq!(budget.left(), 0);
    let alternatives = quote::alternatives(&quote::QuoteRequest::new(&order, &pricing, supply, &terms(&budget)));
    assert_eq!(alternatives.unwrap_err().code, ReasonCode::SearchExhausted);
    let screened = quote::screen(&quote::QuoteRequest::new(&order, &pricing, Supply::Unknown, &terms(&budget)));
    assert_eq!(screened.unwrap_err().code, ReasonCode::SearchExhausted);
}

#[test]
fn a_quote_without_a_budget_has_one_of_its_own() {
    let order = orders::three_services("uact").unwrap();
    let pricing = Pricing { policy: any_card(), ..Pricing::default() };
    for _ in 0..3 {
        assert!(
            quote::quote(&quote::QuoteRequest::new(&order, &pricing, Supply::Unknown, &Terms::default()))
                .price()
                .is_some()
        );
    }
}

fn any_card() -> pricing_core::rates::Policy {
    let usd = pricing_core::money::Usd::parse("50").unwrap();
    pricing_core::rates::Policy { unlisted_gpu: UnlistedGpu::Price(usd), ..Pricing::default().policy }
}

/// Makes a cluster whose nodes have eight cards each. The models and their sizes alternate.
fn cluster(nodes: usize, models: &[&str]) -> Cluster {
    let mut builder = ClusterBuilder::default();
    let bytes = Capacity { total: Bytes::new(1 << 42), available: Bytes::new(1 << 42) };
    let cpu = Capacity { total: MilliCpu::new(1_000_000), available: MilliCpu::new(1_000_000) };
    for place in 0..nodes {
        let card = |number: usize| DescribedCard {
            vendor: "nvidia".to_owned(),
            name: (*models.get(place % models.len()).unwrap()).to_owned(),
            interface: if number.is_multiple_of(2) { "PCIe" } else { "SXM4" }.to_owned(),
            memory_size: format!("{}Gi", 16 << (number % 4)),
        };
        let cards: Vec<_> = (0..8).map(|number| builder.card(card(number))).collect();
        builder.node(Node {
            name: format!("node{place}").into(),
            cpu,
            memory: bytes,
            ephemeral: bytes,
            gpus: Capacity { total: 8, available: 8 },
            cards,
            storage_classes: vec!["beta3".to_owned()],
            ..Node::default()
        });
    }
    builder.build()
}

/// Makes a rate card with a price for each of the models, and one for all other cards.
fn rate_card(models: usize) -> Pricing {
    let mut pricing = Pricing { policy: any_card(), ..Pricing::default() };
    for model in 0..models {
        let usd = pricing_core::money::Usd::parse(&format!("{}", 100 + model)).unwrap();
        pricing.rates.gpu.add(GpuRate::new(&format!("m{model}"), usd).unwrap()).unwrap();
    }
    pricing
}

/// Makes an order of this many units, each of which `change` adjusts.
fn order(units: u32, change: impl Fn(u32, &mut CommittedUnit)) -> Order {
    let unit = |id: u32| {
        let mut unit = generate::real_unit(id, 1, 1, &["vendor/nvidia/model/*"]);
        (unit.cpu, unit.memory) = (MilliCpu::new(100), Bytes::new(1 << 20));
        unit.storage.clear();
        change(id, &mut unit);
        orders::resource_unit(&unit, Vec::new(), orders::generous("uact"))
    };
    orders::order_of((1..=units).map(unit).collect()).unwrap()
}

/// A request that is large in one dimension, and the function under test.
struct Large<'a> {
    name: &'static str,
    order: Order,
    pricing: Pricing,
    supply: Supply<'a>,
    ask: fn(&Order, &Pricing, Supply<'_>, &Terms<'_>) -> Option<ReasonCode>,
}

fn quoted(order: &Order, pricing: &Pricing, supply: Supply<'_>, terms: &Terms<'_>) -> Option<ReasonCode> {
    quote::quote(&quote::QuoteRequest::new(order, pricing, supply, terms)).reason().map(|reason| reason.code)
}

fn listed(order: &Order, pricing: &Pricing, supply: Supply<'_>, terms: &Terms<'_>) -> Option<ReasonCode> {
    match quote::alternatives(&quote::QuoteRequest::new(order, pricing, supply, terms)) {
        // An incomplete list counts as given up, too.
        Ok(found) if terms.budget.is_some_and(|budget| budget.spent().is_some()) => {
            assert!(!found.complete);
            Some(ReasonCode::SearchExhausted)
        }
        Ok(_) => None,
        Err(reason) => Some(reason.code),
    }
}

fn screened(order: &Order, pricing: &Pricing, _: Supply<'_>, terms: &Terms<'_>) -> Option<ReasonCode> {
    quote::screen(&quote::QuoteRequest::new(order, pricing, Supply::Unknown, terms)).err().map(|reason| reason.code)
}

fn many_kinds(unit: &mut CommittedUnit) {
    unit.gpu.alternatives = (0..900).map(|kind| GpuSelector::new("nvidia", &format!("m{kind}"), None, None)).collect();
}

/// Returns one request for each dimension that can grow: units, kinds, entries of the rate card, volumes, replicas, and
/// sets of cards, with each supply that makes the work differ.
fn large<'a>(plain: &'a Cluster, mixed: &'a Cluster) -> Vec<Large<'a>> {
    let sound = |cluster| Supply::Reserve { cluster, scheduler: Scheduler::Sound };
    let provider = |cluster| Supply::Reserve { cluster, scheduler: Scheduler::Provider };
    let any = |units| order(units, |_, _| {});
    let kinds = || order(48, |_, unit| many_kinds(unit));
    let volumes = || order(20, |_, unit| unit.storage = vec![(StorageClass::Ephemeral, Bytes::new(1)); 900]);
    let replicas = || {
        order(1, |_, unit| {
            (unit.count, unit.gpu.units) = (900_000, 0);
            (unit.cpu, unit.memory) = (MilliCpu::ZERO, Bytes::ZERO);
            unit.gpu.alternatives.clear();
        })
    };
    // Units that accept different variants of one model have to be distinguished card by card.
    let variants = || {
        order(48, |id, unit| {
            let ram = |size: u32| GpuSelector::new("nvidia", "*", Some(&format!("{}Gi", 16 << (size % 4))), None);
            unit.gpu.alternatives = vec![ram(id), ram(id / 4)];
        })
    };
    let large = |name, order, pricing, supply, ask| Large { name, order, pricing, supply, ask };
    vec![
        large("units with any card, placed", any(48), rate_card(5), sound(plain), quoted),
        large("units with any card, placed as the daemon does", any(48), rate_card(5), provider(plain), quoted),
        large("variants of a card, placed", variants(), rate_card(5), sound(mixed), quoted),
        large("every set of cards, placed", any(16), rate_card(5), sound(mixed), listed),
        large(
            "every set of cards, in stock",
            any(16),
            rate_card(5),
            Supply::AlreadyReserved { cluster: mixed },
            listed,
        ),
        large("every set of cards, unknown", any(16), rate_card(60), Supply::Unknown, listed),
        large("kinds and entries, unknown", kinds(), rate_card(60), Supply::Unknown, quoted),
        large(
            "kinds and entries, in stock",
            kinds(),
            rate_card(60),
            Supply::AlreadyReserved { cluster: mixed },
            quoted,
        ),
        large("kinds, placed", kinds(), rate_card(60), sound(plain), quoted),
        large("kinds and entries, screened", kinds(), rate_card(60), Supply::Unknown, screened),
        large("volumes, unknown", volumes(), rate_card(5), Supply::Unknown, quoted),
        large("volumes, placed", volumes(), rate_card(5), sound(plain), quoted),
        large("volumes, placed as the daemon does", volumes(), rate_card(5), provider(plain), quoted),
        large("replicas, placed", replicas(), rate_card(5), sound(plain), quoted),
        large("replicas, placed as the daemon does", replicas(), rate_card(5), provider(plain), quoted),
    ]
}

#[test]
fn whatever_makes_a_request_large_is_counted_and_given_up_half_way() {
    // Predictions have steps of their own, and take all of them where there are so many.
    fn terms<'a>(budget: &'a Budget<'a>) -> Terms<'a> {
        Terms { predict: Predict::Never, ..self::terms(budget) }
    }

    let (plain, mixed) = (cluster(100, &["m0"]), cluster(40, &["m0", "m1", "m2", "m3", "m4", "m5", "m6"]));
    for Large { name, order, pricing, supply, ask } in large(&plain, &mixed) {
        let whole = steps(PLENTY);
        ask(&order, &pricing, supply, &terms(&whole));
        let needed = used(&whole);
        assert!(needed > 40_000, "{name}: {needed}");
        // Limits what is left and not what is allowed, because each of several searches gets a share of the allowed
        // steps.
        let left = |left| Budget::resumed(SearchBudget { steps: PLENTY }, left);
        for few in [0, 1, 1_000, needed / 2, needed - 1] {
            let budget = left(few);
            let given_up = ask(&order, &pricing, supply, &terms(&budget));
            assert_eq!(given_up, Some(ReasonCode::SearchExhausted), "{name}: {few} of {needed}");
            assert_eq!(budget.spent(), Some(Spent::Steps(PLENTY)), "{name}: {few} of {needed}");
        }
        let enough = left(needed);
        ask(&order, &pricing, supply, &terms(&enough));
        assert_eq!((enough.spent(), enough.left()), (None, 0), "{name}");
    }
}
