//! A plugin's file is replaced while it is in use; a plugin that keeps failing is left alone for a while.

#![expect(clippy::expect_used, clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use crate::common::{NEVER, outcome, quote, wait_for};
use pricing_core::quote::{FallbackBy, ReasonCode};
use pricing_host::compile::Compiler;
use pricing_host::metrics::Counters;
use pricing_host::{
    BreakerSettings, BreakerState, CallLimits, HostSettings, OpenError, Plugin, PluginHost, PluginSettings, Refresh,
};
use tempfile::TempDir;
use testkit::guest::answers;
use testkit::guests::{commands, entry_points};

/// A file that is a plugin, in a folder of its own.
struct Place {
    folder: TempDir,
    next: AtomicU64,
}

impl Place {
    fn new(file: &[u8]) -> Self {
        let place = Self { folder: tempfile::tempdir().unwrap(), next: AtomicU64::new(0) };
        place.put(file);
        place
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("pricer.wasm")
    }

    /// Replaces the file at once, as a careful program does.
    fn put(&self, file: &[u8]) {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let new = self.folder.path().join(format!("new-{number}"));
        fs::write(&new, file).unwrap();
        fs::rename(new, self.path()).unwrap();
    }
}

/// Few faults open the breaker, and it rests for so long.
fn settings(faults: u32, rest: Duration, fallback: Option<FallbackBy>) -> PluginSettings {
    let limits = CallLimits { deadline: NEVER, ..CallLimits::default() };
    PluginSettings { limits, fallback, breaker: BreakerSettings { faults, rest }, ..PluginSettings::default() }
}

fn calm() -> PluginSettings {
    settings(0, Duration::ZERO, None)
}

fn counted() -> (PluginHost, Arc<Counters>) {
    let counters = Arc::new(Counters::default());
    let host = PluginHost::with_metrics(HostSettings::new(Compiler::InProcess), Arc::<Counters>::clone(&counters));
    (host, counters)
}

fn open(host: &PluginHost, path: &Path, settings: PluginSettings) -> Plugin {
    host.open(path, settings).expect("the plugin opens")
}

/// A price that tells files apart.
fn price(number: u64) -> Vec<u8> {
    answers(0, &format!("{number}.5"))
}

#[test]
fn no_call_is_lost_while_files_are_replaced() {
    const SWAPS: u64 = 12;
    let place = Place::new(&price(1));
    let (host, counters) = counted();
    let plugin = open(&host, &place.path(), calm());
    let (over, calls) = (AtomicBool::new(false), AtomicU64::new(0));
    let (newest, seen) = (AtomicU64::new(1), Mutex::new(BTreeSet::new()));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut last = 1;
                while !over.load(Ordering::Relaxed) {
                    let oldest = newest.load(Ordering::SeqCst);
                    let said = outcome(&quote(&plugin));
                    calls.fetch_add(1, Ordering::Relaxed);
                    let number: u64 = said.strip_suffix(".5 uact").expect(&said).parse().expect(&said);
                    // Once a file took over nobody is answered by the one before.
                    assert!(number >= oldest.max(last), "{said} after {oldest} and {last}");
                    last = number;
                    seen.lock().unwrap().insert(number);
                }
            });
        }
        for number in 2..=SWAPS {
            place.put(&price(number));
            let refresh = plugin.refresh();
            assert!(matches!(refresh, Refresh::Swapped { .. }), "{refresh:?}");
            newest.store(number, Ordering::SeqCst);
            wait_for("an answer of the new file", || seen.lock().unwrap().contains(&number));
        }
        over.store(true, Ordering::Relaxed);
    });
    let counted = counters.snapshot();
    assert_eq!(counted.swaps, SWAPS - 1);
    // Each swap probed the new file; a probe is not a call of the plugin's users.
    assert_eq!(counted.calls, calls.load(Ordering::Relaxed));
    assert_eq!(counted.faults, []);
}

