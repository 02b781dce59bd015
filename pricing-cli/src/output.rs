//! The only module that prints.

use std::ffi::OsString;
use std::io::{self, ErrorKind, Write};

use pricing_core::text::printable_lines;
use serde::Serialize;

use crate::error::{CliError, Exit};

/// How many errors of an input are shown in addition to the first.
const MOST_SHOWN: usize = 99;

/// Prints an answer. It is not an error if the reader has gone away.
pub(crate) fn print(text: &str) -> Result<(), CliError> {
    print_part(text).map(|_| ())
}

/// Prints a part of an answer, and tells whether anybody is left to read the next one.
pub(crate) fn print_part(text: &str) -> Result<bool, CliError> {
    match pricing_stdio::answer(text.as_bytes()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(CliError::internal(format!("the answer could not be written: {error}"))),
    }
}

/// Prints an answer as indented JSON.
pub(crate) fn print_json(answer: &impl Serialize) -> Result<(), CliError> {
    let mut text = serde_json::to_string_pretty(answer)
        .map_err(|error| CliError::internal(format!("the answer could not be written as JSON: {error}")))?;
    text.push('\n');
    print(&text)
}

/// Prints what clap has to say. Help and version are answers, everything else is wrong usage.
pub(crate) fn answer_of_clap(error: &clap::Error) -> Result<Exit, CliError> {
    if error.use_stderr() {
        return Err(CliError::Usage(error.to_string().trim_start_matches("error: ").trim_end().to_owned()));
    }
    print(&error.to_string())?;
    Ok(Exit::Success)
}

/// Prints an error on stderr, and also as JSON on stdout if `json` is set. Returns the exit code.
pub(crate) fn report(error: &CliError, json: bool) -> Exit {
    if matches!(error, CliError::Answered(_)) {
        return error.exit();
    }
    complain(&format!("error: {error}"));
    complain_of_others(error);
    if json {
        // If this fails, too, there is no other way to report it.
        let _ = print_json(&error.to_json());
    }
    error.exit()
}

/// Prints the errors of an input beside its first.
fn complain_of_others(error: &CliError) {
    let CliError::Input { source, others, .. } = error else { return };
    others.iter().take(MOST_SHOWN).for_each(|error| complain(&format!("error: {source}: {error}")));
    if others.len() > MOST_SHOWN {
        complain(&format!("error: {source}: and {} more", others.len().saturating_sub(MOST_SHOWN)));
    }
}

/// Prints a message to stderr.
pub(crate) fn complain(message: &str) {
    // Messages repeat inputs, which must not control a terminal.
    let message = printable_lines(message);
    // If this fails, there is no other way to report it.
    let _ = writeln!(io::stderr().lock(), "{message}");
}

/// Returns whether the command line asks for JSON, even if it is invalid otherwise.
pub(crate) fn wants_json(args: impl IntoIterator<Item = OsString>) -> bool {
    let mut args = args.into_iter().skip(1).take_while(|arg| arg != "--");
    let mut wanted = false;
    while let Some(arg) = args.next() {
        match arg.to_str() {
            Some("--output") => wanted = args.next().is_some_and(|value| value == "json"),
            Some(arg) if arg.starts_with("--output=") => wanted = arg == "--output=json",
            Some("--json") => wanted = true,
            _ => {}
        }
    }
    wanted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_wanted_even_by_a_broken_command_line() {
        let wants = |args: &[&str]| wants_json(args.iter().map(OsString::from));
        assert!(wants(&["bidprice", "quot", "--output", "json"]));
        assert!(wants(&["bidprice", "quote", "--output=json", "--nonsense"]));
        assert!(!wants(&["bidprice", "quote", "--output", "table"]));
        assert!(!wants(&["bidprice", "quote", "--", "--output=json"]));
    }
}
