//! A panic that is caught is part of a reason, and nothing of it is printed.

use std::process::Command;
use std::thread;

use pricing_panics::{catch, tell_by};

const CHILD: &str = "BIDPRICE_TEST_PANICS";

#[test]
fn what_is_caught_is_not_printed_and_what_is_not_caught_is_one_line() {
    if std::env::var_os(CHILD).is_some() {
        tell_by(|panic| {
            use std::io::Write;
            let _ = writeln!(std::io::stderr(), "told: {panic}");
        });
        assert!(catch(|| "x".repeat(usize::MAX)).is_err());
        assert!(thread::spawn(|| std::panic::panic_any("not\ncaught")).join().is_err());
        assert!(catch(|| thread::spawn(|| "x".repeat(usize::MAX)).join()).unwrap().is_err());
        return;
    }
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "what_is_caught_is_not_printed_and_what_is_not_caught_is_one_line", "--nocapture"])
        .env(CHILD, "1")
        .env("RUST_BACKTRACE", "full")
        .output()
        .unwrap();
    assert!(output.status.success());
    let told = String::from_utf8(output.stderr).unwrap();
    let lines: Vec<&str> = told.lines().filter(|line| !line.is_empty()).collect();
    assert_eq!(lines.len(), 2, "{told}");
    assert!(lines[0].starts_with("told: not caught (at pricing-panics/tests/printed.rs:"), "{told}");
    assert_eq!(lines[1], "told: capacity overflow");
}