/// Whether a watcher's thread runs in this process.
fn is_watched() -> bool {
    let threads = fs::read_dir("/proc/self/task").unwrap();
    let mut names = threads.map(|thread| fs::read_to_string(thread.unwrap().path().join("comm")).unwrap_or_default());
    names.any(|name| name.trim_end() == "plugin-watcher")
}

#[test]
fn a_watcher_swaps_by_itself() {
    let place = Place::new(&price(1));
    let (host, counters) = counted();
    let plugin = open(&host, &place.path(), calm());
    let watcher = plugin.watch(Duration::from_millis(2)).unwrap();
    for number in 2..6 {
        let old = plugin.digest();
        place.put(&price(number));
        wait_for("the new file", || plugin.digest() != old);
        assert_eq!(outcome(&quote(&plugin)), format!("{number}.5 uact"));
    }
    place.put(b"this is not a plugin");
    wait_for("the refusal", || counters.snapshot().swaps_refused == 1);
    assert_eq!(outcome(&quote(&plugin)), "5.5 uact");
    drop(watcher);
    // No other test of this process has a watcher.
    wait_for("the end of the watcher", || !is_watched());
    place.put(&price(9));
    assert_eq!(outcome(&quote(&plugin)), "5.5 uact", "nobody watches any more");
    assert_eq!(counters.snapshot().swaps, 4);
}

#[test]
fn a_bad_replacement_is_refused_and_the_old_one_keeps_working() {
    let good = price(1);
    let place = Place::new(&good);
    let (host, counters) = counted();
    let plugin = open(&host, &place.path(), calm());
    let digest = plugin.digest();
    let half = &good[..good.len() / 2];
    let bad: [(&str, &[u8], &str); 7] = [
        ("empty", b"", "load-rejected: "),
        ("garbage", b"\x7fELF and so on", "load-rejected: "),
        ("half of a good one", half, "load-rejected: "),
        ("spins", &entry_points::spinner(), "budget-exhausted: the probe failed: "),
        ("prints no price", &commands::prints("NaN"), "invalid-output: the probe failed: "),
        ("crashes", &entry_points::crashes()[0].file, "trap: the probe failed: "),
        ("another world", b"(component)", "load-rejected: "),
    ];
    for (name, file, said) in bad {
        place.put(file);
        let Refresh::Refused(OpenError::Rejected(fault)) = plugin.refresh() else { panic!("{name} took over") };
        assert!(fault.to_string().starts_with(said), "{name}: {fault}");
        assert!(matches!(plugin.refresh(), Refresh::Unchanged), "{name} is looked at once");
        assert_eq!(outcome(&quote(&plugin)), "1.5 uact", "{name}");
        assert_eq!(plugin.digest(), digest);
    }
    fs::remove_file(place.path()).unwrap();
    assert!(matches!(plugin.refresh(), Refresh::Refused(OpenError::Unreadable(_))));
    fs::create_dir(place.path()).unwrap();
    assert!(matches!(plugin.refresh(), Refresh::Refused(OpenError::Unreadable(_))));
    assert_eq!(outcome(&quote(&plugin)), "1.5 uact");
    fs::remove_dir(place.path()).unwrap();
    place.put(&price(2));
    assert!(matches!(plugin.refresh(), Refresh::Swapped { .. }));
    assert_eq!(outcome(&quote(&plugin)), "2.5 uact");
    assert_eq!(counters.snapshot().swaps_refused, 9);
}

#[test]
fn a_file_that_is_written_in_pieces_takes_over_when_it_is_whole() {
    let place = Place::new(&price(1));
    let (host, _) = counted();
    let plugin = open(&host, &place.path(), calm());
    let new = price(2);
    // Written in place, as a careless copy does.
    for end in [new.len() / 3, new.len() / 2, new.len() - 1] {
        fs::write(place.path(), &new[..end]).unwrap();
        assert!(matches!(plugin.refresh(), Refresh::Refused(_)));
        assert_eq!(outcome(&quote(&plugin)), "1.5 uact");
    }
    fs::write(place.path(), &new).unwrap();
    assert!(matches!(plugin.refresh(), Refresh::Swapped { .. }));
    assert_eq!(outcome(&quote(&plugin)), "2.5 uact");
    // The same bytes, written again, are nothing new.
    place.put(&new);
    assert!(matches!(plugin.refresh(), Refresh::Unchanged));
}

