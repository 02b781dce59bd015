//! Errors, grouped by what the user can do about them, and the exit codes.

use std::fmt;
use std::process::ExitCode;

use pricing_core::input::InputError;
use pricing_core::quote::Reason;
use pricing_panics::Panic;
use serde_json::json;

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
        /// What else is wrong with it.
        others: Vec<InputError>,
    },
    /// A running service gives no answer.
    #[cfg(feature = "service")]
    Service {
        /// The code in JSON.
        code: &'static str,
        /// Which service, and what became of the call.
        message: String,
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
        Self::Input { source: source.to_string(), code: "malformed-input", error: Box::new(error), others: Vec::new() }
    }

    /// Everything that is wrong with the content of an input. JSON has the first of it.
    pub(crate) fn malformed_in_places(source: impl fmt::Display, errors: Vec<InputError>) -> Self {
        let mut errors = errors.into_iter();
        let first = errors.next().unwrap_or_else(|| InputError::new("it is refused for an unknown reason"));
        Self::Input {
            source: source.to_string(),
            code: "malformed-input",
            error: Box::new(first),
            others: errors.collect(),
        }
    }

    /// Returns an error for an input that cannot be read.
    #[cfg(feature = "plugins")]
    pub(crate) fn unreadable(source: impl fmt::Display, error: impl fmt::Display) -> Self {
        Self::unreadable_input(source, InputError::new(error))
    }

    /// Returns an error for an input that cannot be read, which may have a hint.
    pub(crate) fn unreadable_input(source: impl fmt::Display, error: InputError) -> Self {
        Self::Input { source: source.to_string(), code: "unreadable-input", error: Box::new(error), others: Vec::new() }
    }

    /// Returns an error for a file that cannot be written.
    pub(crate) fn unwritable(path: impl fmt::Display, error: impl fmt::Display) -> Self {
        let error = InputError::new(format_args!("it cannot be written: {error}"));
        Self::Input { source: path.to_string(), code: "unwritable-output", error: Box::new(error), others: Vec::new() }
    }

    /// Returns an internal error.
    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self::Internal(message.into())
    }

    /// Returns an internal error for a panic.
    pub(crate) fn bug(panic: &Panic) -> Self {
        Self::Internal(format!("this is a bug in bidprice; please report it: {panic}"))
    }

    /// Returns the exit code.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Input { .. } => Exit::Input,
            Self::Usage(_) => Exit::Usage,
            #[cfg(feature = "service")]
            Self::Service { .. } => Exit::Internal,
            Self::Internal(_) => Exit::Internal,
            Self::Answered(exit) => *exit,
        }
    }

    /// Returns the error as JSON answers have it.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        let (code, input) = match self {
            Self::Input { code, error, .. } => (*code, Some(error.as_ref())),
            #[cfg(feature = "service")]
            Self::Service { code, .. } => (*code, None),
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
            #[cfg(feature = "service")]
            Self::Service { message, .. } => f.write_str(message),
            Self::Usage(message) | Self::Internal(message) => f.write_str(message),
            Self::Answered(_) => Ok(()),
        }
    }
}
