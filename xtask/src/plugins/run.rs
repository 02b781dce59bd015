//! Runs the programs that a build needs.

use std::process::{Command, Stdio};

use super::Error;

/// Runs a program until it ends. It inherits the standard streams.
pub(super) fn run(command: &mut Command) -> Result<(), Error> {
    let program = command.get_program().to_string_lossy().into_owned();
    let failed = |problem: String| Error::Program { program: program.clone(), problem };
    let status = command.status().map_err(|error| failed(format!("cannot be started: {error}")))?;
    if status.success() { Ok(()) } else { Err(failed(format!("failed: {status}"))) }
}

/// Returns a program's standard output without trailing white space. None if the program fails.
pub(super) fn output(command: &mut Command) -> Option<String> {
    let output = command.stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim_end().to_owned())
}
