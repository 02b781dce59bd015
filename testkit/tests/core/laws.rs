//! Laws of quotes, on random orders, clusters and rate cards.

#![expect(clippy::unwrap_used, reason = "a broken test case must say so at once")]

use pricing_core::gpu::GpuKind;
use pricing_core::inventory::Cluster;
use pricing_core::money::{Usd, UsdPerAkt};
use pricing_core::order::{Endpoint, EndpointKind, Endpoints, GroupSpec, Order, ResourceUnit};
use pricing_core::quantity::{Bytes, MilliCpu};
use pricing_core::quote::{self, Item, Quote, Supply, Terms};
use pricing_core::rates::{AmbiguousGpu, Pricing};
use pricing_core::reserve::Scheduler;
use pricing_core::text::Untrusted;
use proptest::prelude::*;
use rust_decimal::Decimal;
use testkit::random::Random;
use testkit::{generate, orders};

struct Case {
    order: Order,
    cluster: Cluster,
    pricing: Pricing,
}

fn case(seed: u64) -> Option<Case> {
    let random = &mut Random::new(seed);
    let nodes = random.between(1, 5);
    Some(Case {
        cluster: generate::small_cluster(random, nodes),
        order: orders::small_order(random)?,
        pricing: orders::pricing(random),
    })
}

fn terms() -> Terms<'static> {
    Terms {
        owner: Some(Untrusted::new(orders::OWNER)),
        usd_per_akt: UsdPerAkt::new(Decimal::new(61, 2)).ok(),
        ..Terms::default()
    }
}

fn supply(cluster: &Cluster) -> Supply<'_> {
    Supply::Reserve { cluster, scheduler: Scheduler::Sound }
}

fn quotes(case: &Case) -> [Quote; 3] {
    [Supply::Unknown, Supply::AlreadyReserved { cluster: &case.cluster }, supply(&case.cluster)]
        .map(|supply| quote::quote(&quote::QuoteRequest::new(&case.order, &case.pricing, supply, &terms())))
}

/// Returns the order with one unit changed.
fn changed(order: &Order, place: usize, change: impl FnOnce(&mut ResourceUnit)) -> Order {
    let mut units = order.group.resources().to_vec();
    let place = place % units.len();
    units.get_mut(place).map(change);
    let group = GroupSpec::new(order.group.name().exact().into(), order.group.requirements().clone(), units).unwrap();
    Order { group, ..order.clone() }
}

