//! Errors by what the user can do about them, and the exit codes.

use std::fmt;
use std::process::ExitCode;

use pricing_core::input::InputError;
use pricing_core::quote::Reason;
use pricing_panics::Panic;
use serde_json::json;

use crate::output;

/// The exit codes that scripts rely on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Exit {
    /// Every group is a bid, or the command did its work.
    Success,
    /// The input is wrong.
    Input,
    /// Wrong usage.
    Usage,
    /// At least one group declined, or there is something to look at.
    Decline,
    /// At least one group faulted.
    Fault,
    /// Internal error.
    Internal,
    /// A signal ended it.
    #[cfg(feature = "simulate")]
    Interrupted,
}

impl Exit {
    /// The exit of a group without a bid.
    pub(crate) fn of_reason(reason: &Reason) -> Self {
        if reason.code.is_fault() { Self::Fault } else { Self::Decline }
    }

    /// The number of it.
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

/// How many errors of an input are shown in addition to the first.
const MOST_SHOWN: usize = 99;

/// What went wrong before there was an answer.
#[derive(Debug)]
pub(crate) enum CliError {
    /// An input could not be read, or is not what it should be.
    Input {
        /// Which input, in the user's words.
        source: String,
        /// The code for scripts.
        code: &'static str,
        /// What is wrong with it, and where.
        error: Box<InputError>,
        /// What else is wrong with it.
        others: Vec<InputError>,
    },
    /// The command line makes no sense.
    Usage(String),
    /// The command failed for a reason that lies with neither input nor usage.
    Internal(String),
    /// The answer has said it all already.
    Answered(Exit),
}

impl CliError {
    /// An error in the content of an input.
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

    /// An input that could not be read at all.
    #[cfg(feature = "plugins")]
    pub(crate) fn unreadable(source: impl fmt::Display, error: impl fmt::Display) -> Self {
        Self::unreadable_input(source, InputError::new(error))
    }

    /// An input that could not be read at all, with what to do about it.
    pub(crate) fn unreadable_input(source: impl fmt::Display, error: InputError) -> Self {
        Self::Input { source: source.to_string(), code: "unreadable-input", error: Box::new(error), others: Vec::new() }
    }

    /// A file that could not be written.
    pub(crate) fn unwritable(path: impl fmt::Display, error: impl fmt::Display) -> Self {
        let error = InputError::new(format_args!("it cannot be written: {error}"));
        Self::Input { source: path.to_string(), code: "unwritable-output", error: Box::new(error), others: Vec::new() }
    }

    /// An internal error.
    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self::Internal(message.into())
    }

    /// A panic.
    pub(crate) fn bug(panic: &Panic) -> Self {
        Self::Internal(format!("this is a bug in bidprice; please report it: {panic}"))
    }

    /// What clap has to say: help and version are answers, the rest is wrong usage.
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

    /// Tells the user, on stderr and where scripts listen on stdout, and says how to exit.
    pub(crate) fn report(&self, json: bool) -> Exit {
        if matches!(self, Self::Answered(_)) {
            return self.exit();
        }
        output::complain(&format!("error: {self}"));
        if let Self::Input { source, others, .. } = self {
            others.iter().take(MOST_SHOWN).for_each(|error| output::complain(&format!("error: {source}: {error}")));
            if others.len() > MOST_SHOWN {
                let left = others.len().saturating_sub(MOST_SHOWN);
                output::complain(&format!("error: {source}: and {left} more"));
            }
        }
        if json {
            // There is nowhere left to complain to when this fails, too.
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
