//! Measures by how much calls overrun their deadline: `cargo run --release -p benches --bin overrun`.
//!
//! There is one guest thread per core, first alone, then beside one thread of other work per core. Bulk memory
//! operations cannot be interrupted, so they are measured separately. "Cold" means after a pause, or with memory that
//! has never been touched. The last part shows how long the default fuel lasts in loops of a single operator.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark without its input must stop, and reports")]

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use benches::fuel;
use benches::plugins::{Case, with_body};
use benches::stats::Samples;
use pricing_core::quote::ReasonCode;
use pricing_host::compile::Compiler;
use pricing_host::{BreakerSettings, HostSettings, Plugin, PluginHost, PluginSettings};

/// A guest that never ends by itself, with the number of calls per core.
struct Guest {
    name: &'static str,
    deadline: Duration,
    pause: Duration,
    calls: usize,
}

/// All of the memory except the pages with the guest's own data: 16 MiB less 128 KiB.
const MOST: &str = "(i32.const 16646144)";

fn guests() -> Vec<(Guest, String)> {
    let spin = "(loop $spin (br $spin))";
    let grow = "(drop (memory.grow (i32.const 254)))";
    let fill = format!("(memory.fill (i32.const 131072) (i32.const 7) {MOST})");
    let copy = "(memory.copy (i32.const 8454144) (i32.const 131072) (i32.const 8323072))";
    let millis = Duration::from_millis;
    let guest = |name, deadline, pause, calls| Guest { name, deadline, pause, calls };
    vec![
        (guest("compute, warm", millis(5), millis(0), 4_000), spin.to_owned()),
        (guest("compute, cold", millis(5), millis(20), 1_000), spin.to_owned()),
        (guest("compute, 50 ms", millis(50), millis(0), 300), spin.to_owned()),
        (guest("fill 16 MiB, cold", millis(1), millis(0), 500), format!("{grow}{fill}{spin}")),
        (
            guest("fill 16 MiB, warm", millis(40), millis(0), 200),
            format!("{grow}{fill}(loop $again {fill}(br $again))"),
        ),
        (guest("copy 8 MiB, cold", millis(1), millis(0), 500), format!("{grow}{copy}{spin}")),
        (guest("copy 8 MiB, warm", millis(40), millis(0), 200), format!("{grow}{copy}(loop $again {copy}(br $again))")),
    ]
}

fn main() {
    let case = Case::new().unwrap();
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let quick = std::env::args().any(|argument| argument == "--quick");
    if !std::env::args().any(|argument| argument == "--fuel-only") {
        for (load, what) in [(0, "a guest on each core"), (cores, "a guest and other work on each core")] {
            println!("overrun with {what}:");
            for (guest, body) in guests() {
                let calls = if quick { guest.calls.div_ceil(10) } else { guest.calls };
                let plugin = load_for(&body, guest.deadline);
                let samples = busy(load, || overruns(&plugin, cores, calls, guest.pause, guest.deadline));
                println!("  {:<18} {}", guest.name, samples.line());
            }
        }
    }
    fuel::report(&case);
}

/// Loads a guest that only its deadline can end.
fn load_for(body: &str, deadline: Duration) -> Plugin {
    let mut settings =
        PluginSettings { breaker: BreakerSettings { faults: 0, rest: Duration::ZERO }, ..PluginSettings::default() };
    settings.limits.deadline = deadline;
    settings.limits.fuel = u64::MAX;
    let host = PluginHost::new(HostSettings::new(Compiler::InProcess));
    host.load("guest", &with_body("", body), settings).unwrap()
}

/// Runs a function beside threads that compute.
fn busy<T>(threads: usize, run: impl FnOnce() -> T) -> T {
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut number = 1_u64;
                while !stop.load(Ordering::Relaxed) {
                    number = black_box(number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
                }
            });
        }
        let done = run();
        stop.store(true, Ordering::Relaxed);
        done
    })
}

/// Returns by how much calls overran, on this many threads at once.
fn overruns(plugin: &Plugin, threads: usize, calls: usize, pause: Duration, deadline: Duration) -> Samples {
    let one = || {
        // A request's budget is not shared between threads, so each has its own case.
        let case = Case::new().unwrap();
        let mut samples = Samples::default();
        for _ in 0..calls {
            std::thread::sleep(pause);
            let called = plugin.call(&case.request());
            let fault = called.result.unwrap_err();
            assert_eq!(fault.code, ReasonCode::DeadlineExceeded, "{fault:?}");
            samples.add(called.usage.time.saturating_sub(deadline));
        }
        samples
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(one)).collect();
        let mut all = Samples::default();
        threads.into_iter().for_each(|thread| all.append(thread.join().unwrap()));
        all
    })
}
