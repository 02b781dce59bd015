//! Programs that a build runs.

use std::process::{Command, Stdio};

use super::Error;

/// Runs a program to its end; its output goes where ours goes.
pub(super) fn run(command: &mut Command) -> Result<(), Error> {
    let program = command.get_program().to_string_lossy().into_owned();
    let failed = |problem: String| Error::Program { program: program.clone(), problem };
    let status = command.status().map_err(|error| failed(format!("cannot be started: {error}")))?;
    if status.success() { Ok(()) } else { Err(failed(format!("failed: {status}"))) }
}

/// What a program prints, without the end of the line; none when it fails.
pub(super) fn output(command: &mut Command) -> Option<String> {
    let output = command.stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim_end().to_owned())
}
