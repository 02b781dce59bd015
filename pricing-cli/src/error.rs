//! Errors, grouped by what the user can do about them, and the exit codes.

use std::fmt;
use std::process::ExitCode;

use pricing_core::input::InputError;
use pricing_core::quote::Reason;
use pricing_panics::Panic;
use serde_json::json;

use crate::output;

/// The exit codes, which scripts rely on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Exit {
    /// Every group is a bid, or the command did its work.
    Success,
    /// An input is wrong.
    Input,
    /// The command line is wrong.
    Usage,
    /// At least one group is declined, or there are findings.
    Decline,
    /// At least one group is a fault.
    Fault,
    /// An internal error.
    Internal,
    /// A signal ended the command.
    #[cfg(feature = "simulate")]
    Interrupted,
}

impl Exit {
    /// Returns the exit code for a group without a bid.
    pub(crate) fn of_reason(reason: &Reason) -> Self {
        if reason.code.is_fault() { Self::Fault } else { Self::Decline }
    }

    /// Returns the number.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Input => 1,
            Self::Usage => 2,
            Self::Decline => 3,
            Self::Fault => 4,
            Self::Internal => 5,
            // 128 and the number of SIGINT.
            #[cfg(feature = "simulate")]
            Self::Interrupted => 130,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum CliError {
    /// An input cannot be read, or is invalid.
    Input {
        /// The input, as the user named it.
        source: String,
        /// The code in JSON.
        code: &'static str,
        /// What is wrong with the input, and where.
        error: Box<InputError>,
    },
    /// The command line is invalid.
    Usage(String),
    /// The command failed for another reason.
    Internal(String),
    /// The answer has been printed, and contains the error.
    Answered(Exit),
}

impl CliError {
    /// Returns an error in the content of an input.
    pub(crate) fn malformed(source: impl fmt::Display, error: InputError) -> Self {
        Self::Input { source: source.to_string(), code: "malformed-input", error: Box::new(error) }
    }

    /// Returns an error for an input that cannot be read.
    #[cfg(feature = "plugins")]
    pub(crate) fn unreadable(source: impl fmt::Display, error: impl fmt::Display) -> Self {
        Self::unreadable_input(source, InputError::new(error))
    }

    /// Returns an error for an input that cannot be read, which may have a hint.
    pub(crate) fn unreadable_input(source: impl fmt::Display, error: InputError) -> Self {
        Self::Input { source: source.to_string(), code: "unreadable-input", error: Box::new(error) }
    }

    /// Returns an error for a file that cannot be written.
    #[cfg(feature = "plugins")]
    pub(crate) fn unwritable(path: impl fmt::Display, error: impl fmt::Display) -> Self {
        let error = InputError::new(format_args!("it cannot be written: {error}"));
        Self::Input { source: path.to_string(), code: "unwritable-output", error: Box::new(error) }
    }

    /// Returns an internal error.
    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self::Internal(message.into())
    }

    /// Returns an internal error for a panic.
    pub(crate) fn bug(panic: &Panic) -> Self {
        Self::Internal(format!("this is a bug in bidprice; please report it: {panic}"))
    }

    /// Handles an error of clap. Help and version are answers, everything else is wrong usage.
    pub(crate) fn from_clap(error: clap::Error) -> Result<Exit, Self> {
        if error.use_stderr() {
            return Err(Self::Usage(error.to_string().trim_start_matches("error: ").trim_end().to_owned()));
        }
        output::print(&error.to_string())?;
        Ok(Exit::Success)
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Input { .. } => Exit::Input,
            Self::Usage(_) => Exit::Usage,
            Self::Internal(_) => Exit::Internal,
            Self::Answered(exit) => *exit,
        }
    }

    /// Prints the error on stderr, and also as JSON on stdout if `json` is set. Returns the exit code.
    pub(crate) fn report(&self, json: bool) -> Exit {
        if matches!(self, Self::Answered(_)) {
            return self.exit();
        }
        output::complain(&format!("error: {self}"));
        if json {
            // If this fails, too, there is no other way to report it.
            let _ = output::print_json(&self.to_json());
        }
        self.exit()
    }

    fn to_json(&self) -> serde_json::Value {
        let (code, input) = match self {
            Self::Input { code, error, .. } => (*code, Some(error.as_ref())),
            Self::Usage(_) => ("usage", None),
            Self::Internal(_) | Self::Answered(_) => ("internal", None),
        };
        json!({
            "schema": pricing_core::quote::wire::SCHEMA,
            "error": {
                "code": code,
                "message": self.to_string(),
                "path": input.and_then(InputError::path),
                "line": input.and_then(InputError::line),
                "column": input.and_then(InputError::column),
            },
        })
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Input { source, error, .. } => write!(f, "{source}: {error}"),
            Self::Usage(message) | Self::Internal(message) => f.write_str(message),
            Self::Answered(_) => Ok(()),
        }
    }
}
