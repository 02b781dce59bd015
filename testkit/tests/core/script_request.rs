//! Orders that are written as bid script requests have the same price as the orders.

#![expect(clippy::unwrap_used, reason = "a broken test case must say so at once")]

use std::collections::BTreeMap;

use pricing_core::gpu::GpuRequest;
use pricing_core::inventory::Cluster;
use pricing_core::money::{Denom, Price, UsdPerAkt};
use pricing_core::order::{EndpointKind, Endpoints, GroupSpec, Order, OrderFormat, group_spec, script_request, sdl};
use pricing_core::quote::{self, Quote, Supply, Terms};
use pricing_core::rates::Pricing;
use pricing_core::reserve::Scheduler;
use pricing_core::text::Untrusted;
use proptest::prelude::*;
use rust_decimal::Decimal;
use testkit::random::Random;
use testkit::{generate, orders};

/// Reduces an order to what the format can express: per vendor only the last alternative, and no address shared by
/// units.
fn expressible(order: &Order) -> Order {
    let mut units = order.group.resources().to_vec();
    for unit in &mut units {
        // Generated and real vendors are in lower case, so sorting by the canonical vendor gives the same order.
        let last: BTreeMap<_, _> = unit.gpu.alternatives.drain(..).map(|s| (s.vendor().to_owned(), s)).collect();
        unit.gpu.alternatives.extend(last.into_values());
        if let Endpoints::Listed(list) = &mut unit.endpoints {
            for endpoint in list.iter_mut().filter(|endpoint| endpoint.kind == EndpointKind::LeasedIp) {
                endpoint.sequence_number += unit.id * 1000;
            }
        }
    }
    let group = GroupSpec::new(order.group.name().exact().into(), order.group.requirements().clone(), units).unwrap();
    Order { group, ..order.clone() }
}

fn leased_ips(endpoints: &Endpoints) -> u64 {
    match endpoints {
        Endpoints::Counted { leased_ips, .. } => *leased_ips,
        Endpoints::Listed(_) => {
            let mut numbers: Vec<u32> = endpoints.leased_ip_numbers().collect();
            numbers.sort_unstable();
            numbers.dedup();
            u64::try_from(numbers.len()).unwrap()
        }
    }
}

fn assert_reads_back(order: &Order) -> Order {
    let text = script_request::to_json(order);
    let read = script_request::read(&text).unwrap();
    let wanted = expressible(order);
    assert_eq!(read.max_price, order.max_price);
    assert_eq!(read.price_precision, if order.max_price.is_some() { order.price_precision } else { 0 });
    assert_eq!(read.format, OrderFormat::Script);
    assert_eq!(read.group.resources().len(), wanted.group.resources().len());
    for (unit, wanted) in read.group.resources().iter().zip(wanted.group.resources()) {
        assert_eq!((unit.cpu, unit.memory, unit.count), (wanted.cpu, wanted.memory, wanted.count));
        // The format cannot express an interconnect.
        assert_eq!(unit.gpu, GpuRequest { interconnect: None, ..wanted.gpu.clone() });
        let volumes = |unit: &pricing_core::order::ResourceUnit| -> Vec<_> {
            unit.storage.iter().map(|volume| (volume.class.clone(), volume.size)).collect()
        };
        assert_eq!(volumes(unit), volumes(wanted));
        let counted =
            Endpoints::Counted { endpoints: wanted.endpoints.quantity(), leased_ips: leased_ips(&wanted.endpoints) };
        assert_eq!(unit.endpoints, counted);
    }
    assert_eq!(text, script_request::to_json(&read));
    read
}

/// Reduces a quote to what the format can express. Units are identified by their position.
fn essence(quote: &Quote) -> String {
    let lines: Vec<_> = quote.lines.iter().map(|l| (l.item, &l.kind, l.quantity, l.usd_per_month)).collect();
    match quote.reason() {
        None => format!("{:?} {:?} {lines:?}", quote.price(), quote.usd_per_month),
        Some(reason) => format!("{:?}", reason.code),
    }
}

