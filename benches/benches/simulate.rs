//! Simulations, in orders per second: a generated trace in openb's format, with the built-in pricer and with a plugin, and
//! with pods where Kubernetes starts them and where they were reserved.

#![expect(clippy::unwrap_used, reason = "a benchmark without its input must stop")]

use benches::simulate::{InProcess, RATES, openb_like, sweep_of};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use pricing_sim::files::Files;
use pricing_sim::sweep::{Executor, RunPlace};

const ORDERS: usize = 8_000;

fn simulations(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    openb_like(folder.path(), ORDERS, 1213).unwrap();
    let files = Files::in_folder(folder.path());
    let plugin = benches::plugins::example_path("owner-specials.wasm");
    let mut group = criterion.benchmark_group("simulate");
    group.throughput(Throughput::Elements(u64::try_from(ORDERS).unwrap())).sample_size(10);
    let reserved = "[reserve]\nplacement = 'reserved'\n";
    let cases = [
        ("built in", "", String::new()),
        ("built in, pods on the reserved nodes", reserved, String::new()),
        ("plugin", "", format!("plugin = {plugin:?}\n")),
    ];
    for (name, reserve, pricer) in cases {
        let head = format!(
            "{reserve}[orders]\nopenb = 'pods.csv'\n[inventory]\nopenb = 'nodes.csv'\n[[strategy]]\nname = 'one'\n"
        );
        let sweep = sweep_of(&format!("{head}{RATES}{pricer}")).unwrap();
        let cell = Executor::new(&sweep, &files, &InProcess).cell(0).unwrap();
        group.bench_function(format!("8,000 orders on 1,213 nodes, {name}"), |bencher| {
            bencher.iter(|| cell.run(RunPlace { run: 0, cell: 0, seed: 1 }, false).unwrap());
        });
    }
    group.finish();
}

criterion_group!(benches, simulations);
criterion_main!(benches);
