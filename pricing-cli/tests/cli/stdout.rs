//! A command whose answer cannot be written does not succeed.

#![expect(clippy::unwrap_used, reason = "a broken test case must say so at once")]

use std::process::Command;

/// Runs a command in a shell with its stdout redirected. Returns the exit code and stderr.
fn redirected(command: &str, how: &str) -> (Option<i32>, String) {
    let line = format!("exec \"$0\" {command} {how}");
    let output = Command::new("sh").args(["-c", &line, crate::programs::BIDPRICE]).env_clear().output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn a_command_whose_answer_cannot_be_written_exits_5() {
    for command in ["rates show", "rates show --output json", "--version", "completions bash"] {
        for how in [">&-", "1</dev/null", ">/dev/full"] {
            let (exit, stderr) = redirected(command, how);
            assert_eq!(exit, Some(5), "{command} {how}: {stderr}");
            assert!(stderr.starts_with("error: the answer could not be written: "), "{command} {how}: {stderr}");
        }
        assert_eq!(redirected(command, ">/dev/null"), (Some(0), String::new()), "{command}");
        // If stderr is closed, too, the exit code still tells.
        assert_eq!(redirected(command, ">&- 2>&-").0, Some(5), "{command}");
    }
}

#[test]
fn a_refusal_needs_no_stdout() {
    assert_eq!(redirected("quote /nonexistent", ">&-").0, Some(1));
    assert_eq!(redirected("quote /nonexistent --output json", ">&-").0, Some(1));
}
