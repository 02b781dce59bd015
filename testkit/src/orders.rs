//! Generators of whole orders and rate cards.

use pricing_core::address::{Address, AddressPrefix};
use pricing_core::gpu::GpuRequest;
use pricing_core::money::{Denom, Price, Usd};
use pricing_core::order::{
    Endpoint, EndpointKind, Endpoints, GroupSpec, Order, OrderFormat, PlacementRequirements, ResourceUnit, Volume,
};
use pricing_core::quantity::{Bytes, MilliCpu};
use pricing_core::rates::{AmbiguousGpu, BelowMinimum, GpuRate, Pricing, UnlistedGpu};
use pricing_core::reserve::CommittedUnit;
use rust_decimal::Decimal;

use crate::generate;
use crate::random::Random;

/// The resource unit of a committed unit, without overcommit.
#[must_use]
pub fn resource_unit(unit: &CommittedUnit, endpoints: Vec<Endpoint>, price: Option<Price>) -> ResourceUnit {
    let volumes = unit.storage.iter().enumerate();
    ResourceUnit {
        id: unit.id,
        cpu: unit.cpu,
        cpu_attributes: Vec::new(),
        memory: unit.memory,
        memory_attributes: Vec::new(),
        gpu: unit.gpu.clone(),
        storage: volumes
            .map(|(place, (class, size))| Volume {
                name: format!("volume{place}"),
                size: *size,
                class: class.clone(),
                attributes: Vec::new(),
            })
            .collect(),
        endpoints: Endpoints::Listed(endpoints),
        count: unit.count,
        price,
    }
}

/// An order with these units and a generous maximum in a denom.
///
/// # Errors
/// When the units do not form a valid group.
pub fn order_of(units: Vec<ResourceUnit>) -> Result<Order, pricing_core::order::GroupError> {
    let group = GroupSpec::new("group".to_owned(), PlacementRequirements::default(), units)?;
    Order::from_group(group, OrderFormat::GroupSpec)
}

/// A price per replica that no quote reaches.
#[must_use]
pub fn generous(denom: &str) -> Option<Price> {
    Price::new(Denom::new(denom), Decimal::from(1_000_000_000)).ok()
}

/// A small order for [`generate::small_cluster`], sometimes with arbitrary amounts.
#[must_use]
pub fn small_order(random: &mut Random) -> Option<Order> {
    let number = random.between(1, 3);
    let mut units = generate::small_units(random, number);
    if random.one_in(4) {
        for unit in &mut units {
            unit.cpu = MilliCpu::new(random.bits() >> random.up_to(63));
            unit.memory = Bytes::new(random.bits() >> random.up_to(63));
        }
    }
    let price = generous(random.one_of(&["uact", "uakt", "uosmo"])?);
    let units = units.iter().map(|unit| resource_unit(unit, endpoints(random), price.clone())).collect();
    let mut order = order_of(units).ok()?;
    order.price_precision = u32::try_from(random.up_to(18)).ok()?;
    Some(order)
}

fn endpoints(random: &mut Random) -> Vec<Endpoint> {
    let endpoint = |_| {
        let kind = *random.one_of(&EndpointKind::ALL)?;
        let number = if kind == EndpointKind::LeasedIp { random.between(1, 3) } else { 0 };
        Some(Endpoint { kind, sequence_number: u32::try_from(number).ok()? })
    };
    (0..4).filter_map(endpoint).collect()
}

/// A rate card for the cards of [`generate::small_cluster`], with policies.
#[must_use]
pub fn pricing(random: &mut Random) -> Pricing {
    const KEYS: [&str; 9] =
        ["*", "nvidia/*", "amd/*", "t4", "a100", "nvidia/a100", "a100.80Gi", "a100.sxm", "nvidia/a100/40Gi/pcie"];
    let mut pricing = Pricing::default();
    let usd =
        |random: &mut Random| Usd::from_decimal(Decimal::new(i64::try_from(random.up_to(400_000)).unwrap_or(0), 2));
    pricing.rates.cpu = usd(random);
    pricing.rates.memory = usd(random);
    for key in KEYS {
        if random.one_in(2) {
            let _ = GpuRate::new(key, usd(random)).and_then(|rate| pricing.rates.gpu.add(rate));
        }
    }
    if random.one_in(2) {
        pricing.policy.unlisted_gpu = UnlistedGpu::Price(usd(random));
    }
    pricing.policy.ambiguous_gpu = *random.one_of(AmbiguousGpu::ALL).unwrap_or(&AmbiguousGpu::Highest);
    if random.one_in(3) {
        pricing.policy.minimum_usd_per_month = usd(random);
        pricing.policy.below_minimum = if random.one_in(2) { BelowMinimum::Raise } else { BelowMinimum::Decline };
    }
    if random.one_in(3) {
        let factor = Decimal::new(i64::try_from(random.between(1, 100)).unwrap_or(1), 2);
        pricing.policy.owners.discount.insert(address(OWNER), factor);
    }
    pricing
}

/// The owner who gets a discount from [`pricing`].
pub const OWNER: &str = "akash10wnerqqqqqqqqqqqqqqqqqqqqqqqqqqqjjysu0";

/// Parses an address in a test.
///
/// # Panics
/// When it is not an address.
#[must_use]
#[expect(clippy::expect_used, reason = "a test that cannot go on has failed")]
pub fn address(text: &str) -> Address {
    Address::parse(text, &AddressPrefix::default()).expect("an address of the tests")
}

/// Makes a request for any card.
#[must_use]
pub fn wildcard(units: u64) -> GpuRequest {
    let any = pricing_core::gpu::GpuSelector::new("nvidia", "*", None, None);
    GpuRequest { units, alternatives: vec![any], ..GpuRequest::default() }
}

/// A realistic order with three services: a wildcard GPU service, a web server and a database.
#[must_use]
pub fn three_services(denom: &str) -> Option<Order> {
    let http = Endpoint { kind: EndpointKind::SharedHttp, sequence_number: 0 };
    let units = [
        generate::real_unit(1, 2, 1, &["vendor/nvidia/model/*"]),
        generate::real_unit(2, 1, 0, &[]),
        generate::real_unit(3, 1, 0, &[]),
    ];
    order_of(units.iter().map(|unit| resource_unit(unit, vec![http], generous(denom))).collect()).ok()
}
