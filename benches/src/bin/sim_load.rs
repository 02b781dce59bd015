//! Checks the speed of simulations: `cargo run --release -p benches --bin sim_load -- PODS.csv NODES.csv`.
//!
//! The files are the pod and node lists of the openb trace. Without them (a) is left out. The measurements are: (a)
//! seconds per strategy for the whole trace, and how much longer that takes where kube-scheduler places the pods than where
//! they run on the reserved nodes; (b) orders per second at 50,000 orders relative to 8,000 orders of one
//! generated trace; (c) orders per second with a plugin; (d) the share of the cores that 1,000 runs of a small sweep
//! use. With `--bars`, the exit code is 1 if one misses its bar.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark without its input must stop, and reports")]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use benches::simulate::{InProcess, openb_like, sweep_of};
use pricing_sim::files::Files;
use pricing_sim::result::RunResult;
use pricing_sim::scenario::ScenarioError;
use pricing_sim::sweep::{Executor, Progress, RunPlace, Sweep};

/// At most this many seconds per strategy for the whole trace.
const TRACE_SECONDS: f64 = 0.5;
/// At most this ratio of the time with pods where Kubernetes starts them to that with pods on the reserved nodes.
const PLACED: f64 = 1.6;
/// At least this ratio of the orders per second at 50,000 orders to those at 8,000.
const GROWTH: f64 = 0.5;
/// At least this many orders per second with a plugin.
const PLUGIN_ORDERS: f64 = 20_000.0;
/// At least this percentage of the cores.
const CORES_PERCENT: f64 = 90.0;
/// How often short runs are repeated. The fastest counts.
const TRIES: usize = 5;

// The traces are written to one folder again and again; each measurement overwrites the previous one's files.
fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let mut paths = args.iter().filter(|arg| !arg.starts_with("--"));
    let mut kept = true;
    let mut bar = |what: &str, holds: bool| {
        println!("{} {what}", if holds { "kept  " } else { "MISSED" });
        kept &= holds;
    };
    let folder = tempfile::tempdir().unwrap();
    if let (Some(pods), Some(nodes)) = (paths.next(), paths.next()) {
        openb_like(folder.path(), 1, 1).unwrap();
        let whole = |path: &String| std::path::absolute(path).unwrap();
        let (pods, nodes) = (whole(pods), whole(nodes));
        let text = scenario(&format!("openb = {pods:?}"), &format!("openb = {nodes:?}"), "");
        let reserved = format!("[reserve]\nplacement = 'reserved'\n{text}");
        let [(orders, seconds), (_, on_reserved)] = best_of(folder.path(), [&text, &reserved]);
        let ratio = seconds / on_reserved;
        bar(
            &format!("(a) {ratio:.2} times the {on_reserved:.3} s with pods on the reserved nodes (bar {PLACED})"),
            ratio <= PLACED,
        );
        bar(
            &format!("(a) {orders} orders in {seconds:.3} s a strategy (bar {TRACE_SECONDS} s)"),
            seconds <= TRACE_SECONDS,
        );
    }
    let rate_of = |orders: usize, strategy: &str| {
        openb_like(folder.path(), orders, 1213).unwrap();
        let (orders, seconds) = best(folder.path(), &made_up(strategy));
        f64::from(u32::try_from(orders).unwrap()) / seconds
    };
    let (small, large) = (rate_of(8_000, ""), rate_of(50_000, ""));
    let growth = large / small;
    bar(
        &format!("(b) {small:.0} orders/s of 8,000, {large:.0} of 50,000: {growth:.2} (bar {GROWTH})"),
        growth >= GROWTH,
    );
    let plugin = benches::plugins::example_path("owner-specials.wasm");
    let rate = rate_of(8_000, &format!("plugin = {plugin:?}"));
    bar(&format!("(c) {rate:.0} orders/s with a plugin (bar {PLUGIN_ORDERS})"), rate >= PLUGIN_ORDERS);
    openb_like(folder.path(), 200, 40).unwrap();
    let percent = cores(folder.path());
    bar(&format!("(d) 1,000 runs used {percent:.1}% of the cores (bar {CORES_PERCENT}%)"), percent >= CORES_PERCENT);
    if kept || !args.iter().any(|arg| arg == "--bars") { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn scenario(orders: &str, inventory: &str, strategy: &str) -> String {
    format!(
        "[orders]\n{orders}\n[inventory]\n{inventory}\n[[strategy]]\nname = 'one'\n{strategy}\n{}",
        benches::simulate::RATES
    )
}

fn made_up(strategy: &str) -> String {
    scenario("openb = 'pods.csv'", "openb = 'nodes.csv'", strategy)
}

/// Returns the number of orders of a scenario, and the shortest time for its only strategy, in seconds.
fn best(folder: &Path, text: &str) -> (u64, f64) {
    let [best] = best_of(folder, [text]);
    best
}

/// The same for several scenarios. They run in turn, so that other work on the machine hits them alike.
fn best_of<const N: usize>(folder: &Path, texts: [&str; N]) -> [(u64, f64); N] {
    let files = Files::in_folder(folder);
    let cells = texts.map(|text| Executor::new(&sweep_of(text).unwrap(), &files, &InProcess).cell(0).unwrap());
    let mut best = [(0, f64::INFINITY); N];
    for _ in 0..TRIES {
        for (cell, best) in cells.iter().zip(&mut best) {
            let started = Instant::now();
            let run = cell.run(RunPlace { run: 0, cell: 0, seed: 1 }, false).unwrap();
            let seconds = started.elapsed().as_secs_f64();
            *best = (run.result.strategies.first().unwrap().orders, seconds.min(best.1));
        }
    }
    best
}

struct Quiet;

impl Progress for Quiet {
    fn done(&self, _: &RunResult) -> Result<(), ScenarioError> {
        Ok(())
    }

    fn stopped(&self) -> bool {
        false
    }
}

/// Returns the percentage of all cores that 1,000 runs use.
fn cores(folder: &Path) -> f64 {
    let axes = "[sweep]\nseeds = 100\n[sweep.axes]\n'strategy.one.set.rates.gpu.t4' = \
                ['10', '20', '30', '40', '50', '60', '70', '80', '90', '100']\n[market]\nspread = '0.3'\nrates = 'rates.toml'\n";
    let sweep: Sweep = sweep_of(&format!("{}{axes}", made_up(""))).unwrap();
    let files = Files::in_folder(folder);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let (started, before) = (Instant::now(), used());
    let executor = Executor::new(&sweep, &files, &InProcess);
    let results = executor.execute(0..sweep.len(), &BTreeSet::new(), threads, &Quiet).unwrap();
    assert_eq!(results.len(), 1000);
    let (wall, used) = (started.elapsed(), used().saturating_sub(before));
    100.0 * used.as_secs_f64() / (wall.as_secs_f64() * f64::from(u32::try_from(threads).unwrap()))
}

/// Returns the processor time of this process, which the kernel counts in hundredths of a second.
fn used() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    // The program's name, in parentheses, can contain spaces.
    let mut fields = stat.rsplit(')').next().unwrap().split_whitespace().skip(11);
    let mut next = || fields.next().unwrap().parse::<u64>().unwrap();
    Duration::from_millis((next() + next()) * 10)
}