#[test]
fn the_breaker_opens_says_so_and_closes() {
    let place = Place::new(&entry_points::crashes()[4].file);
    let (host, counters) = counted();
    let plugin = open(&host, &place.path(), settings(3, NEVER, None));
    for faults in 1..=3 {
        let quote = quote(&plugin);
        assert_eq!(quote.reason().unwrap().code, ReasonCode::Trap);
        assert!(quote.plugin.unwrap().fuel.is_some(), "it was called");
        if faults < 3 {
            assert_eq!(plugin.breaker(), BreakerState::Closed { faults });
        }
    }
    assert!(matches!(plugin.breaker(), BreakerState::Open { .. }), "{:?}", plugin.breaker());
    assert_eq!(counters.snapshot().breaker_opened, 1);
    let resting = quote(&plugin);
    let said = outcome(&resting);
    assert!(said.starts_with("trap: the plugin rests after 3 faults in a row, "), "{said}");
    assert_eq!(resting.plugin.unwrap().fuel, None, "it was not called");
    // A new file starts afresh.
    place.put(&price(1));
    assert!(matches!(plugin.refresh(), Refresh::Swapped { .. }));
    assert_eq!(plugin.breaker(), BreakerState::Closed { faults: 0 });
    assert_eq!(outcome(&quote(&plugin)), "1.5 uact");
}

#[test]
fn after_its_rest_a_plugin_is_tried_and_rests_again_when_it_fails() {
    let (host, counters) = counted();
    let crash = &entry_points::crashes()[4].file;
    let plugin = host.load("crash", crash, settings(1, Duration::ZERO, None)).unwrap();
    for opened in 1..=3 {
        assert!(quote(&plugin).plugin.unwrap().fuel.is_some(), "it was called");
        assert!(matches!(plugin.breaker(), BreakerState::Open { .. }), "{:?}", plugin.breaker());
        assert_eq!(counters.snapshot().breaker_opened, opened);
    }
}

#[test]
fn declines_never_open_the_breaker() {
    let (host, counters) = counted();
    let plugin = host.load("decline", &answers(1, "no"), settings(2, NEVER, None)).unwrap();
    for _ in 0..5 {
        assert_eq!(outcome(&quote(&plugin)), "plugin-declined: no");
    }
    assert_eq!(counters.snapshot().breaker_opened, 0);
}

#[test]
fn fallbacks_are_named_in_the_answer() {
    let crash = &entry_points::crashes()[4].file;
    let (host, _) = counted();
    let builtin = outcome(&quote(&host.load("builtin", &testkit::guests::answers::changing(&[]), calm()).unwrap()));
    let plugin = host.load("failing", crash, settings(2, NEVER, Some(FallbackBy::Builtin))).unwrap();
    // The last of these find the breaker open.
    for _ in 0..4 {
        let quote = quote(&plugin);
        let usage = quote.plugin.clone().unwrap();
        let fallback = usage.fallback.expect("the fallback is named");
        assert_eq!((fallback.by, fallback.fault.code), (FallbackBy::Builtin, ReasonCode::Trap));
        assert_eq!(outcome(&quote), builtin);
        assert_eq!(usage.digest, plugin.digest());
    }
}

/// Prices the probe, whose owner is known, and crashes on the tests' order, whose owner is not.
fn treacherous() -> Vec<u8> {
    let environment = testkit::guest::data(65_536, b"1.5");
    let body = "(drop (call $environ_get (i32.const 256) (i32.const 512)))
      (if (i32.eqz (i32.load8_u (i32.const 524))) (then unreachable))
      (i32.store (i32.const 16) (i32.const 65536)) (i32.store (i32.const 20) (i32.const 3))
      (drop (call $fd_write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 8)))";
    commands::command(&environment, body)
}

