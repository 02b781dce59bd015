//! Many calls of good and hostile plugins on many threads: no wrong answer, no deadlock, no leak.
//!
//! A short run by default; `BIDPRICE_SOAK_CALLS=1000000` for the full one. Alone in its process, for the memory's sake.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "helpers of tests fail as tests do"
)]

#[path = "host/arena/mod.rs"]
mod arena;
#[path = "host/common/mod.rs"]
mod common;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use arena::{call, fingerprint, resident_bytes, settings, told};
use pricing_host::compile::Compiler;
use pricing_host::{CallLimits, HostSettings, Plugin, PluginHost};
use testkit::guest::answers;
use testkit::guests::answers::changing;
use testkit::guests::{Budget, commands, components, entry_points, logs, state};

const THREADS: u64 = 8;
const DEFAULT_CALLS: u64 = 20_000;
/// One call in so many is ended by the clock: each takes its whole deadline.
const CLOCK_EVERY: u64 = 997;
/// One call in so many loads its plugin first.
const LOAD_EVERY: u64 = 4_999;
/// Without a call that ends for so long there is a deadlock.
const STUCK: Duration = Duration::from_secs(120);
/// The part of the run after which memory counts.
const WARM_UP_PERCENT: u64 = 20;
/// How much memory may seem to have grown since, for the allocator's sake.
const SLACK: u64 = 16 << 20;

/// Little fuel, so that endless loops are over soon.
fn quick() -> CallLimits {
    CallLimits { deadline: Duration::from_secs(60), fuel: 200_000, ..CallLimits::default() }
}

/// A plugin and what every call of it must come to.
struct Contestant {
    name: String,
    plugin: Plugin,
    expected: String,
}

fn contestants(host: &PluginHost) -> Vec<Contestant> {
    let good = [
        ("a price", entry_points::good()),
        ("another price", answers(0, "0.000123")),
        ("a decline", answers(1, "no miners")),
        ("changes", changing(&[(0, 0, "1.1"), (1, 0, "0.25")])),
        ("logs", logs::logs("a line", 20)),
        ("leaves traces", state::smuggler(false)),
    ];
    let hostile = components().into_iter().chain(commands::attacks()).filter(|attack| attack.budget == Budget::Fuel);
    let hostile = hostile.chain(entry_points::crashes()).map(|attack| (attack.name, attack.file)).collect::<Vec<_>>();
    let half = good.iter().cycle().take(hostile.len()).map(|(name, file)| ((*name).to_owned(), file.clone()));
    half.chain(hostile.clone()).filter_map(|(name, file)| contestant(host, name, &file)).collect()
}

fn contestant(host: &PluginHost, name: String, file: &[u8]) -> Option<Contestant> {
    let plugin = host.load("contestant", file, settings(quick())).ok()?;
    let expected = fingerprint(&call(&plugin));
    Some(Contestant { name, plugin, expected })
}

/// The calls of a thread, chosen by a generator that is the same in every run.
struct Runner<'a> {
    host: &'a PluginHost,
    contestants: &'a [Contestant],
    spinner: &'a Plugin,
    random: u64,
}

impl Runner<'_> {
    fn next(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random
    }

    fn one(&mut self, number: u64) {
        if number.is_multiple_of(CLOCK_EVERY) {
            let said = told(&call(self.spinner).result);
            assert!(said.starts_with("deadline-exceeded: "), "{said}");
            return;
        }
        if number.is_multiple_of(LOAD_EVERY) {
            let loaded = contestant(self.host, String::new(), &entry_points::good()).unwrap();
            assert!(loaded.expected.starts_with("1.5 uact"), "{}", loaded.expected);
            return;
        }
        let chosen = usize::try_from(self.next() % u64::try_from(self.contestants.len()).unwrap()).unwrap();
        let Contestant { name, plugin, expected } = &self.contestants[chosen];
        assert_eq!(fingerprint(&call(plugin)), *expected, "{name}");
    }
}

#[test]
fn many_calls_on_many_threads() {
    let calls = std::env::var("BIDPRICE_SOAK_CALLS").map_or(DEFAULT_CALLS, |calls| calls.parse().expect("a number"));
    let host = PluginHost::new(HostSettings::new(Compiler::InProcess));
    let contestants = contestants(&host);
    let clock = CallLimits { deadline: Duration::from_millis(2), fuel: u64::MAX, ..CallLimits::default() };
    let spinner = host.load("spinner", &entry_points::spinner(), settings(clock)).unwrap();
    let (done, failed) = (AtomicU64::new(0), AtomicBool::new(false));
    let started = Instant::now();
    let mut samples = Vec::new();
    thread::scope(|scope| {
        let threads: Vec<_> = (1..=THREADS)
            .map(|seed| {
                let mut runner =
                    Runner { host: &host, contestants: &contestants, spinner: &spinner, random: seed * 0x9e37_79b9 };
                let (done, failed) = (&done, &failed);
                scope.spawn(move || {
                    let mut sentinel = Sentinel { failed, passed: false };
                    while !failed.load(Ordering::Relaxed) {
                        let number = done.fetch_add(1, Ordering::Relaxed) + 1;
                        if number > calls {
                            break;
                        }
                        runner.one(number);
                    }
                    sentinel.passed = true;
                })
            })
            .collect();
        watch(&done, &failed, calls, &mut samples);
        for thread in threads {
            thread.join().unwrap();
        }
    });
    report(calls, contestants.len(), started.elapsed(), &samples);
}

/// Tells the others when its thread panics.
struct Sentinel<'a> {
    failed: &'a AtomicBool,
    passed: bool,
}

impl Drop for Sentinel<'_> {
    fn drop(&mut self) {
        if !self.passed {
            self.failed.store(true, Ordering::Relaxed);
        }
    }
}

/// Samples memory until the calls are done; ends the process when they no longer get on.
fn watch(done: &AtomicU64, failed: &AtomicBool, calls: u64, samples: &mut Vec<(u64, u64)>) {
    let (mut last, mut since) = (0, Instant::now());
    while last < calls && !failed.load(Ordering::Relaxed) {
        thread::sleep(Duration::from_millis(50));
        let now = done.load(Ordering::Relaxed).min(calls);
        if now != last {
            (last, since) = (now, Instant::now());
        } else if since.elapsed() > STUCK {
            eprintln!("no call ended for {STUCK:?} after {now}: a deadlock");
            std::process::exit(101);
        }
        samples.push((now, resident_bytes()));
    }
}

fn report(calls: u64, plugins: usize, took: Duration, samples: &[(u64, u64)]) {
    let counted: Vec<u64> =
        samples.iter().filter(|(done, _)| *done > calls * WARM_UP_PERCENT / 100).map(|(_, bytes)| *bytes).collect();
    let quarter = (counted.len() / 4).max(1);
    let highest = |samples: &[u64]| samples.iter().copied().max().unwrap_or(0);
    let first = highest(&counted[..quarter.min(counted.len())]);
    let last = highest(&counted[counted.len().saturating_sub(quarter)..]);
    println!(
        "{calls} calls of {plugins} plugins on {THREADS} threads in {took:?}; resident at most {first} bytes in the \
         first quarter after the warm-up, {last} in the last"
    );
    assert!(last <= first + SLACK, "resident memory grew from {first} to {last} bytes");
}
