//! The verdict on a file, in a form that can be sent through a pipe and stored: what the file is, or why it was
//! rejected.

use serde::{Deserialize, Serialize};

use crate::Fault;
use crate::inspect::Inspection;

/// Why a file was not loaded, and for how long that holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    message: String,
    holds: Holds,
}

/// For how long a rejection holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Holds {
    /// As long as the file and the rules stay the same.
    ForGood,
    /// For a while: the compiler failed, or a time or memory limit was exceeded, and another run may come out slightly
    /// differently.
    AWhile,
    /// Not at all: the machine caused it.
    Once,
}

impl Refusal {
    pub(crate) fn new(message: impl Into<String>, holds: Holds) -> Self {
        Self { message: message.into(), holds }
    }

    /// For how long it holds.
    #[must_use]
    pub fn holds(&self) -> Holds {
        self.holds
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        Self::rejected(refusal.message)
    }
}

impl From<Fault> for Refusal {
    /// A rejection for what the file is.
    fn from(fault: Fault) -> Self {
        Self::new(fault.message, Holds::ForGood)
    }
}

/// What a file is, or why it cannot be a plugin.
pub(crate) type Verdict = Result<Inspection, Refusal>;
