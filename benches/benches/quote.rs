//! Quotes, from order to decision.

#![expect(clippy::unwrap_used, reason = "a benchmark without its input must stop")]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use pricing_core::quote::{Supply, Terms, quote, screen};
use pricing_core::reserve::{Scheduler, SearchBudget};
use testkit::random::Random;
use testkit::{generate, orders};

fn quotes(criterion: &mut Criterion) {
    let order = orders::three_services("uact").unwrap();
    let pricing = benches::pricing();
    let cluster = generate::real_cluster(&mut Random::new(1), 100);
    let terms = Terms::default();
    let mut group = criterion.benchmark_group("quote");
    for (name, scheduler) in [("sound", Scheduler::Sound), ("provider", Scheduler::Provider)] {
        let supply = Supply::Reserve { cluster: &cluster, scheduler, budget: SearchBudget::default() };
        assert!(quote(&order, &pricing, supply, &terms).price().is_some());
        group.bench_function(format!("three services, 100 nodes, {name}"), |bencher| {
            bencher.iter(|| quote(black_box(&order), &pricing, supply, &terms));
        });
    }
    group.bench_function("three services, no inventory", |bencher| {
        bencher.iter(|| quote(black_box(&order), &pricing, Supply::Unknown, &terms));
    });
    group.bench_function("screen", |bencher| bencher.iter(|| screen(black_box(&order), &pricing, &terms)));
    group.finish();
}

criterion_group!(benches, quotes);
criterion_main!(benches);
