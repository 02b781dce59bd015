//! Quotes, from order to decision.

#![expect(clippy::unwrap_used, reason = "a benchmark without its input must stop")]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use pricing_core::inventory::Cluster;
use pricing_core::quote::{Predict, QuoteRequest, Supply, Terms, quote, screen};
use pricing_core::reserve::Scheduler;
use testkit::random::Random;
use testkit::{generate, orders};

fn supply(cluster: &Cluster, scheduler: Scheduler) -> Supply<'_> {
    Supply::Reserve { cluster, scheduler }
}

fn quotes(criterion: &mut Criterion) {
    let order = orders::three_services("uact").unwrap();
    let pricing = benches::pricing();
    let terms = Terms::default();
    let unpredicted = Terms { predict: Predict::Never, ..terms };
    let schedulers = [("sound", Scheduler::Sound), ("provider", Scheduler::Provider)];
    // Finds a cluster on which both schedulers bid. The provider's algorithm often narrows the wildcard and gives up.
    let bids = |cluster: &Cluster| {
        let bid = |(_, scheduler)| {
            quote(&QuoteRequest::new(&order, &pricing, supply(cluster, scheduler), &terms)).price().is_some()
        };
        schedulers.into_iter().all(bid)
    };
    let clusters = (1..).map(|seed| generate::real_cluster(&mut Random::new(seed), 100));
    let cluster = clusters.take(1000).find(bids).unwrap();
    let mut group = criterion.benchmark_group("quote");
    for (name, scheduler) in schedulers {
        let supply = supply(&cluster, scheduler);
        for (what, terms) in [("", terms), (", no prediction", unpredicted)] {
            group.bench_function(format!("three services, 100 nodes, {name}{what}"), |bencher| {
                bencher.iter(|| quote(&QuoteRequest::new(black_box(&order), &pricing, supply, &terms)));
            });
        }
    }
    // The cards of every node with the model count, wherever the order was reserved.
    let large = generate::real_cluster(&mut Random::new(10_000), 10_000);
    let on_large = supply(&large, Scheduler::Sound);
    for (what, terms) in [("", terms), (", no prediction", unpredicted)] {
        group.bench_function(format!("three services, 10000 nodes, sound{what}"), |bencher| {
            bencher.iter(|| quote(&QuoteRequest::new(black_box(&order), &pricing, on_large, &terms)));
        });
    }
    group.bench_function("three services, no inventory", |bencher| {
        bencher.iter(|| quote(&QuoteRequest::new(black_box(&order), &pricing, Supply::Unknown, &terms)));
    });
    group.bench_function("screen", |bencher| {
        bencher.iter(|| screen(&QuoteRequest::new(black_box(&order), &pricing, Supply::Unknown, &terms)))
    });
    group.finish();
}

criterion_group!(benches, quotes);
criterion_main!(benches);