#[test]
fn the_last_plugin_stands_in_for_a_failing_one() {
    let place = Place::new(&price(1));
    let (host, _) = counted();
    let plugin = open(&host, &place.path(), settings(0, NEVER, Some(FallbackBy::LastPlugin)));
    place.put(&treacherous());
    let refresh = plugin.refresh();
    assert!(matches!(refresh, Refresh::Swapped { .. }), "{refresh:?}");
    let stood_in = quote(&plugin);
    assert_eq!(outcome(&stood_in), "1.5 uact");
    let fallback = stood_in.plugin.unwrap().fallback.expect("the fallback is named");
    assert_eq!((fallback.by, fallback.fault.code), (FallbackBy::LastPlugin, ReasonCode::Trap));
    // Without a plugin before it there is nobody to stand in.
    let alone = host.load("alone", &entry_points::crashes()[4].file, plugin.settings().clone()).unwrap();
    assert!(outcome(&quote(&alone)).starts_with("trap: "));
}

#[test]
fn every_call_and_fault_is_counted() {
    let (host, counters) = counted();
    let load = |file: &[u8]| host.load("counted", file, calm()).unwrap();
    let (good, spinner, crash) =
        (load(&price(1)), load(&entry_points::spinner()), load(&entry_points::crashes()[4].file));
    let mut fuel = 0;
    for _ in 0..10 {
        fuel += quote(&good).plugin.unwrap().fuel.unwrap();
    }
    fuel += quote(&spinner).plugin.unwrap().fuel.unwrap();
    for _ in 0..2 {
        fuel += quote(&crash).plugin.unwrap().fuel.unwrap();
    }
    let counted = counters.snapshot();
    assert_eq!(counted.calls, 13);
    assert_eq!(counted.faults, [(ReasonCode::BudgetExhausted, 1), (ReasonCode::Trap, 2)]);
    assert_eq!(counted.latency.iter().sum::<u64>(), 13);
    assert_eq!(counted.fuel, fuel);
    assert_eq!(counted.memory_high, 2 << 16);
}

#[test]
fn a_fallback_stands_in_for_numbers_that_overflow() {
    let (host, counters) = counted();
    let huge = testkit::guests::answers::changing(&[(0, 0, "9999999999999999999999999999"); 3]);
    let plugin = host.load("huge", &huge, settings(0, NEVER, Some(FallbackBy::Builtin))).unwrap();
    let fallback = quote(&plugin).plugin.unwrap().fallback.expect("the fallback is named");
    assert_eq!(fallback.fault.code, ReasonCode::ArithmeticOverflow);
    assert_eq!(counters.snapshot().faults, [(ReasonCode::ArithmeticOverflow, 1)]);
}

#[test]
fn the_last_calls_of_an_old_file_do_not_open_the_breaker_of_a_new_one() {
    let place = Place::new(&entry_points::spinner());
    let (host, counters) = counted();
    // They take long enough to be under way still when the new file takes over.
    let limits = CallLimits { deadline: NEVER, fuel: 200_000_000, ..CallLimits::default() };
    let plugin = open(&host, &place.path(), PluginSettings { limits, ..settings(1, NEVER, None) });
    thread::scope(|scope| {
        let calls: Vec<_> = (0..3).map(|_| scope.spawn(|| outcome(&quote(&plugin)))).collect();
        thread::sleep(Duration::from_millis(20));
        place.put(&price(2));
        let refresh = plugin.refresh();
        for call in calls {
            let said = call.join().unwrap();
            // Whichever file a call found, and whether the breaker of the old one was open by then.
            assert!(said.starts_with("budget-exhausted: ") || said == "2.5 uact", "{said}");
        }
        assert!(matches!(refresh, Refresh::Swapped { .. }), "{refresh:?}");
    });
    assert_eq!(plugin.breaker(), BreakerState::Closed { faults: 0 });
    assert_eq!(outcome(&quote(&plugin)), "2.5 uact");
    assert!(counters.snapshot().calls >= 1);
}
