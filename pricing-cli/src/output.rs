//! The only place that prints.

use std::ffi::OsString;
use std::io::{self, ErrorKind, Write};

use pricing_core::text::printable_lines;
use serde::Serialize;

use crate::error::CliError;

/// Prints an answer. A reader that went away is no error.
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

/// Prints a message for people beside the answer.
pub(crate) fn complain(message: &str) {
    // Inputs are repeated in messages, and must not drive a terminal.
    let message = printable_lines(message);
    // There is nowhere left to complain to when this fails.
    let _ = writeln!(io::stderr().lock(), "{message}");
}

/// Whether the command line asks for JSON, even where the rest of it makes no sense.
pub(crate) fn wants_json(args: impl IntoIterator<Item = OsString>) -> bool {
    let mut args = args.into_iter().skip(1).take_while(|arg| arg != "--");
    let mut wanted = false;
    while let Some(arg) = args.next() {
        match arg.to_str() {
            Some("--output") => wanted = args.next().is_some_and(|value| value == "json"),
            Some(arg) if arg.starts_with("--output=") => wanted = arg == "--output=json",
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
