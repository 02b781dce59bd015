//! The cost of a plugin: a call compared with the bare engine and with the built-in pricing, on one thread and on two,
//! and loading from the cache.
//!
//! After criterion's results, this prints percentiles of calls that were timed one by one, alternating with those that
//! they are compared with. On a busy machine only such ratios are meaningful.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark without its input must stop, and reports")]

use std::hint::black_box;
use std::sync::Barrier;
use std::time::{Duration, Instant};

use benches::bare::Bare;
use benches::plugins::{Case, constant, example};
use benches::stats::{Samples, cpu_time};
use criterion::Criterion;
use pricing_core::quote::quote;
use pricing_host::cache::Cache;
use pricing_host::compile::Compiler;
use pricing_host::engine::{Purpose, engine};
use pricing_host::inspect::inspect;
use pricing_host::load::Loader;
use pricing_host::{BreakerSettings, HostSettings, Plugin, PluginHost, PluginSettings, SizeClass};

/// The number of calls that are timed one by one.
const CALLS: usize = 5_000;

fn main() {
    let case = Case::new().unwrap();
    let mut plugins = vec![("constant", constant())];
    let examples = ["owner-specials", "utilisation"];
    plugins.extend(examples.iter().filter_map(|name| Some((*name, example(&format!("{name}.wasm"))?))));
    let mut criterion = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args();
    for (name, wasm) in &plugins {
        calls(&mut criterion, name, wasm, &case);
        loading(&mut criterion, name, wasm);
    }
    criterion.final_summary();
    // Under `cargo test` each benchmark runs once, and nothing is timed.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    for (name, wasm) in &plugins {
        in_turn(name, wasm, &case);
        on_threads(name, wasm);
    }
}

fn settings() -> HostSettings {
    HostSettings::new(Compiler::InProcess)
}

fn load(wasm: &[u8]) -> Plugin {
    // The deadline does not matter here, and on a busy machine some calls would miss it.
    let mut settings =
        PluginSettings { breaker: BreakerSettings { faults: 0, rest: Duration::ZERO }, ..PluginSettings::default() };
    settings.limits.deadline = Duration::from_secs(1);
    PluginHost::new(self::settings()).load("plugin", wasm, settings).unwrap()
}

fn calls(criterion: &mut Criterion, name: &str, wasm: &[u8], case: &Case) {
    let (bare, plugin, prepared, request) = (Bare::new(wasm).unwrap(), load(wasm), case.prepared(), case.request());
    let called = plugin.call(&request);
    assert!(called.result.is_ok(), "{called:?}");
    if called.usage.log.lines.is_empty() {
        // A log line costs fuel, which the bare engine does not charge.
        assert_eq!(called.usage.fuel, bare.call(&prepared).ok(), "both are asked the same");
    }
    let mut group = criterion.benchmark_group(format!("plugin/{name}"));
    group.bench_function("bare engine", |bencher| bencher.iter(|| bare.call(black_box(&prepared))));
    group.bench_function("call", |bencher| bencher.iter(|| plugin.answer(black_box(&request))));
    group.bench_function("call, decided", |bencher| bencher.iter(|| plugin.call(black_box(&request))));
    group.bench_function("price", |bencher| bencher.iter(|| plugin.price(black_box(&request))));
    group.bench_function("quote", |bencher| {
        bencher.iter(|| plugin.quote(black_box(&case.asked())));
    });
    group.bench_function("built-in quote", |bencher| {
        bencher.iter(|| quote(black_box(&case.asked())));
    });
    group.finish();
}

