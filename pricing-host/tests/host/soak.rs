//! Many calls of good and hostile plugins on many threads: no wrong answer, no deadlock; and in the long runs, which
//! `cargo xtask soak` makes, each in a process of its own, no memory that stays behind.

#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "helpers of tests fail as tests do"
)]

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use pricing_host::compile::Compiler;
use pricing_host::{CallLimits, HostSettings, Plugin, PluginHost};
use testkit::guest::answers;
use testkit::guests::answers::changing;
use testkit::guests::{Budget, commands, components, entry_points, logs, state};

use crate::arena::{Arena, call, fingerprint, settings, told};
use crate::common::{HANG, NEVER};

/// For how many seconds the long run goes on.
const SECONDS: &str = "BIDPRICE_SOAK_SECONDS";
const DEFAULT_SECONDS: u64 = 60;

const THREADS: u64 = 8;
/// Calls of the short run.
const CALLS: u64 = 4_000;
/// Of the contestants, the short run has one in so many: compiling all of them takes long.
const SOME: usize = 8;
/// One call in so many is ended by the clock: each takes its whole deadline.
const CLOCK_EVERY: u64 = 997;
/// One call in so many loads its plugin first.
const LOAD_EVERY: u64 = 1_999;
/// The part of the run after which memory counts.
const WARM_UP_PERCENT: usize = 20;
/// How much memory may seem to have grown since, for the allocator's sake.
const SLACK: u64 = 16 << 20;
/// Rounds of every attack before memory counts, and after; and the same for these: less than one guest's memory.
const ROUNDS: (u32, u32) = (2, 3);
const SLACK_OF_ROUNDS: u64 = 12 << 20;

/// Little fuel, so that endless loops are over soon.
fn quick() -> CallLimits {
    CallLimits { deadline: NEVER, fuel: 200_000, ..CallLimits::default() }
}

/// A plugin and what every call of it must come to.
struct Contestant {
    name: String,
    plugin: Plugin,
    expected: String,
}

fn contestants(host: &PluginHost, every: usize) -> Vec<Contestant> {
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
    half.chain(hostile.clone()).step_by(every).filter_map(|(name, file)| contestant(host, name, &file)).collect()
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

/// Has plugins called on all threads until a number of calls or a time is over, and tells the memory on the way.
fn run(every: usize, is_over: impl Fn(u64) -> bool + Sync) -> Vec<u64> {
    let host = PluginHost::new(HostSettings::new(Compiler::InProcess));
    let contestants = contestants(&host, every);
    let clock = CallLimits { deadline: Duration::from_millis(2), fuel: u64::MAX, ..CallLimits::default() };
    let spinner = host.load("spinner", &entry_points::spinner(), settings(clock)).unwrap();
    let (done, failed) = (AtomicU64::new(0), AtomicBool::new(false));
    let mut memory = Vec::new();
    thread::scope(|scope| {
        let threads: Vec<_> = (1..=THREADS)
            .map(|seed| {
                let random = seed * 0x9e37_79b9;
                let mut runner = Runner { host: &host, contestants: &contestants, spinner: &spinner, random };
                let (done, failed, is_over) = (&done, &failed, &is_over);
                scope.spawn(move || {
                    let mut sentinel = Sentinel { failed, passed: false };
                    while !failed.load(Ordering::Relaxed) {
                        let number = done.fetch_add(1, Ordering::Relaxed) + 1;
                        if is_over(number) {
                            break;
                        }
                        runner.one(number);
                    }
                    sentinel.passed = true;
                })
            })
            .collect();
        watch(&done, || threads.iter().all(thread::ScopedJoinHandle::is_finished), &mut memory);
        for thread in threads {
            thread.join().unwrap();
        }
    });
    println!("{} calls of {} plugins on {THREADS} threads", done.load(Ordering::Relaxed), contestants.len());
    memory
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
fn watch(done: &AtomicU64, is_over: impl Fn() -> bool, memory: &mut Vec<u64>) {
    let (mut last, mut since) = (0, Instant::now());
    while !is_over() {
        thread::sleep(Duration::from_millis(50));
        let now = done.load(Ordering::Relaxed);
        if now != last {
            (last, since) = (now, Instant::now());
        } else if since.elapsed() > HANG {
            eprintln!("no call ended for {HANG:?} after {now}: a deadlock");
            std::process::exit(101);
        }
        memory.push(resident_bytes());
    }
}

/// Bytes of this process that are in memory.
fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("the kernel tells of memory");
    let pages: u64 = statm.split_whitespace().nth(1).expect("resident pages").parse().expect("a number");
    pages * 4096
}

#[test]
fn many_calls_on_many_threads() {
    run(SOME, |number| number > CALLS);
}

#[test]
#[ignore = "takes long, and the memory of its process must be its own; run by `cargo xtask soak`"]
fn many_calls_leave_no_memory_behind() {
    let seconds = std::env::var(SECONDS).map_or(DEFAULT_SECONDS, |seconds| seconds.parse().expect("a number"));
    let end = Instant::now() + Duration::from_secs(seconds);
    let memory = run(1, |_| Instant::now() >= end);
    let counted = &memory[memory.len() * WARM_UP_PERCENT / 100..];
    let quarter = (counted.len() / 4).max(1);
    let highest = |samples: &[u64]| samples.iter().copied().max().unwrap_or(0);
    let first = highest(&counted[..quarter.min(counted.len())]);
    let last = highest(&counted[counted.len().saturating_sub(quarter)..]);
    println!("resident at most {first} bytes in the first quarter after the warm-up, {last} in the last");
    assert!(last <= first + SLACK, "resident memory grew from {first} to {last} bytes");
}

#[test]
#[ignore = "takes long, and the memory of its process must be its own; run by `cargo xtask soak`"]
fn attacks_leave_no_memory_behind() {
    let arena = Arena::new();
    // Those that end by fuel do all that the others do, sooner.
    let attacks = components().into_iter().chain(commands::attacks());
    let attacks: Vec<_> = attacks.filter(|attack| attack.budget == Budget::Fuel).collect();
    let (warm_up, rounds) = ROUNDS;
    for _ in 0..warm_up {
        arena.fight(&attacks);
    }
    let before = resident_bytes();
    for _ in 0..rounds {
        arena.fight(&attacks);
    }
    let after = resident_bytes();
    println!("resident after {warm_up} rounds: {before} bytes, after {rounds} more: {after} bytes");
    assert!(after <= before + SLACK_OF_ROUNDS, "resident memory grew from {before} to {after} bytes");
}
