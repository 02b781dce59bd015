//! How the time for a reservation, and for the placement of its pods, grows with the cluster.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use pricing_core::budget::Budget;
use pricing_core::inventory::Cluster;
use pricing_core::reserve::kubernetes::{KubeScheduler, PodTemplate};
use pricing_core::reserve::{CommittedUnit, Target, provider, sound};
use testkit::generate::{real_cluster, real_unit};
use testkit::orders::resource_unit;
use testkit::random::Random;

const NODES: [u64; 4] = [10, 100, 1_000, 10_000];

/// Returns orders with their names.
fn orders() -> Vec<(&'static str, Vec<CommittedUnit>)> {
    let rare = "vendor/nvidia/model/b200";
    let (any, t4, a100) = ("vendor/nvidia/model/*", "vendor/nvidia/model/t4", "vendor/nvidia/model/a100/ram/80Gi");
    vec![
        ("first-fit", vec![real_unit(1, 1, 1, &[t4])]),
        ("wildcard", vec![real_unit(1, 2, 2, &[any])]),
        ("three-services", vec![real_unit(1, 2, 0, &[]), real_unit(2, 1, 1, &[a100, t4]), real_unit(3, 1, 1, &[any])]),
        // No node has so many cards, so every node is examined.
        ("infeasible", vec![real_unit(1, 1, 16, &[any])]),
        // Each service fits alone, but the replicas of one ask for more than there is.
        (
            "infeasible-three-services",
            vec![real_unit(1, 2, 0, &[]), real_unit(2, 1, 1, &[any]), real_unit(3, 100_000, 2, &[any])],
        ),
        // The cluster has one such card. First fit gives it to the wrong service, and backtracking corrects that.
        ("contended", vec![real_unit(1, 1, 1, &[rare]), real_unit(2, 1, 1, &[a100]), real_unit(3, 1, 1, &[rare, t4])]),
        // Each service fits alone, but not all of them together.
        ("exact-infeasible", vec![real_unit(1, 1, 1, &[rare]), real_unit(2, 2, 0, &[]), real_unit(3, 1, 1, &[rare])]),
    ]
}

fn clusters() -> Vec<(u64, Cluster)> {
    NODES.into_iter().map(|nodes| (nodes, real_cluster(&mut Random::new(nodes), nodes))).collect()
}

fn reservations(criterion: &mut Criterion) {
    let clusters = clusters();
    for (name, units) in orders() {
        let mut group = criterion.benchmark_group(format!("reserve/{name}"));
        for (nodes, cluster) in &clusters {
            group.bench_with_input(BenchmarkId::new("sound", nodes), cluster, |bencher, cluster| {
                bencher.iter(|| sound::reserve(black_box(&units), black_box(cluster), &Budget::default()));
            });
            group.bench_with_input(BenchmarkId::new("provider", nodes), cluster, |bencher, cluster| {
                bencher.iter(|| provider::reserve(black_box(&units), black_box(cluster), &Budget::default()));
            });
        }
        group.finish();
    }
}

/// Returns the pods of an order as they were reserved, if it fits.
fn pods(units: &[CommittedUnit], cluster: &Cluster) -> Option<Vec<PodTemplate>> {
    let reservation = sound::reserve(units, cluster, &Budget::default()).ok()?;
    let units = units.iter().zip(&reservation.targets);
    let pod = |(committed, target): (&CommittedUnit, &Target)| {
        PodTemplate::new(&resource_unit(committed, Vec::new(), None), committed, target.selector(), cluster)
    };
    Some(units.map(pod).collect())
}

/// Where kube-scheduler places the pods of an order that was reserved.
fn placements(criterion: &mut Criterion) {
    let clusters = clusters();
    for (name, units) in orders().into_iter().filter(|(name, _)| !name.contains("infeasible")) {
        let mut group = criterion.benchmark_group(format!("place/{name}"));
        for (nodes, cluster) in &clusters {
            let Some(pods) = pods(&units, cluster) else { continue };
            group.bench_with_input(BenchmarkId::new("kube-scheduler", nodes), cluster, |bencher, cluster| {
                let scheduler = KubeScheduler::default();
                bencher.iter(|| scheduler.place(black_box(&pods), black_box(cluster), &Budget::default()));
            });
        }
        group.finish();
    }
}

criterion_group!(benches, reservations, placements);
criterion_main!(benches);
