//! The environment: as a rate card with values that a golden case cannot contain, and the names of its variables.

#![expect(clippy::unwrap_used, reason = "a broken test case must say so at once")]

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

fn rates_show(name: &str, value: &[u8]) -> (Option<i32>, String) {
    let mut command = crate::programs::bidprice();
    let output = command.args(["rates", "show"]).env(name, OsStr::from_bytes(value)).output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn a_rate_that_is_no_text_is_refused_and_not_taken_for_unset() {
    let (exit, stderr) = rates_show("PRICE_TARGET_CPU", b"1.6\xff");
    assert_eq!(exit, Some(1));
    assert!(stderr.contains("PRICE_TARGET_CPU"), "{stderr}");
}

#[test]
fn a_misspelt_variable_is_refused_with_the_nearest() {
    let (exit, stderr) = rates_show("PRICE_TARGET_MEMROY", b"1");
    assert_eq!(exit, Some(1));
    assert!(stderr.contains("PRICE_TARGET_MEMORY"), "{stderr}");
}

/// Runs a command with only these variables.
fn run(args: &[&str], variables: &[(&str, &str)]) -> (Option<i32>, String) {
    let mut command = crate::programs::bidprice();
    let top = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let output = command.args(args).envs(variables.iter().copied()).current_dir(top).output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

const QUOTE: [&str; 4] = ["quote", "examples/request.json", "--rates", "examples/rates.toml"];

#[test]
fn a_variable_that_no_program_reads_is_refused_with_the_nearest_and_an_empty_one_too() {
    for args in [&QUOTE[..], &["rates", "show"], &["probe"], &["serve", "--config", "/nonexistent"]] {
        let (exit, stderr) = run(args, &[("BIDPRICE_USD_PER_ATK", "0.5")]);
        assert_eq!(exit, Some(1), "{args:?}: {stderr}");
        assert_eq!(
            stderr,
            "error: environment: at `BIDPRICE_USD_PER_ATK`: this variable is not known \
             (did you mean `BIDPRICE_USD_PER_AKT`?)\n"
        );
        let (exit, stderr) = run(args, &[("BIDPRICE_USD_PER_AKT", "")]);
        assert_eq!(exit, Some(1), "{args:?}: {stderr}");
        assert!(stderr.contains("at `BIDPRICE_USD_PER_AKT`: this variable is set, but empty"), "{stderr}");
    }
    // The variables of `bidprice-script`, of Kubernetes and of the tests are accepted. `--help` ignores the
    // environment.
    let others = [("BIDPRICE_WHITELIST", "x"), ("BIDPRICE_SERVICE_HOST", "10.0.0.1"), ("BIDPRICE_GENERATE", "")];
    assert_eq!(run(&["rates", "show"], &others), (Some(0), String::new()));
    assert_eq!(run(&["--help"], &[("BIDPRICE_FOO", "x")]).0, Some(0));
}

#[test]
fn an_owner_who_is_no_address_is_refused_from_the_command_line_and_the_environment() {
    let owner = "akash1tenantqqqqqqqqqqqqqqqqqqqqqqqqqq7wpl8u";
    let usd = ("BIDPRICE_USD_PER_AKT", "0.5");
    assert_eq!(run(&QUOTE, &[usd, ("AKASH_OWNER", owner)]).0, Some(0));
    // The daemon's variable may be empty, which means that no owner is named.
    assert_eq!(run(&QUOTE, &[usd, ("AKASH_OWNER", "")]).0, Some(0));
    let slip = owner.replace("tenant", "tennat");
    let (exit, stderr) = run(&QUOTE, &[usd, ("AKASH_OWNER", &slip)]);
    assert_eq!(exit, Some(1));
    assert!(
        stderr.starts_with(&format!("error: owner: `{slip}` is not an address: its checksum is wrong")),
        "{stderr}"
    );
    let (exit, stderr) = run(&[&QUOTE[..], &["--owner", "akash1x"]].concat(), &[usd]);
    assert!(exit == Some(1) && stderr.contains("it has 7 characters"), "{stderr}");
}

#[cfg(feature = "plugins")]
#[test]
fn no_plugin_cache_overrides_the_variable_and_contradicts_the_option() {
    let order =
        ["plugin", "run", "examples-plugins/built/ratio-guard.wasm", "examples/request.json", "--usd-per-akt", "1"];
    let folder = ("BIDPRICE_PLUGIN_CACHE", "/dev/null/plugins");
    let without = [&order[..], &["--no-plugin-cache"]].concat();
    let (exit, stderr) = run(&without, &[folder]);
    assert!(exit != Some(2) && !stderr.contains("cannot be used with"), "{stderr}");
    assert!(!stderr.contains("/dev/null"), "{stderr}");
    let (_, stderr) = run(&order, &[folder]);
    assert!(stderr.contains("/dev/null/plugins"), "{stderr}");
    let both = [&without[..], &["--plugin-cache", "/tmp"]].concat();
    let (exit, stderr) = run(&both, &[]);
    assert!(exit == Some(2) && stderr.contains("cannot be used with"), "{stderr}");
}
