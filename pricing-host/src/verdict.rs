//! What was found of a file, in a form that crosses a pipe and can be kept: what it is, or why it was refused.

use serde::{Deserialize, Serialize};

use crate::Fault;
use crate::inspect::Inspection;

/// Why a file was not loaded, and for how long that holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    message: String,
    holds: Holds,
}

/// For how long a refusal holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Holds {
    /// As long as the file and the rules are what they are.
    ForGood,
    /// For a while: the compiler failed, or a limit of processor time or memory was passed, where another run may come
    /// out differently by a little.
    AWhile,
    /// Not at all: it was the machine's doing.
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
    /// A refusal of what a file is.
    fn from(fault: Fault) -> Self {
        Self::new(fault.message, Holds::ForGood)
    }
}

/// What a file is, or why it may not be a plugin.
pub(crate) type Verdict = Result<Inspection, Refusal>;
