//! The drop-in's pricing, with and without parsing the request.

#![expect(clippy::expect_used, reason = "a benchmark of a broken request has no meaning")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use pricing_core::money::UsdPerAkt;
use pricing_core::order::script_request;
use pricing_core::quote::compat::{CompatRates, Terms, price};
use rust_decimal::Decimal;

/// Two resource units with cards and volumes, as a provider sends them.
const REQUEST: &str = r#"{"resources":[{"memory":17179869184,"cpu":8000,"gpu":{"units":1,"attributes":{"vendor":{"nvidia":{"model":"a100","ram":"80Gi","interface":"sxm"}}}},"storage":[{"class":"ephemeral","size":107374182400},{"class":"beta3","size":536870912000}],"count":2,"endpoint_quantity":2,"ip_lease_quantity":0},{"memory":536870912,"cpu":500,"gpu":{"units":0,"attributes":{}},"storage":[{"class":"ephemeral","size":1073741824}],"count":1,"endpoint_quantity":1,"ip_lease_quantity":1}],"price":{"denom":"uakt","amount":"1000000.000000000000000000"},"price_precision":6}"#;
const MAPPINGS: &str =
    "h100=1500,a100=950,a100.40Gi=800,a100.80Gi=1000.5,rtx3090=150,rtx4090=250,t4=80,l40s=620.25,*=75";

fn compat(criterion: &mut Criterion) {
    let rates =
        CompatRates::from_environment(|name| (name == "PRICE_TARGET_GPU_MAPPINGS").then(|| MAPPINGS.to_owned()));
    let terms = Terms { usd_per_akt: UsdPerAkt::new(Decimal::new(8_710, 4)).ok(), ..Terms::default() };
    let request = script_request::parse(REQUEST).expect("the request is well-formed");
    let mut group = criterion.benchmark_group("compat");
    group.throughput(Throughput::Elements(1));
    group.bench_function("compat_price", |bencher| {
        bencher.iter(|| price(black_box(&request), black_box(&rates), black_box(&terms)));
    });
    group.bench_function("compat_parse_and_price", |bencher| {
        bencher.iter(|| {
            script_request::parse(black_box(REQUEST))
                .map(|request| price(&request, black_box(&rates), black_box(&terms)))
        });
    });
    group.bench_function("read_order", |bencher| bencher.iter(|| script_request::read(black_box(REQUEST))));
    group.finish();
}

criterion_group!(benches, compat);
criterion_main!(benches);
