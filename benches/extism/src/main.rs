//! Times the example plugin `owner-specials` under the project's host and under Extism, alternating in one run.

#![expect(clippy::print_stdout, reason = "a benchmark reports")]

mod content;
mod extism_side;
#[path = "../guest/src/request.rs"]
mod request;

use std::cell::RefCell;
use std::hint::black_box;
use std::time::{Duration, Instant};

use benches::bare::Bare;
use benches::plugins::{Case, example};
use benches::stats::{Samples, cpu_time};
use extism_side::Error;
use pricing_core::quote::{QuoteRequest, Terms};
use pricing_core::text::Untrusted;
use pricing_host::compile::Compiler;
use pricing_host::{BreakerSettings, HostSettings, Plugin, PluginHost, PluginSettings, Request};

/// Rounds by wall-clock time. Each round times every row once.
const CALLS: usize = 5_000;
/// Rounds by processor time.
const ROUNDS: usize = 100;
/// How many calls one measurement of processor time covers.
const TOGETHER: u32 = 50;

/// Owners that the plugin treats differently, and one that it does not know.
const OWNERS: [&str; 6] = [
    testkit::orders::OWNER,
    "akash1partnerqqqqqqqqqqqqqqqqqqqqqqqqqacjghm",
    "akash1latepayerqqqqqqqqqqqqqqqqqqqqqqqt5t3fk",
    "akash1crptmnrqqqqqqqqqqqqqqqqqqqqqqqqqtkf3t0",
    "akash1spammerqqqqqqqqqqqqqqqqqqqqqqqqqqauy75",
    "akash1sm0ketestqqqqqqqqqqqqqqqqqqqqqqqucehn9",
];

fn main() -> Result<(), Error> {
    let case = Case::new().ok_or("no cluster has room for the order")?;
    let wasm = example("owner-specials.wasm").ok_or("owner-specials.wasm is not built")?;
    let plugin = load(&wasm)?;
    let compiled = extism_side::compile(&extism_side::limits())?;
    for owner in OWNERS {
        same_answer(&case, owner, &plugin, &compiled)?;
    }
    let bare = Bare::new(&wasm)?;
    let (request, prepared) = (case.request(), case.prepared());
    let content = content::request(&case, testkit::orders::OWNER);
    println!("the request is {} bytes of JSON", serde_json::to_vec(&content)?.len());
    let reused = RefCell::new(extism::Plugin::new_from_compiled(&compiled)?);
    let rows: [(&str, &dyn Fn() -> bool); 6] = [
        ("host, fresh instance", &|| black_box(plugin.answer(&request)).0.is_ok()),
        ("wasmtime 48 alone, fresh instance", &|| black_box(bare.call(&prepared)).is_ok()),
        ("Extism, fresh instance", &|| black_box(extism_side::fresh(&compiled, &content)).is_ok()),
        ("Extism, making the instance only", &|| black_box(extism::Plugin::new_from_compiled(&compiled)).is_ok()),
        ("Extism, reused instance", &|| black_box(extism_side::call(&mut reused.borrow_mut(), &content)).is_ok()),
        ("the request to JSON", &|| black_box(serde_json::to_vec(&content)).is_ok()),
    ];
    report(&rows)
}

/// Loads the project's plugin with the limits that Extism gets, too.
fn load(wasm: &[u8]) -> Result<Plugin, Error> {
    let breaker = BreakerSettings { faults: 0, rest: Duration::ZERO };
    let settings = PluginSettings { breaker, limits: extism_side::limits(), ..PluginSettings::default() };
    Ok(PluginHost::new(HostSettings::new(Compiler::InProcess)).load("owner-specials", wasm, settings)?)
}

/// Checks that both give the same answer for an owner, so that the same plugin is timed.
fn same_answer(case: &Case, owner: &str, plugin: &Plugin, compiled: &extism::CompiledPlugin) -> Result<(), Error> {
    let terms = Terms { owner: Some(Untrusted::new(owner)), ..case.terms };
    let (ours, usage) = plugin.answer(&Request { asked: QuoteRequest { terms, ..case.asked() }, ..case.request() });
    let ours = ours.map_err(|fault| format!("the host failed for `{owner}`: {fault:?}, {usage:?}"))?;
    let theirs = extism_side::fresh(compiled, &content::request(case, owner))?;
    if ours != theirs {
        return Err(format!("for `{owner}`, the host has {ours:?} and Extism {theirs:?}").into());
    }
    Ok(())
}

/// Times the rows in turn, so that a disturbance affects all of them, and prints a table.
fn report(rows: &[(&str, &dyn Fn() -> bool)]) -> Result<(), Error> {
    let mut clock = vec![Samples::default(); rows.len()];
    let mut core = vec![Samples::default(); rows.len()];
    for round in 0..CALLS {
        for ((name, run), samples) in rows.iter().zip(&mut clock) {
            let started = Instant::now();
            let works = run();
            samples.add(started.elapsed());
            if !works {
                return Err(format!("`{name}` failed in round {round}").into());
            }
        }
    }
    for _ in 0..ROUNDS {
        for ((_, run), samples) in rows.iter().zip(&mut core) {
            samples.add(burned(*run));
        }
    }
    let first = clock.first().map(|samples| samples.per_mille(500)).unwrap_or_default();
    println!("| | p50 | p99 | p50 on a core | p50, times the host's |\n|---|---|---|---|---|");
    for ((name, _), (clock, core)) in rows.iter().zip(clock.iter().zip(&core)) {
        let [p50, p99] = [500, 990].map(|per_mille| clock.per_mille(per_mille));
        let times = p50.as_secs_f64() / first.as_secs_f64();
        println!("| {name} | {p50:.1?} | {p99:.1?} | {:.1?} | {times:.2} |", core.per_mille(500));
    }
    Ok(())
}

/// Returns the processor time per call, averaged over several calls.
fn burned(run: &dyn Fn() -> bool) -> Duration {
    let (before, started) = (cpu_time(), Instant::now());
    for _ in 0..TOGETHER {
        black_box(run());
    }
    let burned = before.and_then(|before| cpu_time()?.checked_sub(before));
    burned.unwrap_or_else(|| started.elapsed()) / TOGETHER
}
