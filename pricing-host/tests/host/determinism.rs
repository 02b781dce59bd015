//! The same input has the same answer, fuel, memory and log: in any thread, host and process, after whatever came
//! before, with a cold or a warm cache.

#![expect(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::path::{Path, PathBuf};
use std::thread;

use crate::arena::{PLENTY, call, fingerprint, limits, settings};
use crate::common::again_for;
use pricing_host::compile::Compiler;
use pricing_host::load::Origin;
use pricing_host::{HostSettings, Plugin, PluginHost};
use testkit::guests::{Budget, answers, commands, components, entry_points, state};

/// Names the file that a child process writes what it saw to.
const CHILD: &str = "BIDPRICE_DETERMINISM_CHILD";

/// Where compiling all guests again would take long, one in so many.
const SOME: usize = 4;

/// Guests that end by themselves or by fuel, and a few that do no harm.
fn guests() -> Vec<(String, Vec<u8>)> {
    let good = [
        ("a price".to_owned(), entry_points::good()),
        ("changes".to_owned(), answers::changing(&[(0, 0, "1.1"), (1, 0, "0.25"), (2, 0, "3")])),
        ("leaves traces".to_owned(), state::smuggler(false)),
        ("leaves traces and crashes".to_owned(), state::smuggler(true)),
    ];
    let attacks = components().into_iter().chain(commands::attacks());
    let by_fuel = attacks.filter(|attack| attack.budget == Budget::Fuel);
    good.into_iter().chain(by_fuel.map(|attack| (attack.name, attack.file))).collect()
}

fn host(cache: Option<PathBuf>) -> PluginHost {
    PluginHost::new(HostSettings { cache, ..HostSettings::new(Compiler::InProcess) })
}

/// What comes of each guest, or of each so many, loaded afresh, a line each.
fn observe(host: &PluginHost, every: usize) -> Vec<String> {
    let see = |(name, file): (String, Vec<u8>)| {
        let seen = match host.load("guest", &file, settings(limits(Budget::Fuel))) {
            Ok(plugin) => fingerprint(&call(&plugin)),
            Err(fault) => fault.to_string(),
        };
        format!("{name}: {seen}")
    };
    guests().into_iter().step_by(every).map(see).collect()
}

fn assert_same(seen: &[String], expected: &[String], where_: &str) {
    for (seen, expected) in seen.iter().zip(expected) {
        assert_eq!(seen, expected, "{where_}");
    }
    assert_eq!(seen.len(), expected.len(), "{where_}");
}

#[test]
fn hosts_agree_again_and_again() {
    let host_of_all = host(None);
    let expected = observe(&host_of_all, 1);
    assert_same(&observe(&host_of_all, 1), &expected, "the same host, after everything hostile");
    assert_same(&observe(&host(None), 1), &expected, "a fresh host");
}

#[test]
fn threads_agree() {
    let host = host(None);
    let load = |(_, file): (String, Vec<u8>)| host.load("guest", &file, settings(limits(Budget::Fuel))).ok();
    let plugins: Vec<Plugin> = guests().into_iter().filter_map(load).collect();
    let observe = || plugins.iter().map(|plugin| fingerprint(&call(plugin))).collect::<Vec<String>>();
    let expected = observe();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert_same(&observe(), &expected, "another thread"));
        }
    });
}

#[test]
fn processes_agree() {
    if let Some(path) = std::env::var_os(CHILD) {
        std::fs::write(path, observe(&host(None), SOME).join("\u{1e}")).unwrap();
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("seen");
    assert!(again_for(module_path!(), "processes_agree").env(CHILD, &path).status().unwrap().success());
    let seen = std::fs::read_to_string(&path).unwrap();
    let seen: Vec<String> = seen.split('\u{1e}').map(ToOwned::to_owned).collect();
    assert_same(&seen, &observe(&host(None), SOME), "another process");
}

#[test]
fn cold_and_warm_caches_agree() {
    let folder = tempfile::tempdir().unwrap();
    let cache = Some(owned_folder(folder.path()));
    let cold_host = host(cache.clone());
    assert_eq!(cold_host.cache_problem(), None);
    let cold = observe(&cold_host, SOME);
    let warm_host = host(cache);
    assert_same(&observe(&warm_host, SOME), &cold, "a warm cache");
    assert_same(&observe(&host(None), SOME), &cold, "no cache");
    let good = warm_host.load("good", &entry_points::good(), settings(limits(Budget::Fuel))).unwrap();
    assert_eq!(good.origin(), Origin::Cache);
}

/// A folder that only its owner may write, as a cache must be.
fn owned_folder(parent: &Path) -> PathBuf {
    use std::os::unix::fs::DirBuilderExt;
    let folder = parent.join("cache");
    std::fs::DirBuilder::new().mode(0o700).create(&folder).unwrap();
    folder
}

#[test]
fn hostile_calls_in_between_change_nothing() {
    let host = PluginHost::new(HostSettings { concurrency: 1, ..HostSettings::new(Compiler::InProcess) });
    let mut plenty = limits(Budget::Fuel);
    plenty.fuel = PLENTY;
    let load = |file: &[u8]| host.load("guest", file, settings(plenty.clone())).unwrap();
    let subjects = [load(&entry_points::good()), load(&state::smuggler(false)), load(&state::scavenger(""))];
    let expected: Vec<String> = subjects.iter().map(|plugin| fingerprint(&call(plugin))).collect();
    let clock = settings(limits(Budget::Clock));
    let spinner = host.load("spinner", &entry_points::spinner(), clock).unwrap();
    let hostile = [load(&state::stainer(false)), load(&state::stainer(true)), spinner];
    for attacker in hostile.iter().cycle().take(30) {
        let _ = call(attacker);
        let seen: Vec<String> = subjects.iter().map(|plugin| fingerprint(&call(plugin))).collect();
        assert_same(&seen, &expected, "after a hostile call");
    }
}