/// Measures the steps of loading one by one: inspection, reading the artefact from the cache, and opening the file with
/// a filled cache, in a running host and in a new one.
fn loading(criterion: &mut Criterion, name: &str, wasm: &[u8]) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plugin.wasm");
    std::fs::write(&path, wasm).unwrap();
    let kept = folder.path().join("cache");
    let host = PluginHost::new(HostSettings { cache: Some(kept.clone()), ..settings() });
    host.open(&path, PluginSettings::default()).unwrap();
    let mut group = criterion.benchmark_group(format!("load/{name}"));
    let class = SizeClass::Standard;
    let engine = engine(class, Purpose::Run { concurrency: 4, backtraces: false }).unwrap();
    let cache = Cache::open(&kept).unwrap();
    let loader = Loader { engine: &engine, class, compiler: &Compiler::InProcess, cache: Some(&cache) };
    group.bench_function("inspect", |bencher| bencher.iter(|| inspect(black_box(wasm), class)));
    group.bench_function("artefact from the cache", |bencher| {
        bencher.iter(|| loader.load(black_box(wasm)));
    });
    group.bench_function("open from the cache", |bencher| {
        bencher.iter(|| host.open(&path, PluginSettings::default()));
    });
    group.bench_function("new host, and open from the cache", |bencher| {
        bencher.iter(|| {
            let host = PluginHost::new(HostSettings { cache: Some(kept.clone()), ..settings() });
            host.open(&path, PluginSettings::default())
        });
    });
    group.finish();
}

/// Times one call.
fn timed(call: &dyn Fn()) -> Duration {
    let started = Instant::now();
    call();
    started.elapsed()
}

/// Returns the processor time per call, averaged over several calls.
fn burned(call: &dyn Fn()) -> Duration {
    const TOGETHER: u32 = 50;
    let (before, started) = (cpu_time(), Instant::now());
    (0..TOGETHER).for_each(|_| call());
    let burned = before.and_then(|before| cpu_time()?.checked_sub(before));
    burned.unwrap_or_else(|| started.elapsed()) / TOGETHER
}

/// Calls the host, the bare engine and the built-in pricing in turn, so that a disturbance affects all of them.
/// Measures wall-clock time first, then processor time.
fn in_turn(name: &str, wasm: &[u8], case: &Case) {
    let (bare, plugin, prepared, request) = (Bare::new(wasm).unwrap(), load(wasm), case.prepared(), case.request());
    let asked = case.asked();
    let engine = || drop(black_box(bare.call(&prepared)));
    let call = || drop(black_box(plugin.answer(&request)));
    let decided = || drop(black_box(plugin.call(&request)));
    let quoted = || drop(black_box(plugin.quote(&asked)));
    let builtin = || drop(black_box(quote(&asked)));
    let built = || drop(black_box(case.prepared()));
    let what: [(&str, &dyn Fn()); 6] = [
        ("bare engine", &engine),
        ("call", &call),
        ("call, decided", &decided),
        ("quote", &quoted),
        ("built-in quote", &builtin),
        ("the request", &built),
    ];
    for (by, rounds, time) in [("clock", CALLS, timed as fn(&dyn Fn()) -> Duration), ("core", CALLS / 50, burned)] {
        let mut samples: [Samples; 6] = std::array::from_fn(|_| Samples::default());
        for _ in 0..rounds {
            for ((_, run), samples) in what.iter().zip(&mut samples) {
                samples.add(time(*run));
            }
        }
        for ((what, _), samples) in what.iter().zip(&samples) {
            println!("{name}, by the {by}: {what:<14} {}", samples.line());
        }
        let [engine, call, ..] = samples.map(|samples| samples.per_mille(500).as_secs_f64());
        println!("{name}, by the {by}: a call takes {:.2} times the bare engine's, at p50", call / engine);
    }
}

/// Measures calls per second on one thread and on two, in turn. A request's budget is not shared between threads, so
/// each thread has its own request.
fn on_threads(name: &str, wasm: &[u8]) {
    let plugin = load(wasm);
    let throughput = |threads: usize| {
        let ready = Barrier::new(threads + 1);
        let start = std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    let case = Case::new();
                    ready.wait();
                    let request = case.as_ref().map(Case::request).unwrap();
                    (0..CALLS).for_each(|_| drop(black_box(plugin.call(&request))));
                });
            }
            ready.wait();
            Instant::now()
        });
        (threads * CALLS) as f64 / start.elapsed().as_secs_f64()
    };
    let mut rounds: Vec<(f64, f64)> = (0..5).map(|_| (throughput(1), throughput(2))).collect();
    rounds.sort_by(|left, right| (left.1 / left.0).total_cmp(&(right.1 / right.0)));
    for (one, two) in rounds {
        println!("{name}: {one:.0} calls a second on one thread, {two:.0} on two: {:.2} times", two / one);
    }
}