fn rate_of(pricing: &Pricing, kind: &GpuKind) -> Option<Usd> {
    pricing.rates.gpu.lookup(kind).map(|rate| rate.usd()).or(match pricing.policy.unlisted_gpu {
        pricing_core::rates::UnlistedGpu::Price(usd) => Some(usd),
        pricing_core::rates::UnlistedGpu::Decline => None,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn lines_sum_to_the_total(seed: u64) {
        let Some(case) = case(seed) else { return Ok(()) };
        for quote in quotes(&case) {
            let Some(total) = quote.usd_per_month else { continue };
            let sum = quote.lines.iter().try_fold(Usd::ZERO, |sum, line| sum.checked_add(line.usd_per_month));
            prop_assert_eq!(sum.unwrap(), total);
        }
    }

    #[test]
    fn offer_prices_sum_to_the_bid(seed: u64) {
        let Some(case) = case(seed) else { return Ok(()) };
        for quote in quotes(&case) {
            let Some(price) = quote.price() else { continue };
            let mut offered = Decimal::ZERO;
            for offer in &quote.offer_prices {
                let amounts = [offer.cpu, offer.memory, offer.gpu].into_iter()
                    .chain(offer.storage.iter().map(|volume| volume.price))
                    .chain(offer.endpoints.iter().map(|endpoint| endpoint.price));
                for amount in amounts {
                    prop_assert!(amount >= Decimal::ZERO && amount.scale() <= 18);
                    offered += amount * Decimal::from(offer.count);
                }
            }
            prop_assert!((offered - price.amount()).abs() <= Decimal::new(1, 12), "{} {}", offered, price.amount());
        }
    }

    #[test]
    fn a_bid_is_never_above_the_maximum_and_never_nothing(seed: u64) {
        let Some(case) = case(seed) else { return Ok(()) };
        for quote in quotes(&case) {
            let Some(price) = quote.price() else { continue };
            prop_assert!(price.amount() > Decimal::ZERO);
            prop_assert!(price.amount() <= quote.max_price.as_ref().unwrap().amount());
            prop_assert!(price.amount().scale() <= case.order.price_precision);
        }
    }

    #[test]
    fn more_of_anything_never_costs_less(seed: u64, place: usize, what in 0..6) {
        let Some(case) = case(seed) else { return Ok(()) };
        let more = changed(&case.order, place, |unit| match what {
            0 => unit.cpu = MilliCpu::new(unit.cpu.get().saturating_add(7)),
            1 => unit.memory = Bytes::new(unit.memory.get().saturating_add(1 << 29)),
            2 => unit.count += 1,
            3 => unit.gpu.units += 1,
            4 => unit.storage.iter_mut().for_each(|volume| volume.size = Bytes::new(volume.size.get() + 1)),
            _ => if let Endpoints::Listed(list) = &mut unit.endpoints {
                list.push(Endpoint { kind: EndpointKind::LeasedIp, sequence_number: 9 });
            },
        });
        let usd = |order: &Order| {
            quote::quote(&quote::QuoteRequest::new(order, &case.pricing, Supply::Unknown, &terms())).usd_per_month
        };
        if let (Some(less), Some(more)) = (usd(&case.order), usd(&more)) {
            prop_assert!(more >= less, "{less} then {more}");
        }
    }

    #[test]
    fn a_wildcard_costs_what_it_may_be_allocated(seed: u64) {
        let Some(mut case) = case(seed) else { return Ok(()) };
        case.pricing.policy.ambiguous_gpu = AmbiguousGpu::Highest;
        let order = changed(&case.order, 0, |unit| unit.gpu = orders::wildcard(1));
        let quote = quote::quote(&quote::QuoteRequest::new(&order, &case.pricing, supply(&case.cluster), &terms()));
        let unit = order.group.resources()[0].id;
        let Some(target) = quote.targets.first().filter(|_| !quote.lines.is_empty()) else { return Ok(()) };
        let dearest = target.kinds.iter().filter_map(|candidate| rate_of(&case.pricing, &candidate.kind)).max();
        let lines = || quote.lines.iter().filter(|line| line.item == Item::Gpu && line.resource_id == unit);
        prop_assert!(lines().next().is_some());
        for line in lines() {
            prop_assert_eq!(Some(line.usd_per_unit_month), dearest);
        }
        for reserved in target.cards.iter().flat_map(|group| &group.kinds) {
            prop_assert!(target.kinds.iter().any(|candidate| candidate.kind == *reserved));
        }
        if let Some(kind) = target.certain_kind() {
            prop_assert_eq!(lines().next().unwrap().kind.clone(), Some(kind.to_string()));
        }
    }

    #[test]
    fn screening_declines_only_what_quoting_declines(seed: u64) {
        let Some(case) = case(seed) else { return Ok(()) };
        if quote::screen(&quote::QuoteRequest::new(&case.order, &case.pricing, Supply::Unknown, &terms())).is_err() {
            for quote in quotes(&case) {
                prop_assert!(quote.price().is_none());
            }
        }
    }

    #[test]
    fn every_alternative_is_priced_and_the_answer_is_among_them(seed: u64) {
        let Some(case) = case(seed) else { return Ok(()) };
        let supply = supply(&case.cluster);
        let quote = quote::quote(&quote::QuoteRequest::new(&case.order, &case.pricing, supply, &terms()));
        let Ok(alternatives) = quote::alternatives(&quote::QuoteRequest::new(&case.order, &case.pricing, supply, &terms())) else { return Ok(()) };
        prop_assert!(alternatives.list.is_sorted_by_key(|alternative| alternative.usd_per_month));
        if let Some(price) = quote.price() {
            prop_assert!(alternatives.list.iter().any(|alternative| alternative.price == *price));
        }
    }
}