fn assert_prices_the_same(order: &Order, read: &Order, cluster: &Cluster, pricing: &Pricing) {
    let terms = Terms {
        owner: Some(Untrusted::new(orders::OWNER)),
        usd_per_akt: UsdPerAkt::new(Decimal::new(61, 2)).ok(),
        ..Terms::default()
    };
    let reserve = Supply::Reserve { cluster, scheduler: Scheduler::Sound };
    for supply in [Supply::Unknown, Supply::AlreadyReserved { cluster }, reserve] {
        let quote = |order| essence(&quote::quote(&quote::QuoteRequest::new(order, pricing, supply, &terms)));
        assert_eq!(quote(&expressible(order)), quote(read));
    }
}

proptest! {
    #[test]
    fn what_is_written_reads_back_and_prices_the_same(seed: u64) {
        let random = &mut Random::new(seed);
        let cluster = generate::small_cluster(random, 3);
        let pricing = orders::pricing(random);
        if let Some(mut order) = orders::small_order(random) {
            if random.one_in(3) {
                let amount = Decimal::new(i64::try_from(random.up_to(1 << 40)).unwrap(), u32::try_from(random.up_to(18)).unwrap());
                order.max_price = Some(Price::new(Denom::new("uact"), amount).unwrap());
            }
            let read = assert_reads_back(&order);
            assert_prices_the_same(&order, &read, &cluster, &pricing);
        }
    }

    #[test]
    fn an_order_without_a_maximum_is_the_bare_array(seed: u64) {
        if let Some(mut order) = orders::small_order(&mut Random::new(seed)) {
            order.max_price = None;
            prop_assert!(script_request::to_json(&order).starts_with('['));
            assert_reads_back(&order);
        }
    }
}

fn files(folder: &str, name_ends: &str) -> Vec<String> {
    let mut texts = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            texts.extend(files(path.to_str().unwrap(), name_ends));
        } else if path.to_str().unwrap().ends_with(name_ends) {
            texts.push(std::fs::read_to_string(path).unwrap());
        }
    }
    texts
}

const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../corpus");

#[test]
fn requests_of_the_corpus_are_written_as_they_came() {
    let vectors = std::fs::read_to_string(format!("{CORPUS}/bid-script/vectors.jsonl")).unwrap();
    assert!(vectors.lines().count() >= 300);
    for line in vectors.lines() {
        let vector: serde_json::Value = serde_json::from_str(line).unwrap();
        let text = vector["stdin"].as_str().unwrap();
        assert_reads_back(&script_request::read(text).unwrap());
        // Two equivalent spellings: an empty list of vendors, and the default precision.
        let mut wanted = text.replace(r#""attributes":{"vendor":{}}"#, r#""attributes":{}"#);
        if wanted.starts_with('{') && !wanted.contains("price_precision") {
            wanted.insert_str(wanted.len() - 1, r#","price_precision":6"#);
        }
        assert_eq!(script_request::to_json(&script_request::read(text).unwrap()), wanted);
    }
}

#[test]
fn orders_of_the_corpus_read_back_and_price_the_same() {
    let mut groups: Vec<GroupSpec> = files(&format!("{CORPUS}/chain-sdk"), ".yaml")
        .iter()
        .filter_map(|text| sdl::read(text).ok())
        .flatten()
        .collect();
    groups.extend(files(&format!("{CORPUS}/sdl"), ".yaml").iter().filter_map(|text| sdl::read(text).ok()).flatten());
    groups.extend(files(CORPUS, ".json").iter().filter_map(|text| group_spec::read(text).ok()).flatten());
    groups.extend(testkit::corpus::reservation_vectors().unwrap().into_iter().map(|vector| vector.group));
    assert!(groups.len() > 100, "{}", groups.len());
    let random = &mut Random::new(1);
    let cluster = generate::small_cluster(random, 3);
    let pricing = orders::pricing(random);
    for group in groups {
        let order = Order::from_group(group, OrderFormat::Sdl).unwrap();
        let read = assert_reads_back(&order);
        assert_prices_the_same(&order, &read, &cluster, &pricing);
    }
}
