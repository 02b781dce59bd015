//! The same input has the same answer, fuel, memory and log: in any thread, host and process, after whatever came
//! before, with a cold or a warm cache.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::path::{Path, PathBuf};
use std::thread;

use crate::arena::{PLENTY, call, fingerprint, limits, settings};
use crate::common::again_for;
use pricing_host::compile::Compiler;
use pricing_host::load::Origin;
use pricing_host::{CallLimits, Fault, HostSettings, Plugin, PluginHost};
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

/// A guest that was loaded, or why not.
type Loaded = (String, Result<Plugin, Fault>);

/// Each guest, or each of so many, loaded afresh.
fn load(host: &PluginHost, every: usize) -> Vec<Loaded> {
    // Endless guests are over sooner with less fuel, and the others need no more.
    let limits = CallLimits { fuel: 1_000_000, ..limits(Budget::Fuel) };
    let load = |(name, file): (String, Vec<u8>)| (name, host.load("guest", &file, settings(limits.clone())));
    guests().into_iter().step_by(every).map(load).collect()
}

/// What comes of each guest, a line each.
fn observe(loaded: &[Loaded]) -> Vec<String> {
    let see = |(name, plugin): &Loaded| match plugin {
        Ok(plugin) => format!("{name}: {}", fingerprint(&call(plugin))),
        Err(fault) => format!("{name}: {fault}"),
    };
    loaded.iter().map(see).collect()
}

fn assert_same(seen: &[String], expected: &[String], where_: &str) {
    for (seen, expected) in seen.iter().zip(expected) {
        assert_eq!(seen, expected, "{where_}");
    }
    assert_eq!(seen.len(), expected.len(), "{where_}");
}

#[test]
fn hosts_and_threads_agree_with_cold_and_warm_caches_and_without_one() {
    let folder = tempfile::tempdir().unwrap();
    let cache = Some(owned_folder(folder.path()));
    let cold_host = host(cache.clone());
    assert_eq!(cold_host.cache_problem(), None);
    let plugins = load(&cold_host, 1);
    let expected = observe(&plugins);
    assert_same(&observe(&plugins), &expected, "the same host, after everything hostile");
    thread::scope(|scope| {
        let half = plugins.len().div_ceil(2);
        for (plugins, expected) in plugins.chunks(half).zip(expected.chunks(half)) {
            scope.spawn(move || assert_same(&observe(plugins), expected, "another thread"));
        }
    });
    let warm_host = host(cache);
    let plugins = load(&warm_host, 1);
    assert_same(&observe(&plugins), &expected, "a fresh host with a warm cache");
    let is_cached = |(_, plugin): &Loaded| plugin.as_ref().is_ok_and(|plugin| plugin.origin() == Origin::Cache);
    assert!(is_cached(plugins.first().unwrap()));
    let some: Vec<String> = expected.into_iter().step_by(SOME).collect();
    assert_same(&observe(&load(&host(None), SOME)), &some, "a fresh host without a cache");
}

#[test]
fn processes_agree() {
    if let Some(path) = std::env::var_os(CHILD) {
        std::fs::write(path, observe(&load(&host(None), SOME)).join("\u{1e}")).unwrap();
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("seen");
    assert!(again_for(module_path!(), "processes_agree").env(CHILD, &path).status().unwrap().success());
    let seen = std::fs::read_to_string(&path).unwrap();
    let seen: Vec<String> = seen.split('\u{1e}').map(ToOwned::to_owned).collect();
    assert_same(&seen, &observe(&load(&host(None), SOME)), "another process");
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
