//! The environment as a rate card, where it is spoiled in ways that a golden case cannot write down.

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
